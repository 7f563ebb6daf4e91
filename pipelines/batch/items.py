"""What passes between the parts of a batch: items from a source, answers from an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ..rows import Reject, Row


@dataclass(frozen=True)
class Item:
    """What a source has at one place: a row, a reject, or nothing (a blank line).

    ``line``: the identity of the row. ``position``: where the source carries on behind it, in a unit of its own.
    """

    content: Row | Reject | None
    line: int
    position: int


@dataclass(frozen=True)
class Fingerprint:
    """What makes two inputs the same. ``size``: the last `Item.position`. ``rows``: how many there are, if known."""

    sha256: str
    size: int
    rows: int | None = None


class Source(Protocol):
    """Where rows come from. The same source gives the same items in the same order each time."""

    columns: tuple[str, ...] | None
    """Names of the columns that are carried through, if all rows have the same; else None."""

    def fingerprint(self) -> Fingerprint:
        """Read all of the input once, so that a changed one is noticed."""
        ...

    def items(self, lines: int, position: int) -> Iterator[Item]:
        """The items behind the place where another run of the same source stopped (0, 0: all)."""
        ...


@dataclass(frozen=True)
class Answer:
    """The line of the spool for one row, and how long the row took (seconds)."""

    line: int
    payload: str
    seconds: float = 0.0


Answered = tuple[Item, Answer | Reject | None]
"""An item with what became of it; None for one that holds no row."""

Anything = TypeVar("Anything")


def lists_of(things: Iterable[Anything], size: int) -> Iterator[list[Anything]]:
    """Lists of ``size`` things, the last with what is left."""
    held: list[Anything] = []
    for thing in things:
        held.append(thing)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
