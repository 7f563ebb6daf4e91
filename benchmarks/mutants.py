"""Break the decision layer in every table row and every branch, and count what the cases and invariants do not notice.

    python benchmarks/mutants.py [--only NAME ...] [--survivors REPORT] [--processes 2]

A mutant is one small change: a row deleted, a code or a region swapped, a comparison turned, a constant changed, a
branch taken always or never, a statement left out. Each is made inside the running program (a row of the tables read, the code
of a function), held against all of `tests/cases`, the invariants on a fixed sample of the space and the tests of the edits,
and undone. Prints "N mutants, S survivors" and each survivor. A survivor that answers every note of a wider part of the
space as before is printed as *alike*: no note is known that could tell it (a shortcut, a sort of what is sorted already).
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import dataclasses
import importlib
import multiprocessing
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Literal

import pytest
from spinecode.coding import findings as f
from spinecode.coding import tables as tables_module
from spinecode.coding.codeset import CodeSet
from spinecode.coding.decide import decide
from spinecode.coding.tables import REGIONS, InjuryRow, tables, tabular
from spinecode.pipelines import cases, invariants, space, verify
from spinecode.pipelines.covering import covering

MODULES = (
    "case", "chronic", "codes", "decide", "disc", "edits", "endplate", "injury", "kinds", "merge", "order", "pain",
    "pregnancy", "problem", "radicular", "regions", "report", "selection", "structure", "words",
)  # fmt: skip
SECONDS = 10
"""A mutant that needs longer than this for one pass runs in circles; that is noticed."""

TESTS = Path(__file__).resolve().parent.parent / "tests" / "test_decide_edits.py"
CASES = Path(__file__).resolve().parent.parent / "tests" / "cases"
Undo = Callable[[], None]
SAMPLE_FAMILIES, SAMPLE_PAIRS, SAMPLE_ROWS = 5003, 2003, 31
WIDE_FAMILIES, WIDE_PAIRS, WIDE_ROWS = 997, 499, 5
Fate = Literal["noticed", "alike", "survived"]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One change: where, what, and how to make it. ``apply`` returns how to undo it."""

    where: str
    what: str
    apply: Callable[[], Undo]
    equivalent: str = ""
    """Why it decides nothing otherwise; such a mutant is counted, not run."""


# -- tables ------------------------------------------------------------------------------------------------------------


def table_mutants() -> Iterator[Mutant]:
    """Every row deleted, every code and every region changed, every group and every rule lost."""
    yield from _code_rows()
    table: Any = tables()
    for rule in table.rules.values():
        yield _in_dict("rules.csv", f"{rule.id} deleted", table.rules, rule.id, None)
        for column in ("rationale", "source"):
            yield Mutant(
                "rules.csv", f"{rule.id} without {column}", lambda rule=rule, column=column: _blank(rule.id, column)
            )
    for region, groups in table.groups.items():
        others = [g for g in ("neck", "mid_back", "low_back", "sacral") if g not in groups]
        for i, group in enumerate(groups):
            less, swapped = groups[:i] + groups[i + 1 :], (*groups[:i], others[0], *groups[i + 1 :])
            yield _in_dict("region_groups.csv", f"{region} not in {group}", table.groups, region, less)
            yield _in_dict("region_groups.csv", f"{region} in {others[0]}", table.groups, region, swapped)
    given = tuple(row.code for row in table.codes.values())
    for i, row in enumerate(table.injuries):
        never = (
            "" if any(code.startswith(row.injury) for code in given) else "no row gives this injury; the audit reads it"
        )
        other = "low_back" if row.group != "low_back" else "neck"
        changes: dict[str, tuple[InjuryRow, ...]] = {
            "deleted": (),
            f"in {other}": (dataclasses.replace(row, group=other),),
        }
        for prefix in row.removes:
            kept = tuple(p for p in row.removes if p != prefix)
            changes[f"no longer removes {prefix}"] = (dataclasses.replace(row, removes=kept),)
        for what, rows in changes.items():
            injuries = (*table.injuries[:i], *rows, *table.injuries[i + 1 :])
            change = lambda rows=injuries: _set_injuries(rows)  # noqa: E731
            yield Mutant("injury_regions.csv", f"{row.injury} {what}", change, never)


