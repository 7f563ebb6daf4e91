"""Which release of the code set holds on a date of service, and what has to be said when it is not exactly the one.

Releases are named by the day they take effect ("2026-04-01"). Fiscal year 2026 runs from 2025-10-01 to 2026-09-30.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from .codeset import Notice

WARNING = "release"
INFORMATION = "release_information"


def fiscal_year(day: str) -> int:
    """The fiscal year a day (YYYY-MM-DD) lies in."""
    return int(day[:4]) + (day[5:7] >= "10")


def release_for(day: str | None, known: Sequence[str]) -> str:
    """The release for a date of service; the newest when there is no date.

    Of the fiscal year's releases the last that was in force, else the first one of that year (the April content for
    October); where the year has none, the one whose fiscal year is nearest.
    """
    if day is None:
        return max(known)
    near = min(_distance(day, release) for release in known)
    candidates = [release for release in known if _distance(day, release) == near]
    in_force = [release for release in candidates if release <= day]
    return max(in_force) if in_force else min(candidates)


def _distance(day: str, release: str) -> int:
    """Days between ``day`` and the fiscal year of ``release``; 0 inside it."""
    first, last = _bounds(release)
    if day < first:
        return _days(day, first)
    return _days(last, day) if day > last else 0


def _bounds(release: str) -> tuple[str, str]:
    year = fiscal_year(release)
    return f"{year - 1:04}-10-01", f"{year:04}-09-30"


def _days(early: str, late: str) -> int:
    return (date.fromisoformat(late) - date.fromisoformat(early)).days


def notices(day: str | None, release: str) -> tuple[Notice, ...]:
    """What a reader must know about deciding an encounter of ``day`` under ``release``; nothing when it fits or there
    is no date (the result names the release it used).
    """
    if day is None:
        return ()
    first, last = _bounds(release)
    year = fiscal_year(release)
    if not first <= day <= last:
        message = (
            f"The date of service {day} lies outside fiscal year {year} ({first} to {last}) of release {release}, which "
            "was used as the nearest one at hand. Check every code against the code set in force on that day."
        )
        return (Notice(WARNING, message),)
    if day < release:
        message = (
            f"Release {release} is an update within fiscal year {year}, and the date of service {day} lies before it. Its "
            f"content was used; a code that is new on {release} was not yet valid."
        )
        return (Notice(INFORMATION, message),)
    return ()


def file_notice(label: str) -> Notice:
    """Says that a release was read from a file the user gave; ``label`` is `Tabular.label`."""
    return Notice(INFORMATION, f"The codes are those of release {label}, which is not built in.")
