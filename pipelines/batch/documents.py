"""The text of a document: plain text, RTF, DOCX, PDF, HTML. It runs where rows are answered, under their time limit.

What no library here reads is refused by its name, with what to do. Messages quote nothing of the document.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from ...coding.errors import InputError
from ..rows import Document
from ..text_input import decode_note

SUFFIXES: Final[Mapping[str, str]] = {
    "": "text",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".rtf": "rtf",
    ".docx": "docx",
    ".pdf": "pdf",
    ".htm": "html",
    ".html": "html",
}
"""Kinds of documents by the suffix of their file."""

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "text/plain": "text",
    "text/markdown": "text",
    "text/rtf": "rtf",
    "application/rtf": "rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/pdf": "pdf",
    "text/html": "html",
    "application/xhtml+xml": "html",
}
"""Kinds of documents by media type."""

REFUSED: Final[Mapping[str, str]] = {
    ".doc": "an old Word file; save it as DOCX or plain text",
    ".odt": "an OpenDocument file; save it as DOCX or plain text",
    ".xml": "an XML file (a C-CDA document, perhaps); export its narrative as plain text",
    ".tif": "a scan; run text recognition over it first",
    ".tiff": "a scan; run text recognition over it first",
    ".png": "an image; run text recognition over it first",
    ".jpg": "an image; run text recognition over it first",
    ".jpeg": "an image; run text recognition over it first",
    ".zip": "an archive; unpack it into the folder",
    ".csv": "a table; give it to spinecode batch by itself",
    ".xlsx": "a table; give it to spinecode batch by itself",
    ".parquet": "a table; give it to spinecode batch by itself",
    ".jsonl": "a file of rows; give it to spinecode batch by itself",
}
"""What is met in folders of notes and is no note that can be read, with what to do."""


def text_of(document: Document) -> str:
    """The text of a document.

    Raises:
        InputError: it cannot be read, or holds no text; names the document.
    """
    data = document.data if document.path is None else _read(document)
    if not data.strip():
        return ""  # an empty note, whatever it was meant to be
    reader = _READERS.get(document.kind)
    if reader is None:
        raise InputError(f"{document.name}: is {document.kind}, which cannot be read; give it as plain text")
    return reader(data, document)


def _read(document: Document) -> bytes:
    try:
        return Path(document.path or "").read_bytes()
    except OSError as error:
        raise InputError(f"{document.name}: cannot be read: {error.strerror or error}") from None


def _plain(data: bytes, document: Document) -> str:
    return decode_note(data, document.name, document.encoding).text


def _rtf(data: bytes, document: Document) -> str:
    from striprtf.striprtf import rtf_to_text

    if not data.lstrip().startswith(b"{\\rtf"):
        raise InputError(f"{document.name}: is no RTF file; save it as RTF or plain text")
    try:
        # RTF is ASCII that says its code page itself; stray bytes are of the code page of Windows.
        text: str = rtf_to_text(data.decode("cp1252", errors="replace"), errors="replace")  # type: ignore[no-untyped-call]
    except Exception:  # whatever damaged RTF brings about
        raise _damaged(document, "RTF") from None
    return text


def _docx(data: bytes, document: Document) -> str:
    import docx
    from docx.table import Table

    try:
        body = docx.Document(io.BytesIO(data)).iter_inner_content()
        parts = [_table(part) if isinstance(part, Table) else part.text for part in body]
    except Exception:  # zip, XML and relations, each with errors of its own
        raise _damaged(document, "DOCX") from None
    return "\n".join(parts)


def _table(table: Any) -> str:
    return "\n".join("\t".join(cell.text for cell in row.cells) for row in table.rows)


def _pdf(data: bytes, document: Document) -> str:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it may quote what it stumbles over
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{document.name}: is a PDF with a password; save it without one")
        text = "\n".join(page.extract_text().rstrip() for page in reader.pages)
    except InputError:
        raise
    except Exception:  # whatever a damaged PDF brings about
        raise _damaged(document, "PDF") from None
    if not text.strip():
        raise InputError(f"{document.name}: is a PDF without text, a scan perhaps; run text recognition over it first")
    return text


def _html(data: bytes, document: Document) -> str:
    parser = _HtmlText()
    parser.feed(decode_note(data, document.name, document.encoding).text)
    parser.close()
    return parser.text()


class _HtmlText(HTMLParser):
    """The words of a page, with a line for each block."""

    _BLOCKS: Final = frozenset(
        ("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "section", "pre")
    )
    _SILENT: Final = frozenset(("script", "style", "head", "title"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in self._SILENT:
            self._silent += 1
        elif tag in self._BLOCKS:
            self._parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in self._BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(data)

    def text(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\n"))
        return "\n".join(line for line in lines if line)


def _damaged(document: Document, kind: str) -> InputError:
    return InputError(f"{document.name}: cannot be read as {kind}, it is damaged perhaps; save it as plain text")


_READERS: Final[Mapping[str, Callable[[bytes, Document], str]]] = {
    "text": _plain,
    "rtf": _rtf,
    "docx": _docx,
    "pdf": _pdf,
    "html": _html,
}
