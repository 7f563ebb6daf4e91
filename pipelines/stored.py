"""Stored results, one JSON object a line, as `spinecode suggest --json` and `spinecode batch` write them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..coding.errors import InputError


def stored_results(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each result of a JSON Lines file with its line number, read as it is asked for; blank lines are left out.

    Raises:
        InputError: the file cannot be read, or a line is no result; names file and line.
    """
    try:
        with Path(path).open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield number, _result(raw, f"{path}, line {number}")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give results of suggest --json or batch") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'no such path'}") from None


def _result(raw: bytes, where: str) -> Mapping[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError(f"{where}: is not JSON; give results of suggest --json or batch") from None
    if not isinstance(data, dict) or "findings" not in data:
        raise InputError(f"{where}: is no spinecode result")
    return data
