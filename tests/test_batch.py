"""Batches: order, rejects, identity of rows, and runs that are killed and carry on."""

from __future__ import annotations

import json
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from spinecode.coding.errors import InputError
from spinecode.pipelines.batch.run import Options, run_batch

VERSIONS = {"ruleset": "rules-1", "engine_version": "0.1.0"}


def write_jsonl(path, rows):
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(tmp_path, engine, *, source="in.jsonl", out="out.jsonl", build=None, **options):
    return run_batch(
        str(tmp_path / source), str(tmp_path / out), build=build or (lambda: engine), **{**VERSIONS, **options}
    )


def beside(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


# -- rows --------------------------------------------------------------------------------------------------------------


def test_results_stand_in_input_order_and_ids_keep_their_type(tmp_path, engine):
    ids = [3, "3", 1, "b", 3, -1, 10**30, "ü 😀", ""]
    write_jsonl(tmp_path / "in.jsonl", [{"encounter_id": each, "text": "Low back pain."} for each in ids])
    summary = run(tmp_path, engine)
    out = read_jsonl(tmp_path / "out.jsonl")
    assert [(type(row["encounter_id"]), row["encounter_id"]) for row in out] == [(type(each), each) for each in ids]
    assert (summary.results, summary.rejects) == (len(ids), 0)
    assert beside(tmp_path) == ["in.jsonl", "out.jsonl"]


def test_a_row_is_what_suggest_gives(tmp_path, engine, note):
    row = {"encounter_id": "E1", "text": note, "date_of_service": "2026-05-04", "provider": "Dr. A"}
    write_jsonl(tmp_path / "in.jsonl", [row])
    run(tmp_path, engine)
    want = engine.suggest(note, encounter_id="E1", provider="Dr. A", date_of_service="2026-05-04").to_json()
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == want + "\n"


def test_unknown_keys_come_back(tmp_path, engine):
    row = {"encounter_id": 1, "text": "", "mrn": 5, "tags": ["a", {"b": None}], "extra": "mine"}
    write_jsonl(tmp_path / "in.jsonl", [row, {"encounter_id": 2, "text": ""}])
    run(tmp_path, engine)
    first, second = read_jsonl(tmp_path / "out.jsonl")
    assert first["extra"] == {"mrn": 5, "tags": ["a", {"b": None}], "extra": "mine"}
    assert "extra" not in second


BAD = {
    "{": "not JSON",
    "[1]": "not a JSON object",
    '"text"': "not a JSON object",
    "{}": "encounter_id is missing",
    '{"encounter_id": 1}': "text is missing",
    '{"text": "low back pain"}': "encounter_id is missing",
    '{"encounter_id": null, "text": "x"}': "encounter_id is missing",
    '{"encounter_id": true, "text": "x"}': "encounter_id: must be",
    '{"encounter_id": 1.5, "text": "x"}': "encounter_id: must be",
    '{"encounter_id": 1, "text": 5}': "text: must be",
    '{"encounter_id": 1, "text": "half \\ud800 pair"}': "half of a surrogate pair",
    '{"encounter_id": "\\udfff", "text": "x"}': "half of a surrogate pair",
    '{"encounter_id": 1, "text": "x", "date_of_service": "2026-13-01"}': "no such day",
    '{"encounter_id": 1, "text": "x", "date_of_service": 20260101}': "YYYY-MM-DD",
    '{"encounter_id": 1, "text": "x", "provider": 7}': "provider: must be",
    '{"encounter_id": 1, "text": "x", "y": NaN}': "not JSON",
    '{"encounter_id": 1, "text": "x", "text": "y"}': "a key stands twice",
    '{"encounter_id": 1, "text": "x", "n": ' + "9" * 5000 + "}": "a number is too long",
    "[" * 100_000: "nested too deeply",
}


def test_a_bad_line_goes_to_the_rejects_and_stops_nothing(tmp_path, engine):
    good = {"encounter_id": "good", "text": "Low back pain."}
    write_jsonl(tmp_path / "in.jsonl", [line for bad in BAD for line in (bad, good)])
    summary = run(tmp_path, engine)
    rejects = read_jsonl(tmp_path / "out.rejects.jsonl")
    assert (summary.results, summary.rejects) == (len(BAD), len(BAD))
    assert [reject["line"] for reject in rejects] == list(range(1, 2 * len(BAD), 2))
    assert [reject["row"] for reject in rejects] == list(BAD)
    for reject, reason in zip(rejects, BAD.values(), strict=True):
        assert reason in reject["reason"]


def test_a_line_that_is_not_utf8_is_a_reject(tmp_path, engine):
    good = b'{"encounter_id": 1, "text": "x"}\r\n'
    (tmp_path / "in.jsonl").write_bytes(
        b"\xef\xbb\xbf" + good + b'{"encounter_id": 1, "text": "\xff"}\n\n  \n' + good[:-2]
    )
    summary = run(tmp_path, engine)
    assert (summary.results, summary.rejects) == (2, 1)
    assert "not UTF-8" in read_jsonl(tmp_path / "out.rejects.jsonl")[0]["reason"]


class Failing:
    """An engine that fails on some notes, with the note in its message, as a defect would."""

    release_file = None

    def __init__(self, engine):
        self._engine = engine

    def suggest(self, text, **kwargs):
        if "boom" in text:
            raise KeyError(text)
        return self._engine.suggest(text, **kwargs)


def test_a_defect_costs_one_row_and_tells_nothing_of_it(tmp_path, engine):
    write_jsonl(tmp_path / "in.jsonl", [{"encounter_id": i, "text": text} for i, text in enumerate(["a", "boom", "b"])])
    summary = run(tmp_path, Failing(engine), options=Options(no_text=True))
    assert (summary.results, summary.rejects, summary.defects) == (2, 1, 1)
    assert "boom" not in (tmp_path / "out.rejects.jsonl").read_text(encoding="utf-8")


def test_no_text_leaves_no_note_text_in_any_file(tmp_path, engine):
    rows = [
        {"encounter_id": 1, "text": "ASSESSMENT: Chronic lumbago of Zebediah.", "mrn": "Zebediah"},
        '{"text": "Zebediah"',
    ]
    write_jsonl(tmp_path / "in.jsonl", rows)
    run(tmp_path, engine, options=Options(no_text=True))
    for name in ("out.jsonl", "out.rejects.jsonl"):
        content = (tmp_path / name).read_text(encoding="utf-8")
        assert "Zebediah" not in content
        assert "lumbago" not in content


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_finished_output_is_replaced(tmp_path, engine):
    write_jsonl(tmp_path / "in.jsonl", ["{", {"encounter_id": 1, "text": ""}])
    run(tmp_path, engine)
    assert beside(tmp_path) == ["in.jsonl", "out.jsonl", "out.rejects.jsonl"]
    write_jsonl(tmp_path / "in.jsonl", [{"encounter_id": 2, "text": ""}])
    run(tmp_path, engine)
    assert [row["encounter_id"] for row in read_jsonl(tmp_path / "out.jsonl")] == [2]
    assert beside(tmp_path) == ["in.jsonl", "out.jsonl"]  # the rejects were the replaced output's


def test_an_empty_input_gives_an_empty_output(tmp_path, engine):
    (tmp_path / "in.jsonl").write_bytes(b"")
    assert run(tmp_path, engine).results == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("source", "out", "words"),
    [
        ("nowhere.jsonl", "out.jsonl", "no such file"),
        (".", "out.jsonl", "no regular file"),
        ("in.jsonl", ".", "is a directory"),
        ("in.jsonl", "no/such/out.jsonl", "no such directory"),
        ("in.jsonl", "in.jsonl", "overwrite its own input"),
        ("x.rejects.jsonl", "x.jsonl", "overwrite its own input"),
        ("in.jsonl", "link.jsonl", "a link or a device"),
        ("in.jsonl", "n" * 300, "File name too long"),
    ],
)
def test_unusable_files_are_refused(tmp_path, engine, source, out, words):
    write_jsonl(tmp_path / "in.jsonl", [])
    write_jsonl(tmp_path / "x.rejects.jsonl", [])
    (tmp_path / "link.jsonl").symlink_to("elsewhere.jsonl")
    before = beside(tmp_path)
    with pytest.raises(InputError, match=words):
        run(tmp_path, engine, source=source, out=out)
    assert beside(tmp_path) == before