def _code_rows() -> Iterator[Mutant]:
    table: Any = tables()
    rows = list(table.codes.values())
    for i, row in enumerate(rows):
        key = (row.family, row.region, row.variant)
        name = "/".join(key)
        other = next(
            (r.code for r in rows[i + 1 :] + rows[:i] if r.family == row.family and r.code != row.code), "M54.9"
        )
        changes: dict[str, dict[tuple[str, str, str], Any]] = {
            f"{name} deleted": {k: v for k, v in table.codes.items() if k != key},
            f"{name} {other} for {row.code}": {**table.codes, key: dataclasses.replace(row, code=other)},
        }
        if row.region in REGIONS:
            moved = REGIONS[(REGIONS.index(row.region) + 1) % len(REGIONS)]
            left = {k: v for k, v in table.codes.items() if k != key}
            left[row.family, moved, row.variant] = dataclasses.replace(row, region=moved)
            changes[f"{name} moved to {moved}"] = left
        for what, codes in changes.items():
            same = _answers(table.codes, row.family) == _answers(codes, row.family)
            equivalent = "another row of the family gives the same code" if same else ""
            change = lambda codes=codes: _swap_rows(codes)  # noqa: E731
            yield Mutant("codes.csv", what, change, equivalent)


def _answers(codes: dict[tuple[str, str, str], Any], family: str) -> list[str]:
    """The code of every region and variant of a family, as the decision layer asks for it."""
    table = dataclasses.replace(tables(), codes=codes)
    variants = sorted({variant for name, _, variant in tables().codes if name == family} | {""})
    found = (table.code(family, region, variant) for region in (None, *REGIONS) for variant in variants)
    return [row.code if row else "" for row in found]


def _swap_rows(codes: dict[tuple[str, str, str], Any]) -> Undo:
    mapping: Any = tables().codes
    whole = dict(mapping)
    _restore(mapping, codes)
    return lambda: _restore(mapping, whole)


def _blank(rule: str, column: str) -> Undo:
    """A rule's cell emptied: what reads the table must refuse it."""
    before = tables_module._rows

    def rows(name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
        for where, row in before(name, columns):
            yield where, ({**row, column: ""} if row.get("id") == rule else row)

    tables_module._rows = rows  # type: ignore[assignment]
    try:
        tables_module._rules()
    finally:
        tables_module._rows = before
    return lambda: None


def _in_dict(where: str, what: str, mapping: dict[Any, Any], key: Any, value: Any) -> Mutant:
    def apply() -> Undo:
        whole = dict(mapping)
        if value is None:
            del mapping[key]
        else:
            mapping[key] = value
        return lambda: _restore(mapping, whole)

    return Mutant(where, what, apply)


def _restore(mapping: dict[Any, Any], whole: dict[Any, Any]) -> None:
    mapping.clear()
    mapping.update(whole)


def _set_injuries(rows: tuple[InjuryRow, ...]) -> Undo:
    table = tables()
    before = table.injuries
    object.__setattr__(table, "injuries", rows)
    return lambda: object.__setattr__(table, "injuries", before)


# -- code --------------------------------------------------------------------------------------------------------------

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
Change = tuple[str, Callable[[Any], Any]]
"""What is said of it, and a function from the node of a fresh tree to the node put in its place."""


def changes_of(node: ast.AST) -> Iterator[Change]:  # noqa: C901  a flat list of what can be done to each kind of node
    """The small changes a node can suffer."""
    if isinstance(node, ast.If | ast.IfExp):
        for value in (True, False):
            yield f"condition always {value}", lambda n, value=value: _with(n, test=ast.Constant(value))
    elif isinstance(node, ast.comprehension):
        for i in range(len(node.ifs)):
            yield f"filter {i + 1} dropped", lambda n, i=i: _with(n, ifs=n.ifs[:i] + n.ifs[i + 1 :])
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Tuple | ast.Set | ast.List) and len(node.elts) > 1:
        if not isinstance(getattr(node, "ctx", None), ast.Store):
            for i in range(len(node.elts)):
                yield f"element {i + 1} dropped", lambda n, i=i: _with(n, elts=n.elts[:i] + n.elts[i + 1 :])
    elif isinstance(node, ast.AugAssign | ast.Continue | ast.Break):
        yield "statement left out", lambda _: ast.Pass()
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "call left out", lambda _: ast.Pass()
    else:
        yield from _operators(node)


