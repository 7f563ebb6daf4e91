"""The files of a folder and below, in the order of their names; what cannot be read there is named, never passed over."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NOISE: Final = ("thumbs.db", "ehthumbs.db", "desktop.ini")
"""What Windows leaves in folders, in lower case."""
_LOCK_OF_OFFICE: Final = "~$"


@dataclass(frozen=True)
class Found:
    """A file and the name it is called by. ``refused``: why it cannot be read, if that shows before it is opened."""

    path: Path
    name: str
    refused: str | None = None


def files_below(folder: Path) -> list[Found]:
    """All files but hidden ones and what desktops leave behind. Links are followed, to each folder once."""
    return sorted(_walk(folder, "", [folder.resolve()]), key=lambda found: found.name)


def _walk(folder: Path, prefix: str, entered: list[Path]) -> Iterator[Found]:
    """``entered``: the folders that links led to, and the first."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Found(folder, prefix.rstrip("/") or folder.name, f"cannot be read: {error.strerror}")
        return
    for entry in entries:
        path, name = Path(entry.path), prefix + entry.name
        if _is_noise(entry.name):
            continue
        mode = _mode(path)
        if not stat.S_ISDIR(mode):
            yield Found(path, name, None if stat.S_ISREG(mode) else _no_file(entry))
        elif not entry.is_symlink():
            yield from _walk(path, f"{name}/", entered)
        elif any(_overlap(path.resolve(), other) for other in entered):
            # Its notes would be billed twice, or the walk never end.
            yield Found(
                path, name, "is a link to a folder that is read already, or lies around one; it is not followed"
            )
        else:
            entered.append(path.resolve())
            yield from _walk(path, f"{name}/", entered)


def _is_noise(name: str) -> bool:
    return name.startswith((".", _LOCK_OF_OFFICE)) or name.lower() in _NOISE


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _no_file(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "is a broken link: what it leads to is not there"
    return "is no regular file, or may not be read"


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
