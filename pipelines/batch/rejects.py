"""Why rows were rejected, counted for people: at the end of a run and on the report."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .spool import spool_lines


def reasons_of(rejects: Path) -> Counter[str]:
    """How often each reason stands in a file of rejects. Where reasons differ in numbers alone, # stands for them."""
    counts: Counter[str] = Counter()
    words: dict[str, set[str]] = {}
    for line in spool_lines(rejects):
        reason = _without_name(json.loads(line))
        kind = re.sub(r"\d+(?:\.\d+)?", "#", reason)
        counts[kind] += 1
        seen = words.setdefault(kind, set())
        if len(seen) < 2:
            seen.add(reason)
    return Counter({words[kind].pop() if len(words[kind]) == 1 else kind: count for kind, count in counts.items()})


def _without_name(reject: Mapping[str, Any]) -> str:
    """A reason without the name of the row's file."""
    reason = str(reject["reason"])
    try:
        name = json.loads(reject["row"]).get("file", "")
    except (ValueError, AttributeError):
        name = ""
    return reason.removeprefix(f"{name}: ") if name else reason
