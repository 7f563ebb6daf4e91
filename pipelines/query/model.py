"""`Query`: what a provider is asked, as one value with a JSON form (docs/query.schema.json).

It holds what a provider may see and what the judging of it needs; never a code, nor what an answer would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from ...coding.errors import InputError
from ..schema_parts import DAY, DRAFT, ENCOUNTER_ID, MAYBE, SHA256, TEXT, WHOLE, list_of, object_of
from .gap import Encounter, Indicator

SCHEMA: Final = "spinecode/query/1"

Kind = Literal["answer", "other", "undetermined"]
"""An answer to the question, or one of the two closing options that every query has."""


@dataclass(frozen=True)
class Brief:
    """The practice brief that a query follows."""

    name: str
    version: str
    publisher: str


@dataclass(frozen=True)
class Option:
    """A line to tick. ``answer``: its word for `spinecode suggest --answer`; ``introduces``: it names a diagnosis that the
    note does not state; ``supported_by``: indexes into the indicators of the query.
    """

    text: str
    kind: Kind = "answer"
    answer: str = ""
    introduces: bool = False
    supported_by: tuple[int, ...] = ()


@dataclass(frozen=True)
class Query:
    """One question to the provider of one encounter. Without options of the kind *answer* it is open-ended."""

    encounter: Encounter
    engine: str
    gap: str
    element: str
    about: str
    brief: Brief
    title: str
    opening: str
    indicators: tuple[Indicator, ...]
    question: str
    options: tuple[Option, ...]
    instruction: str

    @property
    def answers(self) -> tuple[Option, ...]:
        """The options that answer the question."""
        return tuple(option for option in self.options if option.kind == "answer")

    def to_dict(self) -> dict[str, Any]:
        """The JSON object."""
        data = asdict(self)
        return {
            "schema": SCHEMA,
            **data.pop("encounter"),
            **data,
            "indicators": [asdict(piece) for piece in self.indicators],
            "options": [{**asdict(each), "supported_by": list(each.supported_by)} for each in self.options],
        }


def query_from(data: Mapping[str, Any]) -> Query:
    """The query of a JSON object.

    Raises:
        InputError: it is no query of this version.
    """
    try:
        if data["schema"] != SCHEMA:
            raise ValueError
        return Query(
            encounter=Encounter(
                data["encounter_id"], data["provider"], data["date_of_service"], str(data["text_sha256"])
            ),
            brief=Brief(**data["brief"]),
            indicators=tuple(Indicator(**piece) for piece in data["indicators"]),
            options=tuple(Option(**{**each, "supported_by": tuple(each["supported_by"])}) for each in data["options"]),
            **{key: str(data[key]) for key in _STRINGS},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"is no query; its form is {SCHEMA}, see docs/query.schema.json") from None


_STRINGS: Final = ("engine", "gap", "element", "about", "title", "opening", "question", "instruction")


def query_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a query; published as docs/query.schema.json."""
    said = {"type": "string", "minLength": 1}
    indicator = object_of({"start": WHOLE, "end": WHOLE, "text": said, "section": TEXT, "cue": TEXT})
    option = object_of(
        {
            "text": said,
            "kind": {"enum": list(get_args(Kind))},
            "answer": TEXT,
            "introduces": {"type": "boolean"},
            "supported_by": list_of(WHOLE),
        }
    )
    query = object_of(
        {
            "schema": {"const": SCHEMA},
            "encounter_id": ENCOUNTER_ID,
            "provider": MAYBE,
            "date_of_service": DAY,
            "text_sha256": SHA256,
            "engine": TEXT,
            "gap": said,
            "element": said,
            "about": TEXT,
            "brief": object_of({"name": said, "version": said, "publisher": said}),
            "title": said,
            "opening": said,
            "indicators": list_of(indicator, minItems=1),
            "question": said,
            "options": list_of(option, minItems=2),
            "instruction": said,
        }
    )
    return {"$schema": DRAFT, "title": "spinecode provider query", **query}
