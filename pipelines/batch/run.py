"""A batch run: rows of a source to a finished output, with nothing lost on the way.

A run can be killed at any moment: run again, it carries on after the last row that its journal vouches for and ends with
the same bytes.
"""

from __future__ import annotations

import bisect
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import Final, Protocol

from ...coding.errors import InputError, SpinecodeError
from ..private_files import PRIVATE
from ..result import canonical_json
from ..rows import Reject
from ..suggest import Spinecode
from . import journal
from .answer import Answerer, Options
from .items import Answer, Answered, Fingerprint, Item, Source
from .journal import Identity, Progress
from .json_lines import JsonLines
from .sinks import JsonLinesSink, Paths, Sink

_ROWS_PER_CHECKPOINT: Final = 5000
_SECONDS_PER_CHECKPOINT: Final = 0.25
_SLOWEST: Final = 10

__all__ = ["Engine", "Job", "Options", "Summary", "Watcher", "run_batch", "run_job"]


class Engine(Protocol):
    """What answers items, in their order."""

    def __call__(self, items: Iterable[Item], factory: Callable[[], Answerer]) -> Iterator[Answered]:
        """Each item with its answer; ``factory`` makes the answerer where it is needed."""
        ...


class Watcher(Protocol):
    """Who is told how far a run is."""

    def start(self, size: int, position: int) -> None:
        """The input's size and where this run begins, both in the source's unit."""
        ...

    def row(self, position: int, *, rejected: bool) -> None:
        """A row is done, and the input up to ``position``."""
        ...

    def stop(self) -> None:
        """Nothing more will come."""
        ...


@dataclass(frozen=True)
class Job:
    """All that a run needs. ``report``: called with the finished spool before the output is made of it."""

    source: Source
    sink: Sink
    build: Callable[[], Spinecode]
    engine: Engine
    ruleset: str
    engine_version: str
    options: Options = field(default_factory=Options)
    restart: bool = False
    watcher: Watcher | None = None
    report: Callable[[Path, Summary], None] | None = None


@dataclass(frozen=True)
class Summary:
    """What a finished run did. ``resumed_at``: lines that an earlier run had done. ``defects``: rejects that are ours."""

    results: int
    rejects: int
    defects: int
    rejects_path: Path
    resumed_at: int
    rows: int = 0
    seconds: float = 0.0
    slowest: tuple[tuple[float, int], ...] = ()


def run_batch(
    source: str,
    out: str,
    *,
    ruleset: str,
    engine_version: str,
    build: Callable[[], Spinecode],
    options: Options | None = None,
    restart: bool = False,
) -> Summary:
    """JSON Lines to JSON Lines in this process.

    Raises:
        InputError: a file that cannot be used, or a journal of a different run.
    """
    from .workers import answer_here

    return run_job(
        Job(
            source=JsonLines(Path(source)),
            sink=JsonLinesSink(Path(out)),
            build=build,
            engine=lambda items, factory: answer_here(items, factory()),
            ruleset=ruleset,
            engine_version=engine_version,
            options=options or Options(),
            restart=restart,
        )
    )


def run_job(job: Job) -> Summary:
    """Run a job, or carry on with it. The engine is built once the files are known to be good.

    Raises:
        InputError: a file that cannot be used or written, or a journal of a different run.
    """
    paths, begun = job.sink.paths, time.monotonic()
    try:
        job.sink.check()
        _check_paths(job)
        found = job.source.fingerprint()
        identity = Identity(found.sha256, found.size, asdict(job.options), job.engine_version, job.ruleset)
        with _locked(paths):
            start = _start(paths, identity, restart=job.restart)
            done = start if start.finished else _work(job, identity, found, start)
            summary = _summary(done, paths, start, time.monotonic() - begun)
            _finish(job, done, summary)
    except OSError as error:
        raise InputError(_disk_words(error, paths)) from None
    return summary


def _summary(done: Progress, paths: Paths, start: Progress, seconds: float) -> Summary:
    return Summary(
        results=done.results,
        rejects=done.rejects,
        defects=done.defects,
        rejects_path=paths.rejects,
        resumed_at=start.lines,
        rows=done.results + done.rejects,
        seconds=seconds,
        slowest=tuple((seconds, int(line)) for seconds, line in done.slowest),
    )


def _disk_words(error: OSError, paths: Paths) -> str:
    what = f"{error.filename or paths.out}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"{what}; make room and run again: it carries on where it stopped"
    return what


def _check_paths(job: Job) -> None:
    """No file of the run may be its input."""
    paths = job.sink.paths
    source = getattr(job.source, "path", None)
    if source is None:
        return
    for target in (*job.sink.targets(), paths.rejects, paths.part, paths.rejects_part, paths.journal):
        if target.exists() and target.samefile(source):
            raise InputError(f"{source}: the run would overwrite its own input; choose another output")


# -- one run at a time -------------------------------------------------------------------------------------------------

_locks: set[int] = set()


def _drop_locks() -> None:
    # A worker would hold the lock of a run that was killed until it noticed.
    for descriptor in _locks:
        os.close(descriptor)
    _locks.clear()


os.register_at_fork(after_in_child=_drop_locks)


@contextmanager
def _locked(paths: Paths) -> Iterator[None]:
    """Only one run at a time writes beside OUT. The lock dies with the process, however it dies."""
    held: list[int] = []
    try:
        # Both parts: the rejects of a.csv and of a.jsonl are the same file.
        for part in (paths.part, paths.rejects_part):
            held.append(_open_private(part))
            try:
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"{part}: another run is writing to it; wait for it or stop it") from None
        _locks.update(held)
        yield
    finally:
        _locks.difference_update(held)
        for descriptor in held:
            os.close(descriptor)


