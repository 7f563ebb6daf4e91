"""Every kind of input gives the same rows, numbered, in order; what cannot be read is a reject with its reason."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import random
import sqlite3
from datetime import date, datetime

import docx
import openpyxl
import pandas
import pytest
import zstandard
from reportlab.pdfgen import canvas
from spinecode.coding.errors import InputError
from spinecode.pipelines.batch.answer import Answerer, Options
from spinecode.pipelines.batch.columns import Columns
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.items import Answer
from spinecode.pipelines.rows import Reject, Row

NOTES = [
    "ASSESSMENT: Low back pain with left sciatica.",
    'Two lines,\nwith a comma, a "quote" and a tab\t.',
    "",
    "Ünïcode – “quotes” 😀; neck pain.",
]
TABLE = [
    {"encounter_id": f"E{i}", "text": text, "date_of_service": "2026-05-04", "provider": "Dr. A", "mrn": f"00{i}"}
    for i, text in enumerate(NOTES, start=1)
]


class Echo:
    """An engine that hands the note back, to look at what it was given."""

    release_file = None

    def __init__(self, engine):
        self._engine = engine
        self.seen = []

    def suggest(self, text, **kwargs):
        self.seen.append(text)
        return self._engine.suggest("", **kwargs)


@pytest.fixture
def read(engine):
    """All that an input holds: (line, what it is), documents read as an engine would."""

    def run(path, after=0, **asked):
        source = open_source(Input(str(path), **asked))
        fingerprint = source.fingerprint()
        assert source.fingerprint() == fingerprint
        echo = Echo(engine)
        answerer, found = Answerer(echo, Options()), []
        position = max((item.position for item in source.items(0, 0) if item.line <= after), default=0)
        for item in source.items(after, position):
            if isinstance(item.content, Row):
                answered = answerer(item.content)
                if isinstance(answered, Answer):
                    data = json.loads(answered.payload)
                    keys = ("encounter_id", "date_of_service", "provider", "extra")
                    found.append((item.line, {"text": echo.seen[-1], **{key: data.get(key) for key in keys}}))
                else:
                    found.append((item.line, answered))
            elif item.content is not None:
                found.append((item.line, item.content))
        return found

    return run


def as_read(row, line):
    extra = {
        key: value for key, value in row.items() if key not in ("encounter_id", "text", "date_of_service", "provider")
    }
    return line, {**{key: row[key] for key in ("text", "encounter_id", "date_of_service", "provider")}, "extra": extra}


def write_csv(path, rows, **how):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), **how)
        writer.writeheader()
        writer.writerows(rows)
    return path


# -- tables ------------------------------------------------------------------------------------------------------------


def write_jsonl(path):
    path.write_text("".join(json.dumps(row) + "\n" for row in TABLE), encoding="utf-8")


def write_xlsx(path):
    pandas.DataFrame(TABLE).to_excel(path, index=False)


def write_parquet(path):
    pandas.DataFrame(TABLE).to_parquet(path, index=False, row_group_size=2)


@pytest.mark.parametrize(
    ("name", "write", "first"),
    [
        ("notes.jsonl", write_jsonl, 1),
        ("notes.csv", lambda path: write_csv(path, TABLE), 2),
        ("notes.tsv", lambda path: write_csv(path, TABLE, delimiter="\t"), 2),
        ("semicolons.csv", lambda path: write_csv(path, TABLE, delimiter=";"), 2),
        ("notes.parquet", write_parquet, 1),
    ],
)
def test_a_table_of_any_kind_gives_the_same_rows(tmp_path, read, name, write, first):
    write(tmp_path / name)
    want = [as_read(row, line) for line, row in enumerate(TABLE, start=first)]
    assert read(tmp_path / name) == want
    assert read(tmp_path / name, after=first + 1) == want[2:]  # behind a kill


def test_a_workbook_gives_its_rows_where_an_empty_cell_is_no_note(tmp_path, read):
    write_xlsx(tmp_path / "notes.xlsx")
    found = read(tmp_path / "notes.xlsx")
    want = [as_read(row, line) for line, row in enumerate(TABLE, start=2)]
    assert [found[place] for place in (0, 1, 3)] == [want[place] for place in (0, 1, 3)]
    assert isinstance(found[2][1], Reject)
    assert found[2][1].reason == "text is missing"


def test_numbers_and_days_of_a_workbook_are_what_they_look_like(tmp_path, read):
    book = openpyxl.Workbook()
    book.active.append(["Visit ID", "Note", "DOS", "Age", "Seen", "Copay"])
    book.active.append([1001, "Neck pain.", datetime(2026, 5, 4), 52, True, 12.5])  # noqa: DTZ001 - a cell has no zone
    book.active.append([])
    book.active.append([1002, "Neck pain.", date(2026, 5, 5), None, None, None])
    second = book.create_sheet("other")
    second.append(["encounter_id", "text"])
    second.append(["X", "y"])
    book.save(tmp_path / "book.xlsx")
    (line, first), (last, other) = read(tmp_path / "book.xlsx")
    assert (line, last) == (2, 4)
    assert (first["encounter_id"], first["date_of_service"]) == (1001, "2026-05-04")
    assert first["extra"] == {"Age": 52, "Seen": True, "Copay": 12.5}
    assert other["date_of_service"] == "2026-05-05"
    assert read(tmp_path / "book.xlsx", sheet="other")[0][1]["encounter_id"] == "X"
    with pytest.raises(InputError, match="there is no sheet"):
        read(tmp_path / "book.xlsx", sheet="third")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("name", ["notes.csv", "notes.jsonl"])
def test_packed_files_are_read_directly(tmp_path, read, pack, name):
    plain = tmp_path / name
    write_csv(plain, TABLE) if name.endswith("csv") else write_jsonl(plain)
    packed = tmp_path / f"{name}.{'gz' if pack is gzip.compress else 'zst'}"
    packed.write_bytes(pack(plain.read_bytes()))
    assert read(packed) == read(plain)
    assert read(packed, after=2) == read(plain, after=2)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_torn_packed_file_loses_only_what_is_torn_off(tmp_path, read, pack):
    chance = random.Random(1)
    rows = [json.dumps({"encounter_id": i, "text": f"{chance.random()} " * 20}) + "\n" for i in range(2000)]
    whole = pack("".join(rows).encode())
    (tmp_path / "in.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    found = read(tmp_path / "in.jsonl.gz")
    *rest, (line, last) = found
    assert len(rest) > 100
    assert all(isinstance(row, dict) for _, row in rest)
    assert isinstance(last, Reject)
    assert "is cut off here" in last.reason
    assert line == len(rest) + 1


def test_a_bad_row_of_a_csv_file_is_a_reject(tmp_path, read):
    (tmp_path / "in.csv").write_bytes(
        b'\xef\xbb\xbfid,note\r\n1,good\r\n2,too,many\r\n3\r\n"4"x,bad quote\r\n5,\xff\r\n\r\n,no id\r\n7,"good, too"\r\n8,"open'
    )
    found = dict(read(tmp_path / "in.csv"))
    assert [line for line, each in found.items() if isinstance(each, dict)] == [2, 9]
    reasons = {line: each.reason for line, each in found.items() if isinstance(each, Reject)}
    assert sorted(reasons) == [3, 4, 5, 6, 8, 10]
    assert "3 cells, the header has 2" in reasons[3]
    assert "quotation mark" in reasons[5]
    assert "not utf-8" in reasons[6].lower()
    assert "encounter_id is missing" in reasons[8]
    assert found[3].raw == "2,too,many"


def test_columns_are_guessed_named_and_asked_for(tmp_path, read):
    write_csv(
        tmp_path / "guess.csv", [{"CSN": "9", "Note Text": "a", "Rendering Provider": "P", "Visit Date": "05/04/2026"}]
    )
    found = read(tmp_path / "guess.csv", columns=Columns(date_format="%m/%d/%Y"))
    assert found[0][1] == {
        "encounter_id": "9",
        "text": "a",
        "provider": "P",
        "date_of_service": "2026-05-04",
        "extra": None,
    }
    bad = read(tmp_path / "guess.csv")[0][1]
    assert "YYYY-MM-DD" in bad.reason
    write_csv(tmp_path / "odd.csv", [{"a": "1", "b": "words", "text": "not this"}])
    with pytest.raises(InputError, match="--id-column"):
        read(tmp_path / "odd.csv")
    named = read(tmp_path / "odd.csv", columns=Columns(encounter_id="a", text="b"))
    assert named[0][1]["text"] == "words"
    assert named[0][1]["extra"] == {"input_text": "not this"}
    with pytest.raises(InputError, match="no column 'c'"):
        read(tmp_path / "odd.csv", columns=Columns(encounter_id="c"))


def test_keys_of_json_lines_can_be_named(tmp_path, read):
    (tmp_path / "in.jsonl").write_text('{"visit": 7, "body": "x", "text": "old"}\n', encoding="utf-8")
    found = read(tmp_path / "in.jsonl", columns=Columns(encounter_id="visit", text="body"))
    assert found[0][1]["encounter_id"] == 7
    assert found[0][1]["text"] == "x"
    assert found[0][1]["extra"] == {"input_text": "old"}


def test_another_encoding_of_a_csv_file(tmp_path, read):
    (tmp_path / "in.csv").write_bytes("id;text\n1;Rückenschmerz – lumbal\n".encode("cp1252"))
    assert read(tmp_path / "in.csv", encoding="cp1252")[0][1]["text"] == "Rückenschmerz – lumbal"
    with pytest.raises(InputError, match="no such encoding"):
        read(tmp_path / "in.csv", encoding="klingon")


def test_a_damaged_part_of_a_parquet_file_costs_its_rows(tmp_path, read):
    rows = [{"encounter_id": i, "text": f"note {i} {random.Random(i).random()}"} for i in range(1, 31)]
    path = tmp_path / "in.parquet"
    pandas.DataFrame(rows).to_parquet(path, index=False, row_group_size=10, compression="zstd")
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        place = (
            file.metadata.row_group(1).column(1).dictionary_page_offset
            or file.metadata.row_group(1).column(1).data_page_offset
        )
    raw = bytearray(path.read_bytes())
    raw[place : place + 60] = b"\xff" * 60
    path.write_bytes(raw)
    found = dict(read(path))
    assert sorted(found) == list(range(1, 31))
    assert [line for line, each in found.items() if isinstance(each, Reject)] == list(range(11, 21))


# -- databases ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "ehr.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE visits (visit_id INTEGER PRIMARY KEY, note TEXT, dos DATE, author TEXT, age INTEGER)"
        )
        rows = [(i, f"note {i}", "2026-05-04", None, None if i % 2 else i) for i in range(3000, 0, -1)]
        connection.executemany("INSERT INTO visits VALUES (?, ?, ?, ?, ?)", rows)
    return path


def test_a_table_of_a_database_comes_in_the_order_of_its_key(database, read):
    found = read(database, table="visits")
    assert [row["encounter_id"] for _, row in found] == list(range(1, 3001))
    assert found[1][1] == {
        "text": "note 2", "encounter_id": 2, "date_of_service": "2026-05-04", "provider": None, "extra": {"age": 2}
    }  # fmt: skip
    assert found[0][1]["extra"] == {"age": None}
    assert read(f"sqlite:///{database}", table="visits", after=2990) == found[2990:]


def test_a_query_comes_in_its_own_order(database, read):
    query = "SELECT visit_id AS id, note, 'a:b' AS tag FROM visits WHERE visit_id < 4 ORDER BY visit_id DESC"
    found = read(database, query=query)
    assert [(line, row["encounter_id"]) for line, row in found] == [(1, 3), (2, 2), (3, 1)]
    assert found[0][1]["extra"] == {"tag": "a:b"}


def test_a_change_in_the_database_changes_its_fingerprint(database):
    before = open_source(Input(str(database), table="visits")).fingerprint()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE visits SET note = 'other' WHERE visit_id = 1500")
    assert open_source(Input(str(database), table="visits")).fingerprint() != before


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("ehr.db", {}, "--table NAME or --query"),
        ("ehr.db", {"table": "nothing"}, "there are visits"),
        ("ehr.db", {"query": "DROP TABLE visits"}, "give a SELECT"),
        ("ehr.db", {"query": "SELECT colour FROM visits"}, "no such column"),
        ("none.db", {"table": "visits"}, "no such file"),
        ("nosuch://u:secret@h/db", {"table": "x"}, r"nosuch://u:\*\*\*@h/db"),
        ("notes.docm", {}, "no such file"),
    ],
)
def test_what_cannot_be_opened_is_said(database, monkeypatch, name, asked, words):
    monkeypatch.chdir(database.parent)
    with pytest.raises(InputError, match=words) as refusal:
        open_source(Input(name, **asked))
    assert "secret" not in str(refusal.value)


# -- folders and documents ---------------------------------------------------------------------------------------------


def write_docx(path, lines):
    document = docx.Document()
    for line in lines:
        document.add_paragraph(line)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Dx", "sciatica"
    document.save(path)


def write_pdf(path, lines):
    page = canvas.Canvas(str(path))
    for place, line in enumerate(lines):
        page.drawString(72, 760 - 16 * place, line)
    page.save()


def test_a_folder_of_documents(tmp_path, read):
    folder = tmp_path / "notes"
    (folder / "b").mkdir(parents=True)
    (folder / ".hidden").write_text("no")
    (folder / "a.txt").write_bytes("Neck pain.\r\nÜ".encode())
    (folder / "b" / "c.rtf").write_bytes(
        rb"{\rtf1\ansi\ansicpg1252 Chronic {\b low back} pain.\par R\'fcckgrat \u8211? done.}"
    )
    write_docx(folder / "d.docx", ["Right sciatica.", "Plan: PT."])
    write_pdf(folder / "e.pdf", ["Lumbar stenosis.", "No fever."])
    (folder / "f.html").write_text(
        "<html><head><title>t</title></head><body><p>Neck&nbsp;pain &lt; 6 weeks</p>Plan<br>PT</body></html>"
    )
    (folder / "g.txt.gz").write_bytes(gzip.compress(b"Back pain."))
    (folder / "h.doc").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / "i.xyz").write_bytes(b"?")
    (folder / "j.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "k.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "l.docx").write_bytes(b"PK\x03\x04 broken")
    found = read(folder)
    assert [line for line, _ in found] == list(range(1, 12))
    texts = {each["encounter_id"]: each["text"] for _, each in found if isinstance(each, dict)}
    assert texts["a"] == "Neck pain.\r\nÜ"
    assert texts["b/c"].split() == ["Chronic", "low", "back", "pain.", "Rückgrat", "–", "done."]
    assert texts["d"] == "Right sciatica.\nPlan: PT.\nDx\tsciatica"
    assert texts["e"].split("\n") == ["Lumbar stenosis.", "No fever."]
    assert texts["f"] == "Neck pain < 6 weeks\nPlan\nPT"
    assert texts["g"] == "Back pain."
    reasons = [each.reason for _, each in found if isinstance(each, Reject)]
    assert [reason.split(":")[0] for reason in reasons] == ["h.doc", "i.xyz", "j.pdf", "k.txt", "l.docx"]
    assert "save it as DOCX" in reasons[0]
    assert read(folder, after=9) == found[9:]


def test_a_scan_and_a_locked_pdf_are_refused_with_what_to_do(tmp_path, read):
    write_pdf(tmp_path / "scan.pdf", [])
    page = canvas.Canvas(str(tmp_path / "locked.pdf"), encrypt="secret")
    page.drawString(72, 700, "Neck pain")
    page.save()
    (_, locked), (_, scan) = read(tmp_path, format="folder")
    assert "text recognition" in scan.reason
    assert "password" in locked.reason or "cannot be read as PDF" in locked.reason


# -- FHIR --------------------------------------------------------------------------------------------------------------


def reference(number, text, *, content_type="text/plain", **more):
    data = base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": f"d{number}",
        "status": "current",
        "subject": {"reference": f"Patient/p{number}"},
        "author": [{"reference": "Practitioner/9", "display": "Dr. Lee"}],
        "date": "2026-05-06T08:00:00-05:00",
        "content": [{"attachment": {"contentType": content_type, "data": data}}],
        "context": {
            "encounter": [{"reference": f"Encounter/e{number}"}],
            "period": {"start": "2026-05-04T23:30:00-05:00"},
        },
        **more,
    }


def test_a_document_reference_is_a_row(tmp_path, read):
    (tmp_path / "one.json").write_text(json.dumps(reference(1, "Low back pain – left sciatica.")), encoding="utf-8")
    assert read(tmp_path / "one.json") == [
        (
            1,
            {
                "text": "Low back pain – left sciatica.",
                "encounter_id": "e1",
                "date_of_service": "2026-05-04",
                "provider": "Dr. Lee",
                "extra": {"patient": "Patient/p1", "document_reference": "d1"},
            },
        )
    ]


def test_bundles_bulk_exports_and_folders_of_resources(tmp_path, read):
    resources = [reference(i, f"note {i}") for i in range(1, 4)]
    patient = {"resourceType": "Patient", "id": "p1"}
    folder = tmp_path / "fhir"
    folder.mkdir()
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in [patient, *resources]],
    }
    (folder / "bundle.json").write_text(json.dumps(bundle))
    (folder / "export.ndjson").write_text("\n".join(json.dumps(each) for each in [patient, *resources]) + "\n{\n")
    whole = [each["text"] for _, each in read(folder / "bundle.json")]
    assert whole == ["note 1", "note 2", "note 3"]
    *lines, torn = read(folder / "export.ndjson")
    assert [each["text"] for _, each in lines] == whole
    assert "line 5" in torn[1].reason
    assert [line for line, _ in read(folder)] == list(range(1, 8))


def test_a_binary_of_the_bundle_is_the_text(tmp_path, read):
    document = reference(1, "")
    document["content"] = [{"attachment": {"contentType": "text/plain", "url": "Binary/b7"}}]
    binary = {
        "resourceType": "Binary",
        "id": "b7",
        "contentType": "text/plain",
        "data": base64.b64encode(b"Neck pain").decode(),
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": binary}, {"resource": document}]}
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    assert read(tmp_path / "b.json")[0][1]["text"] == "Neck pain"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "superseded"}, "superseded"),
        ({"docStatus": "entered-in-error"}, "entered in error"),
        ({"content": [{"attachment": {"url": "https://example.org/note"}}]}, "holds a link"),
        ({"content": [{"attachment": {"contentType": "image/png", "data": "AAAA"}}]}, "image/png"),
        ({"content": [{"attachment": {"contentType": "application/xml", "data": "AAAA"}}]}, "application/xml"),
        ({"content": []}, "content"),
        ({"nonsense": "Zebediah"}, "nonsense"),
        ({"status": None}, "status"),
    ],
)
def test_a_document_reference_that_is_no_note_is_a_reject(tmp_path, read, change, words):
    (tmp_path / "one.json").write_text(json.dumps({**reference(1, "x"), **change}))
    ((_, reject),) = read(tmp_path / "one.json")
    assert words in reject.reason
    assert "Zebediah" not in reject.reason


def test_attachments_other_than_plain_text(tmp_path, read):
    document = reference(1, "<p>Neck pain</p>", content_type="text/html")
    latin = reference(2, "Rücken".encode("latin-1"), content_type="text/plain; charset=iso-8859-1")
    (tmp_path / "a.ndjson").write_text(json.dumps(document) + "\n" + json.dumps(latin) + "\n")
    assert [each["text"] for _, each in read(tmp_path / "a.ndjson")] == ["Neck pain", "Rücken"]


# -- HL7 v2 ------------------------------------------------------------------------------------------------------------

MDM = "\r".join(
    [
        r"MSH|^~\&|EHR|H|SC|H|20260504||MDM^T02|M77|P|2.5",
        "PID|1||MRN1^^^H||DOE^JANE",
        "PV1|1|O|||||12^Lee^Ann||||||||||||V99^^^H" + "|" * 25 + "20260503101500",
        "TXA|1|PN|TX|20260504||||||||DOC7",
        r"OBX|1|TX|1^^L||ASSESSMENT:\.br\Low back pain \T\ sciatica \F\ left \S\ \R\ \E\ 5\10 pain~second repetition||||||F",
        "OBX|2|FT|1||a^b&c \\H\\bold\\N\\ end||||||F",
        "OBX|3|NM|2||98.6|F",
    ]
)


def test_a_message_is_a_row_with_its_escapes_undone(tmp_path, read):
    (tmp_path / "m.hl7").write_text(MDM, newline="")
    assert read(tmp_path / "m.hl7") == [
        (
            1,
            {
                "text": "ASSESSMENT:\nLow back pain & sciatica | left ^ ~ \\ 5\\10 pain\nsecond repetition\na^b&c bold end",
                "encounter_id": "V99",
                "date_of_service": "2026-05-03",
                "provider": "Lee, Ann",
                "extra": {"patient": "MRN1", "message": "M77", "document": "DOC7"},
            },
        )
    ]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_batches_frames_and_line_ends_of_messages(tmp_path, read, end):
    head = "MSH|^~\\&|E|H|S|H|20260504||ORU^R01|M78|P|2.5\rPID|1||P2"
    oru = f"{head}\rOBR|1|||X|||20260502\rOBX|1|ED|1||^TEXT^PLAIN^Base64^TmVjayBwYWlu"
    whole = f"FHS|^~\\&\rBHS|^~\\&\r\x0b{MDM}\x1c\r{oru}\rBTS|2\rFTS|1\r"
    (tmp_path / "m.hl7").write_bytes(whole.replace("\r", end).encode())
    (_, first), (_, second) = read(tmp_path / "m.hl7")
    assert first["text"].startswith("ASSESSMENT:\nLow back pain & sciatica")
    assert (second["text"], second["encounter_id"], second["date_of_service"]) == ("Neck pain", "M78", "2026-05-02")


def test_an_observation_split_over_lines_is_one_text(tmp_path, read):
    split = "MSH|^~\\&|E|H|S|H|1||ORU^R01|M1|P|2.5\nOBX|1|TX|1||Low back\npain, left|||F\nOBX|2|TX|1||and neck\n"
    (tmp_path / "m.hl7").write_text(split)
    assert read(tmp_path / "m.hl7")[0][1]["text"] == "Low back\npain, left\nand neck"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("MSH|^~\\&|E|H|S|H|1||ADT^A01|M1|P|2.5\r", "type ADT"),
        ("MSH|^~\\&|E|H|S|H|1||ORU^R01|M1|P|2.5\rOBX|1|NM|1||98\r", "holds no note"),
        ("MSH|^~\\&|E|H|S|H|1||MDM^T02|M1|P|2.5\rOBX|1|ED|1||^image^png^Base64^AAAA\r", "image/png"),
        ("MSH|^~\\&|E|H|S|H|1||MDM^T02|M1|P|2.5\rOBX|1|ED|1||^TEXT^PLAIN^Base64^A\r", "damaged"),
        ("PID|1||Zebediah\r", "does not begin with MSH"),
        ("MSH|\r", "cannot be read as an HL7 v2 message"),
    ],
)
def test_a_message_without_a_note_is_a_reject(tmp_path, read, capfd, message, words):
    (tmp_path / "m.hl7").write_text(message, newline="")
    ((_, reject),) = read(tmp_path / "m.hl7")
    assert words in reject.reason
    assert "Zebediah" not in reject.reason
    assert capfd.readouterr().err == ""


def test_the_same_notes_give_the_same_results_whatever_they_come_in(cli, tmp_path, engine):
    """From the command line, through workers: each kind of input against one note at a time."""
    notes = {"e1": "Assessment: low back pain with left sciatica.", "e2": "Neck pain. Denies back pain."}
    write_csv(tmp_path / "in.csv", [{"id": key, "note": text} for key, text in notes.items()])
    lines = [json.dumps(reference(number, text)) for number, text in enumerate(notes.values(), start=1)]
    (tmp_path / "in.ndjson").write_text("\n".join(lines))
    (tmp_path / "in").mkdir()
    for key, text in notes.items():
        (tmp_path / "in" / f"{key}.txt").write_text(text)
    want = [[code.code for code in engine.suggest(text).codes] for text in notes.values()]
    for name in ("in.csv", "in.ndjson", "in"):
        assert cli("batch", name, "out.jsonl").returncode == 0
        out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert [row["encounter_id"] for row in out] == ["e1", "e2"]
        assert [[code["code"] for code in row["codes"]] for row in out] == want
