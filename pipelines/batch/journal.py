"""The journal of a batch run: how far it is, and everything that must be equal for another process to carry on.

It lies beside the output with the partial files, readable by its owner only. It holds no word of any note.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from ...coding.errors import InputError
from ..private_files import PRIVATE

SCHEMA: Final = "spinecode/journal/2"


@dataclass(frozen=True)
class Identity:
    """What makes two runs the same run."""

    input_sha256: str
    input_bytes: int
    options: dict[str, Any]
    engine: str
    ruleset: str

    def difference(self, other: Identity) -> str | None:
        """What differs from ``other``, in a user's words; None if nothing does."""
        if (self.input_sha256, self.input_bytes) != (other.input_sha256, other.input_bytes):
            return "the input has changed"
        for key in sorted({*self.options, *other.options}):
            mine, theirs = self.options.get(key), other.options.get(key)
            if mine != theirs:
                return f"option --{key.replace('_', '-')} was {_shown(theirs)} and is {_shown(mine)}"
        for name in ("engine", "ruleset"):
            if getattr(self, name) != getattr(other, name):
                return f"the {name} was {getattr(other, name)} and is {getattr(self, name)}"
        return None


def _shown(value: Any) -> str:
    if isinstance(value, bool):  # 1.0 is a number, not "on"
        return "on" if value else "off"
    return "unset" if value is None else str(value)


@dataclass(frozen=True)
class Progress:
    """How far a run is: what was read of the input and written to the partial files, all ending at the same row."""

    lines: int = 0
    position: int = 0
    out_bytes: int = 0
    rejects_bytes: int = 0
    results: int = 0
    rejects: int = 0
    defects: int = 0
    finished: bool = False
    slowest: list[list[float]] = field(default_factory=list)
    """[seconds, line] of the slowest notes, for the report."""


def load(path: Path) -> tuple[Identity, Progress] | None:
    """The journal at ``path``; None if there is none.

    Raises:
        InputError: there is something, but no journal of this version.
    """
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA:
            raise ValueError
        return Identity(**data["identity"]), _progress(data["progress"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path}: cannot be read as a journal; run again with --restart to start over") from None


def _progress(data: dict[str, Any]) -> Progress:
    progress = Progress(**data)
    counts = (getattr(progress, each.name) for each in fields(progress) if each.name != "slowest")
    if not all(isinstance(count, int) and count >= 0 for count in counts) or not isinstance(progress.slowest, list):
        raise ValueError
    return progress


def save(path: Path, identity: Identity, progress: Progress) -> None:
    """Replace the journal in one step: a kill leaves the old one or the new one, never half of one."""
    data = {"schema": SCHEMA, "identity": asdict(identity), "progress": asdict(progress)}
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, PRIVATE)
        json.dump(data, file)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
