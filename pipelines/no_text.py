"""A result without the note's words (`--no-text`): offsets, codes and rule ids stay, and its findings still replay.

What a sentence of ours quotes is not searched for and cut out: the findings are blanked, decided again, and the sentences
of that decision are taken. The decision layer sees nothing of a note but its findings, so no word can slip through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..coding.decide import decide
from ..coding.errors import SpinecodeError
from ..coding.findings import Findings, from_json, to_json
from ..coding.tabular import Tabular
from .result import decision_data
from .text_input import INPUT_NOTICE

_HIDDEN: Final = "…"


def blank_text(result: Mapping[str, Any], release_file: Tabular | None = None) -> dict[str, Any]:
    """The result object with every string taken from the note blanked; the object given stays as it is.

    ``release_file``: the release it was decided under, if that is not built in.
    """
    again = _decided_again(result, release_file)
    blanked = dict(result)
    blanked["codes"] = _blank(result, again, "codes", ("rationale",), _code_identity)
    blanked["not_coded"] = _blank(result, again, "not_coded", ("what", "reason"), _left_out_identity)
    blanked["warnings"] = _warnings(result, again)
    own = _own_names(result["findings"])
    blanked["seen"] = [
        {**_bare(entry), "what": entry["what"] if entry["what"] in own else ""} for entry in result["seen"]
    ]
    blanked["red_flags"] = _bare(result["red_flags"])
    blanked["gaps"] = _bare(result["gaps"])
    if "reasons" in result:  # results of earlier versions have none
        blanked["reasons"] = [{**reason, "words": [""] * len(reason["words"])} for reason in result["reasons"]]
    blanked["findings"] = _bare(result["findings"])
    if "extra" in result:
        blanked["extra"] = dict.fromkeys(result["extra"], "")
    return blanked


def hide(findings: Findings) -> Findings:
    """The same findings with a mark for each word of the note: whatever is decided or said of them quotes nothing."""
    return from_json(_bare(to_json(findings), _HIDDEN))


def _decided_again(result: Mapping[str, Any], file: Tabular | None) -> dict[str, Any]:
    """The lists of a decision that never saw the note's words; empty if these findings cannot be decided."""
    release = file if file is not None and file.release == result["release"] else result["release"]
    try:
        return decision_data(decide(from_json(_bare(result["findings"], _HIDDEN)), release))
    except SpinecodeError:
        return {}


Identity = Callable[[Mapping[str, Any]], object]


def _code_identity(entry: Mapping[str, Any]) -> object:
    return entry["code"], entry["rule"]


def _left_out_identity(entry: Mapping[str, Any]) -> object:
    return entry["code"], entry["status"], entry["rule"], [e["start"] for e in entry["evidence"]]


def _blank(
    result: Mapping[str, Any], again: Mapping[str, Any], key: str, strings: tuple[str, ...], identity: Identity
) -> list[Any]:
    """The entries with the sentences of their twins, or with none where the two decisions do not pair off."""
    entries, twins = result[key], again.get(key, [])
    paired = [identity(entry) for entry in entries] == [identity(twin) for twin in twins]
    said = twins if paired else [dict.fromkeys(strings, "")] * len(entries)
    return [
        {**_bare(entry), **{name: words[name] for name in strings}} for entry, words in zip(entries, said, strict=True)
    ]


def _warnings(result: Mapping[str, Any], again: Mapping[str, Any]) -> list[Any]:
    # How the file was read is no part of the decision and quotes nothing.
    own = [entry for entry in result["warnings"] if entry["kind"] == INPUT_NOTICE]
    rest = {"warnings": [entry for entry in result["warnings"] if entry["kind"] != INPUT_NOTICE]}
    return own + _blank(rest, again, "warnings", ("message",), lambda entry: entry["kind"])


def _own_names(findings: Mapping[str, Any]) -> set[str]:
    """What a problem may be called without quoting the note: names of ours, and kinds with their regions."""
    spoken = [c for c in findings.get("conditions", []) if c["kind"] != "outside_problem"]
    own = {c["name"] for c in spoken if c.get("name")}
    for c in spoken:
        regions = " and ".join(region.replace("_", "-") for region in c.get("regions", []))
        own.add(f"{regions} {c['kind'].replace('_', ' ')}".strip())
    return own


def _bare(value: Any, mark: str = "") -> Any:
    """``value`` with ``mark`` for each string of the note: quotes, headings, assertion cues, names that are quotations."""
    if isinstance(value, list):
        return [_bare(item, mark) for item in value]
    if not isinstance(value, Mapping):
        return value
    blank = {"text", "section", "cue"} | ({"name"} if value.get("kind") == "outside_problem" else set())
    return {
        key: mark if key in blank and item and isinstance(item, str) else _bare(item, mark)
        for key, item in value.items()
    }
