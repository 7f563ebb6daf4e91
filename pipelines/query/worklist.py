"""The queries worth sending from a batch of results: ranked, few for each provider, one on a row."""

from __future__ import annotations

import csv
import heapq
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...coding.errors import InputError
from ..private_files import check_target, private_file, replace_durably
from ..render import plain
from ..spreadsheet import safe_cell
from ..stored import stored_results
from .build import build_query
from .check import Approved, Refused, judge
from .gap import Encounter, Gap, encounter_of, gaps_of
from .render import NOT_GIVEN, footer, quotes
from .templates import Templates

GROUPS: Final = ("provider", "element", "none")
COLUMNS: Final = (
    "provider",
    "rank",
    "encounter_id",
    "date_of_service",
    "gap",
    "title",
    "opening",
    "indicators",
    "question",
    "options",
    "instruction",
    "brief",
    "text_sha256",
)
_EFFECTS: Final = ("code", "order", "defence")
_FIRST: Final = frozenset({"red_flags", "conflict"})
"""Elements that come before all others: a patient may be in danger, or the note says two things."""

_WIDTHS: Final = (20, 18, 10, 32)


@dataclass(frozen=True)
class Entry:
    """One query to send, with what ranks it. ``line``: of its result in the file; ``place``: of its gap in the result."""

    group: str
    query: Approved
    effect: str
    changes: int
    line: int
    place: int

    @property
    def rank(self) -> tuple[bool, int, int, int, int]:
        """Smaller is more worth sending: danger and contradiction, then what it can change, then how many codes."""
        effect = _EFFECTS.index(self.effect) if self.effect in _EFFECTS else len(_EFFECTS)
        return (self.query.query.element not in _FIRST, effect, -self.changes, self.line, self.place)


@dataclass
class Worklist:
    """``entries`` by group, each group ranked. ``left_out``: queries below the top of their group."""

    entries: list[Entry] = field(default_factory=list)
    results: int = 0
    encounters: int = 0
    left_out: int = 0
    refused: list[tuple[int, Refused]] = field(default_factory=list)


def make_worklist(path: str, templates: Templates, *, group_by: str = "provider", top: int = 3) -> Worklist:
    """The ``top`` queries of each group of a JSON Lines file of results.

    Raises:
        InputError: an option that makes no sense, a file or line that cannot be read, results without gaps or without
            the note's words; names file and line.
    """
    if group_by not in GROUPS:
        raise InputError(f"--group-by {group_by!r}: give one of {', '.join(GROUPS)}")
    if top < 1:
        raise InputError("--top: give a number from 1")
    found = Worklist()
    kept: dict[str, list[Entry]] = {}
    for line, result in stored_results(path):
        found.results += 1
        try:
            encounter, gaps = encounter_of(result), gaps_of(result)
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}") from None
        found.encounters += bool(gaps)
        for place, gap in enumerate(gaps):
            _check_words(gap, f"{path}, line {line}")
            judged = judge(build_query(gap, encounter, templates), gap=gap)
            if isinstance(judged, Refused):
                found.refused.append((line, judged))
                continue
            entry = Entry(_group(group_by, encounter, gap), judged, gap.effect, _changes(gap), line, place)
            found.left_out += _keep(kept.setdefault(entry.group, []), entry, top)
    found.entries = [entry for group in sorted(kept, key=_group_order) for entry in kept[group]]
    return found


def _keep(entries: list[Entry], entry: Entry, top: int) -> int:
    """Put an entry among the best of its group; how many fell out."""
    entries.append(entry)
    before = len(entries)
    entries[:] = heapq.nsmallest(top, entries, key=lambda each: each.rank)
    return before - len(entries)


def _group(group_by: str, encounter: Encounter, gap: Gap) -> str:
    named = {"provider": " ".join((encounter.provider or "").split()), "element": gap.element}
    return named.get(group_by, "")


def _group_order(group: str) -> tuple[bool, str]:
    return (not group, group)