def _operators(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = _COMPARE[type(node.ops[0])]
        yield f"comparison turned to {turned.__name__}", lambda n: _with(n, ops=[turned()])
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{other.__name__} instead", lambda n: _with(n, op=other())
        for i in range(len(node.values)):
            yield f"operand {i + 1} dropped", lambda n, i=i: _without(n, "values", i)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", lambda n: n.operand
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr | ast.Sub | ast.BitAnd):
        yield "right side dropped", lambda n: n.left
        yield "left side dropped", lambda n: n.right


def _constants(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield f"{not value} instead", lambda _: ast.Constant(not value)
    elif isinstance(value, int):
        yield f"{value + 1} instead of {value}", lambda _: ast.Constant(value + 1)
    elif isinstance(value, str) and value and " " not in value:
        yield f"{value!r} misspelt", lambda _: ast.Constant(value + "?")


def _with(node: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _without(node: Any, name: str, index: int) -> Any:
    values = getattr(node, name)
    left = values[:index] + values[index + 1 :]
    return left[0] if len(left) == 1 else _with(node, **{name: left})


def code_mutants(names: Sequence[str]) -> Iterator[Mutant]:
    """Every small change of every function and constant of these modules of `coding/`."""
    for name in names:
        module = importlib.import_module(f"spinecode.coding.{name}")
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        yield from _of_module(module, tree)


def _of_module(module: ModuleType, tree: ast.Module) -> Iterator[Mutant]:
    for owner, statement in _owners(tree):
        for place, node in enumerate(_body_nodes(statement)):
            for what, change in changes_of(node):
                where = f"{Path(str(module.__file__)).name}:{getattr(node, 'lineno', statement.lineno)} {owner}"
                apply = _applier(module, tree, owner, place, change)
                yield Mutant(where, f"{what}: {_shown(node)}", apply)


def _shown(node: ast.AST) -> str:
    with contextlib.suppress(Exception):
        return " ".join(ast.unparse(node).split())[:90]
    return type(node).__name__


def _owners(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """Functions, methods and the assigned constants of a module, by name."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            for method in statement.body:
                if isinstance(method, ast.FunctionDef):
                    yield f"{statement.name}.{method.name}", method
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name) and not isinstance(statement.value, ast.Subscript):  # no type
                yield target.id, statement


def _body_nodes(statement: Any) -> Iterator[ast.AST]:
    """The nodes of a function's body or of a constant's value; no docstring, no annotation, no message."""
    roots = statement.body if isinstance(statement, ast.FunctionDef) else [statement.value]
    for root in roots:
        if isinstance(root, ast.Expr) and isinstance(root.value, ast.Constant):
            continue
        yield from _walk(root)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr):
        return
    yield node
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for item in child if isinstance(child, list) else [child]:
            if isinstance(item, ast.AST) and not _dropped_whole(node, item):
                yield from _walk(item)


def _dropped_whole(parent: ast.AST, child: ast.AST) -> bool:
    """A word in a row of words: leaving it out says all that misspelling it would."""
    several = isinstance(parent, ast.Tuple | ast.List | ast.Set) and len(parent.elts) > 1
    return several and isinstance(child, ast.Constant) and isinstance(child.value, str)


def _applier(
    module: ModuleType, tree: ast.Module, owner: str, place: int, change: Callable[[Any], Any]
) -> Callable[[], Undo]:
    def apply() -> Undo:
        fresh = copy.deepcopy(tree)
        statement = dict(_owners(fresh))[owner]
        node = list(_body_nodes(statement))[place]
        _replace(statement, node, change(copy.copy(node)))
        ast.fix_missing_locations(fresh)
        if isinstance(statement, ast.FunctionDef):
            return _swap_code(module, owner, compile(fresh, str(module.__file__), "exec"))
        value = eval(compile(ast.Expression(statement.value), str(module.__file__), "eval"), vars(module))
        return _swap_constant(vars(module)[owner], value)

    return apply


def _replace(root: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(root):
        for name, child in ast.iter_fields(parent):
            if child is old:
                setattr(parent, name, new)
            elif isinstance(child, list) and any(item is old for item in child):
                setattr(parent, name, [new if item is old else item for item in child])


def _swap_code(module: ModuleType, owner: str, compiled: CodeType) -> Undo:
    function = _function(module, owner)
    code = compiled
    for part in owner.split("."):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == part)
    before = function.__code__
    function.__code__ = code
    _forget_answers(module)

    def undo() -> None:
        function.__code__ = before
        _forget_answers(module)

    return undo


def _forget_answers(module: ModuleType) -> None:
    """What functions of the module remember from before one of them, or one they call, was changed."""
    for value in list(vars(module).values()):
        if hasattr(value, "cache_clear") and getattr(value, "__module__", "") == module.__name__:
            value.cache_clear()


def _function(module: ModuleType, owner: str) -> FunctionType:
    *classes, name = owner.split(".")
    found: Any = module
    for part in classes:
        found = getattr(found, part)
    found = vars(found)[name]
    while not isinstance(found, FunctionType):  # a property, a cache
        found = getattr(found, "fget", None) or found.__wrapped__
    return found


def _swap_constant(before: Any, after: Any) -> Undo:
    """The value in every module of the package that imported it."""
    held = [
        (vars(module), name)
        for title, module in list(sys.modules.items())
        if title.startswith("spinecode.coding") and module is not None
        for name, value in vars(module).items()
        if value is before and not name.startswith("__")
    ]
    for namespace, name in held:
        namespace[name] = after
    return lambda: [namespace.__setitem__(name, before) for namespace, name in held] and None


# -- who notices -------------------------------------------------------------------------------------------------------


class TooLongError(Exception):
    """The mutant runs in circles."""


def _ring(_: int, __: FrameType | None) -> None:
    raise TooLongError


@dataclasses.dataclass
class Judge:
    """The cases and the sample of the space that a mutant must face."""

    cases: list[cases.Case]
    sample: list[f.Findings]
    wide: list[tuple[f.Findings, CodeSet]]
    """Notes of the space with the answers of the decision layer as it is."""

    def fate(self, mutant: Mutant) -> Fate:
        """Whether anything fails while the mutant lives, and if nothing does, whether any answer differs."""
        try:
            undo = mutant.apply()
        except Exception:  # it does not even load: what reads the table refuses it, or Python does
            return "noticed"
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            if self._fails() or (mutant.where.startswith("edits.py") and _tests_fail()):
                return "noticed"
            return "alike" if all(decide(note) == answer for note, answer in self.wide) else "survived"
        except Exception:  # a crash is noticed too
            return "noticed"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            undo()
            _forget_answers(invariants)

    def _fails(self) -> bool:
        _forget_answers(invariants)
        for i, case in enumerate(self.cases):
            if _wrong(case):
                self.cases.insert(0, self.cases.pop(i))  # what noticed one mutant often notices the next
                return True
        return self.broken()

    def broken(self) -> bool:
        """Whether an invariant is violated by a note of the sample."""
        return any(next(verify.violations(note), None) for note in self.sample)


def _tests_fail() -> bool:
    """Whether the tests of the edits fail, in a process of their own that has the mutant in its memory."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", str(TESTS)]))
        os._exit(status)
    return os.waitpid(child, 0)[1] != 0


