"""What changed between two releases in the categories that spinecode reads, and which tables and rules it touches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..coding import reference
from ..coding.tables import payer_notes, retired_codes, tables
from ..coding.tabular import NOTE_KINDS, Tabular
from .render import items, wrapped

KINDS: Final = {
    "new": "NEW CODES",
    "gone": "CODES NO LONGER THERE",
    "billable": "NOW BILLABLE",
    "not_billable": "NO LONGER BILLABLE",
    "title": "TITLES CHANGED",
    "note": "NOTES CHANGED",
}


@dataclass(frozen=True)
class Change:
    """One change of one code, block or chapter. ``touches``: rows of our tables and rules that name it."""

    kind: str
    code: str
    what: str
    touches: tuple[str, ...]


@dataclass(frozen=True)
class ReleaseDiff:
    """Every change from one release to another, by kind, in the order of the tabular list."""

    before: str
    after: str
    changes: tuple[Change, ...]


def compare(before: Tabular, after: Tabular) -> ReleaseDiff:
    """What ``after`` has other than ``before``."""
    found = []
    for entry in dict.fromkeys((*after.entries(), *before.entries())):
        changes = list(_changes(entry, before, after))
        touches = touched(entry) if changes else ()
        found += [Change(kind, entry, what, touches) for kind, what in changes]
    order = list(KINDS)
    return ReleaseDiff(before.label, after.label, tuple(sorted(found, key=lambda change: order.index(change.kind))))


def _changes(entry: str, before: Tabular, after: Tabular) -> Iterator[tuple[str, str]]:
    """Kind and words of each change of one entry."""
    if not before.knows(entry):
        lacks = "" if not after.exists(entry) or after.is_leaf(entry) else f" (lacks {after.lacks(entry)})"
        yield "new", f"{after.description(entry)}{lacks}"
        return
    if not after.knows(entry):
        yield "gone", before.description(entry)
        return
    if before.is_leaf(entry) != after.is_leaf(entry):
        kind = "billable" if after.is_leaf(entry) else "not_billable"
        below = ", ".join(after.leaves(entry)) if kind == "not_billable" else ""
        yield kind, f"{after.description(entry)}{f'; billable below it: {below}' if below else ''}"
    if before.description(entry) != after.description(entry):
        yield "title", f"was: {before.description(entry)}; is: {after.description(entry)}"
    yield from (("note", text) for text in _notes(entry, before, after))


def _notes(entry: str, before: Tabular, after: Tabular) -> Iterator[str]:
    for kind in NOTE_KINDS:
        was, now = before.notes(entry, kind), after.notes(entry, kind)
        yield from (f"{kind} added: {text}" for text in now if text not in was)
        yield from (f"{kind} removed: {text}" for text in was if text not in now)


# -- what of ours it touches -------------------------------------------------------------------------------------------


def touched(entry: str) -> tuple[str, ...]:
    """Rows of the tables and rules that name ``entry`` or a code below it; nothing for blocks and chapters."""
    if not entry[1:2].isdigit() or "-" in entry:
        return ()
    families = dict.fromkeys(row.family for row in reference.rows_of(entry))
    said: list[tuple[str, bool]] = [
        *((f"codes.csv: {family}", True) for family in families),
        *((f"rules.csv: {rule.id}", True) for rule in reference.rules_of(entry)),
        ("injury_regions.csv", any(reference.touches(entry, (row.injury, *row.removes)) for row in tables().injuries)),
        ("guide_tables.csv", bool(reference.guide_rows_of(entry))),
        ("guide_corrections.csv", bool(reference.corrections_of(entry))),
        ("payer_notes.csv", any(reference.touches(entry, note.codes) for note in payer_notes())),
        ("retired_codes.csv", entry in retired_codes()),
    ]
    return tuple(name for name, holds in said if holds)


def diff_data(diff: ReleaseDiff) -> dict[str, object]:
    """The JSON object of a comparison."""
    changes = [{"kind": c.kind, "code": c.code, "what": c.what, "touches": list(c.touches)} for c in diff.changes]
    return {"schema": "spinecode/release-diff/1", "before": diff.before, "after": diff.after, "changes": changes}


def render_diff(diff: ReleaseDiff) -> str:
    """The comparison as text, one part a kind of change."""
    parts = [[*wrapped(f"FROM {diff.before}", 0, 5), *wrapped(f"TO   {diff.after}", 0, 5)]]
    for kind, title in KINDS.items():
        changes = [change for change in diff.changes if change.kind == kind]
        if changes:
            parts.append([f"{title} ({len(changes)})", *items(_line(change) for change in changes)])
    if not diff.changes:
        parts.append(["Nothing changed in the categories that spinecode reads."])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _line(change: Change) -> str:
    touches = f"  [touches {', '.join(change.touches)}]" if change.touches else ""
    return f"{change.code}  {change.what}{touches}"