def _changes(gap: Gap) -> int:
    """How many codes hang on the answer: those that not every answer gives."""
    sets = [frozenset(answer.codes) for answer in gap.answers]
    common = frozenset.intersection(*sets) if sets else frozenset()
    return len(frozenset().union(*sets) - common)


def _check_words(gap: Gap, where: str) -> None:
    if any(not indicator.text for indicator in gap.indicators):
        raise InputError(
            f"{where}: holds none of the note's words (--no-text), and a query without its indicators quoted would not "
            "be compliant; run the batch again without --no-text"
        )


# -- CSV ---------------------------------------------------------------------------------------------------------------


def worklist_csv(worklist: Worklist) -> str:
    """The list as CSV, a header and a row for each query; no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for rank, entry in _ranked(worklist):
        writer.writerow([safe_cell(value) for value in _row(rank, entry)])
    return out.getvalue()


def _ranked(worklist: Worklist) -> Iterator[tuple[int, Entry]]:
    """Each entry with its rank in its group, from 1."""
    rank, group = 0, None
    for entry in worklist.entries:
        rank = rank + 1 if entry.group == group else 1
        group = entry.group
        yield rank, entry


def _row(rank: int, entry: Entry) -> Iterable[str]:
    query = entry.query.query
    encounter = query.encounter
    return (
        plain(encounter.provider or ""),
        str(rank),
        "" if encounter.encounter_id is None else plain(str(encounter.encounter_id)),
        encounter.date_of_service or "",
        query.gap,
        query.title,
        query.opening,
        "; ".join(quotes(query.indicators, '""')),
        query.question,
        "; ".join(f"[ ] {option.text}" for option in query.options),
        query.instruction,
        footer(query.brief),
        encounter.text_sha256,
    )


def write_csv(text: str, out: str, source: str) -> None:
    """Write the list to ``out``, readable by its owner only: it quotes notes.

    Raises:
        InputError: the file cannot be written, or is the one read.
    """
    target = Path(out)
    try:
        if target.exists() and target.samefile(source):
            raise InputError(f"{out}: the list would overwrite the results; choose another file")
        check_target(target)
        fresh = target.with_name(f"{target.name}.new")
        private_file(fresh)
        fresh.write_bytes(text.encode("utf-8"))
        replace_durably(fresh, target)
    except (OSError, ValueError) as error:
        raise InputError(f"{out}: cannot be written: {getattr(error, 'strerror', None) or 'no such path'}") from None


# -- text --------------------------------------------------------------------------------------------------------------


def render_worklist(worklist: Worklist) -> str:
    """The list as a table of 100 columns: who is asked, about which encounter, what; how many codes hang on the answer."""
    if not worklist.entries:
        return f"Nothing to ask in {worklist.results} results.\n"
    lines = [_table_row(("PROVIDER", "ENCOUNTER", "DATE", "GAP"), "EFFECT")]
    for _, entry in _ranked(worklist):
        query = entry.query.query
        number = query.encounter.encounter_id
        cells = (
            query.encounter.provider or NOT_GIVEN,
            NOT_GIVEN if number is None else str(number),
            query.encounter.date_of_service or NOT_GIVEN,
            query.gap,
        )
        lines.append(_table_row(cells, f"{entry.effect} ({entry.changes})" if entry.changes else entry.effect))
    rest = f"; {worklist.left_out} more are left for later" if worklist.left_out else ""
    counted = f"{len(worklist.entries)} queries from {worklist.encounters} of {worklist.results} encounters{rest}"
    return "\n".join([*lines, "", counted]) + "\n"


def _table_row(cells: Iterable[str], last: str) -> str:
    fitted = (_fit(plain(cell), width) for cell, width in zip(cells, _WIDTHS, strict=True))
    return "  ".join([*fitted, last]).rstrip()


def _fit(text: str, width: int) -> str:
    return f"{text if len(text) <= width else text[: width - 1] + '…':<{width}}"