def _wrong(case: cases.Case) -> bool:
    """Whether the case fails, or its result breaks an invariant that can be seen without deciding again."""
    result = decide(case.findings)
    if any(cases.compare(case.expected, result)):
        return True
    return any(next(i.check(case.findings, result), None) for i in invariants.INVARIANTS if not i.decides_again)


def sample(families: int, pairs: int, rows: int) -> list[f.Findings]:
    """A fixed part of the space that `verify` decides in full: one note in so many of each of its parts."""
    factors = space.factors()
    combined = covering([len(x.values) for x in factors], [x.likely for x in factors], 2)[::rows]
    notes = [*space.families(space.Share(3, families)), *space.pairs(space.Share(5, pairs))]
    return [*notes, *(space.combined(row, factors) for row in combined.tolist())]


_JUDGE: Judge | None = None
_MUTANTS: list[Mutant] = []


def _fate(index: int) -> Fate:
    assert _JUDGE is not None
    return _JUDGE.fate(_MUTANTS[index])


def run(mutants: list[Mutant], processes: int) -> Counter[Fate]:
    """How many of each fate; what survives is printed as soon as it is known."""
    global _JUDGE, _MUTANTS  # noqa: PLW0603  what the forked workers inherit
    wide = [(note, decide(note)) for note in sample(WIDE_FAMILIES, WIDE_PAIRS, WIDE_ROWS)]
    _JUDGE = Judge(cases.read_cases(CASES), sample(SAMPLE_FAMILIES, SAMPLE_PAIRS, SAMPLE_ROWS), wide)
    _MUTANTS = mutants
    wrong = [case.name for case in _JUDGE.cases if _wrong(case)]
    if wrong:
        raise SystemExit(f"mutants: {len(wrong)} cases fail before anything is broken: {wrong[0]}")
    if _JUDGE.broken():
        raise SystemExit("mutants: an invariant is violated before anything is broken; see make verify")
    signal.signal(signal.SIGALRM, _ring)
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        fates: Counter[Fate] = Counter()
        for mutant, fate in zip(mutants, pool.imap(_fate, range(len(mutants)), chunksize=8), strict=True):
            fates[fate] += 1
            if fate != "noticed":
                print(f"{fate:<8}  {mutant.where}  {mutant.what}", flush=True)
    print(f"alike: {fates['alike']} answer all of {len(wide)} notes of the space as before")
    return fates


