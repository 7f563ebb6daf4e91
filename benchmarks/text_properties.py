"""Text properties: what may be done to a note without changing its codes, measured on every corpus at hand.

    python benchmarks/text_properties.py [--list] [CORPUS ...]

For each corpus and property, the share of the notes it applies to for which

  codes  the codes are what they should be: the mirrored ones when left and right are swapped, no new one when a denial,
         a family history or an instruction is added, and else the same codes in the same order
  spans  every quote of the result stands at its offsets in the changed text
  words  the quotes of each code are the same words as before (where the codes should be the same); with left and right
         swapped: the side of every finding is the mirrored one, whether it reaches a code or not

A property that makes several variants of a note holds for it when it holds for all of them. `--list` names the notes
that fail, with the codes before and after and never a text; the blind corpus gives its figures only.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from loguru import logger
from spinecode.pipelines.suggest import Spinecode

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ("guide", "written", "dictated", "scribed", "voices", "practice", "blind")
DEV_NOTES = ROOT.parent / "shared" / "dev-notes"
FROZEN = "blind"

Expected = Literal["same", "mirrored", "no_more"]
Codes = tuple[str, ...]

# -- changes to a text -------------------------------------------------------------------------------------------------

ADDED = ("sciatica", "neck pain", "chronic low back pain", "lumbar disc herniation", "spinal stenosis")
WRAP_AT = 60

# Right and left that are no side of the patient's complaint: handedness, haste, leaving, remainders.
_NO_SIDE = re.compile(
    r"\b(?:"
    r"(?:right|left)[- ]hand(?:ed(?:ness)?|[- ]dominan(?:t|ce))|dominant (?:right|left)(?: hand)?|(?:right|left)[- ]dominant"
    r"|right (?:away|now|before|after|then|here|there|to (?:refuse|decline))|(?:all|is|that's|be) right(?= ?[.,;?!])"
    r"|right (?:in|at|on|over|around) the (?:middle|midline|center|belt|waist)"
    r"|left (?:work|home|school|early|against|ama|off|untreated|alone|over|the (?!side|leg|arm))"
    r"|left (?:her|his|their|my) (?:job|work|husband|wife|position)"
    r"|(?:was|were|been|what's|has|have|had|he|she|they) left(?= (?:with|for|to|at|in|without)\b)"
    r"|(?:nothing|weeks?|days?|pills?|tablets?|refills?) left"
    r")\b",
    re.IGNORECASE,
)
# The letters stand for a side when alone and in upper case: not L-spine, R/O, p.r.n., respirations or a level.
_SIDE = re.compile(
    r"\b(?:left|right)(?=\b|ward)|(?<![\w-])(?:lt|rt)\b|\b[LR](?:LE|UE|LQ|UQ)\b"
    r"|(?<![\w.'/-])[LR]/[LR](?![\w/])|(?<![\w.'/-])[LR](?=-sided)"
    r"|(?<![\w.'/-])[LR](?![\w'/-])(?! ?(?:S[- ])?spine)(?! \d\d?(?:[ ,;]|$))",
    re.IGNORECASE,
)
_MIRROR = {"left": "right", "right": "left", "lt": "rt", "rt": "lt", "l": "r", "r": "l"}


def swap_sides(text: str) -> str:
    """The note of the patient's mirror image."""
    kept = [m.span() for m in _NO_SIDE.finditer(text)]

    def mirrored(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) == 1 and word.islower():  # "l" and "r" are no sides
            return word
        if any(start <= match.start() < end for start, end in kept):
            return word
        if word.lower() in _MIRROR:
            return _cased(_MIRROR[word.lower()], word)
        if "/" in word:
            return "/".join(_cased(_MIRROR[side.lower()], side) for side in word.split("/"))
        return _cased(_MIRROR[word[0].lower()], word[0]) + word[1:]  # RLE, LUQ

    return _SIDE.sub(mirrored, text)


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word


def wrap(text: str) -> str:
    """Break lines at the last blank before column 60, as a terminal or a mail program does."""
    return "".join(_wrapped(line) for line in text.splitlines(keepends=True))


def _wrapped(line: str) -> str:
    body = line.rstrip("\r\n")
    ending = line[len(body) :]
    out: list[str] = []
    while len(body) > WRAP_AT:
        indent = len(body) - len(body.lstrip())
        at = body.rfind(" ", indent, WRAP_AT + 1)
        if at <= 0:
            break
        out.append(body[:at].rstrip())
        body = body[at:].lstrip(" ")
    return "\n".join([*out, body]) + ending


