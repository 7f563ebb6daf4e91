"""`--engine spark` (extra `spinecode[spark]`): the same function on the executors of a Spark session.

`answer_in_spark` is an engine like the local one: what the driver spills for Spark lies in one private folder beside the
output. `suggest_frame` is for a cluster's own jobs: a frame of notes to a frame of results, nothing through the driver.
"""

from __future__ import annotations

import math
import os
import pickle
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...coding.errors import InputError
from ..rows import Reject, Row, row_of
from ..suggest import Spinecode
from .answer import Answerer, Options, Shape
from .items import Answer, Answered, Item, lists_of

if TYPE_CHECKING:
    import pandas
    from pyspark.sql import DataFrame, SparkSession

_ROWS_PER_FILE: Final = 2000
_ROWS_PER_BATCH: Final = 200
_ANSWERS: Final = "line long, payload string, reason string, defect boolean, seconds double, process long, builds long"
_RESULTS: Final = "encounter_id string, result string, rejected string"
_LOGGING: Final = "rootLogger.level = off\n"
"""What Spark logs of a failed task may quote rows; what went wrong is told by us."""


@dataclass(frozen=True)
class Setup:
    """What an executor needs to make its answerer. ``release_file``, ``rules``: paths that it can read too."""

    options: Options = field(default_factory=Options)
    shape: Shape | None = None
    release_file: str | None = None
    rules: str | None = None
    limit: float = 0.0


# -- on an executor ----------------------------------------------------------------------------------------------------

_answerers: dict[Setup, Answerer] = {}


def answerer_for(setup: Setup) -> Answerer:
    """The answerer of this process; the pipeline is built when the first is asked for and stays."""
    if setup not in _answerers:
        if setup.rules is not None and not _answerers:
            from ...nlp import lexicon

            if not lexicon.OVERLAY:  # a process forked from one that has them in force already
                from ..own_rules import use_rules

                use_rules(setup.rules)
        _answerers[setup] = Answerer(
            Spinecode(release_file=setup.release_file, auto=setup.options.auto), setup.options, setup.shape
        )
    return _answerers[setup]


