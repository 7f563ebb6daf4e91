"""Whether a corpus is what it says: spans match, codes are leaves, sets are legal, ids are unique, splits are fixed.

Findings name the note and what is wrong with it, never its text: the same check runs over notes that nobody reads.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from ..coding.errors import InputError
from ..coding.findings import Assertion
from ..coding.releases import release_for
from ..coding.tables import releases, tabular
from ..coding.tabular import Tabular

SPLITS: Final = "splits.csv"
FOLDS: Final = 5
FACT_NAMES: Final = (
    "region",
    "laterality",
    "duration",
    "chronicity",
    "etiology",
    "imaging",
    "trimester",
    "mechanism",
    "intent",
)
FULL_NOTE_WORDS: Final = 100
"""From this many words on a text counts as a full note, below as an excerpt."""

_LISTS: Final = ("codes", "alternatives", "accept_extra", "extra", "gaps")
_TEXTS: Final = ("id", "source", "title", "specialty", "text", "why")


@dataclass(frozen=True)
class CorpusFinding:
    """What is wrong with which note of which file."""

    file: str
    note: str
    message: str


@dataclass(frozen=True)
class Split:
    """A group of notes that are never parted: one author's notes of one template family, and its fold."""

    author: str
    family: str
    fold: int


# -- files -------------------------------------------------------------------------------------------------------------


