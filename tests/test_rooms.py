"""The rooms of the house: dependencies point one way, the decision layer is pure, files are read in one module of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "coding": set(),
    "nlp": {"coding"},
    "models": {"coding"},
    "pipelines": {"coding", "nlp", "models"},
    "web": {"coding", "pipelines"},
}
FILES = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "files", "open_text", "urlopen"}
READS_FILES = {"tables.py"}


def modules(room):
    return sorted((ROOT / room).rglob("*.py"))


def imported_rooms(path):
    """The rooms of this project that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level >= 2:
            yield from [node.module.partition(".")[0]] if node.module else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert not (node.module or "").startswith("spinecode"), f"{path}: rooms import each other relatively"


@pytest.mark.parametrize("room", ALLOWED)
def test_dependencies_point_one_way(room):
    for path in modules(room):
        rooms = set(imported_rooms(path)) & {"coding", "nlp", "models", "pipelines", "web", "cli"}
        assert rooms <= ALLOWED[room], path


def test_one_module_of_the_decision_layer_reads_files():
    for path in modules("coding"):
        if path.name in READS_FILES:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                assert name not in FILES, f"{path}:{node.lineno} calls {name}"


@pytest.mark.parametrize(
    "line",
    [
        "import spacy",
        "from spacy.tokens import Doc",
        "import medspacy as m",
        "import datetime\n\nDAY = datetime.datetime.now()",
        "from datetime import date as d\n\nDAY = d.today()",
        "import time",
        "import random",
        "import os\n\nHOME = os.environ",
    ],
)
def test_the_linter_keeps_the_decision_layer_pure(line):
    """The ban is by folder: the same line passes elsewhere."""

    def banned(folder):
        command = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--select",
            "TID251",
            "--stdin-filename",
            f"{folder}/new.py",
            "-",
        ]
        done = subprocess.run(command, cwd=ROOT, input=line, capture_output=True, text=True, check=False)
        return "TID251" in done.stdout

    assert banned("coding")
    assert not banned("pipelines")


def test_deciding_loads_no_nlp(tmp_path):
    script = (
        "import sys\nfrom spinecode.coding.decide import decide\nfrom spinecode.coding.findings import Findings\n"
        "decide(Findings())\nprint([n for n in ('spacy', 'medspacy', 'spinecode.nlp') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
