"""`CodeSet`: what the decision layer answers. With `Findings` the other of the two types to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .findings import Evidence

Role = Literal["first_listed", "additional", "optional"]
Outcome = Literal["code", "code_and_query", "query", "out_of_scope"]
Status = Literal[
    "negated",
    "uncertain",
    "historical",
    "family",
    "hypothetical",
    "other_person",
    "replaced",
    "excludes1",
    "needs_documentation",
]


@dataclass(frozen=True)
class Exemption:
    """Why two codes with an Excludes1 note between them may stand together (guideline I.A.12.a)."""

    note: str
    with_code: str


@dataclass(frozen=True)
class Code:
    """A suggested code: with dot, official description, role, and what led to it."""

    code: str
    description: str
    role: Role
    rule: str
    rationale: str
    source: str
    evidence: tuple[Evidence, ...]
    exception: Exemption | None = None


@dataclass(frozen=True)
class NotCoded:
    """A mention that was considered and left out, with the rule that left it out."""

    what: str
    code: str | None
    status: Status
    reason: str
    rule: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Seen:
    """A problem of the note that is outside our scope, or a spinal mention that this visit does not address."""

    what: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class RedFlag:
    """A documented red flag (guide's seventh element): shown first, it decides no code."""

    flag: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Notice:
    """A message about the set: a claim edit, a release, a conflict in the note, a query that is owed."""

    kind: str
    message: str


@dataclass(frozen=True)
class CodeSet:
    """The decision for one encounter, in claim order."""

    release: str
    outcome: Outcome
    codes: tuple[Code, ...] = ()
    not_coded: tuple[NotCoded, ...] = ()
    seen: tuple[Seen, ...] = ()
    red_flags: tuple[RedFlag, ...] = ()
    warnings: tuple[Notice, ...] = ()
