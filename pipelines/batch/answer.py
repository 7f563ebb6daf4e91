"""One row to the line of the spool that stands for it. It runs wherever the engine runs: here, in a worker, in Spark."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from ...coding.errors import SpinecodeError
from ...coding.typed import is_written_like_a_code
from ..no_text import blank_text
from ..result import canonical_json
from ..rows import Document, Reject, Row
from ..suggest import Spinecode
from ..text_input import check_text
from .items import Answer

Shape = Callable[[Mapping[str, Any], Row], Any]
"""What is kept of a result object (already blanked where asked for): something that JSON can hold."""


@dataclass(frozen=True)
class Options:
    """What changes the bytes of the output. ``release_file``: which release was read from a file. ``auto``, ``models``: from
    which confidence on an encounter goes to *auto*, and the hash of the models that say so. ``note_timeout``: seconds.
    """

    no_text: bool = False
    release_file: str | None = None
    no_dots: bool = False
    format: str = "jsonl"
    rows: str = "encounters"
    columns: str | None = None
    encoding: str = "utf-8"
    sheet: str | None = None
    note_timeout: float | None = None
    auto: float | None = None
    models: str | None = None


class NoteTimeLimitError(BaseException):
    """A note is past its time limit. No `Exception`, so that nothing on the way takes it for a failure of its own."""


def too_slow(limit: float) -> str:
    """The reason of a reject."""
    return f"took longer than {limit:g} s, the time limit of a note (--note-timeout)"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `NoteTimeLimitError` when the block takes longer. Only in a main thread: others cannot be interrupted."""
    if seconds <= 0 or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise NoteTimeLimitError

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Answerer:
    """Answers rows with one engine. A defect of ours costs one row, not the run."""

    def __init__(self, engine: Spinecode, options: Options, shape: Shape | None = None) -> None:
        self._engine, self._options, self._shape = engine, options, shape

    def __call__(self, row: Row, limit: float = 0.0) -> Answer | Reject:
        """The answer to one row, or why there is none. ``limit``: seconds, 0 for none."""
        start = time.perf_counter()
        try:
            with time_limit(limit):
                payload = self._payload(row)
        except NoteTimeLimitError:
            return Reject(row.line, too_slow(limit), row.raw)
        except SpinecodeError as error:
            return Reject(row.line, str(error), row.raw)
        except Exception as error:  # its message may quote the note, its type does not
            return Reject(row.line, f"a defect of spinecode: {type(error).__name__}", row.raw, defect=True)
        return Answer(row.line, payload, time.perf_counter() - start)

    def _payload(self, row: Row) -> str:
        if row.document is not None:
            row = _read(row, row.document)
        result = self._engine.suggest(
            row.text, encounter_id=row.encounter_id, provider=row.provider, date_of_service=row.date_of_service
        )
        if row.extra is not None:
            result = replace(result, extra=row.extra)
        data = result.to_dict()
        if self._options.no_text:
            data = blank_text(data, self._engine.release_file)
        if self._options.no_dots:
            data = without_dots(data)
        return canonical_json(self._shape(data, row) if self._shape else data)


def _read(row: Row, document: Document) -> Row:
    """The row with what it still lacks read from its document."""
    if document.kind == "fhir":
        from .fhir_in import read_document_reference

        return read_document_reference(row)
    if document.kind == "hl7":
        from .hl7_in import read_message

        return read_message(row)
    from .documents import text_of

    return replace(row, text=check_text(text_of(document)), document=None)


def without_dots(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result object with its codes as claim forms have them, without the dot; sentences keep theirs."""
    bare = dict(result)
    bare["codes"] = [_code_without_dot(code) for code in result["codes"]]
    bare["not_coded"] = [_plain(entry, "code") for entry in result["not_coded"]]
    for key in ("open_facts", "gaps"):
        if key in result:
            bare[key] = [_choice_without_dots(entry) for entry in result[key]]
    return bare


def _code_without_dot(code: Mapping[str, Any]) -> dict[str, Any]:
    bare = _plain(code, "code")
    if "exception" in code:
        bare["exception"] = _plain(code["exception"], "with")
    return bare


def _choice_without_dots(entry: Mapping[str, Any]) -> dict[str, Any]:
    bare = {**entry, "options": [_options_without_dots(option) for option in entry.get("options", [])]}
    demanded = entry.get("demanded_by")
    if isinstance(demanded, str) and is_written_like_a_code(demanded):
        bare["demanded_by"] = demanded.replace(".", "")
    return bare


def _options_without_dots(option: Mapping[str, Any]) -> dict[str, Any]:
    return {**option, "codes": [str(code).replace(".", "") for code in option.get("codes", [])]}


def _plain(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = entry[key]
    return {**entry, key: value.replace(".", "") if isinstance(value, str) else value}
