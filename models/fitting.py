"""Fitting the models with scikit-learn. Pure functions of their arguments: the same notes give equal arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from skops import io as skops_io

from .confidence import Confidence
from .families import FAMILIES
from .features import NAMES, Decision, Habit, words_outside
from .second_reader import SecondReader
from .store import TRUSTED
from .words import terms, tokens

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_NOTES: Final = 3
"""A term or word counts from so many notes on."""
LEAST_OF_FAMILY: Final = 5
TERMS_PER_FAMILY: Final = 50
READER_C: Final = 0.1
CONFIDENCE_C: Final = 0.003
CALIBRATION_WEIGHT: Final = 3.0
"""What a decision on a note that no rule was tuned on weighs, against one on a note that rules were tuned on."""


# -- the second reader -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FittedReader:
    """The second reader and the estimators that it stands for."""

    reader: SecondReader
    estimators: Mapping[str, Any]


def fit_reader(texts: Sequence[str], families: Sequence[frozenset[str]]) -> FittedReader:
    """TF-IDF over words and pairs, the terms that tell a family best, a logistic regression for each family."""
    counted = [terms(text) for text in texts]
    held = Counter(term for note in counted for term in note)
    candidates = sorted(term for term, notes in held.items() if notes >= LEAST_NOTES)
    known = [name for name in FAMILIES if sum(name in each for each in families) >= LEAST_OF_FAMILY]
    labels = np.array([[name in each for name in known] for each in families])
    present = _counts(counted, candidates)
    best = [
        np.argsort(-chi2(present > 0, labels[:, j])[0], kind="stable")[:TERMS_PER_FAMILY] for j in range(len(known))
    ]
    vocabulary = [candidates[index] for index in np.unique(np.concatenate(best))]
    tfidf = TfidfTransformer(norm=None, sublinear_tf=True)
    weighed = tfidf.fit_transform(_counts(counted, vocabulary))
    classifiers = OneVsRestClassifier(LogisticRegression(C=READER_C, max_iter=500)).fit(weighed, labels.astype(int))
    reader = SecondReader(
        vocabulary,
        known,
        _rounded(tfidf.idf_),
        _rounded([each.coef_[0] for each in classifiers.estimators_]),
        _rounded([each.intercept_[0] for each in classifiers.estimators_]),
    )
    return FittedReader(
        reader, {"tfidf": tfidf, "classifiers": classifiers, "vocabulary": vocabulary, "families": known}
    )


def _rounded(values: Any) -> Array:
    """Nine digits: what is left differs with the order of a sum, that is with the machine."""
    rounded: Array = np.round(np.asarray(values, dtype=float), 9) + 0.0
    return rounded


def _counts(counted: Sequence[Mapping[str, int]], vocabulary: Sequence[str]) -> Any:
    index = {term: place for place, term in enumerate(vocabulary)}
    rows = [(row, index[t], n) for row, note in enumerate(counted) for t, n in note.items() if t in index]
    row, column, count = (np.array(each) for each in zip(*rows, strict=True))
    return csr_matrix((count.astype(float), (row, column)), shape=(len(counted), len(vocabulary)))


def fit_habit(decisions: Sequence[Decision]) -> Habit:
    """How often each word lies inside some evidence, over decisions of the full engine."""
    times, outside, notes = Counter[str](), Counter[str](), Counter[str]()
    for decision in decisions:
        cut = tokens(decision.text)
        notes.update(set(cut.words))
        times.update(cut.words)
        outside.update(words_outside(decision, cut)[0])
    inside = times - outside
    kept = sorted(word for word, count in notes.items() if count >= LEAST_NOTES and inside[word])
    return Habit(kept, _rounded([-math.log(1.0 - inside[word] / (times[word] + 1)) for word in kept]))


# -- the confidence ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Examples:
    """Decisions to learn from: ``features`` (decisions, features), whether each set is right, the fold of its note,
    whether it is on a note that confidence is calibrated on, and whether it is the full engine's.
    """

    features: Array
    right: Flags
    fold: npt.NDArray[np.int64]
    calibrates: Flags
    full: Flags
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FittedConfidence:
    """The confidence, its estimators, and what it says of the decisions it is calibrated on, cross-fitted by note."""

    confidence: Confidence
    estimators: Mapping[str, Any]
    cross_fitted: Array


def fit_confidence(examples: Examples) -> FittedConfidence:
    """Fit on everything; calibrate on folds kept out. ``cross_fitted``: nan where a decision does not calibrate."""
    held, fold = examples.calibrates, examples.fold
    out: Array = np.full(len(held), np.nan)
    first: Array = np.full(len(held), np.nan)
    folds = np.unique(fold[held]).tolist()
    linear_without = {pair: _linear(examples, held & np.isin(fold, pair)) for pair in combinations(folds, 2)}
    for kept in folds:
        mine = held & (fold == kept)
        inner: Array = np.full(len(held), np.nan)
        for other in folds:
            if other != kept:
                theirs = held & (fold == other)
                pair = (min(kept, other), max(kept, other))
                inner[theirs] = _odds(linear_without[pair], examples, theirs)
        first[mine] = _odds(_linear(examples, mine), examples, mine)
        seen = ~np.isnan(inner)
        out[mine] = _line(inner[seen], examples.right[seen]).predict_proba(first[mine, None])[:, 1]
    scaler, linear = _linear(examples, np.zeros_like(held))
    line = _line(first[held], examples.right[held])
    confidence = Confidence(
        NAMES,
        _rounded(scaler.mean_),
        _rounded(scaler.scale_),
        _rounded(linear.coef_[0]),
        _rounded([linear.intercept_[0], line.coef_[0, 0], line.intercept_[0]]),
    )
    return FittedConfidence(confidence, {"scaler": scaler, "linear": linear, "line": line}, out)


def _linear(examples: Examples, without: Flags) -> tuple[StandardScaler, LogisticRegression]:
    rows = ~without
    weights = np.where(examples.calibrates[rows], CALIBRATION_WEIGHT, 1.0)
    scaler = StandardScaler().fit(examples.features[rows])
    linear = LogisticRegression(C=CONFIDENCE_C, max_iter=1000)
    linear.fit(scaler.transform(examples.features[rows]), examples.right[rows], sample_weight=weights)
    return scaler, linear


def _odds(fitted: tuple[StandardScaler, LogisticRegression], examples: Examples, rows: Flags) -> Array:
    scaler, linear = fitted
    return np.asarray(linear.decision_function(scaler.transform(examples.features[rows])))


def _line(odds: Array, right: Flags) -> LogisticRegression:
    return LogisticRegression(C=1e3).fit(odds[:, None], right)


def least_confidence(confidence: Array, right: Flags, eligible: Flags, risk: float) -> float:
    """The lowest confidence at or above which at most ``risk`` of the eligible sets are wrong; 1.01 when none is."""
    order = np.argsort(-confidence[eligible], kind="stable")
    ranked, wrong = confidence[eligible][order], np.cumsum(~right[eligible][order])
    last_of_its_value = np.append(ranked[1:] != ranked[:-1], True) if len(ranked) else np.zeros(0, dtype=bool)
    good = last_of_its_value & (wrong / np.arange(1, len(ranked) + 1) <= risk)
    return float(np.ceil(ranked[good].min() * 1e4) / 1e4) if good.any() else 1.01


# -- on disk -----------------------------------------------------------------------------------------------------------


def save_estimators(estimators: Mapping[str, Any], path: Path) -> None:
    """Write fitted estimators with skops.

    Raises:
        ValueError: they hold a type that is not on the fixed list.
    """
    held = skops_io.dumps(dict(estimators))
    foreign = [name for name in skops_io.get_untrusted_types(data=held) if name not in TRUSTED]
    if foreign:
        raise ValueError(f"{path}: {foreign[0]} is not on the list of trusted types")
    path.write_bytes(held)


def load_estimators(path: Path) -> dict[str, Any]:
    """Read estimators; only types of the fixed list are built.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: the file holds another type.
    """
    return dict(skops_io.load(path, trusted=list(TRUSTED)))
