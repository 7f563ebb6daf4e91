"""The sample notes of the page. Invented here; no person's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """A note to try. ``title``: its file's first line, in words of what it shows."""

    id: str
    title: str
    shows: str
    text: str


@cache
def samples() -> tuple[Sample, ...]:
    """All sample notes, by name: first line the title, second what it shows, then the note."""
    found = []
    for path in sorted((Path(__file__).parent / "samples").glob("*.txt")):
        title, shows, text = path.read_text(encoding="utf-8").split("\n", 2)
        found.append(Sample(path.stem.partition("-")[2], title, shows, text.lstrip("\n")))
    return tuple(found)


def sample(name: str) -> Sample | None:
    """The sample with this id."""
    return next((each for each in samples() if each.id == name), None)
