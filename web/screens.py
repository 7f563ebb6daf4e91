"""The pages that workers make: a note with its codes, the code browser, the rules. HTML out; Jinja escapes everything."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from defusedcsv.csv import writer as safe_writer
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from .. import __version__
from ..coding.errors import InputError
from ..coding.gaps.model import Gap
from ..pipelines.batch.fhir_out import entries_of
from ..pipelines.batch.shapes import TABLES, tables_of
from ..pipelines.clarify import clarified
from ..pipelines.codes import CPT_NOTE, look_up, open_named
from ..pipelines.query.ask import Asked, ask
from ..pipelines.query.render import render_text
from ..pipelines.query.templates import built_in
from ..pipelines.render import ROLES, outermost, plain
from ..pipelines.render_codes import codes_data
from ..pipelines.result import Result
from ..pipelines.rows import Row
from ..pipelines.rules import find_rules
from ..pipelines.spreadsheet import guarded
from ..pipelines.suggest import Spinecode
from ..pipelines.text_input import check_date, check_text
from . import view
from .samples import samples

Data = Mapping[str, Any]
HERE: Final = Path(__file__).parent
_OUTCOMES: Final = {
    "code": "The note supports these codes as it stands.",
    "open": "The codes stand. What is open below could change them.",
    "code_and_query": "The codes stand. A query to the provider could change or strengthen them.",
    "query": "No code can be given from this note as it stands. A query to the provider is needed.",
    "out_of_scope": "Nothing in this note is codable here.",
}
_ROUTES: Final = {"auto": "Auto", "review": "For review", "query": "To the provider"}
_NOTES: Final = (
    ("includes", "Includes"),
    ("inclusionTerm", "Inclusion terms"),
    ("excludes1", "Excludes1: may not stand beside it in one region"),
    ("excludes2", "Excludes2: not included here, may be coded too"),
    ("codeFirst", "Code first"),
    ("useAdditionalCode", "Use additional code"),
    ("codeAlso", "Code also"),
    ("notes", "Notes"),
)


@cache
def environment() -> Environment:
    """The templates. What they print is escaped unless it is markup of theirs; a name they misspell is an error."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(plain=plain, visible=view.visible, colour=view.colour, status_words=view.status_words)
    env.filters["heading"] = lambda section: plain(section).strip("(): ")
    env.filters["words"] = lambda name: str(name).replace("_", " ")
    env.globals.update(version=__version__, roles=ROLES, outcomes=_OUTCOMES, routes=_ROUTES)
    return env


def render_page(template: str, **values: Any) -> str:
    """A page."""
    return environment().get_template(template).render(**values)


# -- the note ----------------------------------------------------------------------------------------------------------


def empty_form(form: str, *, signed_in: bool = False) -> str:
    """The page before a note was given."""
    return render_page(
        "note.html", here="note", form=form, signed_in=signed_in, result=None, samples=samples(), **_BLANK
    )


def _who(data: Data) -> dict[str, Any]:
    return {"form": data.get("form", ""), "signed_in": bool(data.get("signed_in"))}


_BLANK: Final = {"text": "", "date": "", "encounter_id": "", "provider": "", "problem": ""}


def _note(engine: Spinecode, data: Data) -> str:
    """The page of a note. ``answers``: what was told so far, as ``fact=answer`` each, in order."""
    given = {key: str(data.get(key) or "") for key in ("text", "date", "encounter_id", "provider")}
    shared = {"here": "note", **_who(data), "samples": samples()}
    try:
        text = check_text(given["text"])
        first = engine.suggest(
            text,
            encounter_id=given["encounter_id"] or None,
            provider=given["provider"] or None,
            date_of_service=check_date(given["date"] or None, "date of service"),
        )
    except InputError as error:
        return render_page("note.html", result=None, **shared, **{**given, "problem": str(error)})
    told, dropped = _told(engine, text, first, data.get("answers") or ())
    result = clarified(engine, text, first, told, ())
    return render_page(
        "note.html",
        **shared,
        **given,
        problem="",
        result=result,
        now=[code.code for code in result.codes],
        pieces=view.pieces(text, result),
        answered=_answered(first, result, told),
        dropped=dropped,
        gaps=[_gap(gap, result) for gap in result.gaps],
        queries=_queries(result, text),
        copies=copies(result),
        quoted=outermost,
    )


