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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .. import __version__
from ..coding.codeset import CodeSet
from ..coding.decide import decide
from ..coding.errors import FindingsError, InputError
from ..coding.findings import Findings, from_json
from ..coding.gaps.analysis import gaps_of
from ..coding.releases import release_for
from ..coding.tables import releases
from ..coding.tabular import Tabular
from .release import load
from .result import Result, build_result
from .text_input import check_date, check_text

if TYPE_CHECKING:
    from ..models.store import Models


class ReadsNotes(Protocol):
    """What turns a note into findings."""

    def read(self, text: str, date_of_service: str | None = None) -> Findings:
        """The findings of one note."""
        ...


class Spinecode:
    """The engine. Build it once; it holds no state of the notes it has seen."""

    def __init__(
        self,
        *,
        reader: ReadsNotes | None = None,
        release_file: str | Path | Tabular | None = None,
        models: Models | str | Path | None = "built-in",
        auto: float | None = None,
    ) -> None:
        """``reader``: another reader of notes than the built-in one. ``release_file``: an official tabular XML beside
        the built-in releases, for the dates of service it is for and for notes without a date. ``models``: a folder of
        trained models in place of those of the package; None: no confidence and no route. ``auto``: the least confidence of
        the route *auto*, in place of the one the models were trained to. The codes depend on neither.

        Raises:
            ReleaseError: the release file cannot be used.
            InputError: the folder holds no models of this version, or ``auto`` is no probability.
        """
        if auto is not None and not 0.0 <= auto <= 1.0:
            raise InputError(f"{auto}: the least confidence of auto is a number from 0 to 1")
        self.release_file = open_release(release_file)
        self._reader = reader or _built_in_reader()
        self._models = _open_models(models)
        self._auto = auto

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
        return self.decided(text, findings, encounter_id=encounter_id, provider=provider)

    def decided(
        self, text: str, findings: Findings, *, encounter_id: str | int | None = None, provider: str | None = None
    ) -> Result:
        """The result of findings that were read from ``text``, or read and then clarified."""
        release = release_of(findings.date_of_service, self.release_file)
        code_set = decide(findings, release)
        gaps = gaps_of(findings, code_set, release)
        judged = None
        if self._models is not None:
            from ..models.features import Decision

            judged = self._models.judge(Decision(text, findings, code_set, gaps), auto=self._auto)
        return build_result(
            text,
            findings,
            code_set,
            gaps,
            judged,
            engine=__version__,
            ruleset=ruleset(),
            encounter_id=encounter_id,
            provider=provider,
        )

    @staticmethod
    def replay(findings_json: Mapping[str, Any] | str, release: str | Tabular | None = None) -> CodeSet:
        """Decide stored findings again; see `replay`."""
        return replay(findings_json, release)


def _open_models(models: Models | str | Path | None) -> Models | None:
    """Trained models; those in files are loaded when an engine is built, and their numbers never before."""
    if not isinstance(models, str | Path):
        return models
    from ..models.store import load as load_models

    return load_models(None if models == "built-in" else models)


def open_release(file: str | Path | Tabular | None) -> Tabular | None:
    """The release in a file, if one is given."""
    return load(str(file)) if isinstance(file, str | Path) else file


def release_of(day: str | None, file: Tabular | None) -> Tabular | None:
    """``file`` if it is the release for ``day``, or if there is no date; None where a built-in one is."""
    if file is None or day is None:
        return file
    return file if release_for(day, (*releases(), file.release)) == file.release else None


def _built_in_reader() -> ReadsNotes:
    # spaCy is imported here, when an engine is built, and nowhere before.
    from loguru import logger

    from ..nlp.reader import Reader

    # medspaCy and PyRuSH log through loguru, whose default sink prints to standard error; a log may quote the note.
    for package in ("medspacy", "PyRuSH", "quickumls"):
        logger.disable(package)
    return Reader()


def replay(
    findings_json: Mapping[str, Any] | str, release: str | Tabular | None = None, *, known: Tabular | None = None
) -> CodeSet:
    """The code set of stored findings: the ``findings`` of a result, a whole result, or either as a JSON string.

    ``release`` is the code set to decide under, a built-in one by its name; a whole result brings the name of its own.
    ``known``: a release that is not built in and may be the one named.

    Raises:
        FindingsError: these are not findings that this version can read.
        ReleaseError: the release is not built in, and not the one known.
    """
    if isinstance(findings_json, str):
        try:
            findings_json = json.loads(findings_json)
        except (ValueError, RecursionError):
            raise FindingsError("findings: not JSON") from None
    if isinstance(findings_json, Mapping) and "findings" in findings_json:
        release = release or findings_json.get("release")
        findings_json = findings_json["findings"]
    if known is not None and release == known.release:
        release = known
    return decide(from_json(findings_json), release)


@cache
def models_hash() -> str | None:
    """The hash of the models of the package; None if it has none."""
    models = _open_models("built-in")
    return models.hash[:16] if models else None


@cache
def ruleset() -> str:
    """A hash of the tables and phrases: two results with the same engine and ruleset were made by the same rules."""
    from ..coding.tables import ruleset_hash
    from ..nlp.lexicon import phrases_hash

    return hashlib.sha256(f"{ruleset_hash()} {phrases_hash()}".encode()).hexdigest()[:16]