def corpus_folders(paths: Sequence[str]) -> list[Path]:
    """The corpora under ``paths``, each a corpus or a folder of corpora, sorted.

    Raises:
        InputError: a path that is neither.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inner = [path] if _files(path) else [each for each in sorted(path.glob("*")) if _files(each)]
        if not inner:
            raise InputError(f"{path}: holds no corpus; give a folder with notes.jsonl, or a folder of such folders")
        found += inner
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl")) if folder.is_dir() else []


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            row = json.loads(line)
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}: is no JSON object")
            yield row
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON lines ({type(error).__name__})") from None


def load_splits(folder: Path) -> tuple[Split, ...]:
    """The table of splits of a folder of corpora; empty if it has none.

    Raises:
        InputError: a row without author, family or fold.
    """
    path = folder / SPLITS
    if not path.exists():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(Split(row["author"], row["family"], int(row["fold"])) for row in csv.DictReader(file))
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: a row lacks author, family or fold") from None


def family_of(note: Mapping[str, Any]) -> str:
    """The template family of a note: said in the note, else its specialty."""
    return str(note.get("family") or note["specialty"]).lower()


def assigned(groups: Mapping[tuple[str, str], int], fixed: Sequence[Split]) -> list[Split]:
    """A fold for every group of (author, family) → notes. A group that has one keeps it; a new one takes the emptiest."""
    folds = {(split.author, split.family): split.fold for split in fixed}
    load = Counter(dict.fromkeys(range(FOLDS), 0))
    for group, fold in folds.items():
        load[fold] += groups.get(group, 0)
    for group in sorted(set(groups) - set(folds), key=lambda each: (-groups[each], each)):
        folds[group] = min(range(FOLDS), key=lambda fold: (load[fold], fold))
        load[folds[group]] += groups[group]
    return [Split(author, family, fold) for (author, family), fold in sorted(folds.items())]


def write_splits(folder: str) -> int:
    """Give every group of the corpora in ``folder`` a fold; how many groups are new. Folds given earlier stay."""
    root = Path(folder)
    fixed = load_splits(root)
    groups = Counter(
        (place.name, family_of(note))
        for place in corpus_folders([folder])
        for file in _files(place)
        for note in _rows(file)
        if not _is_probe(note)
    )
    splits = assigned(groups, fixed)
    with (root / SPLITS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("author", "family", "fold"))
        writer.writerows((split.author, split.family, split.fold) for split in splits)
    return len(splits) - len(fixed)


# -- the check ---------------------------------------------------------------------------------------------------------


def check_corpora(paths: Sequence[str]) -> tuple[list[CorpusFinding], dict[str, dict[str, int]]]:
    """All findings, and the counts of each corpus (notes, full notes, excerpts, with codes, probes).

    Raises:
        InputError: a path that holds no corpus, or a file that is no JSON lines.
    """
    found: list[CorpusFinding] = []
    counts: dict[str, dict[str, int]] = {}
    ids: dict[str, str] = {}
    for folder in corpus_folders(paths):
        splits = load_splits(folder.parent)
        for file in _files(folder):
            rows = list(_rows(file))
            counts[f"{folder.name}/{file.name}"] = _counts(rows)
            for number, row in enumerate(rows, start=1):
                name = str(row.get("id") or f"line {number}")
                wrong = list(_wrong_with(row, folder.name, splits))
                if name in ids:
                    wrong.append(f"its id stands in {ids[name]} too")
                ids[name] = str(file)
                found += [CorpusFinding(str(file), name, message) for message in wrong]
    return found, counts


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    notes = [row for row in rows if not _is_probe(row)]
    full = sum(len(str(note.get("text", "")).split()) >= FULL_NOTE_WORDS for note in notes)
    return {
        "notes": len(notes),
        "full": full,
        "excerpts": len(notes) - full,
        "coded": sum(bool(note.get("codes")) for note in notes),
        "spanless": sum("fact_spans" not in note for note in notes),
        "probes": len(rows) - len(notes),
    }


def _is_probe(row: Mapping[str, Any]) -> bool:
    return "target" in row


def _wrong_with(row: Mapping[str, Any], corpus: str, splits: Sequence[Split]) -> Iterator[str]:
    if _is_probe(row):
        yield from _wrong_with_probe(row)
        return
    broken = list(_wrong_types(row))
    yield from broken
    if broken:
        return
    yield from _wrong_spans(row)
    official = tabular(release_for(row["date_of_service"], releases())) if row.get("date_of_service") else tabular()
    for codes in (row["codes"], *row.get("alternatives", [])):
        yield from _wrong_set(codes, official, row)
    rows = [split for split in splits if (split.author, split.family) == (corpus, family_of(row))]
    if splits and len(rows) != 1:
        yield f"its group ({corpus}, {family_of(row)}) has {len(rows)} rows in {SPLITS}, not one"


def _wrong_with_probe(row: Mapping[str, Any]) -> Iterator[str]:
    if str(row.get("text", "")).count(str(row["target"])) != 1:
        yield "its target does not stand in the text exactly once"
    if row.get("expected") not in get_args(Assertion):
        yield f"expected {row.get('expected')!r} is no status"


def _wrong_types(row: Mapping[str, Any]) -> Iterator[str]:
    for key in _TEXTS:
        if not isinstance(row.get(key), str) or not (row[key] or key == "why"):
            yield f"{key} is missing or no text"
    for key in _LISTS:
        if not isinstance(row.get(key, []), list):
            yield f"{key} is no list"
    if not isinstance(row.get("codes"), list):
        yield "codes are missing"
    if not isinstance(row.get("facts"), dict):
        yield "facts are missing"
    elif set(row["facts"]) - set(FACT_NAMES):
        yield f"unknown fact {sorted(set(row['facts']) - set(FACT_NAMES))[0]!r}"


def _wrong_spans(row: Mapping[str, Any]) -> Iterator[str]:
    text, spanned = row["text"], set()
    for span in row.get("fact_spans") or []:
        start, end = span.get("start"), span.get("end")
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
            yield f"the span of {span.get('fact')} lies outside the text"
        elif text[start:end] != text[start:end].strip():
            yield f"the span of {span.get('fact')} begins or ends in white space"
        elif span.get("value") not in row["facts"].get(span.get("fact"), []):
            yield f"the span at {start} is of a {span.get('fact')} that the facts do not list"
        spanned.add((span.get("fact"), span.get("value")))
    for fact, values in row["facts"].items():
        if fact != "intent" and row.get("fact_spans") is not None:
            yield from (f"{fact} {value!r} has no span" for value in values if (fact, value) not in spanned)
    for code, quotes in (row.get("evidence") or {}).items():
        if any(quote not in text for quote in ([quotes] if isinstance(quotes, str) else quotes)):
            yield f"the evidence of {code} is not in the text"


def _wrong_set(codes: Sequence[str], official: Tabular, row: Mapping[str, Any]) -> Iterator[str]:
    if len(set(codes)) != len(codes):
        yield "a code stands twice in a set"
    leaves = [code for code in dict.fromkeys(codes) if official.is_leaf(code)]
    yield from (
        f"{code} is no billable code of {official.release}" for code in dict.fromkeys(codes) if code not in leaves
    )
    several = len(set(row["facts"].get("region", []))) > 1
    for index, first in enumerate(leaves):
        for second in leaves[index + 1 :]:
            note = official.excludes1(first, second)
            # Different regions may stand together (I.A.12.a); a note of one region may not.
            if note is not None and not several:
                yield f"{first} and {second} exclude each other and the note has one region"


def render_check(found: Iterable[CorpusFinding], counts: Mapping[str, Mapping[str, int]]) -> str:
    """The findings and the counts as text."""
    lines = [f"{each.file}: {each.note}: {each.message}" for each in found]
    total: Counter[str] = Counter()
    for name, count in counts.items():
        total.update(count)
        lines.append(_count_line(name, count))
    lines.append(_count_line("all", total))
    return "\n".join(lines) + "\n"


def _count_line(name: str, count: Mapping[str, int]) -> str:
    if not count["notes"]:
        return f"{name:<34}{count['probes']:>5} probes"
    spanless = f"; {count['spanless']} without spans" if count["spanless"] else ""
    return (
        f"{name:<34}{count['notes']:>5} notes: {count['full']} full, {count['excerpts']} excerpts; "
        f"{count['coded']} with codes, {count['notes'] - count['coded']} with none{spanless}"
    )