def _named(where: str, what: str) -> str:
    """A mutant without the number of its line, which other changes move."""
    return f"{re.sub(r':[0-9]+ ', ' ', where)} {what}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="modules of coding/ to break, or rows of a table (codes.csv ...)")
    parser.add_argument("--survivors", help="what an earlier run printed: only the mutants that survived then")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    tabular()
    began = time.monotonic()
    names = [name for name in MODULES if not options.only or name in options.only]
    rows = [m for m in table_mutants() if not options.only or m.where in options.only]
    made = [*rows, *code_mutants(names)]
    if options.survivors:
        report = Path(options.survivors).read_text(encoding="utf-8")
        lines = [line for line in report.splitlines() if line.startswith(("survived  ", "alike     "))]
        survived = {_named(*re.split(r"  +", line, maxsplit=2)[1:]) for line in lines}
        made = [m for m in made if _named(m.where, m.what) in survived]
        rows = [m for m in rows if m in made]
    mutants = [m for m in made if not m.equivalent]
    fates = run(mutants, options.processes)
    seconds = time.monotonic() - began
    for reason, count in Counter(m.equivalent for m in made if m.equivalent).items():
        print(f"not run: {count}: {reason}")
    print(f"{len(rows)} of table rows, {len(made) - len(rows)} of code, {len(made) - len(mutants)} of them not run")
    print(f"in {seconds:.0f} s, {options.processes} processes")
    lived = fates["alike"] + fates["survived"]
    print(f"{len(mutants)} mutants, {lived} survivors, {fates['survived']} of them with another answer somewhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
