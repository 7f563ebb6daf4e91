"""The one module of the decision layer that opens files: the CSV tables a coder can read, and the official releases.

Everything is checked when it is read; what breaks a format is a `TableError` that names the file and the row. Results
are cached for the life of the process: tables do not change under a running program.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from .errors import ReleaseError, TableError
from .findings import Region
from .tabular import Tabular

FOLDER = Path(__file__).parent / "tables"
"""Where the tables of the package lie; tests point it elsewhere."""

OVERLAY: dict[str, bytes] = {}
"""Tables in place of the package's, by name: set before any is read, by `pipelines/own_rules.py`."""

UNSPECIFIED = "unspecified"
"""The region word of a family's site-unspecified leaf."""

REGIONS: tuple[Region, ...] = get_args(Region)

_CODE_COLUMNS = ("family", "region", "variant", "code", "when_to_use", "documentation", "cpt", "source")
_RULE_COLUMNS = ("id", "policy_section", "title", "rationale", "source")
_GROUP_COLUMNS = ("region", "group", "words", "source")
_INJURY_COLUMNS = ("injury", "group", "removes", "source")


@dataclass(frozen=True)
class CodeRow:
    """One row of ``codes.csv``: which leaf a family takes in a region, and what a coder should know about it."""

    family: str
    region: str
    variant: str
    code: str
    when_to_use: str
    documentation: str
    cpt: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Rule:
    """One row of ``rules.csv``. ``rationale`` is a template: {quote}, {region}, {side}, {code} and {pain} are filled
    in; {pain} says which pain decided the code of a low disc degeneration.
    """

    id: str
    policy_section: str
    title: str
    rationale: str
    source: str


@dataclass(frozen=True)
class InjuryRow:
    """One row of ``injury_regions.csv``: a current injury code removes the pain codes of its region group."""

    injury: str
    group: str
    removes: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Tables:
    """All tables of the decision layer."""

    codes: Mapping[tuple[str, str, str], CodeRow]
    rules: Mapping[str, Rule]
    groups: Mapping[Region, tuple[str, ...]]
    injuries: tuple[InjuryRow, ...]

    @functools.cached_property
    def neighbours(self) -> Mapping[Region, frozenset[Region]]:
        """The regions that share a group with each region, itself included."""
        return {
            region: frozenset(other for other, theirs in self.groups.items() if not set(mine).isdisjoint(theirs))
            for region, mine in self.groups.items()
        }

    @functools.cached_property
    def _rows_of_code(self) -> dict[str, tuple[InjuryRow, ...]]:
        return {}

    def injuries_of(self, code: str) -> tuple[InjuryRow, ...]:
        """The rows of an injury code; none for any other code. Each code is looked for once."""
        rows = self._rows_of_code.get(code)
        if rows is None:
            rows = tuple(row for row in self.injuries if code.startswith(row.injury))
            self._rows_of_code[code] = rows
        return rows

    def code(self, family: str, region: Region | None, variant: str = "") -> CodeRow | None:
        """The row for a family in a region; a region without a leaf takes the family's site-unspecified one (policy 2).

        A variant that the region does not know falls back to the plain row of the region. None when the family has
        neither the region nor an unspecified leaf.
        """
        for place in (region or UNSPECIFIED, UNSPECIFIED, ""):
            row = self.codes.get((family, place, variant)) or self.codes.get((family, place, ""))
            if row:
                return row
        return None

    def has(self, family: str, region: Region | None, variant: str = "") -> bool:
        """Whether the table holds exactly this row, without falling back."""
        return (family, region or UNSPECIFIED, variant) in self.codes


@functools.cache
def tables() -> Tables:
    """The tables of the package, read and checked once.

    Raises:
        TableError: an unknown or missing column, an unknown region, a duplicate key, a code that is no leaf.
    """
    groups: dict[Region, tuple[str, ...]] = {}
    for where, row in _rows("region_groups.csv", _GROUP_COLUMNS):
        region = next((r for r in REGIONS if r == row["region"]), None)
        if region is None:
            raise TableError(f"{where}: unknown region {row['region']!r}")
        if row["group"] in groups.get(region, ()):
            raise TableError(f"{where}: {region} is already in group {row['group']}")
        groups[region] = (*groups.get(region, ()), row["group"])
    return Tables(_codes(), _rules(), groups, _injuries())


