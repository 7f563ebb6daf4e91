"""The rules and word lists of `wording/`: read and checked once, phrases turned into matchers.

Words are compared without case, accents of typography, hyphens and apostrophes: "re-imbursement" is reimbursement.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...coding.errors import TableError

FOLDER: Final = Path(__file__).parent / "wording"
PARTS: Final = ("title", "opening", "question", "option", "instruction")

_TOKEN: Final = re.compile(r"[^\W_]+|[$€£]")
_JOINED: Final = re.compile(r"(?<=\w)[-‐‑‒–.·'’ʼ\u00ad\u200b-\u200f\u2060\ufeff]+(?=\w)")
_APOSTROPHE: Final = re.compile("[’'ʼ]")


@dataclass(frozen=True)
class Rule:
    """One rule of compliant queries. ``where``: the parts of a query that its phrases and patterns are looked for in."""

    id: str
    says: str
    source: str
    where: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @property
    def is_wording(self) -> bool:
        """Whether words decide; else a function of the rule's name does."""
        return bool(self.phrases or self.patterns)

    def found_in(self, text: str) -> str | None:
        """The phrase of this rule that stands in ``text``; None if none does."""
        found = matcher(self.phrases).search(text)
        if found is not None:
            return found
        for pattern in self.patterns:
            if re.search(pattern, text):
                return f"a match of {pattern}"
        return None


@dataclass(frozen=True)
class Diagnosis:
    """Words that name a diagnosis, and words of a note that may speak for it."""

    id: str
    words: tuple[str, ...]
    supported_by: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Rules:
    """Everything a query is judged by. ``lists`` and ``together``: what the functions of check.py look up."""

    rules: Mapping[str, Rule]
    lists: Mapping[str, tuple[str, ...]]
    together: Mapping[str, tuple[frozenset[str], ...]]
    diagnoses: tuple[Diagnosis, ...]

    def named(self, text: str) -> frozenset[str]:
        """The ids of the diagnoses that ``text`` names."""
        return frozenset(each.id for each in self.diagnoses if matcher(each.words).search(text))

    def speaks_for(self, text: str, diagnosis: str) -> bool:
        """Whether the words of ``text`` may support ``diagnosis``, or name it."""
        found = next(each for each in self.diagnoses if each.id == diagnosis)
        return matcher(found.words + found.supported_by).search(text) is not None


class Matcher:
    """Looks for phrases in texts, word by word."""

    def __init__(self, phrases: tuple[str, ...]) -> None:
        # Longest first, so that the whole of a phrase is named and not its beginning.
        ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
        self._pattern = re.compile("|".join(map(_phrase_pattern, ordered))) if phrases else None

    def search(self, text: str) -> str | None:
        """The words found, as compared; None if there are none."""
        if self._pattern is None:
            return None
        for words in readings(text):
            found = self._pattern.search(words)
            if found is not None:
                return found[0].strip()
        return None


@functools.cache
def matcher(phrases: tuple[str, ...]) -> Matcher:
    """The matcher of some phrases, made once."""
    return Matcher(phrases)


def _phrase_pattern(phrase: str) -> str:
    words = (word.removesuffix("*") for word in phrase.split())
    wild = (word.endswith("*") for word in phrase.split())
    return (
        " "
        + " ".join(re.escape(word) + (r"\S*" if open_end else "") for word, open_end in zip(words, wild, strict=True))
        + "(?= )"
    )


def readings(text: str) -> tuple[str, ...]:
    """The words of ``text``, lower case, one space around each: hyphens as spaces, and hyphens as nothing."""
    plain = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    apart = f" {' '.join(_TOKEN.findall(plain))} "
    joined = f" {' '.join(_TOKEN.findall(_JOINED.sub('', plain)))} "
    return (apart,) if apart == joined else (apart, joined)


def same_words(text: str) -> str:
    """``text`` as compared with another: its words, nothing in brackets."""
    return readings(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", text))[0].strip()


@functools.cache
def rules() -> Rules:
    """The rules of the package, read and checked once.

    Raises:
        TableError: a rule or list file breaks its form; names file and entry.
    """
    data, about = read_toml("rules.toml"), read_toml("diagnoses.toml")
    _only("rules.toml", data, ("rule", "lists", "together"))
    _only("diagnoses.toml", about, ("diagnosis",))
    found: dict[str, Rule] = {}
    for entry in data["rule"]:
        rule = _rule(entry)
        if rule.id in found:
            raise TableError(f"rules.toml: rule {rule.id!r} is there twice")
        found[rule.id] = rule
    diagnoses = tuple(_diagnosis(entry) for entry in about["diagnosis"])
    if len({each.id for each in diagnoses}) < len(diagnoses):
        raise TableError("diagnoses.toml: a diagnosis is there twice")
    return Rules(
        rules=found,
        lists={name: tuple(words) for name, words in data["lists"].items()},
        together={name: tuple(map(frozenset, sets)) for name, sets in data["together"].items()},
        diagnoses=diagnoses,
    )


def _rule(entry: Mapping[str, Any]) -> Rule:
    where = f"rules.toml: rule {entry.get('id')!r}"
    _only(where, entry, ("id", "says", "source", "where", "phrases", "patterns"))
    _needs(where, entry, ("id", "says", "source"))
    lists = {key: tuple(entry.get(key, ())) for key in ("where", "phrases", "patterns")}
    if set(lists["where"]) - set(PARTS) or bool(lists["where"]) != bool(lists["phrases"] or lists["patterns"]):
        raise TableError(f"{where}: where names the parts that its phrases are looked for in: {', '.join(PARTS)}")
    _words(where, lists["phrases"])
    return Rule(entry["id"], entry["says"], entry["source"], **lists)


def _diagnosis(entry: Mapping[str, Any]) -> Diagnosis:
    where = f"diagnoses.toml: {entry.get('id')!r}"
    _only(where, entry, ("id", "words", "supported_by", "source"))
    _needs(where, entry, ("id", "words", "supported_by", "source"))
    words, supported_by = tuple(entry["words"]), tuple(entry["supported_by"])
    _words(where, words + supported_by)
    return Diagnosis(entry["id"], words, supported_by, entry["source"])


def _words(where: str, phrases: Iterable[str]) -> None:
    """A phrase that is not written as texts are compared would never be found."""
    for phrase in phrases:
        if readings(phrase.replace("*", ""))[0].strip() != phrase.replace("*", "").strip() or not phrase.strip("* "):
            raise TableError(
                f"{where}: {phrase!r} is never found; write words in lower case, no hyphens or apostrophes"
            )


def read_toml(name: str) -> dict[str, Any]:
    """A file of `wording/`, as it stands there."""
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


def _only(where: str, entry: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(set(entry) - set(known))
    if unknown:
        raise TableError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(known)}")


def _needs(where: str, entry: Mapping[str, Any], keys: Iterable[str]) -> None:
    empty = next((key for key in keys if not entry.get(key)), None)
    if empty:
        raise TableError(f"{where}: has no {empty}")
