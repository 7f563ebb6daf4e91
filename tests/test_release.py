"""The committed release file is what the official XML says, byte for byte."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from spinecode.coding import tabular
from spinecode.coding.errors import ReleaseError
from spinecode.coding.tabular import Tabular
from spinecode.pipelines import release

COMMITTED = Path(tabular.__file__).parent / "tables" / "releases" / "2026-04-01.json"


@pytest.fixture(scope="module")
def xml() -> bytes:
    return release.find_xml().read_bytes()


@pytest.fixture(scope="module")
def entries() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(COMMITTED.read_bytes())["codes"]
    return loaded


def test_rebuilding_gives_the_committed_bytes(xml: bytes) -> None:
    assert release.build(xml, release.find_xml().name) == COMMITTED.read_bytes()


def test_file_is_small_and_has_one_code_a_line(entries: dict[str, Any]) -> None:
    assert COMMITTED.stat().st_size < 600_000
    lines = COMMITTED.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('"M54.50":{') for line in lines) == 1
    assert len(lines) == len(entries) + 5


def test_every_code_and_no_other_is_in_the_official_code_list() -> None:
    """The package ships the list of codes apart from the XML: an independent count of headers and billable codes."""
    files = importlib.metadata.files(release.PACKAGE) or []
    text = next(Path(str(f.locate())) for f in files if f.name.startswith("code-list")).read_text(encoding="utf-8")
    official = {line for line in text.split() if line[:3] in release.CATEGORIES and "-" not in line}
    book = Tabular(json.loads(COMMITTED.read_bytes()))
    ours = {code for code in json.loads(COMMITTED.read_bytes())["codes"] if book.exists(code)} | set(book.leaves())
    assert {code.replace(".", "") for code in ours} == official
    headers = {longer[:length].rstrip("X") for longer in official for length in range(3, len(longer))}
    headers |= {longer[:length] for longer in official for length in range(3, len(longer))}
    assert {leaf.replace(".", "") for leaf in book.leaves()} == official - headers


@pytest.mark.parametrize("code", ["M54.5", "M51.1", "M62", "S39", "M48.4", "G89.2", "M99", "Y99.0"])
def test_notes_are_those_printed_at_the_code(xml: bytes, entries: dict[str, Any], code: str) -> None:
    diag = next(d for d in ET.fromstring(xml).iter("diag") if d.findtext("name") == code)
    assert entries[code]["title"] == diag.findtext("desc")
    for kind in tabular.NOTE_KINDS:
        assert entries[code].get(kind, []) == [note.text for note in diag.findall(f"{kind}/note")]
    seventh = {e.get("char"): e.text for e in diag.findall("sevenChrDef/extension")}
    assert entries[code].get("seventh", {}) == seventh


def test_no_excludes1_note_in_scope_is_lost(xml: bytes, entries: dict[str, Any]) -> None:
    in_xml = sum(
        len(holder.findall("note"))
        for diag in ET.fromstring(xml).iter("diag")
        if (diag.findtext("name") or "")[:3] in release.CATEGORIES
        for holder in diag.findall("excludes1")
    )
    assert (
        sum(len(e.get("excludes1", [])) for code, e in entries.items() if re.match(r"[A-Z]\d\w(\.|$)", code)) == in_xml
    )


def test_blocks_stand_inside_the_blocks_that_enclose_them(entries: dict[str, Any]) -> None:
    assert entries["M50-M54"]["parent"] == "M40-M54"
    assert entries["V80-V89"]["parent"] == "V00-V99"
    assert entries["V00-V99"]["parent"] == "V00-X58"
    assert entries["M99"]["parent"] == "M99-M99"


MINI = "<ICD10CM.tabular><version>{version}</version>{chapter}</ICD10CM.tabular>"
CHAPTER = "<chapter><name>13</name><desc>Bones</desc><section id='M54'><desc>Backs</desc>{diags}</section></chapter>"


def _mini(version: str = "2027") -> bytes:
    diags = "".join(f"<diag><name>{c}</name><desc>Café  {c}</desc></diag>" for c in sorted(release.CATEGORIES))
    return MINI.format(version=version, chapter=CHAPTER.format(diags=diags)).encode()


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [("icd10c-tabular-April-1-2026.xml", "2026-04-01"), ("icd10cm_tabular_2027.xml", "2026-10-01")],
)
def test_release_is_the_day_it_takes_effect(file_name: str, expected: str) -> None:
    built = json.loads(release.build(_mini(), file_name))
    assert built["release"] == expected
    assert built["codes"]["M54"]["title"] == "Café M54"


@pytest.mark.parametrize(
    ("xml_text", "words"),
    [
        ("<ICD10CM.tabular>", "not well-formed"),
        ("<html/>", "its root is html"),
        (MINI.format(version="2026", chapter=""), "category G54 is missing"),
        (_mini("draft").decode(), "which release"),
    ],
)
def test_an_xml_that_is_not_the_tabular_list_is_refused(xml_text: str, words: str) -> None:
    with pytest.raises(ReleaseError, match=words):
        release.build(xml_text.encode(), "x.xml")


def test_command_writes_the_file(tmp_path: Path) -> None:
    source = tmp_path / "tabular-October-1-2026.xml"
    source.write_bytes(_mini())
    out = tmp_path / "out.json"
    assert release.main([str(out), str(source)]) == 0
    assert out.read_bytes() == release.build(_mini(), source.name)


def test_command_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main([str(tmp_path / "out.json"), str(tmp_path / "no.xml")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no.xml" in captured.err
    assert not (tmp_path / "out.json").exists()


def test_missing_package_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "PACKAGE", "no-such-package-here")
    with pytest.raises(ReleaseError, match="pip install no-such-package-here"):
        release.find_xml()


def test_the_package_with_the_xml_is_never_imported(tmp_path: Path) -> None:
    """Importing it parses 10 MB of XML."""
    code = (
        "import sys; from spinecode.pipelines import release; release.main([sys.argv[1]]);"
        "sys.exit('simple_icd_10_cm' in sys.modules)"
    )
    out = tmp_path / "out.json"
    subprocess.run([sys.executable, "-c", code, str(out)], check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert out.read_bytes() == COMMITTED.read_bytes()
