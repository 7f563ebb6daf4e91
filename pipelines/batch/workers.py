"""Answers from worker processes, in input order, whatever becomes of a worker.

Rows go out in small chunks. A note past its time limit is stopped inside its worker. A chunk that kills its worker, or
hangs where no signal reaches (a loop in C), is answered again one row at a time, so that only the note at fault is lost.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as WaitTimeout
from dataclasses import replace
from typing import Any, Final

from pebble import ProcessExpired, ProcessPool

from ..rows import Reject, Row
from .answer import Answerer, too_slow
from .items import Answer, Answered, Item

_ROWS_PER_CHUNK: Final = 32
_CHARACTERS_PER_CHUNK: Final = 200_000
_CHUNKS_PER_WORKER: Final = 400
"""After so many a worker is replaced: spaCy remembers every word it has ever seen."""
_GRACE: Final = 2.0
"""Seconds that a worker has to stop a note itself before it is killed."""
_POOL_RESTARTS: Final = 20


def usable_cpus() -> int:
    """Processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def answer_here(items: Iterable[Item], answerer: Answerer) -> Iterator[Answered]:
    """Answer in this process: no isolation from crashes, no time limit."""
    for item in items:
        yield item, answerer(item.content) if isinstance(item.content, Row) else item.content


def answer_in_workers(
    items: Iterable[Item], factory: Callable[[], Answerer], workers: int, limit: float
) -> Iterator[Answered]:
    """Answer in ``workers`` processes; each item comes back with its answer, in the order of ``items``.

    ``factory`` makes the answerer, once, before the workers are forked. ``limit``: seconds for a note.
    """
    pool = _Pool(factory, workers, limit)
    waiting: deque[tuple[list[Item], list[Row], Any]] = deque()
    try:
        for chunk in _chunks(items):
            rows = _rows(chunk)
            waiting.append((chunk, rows, pool.schedule(rows)))
            if len(waiting) > 3 * workers:
                yield from _answered(pool, *waiting.popleft())
        while waiting:
            yield from _answered(pool, *waiting.popleft())
    finally:
        pool.stop()


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    size = rows = 0
    for item in items:
        chunk.append(item)
        if isinstance(item.content, Row):
            rows += 1
            size += len(item.content.text) + _size(item.content)
        if rows >= _ROWS_PER_CHUNK or size >= _CHARACTERS_PER_CHUNK or len(chunk) >= 10 * _ROWS_PER_CHUNK:
            yield chunk
            chunk, size, rows = [], 0, 0
    if chunk:
        yield chunk


def _size(row: Row) -> int:
    """A file that is still to be read is taken for a long note."""
    return (len(row.document.data) or 20_000) if row.document else 0


def _rows(chunk: list[Item]) -> list[Row]:
    # The raw row stays here: only a reject needs it.
    return [replace(item.content, raw="") for item in chunk if isinstance(item.content, Row)]


def _answered(pool: _Pool, chunk: list[Item], rows: list[Row], future: Any) -> Iterator[Answered]:
    answers = iter(pool.answers(future, rows))
    for item in chunk:
        if not isinstance(item.content, Row):
            yield item, item.content
            continue
        answered = next(answers)
        yield item, replace(answered, raw=item.content.raw) if isinstance(answered, Reject) else answered


class _Pool:
    """A pebble pool that is set up again when it breaks as a whole."""

    def __init__(self, factory: Callable[[], Answerer], workers: int, limit: float) -> None:
        global _answerer  # noqa: PLW0603 - what forked workers find in place
        # A forked worker has the engine at once and shares its memory.
        self._context = multiprocessing.get_context("fork")
        self._limit, self._workers = limit, workers
        self._restarts = itertools.count(1)
        _answerer = factory()
        self._pool = self._fresh()

    def _fresh(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._workers,
            max_tasks=_CHUNKS_PER_WORKER,
            initializer=_start_worker,
            initargs=(os.getpid(),),
            context=self._context,
        )

    def schedule(self, rows: list[Row]) -> Any:
        """The future of the answers to a chunk of rows."""
        if not rows:
            return None
        # Rarely reached: each note is stopped by its worker. Longer than any two notes of the chunk may take.
        timeout = 2 * self._limit + _GRACE if self._limit > 0 else None
        try:
            return self._pool.schedule(_answer_chunk, args=(rows, self._limit), timeout=timeout)
        except RuntimeError:  # the pool is broken; what was under way is answered again when its turn comes
            self._restart()
            return self._pool.schedule(_answer_chunk, args=(rows, self._limit), timeout=timeout)

    def answers(self, future: Any, rows: list[Row]) -> list[Answer | Reject]:
        """The answers of a chunk; what went wrong with the chunk as a whole is found out row by row."""
        if future is None:
            return []
        try:
            return self._wait(future)
        except (ProcessExpired, WaitTimeout, CancelledError, RuntimeError, OSError):
            return [self._alone(row) for row in rows]

    def _alone(self, row: Row) -> Answer | Reject:
        """A row in a worker for itself. A pool that broke says nothing of the row: it is tried again."""
        for _ in range(2):
            try:
                return self._wait(self.schedule([row]))[0]
            except WaitTimeout:
                return Reject(row.line, too_slow(self._limit), row.raw)
            except ProcessExpired as error:
                code = error.exitcode
                return Reject(row.line, f"its worker process died ({_exit_words(code)})", row.raw, defect=True)
            except (CancelledError, RuntimeError, OSError):
                self._restart()
        return Reject(row.line, "its worker process died", row.raw, defect=True)

    def _wait(self, future: Any) -> list[Answer | Reject]:
        answers: list[Answer | Reject] = future.result()
        return answers

    def _restart(self) -> None:
        if next(self._restarts) > _POOL_RESTARTS:
            message = "the worker processes keep dying; is there enough memory?"
            raise ChildProcessError(message)
        self.stop()
        self._pool = self._fresh()

    def stop(self) -> None:
        """Stop the workers; nothing under way is waited for."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            pass
    return f"exit status {code}"


# -- in a worker -------------------------------------------------------------------------------------------------------

_answerer: Answerer | None = None


def _start_worker(parent: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # how the pool stops a worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the main process stops the workers
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """A worker whose main process was killed has nobody to answer."""
    while os.getppid() == parent:
        time.sleep(0.25)
    os._exit(1)


def _answer_chunk(rows: list[Row], limit: float) -> list[Answer | Reject]:
    assert _answerer is not None
    return [_answerer(row, limit) for row in rows]
