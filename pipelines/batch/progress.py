"""How far a run is: a bar with rate and time left on a terminal, plain lines elsewhere. Both go to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_SECONDS_PER_LINE: Final = 30.0


class _Counts:
    """Rows, rejects and the share of the input that is done, since this run began."""

    def __init__(self) -> None:
        self.rows = self.rejects = self.size = self.begun_at = self.position = 0
        self.begun = time.monotonic()

    def start(self, size: int, position: int) -> None:
        self.size, self.begun_at, self.position, self.begun = size, position, position, time.monotonic()

    def row(self, position: int, *, rejected: bool) -> None:
        self.rows += 1
        self.rejects += rejected
        self.position = position

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / max(time.monotonic() - self.begun, 0.001)

    @property
    def left(self) -> float | None:
        """Seconds left, from the share of the input that this run has done; None while nothing can be said."""
        done = self.position - self.begun_at
        if not done or self.size <= self.position:
            return None
        return (time.monotonic() - self.begun) * (self.size - self.position) / done

    @property
    def told(self) -> str:
        """How far it is, in words."""
        return f"{self.rows} rows, {self.rejects} rejected, {self.rate:.0f} rows/s, {clock(self.left)} left"


def clock(seconds: float | None) -> str:
    """Hours, minutes and seconds (1:02:03), or a dash for None."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


class PlainWatcher:
    """A line every so often, for a log."""

    def __init__(self, stream: TextIO, every: float = _SECONDS_PER_LINE) -> None:
        self._stream, self._every, self._counts = stream, every, _Counts()
        self._due = 0.0

    def start(self, size: int, position: int) -> None:
        """Begin counting."""
        self._counts.start(size, position)
        self._due = time.monotonic() + self._every

    def row(self, position: int, *, rejected: bool) -> None:
        """Count a row; print when it is time to."""
        self._counts.row(position, rejected=rejected)
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._every
            counts = self._counts
            share = f"{100 * counts.position / counts.size:.0f} %, " if counts.size else ""
            self._stream.write(f"spinecode: {share}{counts.told}\n")
            self._stream.flush()

    def stop(self) -> None:
        """Nothing more to say."""


class BarWatcher:
    """A bar on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._counts = _Counts()
        self._shown = 0.0
        self._bar: Bar = Progress(
            TextColumn("spinecode"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}"),
            console=Console(file=stream),
            auto_refresh=False,  # no thread of its own: workers are forked beside it
        )
        self._task = self._bar.add_task("", total=None, told="")

    def start(self, size: int, position: int) -> None:
        """Show the bar."""
        self._counts.start(size, position)
        self._bar.update(self._task, total=size or None, completed=position)
        self._bar.start()

    def row(self, position: int, *, rejected: bool) -> None:
        """Count a row; draw at most ten times a second."""
        self._counts.row(position, rejected=rejected)
        if time.monotonic() - self._shown >= 0.1:
            self._draw()

    def _draw(self) -> None:
        self._shown = time.monotonic()
        self._bar.update(self._task, completed=self._counts.position, told=self._counts.told)
        self._bar.refresh()

    def stop(self) -> None:
        """Leave the last state of the bar standing."""
        self._draw()
        self._bar.stop()


def watcher() -> PlainWatcher | BarWatcher:
    """The one that fits where standard error goes."""
    return BarWatcher(sys.stderr) if sys.stderr.isatty() else PlainWatcher(sys.stderr)