def test_the_command_reports_rejects_with_status_3(cli, tmp_path):
    write_jsonl(tmp_path / "in.jsonl", [{"encounter_id": 1, "text": "Low back pain."}, "{"])
    done = cli("batch", "in.jsonl", "out.jsonl")
    assert done.returncode == 3
    assert done.stdout == b""
    assert "1 rejected" in done.stderr.decode()
    write_jsonl(tmp_path / "in.jsonl", [{"encounter_id": 1, "text": "Low back pain."}])
    assert cli("batch", "in.jsonl", "out.jsonl").returncode == 0
    assert cli("batch", "nowhere.jsonl", "out.jsonl").returncode == 2


# -- carrying on -------------------------------------------------------------------------------------------------------

SLOW = """
import sys, time
from spinecode.coding.findings import Findings
from spinecode.pipelines.batch.run import run_batch
from spinecode.pipelines.suggest import Spinecode

class Slow:
    def read(self, text, date_of_service=None):
        time.sleep(0.002)
        return Findings(date_of_service=date_of_service)

def build():
    engine = Spinecode(reader=Slow())
    engine.suggest("the first note of a process loads the tables")
    print("working", flush=True)
    return engine

run_batch(sys.argv[1], sys.argv[2], ruleset="rules-1", engine_version="0.1.0", build=build)
print("done", flush=True)
"""


