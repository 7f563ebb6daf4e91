"""The code reference as JSON and as text for a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..coding.reference import GuideRow
from ..coding.tables import CodeRow, Retired
from ..coding.tabular import Note, NoteKind
from .codes import CPT_NOTE, Answer, Entry, Match
from .release import MONTHS
from .render import items, labelled, wrapped

SCHEMA: Final = "spinecode/codes/1"
_SHOWN: Final = 20
"""Matches shown of a search by words; the rest stands in the JSON."""
_BELOW: Final = 40

_NOTES: Final[dict[NoteKind, str]] = {
    "includes": "INCLUDES",
    "inclusionTerm": "INCLUSION TERMS",
    "excludes1": "EXCLUDES1 (may not stand beside it in one region)",
    "excludes2": "EXCLUDES2 (not included here; may be coded too)",
    "codeFirst": "CODE FIRST",
    "useAdditionalCode": "USE ADDITIONAL CODE",
    "codeAlso": "CODE ALSO",
    "notes": "NOTES",
}


# -- JSON --------------------------------------------------------------------------------------------------------------


def codes_data(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer."""
    return {
        "schema": SCHEMA,
        "release": answer.release,
        "query": answer.query,
        "read_as": answer.read_as or None,
        "codes": [_entry_data(entry) for entry in answer.entries],
        "matches": [_match_data(match) for match in answer.matches],
    }


def _entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "code": entry.code,
        "description": entry.description,
        "billable": not entry.lacks,
        "lacks": entry.lacks or None,
        "retired": _retired_data(entry.retired),
        "first_release": entry.first,
        "above": [{"code": code, "description": title} for code, title in entry.above],
        "below": [{"code": code, "description": title} for code, title in entry.below],
        "notes": {kind: [{"at": n.owner, "text": n.text} for n in notes] for kind, notes in entry.notes.items()},
        "excluded_by": [{"at": note.owner, "text": note.text} for note in entry.excluded_by],
        "uses": [_row_data(row) for row in entry.rows],
        "cpt": {"numbers": list(entry.cpt), "note": CPT_NOTE},
        "guide": [
            {"table": g.table, "codes": list(g.codes), "title": g.title, "says": g.says, "cpt": list(g.cpt)}
            for g in entry.guide
        ],
        "corrections": [{"guide": c.guide, "official": c.official, "source": c.source} for c in entry.corrections],
        "payer_notes": [
            {"id": p.id, "cpt": list(p.cpt), "note": p.note, "source": p.source} for p in entry.payer_notes
        ],
        "rules": [{"id": r.id, "title": r.title, "rationale": r.rationale, "source": r.source} for r in entry.rules],
    }


def _retired_data(retired: Retired | None) -> dict[str, Any] | None:
    if retired is None:
        return None
    return {"on": retired.retired_on, "replaced_by": list(retired.replaced_by), "source": retired.source}


def _row_data(row: CodeRow) -> dict[str, Any]:
    return {
        "family": row.family,
        "region": row.region,
        "variant": row.variant,
        "code": row.code,
        "when_to_use": row.when_to_use,
        "documentation": row.documentation,
        "source": row.source,
    }


def _match_data(match: Match) -> dict[str, Any]:
    return {
        "code": match.code,
        "description": match.description,
        "when_to_use": match.when_to_use,
        "families": list(match.families),
    }


# -- text --------------------------------------------------------------------------------------------------------------


def render_codes(answer: Answer) -> str:
    """The answer as text: whole entries, or a line a match."""
    if answer.entries:
        return "\n\n".join("\n".join(_entry(entry)) for entry in answer.entries) + "\n"
    shown = answer.matches[:_SHOWN] if answer.query and not _one_family(answer) else answer.matches
    width = max(len(match.code) for match in shown) + 2
    lines = wrapped(f"read as: {answer.read_as}", indent=0) if answer.read_as else []
    lines += [line for match in shown for line in _match(match, width)]
    if len(shown) < len(answer.matches):
        lines.append(f"and {len(answer.matches) - len(shown)} more; say more words, or --json for all")
    return "\n".join(lines) + "\n"


def _one_family(answer: Answer) -> bool:
    name = (answer.read_as or answer.query).lower().replace(" ", "_").replace("-", "_")
    return all(name in match.families for match in answer.matches)


def _match(match: Match, width: int) -> list[str]:
    use = f"  ({match.when_to_use})" if match.when_to_use else ""
    return wrapped(f"{match.code:<{width}}{match.description}{use}", indent=0, hang=width)


