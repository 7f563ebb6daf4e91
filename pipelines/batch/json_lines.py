"""JSON Lines as a source: one JSON object per line."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ...coding.errors import InputError
from ..rows import Row, parse_row
from .items import Fingerprint, Item
from .streams import Stream, Torn, damage, existing_file, hash_file, head_of, is_compressed, not_read, unreadable

_ARRAY: Final = re.compile(rb"\s*\[\s*(?:\{|\Z)")


class JsonLines:
    """A file of one JSON object per line. Behind a kill, a plain file is gone on with where it was left.

    ``names``: the keys that hold what spinecode knows, where they are called otherwise: {"text": "note_body"}.
    ``warnings``: what was met while reading.
    """

    columns: tuple[str, ...] | None = None

    def __init__(self, path: Path, names: Mapping[str, str] | None = None) -> None:
        self.path = existing_file(path, "a file of one JSON object per line")
        self._names = names or {}
        self.warnings: list[str] = []
        self._seekable = not is_compressed(path)
        _check_head(path, head_of(path))

    def fingerprint(self) -> Fingerprint:
        """Hash and size; of a plain file the number of rows too."""
        if not self._seekable:
            return Fingerprint(*hash_file(self.path))
        digest, size, rows = hashlib.sha256(), 0, 0
        with self.path.open("rb") as file:
            for line in file:
                digest.update(line)
                held = line.removeprefix(codecs.BOM_UTF8) if not size else line
                rows += bool(held.strip())
                size += len(line)
        return Fingerprint(digest.hexdigest(), size, rows)

    def items(self, lines: int, position: int) -> Iterator[Item]:
        """Each line; a blank one holds no row."""
        stream = Stream(self.path)
        try:
            yield from self._items(stream, lines, position)
        finally:
            stream.close()

    def _items(self, stream: Stream, lines: int, position: int) -> Iterator[Item]:
        number, offset = 0, 0
        if self._seekable:
            stream.file.seek(position)
            number, offset = lines, position
        try:
            for raw in stream.file:
                number += 1
                offset = offset + len(raw) if self._seekable else stream.place()
                if number > lines:
                    yield Item(parse_row(number, raw, self._names), number, offset)
        except damage() as error:
            for item in self._broken_off(number + 1, offset, error):
                if item.line > lines:
                    yield item

    def _broken_off(self, line: int, offset: int, error: Exception) -> Iterator[Item]:
        """A last row without a line end is whole if it is an object, which a part of one never is."""
        last = parse_row(line, error.piece, self._names) if isinstance(error, Torn) else None
        if isinstance(error, Torn) and isinstance(last, Row):
            yield Item(last, line, offset)
            line, error = line + 1, Torn(error.what, b"")
        self.warnings.append(not_read(str(self.path), error, line))
        yield unreadable(line, offset, error)


def _check_head(path: Path, head: bytes) -> None:
    """Refuse as a whole what would be a reject on every line."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"{\0", b"\0{")):
        raise InputError(f"{path}: is UTF-16; save it as UTF-8")
    if _ARRAY.match(head.removeprefix(codecs.BOM_UTF8)):
        raise InputError(
            f"{path}: is a JSON array; one object per line is wanted, without brackets and commas around them"
        )