_TITLES = (
    # why the patient came, and the history
    "cc|chief complaint|reason for (?:visit|consult(?:ation)?|referral)|presenting (?:complaint|problem)|s|subjective",
    "hpi|history|history of (?:the )?present(?:ing)? illness|interval history|medical history|surgical history|pmh|psh",
    "past (?:medical |surgical )?history|past medical and surgical history|social history|sh|family history|fh",
    "current medications|medications|meds|allergies|ros|review of systems",
    # what was found
    "vitals|vital signs|pe|(?:physical )?exam(?:ination)?|o|objective|imaging|radiology|results|labs|data|studies",
    "x-?rays?|mri|diagnostic studies|technique|comparison|findings",
    "indications?|clinical (?:history|indication|information)",
    # what is made of it
    "a|a/p|assessment|assessment (?:and|&|/) ?plan|assessment/plan|impression|diagnos[ie]s|p|plan|recommendations?",
    "(?:pre|post)-?(?:operative|procedure) diagnos[ie]s|procedure|description of procedure|anesthesia|complications",
    "treatment(?: plan)?|ed course|emergency department course|mdm|medical decision making|dispo(?:sition)?",
    "consent|instructions|goals",
)
_TITLE = re.compile(rf"^(?P<name>{'|'.join(_TITLES)})[ \t]*(?::|\r?$)", re.IGNORECASE | re.MULTILINE)


def sections(text: str) -> list[str]:
    """The text cut before each section title at the start of a line; what stands above the first is the first block.

    A title that comes twice is a label inside other sections ("Plan:" under each problem) and cuts nothing.
    """
    found = [m for m in _TITLE.finditer(text) if m.group()[0].isupper()]
    names = [m["name"].lower() for m in found]
    cuts = [m.start() for m, name in zip(found, names, strict=True) if names.count(name) == 1]
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def moved(text: str) -> list[str]:
    """The sections in other orders: the first last, the last first, all in reverse."""
    top, *blocks = sections(text)
    if len(blocks) < 2:
        return []
    blocks[-1] += "" if blocks[-1].endswith("\n") else "\n"
    orders = [[*blocks[1:], blocks[0]], [blocks[-1], *blocks[:-1]], blocks[::-1]]
    return list(dict.fromkeys(top + "".join(order) for order in orders))


