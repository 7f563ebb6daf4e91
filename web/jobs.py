"""What a worker does: one function for each kind of job, from plain data to the text of a response.

Whatever a note does to them ends here: what the sender can mend is *refused* with one line, anything else is a *defect*
of which only the type is told, because a message may quote the note.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ..coding.claim import Claim
from ..coding.errors import InputError, SpinecodeError
from ..coding.typed import typed_codes
from ..pipelines.audit import audit_claims, audit_data
from ..pipelines.batch.fhir_in import documents_in, read_document_reference
from ..pipelines.batch.fhir_out import entries_of, operation_outcome
from ..pipelines.claims import ClaimRow, typed_cpt
from ..pipelines.clarify import clarified
from ..pipelines.codes import look_up, open_named
from ..pipelines.query.ask import ask, asked_data
from ..pipelines.query.templates import built_in
from ..pipelines.render_codes import codes_data
from ..pipelines.result import Result, canonical_json
from ..pipelines.rows import Document, Row, load_object
from ..pipelines.suggest import Spinecode
from ..pipelines.text_input import check_text
from . import screens

Data = Mapping[str, Any]


def open_engine(release_file: str | None) -> Spinecode:
    """The engine of a worker: the one that was loaded before it was forked, unless a release file was given."""
    from .preloaded import ENGINE

    return Spinecode(release_file=release_file) if release_file else ENGINE


def answer(engine: Spinecode, kind: str, data: Data) -> tuple[str, str]:
    """Outcome and body of a job."""
    try:
        return "done", JOBS[kind](engine, data)
    except SpinecodeError as error:
        return "refused", _in_our_words(str(error))
    except Exception as error:
        return "defect", _where(error)


def _where(error: Exception) -> str:
    """The type of a defect and the place in our code, for the log; never its message."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "spinecode" in file:
            place = f" at {file.rpartition('spinecode')[2].lstrip('/')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place


def _in_our_words(message: str) -> str:
    """Messages of the command line name its options; a request has keys."""
    for option, key in (("--answer ", "answers: "), ("--set ", "set: "), ("--gap ", "gap: ")):
        message = message.replace(option, key, 1) if message.startswith(option) else message
    return message


def suggested(engine: Spinecode, data: Data) -> Result:
    """The result of a request, with the answers and facts that it tells."""
    text = check_text(data["text"])
    result = engine.suggest(
        text,
        encounter_id=data.get("encounter_id"),
        provider=data.get("provider"),
        date_of_service=data.get("date_of_service"),
    )
    told = clarified(engine, text, result, _pairs(data.get("answers")), _pairs(data.get("set")))
    return replace(told, extra=data["extra"]) if data.get("extra") else told


def _pairs(told: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple((told or {}).items())


def _suggest(engine: Spinecode, data: Data) -> str:
    return suggested(engine, data).to_json()


def _query(engine: Spinecode, data: Data) -> str:
    result = suggested(engine, data)
    return canonical_json(asked_data(ask(result.to_dict(), built_in(), text=data["text"], only=data.get("gap"))))


def _audit(engine: Spinecode, data: Data) -> str:
    text = check_text(data["text"])
    claim = Claim(
        codes=tuple(code for cell in data["codes"] for code in typed_codes(cell)),
        cpt=tuple(number for cell in data.get("cpt") or () for number in typed_cpt(cell)),
        date_of_service=data.get("date_of_service"),
        empty_note=not text.strip(),
    )
    row = ClaimRow(1, "" if data.get("encounter_id") is None else data["encounter_id"], claim, text)
    return canonical_json(audit_data(audit_claims((row,), lambda: engine, release_file=engine.release_file)))


def _codes(engine: Spinecode, data: Data) -> str:
    answer = look_up([data["code"]], open_named(None, engine.release_file))
    if not answer.entries:
        raise InputError(f"no code {data['code']!r}; GET /codes?q=WORDS looks for words")
    return canonical_json(codes_data(answer))


# -- FHIR --------------------------------------------------------------------------------------------------------------


def _fhir(engine: Spinecode, data: Data) -> str:
    """A Bundle: for each DocumentReference its Encounter and Conditions, or an OperationOutcome why there are none."""
    resource = load_object(data["resource"])
    entries: list[dict[str, Any]] = []
    refused: list[str] = []
    documents = _documents(resource)
    for line, document in enumerate(documents, start=1):
        try:
            entries += _entries(engine, line, document)
        except InputError as error:
            reason = f"DocumentReference {line}: {error}"
            refused.append(reason)
            entries.append({"resource": operation_outcome(reason)})
    if len(refused) == len(documents):
        raise InputError(refused[0] if refused else "holds no DocumentReference; send one, or a Bundle that has some")
    return canonical_json({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _documents(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        return list(documents_in(resource))
    except (TypeError, AttributeError):  # a list where an object belongs, or the like
        raise InputError("is no valid Bundle of FHIR R4") from None


def _entries(engine: Spinecode, line: int, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    raw = canonical_json(document).encode("utf-8")
    blank = Row(line, "", "", None, None, None, "", Document("fhir", "DocumentReference", data=raw))
    row = read_document_reference(blank)
    result = engine.suggest(
        row.text, encounter_id=row.encounter_id, provider=row.provider, date_of_service=row.date_of_service
    )
    return entries_of(replace(result, extra=row.extra).to_dict(), row)


JOBS: Final[Mapping[str, Callable[[Spinecode, Data], str]]] = {
    "suggest": _suggest,
    "query": _query,
    "audit": _audit,
    "codes": _codes,
    "fhir": _fhir,
    **screens.JOBS,
}

_NOTE: Final = "Assessment: low back pain with sciatica."
_REFERENCE: Final = {
    "resourceType": "DocumentReference",
    "id": "warm",
    "status": "current",
    "content": [{"attachment": {"contentType": "text/plain", "data": "QXNzZXNzbWVudDogbmVjayBwYWluLg=="}}],
}
WARMING: Final[tuple[tuple[str, Data], ...]] = (
    ("query", {"text": _NOTE}),
    ("audit", {"text": _NOTE, "codes": ["M54.50"]}),
    ("codes", {"code": "M54.5"}),
    ("fhir", {"resource": json.dumps(_REFERENCE)}),
    ("page_note", {"text": _NOTE, "answers": ()}),
    ("page_codes", {"words": ["sciatica"]}),
    ("page_rules", {"rule": None}),
)
