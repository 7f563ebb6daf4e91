"""The manager's page: right figures, self-contained, no words of notes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from spinecode.pipelines.batch.report import Tally, render, tally
from spinecode.pipelines.batch.run import Summary
from spinecode.pipelines.batch.shapes import tables_of
from spinecode.pipelines.rows import Row

NOTES = [
    ("Dr. A", "Assessment: back pain of Zebediah."),
    ("Dr. A", "Assessment: low back pain with left sciatica of Zebediah."),
    ("Dr. $B & <b>", "Assessment: back pain."),
    ("Dr. $B & <b>", "Knee pain only."),
]


class Page(HTMLParser):
    """What a browser would fetch, and whether the tags close."""

    VOID = frozenset(("meta", "br", "img", "link", "hr"))

    def __init__(self):
        super().__init__()
        self.open, self.fetched = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.fetched += [
            value for name, value in attrs if name in ("src", "href", "xlink:href") and not value.startswith("#")
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("out", ["out.jsonl", "out.csv", "out.json"])
def test_the_page_of_a_run(cli, tmp_path, out):
    rows = [
        {"encounter_id": i, "provider": provider, "text": text, "date_of_service": f"2026-0{4 + i % 2}-01"}
        for i, (provider, text) in enumerate(NOTES)
    ]
    lines = [*map(json.dumps, rows), '{"encounter_id": 9, "text": "Zebediah"', '{"text": "x"}', '{"text": "y"}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    assert cli("batch", "in.jsonl", out, "--report", "page.html").returncode == 3
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    assert parser.fetched == []
    assert page.count("<svg") >= 3
    assert "Zebediah" not in page
    assert "sciatica of" not in page
    text = re.sub(r"<[^>]+>", " ", page[page.index("Unspecified codes by provider</h2>") :])
    assert re.search(r"Dr\. A\s+2\s+2\s+50\.0 %\s+50\.0 %", text), text[:500]
    assert re.search(r"Dr\. \$B &amp; &lt;b&gt;\s+2\s+1\s+100\.0 %\s+100\.0 %", text)
    assert re.search(r"encounter_id is missing\s+2", text)
    assert "M54.42" in page
    assert (tmp_path / "page.html").stat().st_mode & 0o077 == 0


def test_gaps_are_counted_by_element(engine):
    gap = {"id": "x", "element": "red_flags", "effect": "defence", "why": "", "options": [], "indicators": []}
    result = {**engine.suggest("Neck pain.", provider="P").to_dict(), "gaps": [gap, gap]}
    found = Tally()
    found.add(tables_of(result, Row(1, 1, "", None, None, None, "")))
    assert found.gaps == {"red_flags": 2}
    page = render(found, Summary(1, 0, 0, Path("x"), 0, 1), "title")
    assert "red flags" in page


def test_a_page_of_nothing(tmp_path):
    (tmp_path / "part").write_text("")
    page = render(tally(tmp_path / "part", tmp_path / "none"), Summary(0, 0, 0, Path("x"), 0), "empty")
    assert "None" in page


def test_the_page_may_not_be_a_file_of_the_run(cli, tmp_path):
    (tmp_path / "in.jsonl").write_text("")
    assert cli("batch", "in.jsonl", "out.jsonl", "--report", "out.jsonl").returncode == 2
    assert cli("batch", "in.jsonl", "out.jsonl", "--report", "no/where.html").returncode == 2
