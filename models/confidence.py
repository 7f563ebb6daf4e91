"""The confidence: a calibrated probability that the whole set is exactly right, with what speaks for and against it.

A logistic regression over standardised decision features, and a straight line on its log odds that was fitted on notes
kept out of it (Platt 1999). Linear, so that the part of each feature can be told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

_MOST_PARTS: Final = 16

Array = npt.NDArray[np.float64]


class Part(NamedTuple):
    """How much a feature moves the log odds of being right, against an average decision."""

    feature: str
    weight: float


class Confidence:
    """Arrays alone: ``mean``, ``scale``, ``weights`` (features) and ``line`` (bias, Platt slope and intercept)."""

    def __init__(self, names: Sequence[str], mean: Array, scale: Array, weights: Array, line: Array) -> None:
        self.names = tuple(names)
        self._mean, self._scale, self._weights, self._line = mean, scale, weights, line

    @property
    def arrays(self) -> dict[str, Any]:
        """What is saved."""
        return {"mean": self._mean, "scale": self._scale, "weights": self._weights, "line": self._line}

    def of(self, features: Mapping[str, float]) -> tuple[float, tuple[Part, ...]]:
        """The probability, rounded to four places, and the parts of the strongest features, the strongest first."""
        values = np.array([features[name] for name in self.names])
        moved = (values - self._mean) / self._scale * self._weights
        bias, slope, intercept = self._line.tolist()
        odds = slope * (float(moved.sum()) + bias) + intercept
        weights = (moved * slope).round(6)
        order = (-np.abs(weights)).argsort(kind="stable")[:_MOST_PARTS]
        strongest = tuple(
            Part(self.names[place], weight)
            for place, weight in zip(order.tolist(), weights[order].tolist(), strict=True)
        )
        return round(1.0 / (1.0 + math.exp(-odds)), 4), strongest