def _entry(entry: Entry) -> list[str]:
    parts = [_head(entry), _below(entry), _uses(entry), _cpt(entry), *_notes(entry)]
    parts += [_differs(entry), _guide(entry), _payer(entry), _rules(entry)]
    return "\n\n".join("\n".join(lines) for lines in parts if lines).split("\n")


def _head(entry: Entry) -> list[str]:
    lines = wrapped(f"{entry.code}  {entry.description}", indent=0, hang=len(entry.code) + 2)
    state = f"no, it lacks {entry.lacks}" if entry.lacks else "yes"
    lines += labelled("billable", f"{state}  (release {entry.release})")
    if entry.retired:
        day, to = _in_words(entry.retired.retired_on), ", ".join(entry.retired.replaced_by)
        lines += labelled("retired", f"{day}; replaced by {to}  ({entry.retired.source})")
    if entry.first:
        lines += labelled("since", f"release {entry.first}: the built-in releases before it do not have it")
    lines += labelled("under", "; ".join(f"{code} {title}" for code, title in entry.above))
    return lines


def _in_words(day: str) -> str:
    year, month, number = day.split("-")
    return f"{MONTHS[int(month) - 1]} {int(number)}, {year}"


def _below(entry: Entry) -> list[str]:
    if not entry.below:
        return []
    shown = [f"{code}  {title}" for code, title in entry.below[:_BELOW]]
    more = len(entry.below) - len(shown)
    return ["BILLABLE CODES BELOW IT", *items(shown), *([f"  and {more} more; --json for all"] if more else [])]


def _uses(entry: Entry) -> list[str]:
    """When to use it and what the note needs; rows that say the same are told once."""
    said: dict[tuple[str, str, str], list[CodeRow]] = {}
    for row in entry.rows:
        code = "" if row.code == entry.code else row.code
        said.setdefault((code, row.when_to_use, row.documentation), []).append(row)
    lines = []
    for (code, when, documentation), rows in said.items():
        lines += items([f"{f'{code}: ' if code else ''}{when}  [{_families(rows)}]"])
        lines += wrapped(f"the note needs: {documentation}", indent=4, hang=4) if documentation else []
    return ["WHEN TO USE", *lines] if lines else []


def _families(rows: Iterable[CodeRow]) -> str:
    words = (" ".join(filter(None, (row.family, row.region, row.variant))).replace("_", " ") for row in rows)
    return "; ".join(dict.fromkeys(words))


def _cpt(entry: Entry) -> list[str]:
    if not entry.cpt:
        return []
    return [f"CPT PAIRINGS OF THE GUIDE ({CPT_NOTE})", *wrapped(", ".join(entry.cpt), indent=2)]


def _notes(entry: Entry) -> list[list[str]]:
    titled = [(title, entry.notes[kind]) for kind, title in _NOTES.items()]
    place = list(_NOTES).index("excludes1") + 1
    titled.insert(place, ("EXCLUDES1 NOTES OF OTHER CODES THAT NAME IT", entry.excluded_by))
    return [[title, *_by_owner(notes)] for title, notes in titled if notes]


def _by_owner(notes: Iterable[Note]) -> list[str]:
    by_owner: dict[str, list[str]] = {}
    for note in notes:
        by_owner.setdefault(note.owner, []).append(note.text)
    return items(f"at {owner}: {'; '.join(texts)}" for owner, texts in by_owner.items())


def _differs(entry: Entry) -> list[str]:
    texts = [f"guide: {c.guide}. Official: {c.official}  ({c.source})" for c in entry.corrections]
    return ["WHERE GUIDE AND OFFICIAL LIST DIFFER (the official source wins)", *items(texts)] if texts else []


def _guide(entry: Entry) -> list[str]:
    texts = [f"{g.table} · {_named(g)}: {g.says}{_numbers(g.cpt)}" for g in entry.guide]
    return ["IN THE GUIDE'S TABLES", *items(texts)] if texts else []


def _named(row: GuideRow) -> str:
    """The row's title, behind its codes unless the row names them itself."""
    named = any(code in f"{row.title} {row.says}" for code in row.codes)
    return row.title if named else f"{', '.join(row.codes)}, {row.title}"


def _numbers(cpt: tuple[str, ...]) -> str:
    return f"  CPT {', '.join(cpt)}" if cpt else ""


def _payer(entry: Entry) -> list[str]:
    texts = [f"{p.note}{_numbers(p.cpt)}  ({p.source})" for p in entry.payer_notes]
    return ["PAYER NOTES (advice; they change no code)", *items(texts)] if texts else []


def _rules(entry: Entry) -> list[str]:
    texts = [f"{rule.id}: {rule.title}  ({rule.source})" for rule in entry.rules]
    return ["RULES THAT GIVE IT", *items(texts)] if texts else []
