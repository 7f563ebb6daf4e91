"""`spinecode codes`: the official list, the guide's tables and our own, looked up."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from spinecode.coding import reference
from spinecode.coding.decide import decide
from spinecode.coding.errors import InputError, ReleaseError, TableError
from spinecode.coding.tables import tables, tabular
from spinecode.coding.tabular import Tabular
from spinecode.pipelines import codes, release
from spinecode.pipelines.cases import read_cases
from spinecode.pipelines.release_diff import compare, render_diff
from spinecode.pipelines.render_codes import codes_data, render_codes

HERE = Path(__file__).parent
BOOK = tabular()
Cli = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def xml_2021(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / "icd10cm_tabular_2021.xml"
    path.write_bytes(lzma.decompress((HERE / "data" / f"{path.name}.xz").read_bytes()))
    return path


@pytest.fixture(scope="module")
def of_2021(xml_2021: Path) -> Tabular:
    return release.load(str(xml_2021))


def found(*words: str, book: Tabular = BOOK) -> list[str]:
    answer = codes.look_up(words, book)
    return [entry.code for entry in answer.entries] or [match.code for match in answer.matches]


def text(code: str, book: Tabular = BOOK) -> str:
    return " ".join(render_codes(codes.look_up([code], book)).split())


# -- one code ----------------------------------------------------------------------------------------------------------


def test_the_retired_code_says_since_when_and_to_what() -> None:
    said = text("M54.5")
    assert "retired October 1, 2021; replaced by M54.50, M54.51, M54.59" in said
    assert "billable no, it lacks a 5th character" in said


def test_in_2021_it_was_not_retired(of_2021: Tabular) -> None:
    entry = codes.entry("M54.5", of_2021)
    assert (entry.lacks, entry.retired, entry.release) == ("", None, "2020-10-01")


def test_an_entry_holds_everything_about_a_code() -> None:
    said = text("M54.50")
    for words in (
        "M54.50 Low back pain, unspecified",
        "billable yes (release 2026-04-01)",
        "Lumbago NOS",
        "at M54.5: intervertebral disc degeneration, lumbar region with discogenic back pain only (M51.360)",
        "at M54: psychogenic dorsalgia (F45.41)",
        "at M50-M54: current injury - see injury of spine by body region",
        "the note needs: region; onset or duration",
        "CPT PAIRINGS OF THE GUIDE (typical, verify LCD/NCD) 99213, 99214, 72148, 97140, 97110",
        "Therapy under M54.50 needs functional deficits",
        "12 visits in 90 days",
        "pain-low-back: Low back pain",
        "guide: M54.50 with M51.16 is an Excludes1 pair. Official: no note between them",
        "five elements",
    ):
        assert words in said, words


def test_what_a_code_lacks() -> None:
    assert "lacks a 6th character" in text("M51.36")
    assert "lacks a 7th character (A, D or S)" in text("S39.012")
    assert "lacks a 4th character" in text("M54")
    assert codes.entry("S16.1XXD", BOOK).lacks == ""


def test_exclusions_are_complete() -> None:
    """Every pair the official list keeps apart can be read from either side."""
    used = sorted({row.code for row in tables().codes.values()})
    for first in used[::5]:
        entry = codes.entry(first, BOOK)
        notes = {(note.owner, note.text) for note in (*entry.notes["excludes1"], *entry.excluded_by)}
        for second in used:
            apart = BOOK.excludes1(first, second)
            assert apart is None or (apart.owner, apart.text) in notes, (first, second)


def test_a_code_of_a_later_release_is_shown_as_such() -> None:
    entry = codes.entry("R10.A1", tabular("2025-04-01"))
    assert entry.lacks == "an entry in the 2025-04-01 release"
    assert (entry.first, entry.description) == ("2026-04-01", "Flank pain, right side")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("m5450", ["M54.50"]),
        ("M54.5-", ["M54.5"]),
        ("m54.5x", ["M54.5"]),
        ("M51.36x", ["M51.36"]),
        ("s161xxa", ["S16.1XXA"]),
        ("M54.40-M54.42", ["M54.40", "M54.41", "M54.42"]),
        ("M54.50, M54.51;M54.59", ["M54.50", "M54.51", "M54.59"]),
        ("M54.50 M54.50", ["M54.50"]),
    ],
)
def test_codes_as_people_type_them(typed: str, expected: list[str]) -> None:
    assert found(typed) == expected


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("M54.7", "M54.7: no such code in release 2026-04-01; near: M54.6"),
        ("S16.1A", "lacks placeholder XX before its 7th character (S16.1XXA); near: S16.1"),
        ("Q99.9", "in no category that spinecode knows; near: "),
        ("xyzzy", "nothing fits 'xyzzy'"),
        ("stnosis", "families near it: stenosis"),
        ("M54.50 M54.7", "M54.7: no such code"),
    ],
)
def test_what_is_unknown_is_refused_with_what_is_near(typed: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        codes.look_up([typed], BOOK)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


# -- families and words ------------------------------------------------------------------------------------------------


def test_a_family_lists_its_codes() -> None:
    assert found("sciatica") == ["M54.31", "M54.32", "M54.30"]
    assert found("disc degeneration") == found("disc-degeneration") == found("DISC_DEGENERATION")
    assert {code[:3] for code in found("disc degeneration")} == {"M50", "M51"}


def test_nothing_lists_every_family() -> None:
    families = {row.family for row in tables().codes.values()}
    assert {match.families[0] for match in codes.look_up([], BOOK).matches} == families


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("low back pain", "M54.50"),
        ("neck pain", "M54.2"),
        ("lumbago", "M54.40"),
        ("lumbar stenosis claudication", "M48.062"),
        ("endplate modic", "M54.51"),
        ("whiplash", "S13.4XXA"),
        ("left sciatica with lumbago", "M54.42"),
        ("herniated disc lumbar", "M51.26"),
        ("second trimester back pain pregnancy", "O26.892"),
        ("flank pain left", "R10.A2"),
    ],
)
def test_words_find_the_best_code_first(words: str, first: str) -> None:
    assert found(words)[0] == first
    assert found(words) == found(words)


@pytest.mark.parametrize(
    ("words", "read_as", "codes_found"),
    [
        ("slipped disc", "disc displacement", {"M50.20", "M51.26", "M51.27"}),
        ("lumbar herniated disk", "lumbar disc displacement", {"M51.26"}),
        ("Pinched Nerve", "radiculopathy", {"M54.12", "M54.16"}),
        ("pinched nerve in the neck", "radiculopathy cervical", {"M54.12"}),
        ("tailbone pain", "coccydynia", {"M53.3"}),
        ("lower back pain", "low back pain", {"M54.50", "M54.59"}),
        ("arthritis of the spine", "spondylosis", {"M47.816"}),
        ("SI joint", "sacroiliac pain", {"M53.3"}),
        ("DDD", "disc degeneration", {"M51.369", "M51.379"}),
    ],
)
def test_words_of_patients_find_codes_and_say_how_they_were_read(
    words: str, read_as: str, codes_found: set[str]
) -> None:
    answer = codes.look_up(words.split(), BOOK)
    assert answer.read_as == read_as
    assert codes_found <= {match.code for match in answer.matches}
    assert codes_data(answer)["read_as"] == read_as
    assert render_codes(answer).startswith(f"read as: {read_as}\n")


def test_whiplash_and_other_words_of_the_list_are_not_reread() -> None:
    for words in ("whiplash", "lumbago", "stenosis", "discitis", "sciatica"):
        answer = codes.look_up([words], BOOK)
        assert answer.read_as == ""
        assert "read as" not in render_codes(answer)
    assert found("whiplash")[0] == "S13.4XXA"


def test_every_standard_word_of_the_lay_table_finds_codes() -> None:
    for words, standard in reference.lay_words().items():
        assert codes.look_up([words], BOOK).matches, words
        assert reference.in_standard_words(standard) == standard, f"{standard} is itself reread"


def test_words_fit_in_any_order_and_case() -> None:
    assert set(found("LUMBAR spondylolisthesis")) == set(found("spondylolisthesis, lumbar"))


# -- the guide's tables ------------------------------------------------------------------------------------------------


def _reference_rows() -> list[reference.GuideRow]:
    return [row for row in reference.guide_rows() if row.table.startswith("reference")]


def test_the_guides_tables_are_all_there() -> None:
    names = {row.table for row in reference.guide_rows()}
    assert {name.removeprefix("reference: ") for name in names if name.startswith("reference")} == {
        *("lumbar", "thoracic", "cervical", "general dorsalgia", "sciatica and lumbago with sciatica", "radiculopathy"),
        *("disc disorders", "structural conditions", "strain and injury", "chronic pain", "pregnancy"),
    }
    assert {name for name in names if not name.startswith("reference")} == {
        *("M54.50 cannot be coded with", "Excludes1 master reference", "code history", "laterality"),
        *("CPT cross-reference", "sixth character", "documentation", "clinical scenario", "related conditions"),
    }
    assert len(_reference_rows()) == 40


def test_every_row_of_the_guide_is_answered_under_each_of_its_codes() -> None:
    for row in reference.guide_rows():
        for code in row.codes:
            entry = codes.entry(code, BOOK)
            assert row in entry.guide
            if row.table.startswith(("reference", "CPT")):
                assert set(row.cpt) <= set(entry.cpt)


def test_pairings_are_numbers_of_five_digits() -> None:
    for row in (*reference.guide_rows(), *tables().codes.values()):
        assert all(len(number) == 5 and number.isdigit() for number in row.cpt)


def test_what_the_guide_calls_billable_is_or_is_corrected() -> None:
    for row in _reference_rows():
        for code in row.codes:
            assert BOOK.is_leaf(code) or "6th character" in row.title or reference.corrections_of(code), code


def test_pairs_the_guide_forbids_are_official_or_corrected() -> None:
    pairs = [
        (a, b)
        for row in reference.guide_rows()
        if row.table in ("M54.50 cannot be coded with", "Excludes1 master reference")
        for a in row.codes
        for b in row.codes
        if a[:5] != b[:5] and a < b
    ]
    assert len(pairs) > 30
    for a, b in pairs:
        leaves = [(x, y) for x in BOOK.leaves(a) for y in BOOK.leaves(b)]
        if not all(BOOK.excludes1(x, y) for x, y in leaves):
            assert reference.corrections_of(a), (a, b)
            assert reference.corrections_of(b), (a, b)


def test_corrections_name_codes_and_sources() -> None:
    assert len(reference.corrections()) == 20
    for row in reference.corrections():
        assert row.guide
        assert row.official
        assert row.source.startswith(("tabular", "guideline"))
        assert all(BOOK.exists(code) for code in row.codes)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("M48.06", "M48.061 without, M48.062 with neurogenic claudication"),
        ("M51.26", "displacement; degeneration is M51.36-, M51.37-"),
        ("M54.12", "the C7 root is mid-cervical"),
        ("M54.16", "it has none; the code follows the region"),
        ("M54.31", "only when the provider says sciatica"),
        ("M54.41", "only with low back pain documented that day"),
        ("O26.892", "it is the 6th character"),
        ("O99.89", "O99.891"),
        ("M62.85", "dysfunction of the multifidus muscles"),
        ("S39.012A", "an injury of no stated type is S39.92X-"),
        ("M51.360", "only M51.360 and M51.370 (M54.5-)"),
        ("S33.5XXA", "A is active treatment"),
    ],
)
def test_the_entry_says_where_the_guide_is_wrong(code: str, words: str) -> None:
    assert words in text(code)


def test_payer_notes_stand_under_the_codes_they_name() -> None:
    noted = {
        code: [note.id for note in reference.payer_notes_of(code)] for code in ("M54.51", "M54.59", "M54.9", "M54.2")
    }
    assert noted == {
        "M54.51": ["basivertebral-ablation"],
        "M54.59": ["acupuncture"],
        "M54.9": ["unspecified-region"],
        "M54.2": [],
    }


# -- rules -------------------------------------------------------------------------------------------------------------


def test_rules_are_named_for_every_code_they_gave() -> None:
    """Over all cases: whatever rule gave a code is among the rules of that code."""
    gave = {(code.rule, code.code) for case in read_cases(HERE / "cases") for code in decide(case.findings).codes}
    assert len(gave) > 100
    for rule, code in gave:
        assert rule in [found.id for found in reference.rules_of(code)], (rule, code)
    assert {entry.rule for entry in reference.rule_codes()} == {rule for rule, _ in gave}


def test_every_code_of_the_tables_has_a_rule() -> None:
    for row in tables().codes.values():
        assert reference.rules_of(row.code), row.code


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no-rule,pain,", "no rule 'no-rule'"),
        ("sciatica,no_family,", "no family 'no_family'"),
        ("sciatica,sciatica,M54.4*", "'M54.4*' is no code"),
    ],
)
def test_a_broken_rule_table_names_the_row(monkeypatch: pytest.MonkeyPatch, line: str, words: str) -> None:
    def rows(_: str, columns: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
        return [("rule_codes.csv, row 2", dict(zip(columns, line.split(","), strict=True)))]

    monkeypatch.setattr(reference, "table_rows", rows)
    reference.rule_codes.cache_clear()
    with pytest.raises(TableError, match="row 2") as error:
        reference.rule_codes()
    reference.rule_codes.cache_clear()
    assert words in str(error.value)


def test_patterns_fit_codes_as_written() -> None:
    assert fnmatchcase("S39.012A", "*A")
    assert [rule.id for rule in reference.rules_of("S39.012S")] == ["injury-sequela", "guide-injury-strain"]


# -- releases compared -------------------------------------------------------------------------------------------------


def test_what_came_with_fiscal_year_2026() -> None:
    diff = compare(tabular("2025-04-01"), BOOK)
    new = [change.code for change in diff.changes if change.kind == "new"]
    assert "R10.A1" in new
    assert len(new) == 16
    flank = next(change for change in diff.changes if change.code == "R10.A1")
    assert flank.touches == ("codes.csv: flank_pain", "rules.csv: flank-pain")
    assert [change.code for change in diff.changes if change.kind == "not_billable"] == ["R10.2"]
    assert not [change for change in diff.changes if change.kind == "gone"]
    assert "NEW CODES (16)" in render_diff(diff)


def test_what_changed_since_2021(of_2021: Tabular) -> None:
    changes = compare(of_2021, BOOK).changes
    split = [change for change in changes if change.kind == "not_billable"]
    assert {"M54.5", "M51.36", "M51.37"} <= {change.code for change in split}
    low_back = next(change for change in split if change.code == "M54.5")
    assert "M54.50, M54.51, M54.59" in low_back.what
    assert "retired_codes.csv" in low_back.touches
    back = compare(BOOK, of_2021).changes
    assert {c.code for c in back if c.kind == "gone"} == {c.code for c in changes if c.kind == "new"}
    assert "M54.5" in {c.code for c in back if c.kind == "billable"}
    assert compare(BOOK, BOOK).changes == ()
    assert "Nothing changed" in render_diff(compare(BOOK, BOOK))


def test_releases_are_named_by_day_year_or_file(of_2021: Tabular, xml_2021: Path) -> None:
    def named(name: str | None, file: Tabular | None = None) -> str:
        return codes.open_named(name, file).release

    assert named(None) == named("2026") == named("FY2026") == named("2026-04-01") == "2026-04-01"
    assert named("2025") == "2025-04-01"
    assert named(None, of_2021) == named("2021", of_2021) == named(str(xml_2021)) == "2020-10-01"
    with pytest.raises(ReleaseError, match="release 2019: neither one of 2025-04-01, 2026-04-01"):
        named("2019")


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_prints_text_and_json(cli: Cli) -> None:
    said = cli("codes", "M54.5")
    assert said.returncode == 0
    assert "October 1, 2021" in said.stdout.decode()
    assert max(map(len, said.stdout.decode().splitlines())) <= 100
    data: dict[str, Any] = json.loads(cli("codes", "M54.5", "M54.51", "--json").stdout)
    assert (data["schema"], data["release"]) == ("spinecode/codes/1", "2026-04-01")
    retired, vertebrogenic = data["codes"]
    assert retired["retired"]["replaced_by"] == ["M54.50", "M54.51", "M54.59"]
    assert (vertebrogenic["billable"], vertebrogenic["lacks"]) == (True, None)
    assert vertebrogenic["cpt"] == {
        "numbers": ["99213", "99214", "72148", "20552", "97140", "64628"],
        "note": "typical, verify LCD/NCD",
    }
    assert {rule["id"] for rule in vertebrogenic["rules"]} == {"vertebrogenic", "vertebrogenic-tied"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["M54.7"],
        ["xyzzy"],
        ["--release", "1999"],
        ["--release-file", "no.xml"],
        ["--diff", "2025", "1999"],
        ["--diff", "2025"],
        ["M54.5", "--diff", "2025", "2026"],
    ],
)
def test_what_cannot_be_answered_is_one_line(cli: Cli, arguments: list[str]) -> None:
    done = cli("codes", *arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(done.stderr.decode().splitlines()) == 1


def test_the_command_reads_another_release(cli: Cli, xml_2021: Path) -> None:
    done = json.loads(cli("codes", "M54.5", "--json", "--release-file", xml_2021).stdout)
    assert (done["release"], done["codes"][0]["billable"]) == ("2020-10-01", True)
    diff = json.loads(cli("codes", "--diff", "2026", xml_2021, "--json").stdout)
    assert diff["after"].startswith("2020-10-01")


def test_the_command_loads_no_pipeline(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom spinecode.cli import main\nmain(['codes', 'M54.50'])\nmain(['codes', 'low', 'back'])\n"
        "print('LOADED', *[n for n in ('spacy', 'medspacy', 'numpy', 'pandas') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_every_code_of_the_tables_renders() -> None:
    for code in sorted({row.code for row in tables().codes.values()}):
        answer = codes.look_up([code], BOOK)
        assert render_codes(answer).startswith(code)
        json.dumps(codes_data(answer))
