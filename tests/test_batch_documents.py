"""What an office's files do wrong, and what becomes of it: withdrawn notes, torn files, links, notes in several parts."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random

import pytest
import zstandard
from spinecode.coding.errors import InputError
from spinecode.pipelines.batch.inputs import Input, open_source
from spinecode.pipelines.batch.run import Job, run_job
from spinecode.pipelines.batch.sinks import JsonLinesSink
from spinecode.pipelines.batch.workers import answer_here

HEAD = "MSH|^~\\&|E|H|S|H|1||{kind}|M1|P|2.5\r"


@pytest.fixture
def batch(engine, tmp_path):
    """A batch of a file or folder in this process: its results, its rejects and what its source warns of."""

    def run(name, **asked):
        sink = JsonLinesSink(tmp_path / "out.jsonl")
        job = Job(
            source=open_source(Input(str(tmp_path / name), **asked)),
            sink=sink,
            build=lambda: engine,
            engine=lambda items, factory: answer_here(items, factory()),
            ruleset="r",
            engine_version="1",
        )
        run_job(job)
        results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
        rejects = sink.paths.rejects.read_text(encoding="utf-8") if sink.paths.rejects.exists() else ""
        return results, [json.loads(line) for line in rejects.splitlines()], job.source.warnings

    return run


def codes(result):
    return [code["code"] for code in result["codes"]]


# -- HL7 v2 ------------------------------------------------------------------------------------------------------------


def message(*segments, kind="ORU^R01"):
    return HEAD.format(kind=kind) + "".join(f"{segment}\r" for segment in segments)


def observation(text, status):
    return f"OBX|1|TX|N||{text}||||||{status}"


def test_only_results_that_stand_are_text(batch, tmp_path):
    kept = [observation(f"Kept {status}.", status) for status in ("F", "C", "P", "R", "S", "U", "A", "B", "V", "")]
    lost = [observation("Assessment: neck pain.", status) for status in ("D", "I", "N", "O", "W", "X", "x")]
    back = observation("Assessment: low back pain.", "F")
    (tmp_path / "in.hl7").write_text(message(*lost, *kept, back), newline="")
    (tmp_path / "kept.hl7").write_text(message(*kept, back), newline="")
    (found,), rejects, _ = batch("in.hl7")
    (want,), _, _ = batch("kept.hl7")
    assert (found, rejects) == (want, [])
    assert codes(found) == ["M54.50"]


def test_a_message_whose_text_is_all_withdrawn_is_a_reject(batch, tmp_path):
    embedded = "OBX|2|ED|1||^image^png^Base64^AAAA||||||D"
    text = message(observation("Zebediah has neck pain", "W"), embedded, "OBX|3|NM|1||98||||||F")
    (tmp_path / "in.hl7").write_text(text, newline="")
    results, (reject,), _ = batch("in.hl7")
    assert results == []
    assert "no result (OBX-11: D, deleted; W, posted as wrong)" in reject["reason"]
    assert "Zebediah" not in reject["reason"]
    assert "neck pain" in reject["row"]


@pytest.mark.parametrize(
    ("kind", "completion", "availability", "words"),
    [
        ("MDM^T11", "", "", "cancels a document"),
        ("MDM^T02", "CA", "", "was canceled"),
        ("MDM^T02", "AU", "CA", "was deleted"),
        ("MDM^T02", "AU", "OB", "is obsolete"),
        ("MDM^T02", "AU", "UN", "is not available"),
        ("MDM^T02", "AU", "AV", None),
        ("MDM^T02", "DI", "", None),
    ],
)
def test_a_document_that_no_longer_holds_is_a_reject(batch, tmp_path, kind, completion, availability, words):
    txa = f"TXA|1|PN|TX|||||||||D1|||||{completion}||{availability}"
    (tmp_path / "in.hl7").write_text(message(txa, observation("Neck pain.", "F"), kind=kind), newline="")
    results, rejects, _ = batch("in.hl7")
    if words is None:
        assert [codes(each) for each in results] == [["M54.2"]]
    else:
        assert words in rejects[0]["reason"]


# -- torn files --------------------------------------------------------------------------------------------------------

PACKERS = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor(write_checksum=True).compress}
NOTE = {"encounter_id": 1, "text": "Neck pain."}


def lines(count):
    chance = random.Random(2)
    for number in range(1, count + 1):
        yield json.dumps({"encounter_id": number, "text": "Neck pain.", "scan": chance.randbytes(5000).hex()}) + "\n"


@pytest.mark.parametrize("kind", PACKERS)
def test_what_was_read_of_a_torn_row_is_kept_and_the_loss_is_told(batch, tmp_path, kind):
    whole = "".join(lines(60))
    packed = PACKERS[kind](whole.encode())
    (tmp_path / f"in.jsonl.{kind}").write_bytes(packed[: len(packed) * 3 // 4])
    results, (reject,), warnings = batch(f"in.jsonl.{kind}")
    row = reject["line"]
    assert [each["encounter_id"] for each in results] == list(range(1, row))
    assert whole.splitlines()[row - 1].startswith(reject["row"])
    assert reject["reason"] == "the input is cut off here: rows behind this place could not be read"
    where = tmp_path / f"in.jsonl.{kind}"
    assert warnings == [f"warning: {where} is cut off at row {row}: what stands behind it was not read"]


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_whole_last_row_is_answered_though_the_file_ends_in_damage(batch, tmp_path, kind, end):
    packed = PACKERS[kind]((json.dumps(NOTE) + end).encode())
    for data, words in (
        (packed[:-2], "is cut off"),
        (packed[:-3] + bytes(byte ^ 1 for byte in packed[-3:]), "fails its checksum"),
    ):
        (tmp_path / f"in.jsonl.{kind}").write_bytes(data)
        results, (reject,), warnings = batch(f"in.jsonl.{kind}")
        assert [codes(each) for each in results] == [["M54.2"]]
        assert (reject["line"], reject["row"]) == (2, "")
        assert words in reject["reason"]
        assert len(warnings) == 1


def test_a_run_that_goes_on_behind_the_last_whole_row_meets_the_damage_again(tmp_path):
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(json.dumps(NOTE).encode())[:-2])
    source = open_source(Input(str(tmp_path / "in.jsonl.gz")))
    first, damage = source.items(0, 0)
    assert list(source.items(1, first.position)) == [damage]
    assert list(source.items(2, damage.position)) == []


def test_rubbish_behind_a_packed_file_is_told(batch, tmp_path):
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(json.dumps(NOTE).encode()) + b"rubbish")
    results, (reject,), _ = batch("in.jsonl.gz")
    assert len(results) == 1
    assert "goes on with what is not packed" in reject["reason"]


def test_the_warning_is_a_line_of_its_own(cli, tmp_path):
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(json.dumps(NOTE).encode() + b"\n{")[:-8])
    done = cli("batch", "in.jsonl.gz", "out.jsonl")
    assert done.returncode == 3
    said = done.stderr.decode().splitlines()
    assert "spinecode: warning: in.jsonl.gz is cut off at row 2: what stands behind it was not read" in said


def test_torn_files_of_a_folder_lose_only_what_is_torn_off(batch, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    messages = "".join(message(observation(f"Neck pain {number}.", "F")) for number in range(3))
    for name, data in {"a.hl7.gz": messages[:-8], "b.txt.gz": "Neck pain.", "c.ndjson.gz": '{"resourceType":'}.items():
        (folder / name).write_bytes(gzip.compress(data.encode())[:-8])
    (folder / "d.docx").write_bytes(b"PK broken")
    (folder / "e.pdf").write_bytes(b"%PDF-1.4 broken")
    results, rejects, warnings = batch("in")
    assert len(results) == 2
    assert [each["line"] for each in rejects] == [3, 4, 5, 6, 7]
    hl7, text, fhir, *damaged = rejects
    assert hl7["reason"].startswith("a.hl7.gz is cut off here")
    assert "Neck pain 2" in hl7["row"]
    assert text["reason"] == "b.txt.gz: is cut off; nothing of it was coded"
    assert fhir["row"] == '{"resourceType":'
    assert [each["reason"].partition(", ")[0] for each in damaged] == [
        "d.docx: cannot be read as DOCX",
        "e.pdf: cannot be read as PDF",
    ]
    assert warnings == [
        f"warning: {folder / 'a.hl7.gz'} is cut off at row 3: what stands behind it was not read",
        f"warning: {folder / 'c.ndjson.gz'} is cut off at row 5: what stands behind it was not read",
    ]


# -- FHIR --------------------------------------------------------------------------------------------------------------


def attachment(text, media="text/plain"):
    return {"attachment": {"contentType": media, "data": base64.b64encode(text.encode()).decode()}}


@pytest.fixture
def reference(batch, tmp_path):
    """The batch of one DocumentReference with these contents."""

    def run(*content, encounters=("e1",), **more):
        resource = {
            "resourceType": "DocumentReference",
            "status": "current",
            "content": content,
            "context": {"encounter": [{"reference": f"Encounter/{each}"} for each in encounters]},
            **more,
        }
        (tmp_path / "in.json").write_text(json.dumps(resource))
        return batch("in.json")

    return run


def test_several_texts_of_a_document_are_joined_in_order(reference, engine):
    first, second = "Assessment: neck pain.", "Assessment: low back pain."
    (result,), _, _ = reference(attachment(first), attachment(second), attachment(first), attachment("  "))
    want = engine.suggest(f"{first}\n\n{second}").to_dict()
    assert codes(result) == codes(want) != []
    assert [each["evidence"] for each in result["codes"]] == [each["evidence"] for each in want["codes"]]


def test_other_formats_of_a_text_are_not_joined(reference):
    page = attachment("<p>Assessment: low back pain.</p>", "text/html")
    marked = attachment("Assessment: low back pain.", "text/markdown")
    (result,), _, _ = reference(page, marked, attachment("Assessment: neck pain.", "text/plain; charset=utf-8"))
    assert codes(result) == ["M54.2"]
    (result,), _, _ = reference(page, attachment("<p>Assessment: neck pain.</p>", "text/html"))
    assert len(codes(result)) == 2


def test_a_part_that_is_a_link_is_not_left_out(reference):
    link = {"attachment": {"contentType": "text/plain", "url": "https://example.org/2"}}
    results, (reject,), _ = reference(attachment("Neck pain."), link)
    assert results == []
    assert "one of its parts of text/plain is a link" in reject["reason"]


def test_a_draft_is_coded_and_says_so(reference):
    (result,), _, _ = reference(attachment("Assessment: neck pain."), docStatus="preliminary")
    assert (codes(result), result["extra"]) == (["M54.2"], {"document_status": "preliminary"})


def test_a_note_of_two_encounters_is_a_reject(reference):
    results, (reject,), _ = reference(attachment("Neck pain."), encounters=("e1", "e2"))
    assert results == []
    assert "names 2 encounters" in reject["reason"]
    (result,), _, _ = reference(attachment("Neck pain."), encounters=("e1", "e1"))
    assert result["encounter_id"] == "e1"


# -- folders -----------------------------------------------------------------------------------------------------------


def test_links_of_a_folder_are_followed_or_named(batch, tmp_path):
    folder, other = tmp_path / "in", tmp_path / "other"
    for place in (folder / "b", other):
        place.mkdir(parents=True)
        (place / "note.txt").write_text("Neck pain.")
    for link, target in {
        "a-link": other,
        "again": other,
        "broken.txt": "nowhere",
        "c.txt": other / "note.txt",
        "itself.txt": "itself.txt",
        "loop": ".",
        "up": "..",
    }.items():
        (folder / link).symlink_to(target)
    (other / "back").symlink_to(folder)
    os.mkfifo(folder / "pipe.txt")
    results, rejects, _ = batch("in")
    assert [each["encounter_id"] for each in results] == ["a-link/note", "b/note", "c"]
    reasons = [each["reason"].split(":", 2)[:2] for each in rejects]
    read_already = " is a link to a folder that is read already, or lies around one; it is not followed"
    assert reasons == [
        ["a-link/back", read_already],
        ["again", read_already],
        ["broken.txt", " is a broken link"],
        ["itself.txt", " is a broken link"],
        ["loop", read_already],
        ["pipe.txt", " is no regular file, or may not be read"],
        ["up", read_already],
    ]
    numbers = {each["line"] for each in rejects}
    assert numbers == {1, 3, 5, 7, 8, 9, 10}


@pytest.mark.parametrize(("torn", "results"), [(-2, 1), (-20, 0)])
def test_a_whole_last_resource_of_a_torn_export_is_read(batch, tmp_path, torn, results):
    resource = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "content": [attachment("Neck pain.")],
    }
    (tmp_path / "in.ndjson.gz").write_bytes(gzip.compress(json.dumps(resource).encode())[:torn])
    found, rejects, _ = batch("in.ndjson.gz")
    assert (len(found), len(rejects)) == (results, 1)
    assert rejects[0]["line"] == results + 1


def test_a_torn_table_says_where_it_ends(cli, tmp_path):
    rows = "".join(f"{number},Assessment: neck pain.\n" for number in range(400))
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(f"CSN,Note\n{rows}".encode())[:-200])
    done = cli("batch", "in.csv.gz", "out.csv", "--workers", "1")
    said = done.stderr.decode()
    assert done.returncode == 3
    assert "warning: in.csv.gz is cut off at row" in said
    assert "neck pain" not in said


def test_a_folder_given_by_a_link_is_read(batch, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("Neck pain.")
    (tmp_path / "in").symlink_to("real")
    assert len(batch("in")[0]) == 1


def test_what_desktops_leave_in_a_folder_is_passed_over(batch, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("Thumbs.db", "desktop.ini", "Desktop.ini", "~$note.docx", ".DS_Store", ".~lock.note.odt#"):
        (tmp_path / "in" / name).write_bytes(b"\x00")
    (tmp_path / "in" / "note.txt").write_text("Neck pain.")
    results, rejects, _ = batch("in")
    assert (len(results), rejects) == (1, [])


# -- inputs that are refused as a whole --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.jsonl", json.dumps(NOTE).encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("a.jsonl", json.dumps(NOTE).encode("utf-16-le"), "is UTF-16"),
        ("a.jsonl.gz", gzip.compress(json.dumps(NOTE).encode("utf-16-be"), mtime=0), "is UTF-16"),
        ("a.jsonl", json.dumps([NOTE]).encode(), "is a JSON array; one object per line is wanted"),
        ("a.jsonl", b"\xef\xbb\xbf\n" + json.dumps([NOTE], indent=1).encode(), "is a JSON array"),
        ("a.ndjson.zst", PACKERS["zst"](b" [\n"), "is a JSON array"),
        ("-", b"", "standard input is not supported, .* give a file"),
    ],
)
def test_an_input_of_the_wrong_form_is_refused_in_one_line(tmp_path, monkeypatch, name, data, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=words):
        open_source(Input(name))


def test_a_line_that_is_an_array_is_a_reject_only(batch, tmp_path):
    (tmp_path / "in.jsonl").write_text(f"[1]\n{json.dumps(NOTE)}\n")
    results, (reject,), _ = batch("in.jsonl")
    assert (len(results), reject["reason"]) == (1, "not a JSON object")


@pytest.mark.parametrize("name", ["in.ndjson.gz", "in.jsonl.gz"])
def test_a_packed_file_torn_in_its_first_row_is_a_reject(batch, tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b'{"resourceType": "DocumentReference"')[:-9])
    results, (reject,), warnings = batch(name)
    assert (results, len(warnings)) == ([], 1)
    assert reject["row"].startswith('{"resourceType"')