def _open_private(path: Path) -> int:
    """Open for reading and writing without truncating; 0600 whatever the umask and whoever made it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
    os.fchmod(descriptor, PRIVATE)
    return descriptor


def _start(paths: Paths, identity: Identity, *, restart: bool) -> Progress:
    """Where to begin: at the journal's row if it is of this very run, else at the first."""
    earlier = None if restart else journal.load(paths.journal)
    if earlier is None:
        journal.save(paths.journal, identity, Progress())
        return Progress()
    their_identity, progress = earlier
    difference = identity.difference(their_identity)
    if difference:
        raise InputError(f"{paths.journal}: belongs to another run: {difference}; --restart starts over")
    if not progress.finished:
        _check_lengths(paths, progress)
    return progress


def _check_lengths(paths: Paths, progress: Progress) -> None:
    for part, size in ((paths.part, progress.out_bytes), (paths.rejects_part, progress.rejects_bytes)):
        if size and (not part.exists() or part.stat().st_size < size):
            raise InputError(f"{part}: is shorter than its journal says; --restart starts over")


# -- the spool ---------------------------------------------------------------------------------------------------------


class _Part:
    """A file of the spool. Lines are gathered here and written in one go: a forked worker has no half of one to flush."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = FileIO(_open_private(path), "r+")
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


class _Spool:
    """The two partial files. What they hold is durable once `checkpoint` returns, and only then is it journalled."""

    def __init__(self, job: Job, identity: Identity, progress: Progress) -> None:
        self._paths, self._identity, self.progress = job.sink.paths, identity, progress
        self._with_text = not job.options.no_text
        self._out = _Part(self._paths.part, progress.out_bytes)
        self._rejects = _Part(self._paths.rejects_part, progress.rejects_bytes)
        self._slowest = list(progress.slowest)
        self._due = time.monotonic() + _SECONDS_PER_CHECKPOINT
        self._pending = 0

    def write(self, item: Item, answered: Answer | Reject | None) -> None:
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
        self._out.sync()
        self._rejects.sync()
        self.progress = replace(self.progress, finished=finished, slowest=self._slowest)
        journal.save(self._paths.journal, self._identity, self.progress)
        self._pending, self._due = 0, time.monotonic() + _SECONDS_PER_CHECKPOINT
        return self.progress

    def close(self) -> None:
        self._out.close()
        self._rejects.close()


def _work(job: Job, identity: Identity, found: Fingerprint, start: Progress) -> Progress:
    spool = _Spool(job, identity, start)
    if job.watcher:
        job.watcher.start(found.size, start.position)
    seen = _Seen(start.results + start.rejects)
    try:
        for item, answered in job.engine(seen.rows(job.source.items(start.lines, start.position)), _factory(job)):
            spool.write(item, answered)
            if job.watcher and answered is not None:
                job.watcher.row(item.position, rejected=isinstance(answered, Reject))
        _check_counts(spool, seen, found)
        return spool.checkpoint(finished=True)
    except KeyboardInterrupt:
        spool.checkpoint()
        raise
    finally:
        spool.close()
        if job.watcher:
            job.watcher.stop()


def _factory(job: Job) -> Callable[[], Answerer]:
    return lambda: Answerer(job.build(), job.options, job.sink.shape)


class _Seen:
    """Counts the rows that come from the source, before any engine has them."""

    def __init__(self, before: int) -> None:
        self.count = before

    def rows(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            self.count += item.content is not None
            yield item


def _check_counts(spool: _Spool, seen: _Seen, found: Fingerprint) -> None:
    """In = out + rejected, by three counts made apart: the input's own, what the source gave, what was written."""
    spool.checkpoint()
    paths, done = spool._paths, spool.progress
    written = _count_lines(paths.part), _count_lines(paths.rejects_part)
    if written != (done.results, done.rejects) or sum(written) != seen.count:
        message = f"{seen.count} rows came in, {written[0]} went out and {written[1]} were rejected; please report this"
        raise SpinecodeError(message)
    if found.rows is not None and found.rows != seen.count:
        raise InputError(
            f"{found.rows} rows were counted and {seen.count} read: the input changed; --restart starts over"
        )


def _count_lines(part: Path) -> int:
    with part.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


# -- the end -----------------------------------------------------------------------------------------------------------


def _finish(job: Job, done: Progress, summary: Summary) -> None:
    """Put the outputs in place. A kill between the steps is repaired by the next run: the journal goes last."""
    paths = job.sink.paths
    # A part of another size is an empty one, made by the lock when the real one had been used up already.
    whole = paths.part.exists() and paths.part.stat().st_size == done.out_bytes
    if whole and job.report:
        job.report(paths.part, summary)
    if done.rejects:
        _place(paths.rejects_part, paths.rejects, done.rejects_bytes)
    else:
        paths.rejects_part.unlink(missing_ok=True)
        paths.rejects.unlink(missing_ok=True)
    if whole:
        job.sink.finish(paths.part)
    paths.part.unlink(missing_ok=True)
    paths.journal.unlink()


def _place(part: Path, target: Path, size: int) -> None:
    """Move a finished part, unless it had been moved already."""
    if part.exists() and part.stat().st_size == size:
        part.replace(target)
    else:
        part.unlink(missing_ok=True)
