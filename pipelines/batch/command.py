"""`spinecode batch`: from what the command line says to a job, and from its summary to what is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ...coding.errors import InputError
from ..private_files import check_target
from ..suggest import Spinecode, models_hash, ruleset
from .answer import Answerer, Options
from .inputs import Input, open_source
from .items import Answered, Item, Source
from .outputs import Output, open_sink
from .progress import clock, watcher
from .rejects import reasons_of
from .run import Engine, Job, Summary, check_outside, run_job
from .sinks import Sink
from .sql import shown

_LONGEST_TIMEOUT: Final = 86_400
"""Seconds. A day; timers of the system overflow far above it."""
_REASONS: Final = 5
"""How many reasons of rejects are told at the end."""


@dataclass(frozen=True)
class Request:
    """What the user asked for. ``workers``: None for one on each processor."""

    source: Input
    out: Output
    no_text: bool = False
    no_dots: bool = False
    restart: bool = False
    release_label: str | None = None
    workers: int | None = None
    note_timeout: float = 60.0
    report: str | None = None
    engine: str = "local"
    release_file: str | None = None
    rules: str | None = None
    auto: float | None = None


def run(request: Request, build: Callable[[], Spinecode], engine_version: str) -> Summary:
    """Run what was asked for.

    Raises:
        InputError: something asked for cannot be; a file that cannot be used.
    """
    source = open_source(request.source)
    sink = open_sink(request.out, source.columns, no_dots=request.no_dots)
    _say_of(source, "told")
    summary = run_job(
        Job(
            source=source,
            sink=sink,
            build=build,
            engine=_engine(request, sink),
            ruleset=ruleset(),
            engine_version=engine_version,
            options=_options(request),
            restart=request.restart,
            watcher=watcher(),
            report=_report(request, sink),
        )
    )
    _say_of(source, "warnings")
    return summary


def _say_of(source: Source, what: str) -> None:
    """What a table has to say before the run (``told``: its columns) or behind it (``warnings``). Other sources have none."""
    said = getattr(source, what, ())
    for line in (said,) if isinstance(said, str) else said:
        sys.stderr.write(f"spinecode: {line}\n")


def _report(request: Request, sink: Sink) -> Callable[[Path, Summary], None] | None:
    if request.report is None:
        return None
    from .report import write_report

    page, paths = Path(request.report), sink.paths
    check_target(page)
    for file in (*sink.targets(), paths.rejects, paths.part, Path(request.source.name)):
        if page.resolve() == file.resolve():
            raise InputError(f"--report {page}: is a file of the run itself; choose another name")
    if Path(request.source.name).is_dir():
        check_outside(Path(request.source.name), page, "the report")
    title = f"Pre-coding of {shown(request.source.name)}"

    # Those that were given: what is off or unset says nothing.
    options = {name: value for name, value in asdict(_options(request)).items() if value not in (None, False)}

    def report(part: Path, summary: Summary) -> None:
        write_report(page, part, paths.rejects_part, summary, title, options)

    return report


def _options(request: Request) -> Options:
    return Options(
        no_text=request.no_text,
        no_dots=request.no_dots,
        release_file=request.release_label,
        columns=str(request.source.columns) or None,
        encoding=request.source.encoding,
        sheet=request.source.sheet,
        note_timeout=request.note_timeout,
        format=request.out.kind,
        rows=", ".join(request.out.tables),
        auto=request.auto,
        models=models_hash(),
    )


def _engine(request: Request, sink: Sink) -> Engine:
    from .workers import answer_in_workers, usable_cpus

    workers = usable_cpus() if request.workers is None else request.workers
    if workers < 1:
        raise InputError(f"--workers {workers}: give 1 or more")
    if not 0 <= request.note_timeout <= _LONGEST_TIMEOUT:  # nor what is no number at all
        raise InputError(
            f"--note-timeout {request.note_timeout:g}: give seconds, at most {_LONGEST_TIMEOUT:,}, or 0 for no limit"
        )

    if request.engine == "spark":
        return _spark(request, sink, workers)
    if request.engine != "local":
        raise InputError(f"--engine {request.engine}: there are local and spark")

    def engine(items: Iterable[Item], factory: Callable[[], Answerer]) -> Iterator[Answered]:
        return answer_in_workers(items, factory, workers, request.note_timeout)

    return engine


def _spark(request: Request, sink: Sink, workers: int) -> Engine:
    from .spark import Setup, answer_in_spark

    spill = sink.paths.part.with_suffix(".spill").absolute()
    setup = Setup(_options(request), sink.shape, request.release_file, request.rules, request.note_timeout)

    def engine(
        items: Iterable[Item],
        factory: Callable[[], Answerer],  # noqa: ARG001 - executors make their own
    ) -> Iterator[Answered]:
        return answer_in_spark(items, setup, spill, workers)

    return engine


def told(summary: Summary, request: Request) -> list[str]:
    """What is said at the end, line by line: where every row went, and how fast."""
    rate = f", {summary.rows / summary.seconds:.0f} rows/s" if summary.seconds >= 1 and not summary.resumed_at else ""
    counts = f"{summary.rows} rows in = {summary.results} results + {summary.rejects} rejected"
    resumed = f", carried on after row {summary.resumed_at}" if summary.resumed_at else ""
    lines = [f"{counts}; {clock(summary.seconds)}{rate}", f"results in {summary.written}{resumed}"]
    if not summary.results:
        lines.append("warning: no row gave a result" if summary.rows else "warning: no rows in IN")
    if request.report:
        lines.append(f"report: {request.report}")
    if summary.rejects:
        lines.append(f"rejected rows and why: {summary.rejects_path}")
        lines += [f"{count} x {reason}" for reason, count in reasons_of(summary.rejects_path).most_common(_REASONS)]
    if summary.set_aside:
        lines.append(f"earlier rejects that may be those of another output: {summary.set_aside}")
    if summary.defects:
        lines.append(f"{summary.defects} of the rejected rows met a defect of spinecode: please report them")
    return lines
