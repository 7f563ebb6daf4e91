"""Files that hold words of notes: readable by their owner only, and put in place whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ..coding.errors import InputError

PRIVATE: Final = 0o600


def check_target(path: Path) -> None:
    """Raise `InputError` unless ``path`` is a regular file or can become one."""
    if path.is_dir() or not path.name:
        raise InputError(f"{path}: is a directory; give the file to write")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        # Moving the finished file there would replace the link or device itself: /dev/stdout, say.
        raise InputError(f"{path}: is a link or a device; give a regular file to write")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such directory; make it first")


def private_file(path: Path) -> None:
    """An empty file that only its owner reads."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


def replace_durably(fresh: Path, target: Path) -> None:
    """Put a finished file in place: its bytes are on the disk before its name is."""
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fchmod(descriptor, PRIVATE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(target)
