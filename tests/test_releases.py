"""The release for the date of service, and releases read from a file: with three real tabular lists."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
from pathlib import Path
from typing import get_args

import pytest
import spinecode
from spinecode.coding import findings as f
from spinecode.coding.codeset import CodeSet
from spinecode.coding.decide import decide
from spinecode.coding.errors import FindingsError, ReleaseError
from spinecode.coding.releases import fiscal_year, notices, release_for
from spinecode.coding.tables import FOLDER, releases, retired_codes, tables, tabular
from spinecode.coding.tabular import Tabular
from spinecode.pipelines import release
from spinecode.pipelines.replay import replay_file
from spinecode.pipelines.suggest import release_of

DATA = Path(__file__).parent / "data"
SHA256 = {
    "icd10cm_tabular_2021.xml": "436905e9470018c8667b25cdf646f6a2f4f0c95dbaeabd8692b530775db71afd",
    "icd10cm-tabular-April-2025.xml": "d6cdf5283f35a102d77ead236ec8c8929f22ba7f3356dbadff18ede01a3a3de5",
}


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real XML files of 2021 and April 2025."""
    folder = tmp_path_factory.mktemp("official")
    for name in SHA256:
        (folder / name).write_bytes(lzma.decompress((DATA / f"{name}.xz").read_bytes()))
    return folder


@pytest.fixture(scope="session")
def of_2021(official: Path) -> Tabular:
    return release.load(str(official / "icd10cm_tabular_2021.xml"))


# -- the real files ----------------------------------------------------------------------------------------------------


def test_retired_codes_were_billable_until_their_day(of_2021: Tabular, official: Path) -> None:
    of_2025 = release.load(str(official / "icd10cm-tabular-April-2025.xml"))
    known = [(of_2021, "2020-10-01"), (of_2025, "2025-04-01"), (tabular(), "2026-04-01")]
    assert {row.code for row in retired_codes().values() if of_2021.is_leaf(row.code)} == {"M54.5", "M51.36", "M51.37"}
    for row in retired_codes().values():
        for book, day in known:
            assert book.is_leaf(row.code) == (day < row.retired_on), (row.code, day)
            assert all(book.is_leaf(code) == (day >= row.retired_on) for code in row.replaced_by), (row.code, day)


@pytest.mark.parametrize("name", SHA256)
def test_the_xml_files_are_the_published_ones(official: Path, name: str) -> None:
    assert hashlib.sha256((official / name).read_bytes()).hexdigest() == SHA256[name]


def test_the_april_2025_release_is_what_its_xml_says(official: Path) -> None:
    name = "icd10cm-tabular-April-2025.xml"
    committed = (FOLDER / "releases" / "2025-04-01.json").read_bytes()
    assert release.build((official / name).read_bytes(), name) == committed


def test_two_releases_are_built_in() -> None:
    assert releases() == ("2025-04-01", "2026-04-01")
    assert [tabular(name).release for name in releases()] == list(releases())


def test_in_2021_low_back_pain_was_one_billable_code(of_2021: Tabular) -> None:
    assert of_2021.release == "2020-10-01"
    assert of_2021.is_leaf("M54.5")
    assert not of_2021.exists("M54.50")
    assert of_2021.billable_above("M54.51") == "M54.5"
    assert of_2021.billable_above("M51.362") == "M51.36"
    assert of_2021.billable_above("M62.85") == ""


def test_an_xml_and_the_json_made_from_it_are_the_same_release(
    official: Path, of_2021: Tabular, tmp_path: Path
) -> None:
    xml = official / "icd10cm_tabular_2021.xml"
    (tmp_path / "2021.json").write_bytes(release.build(xml.read_bytes(), xml.name))
    again = release.load(str(tmp_path / "2021.json"))
    assert again.label == of_2021.label
    assert list(again.leaves()) == list(of_2021.leaves())


def test_flank_pain_came_with_fiscal_year_2026() -> None:
    born = {row.code for row in tables().codes.values() if not tabular("2025-04-01").is_leaf(row.code)}
    assert born == {"R10.A0", "R10.A1", "R10.A2", "R10.A3"}


# -- which release -----------------------------------------------------------------------------------------------------

BUILT_IN = ("2025-04-01", "2026-04-01")