def _codes() -> dict[tuple[str, str, str], CodeRow]:
    official = tabular()
    found: dict[tuple[str, str, str], CodeRow] = {}
    for where, row in _rows("codes.csv", _CODE_COLUMNS):
        region = row["region"]
        if region and region != UNSPECIFIED and region not in REGIONS:
            raise TableError(f"{where}: unknown region {region!r}")
        key = (row["family"], region, row["variant"])
        if key in found:
            raise TableError(f"{where}: {' / '.join(key)} is there twice")
        if not official.is_leaf(row["code"]):
            raise TableError(f"{where}: {row['code']!r} is not a billable code of release {official.release}")
        cpt = tuple(number for number in row["cpt"].split(";") if number)
        found[key] = CodeRow(*key, row["code"], row["when_to_use"], row["documentation"], cpt, row["source"])
    return found


def _rules() -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for where, row in _rows("rules.csv", _RULE_COLUMNS):
        if row["id"] in found:
            raise TableError(f"{where}: rule {row['id']!r} is there twice")
        empty = next((column for column in _RULE_COLUMNS if not row[column]), None)
        if empty:
            raise TableError(f"{where}: rule {row['id']!r} has no {empty}")
        try:
            row["rationale"].format(quote="", region="", side="", code="", pain="")
        except (KeyError, IndexError, ValueError) as error:
            raise TableError(f"{where}: rationale of {row['id']!r} has a bad placeholder: {error}") from None
        found[row["id"]] = Rule(**row)
    return found


def _injuries() -> tuple[InjuryRow, ...]:
    return tuple(
        InjuryRow(row["injury"], row["group"], tuple(row["removes"].split(";")), row["source"])
        for _, row in _rows("injury_regions.csv", _INJURY_COLUMNS)
    )


