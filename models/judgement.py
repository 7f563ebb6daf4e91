"""What the models say of one decision: the values of a result, apart from all that needs numbers to be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Route = Literal["auto", "review", "query"]


@dataclass(frozen=True)
class Reason:
    """Why the route is what it is. ``message`` holds no word of the note; ``words`` are words of it."""

    reason: str
    message: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What the models say of one decision."""

    confidence: float
    route: Route
    reasons: tuple[Reason, ...]
    models: str
