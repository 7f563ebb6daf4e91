"""Ratios of two timed things, measured in interleaved pairs, so that a slow minute of the machine hits both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Median of the seconds of the one over those of the other, with the extremes, and the median seconds of each."""

    median: float
    low: float
    high: float
    one: float
    other: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.median:.2f} (min {self.low:.2f}, max {self.high:.2f}, {self.pairs} pairs)"


def measure(one: Callable[[], float], other: Callable[[], float], pairs: int) -> Ratio:
    """Call both ``pairs`` times in turn, after one call of each that is not counted; both return seconds."""
    one(), other()
    seconds = [_pair(one, other, swapped=bool(i % 2)) for i in range(pairs)]
    ratios = [a / b for a, b in seconds]
    return Ratio(
        median=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        one=statistics.median(a for a, _ in seconds),
        other=statistics.median(b for _, b in seconds),
        pairs=pairs,
    )


def _pair(one: Callable[[], float], other: Callable[[], float], *, swapped: bool) -> tuple[float, float]:
    # Who goes first alternates: the second of a pair finds warmer caches.
    if swapped:
        b = other()
        return one(), b
    return one(), other()
