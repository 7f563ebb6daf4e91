"""`spinecode train`: decide the corpora with the full engine and weakened ones, and fit the models on where they err."""

from __future__ import annotations

import csv
import hashlib
import json
import platform
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from .. import __version__
from ..coding.codeset import CodeSet
from ..coding.errors import InputError
from ..coding.gaps.model import Gaps
from ..models.families import families_of
from ..models.features import NAMES, Decision, features
from ..models.fitting import (
    Examples,
    FittedConfidence,
    FittedReader,
    fit_confidence,
    fit_habit,
    fit_reader,
    least_confidence,
    save_estimators,
)
from ..models.routing import Thresholds
from ..models.store import SCHEMA, Models, arrays_of, hash_of, save
from ..nlp import lexicon
from ..nlp.pipeline import PHRASES
from ..nlp.reader import Reader
from .corpus import FOLDS, corpus_folders, family_of, load_splits
from .evaluate import is_accepted, load_corpus, scored_codes
from .result import Result
from .suggest import Spinecode, ruleset

BLIND: Final = "blind"
"""The corpus that confidence is calibrated and reported on: no rule was tuned on it. The second reader never reads it."""
CROSS_FITTED: Final = "cross_fitted.csv"
BLIND_FOLDS: Final = 10
SEED: Final = 7
TENTHS: Final = 10


@dataclass(frozen=True)
class Note:
    """A note of a corpus with its fold: that of its group, or for a blind note one of its own."""

    corpus: str
    data: Mapping[str, Any]
    fold: int

    @property
    def key(self) -> str:
        """Unique over all corpora."""
        return f"{self.corpus}/{self.data['id']}"


@dataclass(frozen=True)
class Decided:
    """A note decided by one engine: 0 the full one, 1 to 10 without that tenth of the phrases."""

    note: Note
    engine: int
    decision: Decision
    codes: tuple[str, ...]
    right: bool


