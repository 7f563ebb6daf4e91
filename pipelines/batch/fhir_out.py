"""Results as FHIR R4: an Encounter with its diagnoses in claim order, and a Condition for each code.

The resources are made and validated where rows are answered; the Bundle is put together of the finished spool.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...coding.errors import InputError
from ..private_files import private_file, replace_durably
from ..result import canonical_json
from ..rows import Row
from .answer import Shape
from .shapes import tables_of
from .sinks import FileSink
from .spool import spool_lines

ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_SPACE: Final = uuid.UUID("6f0b5d4e-7f0c-5a53-9f0e-3c1d4b7a9e21")
"""Names of resources are made of the row they stand for, so that the same run names them alike."""
_PATIENT_KEYS: Final = ("patient", "patient_id", "subject", "mrn")
_ENCOUNTERS: Final = "urn:spinecode:encounter"
_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/condition-category"
_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/diagnosis-role"


def resources_of(result: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """What the spool holds of one result: its entries, and the tables that a report counts."""
    return {"entries": entries_of(result, row), **tables_of(result, row)}


def entries_of(result: Mapping[str, Any], row: Row) -> list[dict[str, Any]]:
    """The Bundle entries of one result, validated by the library.

    A suggestion is unconfirmed until a coder has decided. Optional codes are left out: they are on no claim.
    """
    from fhir.resources.R4B.condition import Condition
    from fhir.resources.R4B.encounter import Encounter

    subject = _subject(result)
    codes = [code for code in result["codes"] if code["role"] != "optional"]
    names = [_name(row, str(place)) for place in range(1, len(codes) + 1)]
    encounter = _name(row, "encounter")
    found: list[tuple[str, dict[str, Any], Any]] = [(encounter, _encounter(result, subject, names), Encounter)]
    for name, code in zip(names, codes, strict=True):
        found.append((name, _condition(result, code, subject, encounter), Condition))
    return [
        {"fullUrl": name, "resource": json.loads(model.model_validate(resource).model_dump_json(exclude_none=True))}
        for name, resource, model in found
    ]


def _name(row: Row, part: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_SPACE, f'{row.line}/{part}')}"


def _subject(result: Mapping[str, Any]) -> dict[str, Any]:
    carried = result.get("extra") or {}
    known = {
        str(key).strip().lower().replace(" ", "_"): value for key, value in carried.items() if value not in (None, "")
    }
    patient = next((str(known[key]) for key in _PATIENT_KEYS if key in known), None)
    if patient is None:
        return {"identifier": {"system": _ENCOUNTERS, "value": str(result["encounter_id"]) or "-"}}
    if patient.startswith(("Patient/", "urn:", "http://", "https://")):
        return {"reference": patient}
    return {"identifier": {"system": "urn:spinecode:patient", "value": patient}}


def _encounter(result: Mapping[str, Any], subject: Mapping[str, Any], conditions: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "resourceType": "Encounter",
        "identifier": [{"system": _ENCOUNTERS, "value": str(result["encounter_id"]) or "-"}],
        "status": "unknown",
        "class": {"system": _CLASS, "code": "AMB"},
        "subject": subject,
    }
    if result["date_of_service"]:
        data["period"] = {"start": result["date_of_service"]}
    if result["provider"]:
        data["participant"] = [{"individual": {"display": result["provider"]}}]
    if conditions:
        billing = {"coding": [{"system": _ROLE, "code": "billing"}]}
        data["diagnosis"] = [
            {"condition": {"reference": name}, "use": billing, "rank": rank}
            for rank, name in enumerate(conditions, start=1)
        ]
    return data


def _condition(
    result: Mapping[str, Any], code: Mapping[str, Any], subject: Mapping[str, Any], encounter: str
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": _VERIFICATION, "code": "unconfirmed"}]},
        "category": [{"coding": [{"system": _CATEGORY, "code": "encounter-diagnosis"}]}],
        "code": {
            "coding": [
                {
                    "system": ICD_10_CM,
                    "version": result["release"],
                    "code": code["code"],
                    "display": code["description"],
                }
            ]
        },
        "subject": subject,
        "encounter": {"reference": encounter},
    }
    if result["date_of_service"]:
        data["recordedDate"] = result["date_of_service"]
    document = (result.get("extra") or {}).get("document_reference")
    if document:
        data["evidence"] = [{"detail": [{"reference": f"DocumentReference/{document}"}]}]
    return data


def operation_outcome(reason: str, code: str = "invalid") -> dict[str, Any]:
    """FHIR's way to say what was wrong. ``code``: an IssueType."""
    issue = {"severity": "error", "code": code, "diagnostics": reason}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


class FhirSink(FileSink):
    """A Bundle in one JSON file."""

    shape: Shape | None = staticmethod(resources_of)

    def finish(self, part: Path) -> None:
        """Put the Bundle together, entry by entry, and in place."""
        fresh = self.paths.out.with_name(f"{self.paths.out.name}.new")
        private_file(fresh)
        with fresh.open("w", encoding="utf-8", newline="\n") as file:
            file.write('{"resourceType":"Bundle","type":"collection"')
            before = ',"entry":[\n'
            for line in spool_lines(part):
                for entry in json.loads(line)["entries"]:
                    file.write(before + canonical_json(entry))
                    before = ",\n"
            file.write("\n]}\n" if before == ",\n" else "}\n")  # FHIR has no empty lists
        replace_durably(fresh, self.paths.out)


def check_options(*, no_dots: bool) -> None:
    """Raise `InputError` for what FHIR cannot hold."""
    if no_dots:
        raise InputError("--no-dots: codes of ICD-10-CM in FHIR have their dot")
