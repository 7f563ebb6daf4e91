"""The second reader: TF-IDF and one linear classifier per code family, on the raw note. It never assigns a code."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .words import Token, terms

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What the second reader expects of one note: a probability for each family, and its share of unknown words."""

    expected: Mapping[str, float]
    unknown: float
    terms: tuple[tuple[int, float], ...]


class SecondReader:
    """Reads with arrays alone: ``idf`` (terms), ``weights`` (families, terms), ``bias`` (families)."""

    def __init__(
        self, vocabulary: Sequence[str], families: Sequence[str], idf: Array, weights: Array, bias: Array
    ) -> None:
        self._index = {term: index for index, term in enumerate(vocabulary)}
        self._terms, self._families = tuple(vocabulary), tuple(families)
        self._idf, self._weights, self._bias = idf, weights, bias
        self._columns = np.ascontiguousarray(weights.T)

    @property
    def arrays(self) -> dict[str, Any]:
        """What is saved."""
        return {"idf": self._idf, "weights": self._weights, "bias": self._bias}

    def read(self, text: str, cut: Sequence[Token] | None = None) -> Reading:
        """The expectation for one raw note; sublinear TF-IDF, not scaled by the length of the note, and the logistic function."""
        counted = terms(text, cut)
        index = self._index
        known = [(index[term], count) for term, count in counted.items() if term in index]
        words = [term for term in counted if " " not in term and term[:3] != "dx_"]
        unknown = sum([term not in index for term in words]) / max(1, len(words))
        if not known:
            return Reading(self._probabilities(self._bias), unknown, ())
        places = np.array([index for index, _ in known])
        values = np.array([1.0 + math.log(count) for _, count in known]) * self._idf[places]
        scores = values @ self._columns[places] + self._bias
        return Reading(self._probabilities(scores), unknown, tuple(zip(places.tolist(), values.tolist(), strict=True)))

    def _probabilities(self, scores: Array) -> dict[str, float]:
        return dict(zip(self._families, (1.0 / (1.0 + np.exp(-scores))).tolist(), strict=True))

    def words_for(self, reading: Reading, family: str, *, against: bool = False, most: int = 3) -> tuple[str, ...]:
        """The terms of the note that speak most for a family (or against it), the strongest first."""
        row = self._weights[self._families.index(family)] * (-1.0 if against else 1.0)
        weighed = sorted(((value * row[index], self._terms[index]) for index, value in reading.terms), reverse=True)
        return tuple(term for weight, term in weighed[:most] if weight > 0)
