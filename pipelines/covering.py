"""Covering arrays: few rows in which every combination of any two, or any three, values of different factors stands.

The two or three factors with most values are multiplied out; the other columns of these rows are drawn with a fixed
seed. What is then still missing is packed into further rows, as many combinations into each as fit. Same factors, same
rows.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int16]
Missing = dict[tuple[int, ...], set[tuple[int, ...]]]
"""Columns → combinations of their values that no row holds."""

_SEED = 20260401
_LOOK_AHEAD = 300


def covering(sizes: Sequence[int], likely: Sequence[int], strength: int) -> Rows:
    """Rows of value numbers. ``likely``: the weight of each factor's first value where a place is free."""
    draw = np.random.default_rng(_SEED)
    largest = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))[:strength]
    base = np.array(list(itertools.product(*(range(sizes[i]) for i in largest))), dtype=np.int16)
    rows = _filled(draw, len(base), sizes, likely)
    rows[:, largest] = base
    missing = uncovered(rows, sizes, strength)
    further = _packed(draw, missing, sizes, likely)
    return np.concatenate([rows, further]) if len(further) else rows


def uncovered(rows: Rows, sizes: Sequence[int], strength: int) -> Missing:
    """The combinations of ``strength`` values that no row holds."""
    missing: Missing = {}
    for columns in itertools.combinations(range(len(sizes)), strength):
        shape = tuple(sizes[i] for i in columns)
        seen = np.zeros(shape, dtype=bool)
        seen[tuple(rows[:, i] for i in columns)] = True
        if not seen.all():
            missing[columns] = {tuple(int(v) for v in values) for values in np.argwhere(~seen)}
    return missing


def count_combinations(sizes: Sequence[int], strength: int) -> int:
    """How many combinations of ``strength`` values there are."""
    total = 0
    for columns in itertools.combinations(sizes, strength):
        product = 1
        for size in columns:
            product *= size
        total += product
    return total


def _filled(draw: Any, count: int, sizes: Sequence[int], likely: Sequence[int]) -> Rows:
    columns = []
    for size, weight in zip(sizes, likely, strict=True):
        chances = np.ones(size)
        chances[0] = weight
        columns.append(draw.choice(size, size=count, p=chances / chances.sum()))
    filled: Rows = np.stack(columns, axis=1).astype(np.int16)
    return filled


def _packed(draw: Any, missing: Missing, sizes: Sequence[int], likely: Sequence[int]) -> Rows:
    """Further rows for all that is missing."""
    waiting = [(columns, values) for columns, found in missing.items() for values in sorted(found)]
    order = draw.permutation(len(waiting))
    waiting = [waiting[i] for i in order]
    queue = deque(waiting)
    made: list[list[int]] = []
    while queue:
        row = _one_row(queue)
        (free,) = _filled(draw, 1, sizes, likely).tolist()
        made.append([row.get(i, value) for i, value in enumerate(free)])
    return np.array(made, dtype=np.int16).reshape(len(made), len(sizes))


def _one_row(queue: deque[tuple[tuple[int, ...], tuple[int, ...]]]) -> dict[int, int]:
    """A row that holds the first combination waiting and as many of the next as agree with it."""
    row: dict[int, int] = {}
    left = []
    for columns, values in [queue.popleft() for _ in range(min(_LOOK_AHEAD, len(queue)))]:
        if all(row.get(c, v) == v for c, v in zip(columns, values, strict=True)):
            row.update(zip(columns, values, strict=True))
        else:
            left.append((columns, values))
    queue.extendleft(reversed(left))
    return row
