"""Where the answers end up. A sink says what the spool holds, and makes the output of a finished spool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ..private_files import check_target
from .answer import Shape

SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "fhir",
}
"""What a file that is written holds, by its suffix."""


@dataclass(frozen=True)
class Paths:
    """The files of a run, all beside its output."""

    out: Path
    rejects: Path
    part: Path
    rejects_part: Path
    journal: Path

    @classmethod
    def beside(cls, target: Path) -> Paths:
        """`a.csv` has `a.rejects.jsonl`, `a.csv.part`, `a.rejects.jsonl.part` and `a.csv.journal` beside it."""
        rejects = target.with_name(f"{target.stem if target.suffix else target.name}.rejects.jsonl")
        return cls(
            out=target,
            rejects=rejects,
            part=target.with_name(f"{target.name}.part"),
            rejects_part=rejects.with_name(f"{rejects.name}.part"),
            journal=target.with_name(f"{target.name}.journal"),
        )


class Sink(Protocol):
    """An output."""

    name: str
    """How messages call it."""
    paths: Paths
    shape: Shape | None
    """What the spool keeps of a result; None: all of it."""

    def check(self) -> None:
        """Raise `InputError` if nothing can be written there."""
        ...

    def targets(self) -> tuple[Path, ...]:
        """The files that it replaces."""
        ...

    def written(self) -> str:
        """All that it writes, as messages call it."""
        ...

    def siblings(self) -> tuple[Path, ...]:
        """Other outputs whose rejects would have the same name."""
        ...

    def finish(self, part: Path) -> None:
        """Make the output of the finished spool. A kill on the way leaves the earlier output; then it is called again."""
        ...


class FileSink:
    """An output that is a file, or several beside each other."""

    shape: Shape | None = None

    def __init__(self, path: Path) -> None:
        self.name, self.paths = str(path), Paths.beside(path)

    def check(self) -> None:
        """Raise `InputError` if a file cannot be written."""
        for file in self.targets():
            check_target(file)

    def targets(self) -> tuple[Path, ...]:
        """The files that are replaced."""
        return (self.paths.out,)

    def written(self) -> str:
        """The files."""
        return ", ".join(str(file) for file in self.targets())

    def siblings(self) -> tuple[Path, ...]:
        """The same name with the suffix of another format."""
        out = self.paths.out
        return tuple(out.with_name(f"{out.stem}{suffix}") for suffix in SUFFIXES if suffix != out.suffix.lower())


class JsonLinesSink(FileSink):
    """Results as JSON Lines: the spool itself."""

    def finish(self, part: Path) -> None:
        """Put the spool in place."""
        part.replace(self.paths.out)
