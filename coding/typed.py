"""Codes as people type them: the dot optional, any case, several in one cell. Written out they always have their dot."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"[;,|\s]+")
_CODE = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")


def typed_code(text: str) -> str:
    """One code with its dot: "m5441" and "M54.41" are M54.41. What is no code comes back in capitals, unchanged."""
    plain = text.strip().upper()
    bare = plain.rstrip("-.").replace(".", "", 1)
    dotted = f"{bare[:3]}.{bare[3:]}" if len(bare) > 3 else bare
    return dotted if is_written_like_a_code(dotted) else plain


def typed_codes(cell: str) -> tuple[str, ...]:
    """The codes of a cell, in its order; ``; , |`` and white space stand between them."""
    return tuple(typed_code(word) for word in _BETWEEN.split(cell) if word)


def is_written_like_a_code(code: str) -> bool:
    """Whether ``code`` has the shape of an ICD-10-CM code, dot included; says nothing about whether it exists."""
    return bool(_CODE.fullmatch(code))
