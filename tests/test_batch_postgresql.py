"""A real PostgreSQL server, started here: notes out of a table, results into tables. Needs Debian's: `make test-full`."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy

pytestmark = pytest.mark.full


def binaries():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    assert found, "PostgreSQL is not installed: apt-get install postgresql"
    return found[-1]


@pytest.fixture(scope="module")
def server():
    """The URL of a database on a socket of its own. The server refuses to run as root: then it is nobody's."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    user = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    data, programs = folder / "data", binaries()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
    initial = [programs / "initdb", "-D", data, "-A", "trust", "-U", "coder", "-E", "UTF8", "--no-sync"]
    subprocess.run(initial, check=True, **quiet)
    process = subprocess.Popen([programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="], **quiet)
    url = f"postgresql://coder@/postgres?host={folder}"
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        for _ in range(100):
            try:
                engine.connect().close()
                break
            except sqlalchemy.exc.OperationalError:
                time.sleep(0.1)
        yield url, engine
    finally:
        engine.dispose()
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def notes(server, sample_texts):
    """500 notes in an order of the table that is not that of its key."""
    _, engine = server
    order = list(range(1, 501))
    random.Random(5).shuffle(order)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS notes")
        connection.exec_driver_sql("CREATE TABLE notes (visit_id bigint PRIMARY KEY, note text, dos date, mrn int)")
        rows = [
            {
                "v": i,
                "n": None if i == 77 else sample_texts[i % len(sample_texts)].replace("\0", ""),
                "d": "2026-05-04",
                "m": i,
            }
            for i in order
        ]
        connection.execute(sqlalchemy.text("INSERT INTO notes VALUES (:v, :n, :d, :m)"), rows)
    return engine


def test_from_a_table_to_tables(cli, server, notes, tmp_path, engine, sample_texts):
    url, database = server
    for _ in range(2):  # the second run replaces the first one's tables
        done = cli(
            "batch", url, url, "--table", "notes", "--out-table", "precoded", "--rows", "encounters", "--rows", "codes"
        )
        assert done.returncode == 3, done.stderr
    with database.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT * FROM precoded ORDER BY row")).mappings().all()
        codes = (
            connection.execute(sqlalchemy.text("SELECT * FROM precoded_codes ORDER BY row, position")).mappings().all()
        )
    assert [row["encounter_id"] for row in rows] == [str(i) for i in range(1, 501) if i != 77]
    assert rows[0]["mrn"] == "1"
    result = engine.suggest(sample_texts[3], date_of_service="2026-05-04")
    assert [code["code"] for code in codes if code["encounter_id"] == "3"] == [code.code for code in result.codes]
    (reject,) = (tmp_path / "postgres.precoded.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["reason"] == "text is missing"


def test_killed_runs_end_row_for_row_as_if_they_had_not_been(server, notes, tmp_path):
    url, database = server

    def start(table):
        command = [sys.executable, "-m", "spinecode", "batch", url, url, "--table", "notes", "--out-table", table]
        return subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)

    assert start("whole").wait(120) == 3
    chance = random.Random(2)
    for _ in range(3):
        process = start("killed")
        time.sleep(chance.uniform(1.0, 4.0))
        process.kill()
        process.wait(30)
    assert start("killed").wait(120) == 3
    with database.connect() as connection:
        whole, killed = (
            connection.execute(sqlalchemy.text(f"SELECT * FROM {name} ORDER BY row")).all()
            for name in ("whole", "killed")
        )
    assert killed == whole
    assert len(killed) == 499


def test_a_server_that_is_not_there_is_said_without_the_password(cli):
    done = cli("batch", "postgresql://u:secret@127.0.0.1:1/db", "out.jsonl", "--table", "notes")
    assert done.returncode == 2
    assert b"secret" not in done.stderr
    assert b"u:***@127.0.0.1" in done.stderr
    assert len(done.stderr.splitlines()) == 1
