"""Worker processes: the same results in the same order, one bad note costs one row, a kill costs nothing."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import pty
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from spinecode.coding.errors import SpinecodeError
from spinecode.coding.findings import Findings
from spinecode.pipelines.batch.answer import Answerer, Options
from spinecode.pipelines.batch.items import Answer
from spinecode.pipelines.batch.json_lines import JsonLines
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.sinks import JsonLinesSink
from spinecode.pipelines.batch.workers import answer_here, answer_in_workers
from spinecode.pipelines.suggest import Spinecode


def write_rows(path, texts):
    rows = ({"encounter_id": i, "text": text} for i, text in enumerate(texts, start=1))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(source, out, build, *, workers=2, limit=20.0, **options):
    return run_job(
        Job(
            source=JsonLines(source),
            sink=JsonLinesSink(out),
            build=build,
            engine=lambda items, factory: answer_in_workers(items, factory, workers, limit),
            ruleset="rules-1",
            engine_version="0.1.0",
            options=Options(**options),
        )
    )


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_what_one_note_at_a_time_gives(tmp_path, engine, sample_texts, workers):
    texts = [*sample_texts[:60], "", "x" * 300_000]
    source = write_rows(tmp_path / "in.jsonl", texts)
    run(source, tmp_path / "out.jsonl", lambda: engine, workers=workers)
    want = [engine.suggest(text, encounter_id=i).to_json() for i, text in enumerate(texts, start=1)]
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1] == want


class Reader:
    """A reader of notes that does what the note says."""

    def read(self, text, date_of_service=None):
        if "kill" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "segfault" in text:
            faulthandler.disable()  # the trace would only fill the log
            ctypes.string_at(0)
        if "leave" in text:
            os._exit(0)
        if "sleep" in text:
            time.sleep(60)
        if "deaf" in text:  # like a loop in C: no signal is looked at
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
            time.sleep(60)
        if "broken" in text:
            raise ValueError(text)
        return Findings(date_of_service=date_of_service)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("kill", "its worker process died (SIGKILL)"),
        ("segfault", "its worker process died (SIGSEGV)"),
        ("sleep", "took longer than 0.5 s"),
        ("deaf", "took longer than 0.5 s"),
        ("leave", "took longer than 0.5 s"),
        ("broken", "a defect of spinecode: ValueError"),
    ],
)
def test_a_note_that_breaks_its_worker_is_the_only_one_lost(tmp_path, word, reason):
    texts = [f"note {i}" for i in range(90)]
    texts[40] = f"{word} this one"
    source = write_rows(tmp_path / "in.jsonl", texts)
    summary = run(source, tmp_path / "out.jsonl", lambda: Spinecode(reader=Reader()), limit=0.5)
    assert (summary.rows, summary.results, summary.rejects) == (90, 89, 1)
    (reject,) = read_jsonl(tmp_path / "out.rejects.jsonl")
    assert reject["line"] == 41
    assert reason in reject["reason"]
    assert json.loads(reject["row"])["text"] == texts[40]
    ids = [row["encounter_id"] for row in read_jsonl(tmp_path / "out.jsonl")]
    assert ids == [*range(1, 41), *range(42, 91)]


def test_several_killers_in_one_chunk_are_each_found(tmp_path):
    texts = [f"note {i}" if i % 4 else f"kill {i}" for i in range(32)]
    source = write_rows(tmp_path / "in.jsonl", texts)
    summary = run(source, tmp_path / "out.jsonl", lambda: Spinecode(reader=Reader()))
    assert (summary.results, summary.rejects) == (24, 8)


def test_a_pool_whose_workers_are_all_killed_between_notes_goes_on(tmp_path):
    texts = [f"note {i}" for i in range(3000)]
    source = write_rows(tmp_path / "in.jsonl", texts)

    def engine(items, factory):
        for number, (item, answered) in enumerate(answer_in_workers(items, factory, 2, 20.0)):
            if number in (100, 1500):
                kill_children()
            yield item, answered

    job = Job(
        JsonLines(source), JsonLinesSink(tmp_path / "out.jsonl"), lambda: Spinecode(reader=Reader()), engine, "r", "e"
    )
    summary = run_job(job)
    assert (summary.results, summary.rejects) == (3000, 0)
    assert [row["encounter_id"] for row in read_jsonl(tmp_path / "out.jsonl")] == list(range(1, 3001))


def children(parent):
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def kill_children():
    for pid in children(os.getpid()):
        if b"pytest" in Path(f"/proc/{pid}/cmdline").read_bytes():  # a fork of this very process
            os.kill(pid, signal.SIGKILL)


# -- kills -------------------------------------------------------------------------------------------------------------


def test_killed_at_five_moments_a_run_ends_with_the_same_bytes_and_leaves_no_worker(tmp_path, start_slow):
    rows = [{"encounter_id": i, "text": f"note {i} " * (i % 40)} if i % 7 else f"bad {i}" for i in range(1, 2501)]
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    (tmp_path / "in.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    assert start_slow(tmp_path / "in.jsonl", tmp_path / "whole.jsonl").wait(120) == 0
    chance, orphans = random.Random(6), []
    for _ in range(5):
        process = start_slow(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
        time.sleep(chance.uniform(0.2, 1.2))
        orphans += children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert start_slow(tmp_path / "in.jsonl", tmp_path / "out.jsonl").wait(120) == 0
    for suffix in ("jsonl", "rejects.jsonl"):
        assert (tmp_path / f"out.{suffix}").read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    assert len(orphans) >= 5
    time.sleep(1)
    assert not [pid for pid in orphans if Path(f"/proc/{pid}").exists()]


def test_a_full_disk_stops_the_run_and_the_next_one_carries_on(tmp_path, engine):
    """The limit on file sizes stands for the disk: the same call fails, with a real error of the system."""
    source = write_rows(tmp_path / "in.jsonl", ["Chronic low back pain with left sciatica."] * 400)
    arguments = [sys.executable, "-m", "spinecode", "batch", "in.jsonl", "out.jsonl", "--workers", "2"]

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))

    done = subprocess.run(arguments, cwd=tmp_path, preexec_fn=limited, capture_output=True, timeout=120, check=False)
    assert done.returncode == 2
    assert b"raise it and run again" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    run(source, tmp_path / "whole.jsonl", lambda: engine)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_ctrl_c_stops_workers_and_keeps_what_is_done(tmp_path, start_slow):
    write_rows(tmp_path / "in.jsonl", [f"note {i}" for i in range(5000)])
    process = start_slow(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    journal = json.loads((tmp_path / "out.jsonl.journal").read_text())
    assert 0 < journal["progress"]["lines"] < 5000
    assert start_slow(tmp_path / "in.jsonl", tmp_path / "out.jsonl").wait(120) == 0
    assert len(read_jsonl(tmp_path / "out.jsonl")) == 5000


def test_a_row_that_an_engine_loses_is_noticed_before_anything_is_put_in_place(tmp_path):
    source = write_rows(tmp_path / "in.jsonl", [f"note {i}" for i in range(20)])

    def forgetful(items, factory):
        return (each for number, each in enumerate(answer_here(items, factory())) if number != 7)

    build = lambda: Spinecode(reader=Reader())  # noqa: E731
    with pytest.raises(SpinecodeError, match="20 rows came in, 19 went out and 0 were rejected"):
        run_job(Job(JsonLines(source), JsonLinesSink(tmp_path / "out.jsonl"), build, forgetful, "r", "e"))
    assert not (tmp_path / "out.jsonl").exists()


# -- what is told ------------------------------------------------------------------------------------------------------


def test_the_summary_says_where_every_row_went(cli, tmp_path):
    lines = [json.dumps({"encounter_id": i, "text": "Low back pain."}) for i in range(3)] + ["{"]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = cli("batch", "in.jsonl", "out.jsonl", "--workers", "1")
    assert done.returncode == 3
    assert done.stdout == b""
    said = done.stderr.decode()
    assert "4 rows in = 3 results + 1 rejected" in said
    assert "out.rejects.jsonl" in said


def test_a_terminal_gets_a_bar_with_rate_and_time_left(tmp_path):
    write_rows(tmp_path / "in.jsonl", ["Low back pain."] * 50)
    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "spinecode", "batch", "in.jsonl", "out.jsonl", "--workers", "1"]
    process = subprocess.Popen(
        arguments,
        cwd=tmp_path,
        stderr=theirs,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == 0
    assert b"100%" in shown
    assert b"50 rows, 0 rejected" in shown
    assert b"left" in shown


def test_a_log_gets_plain_lines(tmp_path):
    import io

    from spinecode.pipelines.batch.progress import PlainWatcher

    log = io.StringIO()
    watcher = PlainWatcher(log, every=0.0)
    watcher.start(200, 0)
    watcher.row(100, rejected=False)
    watcher.row(150, rejected=True)
    watcher.stop()
    first, second = log.getvalue().splitlines()
    assert first.startswith("spinecode: 50 %, 1 rows, 0 rejected")
    assert second.startswith("spinecode: 75 %, 2 rows, 1 rejected")


@pytest.mark.parametrize(
    "option", [("--workers", "0"), *(("--note-timeout", seconds) for seconds in ("-1", "1e30", "nan", "inf"))]
)
def test_impossible_options_are_refused(cli, tmp_path, option):
    (tmp_path / "in.jsonl").write_bytes(b"")
    done = cli("batch", "in.jsonl", "out.jsonl", *option)
    assert done.returncode == 2
    assert option[0] in done.stderr.decode()


def test_codes_without_dots(tmp_path, engine, note):
    from spinecode.pipelines.rows import Row

    dotted = engine.suggest(note, encounter_id=1).to_dict()
    row = Row(1, 1, note, None, None, None, "")
    answered = Answerer(engine, Options(no_dots=True))(row)
    assert isinstance(answered, Answer)
    bare = json.loads(answered.payload)
    assert [code["code"] for code in bare["codes"]] == [code["code"].replace(".", "") for code in dotted["codes"]]
    assert "M5441" in [code["code"] for code in bare["codes"]]
    assert not any("." in (entry["code"] or "") for entry in bare["not_coded"])
