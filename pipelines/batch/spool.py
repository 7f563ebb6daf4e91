"""The spool of a run: what is answered so far, in two partial files beside the output."""

from __future__ import annotations

import bisect
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Final

from ..private_files import PRIVATE
from ..result import canonical_json
from ..rows import Reject
from . import journal
from .items import Answer, Item
from .journal import Identity, Progress
from .sinks import Paths

_ROWS_PER_CHECKPOINT: Final = 5000
_SECONDS_PER_CHECKPOINT: Final = 0.25
_SLOWEST: Final = 10


def open_private(path: Path) -> int:
    """Open for reading and writing without truncating; 0600 whatever the umask and whoever made it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
    os.fchmod(descriptor, PRIVATE)
    return descriptor


class _Part:
    """A file of the spool. Lines are gathered here and written in one go: a forked worker has no half of one to flush."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = FileIO(open_private(path), "r+")
        self._file.truncate(size)  # what a killed run wrote behind its last journal
        self._file.seek(size)
        self._lines: list[bytes] = []
        self.size = size

    def add(self, line: str) -> None:
        data = line.encode("utf-8") + b"\n"
        self._lines.append(data)
        self.size += len(data)

    def sync(self) -> None:
        data = memoryview(b"".join(self._lines))
        while data:
            data = data[self._file.write(data) :]
        self._lines.clear()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class Spool:
    """The two partial files. What they hold is durable once `checkpoint` returns, and only then is it journalled."""

    def __init__(self, paths: Paths, identity: Identity, progress: Progress, *, with_text: bool) -> None:
        """``with_text``: rejects keep their row as it came."""
        self._paths, self._identity, self.progress = paths, identity, progress
        self._with_text = with_text
        self._out = _Part(self._paths.part, progress.out_bytes)
        self._rejects = _Part(self._paths.rejects_part, progress.rejects_bytes)
        self._slowest = list(progress.slowest)
        self._due = time.monotonic() + _SECONDS_PER_CHECKPOINT
        self._pending = 0

    def write(self, item: Item, answered: Answer | Reject | None) -> None:
        """Add what became of an item; now and then a checkpoint."""
        now = self.progress
        results, rejects, defects = now.results, now.rejects, now.defects
        if isinstance(answered, Answer):
            self._out.add(answered.payload)
            self._time(answered)
            results += 1
        elif answered is not None:
            self._rejects.add(canonical_json(answered.to_dict(with_text=self._with_text)))
            rejects += 1
            defects += answered.defect
        self.progress = Progress(
            item.line, item.position, self._out.size, self._rejects.size, results, rejects, defects
        )
        self._pending += 1
        if self._pending >= _ROWS_PER_CHECKPOINT or time.monotonic() >= self._due:
            self.checkpoint()

    def _time(self, answer: Answer) -> None:
        if len(self._slowest) < _SLOWEST or answer.seconds > self._slowest[-1][0]:
            bisect.insort(self._slowest, [round(answer.seconds, 4), answer.line], key=lambda each: -each[0])
            del self._slowest[_SLOWEST:]

    def checkpoint(self, *, finished: bool = False) -> Progress:
        """Write all that was gathered to the disk, then the journal."""
        self._out.sync()
        self._rejects.sync()
        self.progress = replace(self.progress, finished=finished, slowest=self._slowest)
        journal.save(self._paths.journal, self._identity, self.progress)
        self._pending, self._due = 0, time.monotonic() + _SECONDS_PER_CHECKPOINT
        return self.progress

    def close(self) -> None:
        """Close both files."""
        self._out.close()
        self._rejects.close()


def count_lines(part: Path) -> int:
    """How many lines a spool holds."""
    with part.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def spool_lines(part: Path) -> Iterator[str]:
    """Each line of a spool."""
    with part.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")