@pytest.mark.parametrize(
    ("day", "expected", "kinds"),
    [
        (None, "2026-04-01", []),
        ("2026-09-30", "2026-04-01", []),
        ("2026-04-01", "2026-04-01", []),
        ("2026-03-31", "2026-04-01", ["release_information"]),
        ("2025-10-01", "2026-04-01", ["release_information"]),
        ("2025-09-30", "2025-04-01", []),
        ("2024-10-01", "2025-04-01", ["release_information"]),
        ("2024-09-30", "2025-04-01", ["release"]),
        ("2016-02-29", "2025-04-01", ["release"]),
        ("2026-10-01", "2026-04-01", ["release"]),
        ("2031-01-01", "2026-04-01", ["release"]),
    ],
)
def test_the_release_follows_the_date_of_service(day: str | None, expected: str, kinds: list[str]) -> None:
    assert release_for(day, BUILT_IN) == expected
    assert [notice.kind for notice in notices(day, expected)] == kinds
    assert all(expected in notice.message for notice in notices(day, expected))
    code_set = decide(f.Findings(date_of_service=day))
    assert (code_set.release, [notice.kind for notice in code_set.warnings]) == (expected, kinds)


def test_further_releases_take_their_own_days() -> None:
    known = ("2020-10-01", *BUILT_IN, "2025-10-01", "2026-10-01")
    days = {
        "2021-01-01": "2020-10-01",
        "2022-01-01": "2020-10-01",
        "2024-01-01": "2025-04-01",
        "2025-12-31": "2025-10-01",
        "2026-05-01": "2026-04-01",
        "2026-10-01": "2026-10-01",
    }
    assert {day: release_for(day, known) for day in days} == days
    assert release_for(None, known) == "2026-10-01"


def test_a_fiscal_year_begins_in_october() -> None:
    assert [fiscal_year(day) for day in ("2025-09-30", "2025-10-01", "2026-01-01")] == [2025, 2026, 2026]


def test_a_file_is_taken_for_its_days_and_without_a_date(of_2021: Tabular) -> None:
    assert release_of(None, of_2021) is of_2021
    assert release_of("2020-12-01", of_2021) is of_2021
    assert release_of("2026-05-01", of_2021) is None
    assert release_of("2026-05-01", None) is None


# -- what is decided under it ------------------------------------------------------------------------------------------


def _finding(kind: f.Kind, at: int, *regions: f.Region, **facts: object) -> f.Condition:
    evidence = f.Evidence(at, at + 4, "word", "ASSESSMENT")
    made = f.Condition(kind=kind, evidence=evidence, source="assessment", regions=regions)
    return dataclasses.replace(made, **facts)  # type: ignore[arg-type]


def _visit(*conditions: f.Condition, day: str | None = None) -> f.Findings:
    return f.Findings(has_assessment=True, complaint=True, conditions=conditions, date_of_service=day)


def _codes(code_set: CodeSet) -> list[str]:
    return [code.code for code in code_set.codes]


def test_a_code_born_later_is_not_offered() -> None:
    flank = _finding("flank_pain", 0, sides=("right",))
    assert _codes(decide(_visit(flank, day="2025-10-01"))) == ["R10.A1"]
    before = decide(_visit(flank, day="2025-09-30"))
    assert _codes(before) == []
    assert [(entry.code, entry.status, entry.rule) for entry in before.not_coded] == [
        ("R10.A1", "needs_documentation", "not-a-leaf")
    ]
    assert "2026-04-01" in next(notice.message for notice in before.warnings if notice.kind == "release")


def test_a_code_split_off_later_falls_back_to_what_it_was_split_from(of_2021: Tabular) -> None:
    chronic = _finding("pain", 0, "lumbar", chronicity="chronic")
    decided = decide(_visit(chronic), of_2021)
    assert _codes(decided) == ["M54.5", "G89.29"]
    assert decided.codes[0].description == "Low back pain"
    assert any("M54.5, billable then" in notice.message for notice in decided.warnings)


def test_two_codes_of_today_may_be_one_of_then(of_2021: Tabular) -> None:
    both = (_finding("pain", 0, "lumbar"), _finding("pain", 9, "lumbar", qualities=("mechanical",)))
    for order in (both, both[::-1]):
        assert _codes(decide(_visit(*order), of_2021)) == ["M54.5"]