_BLANK = re.compile(r"\n[ \t\r]*\n")
_LABEL = re.compile(r"^[A-Z][\w /&-]{0,40}:", re.MULTILINE)


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Offsets of the paragraphs: parted by blank lines and before each title or label that opens a line.

    So that a paragraph holds no title but at its head: given twice, its copy stands where it stood itself.
    """
    cuts = {0, len(text)}
    cuts.update(m.end() for m in _BLANK.finditer(text))
    cuts.update(m.start() for pattern in (_TITLE, _LABEL) for m in pattern.finditer(text))
    places = sorted(cuts)
    return [(a, b) for a, b in itertools.pairwise(places) if text[a:b].strip()]


def repeated(text: str) -> list[str]:
    """The first, the longest and the last paragraph given twice, one after the other."""
    blocks = paragraphs(text)
    if not blocks:
        return []
    gap = "\n\n" if _BLANK.search(text) else "\n"
    chosen = dict.fromkeys((blocks[0], max(blocks, key=lambda block: block[1] - block[0]), blocks[-1]))
    return [f"{text[:b].rstrip()}{gap}{text[a:b].rstrip()}{text[len(text[:b].rstrip()) :]}" for a, b in chosen]


def _added(form: str) -> Callable[[str], list[str]]:
    return lambda text: [f"{text.rstrip()}\n\n{form.format(what)}\n" for what in ADDED]


def _only(change: Callable[[str], str]) -> Callable[[str], list[str]]:
    def variants(text: str) -> list[str]:
        changed = change(text)
        return [changed] if changed != text else []

    return variants


@dataclass(frozen=True)
class Property:
    """A change and what it may do to the codes. No variant of a note: the property does not apply to it."""

    name: str
    variants: Callable[[str], list[str]]
    expected: Expected = "same"


PROPERTIES = (
    Property("left and right swapped", _only(swap_sides), "mirrored"),
    Property("'Denies X.' added", _added("Denies {}."), "no_more"),
    Property("'Family history of X.' added", _added("Family history of {}."), "no_more"),
    Property("'Return if X.' added", _added("Return if {}."), "no_more"),
    Property("upper case", _only(str.upper)),
    Property("wrapped at 60 columns", _only(wrap)),
    Property("Windows line ends", _only(lambda text: re.sub(r"\r?\n", "\r\n", text))),
    Property("doubled spaces", _only(lambda text: re.sub(r"(?<=\S) (?=\S)", "  ", text))),
    Property("a paragraph repeated", repeated),
    Property("sections moved", moved),
)

# -- checking ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coded:
    """What is compared of a result.

    ``titles``: of the codes, sorted; ``words``: the quotes of each code, folded; ``sides``: of each finding, in its place.
    """

    codes: Codes
    titles: tuple[str, ...]
    words: dict[str, frozenset[str]]
    sides: tuple[tuple[str, ...], ...]
    spans_hold: bool


@dataclass(frozen=True)
class Outcome:
    """One property on one note. ``before`` and ``after`` are the codes of the first variant that failed."""

    codes: bool = True
    spans: bool = True
    words: bool = True
    before: Codes = ()
    after: Codes = ()


Suggest = Callable[[str], Coded]


def coder(engine: Spinecode, date_of_service: str | None = None) -> Suggest:
    def suggest(text: str) -> Coded:
        result = engine.suggest(text, date_of_service=date_of_service)
        data = result.to_dict()
        codes = data["codes"]
        return Coded(
            codes=tuple(c["code"] for c in codes),
            titles=tuple(sorted(c["description"] for c in codes)),
            words={c["code"]: frozenset(_folded(e["text"]) for e in c["evidence"]) for c in codes},
            sides=tuple(tuple(sorted(condition.sides)) for condition in result.findings.conditions),
            spans_hold=all(text[e["start"] : e["end"]] == e["text"] for e in _evidence(data)),
        )

    return suggest


def _folded(words: str) -> str:
    return " ".join(words.casefold().split())


def _evidence(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if {"start", "end", "text", "section"} <= value.keys():
            yield value
        for item in value.values():
            yield from _evidence(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _evidence(item)


def check(prop: Property, text: str, before: Coded, suggest: Suggest) -> Outcome | None:
    """Whether `prop` holds for `text`; None when it does not apply. ``before``: what the text itself gives."""
    outcomes = [_compare(prop.expected, before, suggest(variant)) for variant in prop.variants(text)]
    if not outcomes:
        return None
    failed = next((o for o in outcomes if not o.codes), None)
    failed = failed or next((o for o in outcomes if not (o.spans and o.words)), outcomes[0])
    return Outcome(
        codes=all(o.codes for o in outcomes),
        spans=all(o.spans for o in outcomes),
        words=all(o.words for o in outcomes),
        before=failed.before,
        after=failed.after,
    )


def _compare(expected: Expected, before: Coded, after: Coded) -> Outcome:
    if expected == "mirrored":
        # Codes with a side differ in their title by the side only.
        right = after.titles == tuple(sorted(swap_sides(title) for title in before.titles))
        words = after.sides == tuple(tuple(sorted(_MIRROR.get(s, s) for s in some)) for some in before.sides)
    elif expected == "no_more":
        right, words = set(after.codes) <= set(before.codes), True
    else:
        right = after.codes == before.codes
        words = not right or after.words == before.words
    return Outcome(right, after.spans_hold, words, before.codes, after.codes)


# -- the report --------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """Counts of one property on one corpus, and the lines for ``--list``."""

    notes: int = 0
    codes: int = 0
    spans: int = 0
    words: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, note_id: str, outcome: Outcome) -> None:
        """Count one note."""
        self.notes += 1
        self.codes += outcome.codes
        self.spans += outcome.spans
        self.words += outcome.words
        failed = [name for name in ("codes", "spans", "words") if not getattr(outcome, name)]
        if failed:
            change = f"{' '.join(outcome.before) or '-'}  ->  {' '.join(outcome.after) or '-'}"
            self.lines.append(f"{note_id}: {', '.join(failed)}; {change}")


def corpora(wanted: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Notes by corpus name: those named, or every one that is present."""
    places = {name: ROOT / "corpora" / name for name in CORPORA}
    places["dev-notes"] = DEV_NOTES
    return {
        name: [row for file in sorted(place.glob("*.jsonl")) for row in _rows(file)]
        for name, place in places.items()
        if place.is_dir() and (not wanted or name in wanted)
    }


def _rows(file: Path) -> Iterable[dict[str, Any]]:
    return (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def measure(engine: Spinecode, notes: Iterable[dict[str, Any]]) -> dict[str, Tally]:
    tallies = {prop.name: Tally() for prop in PROPERTIES}
    for note in notes:
        suggest = coder(engine, note.get("date_of_service"))
        before = suggest(note["text"])
        for prop in PROPERTIES:
            outcome = check(prop, note["text"], before, suggest)
            if outcome is not None:
                tallies[prop.name].add(note["id"], outcome)
    return tallies


def report(name: str, tallies: dict[str, Tally], *, lines: bool) -> None:
    print(f"== {name}")
    print(f"{'':<30}{'notes':>6}{'codes':>8}{'spans':>8}{'words':>8}")
    for prop in PROPERTIES:
        tally = tallies[prop.name]
        rates = [f"{n / tally.notes:.3f}" if tally.notes else "-" for n in (tally.codes, tally.spans, tally.words)]
        if prop.expected == "no_more":
            rates[2] = "-"
        print(f"{prop.name:<30}{tally.notes:>6}" + "".join(f"{rate:>8}" for rate in rates), flush=True)
        if lines and name != FROZEN:
            print("".join(f"    {line}\n" for line in tally.lines), end="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="*", help="only these: " + ", ".join((*CORPORA, "dev-notes")))
    parser.add_argument("--list", action="store_true", help="name the notes that fail, with codes before and after")
    arguments = parser.parse_args()
    for package in ("medspacy", "PyRuSH"):
        logger.disable(package)
    start = time.perf_counter()
    engine = Spinecode()
    for name, notes in corpora(arguments.corpus).items():
        report(name, measure(engine, notes), lines=arguments.list)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
