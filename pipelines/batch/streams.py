"""Files as streams of bytes: plain, gzip or zstd, told apart by their first bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from ...coding.errors import InputError
from ..rows import Reject
from .items import Item

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
COMPRESSED: Final = (".gz", ".zst")
_BUFFER: Final = 1 << 17
_CHECKSUM: Final = 4
"""Bytes at the end of a zstd frame."""
_LONGEST_PIECE: Final = 1 << 20
"""Bytes of a torn line that are kept for its reject."""


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
            return cast(BinaryIO, io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=self._raw).read1), _BUFFER))
        if head.startswith(_ZSTD):
            return cast(BinaryIO, io.BufferedReader(_Unpacked(_Zstd(self._raw).read), _BUFFER))
        return self._raw

    def place(self) -> int:
        """Bytes of the stored file read so far."""
        return self._raw.tell()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


class Torn(EOFError):  # noqa: N818 - what it says, not what it is
    """A packed file goes on no further. ``piece``: what was read of the line at that place, which no reader has seen."""

    def __init__(self, what: str, piece: bytes) -> None:
        super().__init__(what)
        self.what, self.piece = what, piece


class _Unpacked(io.RawIOBase):
    """Unpacked bytes. Where they break off, what readers of lines hold back is handed out with the error.

    ``read``: gives some of the next bytes, at most so many.
    """

    def __init__(self, read: Callable[[int], bytes | None]) -> None:
        self._read = read
        self._piece = bytearray()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            read = self._read(len(buffer)) or b""
        except damage() as error:
            raise Torn(_what_happened(error), bytes(self._piece)) from error
        buffer[: len(read)] = read
        end = read.rfind(b"\n") + 1
        if end:
            self._piece.clear()
        self._piece += read[end : end + _LONGEST_PIECE - len(self._piece)]
        return len(read)


def _what_happened(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "is cut off"
    if isinstance(error, gzip.BadGzipFile) and "Not a gzipped" in str(error):
        return "goes on with what is not packed"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    if "check" in str(error) or isinstance(error, gzip.BadGzipFile):
        return "fails its checksum (rows above may have been altered too)"
    return "is damaged"


class _Zstd(io.RawIOBase):
    """The unpacked bytes of zstd frames. One that is cut off raises `EOFError`; the library's own reader just ends."""

    def __init__(self, packed: BinaryIO) -> None:
        import zstandard

        self._packed, self._unpacker = packed, zstandard.ZstdDecompressor()
        self._frame = self._unpacker.decompressobj()
        self._fed, self._held, self._last = False, b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            if self._frame.eof:
                rest = self._frame.unused_data or self._next()
                self._frame, self._fed = self._unpacker.decompressobj(), False
            else:
                rest = self._next()
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

    def _next(self) -> bytes:
        """The checksum at the end comes alone: a wrong one would take with it what is unpacked in the same step."""
        data = self._last + self._packed.read(_BUFFER)
        if len(data) <= _CHECKSUM:
            self._last = b""
            return data
        self._last = data[-_CHECKSUM:]
        return data[:-_CHECKSUM]


def damage() -> tuple[type[Exception], ...]:
    """What reading a damaged or vanishing file raises."""
    import zstandard

    return (OSError, EOFError, zlib.error, zstandard.ZstdError)


def damage_words(error: Exception) -> str:
    """What is wrong with a file, in words that follow its name."""
    return error.what if isinstance(error, Torn) else _what_happened(error)


def unreadable(line: int, position: int, error: Exception) -> Item:
    """The reject that stands for the rest of an input that cannot be read, with what was read of its first row."""
    return Item(Reject(line, f"the input {broken_off(error)}", piece_of(error)), line, position)


def broken_off(error: Exception) -> str:
    """The reason of the reject at the place of damage, behind the name of the file."""
    return f"{damage_words(error)} here: rows behind this place could not be read"


def not_read(name: str, error: Exception, line: int) -> str:
    """The warning at the end of a run."""
    return f"warning: {name} {damage_words(error)} at row {line}: what stands behind it was not read"


def piece_of(error: Exception) -> str:
    """What was read of the line where a file breaks off."""
    return error.piece.decode("utf-8", errors="replace").rstrip("\r\n") if isinstance(error, Torn) else ""


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


def head_of(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file, unpacked; of a damaged one as many as there are."""
    stream = Stream(path)
    try:
        return stream.file.read1(size)  # type: ignore[attr-defined,no-any-return]
    except damage():
        return b""
    finally:
        stream.close()
