"""`spinecode worklist`: which queries of a batch come first, how few, and a CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import stat

import pytest
from spinecode.pipelines.query.templates import built_in
from spinecode.pipelines.query.worklist import COLUMNS, make_worklist, worklist_csv
from spinecode.pipelines.spreadsheet import safe_cell

SHA = "0" * 64


def gap(
    name="laterality:sciatica", *, effect="code", codes=(("A",), ("B",)), text="sciatica", about="side of the sciatica"
):
    element = name.partition(":")[0]
    answers = [("left", "left"), ("right", "right"), ("bilateral", "both sides")]
    return {
        "id": name,
        "element": element,
        "about": about,
        "why": "It decides the code.",
        "effect": effect,
        "options": [
            {
                "answer": answer,
                "words": words,
                "codes": list(codes[min(i, len(codes) - 1)]),
                "introduces": False,
                "supported_by": [i] if element == "conflict" and i < 2 else [],
            }
            for i, (answer, words) in enumerate(answers)
        ],
        "indicators": [
            {"start": 5, "end": 5 + len(text), "text": text, "section": "Assessment"},
            {"start": 50, "end": 58, "text": "leg pain" if text else "", "section": "HPI"},
        ],
    }


def line(number, *gaps, provider="Dr. Adams", **keys):
    return {
        "schema": "spinecode/result/1",
        "encounter_id": number,
        "provider": provider,
        "date_of_service": "2026-05-04",
        "text_sha256": SHA,
        "gaps": list(gaps),
        "findings": {"schema": "spinecode/findings/1"},
        **keys,
    }


@pytest.fixture
def results(tmp_path):
    def write(*lines, name="out.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
        return str(path)

    return write


def order(path, **options):
    found = make_worklist(path, built_in(), **options)
    return [(entry.query.query.encounter.encounter_id, entry.query.query.gap) for entry in found.entries]


def test_danger_and_contradiction_first_then_effect_then_number_of_codes(results):
    path = results(
        line(1, gap("objective", effect="defence")),
        line(2, gap("duration", effect="order")),
        line(3, gap("laterality:a", codes=(("A",), ("B",)))),
        line(4, gap("laterality:b", codes=(("A",), ("B",), ("C", "D")))),
        line(5, gap("red_flags", effect="defence")),
        line(6, gap("conflict:side", effect="code")),
    )
    assert [name for name, _ in order(path, top=9)] == [6, 5, 4, 3, 2, 1]


def test_few_for_each_provider_and_the_rest_are_counted(results):
    path = results(
        *(line(n, gap(), provider="Dr. Zhou") for n in range(1, 6)),
        *(line(n, gap(), provider="Dr. Adams") for n in range(6, 8)),
        line(8, gap(), provider=None),
        line(9),
    )
    found = make_worklist(path, built_in(), top=3)
    assert [e.query.query.encounter.encounter_id for e in found.entries] == [6, 7, 1, 2, 3, 8]
    assert (found.results, found.encounters, found.left_out) == (9, 8, 2)
    assert len(order(path, group_by="none")) == 3
    assert len(order(path, group_by="element", top=4)) == 4


def test_the_same_results_in_any_order_of_gaps_give_a_stable_list(results):
    path = results(line(1, gap("laterality:a"), gap("laterality:b")), line(2, gap("laterality:a")))
    assert order(path) == order(path) == [(1, "laterality:a"), (1, "laterality:b"), (2, "laterality:a")]


def test_one_query_a_row_and_no_code_in_it(results):
    path = results(line("E-1", gap()), line("E-2", gap(codes=(("M54.41",), ("M54.42",)))))
    text = worklist_csv(make_worklist(path, built_in()))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["rank"], row["encounter_id"]) for row in rows] == [("1", "E-1"), ("2", "E-2")]
    assert rows[0]["indicators"] == '"sciatica" (Assessment); "leg pain" (HPI)'
    assert rows[0]["options"].endswith("[ ] Other (please specify); [ ] Unable to determine")
    assert "M54" not in text


FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "|calc",
    "%0A=1",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "\u00a0=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_begins_a_formula(results, formula):
    assert safe_cell(formula).startswith("'")
    path = results(line(formula, gap(text=formula), provider=formula))
    for row in csv.reader(io.StringIO(worklist_csv(make_worklist(path, built_in())), newline="")):
        for cell in row:
            assert cell.lstrip()[:1] not in set("=+-@|%＝＋－＠\t\r\n"), cell
            assert "\x00" not in cell


def test_numbers_and_words_stay_as_they_are():
    for value in ("-5", "17", "3.5", "E-1", "Dr. O'Hara", "", "a=b"):
        assert safe_cell(value) == value


def test_a_result_without_the_notes_words_gives_no_query(results, cli):
    done = cli("worklist", results(line(1), line(2, gap(text=""))))
    (said,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert "line 2" in said
    assert "without --no-text" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json\n", "line 1: is not JSON"),
        (b"[1]\n", "line 1: is no spinecode result"),
        (b'{"findings": {}}\n', "line 1: is no spinecode result"),
        (json.dumps({k: v for k, v in line(1).items() if k != "gaps"}).encode(), "line 1: is a result without gaps"),
        (json.dumps(line(1, {"id": "x"})).encode(), "line 1: its gaps cannot be read"),
    ],
)
def test_a_file_that_is_no_batch_of_results_is_refused_in_one_line(cli, tmp_path, content, words):
    (tmp_path / "out.jsonl").write_bytes(content)
    done = cli("worklist", "out.jsonl")
    (said,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in said


def test_wrong_options_are_refused_in_one_line(cli, results, tmp_path):
    path = results(line(1, gap()))
    for arguments in (
        ["--group-by", "patient"],
        ["--top", "0"],
        ["--csv", path],
        ["--csv", tmp_path / "no" / "list.csv"],
        ["--csv", tmp_path],
        ["--templates", "nowhere.toml"],
    ):
        done = cli("worklist", path, *arguments)
        assert (done.returncode, len(done.stderr.decode().splitlines())) == (2, 1), arguments
    assert cli("worklist", "nowhere.jsonl").returncode == 2
    assert json.loads((tmp_path / "out.jsonl").read_text())["encounter_id"] == 1


def test_the_csv_is_readable_by_its_owner_only(cli, results, tmp_path):
    path = results(line("E-1", gap(), provider="Dr. Ümit"))
    (tmp_path / "list.csv").write_text("old")
    (tmp_path / "list.csv").chmod(0o644)
    done = cli("worklist", path, "--group-by", "provider", "--top", "3", "--csv", "list.csv")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"1 queries from 1 of 1 encounters in list.csv" in done.stderr
    assert stat.S_IMODE((tmp_path / "list.csv").stat().st_mode) == 0o600
    rows = list(csv.DictReader((tmp_path / "list.csv").open(encoding="utf-8", newline="")))
    assert rows[0]["provider"] == "Dr. Ümit"


def test_the_table_says_who_what_and_how_many_are_left(cli, results):
    path = results(*(line(n, gap()) for n in range(1, 6)))
    done = cli("worklist", path, "--top", "2")
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "3 queries from 5 of 5 encounters" not in text
    assert "2 queries from 5 of 5 encounters; 3 more are left for later" in text
    assert max(map(len, text.splitlines())) <= 100
    nothing = cli("worklist", results(line(1), name="none.jsonl"))
    assert (nothing.returncode, nothing.stdout) == (0, b"Nothing to ask in 1 results.\n")


def test_a_refused_query_is_named_and_left_out(cli, results, tmp_path):
    (tmp_path / "own.toml").write_text("[elements.laterality]\nquestion = 'Is it the left side?'\n", encoding="utf-8")
    path = results(line(1, gap()), line(2, gap("duration", about="duration of the sciatica")))
    done = cli("worklist", path, "--templates", "own.toml")
    (said,) = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert "line 1: query laterality:sciatica is refused" in said
    assert "names-answer" in said
    assert "duration" in done.stdout.decode()
