"""What a spreadsheet would run: cells that begin like a formula, and how each kind of output hinders it.

A worklist guards every cell by itself (`safe_cell`). CSV tables are written by defusedcsv and guarded where it sees
nothing (`guarded`): their cells differ from those of a worklist in full-width signs and in how a | is written.
A workbook marks such cells as text (`RISKY`).
"""

from __future__ import annotations

import re
from typing import Any, Final

RISKY: Final = ("=", "+", "-", "@", "|", "%", "\t", "\r")
"""What a spreadsheet may take for the beginning of a formula."""

_FORMULA: Final = re.compile(r"\s*[=+\-@|%＝＋－＠\t\r\n]")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


def safe_cell(value: str) -> str:
    """``value`` so that no spreadsheet runs it: what could begin a formula gets an apostrophe before it.

    The characters are those of OWASP's page on CSV injection, full-width forms included; a plain number stays one.
    """
    if _NUMBER.fullmatch(value) or not _FORMULA.match(value):
        return value
    return f"'{value}"


def guarded(value: Any) -> Any:
    """A cell for defusedcsv: a space like a tab before the sign of a formula hides it from the library, not from every
    spreadsheet.
    """
    return f"'{value}" if isinstance(value, str) and value[:1].isspace() and value.strip().startswith(RISKY) else value
