"""What an office does around a run: outputs beside each other, wrong names, bad days, and what it is told at the end."""

from __future__ import annotations

import csv
import json
import re
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
def test_the_rejects_of_another_output_are_set_aside(tmp_path, engine, clean, bad, source):
    run(bad, tmp_path / "c.csv", engine)
    before = (tmp_path / "c.rejects.jsonl").read_bytes()
    summary = run(tmp_path / source, tmp_path / "c.jsonl", engine)
    assert summary.set_aside == tmp_path / "c.rejects.1.jsonl"
    assert summary.set_aside.read_bytes() == before
    assert (tmp_path / "c.rejects.jsonl").exists() == (source == "bad.jsonl")
    again = run(bad, tmp_path / "c.jsonl", engine)  # whose they are cannot be told any more: no file is lost
    assert again.set_aside == (tmp_path / "c.rejects.2.jsonl" if source == "bad.jsonl" else None)
    assert (tmp_path / "c.rejects.1.jsonl").read_bytes() == before


def test_the_rejects_of_the_same_output_are_replaced(tmp_path, engine, clean, bad):
    run(bad, tmp_path / "c.csv", engine)
    assert run(clean, tmp_path / "c.csv", engine).set_aside is None
    assert [path.name for path in tmp_path.glob("*reject*")] == []


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


# -- where the output may be -------------------------------------------------------------------------------------------


def test_no_file_of_the_run_lies_in_the_folder_that_it_reads(cli, tmp_path):
    (tmp_path / "notes" / "june").mkdir(parents=True)
    (tmp_path / "notes" / "a.txt").write_text("Assessment: neck pain.")
    for arguments in (["notes/out.jsonl"], ["notes/june/out.db"], ["out.jsonl", "--report", "notes/page.html"]):
        done = cli("batch", "notes", *arguments, "--workers", "1")
        assert done.returncode == 2
        (line,) = done.stderr.decode().splitlines()
        assert "lies in the folder IN" in line
        assert "choose a place outside notes" in line
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.txt"]


@pytest.mark.parametrize("out", ["out.jsonl", "out.csv", "out.db"])
def test_a_run_without_any_result_says_so_and_leaves_none_of_an_earlier_one(cli, tmp_path, out):
    """Yesterday's results in today's file would be billed again."""
    write(tmp_path / "in.jsonl", GOOD)
    assert cli("batch", "in.jsonl", out, "--workers", "1").returncode == 0
    assert b"M54.5" in (tmp_path / out).read_bytes()
    write(tmp_path / "in.jsonl", "{", "{")
    done = cli("batch", "in.jsonl", out, "--workers", "1")
    assert done.returncode == 3
    assert "warning: no row gave a result" in done.stderr.decode()
    if out.endswith(".db"):
        with sqlite3.connect(tmp_path / out) as database:
            assert database.execute("SELECT count(*) FROM spinecode_results").fetchone() == (0,)
    else:
        assert b"M54.5" not in (tmp_path / out).read_bytes()
    (rejects,) = tmp_path.glob("*.rejects.jsonl")
    assert len(rejects.read_text().splitlines()) == 2


# -- what is told ------------------------------------------------------------------------------------------------------


def test_the_end_counts_the_reasons_and_names_every_file(cli, tmp_path):
    undated = [{**GOOD, "date_of_service": "Zebediah"}] * 3
    write(
        tmp_path / "in.jsonl", GOOD, *undated, "{", "[", '{"encounter_id": 5}', "{x", '{"encounter_id": 1, "text": 4}'
    )
    done = cli("batch", "in.jsonl", "out.csv", "--rows", "encounters", "--rows", "codes", "--workers", "1")
    lines = [line.removeprefix("spinecode: ") for line in done.stderr.decode().splitlines()]
    assert "results in out.csv, out.codes.csv" in lines
    counted = [line for line in lines if " x " in line]
    assert counted[0].startswith("3 x date_of_service")
    assert "1 x text is missing" in counted
    assert len(counted) <= 5
    assert "Zebediah" not in done.stderr.decode()


def test_the_page_says_what_it_was_made_with(cli, tmp_path, clean):
    assert (
        cli("batch", "clean.jsonl", "out.csv", "--report", "page.html", "--no-text", "--workers", "1").returncode == 0
    )
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    page = (tmp_path / "page.html").read_text()
    for words in (row["release"], row["engine"], row["ruleset"], "--no-text"):
        assert f"<td>{words}</td>" in page or f'<td class="n">{words}</td>' in page


def test_an_input_without_rows_is_told(cli, tmp_path):
    write(tmp_path / "in.jsonl")
    done = cli("batch", "in.jsonl", "out.jsonl", "--workers", "1")
    assert done.returncode == 0
    assert "spinecode: warning: no rows in IN" in done.stderr.decode().splitlines()


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, "1"), (signal.SIGTERM, "2")])
def test_a_stopped_run_says_how_to_carry_on(cli, tmp_path, note, number, workers):
    write(tmp_path / "in.jsonl", *[{"encounter_id": i, "text": f"{i} {note * 5}"} for i in range(2000)])
    command = [sys.executable, "-m", "spinecode", "batch", "in.jsonl", "out.jsonl", "--workers", workers]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    part = tmp_path / "out.jsonl.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    (line,) = errors.splitlines()
    found = re.fullmatch(r"spinecode: stopped after row (\d+) of IN; run the same command again to carry on", line)
    assert found
    assert json.loads((tmp_path / "out.jsonl.journal").read_text())["progress"]["lines"] == int(found[1]) > 0


def test_a_file_that_may_not_grow_is_no_full_disk(tmp_path):
    write(tmp_path / "in.jsonl", *[{"encounter_id": i, "text": "Neck pain. " * 99} for i in range(50)])
    command = "ulimit -f 8; trap '' XFSZ; exec \"$0\" -m spinecode batch in.jsonl out.jsonl --workers 1"
    done = subprocess.run(
        ["bash", "-c", command, sys.executable], cwd=tmp_path, capture_output=True, timeout=100, check=False
    )
    assert done.returncode == 2
    assert b"File too large" in done.stderr
    assert b"make room" not in done.stderr


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_confidence_is_a_number_in_tables(tmp_path, engine, clean):
    want = engine.suggest(GOOD["text"], encounter_id=1).to_dict()["confidence"]
    run(clean, tmp_path / "out.parquet", engine)
    frame = pandas.read_parquet(tmp_path / "out.parquet")
    assert frame["confidence"].dtype == "float64"
    run(clean, tmp_path / "out.db", engine)
    with sqlite3.connect(tmp_path / "out.db") as connection:
        (cells,) = connection.execute("SELECT confidence, typeof(confidence) FROM spinecode_results")
    if want is None:
        assert frame["confidence"].isna().all()
        assert cells == (None, "null")
    else:
        assert frame["confidence"].tolist() == [want]
        assert cells == (want, "real")


def test_a_database_that_cannot_be_written_is_not_left_empty(tmp_path, engine):
    rows = {f"c{i}": ["x"] for i in range(2500)}  # more columns than SQLite has
    pandas.DataFrame({"encounter_id": [1], "text": ["Neck pain."], **rows}).to_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="columns"):
        run(tmp_path / "in.parquet", tmp_path / "out.db", engine)
    assert not (tmp_path / "out.db").exists()