def _answer_frames(setup: Setup, frames: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    import pandas

    answerer = answerer_for(setup)
    for frame in frames:
        rows = [_answer_cells(answerer(pickle.loads(item), setup.limit)) for item in frame["item"]]  # noqa: S301 - ours
        yield pandas.DataFrame(rows, columns=["line", "payload", "reason", "defect", "seconds", "process", "builds"])


def _answer_cells(answered: Answer | Reject) -> tuple[Any, ...]:
    here = os.getpid(), len(_answerers)
    if isinstance(answered, Answer):
        return (answered.line, answered.payload, None, False, answered.seconds, *here)
    return (answered.line, None, answered.reason, answered.defect, 0.0, *here)


def _result_frames(setup: Setup, frames: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    import pandas

    answerer = answerer_for(setup)
    for frame in frames:
        found = [_result(answerer, record, setup.limit) for record in frame.to_dict("records")]
        yield pandas.DataFrame(found, columns=["encounter_id", "result", "rejected"], dtype=object)


def _result(answerer: Answerer, record: dict[str, Any], limit: float) -> tuple[str | None, str | None, str | None]:
    # NaN is how pandas has nothing in a column of numbers.
    held = {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in record.items()}
    shown = None if held["encounter_id"] is None else str(held["encounter_id"])
    try:
        answered = answerer(row_of(0, held, ""), limit)
    except InputError as error:
        return shown, None, str(error)
    return (shown, answered.payload, None) if isinstance(answered, Answer) else (shown, None, answered.reason)


# -- on the driver -----------------------------------------------------------------------------------------------------


def suggest_frame(frame: DataFrame, setup: Setup | None = None) -> DataFrame:
    """Results of a frame of notes.

    ``frame`` has the columns ``encounter_id`` and ``text``, and ``date_of_service`` (YYYY-MM-DD) and ``provider`` if there
    are any. The frame that comes back has ``encounter_id``, ``result`` (the result object as JSON) and ``rejected`` (why
    there is none), in whatever order Spark likes.
    """
    known = [name for name in ("encounter_id", "text", "date_of_service", "provider") if name in frame.columns]
    return frame.select(known).mapInPandas(partial(_result_frames, setup or Setup()), _RESULTS)


@contextmanager
def session(spill: Path, workers: int) -> Iterator[SparkSession]:
    """A Spark session: that of ``spark-submit``, else a local one. Whatever it keeps on disk is in ``spill``."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError("--engine spark: is not installed; pip install 'spinecode[spark]'") from None
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        raise InputError("--engine spark: needs Java 17 or later (Debian: apt-get install default-jre-headless)")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    logging = spill / "log4j2.properties"
    logging.write_text(_LOGGING, encoding="utf-8")
    builder = SparkSession.builder.appName("spinecode batch")
    if "spark.master" not in _submitted():
        builder = builder.master(f"local[{workers}]").config("spark.driver.host", "127.0.0.1")
    java = f'-Djava.io.tmpdir="{spill}" -Dlog4j2.configurationFile="{logging.as_uri()}"'
    spark = (
        builder.config("spark.local.dir", str(spill / "local"))
        .config("spark.sql.warehouse.dir", str(spill / "warehouse"))
        .config("spark.driver.extraJavaOptions", java)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.python.worker.reuse", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", str(_ROWS_PER_BATCH))
        .getOrCreate()
    )
    try:
        yield spark
    finally:
        spark.stop()


def _submitted() -> str:
    return os.environ.get("PYSPARK_SUBMIT_ARGS", "") + (" spark.master" if "SPARK_ENV_LOADED" in os.environ else "")


def answer_in_spark(items: Iterable[Item], setup: Setup, spill: Path, workers: int) -> Iterator[Answered]:
    """Answer through Spark; each item comes back with its answer, in the order of ``items``.

    ``spill`` is made (mode 0700) and removed here. A task that fails for good fails the run: nothing is half done.
    """
    shutil.rmtree(spill, ignore_errors=True)
    spill.mkdir(mode=0o700)
    try:
        files = _stage(items, spill / "in")
        if not files:
            return
        with session(spill, workers) as spark:
            answers = _answers(spark, spill, setup, workers, len(files))
            for file in files:
                for item in pickle.loads(file.read_bytes()):  # noqa: S301 - written by `_stage` in our private folder
                    yield item, _matched(item, answers)
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def _stage(items: Iterable[Item], folder: Path) -> list[Path]:
    """The items as files for the driver, and their rows as Parquet for the executors."""
    import pyarrow
    from pyarrow import parquet

    folder.mkdir()
    files: list[Path] = []
    for chunk in lists_of(items, _ROWS_PER_FILE):
        file = folder.with_name(f"items-{len(files):06}")
        file.write_bytes(pickle.dumps(chunk))
        rows = [item.content for item in chunk if isinstance(item.content, Row)]
        table = pyarrow.table({"item": pyarrow.array([pickle.dumps(row) for row in rows], pyarrow.binary())})
        parquet.write_table(table, folder / f"rows-{len(files):06}.parquet")  # type: ignore[no-untyped-call]
        files.append(file)
    return files


def _answers(spark: SparkSession, spill: Path, setup: Setup, workers: int, files: int) -> Iterator[Any]:
    """The answers in the order of their lines; they are computed once and kept until they are read."""
    try:
        rows = spark.read.parquet((spill / "in").as_uri()).repartition(max(4 * workers, files))
        rows.mapInPandas(partial(_answer_frames, setup), _ANSWERS).write.parquet((spill / "out").as_uri())
    except Exception as error:  # the message of a failed task may quote a row
        raise InputError(
            f"--engine spark: a task failed for good ({type(error).__name__}); --engine local rejects only the note at fault"
        ) from None
    yield from spark.read.parquet((spill / "out").as_uri()).orderBy("line").toLocalIterator()


def _matched(item: Item, answers: Iterator[Any]) -> Answer | Reject | None:
    if not isinstance(item.content, Row):
        return item.content
    found = next(answers)
    if found.line != item.line:
        message = f"--engine spark: the answer to row {item.line} is missing"
        raise InputError(message)
    if found.payload is None:
        return Reject(item.line, found.reason, item.content.raw, defect=found.defect)
    return Answer(item.line, found.payload, found.seconds)
