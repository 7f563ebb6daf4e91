"""A page for a manager: volumes, code mix, unspecified codes by provider, gaps, rejected and slow notes. No note text.

It is made of the finished spool, so a run that was killed and carried on is told as one. Everything is in the one file.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

from ..private_files import private_file, replace_durably
from ..rows import Row
from .progress import clock
from .rejects import reasons_of
from .run import Summary
from .shapes import TABLES, tables_of
from .spool import spool_lines

_MOST: Final = 15
_PROVIDERS: Final = 25
_NOBODY: Final = "(no provider)"
_BACK_PAIN_UNSPECIFIED: Final = ("M54.9", "M549")
_UNSPECIFIED: Final = re.compile(r"\bunspecified\b|\bNOS\b", re.IGNORECASE)
_INK: Final = "#1f4e79"
_MADE_WITH: Final = ("release", "engine", "ruleset")


@dataclass
class ProviderCounts:
    """Encounters of one provider: all, those with codes, with an unspecified code, with M54.9, with gaps."""

    encounters: int = 0
    coded: int = 0
    unspecified: int = 0
    back_pain: int = 0
    gaps: int = 0


@dataclass
class Tally:
    """What the page counts."""

    outcomes: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    providers: dict[str, ProviderCounts] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    made_with: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many encounters were decided under which release, engine and ruleset."""

    def add(self, tables: Mapping[str, list[list[Any]]]) -> None:
        """Count one encounter by its rows of the tables."""
        (cells,) = tables["encounters"]
        encounter = dict(zip(TABLES["encounters"], cells, strict=True))
        codes = [dict(zip(TABLES["codes"], row, strict=True)) for row in tables["codes"]]
        gaps = [dict(zip(TABLES["gaps"], row, strict=True)) for row in tables["gaps"]]
        claim = [code for code in codes if code["role"] != "optional"]
        self.outcomes[encounter["outcome"]] += 1
        self.made_with.update((name, str(encounter[name])) for name in _MADE_WITH)
        if encounter["route"]:
            self.routes[encounter["route"]] += 1
        if encounter["date_of_service"]:
            self.months[encounter["date_of_service"][:7]] += 1
        self.codes.update((code["code"], code["description"]) for code in claim)
        self.gaps.update(gap["element"] or "other" for gap in gaps)
        counts = self.providers.setdefault(encounter["provider"] or _NOBODY, ProviderCounts())
        counts.encounters += 1
        counts.coded += bool(claim)
        counts.unspecified += any(_UNSPECIFIED.search(code["description"]) for code in claim)
        counts.back_pain += any(code["code"] in _BACK_PAIN_UNSPECIFIED for code in claim)
        counts.gaps += bool(gaps)


def tally(part: Path, rejects: Path) -> Tally:
    """Count a finished spool and its rejects."""
    found = Tally()
    for line in spool_lines(part):
        found.add(_tables(json.loads(line)))
    if rejects.exists():
        found.reasons = reasons_of(rejects)
    return found


def _tables(held: Mapping[str, Any]) -> Mapping[str, list[list[Any]]]:
    if "encounters" in held:
        return held
    return tables_of(held, Row(0, "", "", None, None, None, ""))


def write_report(
    path: Path, part: Path, rejects: Path, summary: Summary, title: str, options: Mapping[str, Any]
) -> None:
    """Write the page, readable by its owner only, in one step."""
    fresh = path.with_name(f"{path.name}.new")
    private_file(fresh)
    fresh.write_text(render(tally(part, rejects), summary, title, options), encoding="utf-8")
    replace_durably(fresh, path)


