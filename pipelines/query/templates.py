"""The templates of queries: words as data, from the package and from a file that a compliance officer edits."""

from __future__ import annotations

import functools
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, get_args

from ...coding.errors import TableError
from ...coding.gaps.model import Element
from ..text_input import decode_note, read_bytes
from .model import Brief
from .wording import PARTS, read_toml, rules

ELEMENTS: Final = get_args(Element)
"""Every element of a gap has a template: an element without one could not be asked about."""

_OWN: Final = "templates.toml"
_PLACEHOLDERS: Final = {"options": {"words"}, "title": {"about"}, "opening": {"about"}, "question": {"about"}}


@dataclass(frozen=True)
class Template:
    """The words of the queries about one element. ``options``: answer → words, where it needs others than its own."""

    source: str
    title: str
    opening: str
    question: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Templates:
    """All templates, with what every query shares."""

    brief: Brief
    other: str
    open: str
    undetermined: str
    instruction: str
    elements: Mapping[str, Template]


@functools.cache
def built_in() -> Templates:
    """The templates of the package."""
    return _build(read_toml(_OWN), _OWN)


def load(path: str | None) -> Templates:
    """The templates of the package, with what the file at ``path`` says in place of theirs.

    Raises:
        InputError: the file cannot be read.
        TableError: it breaks the form, or words of it break a rule; one line that names the place and the rule.
    """
    if path is None:
        return built_in()
    text = decode_note(read_bytes(path), path).text
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{path}: is not TOML: {error}") from None
    _check_form(own, path)
    templates = _build(_over(read_toml(_OWN), own), path)
    _check_words(templates, path)
    return templates


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` laid over ``base``, table by table."""
    merged = dict(base)
    for key, value in own.items():
        merged[key] = _over(base.get(key, {}), value) if isinstance(value, dict) else value
    return merged


# -- form --------------------------------------------------------------------------------------------------------------

_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "brief": tuple(field.name for field in fields(Brief)),
    "common": ("opening", "instruction"),
    "closing": ("other", "open", "undetermined"),
    "elements": ELEMENTS,
}


def _check_form(data: Mapping[str, Any], name: str) -> None:
    """Only tables, keys and elements that mean something: a misspelt key would silently change nothing."""
    _known(name, data, tuple(_TABLES))
    for table, keys in _TABLES.items():
        _known(f"{name}, [{table}]", _table(data, table, name), keys)
    for element in data.get("elements", {}):
        where = f"{name}, [elements.{element}]"
        entry = _table(data["elements"], element, name)
        _known(where, entry, tuple(field.name for field in fields(Template)))
        _table(entry, "options", where)
    for where, text in _texts(data, name):
        if not isinstance(text, str):
            raise TableError(f"{where}: must be text in quotation marks")
        _check_placeholders(where, text)


def _known(where: str, entry: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    unknown = sorted(set(entry) - set(keys))
    if unknown:
        raise TableError(f"{where}: unknown {unknown[0]!r}; known: {', '.join(keys)}")


def _table(data: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise TableError(f"{where}: {key} must be a table, written [{key}]")
    return value


def _texts(data: Mapping[str, Any], where: str) -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        place = f"{where}, {key}"
        if isinstance(value, dict):
            yield from _texts(value, place)
        else:
            yield place, value


def _check_placeholders(where: str, text: str) -> None:
    parts = where.split(", ")
    allowed = _PLACEHOLDERS.get("options" if "options" in parts else parts[-1], set())
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        text.format(**dict.fromkeys(allowed, ""))
    except (KeyError, ValueError, IndexError, AttributeError):
        used = {"?"}
    if not used <= allowed:
        known = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
        raise TableError(f"{where}: has a placeholder that means nothing here; known: {known}")


def _build(data: Mapping[str, Any], name: str) -> Templates:
    _check_form(data, name)
    common, closing = data["common"], data["closing"]
    elements = {}
    for element in ELEMENTS:
        entry = {"opening": common["opening"], "options": {}, **data["elements"][element]}
        elements[element] = Template(**entry)
    return Templates(Brief(**data["brief"]), **closing, instruction=common["instruction"], elements=elements)


# -- words -------------------------------------------------------------------------------------------------------------


def _check_words(templates: Templates, name: str) -> None:
    """Every text held against the rules of wording, so that a bad one is refused before its gap ever comes up."""
    for where, part, text in _worded(templates):
        for rule in rules().rules.values():
            if part not in rule.where:
                continue
            found = rule.found_in(text.format(about="", words=""))
            if found is not None:
                raise TableError(f"{name}, {where}: {found!r} breaks rule {rule.id}: {rule.says}")


def _worded(templates: Templates) -> Iterator[tuple[str, str, str]]:
    """Where each text stands, which part of a query it becomes, and the text."""
    assert {"option", "instruction"} <= set(PARTS)
    yield "common, instruction", "instruction", templates.instruction
    yield "closing, other", "option", templates.other
    yield "closing, open", "option", templates.open
    yield "closing, undetermined", "option", templates.undetermined
    for element, template in templates.elements.items():
        yield f"elements, {element}, title", "title", template.title
        yield f"elements, {element}, opening", "opening", template.opening
        yield f"elements, {element}, question", "question", template.question
        for answer, words in template.options.items():
            yield f"elements, {element}, options, {answer}", "option", words
