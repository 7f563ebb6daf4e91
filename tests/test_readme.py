"""What the README shows is what the program prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)


def test_the_example_is_the_real_output(cli):
    (_, note), (_, shown) = BLOCKS[:2]
    done = cli("suggest", stdin=note.encode(), COLUMNS="100")
    assert done.returncode == 0
    assert done.stdout.decode().rstrip() == shown.rstrip()


def test_the_python_example_runs(capsys):
    code = next(body for language, body in BLOCKS if language == "python")
    expected = re.search(r"# (\[.*\])", code)
    exec(compile(code, "README.md", "exec"), {})
    assert expected is not None
    assert capsys.readouterr().out.strip() == expected[1]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_links_lead_somewhere(path):
    assert (Path(__file__).resolve().parents[1] / path).exists()
