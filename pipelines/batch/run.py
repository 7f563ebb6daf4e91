"""A batch run: rows of a source to a finished output, with nothing lost on the way.

A run can be killed at any moment: run again, it carries on after the last row that its journal vouches for and ends with
the same bytes.
"""

from __future__ import annotations

import errno
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from ...coding.errors import InputError, SpinecodeError
from ..rows import Reject
from ..suggest import Spinecode
from . import journal
from .answer import Answerer, Options
from .items import Answered, Fingerprint, Item, Source
from .journal import Identity, Progress
from .json_lines import JsonLines
from .lock import locked
from .sinks import JsonLinesSink, Paths, Sink
from .spool import Spool, count_lines

__all__ = ["Engine", "Job", "Options", "Summary", "Watcher", "run_batch", "run_job"]


class Engine(Protocol):
    """What answers items, in their order."""

    def __call__(self, items: Iterable[Item], factory: Callable[[], Answerer]) -> Iterator[Answered]:
        """Each item with its answer; ``factory`` makes the answerer where it is needed."""
        ...


class Stopped(KeyboardInterrupt):
    """The run was stopped at row ``row``, which is the last that its journal vouches for."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


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
    """What a finished run did. ``resumed_at``: lines that an earlier run had done. ``defects``: rejects that are ours.
    ``written``: the outputs, as messages call them. ``set_aside``: where rejects went that may be those
    of another output.
    """

    results: int
    rejects: int
    defects: int
    rejects_path: Path
    resumed_at: int
    rows: int = 0
    seconds: float = 0.0
    slowest: tuple[tuple[float, int], ...] = ()
    written: str = ""
    set_aside: Path | None = None


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
        siblings = _siblings(job)
        with locked(paths):
            fresh = not paths.journal.exists()  # else the run that wrote it has set the rejects of others aside
            aside = _set_aside(paths.rejects, siblings) if fresh else None
            start = _start(job, identity)
            done = start if start.finished else _work(job, identity, found, start)
            summary = _summary(done, job.sink, start, time.monotonic() - begun, aside)
            _finish(job, done, summary)
    except OSError as error:
        raise InputError(_disk_words(error, paths)) from None
    return summary


def _summary(done: Progress, sink: Sink, start: Progress, seconds: float, aside: Path | None) -> Summary:
    return Summary(
        results=done.results,
        rejects=done.rejects,
        defects=done.defects,
        rejects_path=sink.paths.rejects,
        resumed_at=start.lines,
        rows=done.results + done.rejects,
        seconds=seconds,
        slowest=tuple((seconds, int(line)) for seconds, line in done.slowest),
        written=sink.written(),
        set_aside=aside,
    )


def _disk_words(error: OSError, paths: Paths) -> str:
    what = f"{error.filename or paths.out}: {error.strerror or error}"
    if error.errno == errno.EFBIG:
        return f"{what}; larger than this disk or a limit (ulimit -f) allows: raise it and run again, or split IN"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{what}; make room and run again: it carries on where it stopped"
    return what


def _check_paths(job: Job) -> None:
    """No file of the run may be its input, nor lie in a folder that is: the next run would read it as a note."""
    paths = job.sink.paths
    source = getattr(job.source, "path", None)
    if source is None:
        return
    if source.is_dir():
        check_outside(source, paths.out, "OUT")
    for target in (*job.sink.targets(), paths.rejects, paths.part, paths.rejects_part, paths.journal):
        if target.exists() and target.samefile(source):
            raise InputError(f"{source}: the run would overwrite its own input; choose another output")


def check_outside(folder: Path, file: Path, what: str) -> None:
    """Raise `InputError` if ``file`` is to be written in ``folder`` or below."""
    if file.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"{file}: {what} lies in the folder IN, and the next run would read it as a note; choose a place outside {folder}"
        )


# -- the work ----------------------------------------------------------------------------------------------------------


def _start(job: Job, identity: Identity) -> Progress:
    """Where to begin: at the journal's row if it is of this very run, else at the first."""
    paths = job.sink.paths
    earlier = None if job.restart else journal.load(paths.journal)
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


def _siblings(job: Job) -> list[Path]:
    """Outputs of other runs that call their rejects as this one does: `a.csv` and `a.jsonl`.

    Raises:
        InputError: one of them is unfinished; its partial rejects would be lost.
    """
    siblings = [file for file in job.sink.siblings() if not _is_input(job, file)]
    unfinished = next((file for file in siblings if Paths.beside(file).journal.exists()), None)
    if unfinished is not None:
        raise InputError(
            f"{job.sink.paths.rejects}: is claimed by an unfinished run to {unfinished}; finish that or choose another "
            "name for OUT"
        )
    return [file for file in siblings if file.exists()]


def _set_aside(rejects: Path, siblings: list[Path]) -> Path | None:
    """Move rejects that may be those of another output out of the way: they are all that is known of those rows."""
    if not siblings or not rejects.exists():
        return None
    stem = rejects.name.removesuffix(".jsonl")
    places = (rejects.with_name(f"{stem}.{number}.jsonl") for number in itertools.count(1))
    return rejects.rename(next(place for place in places if not place.exists()))


def _is_input(job: Job, file: Path) -> bool:
    source = getattr(job.source, "path", None)
    return source is not None and file.exists() and file.samefile(source)


def _check_lengths(paths: Paths, progress: Progress) -> None:
    for part, size in ((paths.part, progress.out_bytes), (paths.rejects_part, progress.rejects_bytes)):
        if size and (not part.exists() or part.stat().st_size < size):
            raise InputError(f"{part}: is shorter than its journal says; --restart starts over")


def _work(job: Job, identity: Identity, found: Fingerprint, start: Progress) -> Progress:
    spool = Spool(job.sink.paths, identity, start, with_text=not job.options.no_text)
    if job.watcher:
        job.watcher.start(found.size, start.position)
    seen = _Seen(start.results + start.rejects)
    try:
        for item, answered in job.engine(seen.rows(job.source.items(start.lines, start.position)), _factory(job)):
            spool.write(item, answered)
            if job.watcher and answered is not None:
                job.watcher.row(item.position, rejected=isinstance(answered, Reject))
        _check_counts(job.sink.paths, spool, seen, found)
        return spool.checkpoint(finished=True)
    except KeyboardInterrupt:
        raise Stopped(spool.checkpoint().lines) from None
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


def _check_counts(paths: Paths, spool: Spool, seen: _Seen, found: Fingerprint) -> None:
    """In = out + rejected, by three counts made apart: the input's own, what the source gave, what was written."""
    spool.checkpoint()
    done = spool.progress
    written = count_lines(paths.part), count_lines(paths.rejects_part)
    if written != (done.results, done.rejects) or sum(written) != seen.count:
        message = f"{seen.count} rows came in, {written[0]} went out and {written[1]} were rejected; please report this"
        raise SpinecodeError(message)
    if found.rows is not None and found.rows != seen.count:
        raise InputError(
            f"{found.rows} rows were counted and {seen.count} read: the input changed; --restart starts over"
        )


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