@pytest.fixture
def long_input(tmp_path):
    rows = [{"encounter_id": i, "text": f"note {i} " * (i % 40)} if i % 7 else f"bad {i}" for i in range(1, 901)]
    return write_jsonl(tmp_path / "in.jsonl", rows)


def start_slow(tmp_path, out="out.jsonl"):
    command = [sys.executable, "-c", SLOW, str(tmp_path / "in.jsonl"), str(tmp_path / out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == b"working\n"
    return process


def test_a_killed_run_carries_on_to_the_same_bytes(tmp_path, long_input):
    assert start_slow(tmp_path, "whole.jsonl").wait(120) == 0
    chance = random.Random(7)
    kills = 0
    while True:
        process = start_slow(tmp_path)
        try:
            process.wait(chance.uniform(0.1, 0.8))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        if process.returncode == 0:
            break
        kills += 1
        if not (tmp_path / "out.jsonl.journal").exists():  # killed on the way out: all is in place
            break
        for name in ("out.jsonl.journal", "out.jsonl.part", "out.rejects.jsonl.part"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert kills < 60
    assert kills >= 2
    for suffix in ("jsonl", "rejects.jsonl"):
        assert (tmp_path / f"out.{suffix}").read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    assert not [name for name in beside(tmp_path) if "journal" in name or "part" in name]


class Interrupting(Failing):
    """An engine whose user presses Ctrl-C at one note."""

    def suggest(self, text, **kwargs):
        if "boom" in text:
            raise KeyboardInterrupt
        return self._engine.suggest(text, **kwargs)


@pytest.fixture
def interrupted(tmp_path, engine):
    """A run that stopped at its third of four rows."""
    rows = [{"encounter_id": i, "text": text} for i, text in enumerate(["a", "b", "boom", "c"])]
    write_jsonl(tmp_path / "in.jsonl", rows)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupting(engine))
    return tmp_path


def test_an_interrupted_run_carries_on(interrupted, engine):
    summary = run(interrupted, engine)
    assert (summary.results, summary.resumed_at) == (4, 2)
    assert [row["encounter_id"] for row in read_jsonl(interrupted / "out.jsonl")] == [0, 1, 2, 3]


def test_the_journal_holds_no_word_of_a_note(interrupted):
    journal = (interrupted / "out.jsonl.journal").read_text(encoding="utf-8")
    assert "boom" not in journal


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"options": Options(no_text=True)}, "--no-text was off and is on"),
        ({"options": Options(sheet="June")}, "--sheet was unset and is June"),
        ({"options": Options(note_timeout=1.0)}, r"--note-timeout was unset and is 1\.0"),
        ({"ruleset": "rules-2"}, "the ruleset was rules-1 and is rules-2"),
        ({"engine_version": "0.2.0"}, "the engine was 0.1.0 and is 0.2.0"),
    ],
)
def test_another_run_is_refused_by_name_until_restarted(interrupted, engine, change, words):
    with pytest.raises(InputError, match=words) as refusal:
        run(interrupted, engine, **change)
    assert "--restart" in str(refusal.value)
    assert run(interrupted, engine, restart=True, **change).resumed_at == 0
    assert len(read_jsonl(interrupted / "out.jsonl")) == 4