@dataclass(frozen=True)
class Trained:
    """The models with all that their figures are told from."""

    models: Models
    reader: FittedReader
    confidence: FittedConfidence
    examples: Examples
    eligible: Any
    decided: tuple[Decided, ...]


Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and of how many."""


def _quiet(_: str, __: int, ___: int) -> None:
    return


# -- notes and engines -------------------------------------------------------------------------------------------------


def read_notes(paths: Sequence[str]) -> list[Note]:
    """The notes of the corpora under ``paths``, probes left out, with their folds.

    Raises:
        InputError: no notes, or a group of them without a fold.
    """
    notes: list[Note] = []
    for folder in corpus_folders(paths):
        if not (folder / "notes.jsonl").exists():
            continue
        folds = {(split.author, split.family): split.fold for split in load_splits(folder.parent)}
        for data in load_corpus(str(folder)).notes:
            group = (folder.name, family_of(data))
            if folder.name != BLIND and group not in folds:
                raise InputError(f"{folder}: {group[1]!r} has no fold; run spinecode corpus split {folder.parent}")
            notes.append(Note(folder.name, data, -1 if folder.name == BLIND else folds[group]))
    if not notes:
        raise InputError(f"{' '.join(paths)}: no notes to train on")
    return [*(note for note in notes if note.corpus != BLIND), *_folded(n for n in notes if n.corpus == BLIND)]


def _folded(notes: Iterable[Note]) -> list[Note]:
    """Blind notes in folds of their own, by a hash of their id: file order goes by voice."""
    order = sorted(notes, key=lambda note: hashlib.sha256(note.key.encode()).hexdigest())
    return [replace(note, fold=place % BLIND_FOLDS) for place, note in enumerate(order)]


def tenths(seed: int = SEED) -> list[frozenset[str]]:
    """The ids of all phrase rules in ten random parts."""
    ids = sorted(rule["metadata"]["id"] for name in PHRASES for rule in lexicon.rules(name))
    random.Random(seed).shuffle(ids)  # noqa: S311 - which phrases are switched off is no secret
    return [frozenset(ids[part::TENTHS]) for part in range(TENTHS)]


def engines(weakened: int, seed: int = SEED) -> Iterator[tuple[int, Spinecode]]:
    """The full engine, then ``weakened`` engines that each lack a random tenth of the phrases; built one at a time."""
    yield 0, Spinecode(models=None)
    for number, without in enumerate(tenths(seed)[:weakened], start=1):
        yield number, Spinecode(reader=Reader(without=without), models=None)


def decide_all(notes: Sequence[Note], weakened: int, seed: int = SEED, tell: Progress = _quiet) -> list[Decided]:
    """Every note by every engine."""
    found = []
    for number, engine in engines(weakened, seed):
        for place, note in enumerate(notes, start=1):
            result = engine.suggest(note.data["text"], date_of_service=note.data.get("date_of_service"))
            codes = tuple(scored_codes(result))
            decision = decision_of(note.data["text"], result)
            found.append(Decided(note, number, decision, codes, is_accepted(note.data, codes)))
            tell("deciding", number * len(notes) + place, (weakened + 1) * len(notes))
    return found


def decision_of(text: str, result: Result) -> Decision:
    """The decision that a result was made from."""
    code_set = CodeSet(
        result.release,
        result.outcome,
        result.codes,
        result.not_coded,
        result.seen,
        result.red_flags,
        result.warnings,
    )
    return Decision(text, result.findings, code_set, Gaps(result.open_facts, result.gaps))


# -- training ----------------------------------------------------------------------------------------------------------


def train(
    paths: Sequence[str], *, weakened: int = TENTHS, seed: int = SEED, risk: float = 0.02, tell: Progress = _quiet
) -> Trained:
    """Train on the corpora under ``paths``.

    Raises:
        InputError: no notes, or too few to fit anything.
    """
    notes = read_notes(paths)
    decided = decide_all(notes, weakened, seed, tell)
    try:
        with threadpool_limits(1):  # sums in one order: equal arrays
            return fit(notes, decided, weakened=weakened, seed=seed, risk=risk, tell=tell)
    except ValueError as error:
        raise InputError(f"{' '.join(paths)}: too few notes to train on ({error})") from None


def fit(
    notes: Sequence[Note], decided: Sequence[Decided], *, weakened: int, seed: int, risk: float, tell: Progress = _quiet
) -> Trained:
    """Fit the models on decided notes."""
    blind = any(note.corpus == BLIND for note in notes)
    open_notes = [note for note in notes if note.corpus != BLIND]
    tell("second reader", 0, FOLDS + 1)
    whole = _reader_of(open_notes)
    parts = []
    for fold in range(FOLDS):
        parts.append(_reader_of([note for note in open_notes if note.fold != fold]))
        tell("second reader", fold + 1, FOLDS + 1)
    readings = {
        note.key: (whole if note.corpus == BLIND else parts[note.fold]).reader.read(note.data["text"]) for note in notes
    }
    habit = fit_habit([each.decision for each in decided if each.engine == 0 and each.note.corpus != BLIND])
    tell("confidence", 0, 1)
    rows = [features(each.decision, readings[each.note.key], habit) for each in decided]
    examples = Examples(
        features=np.array([[row[name] for name in NAMES] for row in rows]),
        right=np.array([each.right for each in decided]),
        fold=np.array([each.note.fold for each in decided]),
        calibrates=np.array([not blind or each.note.corpus == BLIND for each in decided]),
        full=np.array([each.engine == 0 for each in decided]),
        notes=tuple(each.note.key for each in decided),
    )
    fitted = fit_confidence(examples)
    meta: dict[str, Any] = {"schema": SCHEMA, "hash": ""}
    models = Models(whole.reader, habit, fitted.confidence, Thresholds(0.0, risk=risk), meta)
    eligible = np.array([_may_be_auto(models, each) for each in decided])
    held = examples.calibrates
    auto = least_confidence(fitted.cross_fitted[held], examples.right[held], eligible[held], risk)
    thresholds = replace(models.thresholds, auto=auto)
    meta |= _meta(models, thresholds, whole, notes, weakened, seed)
    tell("confidence", 1, 1)
    return Trained(replace(models, thresholds=thresholds), whole, fitted, examples, eligible, tuple(decided))


def _reader_of(notes: Sequence[Note]) -> FittedReader:
    return fit_reader([note.data["text"] for note in notes], [families_of(note.data["codes"]) for note in notes])


def _may_be_auto(models: Models, each: Decided) -> bool:
    """Whether nothing but its confidence keeps a decision from *auto*."""
    return models.judge(each.decision, auto=0.0).route == "auto"


def _meta(
    models: Models, thresholds: Thresholds, whole: FittedReader, notes: Sequence[Note], weakened: int, seed: int
) -> dict[str, Any]:
    corpora = sorted({note.corpus for note in notes})
    return {
        "hash": hash_of(arrays_of(models.reader, models.habit, models.confidence), thresholds),
        "engine": __version__,
        "ruleset": ruleset(),
        "trained_with": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "scikit-learn", "skops")},
        },
        "data": {name: sum(note.corpus == name for note in notes) for name in corpora},
        "weakened_engines": weakened,
        "seed": seed,
        "thresholds": vars(thresholds),
        "features": list(NAMES),
        "families": list(whole.estimators["families"]),
        "vocabulary": list(whole.estimators["vocabulary"]),
        "habit_words": list(models.habit.words),
    }


def save_trained(trained: Trained, folder: str) -> None:
    """Write models and estimators into ``folder``.

    Raises:
        InputError: the folder cannot be written.
    """
    place = Path(folder)
    try:
        save(trained.models, place)
        save_estimators(trained.reader.estimators, place / "second_reader.skops")
        save_estimators(trained.confidence.estimators, place / "confidence.skops")
        _write_cross_fitted(trained, place / CROSS_FITTED)
    except OSError as error:
        raise InputError(f"{place}: cannot be written ({error.strerror})") from None


def _write_cross_fitted(trained: Trained, path: Path) -> None:
    """What was said of each decision on a calibrating note by models that had not seen the note."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("note", "engine", "fold", "confidence", "right", "may_be_auto"))
        for index, each in enumerate(trained.decided):
            if trained.examples.calibrates[index]:
                said = f"{trained.confidence.cross_fitted[index]:.4f}"
                flags = int(each.right), int(trained.eligible[index])
                writer.writerow((each.note.key, each.engine, each.note.fold, said, *flags))


def describe(trained: Trained) -> str:
    """What was trained, in a few lines."""
    meta = trained.models.meta
    wrong = int((~trained.examples.right).sum())
    lines = [
        f"{sum(meta['data'].values())} notes, {meta['weakened_engines']} weakened engines",
        f"{len(trained.decided)} decisions, {wrong} of them wrong",
        f"second reader: {len(meta['vocabulary'])} terms, {len(meta['families'])} families",
        f"auto from confidence {meta['thresholds']['auto']:.4f} (risk {meta['thresholds']['risk']})",
        f"hash {meta['hash']}",
    ]
    return "\n".join(lines) + "\n" + json.dumps(meta["trained_with"]) + "\n"
