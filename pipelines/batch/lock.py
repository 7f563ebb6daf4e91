"""One run at a time beside an output."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ...coding.errors import InputError
from .sinks import Paths
from .spool import open_private

_locks: set[int] = set()


def _drop_locks() -> None:
    # A worker would hold the lock of a run that was killed until it noticed.
    for descriptor in _locks:
        os.close(descriptor)
    _locks.clear()


os.register_at_fork(after_in_child=_drop_locks)


@contextmanager
def locked(paths: Paths) -> Iterator[None]:
    """Only one run at a time writes beside OUT. The lock dies with the process, however it dies."""
    held: list[int] = []
    try:
        # Both parts: the rejects of a.csv and of a.jsonl are the same file.
        for part in (paths.part, paths.rejects_part):
            held.append(open_private(part))
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