def _told(
    engine: Spinecode, text: str, first: Result, answers: tuple[str, ...]
) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """The answers that still fit, and those that do not since an earlier one was taken back."""
    told: list[tuple[str, str]] = []
    dropped = []
    for answer in answers:
        fact, _, value = answer.partition("=")
        others = [each for each in told if each[0] != fact]
        try:
            clarified(engine, text, first, (*others, (fact, value)), ())
        except InputError:
            dropped.append(plain(fact)[:80])
            continue
        told = [*others, (fact, value)]
    return tuple(told), dropped


def _answered(first: Result, result: Result, told: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """What was told, in the words of its question where the note left it open from the start."""
    asked = {(gap.id, o.answer): (gap.about, o.words) for gap in (*first.gaps, *result.gaps) for o in gap.options}
    found = []
    for fact, value in told:
        about, words = asked.get((fact, value), (fact, value))
        found.append({"value": f"{fact}={value}", "about": about, "words": words})
    return found


def _gap(gap: Gap, result: Result) -> dict[str, Any]:
    now = tuple(code.code for code in result.codes)
    options = [{"option": option, "changes": option.codes != now} for option in gap.options]
    return {"gap": gap, "options": options, "answerable": gap.effect != "defence"}


def _queries(result: Result, text: str) -> dict[str, Any]:
    asked: Asked = ask(result.to_dict(), built_in(), text=text)
    return {
        "ready": [{"title": each.query.title, "text": render_text(each)} for each in asked.queries],
        "refused": [each.gap for each in asked.refused],
    }


def copies(result: Result) -> list[dict[str, str]]:
    """The set in the forms that can be copied."""
    if not result.codes:
        return []
    row = Row(1, result.encounter_id or "-", "", result.date_of_service, result.provider, None, "")
    data = replace(result, encounter_id=row.encounter_id).to_dict()
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries_of(data, row)}
    return [
        {"name": "Text", "id": "text", "text": view.as_text(result.codes)},
        {"name": "CSV", "id": "csv", "text": _csv(result.to_dict(), row)},
        {"name": "FHIR", "id": "fhir", "text": json.dumps(bundle, ensure_ascii=False, indent=1)},
    ]


def _csv(data: dict[str, Any], row: Row) -> str:
    """The codes as batch writes them to tables; nothing in it is a formula to a spreadsheet."""
    out = io.StringIO()
    table = safe_writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    table.writerow(TABLES["codes"][1:])
    for line in tables_of(data, row)["codes"]:
        table.writerow(["" if value is None else guarded(value) for value in line[1:]])
    return out.getvalue()


# -- codes and rules ---------------------------------------------------------------------------------------------------


def _codes(engine: Spinecode, data: Data) -> str:
    words = " ".join(data["words"])
    shared = {"here": "codes", **_who(data), "q": words}
    book = open_named(None, engine.release_file)
    try:
        answer = codes_data(look_up([words], book))
    except InputError as error:
        return render_page("codes.html", answer=None, problem=str(error), **shared)
    if words and answer["codes"] and len(answer["codes"]) == 1:
        return _entry(answer["codes"][0], answer["release"], shared)
    families = not words and answer["matches"]
    return render_page("codes.html", answer=answer, problem="", families=bool(families), **shared)


def _code(engine: Spinecode, data: Data) -> str:
    answer = codes_data(look_up([data["code"]], open_named(None, engine.release_file)))
    if len(answer["codes"]) != 1:
        raise InputError(f"no code {data['code']!r}")
    shared = {"here": "codes", **_who(data), "q": ""}
    return _entry(answer["codes"][0], answer["release"], shared)


def _entry(entry: dict[str, Any], release: str, shared: Data) -> str:
    notes = [(title, entry["notes"].get(kind) or []) for kind, title in _NOTES]
    # Rows of several families may say the same; a reader wants it once.
    uses = {(use["code"], use["when_to_use"], use["documentation"]): use for use in reversed(entry["uses"])}
    entry = {**entry, "uses": list(reversed(uses.values()))}
    return render_page("code.html", entry=entry, release=release, notes=notes, cpt_note=CPT_NOTE, **shared)


def _rules(_engine: Spinecode, data: Data) -> str:
    name = data.get("rule")
    found = find_rules(name)
    shared = {"here": "rules", **_who(data)}
    if name is not None:
        return render_page("rule.html", page=found[0], **shared)
    return render_page("rules.html", pages=found, **shared)


JOBS: Final[Mapping[str, Callable[[Spinecode, Data], str]]] = {
    "page_note": _note,
    "page_codes": _codes,
    "page_code": _code,
    "page_rules": _rules,
}
