"""What the published JSON Schemas have in common: the forms that more than one result object holds."""

from __future__ import annotations

from typing import Any, Final

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
TEXT: Final = {"type": "string"}
MAYBE: Final = {"type": ["string", "null"]}
WHOLE: Final = {"type": "integer", "minimum": 0}
"""A count, a place in the note or an index."""

ENCOUNTER_ID: Final = {"type": ["string", "integer", "null"]}
DAY: Final = {"type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}$"}
SHA256: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
ICD: Final = {"type": "string", "pattern": r"^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$"}


def object_of(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of these keys and no others; all but the ``optional`` ones must be there."""
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def list_of(items: dict[str, Any], **limits: int) -> dict[str, Any]:
    """An array of such items. ``limits``: ``minItems`` and ``maxItems``."""
    return {"type": "array", "items": items, **limits}


EVIDENCE: Final = list_of({"$ref": "#/$defs/Evidence"})
"""Quotes, in a schema whose definitions hold those of the findings."""
