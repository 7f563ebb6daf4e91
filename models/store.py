"""The trained models on disk.

``second_reader.skops`` and ``confidence.skops`` hold the fitted estimators (no pickle). ``arrays.npz`` holds the numbers
that using them needs and ``models.json`` the words, thresholds, versions and figures: one note is read without importing
scikit-learn. The hash in ``models.json`` is over all arrays.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..coding.errors import InputError
from .confidence import Confidence
from .features import NAMES, Decision, Habit, features
from .judgement import Judgement
from .routing import Thresholds, doubt_of, route_of
from .second_reader import SecondReader
from .words import tokens

ARRAYS: Final = "arrays.npz"
META: Final = "models.json"
SCHEMA: Final = "spinecode/models/1"
TRUSTED: Final = (
    "numpy.dtype",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.multiclass.OneVsRestClassifier",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._label.LabelBinarizer",
)
"""What may be in a skops file of ours; a file with any other type is refused."""


@dataclass(frozen=True)
class Models:
    """The trained models, ready to judge. ``meta`` is what stands in ``models.json``."""

    reader: SecondReader
    habit: Habit
    confidence: Confidence
    thresholds: Thresholds
    meta: Mapping[str, Any]

    def judge(self, decision: Decision, *, auto: float | None = None) -> Judgement:
        """Confidence, route and the strongest reasons. ``auto``: another least confidence for *auto*."""
        limits = self.thresholds
        if auto is not None:
            limits = Thresholds(auto, limits.expects, limits.doubts, limits.risk)
        cut = tokens(decision.text)
        reading = self.reader.read(decision.text, cut)
        confidence, parts = self.confidence.of(features(decision, reading, self.habit, cut))
        doubts = doubt_of(decision, reading, self.reader, limits)
        route, reasons = route_of(decision, confidence, parts, doubts, limits)
        return Judgement(confidence, route, reasons, self.hash[:16])

    @property
    def hash(self) -> str:
        """Over all arrays and thresholds: the same training gives the same hash."""
        return str(self.meta["hash"])


def arrays_of(reader: SecondReader, habit: Habit, confidence: Confidence) -> dict[str, Any]:
    """All arrays by name."""
    return {
        **{f"reader_{name}": array for name, array in reader.arrays.items()},
        "habit_surprise": habit.surprise,
        **{f"confidence_{name}": array for name, array in confidence.arrays.items()},
    }


def hash_of(arrays: Mapping[str, Any], thresholds: Thresholds) -> str:
    """SHA-256 over names, shapes and values (which are rounded to nine digits)."""
    digest = hashlib.sha256(json.dumps(asdict(thresholds), sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], dtype="<f8")
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save(models: Models, folder: str | Path) -> None:
    """Write ``arrays.npz`` and ``models.json``: same models, same bytes."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    held = io.BytesIO()
    np.savez(held, **arrays_of(models.reader, models.habit, models.confidence))
    (place / ARRAYS).write_bytes(held.getvalue())
    (place / META).write_text(json.dumps(models.meta, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load(folder: str | Path | None = None) -> Models | None:
    """The models in a folder, or those that come with the package; None where there are none.

    Raises:
        InputError: the files are not models of this version, or their arrays are not those that were written.
    """
    place: Traversable = files(__package__) if folder is None else Path(folder)
    try:
        if not (place / META).is_file():
            return None
        meta = json.loads((place / META).read_text(encoding="utf-8"))
        with np.load(io.BytesIO((place / ARRAYS).read_bytes()), allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        return _built(meta, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{place}: holds no models of this version ({type(error).__name__}); train them again"
        ) from None


def _built(meta: Mapping[str, Any], arrays: Mapping[str, Any]) -> Models:
    if meta["schema"] != SCHEMA or tuple(meta["features"]) != NAMES:
        raise ValueError("another schema or other features")
    thresholds = Thresholds(**meta["thresholds"])
    reader = SecondReader(
        meta["vocabulary"], meta["families"], arrays["reader_idf"], arrays["reader_weights"], arrays["reader_bias"]
    )
    habit = Habit(meta["habit_words"], arrays["habit_surprise"])
    confidence = Confidence(
        meta["features"],
        arrays["confidence_mean"],
        arrays["confidence_scale"],
        arrays["confidence_weights"],
        arrays["confidence_line"],
    )
    if hash_of(arrays, thresholds) != meta["hash"]:
        raise ValueError("the arrays are not those that were written")
    return Models(reader, habit, confidence, thresholds, meta)
