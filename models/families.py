"""Code families: what the second reader predicts and what precision and recall are told of. Each code has one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_PREFIXES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("disc with radiculopathy or myelopathy", ("M51.0", "M51.1", "M50.0", "M50.1")),
    ("disc displacement", ("M51.2", "M50.2")),
    ("disc degeneration and other disc", ("M51", "M50")),
    ("stenosis", ("M48.0",)),
    ("spondylosis and facet", ("M47", "M53.8")),
    ("slip, lysis, curve, instability", ("M43", "M41", "M40", "M42", "M53.2")),
    ("radiculopathy", ("M54.1",)),
    ("sciatica", ("M54.3",)),
    ("low back pain with sciatica", ("M54.4",)),
    ("low back pain", ("M54.5",)),
    ("neck pain", ("M54.2",)),
    ("thoracic pain", ("M54.6",)),
    ("back pain, other or no region", ("M54.8", "M54.9", "M54.0", "R10.A")),
    ("sacroiliac joint and coccyx", ("M53.3", "M46.1")),
    ("strain, sprain, injury", ("S",)),
    ("chronic pain", ("G89",)),
    ("pregnancy", ("O",)),
    ("segmental dysfunction and muscle", ("M99", "M62")),
    ("after surgery", ("M96",)),
)
OTHER: Final = "other spine"
FAMILIES: Final = (*(name for name, _ in _PREFIXES), OTHER)


@lru_cache(maxsize=4096)
def family_of_code(code: str) -> str:
    """The family of a code in scope: the first whose prefix fits."""
    return next((name for name, prefixes in _PREFIXES if code.startswith(prefixes)), OTHER)


def families_of(codes: Iterable[str]) -> frozenset[str]:
    """The families of a set of codes."""
    return frozenset(map(family_of_code, codes))
