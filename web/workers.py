"""Worker processes that read notes: a note that takes too long or kills its reader costs one request, not the server.

Workers are forked from one process that has loaded the engine (a fork server without threads), so that a new one is
there in milliseconds and shares its memory. One thread of the server talks to each.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final, Literal

Outcome = Literal["done", "refused", "defect", "too_slow", "died"]

_NOTES_PER_WORKER: Final = 2000
"""After so many jobs a worker is replaced: spaCy remembers every word it has ever seen."""
_START_SECONDS: Final = 180
_PRELOADED: Final = "spinecode.web.preloaded"


@dataclass(frozen=True)
class Job:
    """What a worker is to do: one of `jobs.JOBS`, with its data."""

    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What became of a job. ``body``: the answer; what the sender has to mend; or the type of the defect."""

    outcome: Outcome
    body: str = ""


class OverloadedError(Exception):
    """As many requests wait as may."""


@dataclass
class _Task:
    job: Job
    future: asyncio.Future[Reply]
    loop: asyncio.AbstractEventLoop


class _Worker:
    """A process and the pipe to it."""

    def __init__(self, release_file: str | None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_PRELOADED])
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, release_file), daemon=True)
        self._process.start()
        theirs.close()
        self.jobs = 0

    def ready(self) -> bool:
        """Wait until it has loaded."""
        with contextlib.suppress(EOFError, OSError):
            return self.pipe.poll(_START_SECONDS) and bool(self.pipe.recv())
        return False

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


class Workers:
    """``count`` worker processes and the queue before them. ``seconds``: for one job. ``waiting``: longest queue."""

    def __init__(self, count: int, seconds: float, waiting: int, release_file: str | None = None) -> None:
        self.count, self.seconds, self.waiting = count, seconds, waiting
        self.under_way = self.replaced = 0
        self._release_file = release_file
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start them, and wait until the first can answer.

        Raises:
            ChildProcessError: it does not come up.
        """
        first = _Worker(self._release_file)
        if not first.ready():
            message = "the worker processes do not start; is there enough memory?"
            raise ChildProcessError(message)
        for number in range(self.count):
            thread = threading.Thread(target=self._attend, args=(first if number == 0 else None,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End them all."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(timeout=self.seconds + 5)
        self._threads.clear()

    async def ask(self, job: Job) -> Reply:
        """The reply to a job.

        Raises:
            OverloadedError: the queue is full.
        """
        if self.under_way >= self.count + self.waiting:
            raise OverloadedError
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self.under_way += 1
        try:
            self._tasks.put(_Task(job, future, loop))
            return await future
        finally:
            self.under_way -= 1

    def _attend(self, worker: _Worker | None) -> None:
        """The life of one thread: one worker after the other, one job after the other."""
        while (task := self._tasks.get()) is not None:
            if task.future.cancelled():
                continue
            if worker is None or worker.jobs >= _NOTES_PER_WORKER:
                worker = self._fresh(worker)
            reply = self._ask(worker, task.job) if worker else Reply("died")
            if reply.outcome in {"too_slow", "died"} and worker:
                worker.kill()
                worker = None
                self.replaced += 1
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                task.loop.call_soon_threadsafe(_settle, task.future, reply)
        if worker:
            worker.kill()

    def _fresh(self, old: _Worker | None) -> _Worker | None:
        if old:
            old.kill()
        with contextlib.suppress(OSError, EOFError):
            new = _Worker(self._release_file)
            if new.ready():
                return new
            new.kill()
        return None

    def _ask(self, worker: _Worker, job: Job) -> Reply:
        try:
            worker.jobs += 1
            worker.pipe.send((job.kind, dict(job.data)))
            if not worker.pipe.poll(self.seconds):
                return Reply("too_slow")
            outcome, body = worker.pipe.recv()
            return Reply(outcome, body)
        except (EOFError, OSError):
            return Reply("died")


def _settle(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)


# -- in a worker -------------------------------------------------------------------------------------------------------


def _work(pipe: Connection, release_file: str | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server ends its workers
    from .jobs import answer, open_engine

    engine = open_engine(release_file)
    pipe.send(True)
    while True:
        try:
            kind, data = pipe.recv()
            pipe.send(answer(engine, kind, data))
        except (EOFError, OSError):  # the server is gone
            os._exit(0)