def test_the_exclusions_are_those_of_the_release(of_2021: Tabular) -> None:
    pain, disc = _finding("pain", 0, "lumbar"), _finding("disc_degeneration", 9, "lumbar", levels=("L4-L5",))
    assert _codes(decide(_visit(pain, disc), of_2021)) == ["M51.36"]
    assert _codes(decide(_visit(pain, disc), "2025-04-01")) == ["M51.360"]


@pytest.mark.parametrize("kind", sorted({row.family for row in tables().codes.values()}))
def test_every_family_leaves_only_codes_of_its_release(of_2021: Tabular, kind: str) -> None:
    """Beside low back pain, so that the edits compare codes that the older release does not have."""
    if kind not in get_args(f.Kind):
        return
    for region in ("cervical", "thoracic", "lumbar", "lumbosacral", None):
        regions = () if region is None else (region,)
        visit = _visit(_finding("pain", 0, "lumbar"), _finding(kind, 9, *regions, sides=("left",)))  # type: ignore[arg-type]
        for book in (of_2021, tabular("2025-04-01"), tabular("2026-04-01")):
            decided = decide(visit, book)
            assert all(book.is_leaf(code) for code in _codes(decided))
            assert decided.release == book.release


def test_a_built_in_release_needs_no_word_about_its_file(of_2021: Tabular) -> None:
    assert decide(f.Findings(), "2025-04-01").warnings == ()
    notice = decide(f.Findings(), of_2021).warnings[0]
    assert notice.kind == "release_information"
    assert "icd10cm_tabular_2021.xml" in notice.message
    assert "436905e9470018c8" in notice.message


@pytest.mark.parametrize("day", ["soon", "2026-13-01", "20260101", ""])
def test_stored_findings_with_no_real_day_are_refused(day: str) -> None:
    data = {"schema": f.SCHEMA, "date_of_service": day}
    with pytest.raises(FindingsError, match="date_of_service"):
        f.from_json(data)


# -- files that are none -----------------------------------------------------------------------------------------------


def _broken(**changes: object) -> bytes:
    data = json.loads((FOLDER / "releases" / "2025-04-01.json").read_bytes())
    data.update(changes)
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04zip", "unpack it"),
        (b"", "neither an official tabular XML"),
        (b"M54.5,Low back pain", "neither an official tabular XML"),
        (b"<html></html>", "its root is html"),
        (b"<ICD10CM.tabular>", "not well-formed"),
        (b"{", "no JSON"),
        (b"{}", "schema is not"),
        (_broken(release="April"), "YYYY-MM-DD"),
        (_broken(codes=[]), "codes or source is missing"),
        (_broken(source={}), "source must name"),
        (_broken(codes={"M54": {"title": 5}}), "the entry of M54"),
        (_broken(codes={"M54": {"title": "x", "excludes1": "y"}}), "the entry of M54"),
        (_broken(codes={"M54": {"title": "x"}}), "category G54 is missing"),
    ],
)
def test_a_file_that_is_no_release_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ReleaseError, match=words) as error:
        release.load(str(tmp_path / "x"))
    assert "\n" not in str(error.value)
    assert "x" in str(error.value)


