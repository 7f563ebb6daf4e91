"""FHIR R4 DocumentReference to a row. The models of the library are R4B's, whose DocumentReference is that of R4."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from email.message import Message
from typing import Any, Final

from ...coding.errors import InputError
from ..rows import Document, Row, load_object
from ..text_input import check_text
from .documents import MEDIA_TYPES, text_of

RESOURCE: Final = "DocumentReference"
_WITHDRAWN: Final = {
    "entered-in-error": "was entered in error",
    "superseded": "has been superseded by another document",
}


def documents_in(resource: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The DocumentReferences of a resource: itself, or those of a Bundle, with the Binaries of it that they point to."""
    if resource.get("resourceType") == RESOURCE:
        yield dict(resource)
        return
    if resource.get("resourceType") != "Bundle":
        return
    entries = [entry for entry in resource.get("entry") or [] if isinstance(entry, Mapping)]
    binaries = _binaries(entries)
    for entry in entries:
        held = entry.get("resource")
        if isinstance(held, Mapping) and held.get("resourceType") == RESOURCE:
            yield _with_binaries(dict(held), binaries)


def _binaries(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        held = entry.get("resource")
        if isinstance(held, Mapping) and held.get("resourceType") == "Binary":
            found[f"Binary/{held.get('id')}"] = held
            found[str(entry.get("fullUrl"))] = held
    return found


def _with_binaries(document: dict[str, Any], binaries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if not binaries or not isinstance(document.get("content"), list):
        return document
    content = []
    for part in document["content"]:
        attachment = part.get("attachment") if isinstance(part, Mapping) else None
        if isinstance(attachment, Mapping) and not attachment.get("data") and attachment.get("url") in binaries:
            binary = binaries[attachment["url"]]
            kind = attachment.get("contentType") or binary.get("contentType")
            content.append({**part, "attachment": {**attachment, "contentType": kind, "data": binary.get("data")}})
        else:
            content.append(part)
    return {**document, "content": content}


def read_document_reference(row: Row) -> Row:
    """The row of a DocumentReference: its text, encounter, day, author; patient and id are carried along.

    Raises:
        InputError: it is not valid, withdrawn, or holds no text that can be read.
    """
    from fhir.resources.R4B.documentreference import DocumentReference
    from pydantic import ValidationError

    assert row.document is not None
    data = load_object(row.document.data.decode("utf-8"))
    try:
        reference = DocumentReference.model_validate(data)
    except ValidationError as error:  # its message quotes values; where they stand does not
        places = sorted({".".join(str(step) for step in each["loc"]) for each in error.errors()})
        raise InputError(f"is no valid DocumentReference of FHIR R4: look at {', '.join(places[:5])}") from None
    for status in (reference.status, reference.docStatus):
        if status in _WITHDRAWN:
            raise InputError(f"the document {_WITHDRAWN[status]} (status {status}); it is not coded")
    encounter_id = _encounter(reference)
    if encounter_id is None:
        raise InputError("names no encounter and has no id")
    return replace(
        row,
        encounter_id=encounter_id,
        text=check_text(_text(reference)),
        date_of_service=_day(reference),
        provider=_author(reference),
        extra=_carried(reference),
        document=None,
    )


def _encounter(reference: Any) -> str | None:
    """The one encounter that it names, else its id. With several nobody can say which of them it is to be billed for."""
    named = {name: None for each in _encounters(reference) if (name := _name_of(each))}
    if len(named) > 1:
        raise InputError(f"names {len(named)} encounters; give it once for each, with one in context.encounter")
    return next(iter(named), None) or (str(reference.id) if reference.id else None)


def _encounters(reference: Any) -> list[Any]:
    return (reference.context.encounter or []) if reference.context else []


def _name_of(encounter: Any) -> str | None:
    if encounter.reference:
        return str(encounter.reference).rpartition("/")[2].removeprefix("urn:uuid:")
    return str(encounter.identifier.value) if encounter.identifier and encounter.identifier.value else None


def _day(reference: Any) -> str | None:
    """The day as it stands there: the encounter's, else the document's. An instant keeps the day of its own zone."""
    period = reference.context.period if reference.context else None
    moment = (period.start if period else None) or reference.date
    return moment.isoformat()[:10] if moment else None


def _author(reference: Any) -> str | None:
    for each in reference.author or []:
        if each.display or each.reference:
            return str(each.display or each.reference)
    return None


def _carried(reference: Any) -> dict[str, Any] | None:
    patient = reference.subject.reference if reference.subject else None
    carried = {"patient": patient, "document_reference": reference.id, "document_status": reference.docStatus}
    return {key: str(value) for key, value in carried.items() if value} or None


def _text(reference: Any) -> str:
    """The text of its attachments: several formats are the same text once more, several of one format are its parts."""
    attachments = [content.attachment for content in reference.content]
    held = [each for each in attachments if each.data]
    if not held:
        linked = any(each.url for each in attachments)
        raise InputError(
            "holds a link, not the text: fetch it and put it into attachment.data"
            if linked
            else "its content holds no text"
        )
    readable = [media for each in held if _kind(media := _media_type(each.contentType)) is not None]
    if not readable:
        kinds = ", ".join(sorted({_media_type(each.contentType) for each in held}))
        raise InputError(f"its attachment is {kinds}, which cannot be read; add one of text/plain")
    media = min(readable, key=lambda each: (each != "text/plain", _kind(each) != "text"))
    parts = [each for each in attachments if _media_type(each.contentType) == media]
    if any(each.url and not each.data for each in parts):
        raise InputError(f"one of its parts of {media} is a link: fetch it and put it into attachment.data")
    texts = dict.fromkeys(_part(each, media) for each in parts if each.data)
    return "\n\n".join(text for text in texts if text.strip()) if len(texts) > 1 else next(iter(texts))


def _part(attachment: Any, media: str) -> str:
    data = attachment_bytes(attachment.data)
    return text_of(Document(MEDIA_TYPES[media], "its attachment", data=data, encoding=_charset(attachment)))


def attachment_bytes(data: bytes | str) -> bytes:
    """The bytes of base64 text; the library has decoded it already where its version does that."""
    return data.encode("ascii") if isinstance(data, str) else bytes(data)


def _header(content_type: str | None) -> Message:
    message = Message()
    message["Content-Type"] = content_type or "text/plain"
    return message


def _media_type(content_type: str | None) -> str:
    return _header(content_type).get_content_type()


def _kind(media_type: str) -> str | None:
    return MEDIA_TYPES.get(media_type)


def _charset(attachment: Any) -> str:
    return str(_header(attachment.contentType).get_content_charset() or "utf-8")


def bundle_or_resource(data: bytes, name: str) -> Mapping[str, Any]:
    """The JSON object in a file. Raises `InputError` if it is no FHIR resource."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: is no JSON; a FHIR file holds one resource or Bundle") from None
    if not isinstance(found, dict) or "resourceType" not in found:
        raise InputError(f"{name}: is no FHIR resource; for rows of JSON, one object a line, use the suffix .jsonl")
    return found
