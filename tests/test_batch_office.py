"""What an office does around a run: outputs beside each other, wrong names, bad days, and what it is told at the end."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pandas
import pytest
from spinecode.coding.errors import InputError
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.outputs import Output, open_sink
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.workers import answer_here

GOOD = {"encounter_id": 1, "text": "Assessment: low back pain."}


def write(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.fixture
def clean(tmp_path):
    return write(tmp_path / "clean.jsonl", GOOD)


@pytest.fixture
def bad(tmp_path):
    return write(tmp_path / "bad.jsonl", GOOD, "{")


def run(source, out, engine, **options):
    opened = open_source(Input(str(source)))
    return run_job(
        Job(
            opened,
            open_sink(Output(str(out), **options), opened.columns),
            lambda: engine,
            lambda items, factory: answer_here(items, factory()),
            "rules-1",
            "0.1.0",
        )
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# -- rejects of other outputs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["clean.jsonl", "bad.jsonl"])
def test_the_rejects_of_another_output_stay(tmp_path, engine, clean, bad, source):
    run(bad, tmp_path / "c.csv", engine)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"c\.rejects\.jsonl: holds the rejected rows of another output; move it or"):
        run(tmp_path / source, tmp_path / "c.jsonl", engine)
    assert contents(tmp_path) == before
    run(clean, tmp_path / "c.csv", engine)  # its own may go
    assert not (tmp_path / "c.rejects.jsonl").exists()


def test_rejects_that_may_be_those_of_either_of_two_outputs_stay(tmp_path, engine, clean, bad):
    run(clean, tmp_path / "c.jsonl", engine)
    run(bad, tmp_path / "c.csv", engine)
    before = contents(tmp_path)
    for out in ("c.csv", "c.jsonl"):
        with pytest.raises(InputError, match="may hold the rejected rows of"):
            run(clean, tmp_path / out, engine)
    assert contents(tmp_path) == before


def test_an_input_of_the_same_name_is_no_other_output(tmp_path, engine):
    pandas.DataFrame([GOOD, {"encounter_id": 2}]).to_csv(tmp_path / "c.csv", index=False)
    for _ in range(2):
        (tmp_path / "c.csv").write_text("encounter_id,text\n1,Neck pain.\n,x\n")
        assert run(tmp_path / "c.csv", tmp_path / "c.jsonl", engine).rejects == 1


def test_an_unfinished_run_keeps_its_rejects(tmp_path, engine, clean, bad):
    class Stopping:
        release_file = None

        def suggest(self, text, **kwargs):
            raise KeyboardInterrupt

    write(bad, "{", GOOD)
    with pytest.raises(KeyboardInterrupt):
        run(bad, tmp_path / "c.csv", Stopping())
    with pytest.raises(InputError, match=r"unfinished run to .*c\.csv"):
        run(clean, tmp_path / "c.jsonl", engine)
    summary = run(bad, tmp_path / "c.csv", engine)
    assert (summary.results, summary.rejects, summary.resumed_at) == (1, 1, 1)


def test_databases_beside_each_other_have_files_of_their_own(tmp_path, engine, clean, bad):
    for _ in range(2):
        run(bad, tmp_path / "a.db", engine)
        run(clean, tmp_path / "b.db", engine)
        run(bad, tmp_path / "b.sqlite", engine)
    assert sorted(path.name for path in tmp_path.glob("*.rejects.jsonl")) == [
        "a.spinecode_results.rejects.jsonl",
        "b.sqlite.spinecode_results.rejects.jsonl",
    ]


# -- cells and names ---------------------------------------------------------------------------------------------------

LINES = ["\r=1+1", "\n=1+1", "\t=1+1", " =1+1", "a\rb", "a\r\n=1+1", "\r"]


def test_an_end_of_line_in_a_cell_makes_no_row_and_no_formula(tmp_path, engine):
    frame = pandas.DataFrame({"encounter_id": range(len(LINES)), "text": "Neck pain.", "note_of_office": LINES})
    frame.to_parquet(tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.csv", engine)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [row["note_of_office"] for row in rows]
    assert cells == [f"'{line}" if line.lstrip().startswith("=") else line for line in LINES]
    assert list(pandas.read_csv(tmp_path / "out.csv", dtype=str)["note_of_office"]) == cells


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("out.xls", "OUT ends in .jsonl, .ndjson, .csv, .xlsx, .parquet, .pq, .json or .db, .sqlite, .sqlite3, or say --to"),
        ("out.foo", "OUT ends in"),
        ("out", "OUT ends in"),
        ("out.jsonl.gz", "write out.jsonl and pack it after"),
        ("out.CSV.GZ", "write out.CSV and pack it after"),
        ("-", "not to standard output"),
        (".", "is a directory"),
    ],
)  # fmt: skip
def test_a_name_that_says_no_format_is_refused_in_one_line(cli, tmp_path, clean, out, words):
    done = cli("batch", "clean.jsonl", out, "--workers", "1")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert words in line
    assert list(contents(tmp_path)) == ["clean.jsonl"]


def test_an_option_says_what_a_name_does_not(tmp_path, engine, clean):
    run(clean, tmp_path / "out", engine, format="csv")
    assert (tmp_path / "out").read_text().startswith("row,encounter_id,")
