"""Exports as offices have them: what is odd about them is read, or said in one line that quotes no note."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import UTC, date, datetime

import openpyxl
import pandas
import pytest
from spinecode.coding.errors import InputError
from spinecode.pipelines.batch import sql
from spinecode.pipelines.batch.columns import Columns
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.outputs import Output, open_sink
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.workers import answer_here
from spinecode.pipelines.rows import Reject
from sqlalchemy.exc import OperationalError

NOTE = "Patient Jane Doe DOB 1/2/1970 has low back pain and drinks heavily. Assessment: sciatica"


def rows_of(path, **asked):
    """What each row holds, by its number: (id, text, date, provider, carried), or the reason of a reject."""
    found = {}
    for item in open_source(Input(str(path), **asked)).items(0, 0):
        row = item.content
        if isinstance(row, Reject):
            found[item.line] = row.reason
        elif row is not None:
            found[item.line] = (row.encounter_id, row.text, row.date_of_service, row.provider, row.extra)
    return found


def written(path, *lines, encoding="utf-8"):
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def refusal(path, **asked):
    with pytest.raises(InputError) as refused:
        open_source(Input(str(path), **asked))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def run(source, out, engine, columns=None):
    opened = open_source(Input(str(source), columns=columns or Columns()))
    return run_job(
        Job(
            opened,
            open_sink(Output(str(out)), opened.columns),
            lambda: engine,
            lambda items, factory: answer_here(items, factory()),
            "rules-1",
            "0.1.0",
        )
    )


# -- no note in a message ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first", [f'900123,"{NOTE}",5/4/2026', "00123,low back pain", 'Jane Doe,"neck pain\nsciatica"']
)
def test_a_file_without_a_header_is_not_quoted(tmp_path, first):
    said = refusal(written(tmp_path / "in.csv", first, first))
    assert "is there a header?" in said
    assert not any(word in said for word in ("900123", "00123", "pain", "sciatica", "drinks", "Jane"))
    assert "is there a header?" in refusal(written(tmp_path / "in.csv", f'900123,"{NOTE}"'), columns=Columns("CSN"))


def test_a_workbook_without_a_header_is_not_quoted_and_its_other_sheets_are_told(tmp_path):
    book = openpyxl.Workbook()
    book.active.append([900123, NOTE])
    book.create_sheet("Notes").append(["CSN", "Note"])
    book.save(tmp_path / "in.xlsx")
    said = refusal(tmp_path / "in.xlsx")
    assert "is there a header?" in said
    assert "other sheets (--sheet NAME): 'Notes'" in said
    assert "Jane" not in said
    assert rows_of(tmp_path / "in.xlsx", sheet="Notes") == {}


def test_a_usual_header_is_still_told(tmp_path):
    said = refusal(written(tmp_path / "in.csv", "MRN,Note,DOS,ICD10"))
    assert said.endswith("say --id-column; there are 'MRN', 'Note', 'DOS', 'ICD10'")


def test_text_of_sqlite_that_is_no_utf8_costs_its_row_and_is_not_quoted(tmp_path):
    with sqlite3.connect(tmp_path / "in.db") as base:
        base.execute("CREATE TABLE notes (csn INTEGER PRIMARY KEY, note TEXT, dos DATE, remark TEXT, scan BLOB)")
        base.executemany(
            "INSERT INTO notes VALUES (?, CAST(? AS TEXT), ?, CAST(? AS TEXT), ?)",
            [
                (1, b"neck pain", "2026-05-04", b"a", b"\x00\xff"),
                (2, b"Jane Doe caf\xe9", "2026-05-04", b"a", None),
                (3, b"neck pain", "05/04/2026", b"a", None),
                (4, b"neck pain", "2026-05-04 10:30:00", b"Jane Doe caf\xe9", None),
            ],
        )
        base.execute("INSERT INTO notes VALUES (5, ?, NULL, NULL, NULL)", ("Rücken".encode(),))
        base.execute("INSERT INTO notes VALUES (6, ?, NULL, NULL, NULL)", (b"\xff\xfe",))
    found = rows_of(tmp_path / "in.db", table="notes")
    assert found[1] == (1, "neck pain", "2026-05-04", None, {"remark": "a", "scan": "AP8="})
    assert found[5][1] == "Rücken"
    assert found[2] == found[6] == "text: is not UTF-8"
    assert "--date-format" in found[3]
    assert "column 4 is not UTF-8" in found[4]
    assert rows_of(tmp_path / "in.db", query="SELECT csn, note, dos, remark, scan FROM notes ORDER BY csn") == found


def test_a_message_of_a_driver_that_may_quote_a_cell_is_not_shown():
    theirs = sqlite3.OperationalError("Could not decode to UTF-8 column 'note' with text 'Jane Doe'")
    with pytest.raises(InputError) as refused, sql.told_plainly("postgresql://u:secret@h/db"):
        raise OperationalError("SELECT", {}, theirs)
    assert "Jane" not in str(refused.value)
    assert "OperationalError" in str(refused.value)


# -- carried columns ---------------------------------------------------------------------------------------------------

HEADER = "CSN,Note,encounter_id,text,date_of_service,provider,Row,Codes,Comment,comment"
NAMED = Columns("CSN", "Note", date_of_service=None, provider=None)
CARRIED = {
    "input_encounter_id": "E9",
    "input_text": "old",
    "input_Row": "7",
    "input_Codes": "M54.2",
    "Comment": "a",
    "comment 2": "b",
}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "db"])
def test_carried_columns_that_are_called_like_ours_keep_their_cells(tmp_path, engine, kind):
    source = written(tmp_path / "in.csv", HEADER, "C1,neck pain,E9,old,2026-05-04,Dr. A,7,M54.2,a,b")
    out = tmp_path / f"out.{kind}"
    run(source, out, engine, NAMED)
    if kind == "csv":
        with out.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file))
    elif kind == "db":
        with sqlite3.connect(out) as base:
            base.row_factory = sqlite3.Row
            row = dict(base.execute("SELECT * FROM spinecode_results").fetchone())
    else:
        read = pandas.read_parquet if kind == "parquet" else pandas.read_excel
        row = read(out, **({"dtype": str} if kind == "xlsx" else {})).iloc[0].to_dict()
    assert row["encounter_id"] == "C1"
    assert {name: row[name] for name in CARRIED} == CARRIED
    assert len({name.lower() for name in row}) == len(row)


def test_repeated_names_of_carried_columns_are_numbered(tmp_path):
    source = written(tmp_path / "in.csv", "CSN,Note,Modifier,Modifier,Modifier 2,,", "1,neck pain,a,b,c,d,e")
    assert rows_of(source)[2][4] == {
        "Modifier": "a", "Modifier 3": "b", "Modifier 2": "c", "column_6": "d", "column_7": "e"
    }  # fmt: skip
    assert "two columns are called 'Note'" in refusal(written(tmp_path / "in.csv", "CSN,Note,Note"))


# -- dates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "day",
    ["2026-05-04", "2026-05-04 10:30", "2026-05-04T00:00:00Z", "2026-05-04T23:59:59.123-05:00", " 2026-05-04 9:05 PM "],
)
def test_a_date_with_a_time_is_its_day(tmp_path, day):
    assert rows_of(written(tmp_path / "in.csv", "CSN,Note,DOS", f"1,neck pain,{day}"))[2][2] == "2026-05-04"


def test_days_and_times_of_workbooks_and_parquet_files_are_days_whatever_the_format(tmp_path):
    book = openpyxl.Workbook()
    for row in (["CSN", "Note", "DOS"], [1, "a", datetime(2026, 5, 4, 10, 30)], [2, "b", date(2026, 5, 4)]):  # noqa: DTZ001
        book.active.append(row)
    book.active.append([3, "c", "05/04/2026"])
    book.save(tmp_path / "in.xlsx")
    found = rows_of(tmp_path / "in.xlsx", columns=Columns(date_format="%m/%d/%Y"))
    assert [row[2] for row in found.values()] == ["2026-05-04"] * 3
    days = pandas.DataFrame({"CSN": [1], "Note": ["a"], "DOS": [pandas.Timestamp(2026, 5, 4, 10, 30, tz=UTC)]})
    days.to_parquet(tmp_path / "in.parquet")
    assert rows_of(tmp_path / "in.parquet")[1][2] == "2026-05-04"


def test_a_date_that_could_be_two_days_is_never_guessed_and_the_remedy_is_named(tmp_path):
    source = written(tmp_path / "in.csv", "CSN,Note,DOS", "1,neck pain,05/04/2026", "2,neck pain,2026-02-30")
    found = rows_of(source)
    assert "YYYY-MM-DD" in found[2]
    assert "--date-format, e.g. %m/%d/%Y" in found[2]
    assert "no such day" in found[3]


@pytest.mark.parametrize("given", ["mm/dd/yyyy", "%m/%d", "%Q", "%"])
def test_a_format_that_is_none_is_refused_before_the_run(tmp_path, given):
    source = written(tmp_path / "in.csv", "CSN,Note,DOS")
    assert "--date-format" in refusal(source, columns=Columns(date_format=given))
    assert "--date-format" in refusal(written(tmp_path / "in.jsonl", "{}"), columns=Columns(date_format="%m/%d/%Y"))


# -- which column is which ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (
            "Pat Enc CSN ID,Progress Notes,Contact Date",
            "id 'Pat Enc CSN ID', text 'Progress Notes', date 'Contact Date'",
        ),
        ("Account #,Full Note,Appt Date", "id 'Account #', text 'Full Note', date 'Appt Date'"),
        ("Claim ID,Note,Enc Date", "id 'Claim ID', text 'Note', date 'Enc Date'"),
        ("Case Number,Note,DateOfService", "id 'Case Number', text 'Note', date 'DateOfService'"),
        ("HAR,ID,Note,Note Date", "id 'ID', text 'Note', date none found (--date-column)"),
        ("HAR,Note,Progress Note", "id 'HAR', text 'Note', date none found (--date-column)"),
    ],
)
def test_the_columns_taken_are_told(tmp_path, header, told):
    source = open_source(Input(str(written(tmp_path / "in.csv", header))))
    assert source.told.startswith(f"columns: {told}, provider none found")
    assert ("also looks like a note: 'Progress Note' (--text-column)" in source.told) == (
        "Progress Note" in header.split(",")
    )


def test_one_column_cannot_be_two_things(tmp_path):
    source = written(tmp_path / "in.csv", "CSN,Note")
    assert "both name the column 'CSN'" in refusal(source, columns=Columns("CSN", "CSN"))
    (tmp_path / "notes").mkdir()
    assert "are for tables" in refusal(tmp_path / "notes", columns=Columns("CSN"))


def test_a_named_key_that_a_row_lacks_is_told(tmp_path):
    source = written(tmp_path / "in.jsonl", json.dumps({"encounter_id": 1, "text": NOTE}))
    assert "no key 'foo'" in rows_of(source, columns=Columns("foo"))[1]


def test_the_command_tells_columns_and_what_was_not_read_but_no_note(cli, tmp_path):
    rows = [f'{n},neck pain,"x"' for n in range(100)]
    rows[10] = f'10,"{NOTE},x'
    written(tmp_path / "in.csv", "CSN,Note,Remark", *[row.replace('"x"', "x") for row in rows])
    done = cli("batch", "in.csv", "out.jsonl", "--workers", "1")
    said = done.stderr.decode()
    assert done.returncode == 3
    assert said.startswith("spinecode: columns: id 'CSN', text 'Note', date none found")
    assert (
        "row 12: a quotation mark in this row opens a cell that never closes: 89 lines behind it were not read" in said
    )
    assert "Jane" not in said
    reject = json.loads((tmp_path / "out.rejects.jsonl").read_text(encoding="utf-8"))
    assert "89 lines behind it were not read" in reject["reason"]


# -- odd files ---------------------------------------------------------------------------------------------------------


def test_a_quotation_mark_that_closes_far_below_is_told(tmp_path):
    source = open_source(
        Input(str(written(tmp_path / "in.csv", "CSN,Note", '1,"neck pain', *["2,neck pain"] * 60, '3,"neck pain"')))
    )
    reasons = [item.content.reason for item in source.items(0, 0) if isinstance(item.content, Reject)]
    assert "take 61 lines behind it along" in reasons[0]
    assert "row 2" in source.warnings[0]


def test_utf16_is_told_and_read(tmp_path):
    source = written(tmp_path / "in.csv", "CSN,Note", "1,Rücken", encoding="utf-16")
    assert "is UTF-16; say so: --encoding utf-16" in refusal(source)
    assert rows_of(source, encoding="utf-16")[2][:2] == ("1", "Rücken")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "\ufeffSEP=;"])
def test_the_line_that_tells_excel_the_delimiter_is_passed_over(tmp_path, first):
    source = written(tmp_path / "in.csv", first, "CSN;Note, long", "1;neck, arm")
    assert rows_of(source, columns=Columns(text="Note, long")) == {2: ("1", "neck, arm", None, None, None)}


def test_a_name_of_two_lines_is_one_name(tmp_path):
    source = written(tmp_path / "in.csv", 'CSN,Note,"Date of', 'Service"', "1,neck pain,2026-05-04", "2,sciatica,")
    assert rows_of(source) == {2: ("1", "neck pain", "2026-05-04", None, None), 3: ("2", "sciatica", None, None, None)}


def test_utf16_that_is_cut_off_costs_what_is_cut_off(tmp_path):
    source = written(tmp_path / "in.csv", "CSN,Note", *[f"{n},neck pain" for n in range(2000)], encoding="utf-16")
    source.write_bytes(source.read_bytes()[:-3])
    assert "the input is damaged here" in list(rows_of(source, encoding="utf-16").values())[-1]


def test_files_that_are_empty_or_old_say_so(tmp_path):
    assert "the file is empty" in refusal(written(tmp_path / "in.csv"))
    assert "its first line is empty" in refusal(written(tmp_path / "in.csv", "", "CSN,Note"))
    (tmp_path / "in.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    assert "is an old Excel file" in refusal(tmp_path / "in.xls")
    assert "save it as .xlsx" in refusal(tmp_path / "in.xls")
    (tmp_path / "in.xls").write_bytes(b"<html>")
    assert "name it .xlsx" in refusal(tmp_path / "in.xls")
