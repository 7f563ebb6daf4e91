"""Many notes: one JSON object per line in, one Result per line out, in order; a bad line never stops the run.

Reading rows (`rows`), deciding (`answer`) and writing (`_Output`) are apart. A run can be killed at any moment: run
again, it carries on after the last row that its journal vouches for and ends with the same bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from ..coding.errors import InputError, SpinecodeError
from . import journal
from .journal import PRIVATE, Identity, Progress
from .no_text import blank_text
from .result import canonical_json
from .rows import Reject, Row, parse_row
from .suggest import Spinecode

_ROWS_PER_CHECKPOINT: Final = 100
_SECONDS_PER_CHECKPOINT: Final = 1.0


@dataclass(frozen=True)
class Options:
    """What changes the bytes of the output. ``release_file``: which release was read from a file."""

    no_text: bool = False
    release_file: str | None = None


@dataclass(frozen=True)
class Summary:
    """What a finished run did. ``resumed_at``: lines that an earlier run had done. ``defects``: rejects that are ours."""

    results: int
    rejects: int
    defects: int
    rejects_path: Path
    resumed_at: int


@dataclass(frozen=True)
class _Paths:
    """The files of a run, all beside OUT."""

    source: Path
    out: Path
    rejects: Path
    part: Path
    rejects_part: Path
    journal: Path

    @classmethod
    def of(cls, source: str, out: str) -> _Paths:
        target = Path(out)
        stem = target.name.removesuffix(".jsonl")
        rejects = target.with_name(f"{stem}.rejects.jsonl")
        return cls(
            source=Path(source),
            out=target,
            rejects=rejects,
            part=target.with_name(f"{target.name}.part"),
            rejects_part=rejects.with_name(f"{rejects.name}.part"),
            journal=target.with_name(f"{target.name}.journal"),
        )


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
    """Run ``source`` into ``out``, or carry on with it. ``build`` makes the engine once the files are known to be good.

    Raises:
        InputError: a file that cannot be used, or a journal of a different run.
    """
    options = options or Options()
    try:
        paths = _check_paths(_Paths.of(source, out))
        identity = Identity(*_fingerprint(paths.source), vars(options), engine_version, ruleset)
        with _locked(paths):
            start = _start(paths, identity, restart=restart)
            done = start if start.finished else _work(paths, identity, start, build(), options)
            _finish(paths, done)
    except OSError as error:
        raise InputError(f"{error.filename or out}: {error.strerror or error}") from None
    return Summary(done.results, done.rejects, done.defects, paths.rejects, start.lines)


def _check_paths(paths: _Paths) -> _Paths:
    if not paths.source.exists():
        raise InputError(f"{paths.source}: no such file; give a file of one JSON object per line")
    if not paths.source.is_file():
        raise InputError(f"{paths.source}: is no regular file; give a file of one JSON object per line")
    if paths.out.is_dir() or not paths.out.name:
        raise InputError(f"{paths.out}: is a directory; give the file to write")
    if paths.out.is_symlink() or (paths.out.exists() and not paths.out.is_file()):
        # Moving the finished part there would replace the link or device itself: /dev/stdout, say.
        raise InputError(f"{paths.out}: is a link or a device; give a regular file to write")
    if not paths.out.parent.is_dir():
        raise InputError(f"{paths.out.parent}: no such directory; make it first")
    for target in (paths.out, paths.rejects, paths.part, paths.rejects_part, paths.journal):
        if target.exists() and target.samefile(paths.source):
            raise InputError(f"{paths.source}: the run would overwrite its own input; choose another output")
    return paths


def _fingerprint(source: Path) -> tuple[str, int]:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


@contextmanager
def _locked(paths: _Paths) -> Iterator[None]:
    """Only one run at a time writes beside OUT. The lock dies with the process, however it dies."""
    with _open_private(paths.part) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{paths.part}: another run is writing to it; wait for it or stop it") from None
        yield


def _open_private(path: Path) -> BinaryIO:
    """Open for reading and writing without truncating; 0600 whatever the umask and whoever made it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE)
    os.fchmod(descriptor, PRIVATE)
    return os.fdopen(descriptor, "r+b")


def _start(paths: _Paths, identity: Identity, *, restart: bool) -> Progress:
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


def _check_lengths(paths: _Paths, progress: Progress) -> None:
    for part, size in ((paths.part, progress.out_bytes), (paths.rejects_part, progress.rejects_bytes)):
        if size and (not part.exists() or part.stat().st_size < size):
            raise InputError(f"{part}: is shorter than its journal says; --restart starts over")


