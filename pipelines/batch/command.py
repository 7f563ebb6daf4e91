"""`spinecode batch`: from what the command line says to a job, and from its summary to what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...coding.errors import InputError
from ..rows import Reject
from ..suggest import Spinecode, ruleset
from .answer import Answerer, Options
from .inputs import Input, open_source
from .items import Answer, Item
from .progress import clock, watcher
from .run import Engine, Job, Summary, run_job
from .sinks import JsonLinesSink, Sink


@dataclass(frozen=True)
class Request:
    """What the user asked for. ``workers``: None for one on each processor."""

    source: Input
    out: str
    no_text: bool = False
    no_dots: bool = False
    restart: bool = False
    release_label: str | None = None
    workers: int | None = None
    note_timeout: float = 60.0


def run(request: Request, build: Callable[[], Spinecode], engine_version: str) -> Summary:
    """Run what was asked for.

    Raises:
        InputError: something asked for cannot be; a file that cannot be used.
    """
    source, sink = open_source(request.source), _sink(request)
    return run_job(
        Job(
            source=source,
            sink=sink,
            build=build,
            engine=_engine(request),
            ruleset=ruleset(),
            engine_version=engine_version,
            options=Options(
                no_text=request.no_text,
                no_dots=request.no_dots,
                release_file=request.release_label,
                columns=str(request.source.columns) or None,
                encoding=request.source.encoding,
            ),
            restart=request.restart,
            watcher=watcher(),
        )
    )


def _sink(request: Request) -> Sink:
    return JsonLinesSink(Path(request.out))


def _engine(request: Request) -> Engine:
    from .workers import answer_in_workers, usable_cpus

    workers = usable_cpus() if request.workers is None else request.workers
    if workers < 1:
        raise InputError(f"--workers {workers}: give 1 or more")
    if request.note_timeout < 0:
        raise InputError(f"--note-timeout {request.note_timeout:g}: give seconds, or 0 for no limit")

    def engine(items: Iterable[Item], factory: Callable[[], Answerer]) -> Iterator[tuple[Item, Answer | Reject | None]]:
        return answer_in_workers(items, factory, workers, request.note_timeout)

    return engine


def told(summary: Summary, out: str) -> list[str]:
    """What is said at the end, line by line: where every row went, and how fast."""
    rate = f", {summary.rows / summary.seconds:.0f} rows/s" if summary.seconds >= 1 and not summary.resumed_at else ""
    counts = f"{summary.rows} rows in = {summary.results} results + {summary.rejects} rejected"
    resumed = f", carried on after row {summary.resumed_at}" if summary.resumed_at else ""
    lines = [f"{counts}; {clock(summary.seconds)}{rate}", f"results in {out}{resumed}"]
    if summary.rejects:
        lines.append(f"rejected rows and why: {summary.rejects_path}")
    if summary.defects:
        lines.append(f"{summary.defects} of the rejected rows met a defect of spinecode: please report them")
    return lines