@pytest.mark.parametrize("name", ["nowhere.xml", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="cannot be read"):
        release.load(f"{tmp_path}/{name}")


# -- for users ---------------------------------------------------------------------------------------------------------

NOTE = "ASSESSMENT:\n1. Chronic low back pain.\n2. Right flank pain.\n"


def test_suggest_takes_a_release_file(cli, official, tmp_path):
    xml = official / "icd10cm_tabular_2021.xml"
    done = cli("suggest", "--json", "--release-file", xml, "--date", "2021-05-05", stdin=NOTE.encode())
    result = json.loads(done.stdout)
    assert (result["release"], [code["code"] for code in result["codes"]]) == ("2020-10-01", ["M54.5", "G89.29"])
    configured = cli("suggest", "--json", "--date", "2021-05-05", stdin=NOTE.encode(), SPINECODE_RELEASE_FILE=str(xml))
    assert configured.stdout == done.stdout
    other_day = cli("suggest", "--json", "--release-file", xml, "--date", "2026-05-05", stdin=NOTE.encode())
    assert json.loads(other_day.stdout)["release"] == "2026-04-01"


def test_a_bad_release_file_is_one_line(cli, tmp_path):
    (tmp_path / "bad.xml").write_text("<a>")
    for arguments in (("suggest", "--release-file", "bad.xml"), ("suggest", "--release-file", "no.xml")):
        done = cli(*arguments, stdin=b"low back pain")
        assert done.returncode == 2
        assert done.stdout == b""
        assert len(done.stderr.decode().splitlines()) == 1


def test_batch_decides_each_row_by_its_date(cli, official, tmp_path):
    xml = official / "icd10cm_tabular_2021.xml"
    days = ["2021-05-05", "2025-05-05", "2026-05-05", None]
    rows = [{"encounter_id": i, "text": NOTE, "date_of_service": day} for i, day in enumerate(days)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for options in ((), ("--no-text",)):
        assert cli("batch", "in.jsonl", "out.jsonl", "--release-file", xml, *options).returncode == 0
        results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
        assert [result["release"] for result in results] == ["2020-10-01", "2025-04-01", "2026-04-01", "2020-10-01"]
        assert [[code["code"] for code in result["codes"]] for result in results] == [
            ["M54.5", "G89.29"],
            ["M54.50", "G89.29"],
            ["M54.50", "G89.29", "R10.A1"],
            ["M54.5", "G89.29"],
        ]
        assert all(notice["message"] for result in results for notice in result["warnings"])
        again = cli("replay", "out.jsonl", SPINECODE_RELEASE_FILE=str(xml))
        assert again.stdout.decode() == "4 results replayed, 0 differ\n"
    refused = cli("replay", "out.jsonl")
    assert refused.returncode == 2
    assert "line 1: release 2020-10-01 is not built in" in refused.stderr.decode()


def test_replay_under_another_release_says_what_changes_and_why(engine, official, of_2021, tmp_path, cli):
    texts = {"low": NOTE, "neck": "ASSESSMENT: Neck pain.", "none": "ASSESSMENT: Asthma."}
    results = [engine.suggest(text, encounter_id=name, date_of_service="2026-05-05") for name, text in texts.items()]
    (tmp_path / "r.jsonl").write_text("".join(each.to_json() + "\n" for each in results), encoding="utf-8")
    report = replay_file(str(tmp_path / "r.jsonl"), under=of_2021)
    assert (report.results, [each.encounter_id for each in report.differences]) == (3, ["low"])
    why = report.differences[0].why
    assert [reason.split(" ")[:2] for reason in why] == [["M54.50", "went:"], ["R10.A1", "went:"], ["M54.5", "came:"]]
    assert "2020-10-01" in why[0]
    done = cli("replay", "r.jsonl", "--release-file", official / "icd10cm_tabular_2021.xml")
    assert done.returncode == 1
    assert all(reason in done.stdout.decode() for reason in why)
    assert "3 results replayed under release 2020-10-01" in done.stdout.decode()


def test_python_takes_a_release_file(engine, official):
    made = spinecode.Spinecode(reader=engine._reader, release_file=official / "icd10cm-tabular-April-2025.xml")
    result = made.suggest(NOTE)
    assert result.release == "2025-04-01"
    assert [code.code for code in result.codes] == ["M54.50", "G89.29"]


def test_a_code_younger_than_the_date_of_service_is_not_given_and_the_one_before_it_named() -> None:
    pain = f.Condition("pain", f.Evidence(0, 4, "pain", "assessment"), "assessment", regions=("lumbar",), item=1)
    note = f.Findings(has_assessment=True, complaint=True, conditions=(pain,), date_of_service="2021-09-30")
    said = [notice.message for notice in decide(note).warnings if notice.kind == "release"]
    assert any(
        "M54.50 came into force on 2021-10-01" in message and "M54.5 was billable" in message for message in said
    )
    assert decide(note).codes == ()
    later = decide(dataclasses.replace(note, date_of_service="2021-10-01"))
    assert [code.code for code in later.codes] == ["M54.50"]
    assert not any("came into force" in notice.message for notice in later.warnings)
