"""Shared fixtures: one engine for all tests, and the command line as users start it, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import spinecode

ROOT = Path(__file__).resolve().parent.parent

NOTE = """\
CHIEF COMPLAINT: Low back pain.

HISTORY: Low back pain for 4 months. Denies fever. No saddle numbness.

ASSESSMENT:
1. Chronic low back pain with right-sided sciatica.
2. Hypertension.

PLAN: Physical therapy. MRI to rule out disc herniation.
"""


# A shell that runs the tests in the background has Ctrl-C ignored, and every process started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def engine() -> spinecode.Spinecode:
    return spinecode.Spinecode()


@pytest.fixture(scope="session")
def note() -> str:
    return NOTE


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run `spinecode ...` in a new process, outside the repository, so that the installed package is what runs."""

    def run(*arguments: str | Path, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "spinecode", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **env},
            timeout=180,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def every_evidence() -> Callable[[Any], Iterator[dict[str, Any]]]:
    """Every evidence object in a result, wherever it stands."""

    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if {"start", "end", "text", "section"} <= set(value):
                yield value
            for item in value.values():
                yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)

    return walk


@pytest.fixture(scope="session")
def sample_texts() -> list[str]:
    """Notes written here: the samples, the guide's cases and the written notes. The blind part stays out of tests."""
    corpora = ROOT / "corpora"
    texts = [path.read_text(encoding="utf-8") for path in sorted((corpora / "samples").glob("*.txt"))]
    for folder in ("guide", "written"):
        lines = (corpora / folder / "notes.jsonl").read_text(encoding="utf-8").splitlines()
        texts += [json.loads(line)["text"] for line in lines if line]
    return texts


def benchmark(name: str) -> ModuleType:
    """A module of benchmarks/: no part of the package, loaded by its path."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def serving() -> ModuleType:
    return benchmark("serving")


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    return benchmark("hostile")


@pytest.fixture(scope="session")
def server(serving, tmp_path_factory):
    """A server as users start it: on loopback, without tokens."""
    with serving.Server(tmp_path_factory.mktemp("server"), "--workers", "2") as running:
        yield running


SLOW = """
import sys, time
from spinecode.coding.findings import Findings
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.outputs import Output, open_sink
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.workers import answer_in_workers
from spinecode.pipelines.suggest import Spinecode

class Slow:
    def read(self, text, date_of_service=None):
        time.sleep(0.002)
        return Findings(date_of_service=date_of_service)

print("working", flush=True)
source = open_source(Input(sys.argv[1]))
run_job(Job(
    source, open_sink(Output(sys.argv[2]), source.columns), lambda: Spinecode(reader=Slow()),
    lambda items, factory: answer_in_workers(items, factory, 2, 20.0), "rules-1", "0.1.0",
))
"""


@pytest.fixture(scope="session")
def start_slow() -> Callable[[Path, Path], subprocess.Popen[bytes]]:
    """Start a batch run of two workers that takes its time, in a process of its own that a test may kill."""

    def start(source: Path, out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SLOW, str(source), str(out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=out.parent)
        assert process.stdout is not None
        assert process.stdout.readline() == b"working\n"
        return process

    return start
