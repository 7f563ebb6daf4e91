"""spinecode: explained, claim-ready ICD-10-CM code suggestions for spine-pain notes.

    import spinecode

    engine = spinecode.Spinecode()          # once: loads the language pipeline
    result = engine.suggest("ASSESSMENT: Right-sided sciatica.", date_of_service="2026-05-04")
    for code in result.codes:
        print(code.code, code.description, code.rationale, code.evidence)

Importing the package is cheap: names are loaded when they are first used, spaCy when an engine is built.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .coding.audit import Audit, audit
    from .coding.claim import AuditFinding, Claim
    from .coding.codeset import Code, CodeSet, Exemption, NotCoded, Notice, RedFlag, Seen
    from .coding.errors import FindingsError, InputError, ReleaseError, SpinecodeError, TableError
    from .coding.findings import Evidence, Findings
    from .coding.why_not import WhyNot, why_not
    from .pipelines.no_text import blank_text
    from .pipelines.render import render
    from .pipelines.result import Result, result_schema
    from .pipelines.schema import audit_schema, why_not_schema
    from .pipelines.suggest import Spinecode, replay

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "AuditFinding",
    "Claim",
    "Code",
    "CodeSet",
    "Evidence",
    "Exemption",
    "Findings",
    "FindingsError",
    "InputError",
    "NotCoded",
    "Notice",
    "RedFlag",
    "ReleaseError",
    "Result",
    "Seen",
    "Spinecode",
    "SpinecodeError",
    "TableError",
    "WhyNot",
    "__version__",
    "audit",
    "audit_schema",
    "blank_text",
    "render",
    "replay",
    "result_schema",
    "why_not",
    "why_not_schema",
]

_HOME = {
    **dict.fromkeys(("Code", "CodeSet", "Exemption", "NotCoded", "Notice", "RedFlag", "Seen"), "coding.codeset"),
    **dict.fromkeys(("FindingsError", "InputError", "ReleaseError", "SpinecodeError", "TableError"), "coding.errors"),
    **dict.fromkeys(("Evidence", "Findings"), "coding.findings"),
    **dict.fromkeys(("Audit", "audit"), "coding.audit"),
    **dict.fromkeys(("AuditFinding", "Claim"), "coding.claim"),
    **dict.fromkeys(("WhyNot", "why_not"), "coding.why_not"),
    **dict.fromkeys(("Result", "result_schema"), "pipelines.result"),
    **dict.fromkeys(("audit_schema", "why_not_schema"), "pipelines.schema"),
    **dict.fromkeys(("Spinecode", "replay"), "pipelines.suggest"),
    "blank_text": "pipelines.no_text",
    "render": "pipelines.render",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