def test_a_changed_input_is_refused_until_restarted(interrupted, engine):
    write_jsonl(interrupted / "in.jsonl", [{"encounter_id": 9, "text": ""}])
    with pytest.raises(InputError, match=r"the input has changed.*--restart"):
        run(interrupted, engine)
    run(interrupted, engine, restart=True)
    assert [row["encounter_id"] for row in read_jsonl(interrupted / "out.jsonl")] == [9]


@pytest.mark.parametrize("journal", ["", "{", "[]", '{"schema": "other"}', '{"schema": "spinecode/journal/1"}'])
def test_a_broken_journal_is_refused_until_restarted(interrupted, engine, journal):
    (interrupted / "out.jsonl.journal").write_text(journal, encoding="utf-8")
    with pytest.raises(InputError, match="--restart"):
        run(interrupted, engine)
    assert run(interrupted, engine, restart=True).results == 4


def test_a_lost_part_is_refused_until_restarted(interrupted, engine):
    (interrupted / "out.jsonl.part").write_bytes(b"")
    with pytest.raises(InputError, match=r"shorter.*--restart"):
        run(interrupted, engine)
    assert run(interrupted, engine, restart=True).results == 4


@pytest.mark.parametrize("step", ["rejects", "output", "journal"])
def test_a_kill_while_the_parts_are_moved_is_repaired(tmp_path, engine, monkeypatch, step):
    write_jsonl(tmp_path / "in.jsonl", [{"encounter_id": 1, "text": ""}, "{"])
    run(tmp_path, engine, out="whole.jsonl")
    targets = {"rejects": "out.rejects.jsonl.part", "output": "out.jsonl.part", "journal": "out.jsonl.journal"}
    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, killed_at(getattr(Path, name), targets[step]))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, engine)
    assert (tmp_path / "out.jsonl.journal").exists()
    run(tmp_path, engine)
    for suffix in ("jsonl", "rejects.jsonl"):
        assert (tmp_path / f"out.{suffix}").read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    assert not (tmp_path / "out.jsonl.journal").exists()


def killed_at(call, name):
    """``call``, a method of paths, that is interrupted before it touches the file ``name``."""

    def interrupted(path, *arguments, **kwargs):
        if path.name == name:
            raise KeyboardInterrupt
        return call(path, *arguments, **kwargs)

    return interrupted


def test_two_runs_never_write_one_output(tmp_path, engine, long_input):
    process = start_slow(tmp_path)
    try:
        with pytest.raises(InputError, match="another run"):
            run(tmp_path, engine)
    finally:
        process.kill()
        process.wait(60)
