"""A real local Spark session: the same rows as the local engine. Needs Java: `make test-full`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.full


@pytest.fixture
def notes(tmp_path, sample_texts):
    rows = [{"encounter_id": i, "text": text, "mrn": f"{i}"} for i, text in enumerate(sample_texts[:120])]
    lines = [*map(json.dumps, rows[:60]), "{", "", '{"text": "no id"}', *map(json.dumps, rows[60:])]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_spark_gives_what_the_local_engine_gives(cli, notes, name):
    assert cli("batch", "in.jsonl", name).returncode == 3
    rejects = notes / "out.rejects.jsonl"
    want = (notes / name).read_bytes(), rejects.read_bytes()
    (notes / name).unlink()
    rejects.unlink()
    done = cli("batch", "in.jsonl", name, "--engine", "spark", "--workers", "2")
    assert done.returncode == 3, done.stderr
    assert ((notes / name).read_bytes(), rejects.read_bytes()) == want
    assert b"122 rows in = 120 results + 2 rejected" in done.stderr
    assert done.stdout == b""
    assert sorted(path.name for path in notes.iterdir()) == sorted(["in.jsonl", name, "out.rejects.jsonl"])


def test_the_spill_is_private_and_beside_the_output(notes):
    command = [sys.executable, "-m", "spinecode", "batch", "in.jsonl", "out.jsonl", "--engine", "spark"]
    process = subprocess.Popen(command, cwd=notes, stderr=subprocess.DEVNULL)
    spill, modes = notes / "out.jsonl.spill", set()
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            modes.add(spill.stat().st_mode & 0o777)
        time.sleep(0.02)
    assert process.returncode == 3
    assert modes == {0o700}
    assert not spill.exists()


def test_own_rules_and_release_reach_the_executors(cli, notes):
    (notes / "own").mkdir()
    phrase = {
        "literal": "rachialgia",
        "category": "CONDITION",
        "metadata": {"id": "own-1", "source": "ours", "example": "Rachialgia.", "kind": "pain"},
    }
    (notes / "own" / "conditions.json").write_text(json.dumps({"target_rules": [phrase]}))
    (notes / "in.jsonl").write_text('{"encounter_id": 1, "text": "Assessment: rachialgia."}\n')
    assert cli("batch", "in.jsonl", "out.jsonl", "--engine", "spark", "--rules", "own").returncode == 0
    assert json.loads((notes / "out.jsonl").read_text())["codes"][0]["code"] == "M54.9"


def test_a_process_builds_its_pipeline_once_and_frames_of_a_cluster_are_answered(tmp_path, engine, sample_texts):
    from spinecode.pipelines.batch.spark import _ANSWERS, Setup, _answer_frames, session, suggest_frame

    (tmp_path / "spill").mkdir()
    with session(tmp_path / "spill", 2) as spark:
        texts = {str(i): text for i, text in enumerate(sample_texts[:40])}
        frame = spark.createDataFrame(
            [*((key, text, None) for key, text in texts.items()), (None, "x", None), ("bad", "x", "yesterday")],
            "encounter_id string, text string, date_of_service string",
        )
        rows = {row.encounter_id: row for row in suggest_frame(frame.repartition(8)).collect()}
        assert rows[None].rejected == "encounter_id is missing"
        assert "YYYY-MM-DD" in rows["bad"].rejected
        for key, text in texts.items():
            assert rows[key].result == engine.suggest(text, encounter_id=key).to_json()
        import pickle
        from functools import partial

        from spinecode.pipelines.rows import Row

        items = [(pickle.dumps(Row(i, i, "Neck pain.", None, None, None, "")),) for i in range(64)]
        spread = spark.createDataFrame(items, "item binary").repartition(16)
        answered = spread.mapInPandas(partial(_answer_frames, Setup()), _ANSWERS).collect()
        assert len(answered) == 64
        assert len({row.process for row in answered}) <= 2
        assert {row.builds for row in answered} <= {1, 2}  # one for each setup, however many tasks
        assert os.getpid() not in {row.process for row in answered}
