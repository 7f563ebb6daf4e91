"""Files as streams of bytes: plain, gzip or zstd, told apart by their first bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from ...coding.errors import InputError
from ..rows import Reject
from .items import Item

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
COMPRESSED: Final = (".gz", ".zst")


def bare_suffix(path: Path) -> str:
    """The suffix that says what a file holds, in lower case: that of ``notes.csv.gz`` is ``.csv``."""
    name = path.name.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return Path(name).suffix


def is_compressed(path: Path) -> bool:
    """Whether the file is gzip or zstd, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(4)
    return head.startswith((_GZIP, _ZSTD))


class Stream:
    """A file opened for reading, unpacked on the way. `place` is where it is in the file as stored."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        head = self._raw.peek(4)[:4]
        self.file = self._unpacked(head)

    def _unpacked(self, head: bytes) -> BinaryIO:
        if head.startswith(_GZIP):
            return cast(BinaryIO, gzip.GzipFile(fileobj=self._raw))
        if head.startswith(_ZSTD):
            return cast(BinaryIO, io.BufferedReader(_Zstd(self._raw), buffer_size=1 << 17))
        return self._raw

    def place(self) -> int:
        """Bytes of the stored file read so far."""
        return self._raw.tell()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


class _Zstd(io.RawIOBase):
    """The unpacked bytes of zstd frames. One that is cut off raises `EOFError`; the library's own reader just ends."""

    def __init__(self, packed: BinaryIO) -> None:
        import zstandard

        self._packed, self._unpacker = packed, zstandard.ZstdDecompressor()
        self._frame = self._unpacker.decompressobj()
        self._fed, self._held = False, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            if self._frame.eof:
                rest = self._frame.unused_data or self._packed.read(1 << 17)
                self._frame, self._fed = self._unpacker.decompressobj(), False
            else:
                rest = self._packed.read(1 << 17)
            if not rest:
                if self._fed:
                    message = "a zstd frame is cut off"
                    raise EOFError(message)
                return 0
            self._fed = True
            self._held = self._frame.decompress(rest)
            if self._frame.eof:
                self._fed = False
        count = min(len(buffer), len(self._held))
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count


def damage() -> tuple[type[Exception], ...]:
    """What reading a damaged or vanishing file raises."""
    import zstandard

    return (OSError, EOFError, zlib.error, zstandard.ZstdError)


def unreadable(line: int, position: int, error: Exception) -> Item:
    """The reject that stands for the rest of an input that cannot be read."""
    kind = getattr(error, "strerror", None) or type(error).__name__
    reason = (
        f"the input cannot be read from here on ({kind}): it is damaged or cut off; rows behind this one are not known"
    )
    return Item(Reject(line, reason, ""), line, position)


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file as stored."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def existing_file(path: Path, what: str) -> Path:
    """``path`` if it is a file. Raises `InputError`; ``what`` says what to give."""
    if not path.exists():
        raise InputError(f"{path}: no such file; give {what}")
    if not path.is_file():
        raise InputError(f"{path}: is no regular file; give {what}")
    return path


def lines_of(path: Path) -> Iterator[bytes]:
    """Each line of a file, unpacked."""
    stream = Stream(path)
    try:
        yield from stream.file
    finally:
        stream.close()
