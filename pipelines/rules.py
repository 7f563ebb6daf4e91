"""The reference of rules: what each says and why, which codes it gives, the cases in which it fires and is withheld.

``python -m spinecode.pipelines.rules`` in a clone reads the cases again and writes `coding/tables/rule_cases.json`,
which the installed package shows, and `docs/rules.md`.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..coding.decide import decide
from ..coding.errors import InputError
from ..coding.reference import codes_of_rule
from ..coding.tables import FOLDER, Rule, rule_cases, tables
from .cases import read_cases, rules_fired, words
from .render import labelled

SCHEMA: Final = "spinecode/rules/1"
_BLANKS: Final = {
    "quote": "⟨the note's words⟩",
    "region": "⟨region⟩",
    "side": "⟨side⟩",
    "code": "⟨code⟩",
    "pain": "⟨, of which the note tells which pain⟩",
}
_LEAD: Final = """\
# Rules

Every rule by which a code is given or left out, in the order of the policy's sections. Made from `coding/tables/`
and `tests/cases/` by `python -m spinecode.pipelines.rules`; `spinecode rules RULE` prints the same. ⟨…⟩ stands for what
the note says. A rule whose id begins with *guide-* is the guide's own and is shown as such.
"""


@dataclass(frozen=True)
class Page:
    """One rule with everything the reference says of it."""

    rule: Rule
    codes: tuple[str, ...]
    fires: tuple[str, ...]
    withheld: tuple[str, ...]

    @property
    def rationale(self) -> str:
        """The rationale with signs in place of what the note says."""
        return self.rule.rationale.format(**_BLANKS)


def pages() -> tuple[Page, ...]:
    """Every rule, in the order of the table."""
    cases = rule_cases()
    return tuple(
        Page(
            rule,
            codes_of_rule(rule.id),
            cases.get(rule.id, {}).get("fires", ()),
            cases.get(rule.id, {}).get("withheld", ()),
        )
        for rule in tables().rules.values()
    )


def find_rules(name: str | None) -> tuple[Page, ...]:
    """The rule with this id, or all.

    Raises:
        InputError: no such rule; names the nearest.
    """
    every = pages()
    if name is None:
        return every
    found = tuple(page for page in every if page.rule.id == name.lower())
    if not found:
        near = difflib.get_close_matches(name.lower(), [page.rule.id for page in every], n=3, cutoff=0.4)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise InputError(f"no rule {name!r}{hint}; spinecode rules lists them all")
    return found


def rules_data(found: Iterable[Page]) -> dict[str, Any]:
    """The JSON object of rules."""
    return {
        "schema": SCHEMA,
        "rules": [
            {
                "rule": page.rule.id,
                "title": page.rule.title,
                "policy_section": page.rule.policy_section,
                "rationale": page.rule.rationale,
                "source": page.rule.source,
                "codes": list(page.codes),
                "fires": list(page.fires),
                "withheld": list(page.withheld),
            }
            for page in found
        ],
    }


def render_rules(found: Sequence[Page], *, whole: bool) -> str:
    """Rules for a person: all that is known of them, or a line each."""
    if not whole:
        width = max(len(page.rule.id) for page in found)
        return "".join(f"{page.rule.policy_section}  {page.rule.id:<{width}}  {page.rule.title}\n" for page in found)
    return "\n".join("\n".join(_lines(page)) + "\n" for page in found)


def _lines(page: Page) -> Iterator[str]:
    yield f"{page.rule.id}: {page.rule.title}"
    for label, text in _said(page):
        yield from labelled(label, text)
    for label, names in (("fires in", page.fires), ("withheld", page.withheld)):
        yield from labelled(label, "; ".join(names) or "no case")


def _said(page: Page) -> tuple[tuple[str, str], ...]:
    return (
        ("why", page.rationale),
        ("source", page.rule.source),
        ("policy", f"section {page.rule.policy_section}"),
        ("codes", ", ".join(page.codes) or "none: it leaves codes out"),
    )


# -- the document ------------------------------------------------------------------------------------------------------


def markdown() -> str:
    """`docs/rules.md`: a section for each rule."""
    sections = [_LEAD, "".join(f"- [{p.rule.id}](#{p.rule.id}): {p.rule.title}\n" for p in pages())]
    for page in pages():
        lines = [f"## {page.rule.id}", "", f"**{page.rule.title}**", "", page.rationale, ""]
        lines += [f"- {label}: {text}" for label, text in _said(page)[1:]]
        lines += _listed("fires in", page.fires) + _listed("withheld in", page.withheld)
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


def _listed(label: str, names: tuple[str, ...]) -> list[str]:
    return [f"- {label}:", *(f"  - {name}" for name in names)]


def cases_by_rule(folder: Path) -> dict[str, dict[str, list[str]]]:
    """The content of `rule_cases.json`, from the cases of the clone."""
    found: dict[str, dict[str, list[str]]] = {rule: {"fires": [], "withheld": []} for rule in tables().rules}
    for case in read_cases(folder):
        fired = rules_fired(decide(case.findings))
        for rule, here in found.items():
            for what, names in (("fires", fired), ("withheld", words(case.expected.get("withheld", "")))):
                if rule in names and case.title not in here[what]:
                    here[what].append(case.title)
    return found


def cases_json(folder: Path) -> str:
    """The text of `rule_cases.json`."""
    return json.dumps(cases_by_rule(folder), ensure_ascii=False, indent=1) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both files of a clone, the one in the working directory unless another is named."""
    (clone,) = (arguments if arguments is not None else sys.argv[1:]) or ["."]
    stored = cases_json(Path(clone) / "tests" / "cases")
    for folder in (Path(clone) / "coding" / "tables", FOLDER):
        (folder / "rule_cases.json").write_text(stored, encoding="utf-8")
    rule_cases.cache_clear()
    (Path(clone) / "docs" / "rules.md").write_text(markdown(), encoding="utf-8")
    sys.stdout.write(f"{len(pages())} rules in docs/rules.md\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
