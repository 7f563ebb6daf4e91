"""Figures of the scorecard: ranking, calibration, bounds and intervals. Arrays of one length, one entry a decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, rankdata

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def auroc(confidence: Array, right: Flags) -> float:
    """How often a right set has more confidence than a wrong one; ties count half; nan without one of either."""
    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        return float("nan")
    return float((rankdata(confidence)[right].sum() - good * (good + 1) / 2) / (good * bad))


def bins(confidence: Array, right: Flags, count: int = 5) -> list[tuple[float, float, int]]:
    """Equal-count bins by confidence: mean confidence, share right, size."""
    parts = np.array_split(np.argsort(confidence, kind="stable"), count)
    return [(float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts if len(part)]


def calibration_error(confidence: Array, right: Flags, count: int = 5) -> float:
    """Mean distance of confidence and share right over equal-count bins, weighted by size."""
    parts = bins(confidence, right, count)
    return sum(abs(said - true) * size for said, true, size in parts) / sum(size for _, _, size in parts)


def clopper_pearson(wrong: int, of: int, level: float = 0.95) -> float:
    """One-sided upper bound of an error rate; 1 for nothing observed."""
    return 1.0 if wrong >= of else float(beta.ppf(level, wrong + 1, of - wrong))


def interval_by_note(
    figure: Callable[[npt.NDArray[np.int64]], float], notes: Sequence[str], draws: int = 1000, seed: int = 7
) -> tuple[float, float]:
    """95 % bootstrap interval: notes are drawn with all their decisions. ``figure`` takes the rows drawn."""
    names = sorted(set(notes))
    held = np.array(notes)
    rows = [np.flatnonzero(held == name) for name in names]
    random = np.random.default_rng(seed)
    drawn = [
        figure(np.concatenate([rows[each] for each in random.integers(0, len(names), len(names))]))
        for _ in range(draws)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def risk_coverage(confidence: Array, right: Flags) -> list[tuple[float, float]]:
    """Coverage and share of wrong sets when only the most confident decisions are kept, most confident first."""
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~right[order])
    return [((n + 1) / len(order), float(wrong[n] / (n + 1))) for n in range(len(order))]


# -- pictures ----------------------------------------------------------------------------------------------------------

_SIZE, _LEFT, _TOP = 300, 60, 30


def _frame(title: str, across: str, upward: str, inside: str, top: float) -> str:
    """An SVG of 0 to 1 across and 0 to ``top`` upward."""
    ticks = "".join(
        f'<text x="{_LEFT + _SIZE * n / 4:.0f}" y="{_TOP + _SIZE + 16}" text-anchor="middle">{n / 4:g}</text>'
        f'<text x="{_LEFT - 6}" y="{_TOP + _SIZE - _SIZE * n / 4 + 4:.0f}" text-anchor="end">{top * n / 4:.2f}</text>'
        for n in range(5)
    )
    middle = _TOP + _SIZE / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _SIZE + 20} {_TOP + _SIZE + 45}"'
        ' font-family="sans-serif" font-size="11" role="img">'
        f'<title>{title}</title><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_LEFT + _SIZE / 2:.0f}" y="18" text-anchor="middle" font-size="13">{title}</text>'
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIZE}" height="{_SIZE}" fill="none" stroke="#999"/>{ticks}'
        f'<text x="{_LEFT + _SIZE / 2:.0f}" y="{_TOP + _SIZE + 36}" text-anchor="middle">{across}</text>'
        f'<text x="14" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 14 {middle:.0f})">{upward}</text>'
        f"{inside}</svg>\n"
    )


def _at(x: float, y: float, top: float) -> tuple[float, float]:
    return _LEFT + _SIZE * x, _TOP + _SIZE - _SIZE * min(y, top) / top


def reliability_svg(confidence: Array, right: Flags) -> str:
    """Share of right sets by confidence, five equal-count bins, against the diagonal."""
    x0, y0 = _at(0, 0, 1)
    x1, y1 = _at(1, 1, 1)
    parts = bins(confidence, right)
    points = [_at(said, true, 1) for said, true, _ in parts]
    inside = f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#bbb" stroke-dasharray="4"/>'
    inside += '<polyline fill="none" stroke="#1f4e79" stroke-width="2" points="'
    inside += " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>'
    inside += "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f4e79"/>' for x, y in points)
    return _frame("Reliability, blind notes", "confidence", "share of sets right", inside, 1.0)


def risk_coverage_svg(confidence: Array, right: Flags) -> str:
    """Share of wrong sets against coverage."""
    curve = risk_coverage(confidence, right)
    top = max(0.1, *(risk for _, risk in curve))
    points = " ".join("{:.1f},{:.1f}".format(*_at(cover, risk, top)) for cover, risk in curve)
    inside = f'<polyline fill="none" stroke="#1f4e79" stroke-width="2" points="{points}"/>'
    return _frame("Risk and coverage, blind notes", "coverage", "share of sets wrong", inside, top)
