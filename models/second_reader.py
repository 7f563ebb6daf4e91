"""The second reader: TF-IDF and one linear classifier per code family, on the raw note. It never assigns a code."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .words import Marked, Tokens, marked, tokens

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
        self._words = {term: place for place, term in enumerate(vocabulary) if " " not in term}
        self._pairs = {tuple(term.split(" ")): place for place, term in enumerate(vocabulary) if " " in term}
        self._single = frozenset(self._words)
        self._terms, self._families = tuple(vocabulary), tuple(families)
        self._idf, self._weights, self._bias = idf, weights, bias
        self._columns = np.ascontiguousarray(weights.T)

    @property
    def arrays(self) -> dict[str, Any]:
        """What is saved."""
        return {"idf": self._idf, "weights": self._weights, "bias": self._bias}

    def read(self, text: str, cut: Tokens | None = None) -> Reading:
        """The expectation for one raw note; sublinear TF-IDF, not scaled by the length of the note, and the logistic function."""
        found = marked(text, tokens(text) if cut is None else cut)
        words = set(found.words)
        unknown = (len(words) - len(words & self._single)) / max(1, len(words))
        known = self._known(found)
        if not known:
            return Reading(self._probabilities(self._bias), unknown, ())
        places = np.array(list(known))
        values = np.array([1.0 + math.log(count) for count in known.values()]) * self._idf[places]
        scores = values @ self._columns[places] + self._bias
        return Reading(self._probabilities(scores), unknown, tuple(zip(places.tolist(), values.tolist(), strict=True)))

    def _known(self, found: Marked) -> Counter[int]:
        """How often the terms of the vocabulary stand in a note, as `terms` counts them and in its order: sums follow it."""
        words, pairs = self._words, self._pairs
        places = [words[word] for word in filter(words.__contains__, found.both)]
        for line in (found.words, found.named):
            places += [pairs[pair] for pair in filter(pairs.__contains__, pairwise(line))]
        return Counter(places)

    def _probabilities(self, scores: Array) -> dict[str, float]:
        return dict(zip(self._families, (1.0 / (1.0 + np.exp(-scores))).tolist(), strict=True))

    def words_for(self, reading: Reading, family: str, *, against: bool = False, most: int = 3) -> tuple[str, ...]:
        """The terms of the note that speak most for a family (or against it), the strongest first."""
        row = self._weights[self._families.index(family)] * (-1.0 if against else 1.0)
        weighed = sorted(((value * row[index], self._terms[index]) for index, value in reading.terms), reverse=True)
        return tuple(term for weight, term in weighed[:most] if weight > 0)