# -- the page ----------------------------------------------------------------------------------------------------------

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;border-bottom:1px solid #eee;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem}dt{color:#666}dd{margin:0;font-size:1.4rem}
footer{margin-top:3rem;color:#666;font-size:.85rem}
"""


def render(found: Tally, summary: Summary, title: str, options: Mapping[str, Any] | None = None) -> str:
    """The page as HTML."""
    parts = [_volumes(found, summary), _codes(found), _by_provider(found), _gaps(found), _rejected(found, summary)]
    if summary.slowest:
        parts.append(_slow(summary))
    if found.made_with:
        parts.append(_made_with(found, options or {}))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>'
        f"<h1>{escape(title)}</h1>\n{''.join(parts)}"
        "<footer>Suggestions of spinecode for a qualified coder, who decides. No text of any note is on this page."
        "</footer></body></html>\n"
    )


def _volumes(found: Tally, summary: Summary) -> str:
    coded = sum(counts.coded for counts in found.providers.values())
    figures: dict[str, int | str] = {
        "rows in": summary.rows,
        "results": summary.results,
        "rejected": summary.rejects,
        "with codes": _share(coded, summary.results),
        "time": clock(summary.seconds),
    }
    told = "".join(f"<div><dt>{name}</dt><dd>{_number(value)}</dd></div>" for name, value in figures.items())
    resumed = (
        f"<p>Carried on after row {summary.resumed_at}; the time is of the last part.</p>" if summary.resumed_at else ""
    )
    words = {"code": "code", "code_and_query": "code and query", "query": "query", "out_of_scope": "out of scope"}
    outcomes = [(words.get(name, name), count) for name, count in found.outcomes.most_common()]
    months = sorted(found.months.items())[-24:]
    return (
        f"<section><h2>Volumes</h2><dl>{told}</dl>{resumed}{_bars(outcomes, 'encounters by outcome')}"
        f"{_bars(found.routes.most_common(), 'encounters by route') if found.routes else ''}"
        f"{_bars(months, 'encounters by month of service') if len(months) > 1 else ''}</section>"
    )


def _codes(found: Tally) -> str:
    most = found.codes.most_common(_MOST)
    total = sum(found.codes.values())
    rows = [(code, description, count, _share(count, total)) for (code, description), count in most]
    chart = _bars([(code, count) for (code, _), count in most], "suggested codes")
    return f"<section><h2>Code mix</h2>{chart}{_table(('code', 'description', 'times', 'share'), rows)}</section>"


def _by_provider(found: Tally) -> str:
    most = sorted(found.providers.items(), key=lambda each: (-each[1].encounters, each[0]))
    shown, rest = most[:_PROVIDERS], most[_PROVIDERS:]
    if rest:
        others = ProviderCounts()
        for _, counts in rest:
            for name in vars(others):
                setattr(others, name, getattr(others, name) + getattr(counts, name))
        shown.append((f"({len(rest)} others)", others))
    rows = [
        (
            name,
            c.encounters,
            c.coded,
            _share(c.unspecified, c.coded),
            _share(c.back_pain, c.coded),
            _share(c.gaps, c.encounters),
        )
        for name, c in shown
    ]
    rates = [(name, round(100 * counts.unspecified / counts.coded, 1)) for name, counts in shown if counts.coded]
    names = ("provider", "encounters", "with codes", "unspecified code", "M54.9", "with gaps")
    return (
        f"<section><h2>Unspecified codes by provider</h2>{_bars(rates, '% of coded encounters with an unspecified code')}"
        f"{_table(names, rows)}<p>Shares of unspecified codes are of encounters with codes.</p></section>"
    )


def _gaps(found: Tally) -> str:
    if not found.gaps:
        return "<section><h2>Documentation gaps</h2><p>None were found.</p></section>"
    mix = [(name.replace("_", " "), count) for name, count in found.gaps.most_common(_MOST)]
    return f"<section><h2>Documentation gaps</h2>{_bars(mix, 'gaps by element')}{_table(('element', 'gaps'), mix)}</section>"


def _rejected(found: Tally, summary: Summary) -> str:
    if not summary.rejects:
        return "<section><h2>Rejected rows</h2><p>None.</p></section>"
    rows = found.reasons.most_common(_MOST)
    return (
        f"<section><h2>Rejected rows</h2>{_table(('reason', 'rows'), rows)}"
        f"<p>Each row with its reason: {escape(summary.rejects_path.name)}</p></section>"
    )


def _slow(summary: Summary) -> str:
    rows = [(line, f"{seconds:.2f}") for seconds, line in summary.slowest]
    return f"<section><h2>Slowest notes</h2>{_table(('row', 'seconds'), rows)}</section>"


def _made_with(found: Tally, options: Mapping[str, Any]) -> str:
    rows: list[tuple[str, str, int | str]] = [(*each, count) for each, count in sorted(found.made_with.items())]
    rows += [(f"--{name.replace('_', '-')}", str(value), "") for name, value in options.items()]
    return f"<section><h2>Made with</h2>{_table(('what', 'which', 'encounters'), rows)}</section>"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _table(names: Iterable[str], rows: Iterable[Iterable[int | str]]) -> str:
    columns = list(names)
    body = "".join(f"<tr>{''.join(_td(value) for value in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _td(value: int | str) -> str:
    numeric = isinstance(value, int) or re.fullmatch(r"[\d.]+(?: %)?|–", value) is not None
    return f'<td class="n">{_number(value)}</td>' if numeric else f"<td>{escape(str(value))}</td>"


def _bars(values: Iterable[tuple[str, float]], title: str) -> str:
    """Horizontal bars as inline SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    shown = [(name if len(name) <= 40 else f"{name[:39]}…", value) for name, value in values]
    if not shown:
        return ""
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": title, "text.parse_math": False, "font.family": "sans-serif"}
    with rc_context(style):
        figure = Figure(figsize=(8, 0.7 + 0.3 * len(shown)), layout="constrained")
        axes = figure.add_subplot()
        places = range(len(shown))
        drawn = axes.barh(list(places), [value for _, value in shown], color=_INK)
        axes.set_yticks(list(places), [name for name, _ in shown])
        axes.invert_yaxis()
        axes.bar_label(drawn, padding=3, fmt="{:,g}")
        axes.set_title(title, loc="left", fontsize=10)
        axes.margins(x=0.12)
        axes.set_xticks([])
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    return f'<figure role="img" aria-label="{escape(title)}">{svg[svg.index("<svg") :]}</figure>'