# -- reading, deciding, writing ----------------------------------------------------------------------------------------


def read_rows(file: BinaryIO, progress: Progress) -> Iterator[tuple[Row | Reject | None, int, int]]:
    """Each line from where ``progress`` ends: its row (None for a blank one), its number and the offset behind it."""
    file.seek(progress.input_offset)
    offset = progress.input_offset
    for line, raw in enumerate(file, start=progress.lines + 1):
        offset += len(raw)
        yield parse_row(line, raw), line, offset


def answer(engine: Spinecode, row: Row, options: Options) -> str | Reject:
    """The result line of one row, or why there is none. A defect of ours costs one row, not the run."""
    try:
        result = engine.suggest(
            row.text, encounter_id=row.encounter_id, provider=row.provider, date_of_service=row.date_of_service
        )
        data = replace(result, extra=row.extra).to_dict()
        return canonical_json(blank_text(data, engine.release_file) if options.no_text else data)
    except SpinecodeError as error:
        return Reject(row.line, str(error), row.raw)
    except Exception as error:  # its message may quote the note, its type does not
        return Reject(row.line, f"a defect of spinecode: {type(error).__name__}", row.raw, defect=True)


class _Output:
    """The two partial files. What they hold is durable once `checkpoint` returns, and only then is it journalled."""

    def __init__(self, paths: _Paths, identity: Identity, progress: Progress) -> None:
        self._paths, self._identity, self.progress = paths, identity, progress
        self._out = self._reopen(paths.part, progress.out_bytes)
        self._rejects = self._reopen(paths.rejects_part, progress.rejects_bytes)
        self._due = time.monotonic() + _SECONDS_PER_CHECKPOINT
        self._pending = 0

    @staticmethod
    def _reopen(path: Path, size: int) -> BinaryIO:
        file = _open_private(path)
        file.truncate(size)  # what a killed run wrote behind its last journal
        file.seek(size)
        return file

    def write(self, answered: str | Reject | None, line: int, offset: int, *, with_text: bool) -> None:
        done = replace(self.progress, lines=line, input_offset=offset)
        if isinstance(answered, str):
            size = self._out.write(answered.encode("utf-8") + b"\n")
            done = replace(done, out_bytes=done.out_bytes + size, results=done.results + 1)
        elif answered is not None:
            size = self._rejects.write(canonical_json(answered.to_dict(with_text=with_text)).encode("utf-8") + b"\n")
            done = replace(
                done,
                rejects_bytes=done.rejects_bytes + size,
                rejects=done.rejects + 1,
                defects=done.defects + answered.defect,
            )
        self.progress = done
        self._pending += 1
        if self._pending >= _ROWS_PER_CHECKPOINT or time.monotonic() >= self._due:
            self.checkpoint()

    def checkpoint(self, *, finished: bool = False) -> Progress:
        for file in (self._out, self._rejects):
            file.flush()
            os.fsync(file.fileno())
        self.progress = replace(self.progress, finished=finished)
        journal.save(self._paths.journal, self._identity, self.progress)
        self._pending, self._due = 0, time.monotonic() + _SECONDS_PER_CHECKPOINT
        return self.progress

    def close(self) -> None:
        self._out.close()
        self._rejects.close()


def _work(paths: _Paths, identity: Identity, start: Progress, engine: Spinecode, options: Options) -> Progress:
    output = _Output(paths, identity, start)
    try:
        with paths.source.open("rb") as file:
            for row, line, offset in read_rows(file, start):
                answered = answer(engine, row, options) if isinstance(row, Row) else row
                output.write(answered, line, offset, with_text=not options.no_text)
        return output.checkpoint(finished=True)
    except KeyboardInterrupt:
        output.checkpoint()
        raise
    finally:
        output.close()


def _finish(paths: _Paths, done: Progress) -> None:
    """Put the parts in place. A kill between the steps is repaired by the next run: the journal goes last."""
    if done.rejects:
        _place(paths.rejects_part, paths.rejects, done.rejects_bytes)
    else:
        paths.rejects_part.unlink(missing_ok=True)
        paths.rejects.unlink(missing_ok=True)
    _place(paths.part, paths.out, done.out_bytes)
    paths.journal.unlink()


def _place(part: Path, target: Path, size: int) -> None:
    """Move a finished part; one of another size is an empty one, made when the real one had been moved already."""
    if part.exists() and part.stat().st_size == size:
        part.replace(target)
    else:
        part.unlink(missing_ok=True)