def _rows(name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a table with the words that say where it stands ("codes.csv, row 12")."""
    text = table_bytes(name).decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    unknown = [column for column in header if column not in columns]
    missing = [column for column in columns if column not in header]
    if unknown or missing or len(header) != len(columns):
        what = f"unknown column {unknown[0]!r}" if unknown else f"column {(missing or ['?'])[0]!r} is missing"
        raise TableError(f"{name}, row 1: {what}; the columns are {', '.join(columns)}")
    for cells in reader:
        where = f"{name}, row {reader.line_num}"
        if len(cells) != len(columns):
            raise TableError(f"{where}: {len(cells)} cells instead of {len(columns)}")
        yield where, dict(zip(header, (cell.strip() for cell in cells), strict=True))


def table_bytes(name: str) -> bytes:
    """A table as it is in force."""
    return OVERLAY[name] if name in OVERLAY else (FOLDER / name).read_bytes()


def table_rows(name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table that another module knows, read and checked here."""
    yield from _rows(name, columns)


def releases() -> tuple[str, ...]:
    """Names of the built-in releases, oldest first ("2026-04-01": the day the release takes effect)."""
    return _releases_in(FOLDER)


@functools.cache
def _releases_in(folder: Path) -> tuple[str, ...]:
    """Every decision asks: the folder is looked through once."""
    return tuple(sorted(path.stem for path in (folder / "releases").glob("*.json")))


@functools.cache
def tabular(release: str | None = None) -> Tabular:
    """The official tabular list of a built-in release; the newest when none is named.

    Raises:
        ReleaseError: no such release is built in, or its file cannot be read.
    """
    known = releases()
    if not known:
        raise ReleaseError(f"no release file in {FOLDER / 'releases'}; run python -m spinecode.pipelines.release")
    name = release or known[-1]
    if name not in known:
        raise ReleaseError(
            f"release {name} is not built in (there are {', '.join(known)}); give its file: --release-file"
        )
    return Tabular(json.loads((FOLDER / "releases" / f"{name}.json").read_text(encoding="utf-8")))


@functools.cache
def rule_cases() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """For each rule the test cases in which it "fires" and is "withheld", as `pipelines/rules.py` last wrote them."""
    data = json.loads((FOLDER / "rule_cases.json").read_text(encoding="utf-8"))
    return {rule: {what: tuple(names) for what, names in found.items()} for rule, found in data.items()}


@functools.cache
def ruleset_hash() -> str:
    """SHA-256 of the names and bytes of all CSV tables: the same hash means the same rules were in force."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.csv")):
        digest.update(path.name.encode() + b"\0" + table_bytes(path.name) + b"\0")
    return digest.hexdigest()


# -- what a claim is held against ---------------------------------------------------------------------------------------

_CHECK_COLUMNS = ("kind", "severity", "needs", "guide", "what", "why", "advice", "source")
_RETIRED_COLUMNS = ("code", "retired_on", "replaced_by", "source")
_PAYER_COLUMNS = ("id", "codes", "cpt", "note", "source")


@dataclass(frozen=True)
class Check:
    """One row of ``audit_checks.csv``: a kind of audit finding, its words and its source.

    ``needs``: *claim* where the codes alone show it, *note* where the note must be read. ``guide``: which of the
    guide's ten mistakes and five denial triggers it is.
    """

    kind: str
    severity: str
    needs: str
    guide: str
    what: str
    why: str
    advice: str
    source: str


@dataclass(frozen=True)
class Retired:
    """One row of ``retired_codes.csv``: a code that lost its place on claims on ``retired_on``."""

    code: str
    retired_on: str
    replaced_by: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class PayerNote:
    """One row of ``payer_notes.csv``: advice beside a code, a procedure or both; it never changes a code."""

    id: str
    codes: tuple[str, ...]
    cpt: tuple[str, ...]
    note: str
    source: str


@functools.cache
def audit_checks() -> Mapping[str, Check]:
    """Every kind of audit finding. Raises `TableError` for an unknown severity or need, or a kind that stands twice."""
    found: dict[str, Check] = {}
    for where, row in _rows("audit_checks.csv", _CHECK_COLUMNS):
        if row["kind"] in found:
            raise TableError(f"{where}: {row['kind']!r} is there twice")
        if row["severity"] not in ("error", "warning", "info") or row["needs"] not in ("claim", "note"):
            raise TableError(f"{where}: severity is error, warning or info, needs is claim or note")
        found[row["kind"]] = Check(**row)
    return found


@functools.cache
def retired_codes() -> Mapping[str, Retired]:
    """Codes of our scope that are no longer billable, by code."""
    return {
        row["code"]: Retired(row["code"], row["retired_on"], _list(row["replaced_by"]), row["source"])
        for _, row in _rows("retired_codes.csv", _RETIRED_COLUMNS)
    }


@functools.cache
def payer_notes() -> tuple[PayerNote, ...]:
    """The payer notes of policy section 9."""
    return tuple(
        PayerNote(row["id"], _list(row["codes"]), _list(row["cpt"]), row["note"], row["source"])
        for _, row in _rows("payer_notes.csv", _PAYER_COLUMNS)
    )


# -- gaps --------------------------------------------------------------------------------------------------------------

_ELEMENT_COLUMNS = ("element", "order", "why", "source")
_CHECKLIST_COLUMNS = ("code", "element", "item", "source")


@dataclass(frozen=True)
class GapElement:
    """One row of ``gap_elements.csv``. ``why`` is a template: {about} is filled in. ``order``: the lower, the sooner asked."""

    element: str
    order: int
    why: str
    source: str


@dataclass(frozen=True)
class ChecklistItem:
    """One row of ``gap_checklists.csv``: what the guide wants in the note beside codes that start with ``code``."""

    code: str
    element: str
    item: str
    source: str


@functools.cache
def gap_elements() -> Mapping[str, GapElement]:
    """The elements of documentation by name. Raises `TableError` for an order that is no number."""
    found: dict[str, GapElement] = {}
    for where, row in _rows("gap_elements.csv", _ELEMENT_COLUMNS):
        if not row["order"].isdigit() or row["element"] in found:
            raise TableError(f"{where}: order is a number, and each element stands once")
        found[row["element"]] = GapElement(row["element"], int(row["order"]), row["why"], row["source"])
    return found


@functools.cache
def gap_checklists() -> tuple[ChecklistItem, ...]:
    """What the checklists of the guide demand beside which codes."""
    items = tuple(ChecklistItem(**row) for _, row in _rows("gap_checklists.csv", _CHECKLIST_COLUMNS))
    unknown = [item.element for item in items if item.element not in gap_elements()]
    if unknown:
        raise TableError(f"gap_checklists.csv: {unknown[0]!r} is no element of gap_elements.csv")
    return items


def _list(cell: str) -> tuple[str, ...]:
    return tuple(word for word in cell.split(";") if word)
