"""The main job: a note goes in, an explained code set comes out.

`Spinecode` is built once (that loads the language pipeline) and called once per note. `replay` decides stored findings
again and needs no pipeline at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, Protocol

from .. import __version__
from ..coding.codeset import CodeSet
from ..coding.decide import decide
from ..coding.errors import FindingsError
from ..coding.findings import Findings, from_json
from .result import Result, build_result
from .text_input import check_date, check_text


class ReadsNotes(Protocol):
    """What turns a note into findings."""

    def read(self, text: str, date_of_service: str | None = None) -> Findings:
        """The findings of one note."""
        ...


class Spinecode:
    """The engine. Build it once; it holds no state of the notes it has seen."""

    def __init__(self, *, reader: ReadsNotes | None = None) -> None:
        """``reader``: another reader of notes than the built-in one."""
        self._reader = reader or _built_in_reader()

    def suggest(
        self,
        text: str,
        *,
        encounter_id: str | int | None = None,
        provider: str | None = None,
        date_of_service: str | date | None = None,
    ) -> Result:
        """Suggest codes for one note.

        Raises:
            InputError: the text is no string that can be written, or the date is none.
        """
        day = check_date(date_of_service)
        findings = self._reader.read(check_text(text), day)
        return build_result(
            text,
            findings,
            decide(findings),
            engine=__version__,
            ruleset=ruleset(),
            encounter_id=encounter_id,
            provider=provider,
        )

    @staticmethod
    def replay(findings_json: Mapping[str, Any] | str, release: str | None = None) -> CodeSet:
        """Decide stored findings again; see `replay`."""
        return replay(findings_json, release)


def _built_in_reader() -> ReadsNotes:
    # spaCy is imported here, when an engine is built, and nowhere before.
    from loguru import logger

    from ..nlp.reader import Reader

    # medspaCy and PyRuSH log through loguru, whose default sink prints to standard error; a log may quote the note.
    for package in ("medspacy", "PyRuSH", "quickumls"):
        logger.disable(package)
    return Reader()


def replay(findings_json: Mapping[str, Any] | str, release: str | None = None) -> CodeSet:
    """The code set of stored findings: the ``findings`` of a result, a whole result, or either as a JSON string.

    ``release`` is the code set to decide under; a whole result brings its own.

    Raises:
        FindingsError: these are not findings that this version can read.
    """
    if isinstance(findings_json, str):
        try:
            findings_json = json.loads(findings_json)
        except (ValueError, RecursionError):
            raise FindingsError("findings: not JSON") from None
    if isinstance(findings_json, Mapping) and "findings" in findings_json:
        release = release or findings_json.get("release")
        findings_json = findings_json["findings"]
    return decide(from_json(findings_json), release)


@cache
def ruleset() -> str:
    """A hash of the tables and phrases: two results with the same engine and ruleset were made by the same rules."""
    from ..coding.tables import ruleset_hash
    from ..nlp.lexicon import phrases_hash

    return hashlib.sha256(f"{ruleset_hash()} {phrases_hash()}".encode()).hexdigest()[:16]
