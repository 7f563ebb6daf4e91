"""What the command line promises: exit statuses, one-line errors, bytes that never vary."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

SECRET = "Zebediah Quarterstaff"


def one_line(done):
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("spinecode: ")
    return lines[0]


# -- suggest: what is a result -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \r\n\t\n", id="blank"),
        pytest.param(b"Low back pain\x00 for two days.\x00", id="nul-inside-text"),
        pytest.param(b"x" * 1_000_000, id="million-character-line"),
        pytest.param(b"low back pain, " * 70_000, id="million-character-line-of-pain"),
        pytest.param(b"Assessment: low back pain.\nNo fever today. Doing well.\n" * 95_000, id="5-MB"),
    ],
)
def test_odd_notes_are_results(cli, tmp_path, content):
    (tmp_path / "note.txt").write_bytes(content)
    done = cli("suggest", "note.txt", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["schema"] == "spinecode/result/1"
    assert done.stdout.count(b"\n") == 1


def test_an_empty_note_reads_as_nothing_codable(cli):
    done = cli("suggest")
    assert done.returncode == 0
    assert "NO CODE SUGGESTED" in done.stdout.decode()


# -- suggest: what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("binary", bytes(range(256)) * 8, "binary"),
        ("only-nul", b"\x00" * 64, "binary"),
        ("latin", f"{SECRET}: douleur après l'effort".encode("latin-1"), "is not UTF-8"),
        ("utf16", f"{SECRET} low back pain".encode("utf-16"), "--encoding utf-16"),
        ("utf16-no-bom", f"{SECRET} low back pain".encode("utf-16-le"), "--encoding utf-16-le"),
        ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF"),
        ("word", b"PK\x03\x04\x14\x00", "a Word or ZIP file"),
        ("rtf", b"{\\rtf1 low back pain}", "an RTF file"),
    ],
)
def test_unreadable_notes_are_refused_in_one_line(cli, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    done = cli("suggest", name)
    assert done.returncode == 2
    assert done.stdout == b""
    message = one_line(done)
    assert name in message
    assert words in message
    assert SECRET not in message


def test_a_missing_file_and_a_directory_are_refused(cli, tmp_path):
    missing, directory = cli("suggest", "nowhere.txt"), cli("suggest", tmp_path)
    assert (missing.returncode, directory.returncode) == (2, 2)
    assert "nowhere.txt: no such file" in one_line(missing)
    assert "is a directory" in one_line(directory)


@pytest.mark.parametrize("day", ["2026-02-30", "20260504", "05/04/2026", "yesterday", "", "2026-5-4", "٢٠٢٦-٠٥-٠٤"])
def test_a_bad_date_is_refused(cli, day):
    done = cli("suggest", "-", "--date", day, stdin=b"low back pain")
    assert done.returncode == 2
    assert "--date" in one_line(done)


@pytest.mark.parametrize("encoding", ["utf-99", "hex", "rot13", "", "a\x01b"])
def test_an_unknown_encoding_is_refused(cli, encoding):
    done = cli("suggest", "-", "--encoding", encoding, stdin=b"low back pain")
    assert done.returncode == 2
    assert "--encoding" in one_line(done)


@pytest.mark.parametrize("arguments", [["--bogus"], ["nonsense"], ["suggest", "a", "b"], ["batch"], ["replay"]])
def test_usage_errors_are_one_line(cli, arguments):
    done = cli(*arguments)
    assert done.returncode == 2
    one_line(done)


# -- suggest: encodings, options, output -------------------------------------------------------------------------------


def test_encodings_give_the_same_text(cli, note):
    text = note.replace("4 months", "4 months – “bad”")
    plain = json.loads(cli("suggest", "--json", stdin=text.encode()).stdout)
    for encoding in ("cp1252", "utf-16-le", "utf-8-sig", "utf-16"):
        done = cli("suggest", "--json", "--encoding", encoding, stdin=text.encode(encoding))
        result = json.loads(done.stdout)
        assert result["text_sha256"] == plain["text_sha256"]
        assert result["codes"] == plain["codes"]


def test_a_byte_order_mark_is_dropped_with_a_warning(cli, note):
    plain = json.loads(cli("suggest", "--json", stdin=note.encode()).stdout)
    marked = json.loads(cli("suggest", "--json", stdin=b"\xef\xbb\xbf" + note.encode()).stdout)
    assert "byte order mark" in marked["warnings"][0]["message"]
    assert marked["warnings"][1:] == plain["warnings"]
    assert {**marked, "warnings": []} == {**plain, "warnings": []}


def test_options_come_back_in_the_result(cli, note):
    options = ("--encounter-id", "E 7", "--provider", "Dr. Ö", "--date", "2026-05-04")
    result = json.loads(cli("suggest", "--json", *options, stdin=note.encode()).stdout)
    assert (result["encounter_id"], result["provider"], result["date_of_service"]) == ("E 7", "Dr. Ö", "2026-05-04")


def test_text_output_fits_the_terminal_in_any_locale(cli, note):
    done = cli("suggest", stdin=note.encode(), LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    lines = done.stdout.decode("utf-8").splitlines()
    assert lines
    assert max(map(len, lines)) <= 100
    assert done.stderr == b""


def test_the_same_note_gives_the_same_bytes_in_every_process(cli, note):
    seeds = ("0", "1", "4242")
    outputs = {cli("suggest", "--json", stdin=note.encode(), PYTHONHASHSEED=seed).stdout for seed in seeds}
    assert len(outputs) == 1


def test_a_closed_pipe_is_quiet(tmp_path, note):
    (tmp_path / "note.txt").write_text(note, encoding="utf-8")
    command = [sys.executable, "-m", "spinecode", "suggest", "note.txt"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.wait(60)


def test_an_interrupt_is_quiet(tmp_path):
    command = [sys.executable, "-m", "spinecode", "suggest", "-"]
    process = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1)  # it waits for its standard input now
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_a_defect_is_one_line_without_the_note(tmp_path):
    script = (
        "import sys\nfrom spinecode import cli\n"
        "def broken(*_):\n    raise KeyError(sys.argv[1])\n"
        "cli._engine = broken\nsys.exit(cli.main(['suggest', *sys.argv[2:]]))"
    )
    command = [sys.executable, "-c", script, SECRET]
    done = subprocess.run(command, cwd=tmp_path, input=SECRET.encode(), capture_output=True, check=False)
    assert done.returncode == 70
    assert "KeyError" in one_line(done)
    assert SECRET.encode() not in done.stderr
    debug = subprocess.run([*command, "--debug"], cwd=tmp_path, input=b"x", capture_output=True, check=False)
    assert b"Traceback" in debug.stderr


# -- start-up ----------------------------------------------------------------------------------------------------------

HEAVY = ("spacy", "medspacy", "pandas", "numpy", "nltk")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["suggest", "--help"], ["--version"], ["suggest", "nowhere.txt"], []]
)
def test_help_and_errors_load_no_pipeline(tmp_path, arguments):
    script = (
        "import sys\nfrom spinecode.cli import main\n"
        f"main({arguments!r})\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_importing_the_package_loads_no_pipeline(tmp_path):
    script = f"import sys, spinecode; spinecode.Spinecode; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- replay and evaluate -----------------------------------------------------------------------------------------------


def test_replay_finds_what_differs(cli, tmp_path, note):
    stored = cli("suggest", "--json", "--encounter-id", "E1", stdin=note.encode()).stdout
    (tmp_path / "same.jsonl").write_bytes(stored * 2)
    same = cli("replay", "same.jsonl")
    assert (same.returncode, same.stdout.decode()) == (0, "2 results replayed, 0 differ\n")

    changed = json.loads(stored)
    changed["codes"] = [{**changed["codes"][0], "code": "M54.9"}]
    (tmp_path / "changed.jsonl").write_text(json.dumps(changed), encoding="utf-8")
    differs = cli("replay", "changed.jsonl")
    assert differs.returncode == 1
    assert "M54.9" in differs.stdout.decode()
    assert "1 results replayed, 1 differ" in differs.stdout.decode()


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"findings": {}}', '{"findings": {"schema": "other"}, "codes": []}']
)
def test_replay_refuses_what_is_no_result(cli, tmp_path, line):
    (tmp_path / "r.jsonl").write_text(line, encoding="utf-8")
    done = cli("replay", "r.jsonl")
    assert done.returncode == 2
    assert "r.jsonl, line 1" in one_line(done)


def test_evaluate_prints_the_contracts_lines(cli, tmp_path, note):
    notes = [
        {"id": "a", "text": note, "codes": ["M54.41", "G89.29"], "facts": {"laterality": ["right"], "trimester": None}},
        {"id": "b", "text": "ASSESSMENT: Asthma.", "codes": []},
    ]
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, notes)), encoding="utf-8")
    (tmp_path / "negatives.jsonl").write_text(json.dumps({"id": "n", "text": "Ankle pain.", "codes": []}))
    done = cli("evaluate", ".", "--quiet")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    for start in ("accepted", "strict", "first-listed", "F1"):
        assert [line for line in lines if line.startswith(start) and "no codes" in line and "notes with codes" in line]
    assert [line for line in lines if line.startswith("false on negatives")]
    data = json.loads(cli("evaluate", "notes.jsonl", "--json").stdout)
    assert data["accepted"]["all_no_codes"] == 0.5
    assert data["false on negatives"]["negatives"] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "line 1: is not JSON"),
        ('{"id": "a"}', "text is missing"),
        ('{"id":1,"text":"","codes":[]}\n' * 2, "line 2"),
    ],
)
def test_evaluate_refuses_a_broken_corpus(cli, tmp_path, content, words):
    (tmp_path / "notes.jsonl").write_text(content, encoding="utf-8")
    done = cli("evaluate", tmp_path)
    assert done.returncode == 2
    assert words in one_line(done)
    assert cli("evaluate", tmp_path / "nothing").returncode == 2


def test_no_environment_is_needed(tmp_path, note):
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "PYTHONPATH"}}
    command = [sys.executable, "-m", "spinecode", "suggest", "--json"]
    done = subprocess.run(command, cwd=tmp_path, input=note.encode(), capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
