"""What the server keeps out, sheds and never writes down."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import hmac
import json
import logging
import re
import time

import httpx
import pytest
from spinecode.coding.errors import InputError
from spinecode.web import jobs
from spinecode.web.app import create_app
from spinecode.web.settings import LOOPBACK_NAMES, Limits, Settings, checked_hosts, host_name, is_loopback
from spinecode.web.tokens import Seals, Tokens, new_token_line, read_tokens
from spinecode.web.workers import OverloadedError, Reply, Workers

NOTE = {"text": "Assessment: low back pain with left sciatica."}
TOKEN = "a-token-of-more-than-thirty-two-characters"
OTHER = "another-token-of-more-than-thirty-two-chars"


# -- who is let in -----------------------------------------------------------------------------------------------------


def test_only_this_machine_is_served_unless_there_are_tokens():
    with pytest.raises(InputError, match=r"--tokens FILE.*--insecure"):
        checked_hosts("0.0.0.0", [], Tokens(), insecure=False)
    with pytest.raises(InputError, match="--allow-host NAME"):
        checked_hosts("0.0.0.0", [], Tokens(), insecure=True)
    with pytest.raises(InputError, match="--tokens FILE"):
        checked_hosts("192.168.1.4", ["coder.example"], Tokens(), insecure=False)
    names = checked_hosts("192.168.1.4", ["Coder.example"], Tokens((("a", b"x"),)), insecure=False)
    assert names == {*LOOPBACK_NAMES, "192.168.1.4", "coder.example"}
    with pytest.raises(InputError, match="wildcard"):
        checked_hosts("127.0.0.1", ["*"], Tokens(), insecure=False)
    assert [is_loopback(each) for each in ("127.0.0.1", "localhost", "::1", "127.9.9.9", "10.0.0.1", "x")] == [
        *(True, True, True, True),
        *(False, False),
    ]


def test_the_command_refuses_in_one_line(cli, tmp_path):
    done = cli("serve", "--host", "0.0.0.0")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"--insecure" in done.stderr
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ann {TOKEN}\n")
    tokens.chmod(0o644)
    assert b"chmod 600" in cli("serve", "--tokens", tokens).stderr
    assert TOKEN.encode() not in cli("serve", "--tokens", tokens).stderr
    assert b"give both" in cli("serve", "--key", tokens).stderr
    line = cli("serve", "--new-token", "ann").stdout.decode()
    tokens.write_text(line)
    tokens.chmod(0o600)
    assert read_tokens(str(tokens)).name_of(line.split()[1]) == "ann"


def test_a_temporary_folder_whose_path_is_too_long_is_refused_in_one_line(cli, tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    done = cli("serve", "--port", "0", TMPDIR=str(folder))
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"set TMPDIR" in done.stderr


def test_a_taken_port_is_told_before_anything_is_loaded(server, cli):
    done = cli("serve", "--port", server.url.rpartition(":")[2])
    assert done.returncode == 2
    assert b"Address already in use" in done.stderr


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("localhost:8118", "localhost"),
        ("LOCALHOST.", "localhost"),
        ("[::1]:8118", "[::1]"),
        ("127.0.0.1", "127.0.0.1"),
        ("evil.example:8118", "evil.example"),
        ("localhost@evil.example", "localhost@evil.example"),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(given, name):
    assert host_name(given) == name


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "*"])
def test_another_host_name_is_not_answered(server, host):
    """DNS rebinding: a page of another site that resolves to this machine."""
    for path in ("/", "/healthz", "/metrics", "/static/spinecode.css", "/v1/codes/M54.5"):
        answer = server.client.get(path, headers={"Host": host})
        assert answer.status_code == 421
    assert server.client.post("/v1/suggest", json=NOTE, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_requests_of_other_pages_are_refused(server, headers):
    for path in ("/", "/v1/suggest", "/fhir/$suggest", "/login"):
        assert server.client.post(path, json=NOTE, headers=headers).status_code == 403
    assert "access-control-allow-origin" not in server.client.options("/v1/suggest", headers=headers).headers


def test_a_form_needs_the_field_that_goes_with_its_cookie(server):
    with httpx.Client(base_url=server.url, trust_env=False) as browser:
        field = re.search(r'name="form" value="([0-9a-f]{64})"', browser.get("/").text)[1]
        sent = {"form": field, "note": NOTE["text"]}
        assert "M54.42" in browser.post("/", data=sent).text
        assert browser.post("/", data={**sent, "form": "0" * 64}).status_code == 403
        assert browser.post("/", data={"note": "x"}).status_code == 403
        assert httpx.post(server.url, data=sent, trust_env=False).status_code == 403  # without the cookie
    cookie = server.client.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_every_answer_is_hardened(server):
    for path in ("/", "/codes", "/static/spinecode.js", "/v1/codes/M54.5", "/nothing", "/v1/nothing"):
        headers = server.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")
        assert "server" not in headers


def test_static_files_end_at_their_folder(server):
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/fonts",
    ):
        assert server.client.get(path).status_code == 404


# -- tokens ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    tokens = folder / "tokens"
    tokens.write_text(f"# coders\nann {TOKEN}\nbob {OTHER}\n")
    tokens.chmod(0o600)
    options = ("--workers", "1", "--tokens", str(tokens), "--allow-host", "coder.example")
    with serving.Server(folder, *options) as running:
        yield running


def test_a_token_is_needed_and_named_in_the_log(guarded):
    for path in ("/v1/codes/M54.5", "/metrics", "/openapi.json"):
        answer = guarded.client.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert guarded.client.get("/healthz").status_code == 200
    assert guarded.client.get("/", headers={"Accept": "text/html"}).headers["location"] == "/login"
    for wrong in (TOKEN[:-1], TOKEN + "x", "x", "é"):
        header = f"Bearer {wrong}".encode()
        assert guarded.client.post("/v1/suggest", json=NOTE, headers={"Authorization": header}).status_code == 401
    right = {"Authorization": f"Bearer {OTHER}", "Host": "coder.example"}
    assert guarded.client.post("/v1/suggest", json=NOTE, headers=right).status_code == 200
    assert guarded.logs(r"POST /v1/suggest 200 in \d+ ms by bob")
    assert TOKEN not in guarded.log
    assert OTHER not in guarded.log


def test_people_sign_in_and_out(guarded):
    with httpx.Client(
        base_url=guarded.url, trust_env=False, follow_redirects=True, headers={"Accept": "text/html"}
    ) as browser:
        page = browser.get("/").text
        assert "Your token" in page
        field = re.search(r'name="form" value="([0-9a-f]+)"', page)[1]
        assert browser.post("/login", data={"form": field, "token": "wrong"}).status_code == 403
        page = browser.post("/login", data={"form": field, "token": TOKEN}).text
        assert "The note" in page
        assert "M54.42" in browser.post("/", data={"form": field, "note": NOTE["text"]}).text
        stolen = browser.cookies["spinecode_session"]
        assert "Your token" in browser.post("/logout", data={"form": field}).text
    name, _, signature = stolen.rpartition(".")
    for forged in (f"{name}.{signature[:-1]}0", f"Ym9ifDk5OTk5OTk5OTk=.{signature}", "x", "."):
        if forged != stolen:
            answer = guarded.client.post("/v1/suggest", json=NOTE, headers={"Cookie": f"spinecode_session={forged}"})
            assert answer.status_code == 401


def test_a_session_ends(monkeypatch):
    seals = Seals()
    cookie = seals.session("ann")
    assert seals.name_in(cookie) == "ann"
    assert Seals().name_in(cookie) is None  # another key
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 13 * 3600)
    assert seals.name_in(cookie) is None


def test_every_token_is_compared_in_constant_time(monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr("spinecode.web.tokens.hmac.compare_digest", lambda a, b: compared.append(a) or real(a, b))
    lines = [new_token_line(name) for name in ("a", "b", "c")]
    tokens = Tokens(tuple((line.split()[0], hashlib.sha256(line.split()[1].encode()).digest()) for line in lines))
    assert tokens.name_of(lines[0].split()[1]) == "a"
    assert len(compared) == 3


# -- load and time -----------------------------------------------------------------------------------------------------


class Slow:
    """Workers that answer when they are told to, or break."""

    count, waiting, under_way, replaced = 1, 0, 0, 0

    def __init__(self, reply=None, error=None):
        self.reply, self.error, self.go = reply, error, asyncio.Event()

    async def ask(self, job):
        if self.error:
            raise self.error
        if self.reply is None:
            await self.go.wait()
        return self.reply or Reply("done", "{}")


def ask_app(workers, requests, **limits):
    """The answers of an application in this process to some requests sent at once."""
    tokens = Tokens((("ann", hashlib.sha256(TOKEN.encode()).digest()),))
    app = create_app(Settings(tokens=tokens, limits=Limits(**limits)), workers)

    async def run():
        transport = httpx.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            sent = [asyncio.create_task(client.request(*request[:2], **request[2])) for request in requests]
            await asyncio.sleep(0.2)
            workers.go.set()
            return await asyncio.gather(*sent)

    return asyncio.run(run())


SUGGEST = ("POST", "/v1/suggest", {"json": NOTE})


@pytest.mark.parametrize(
    ("reply", "error", "status", "retry"),
    [
        (None, OverloadedError(), 503, "1"),
        (Reply("died"), None, 503, "5"),
        (Reply("too_slow"), None, 422, None),
        (Reply("refused", "mend this"), None, 422, None),
    ],
)
def test_what_becomes_of_a_job(reply, error, status, retry):
    (answer,) = ask_app(Slow(reply, error), [SUGGEST])
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)


def test_one_client_cannot_take_all_workers():
    answers = ask_app(Slow(), [SUGGEST] * 5, per_client=3)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429, 429]
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}


def test_a_body_that_never_ends_is_given_up():
    async def drip():
        yield b"{"
        await asyncio.sleep(5)

    headers = {"Content-Type": "application/json"}
    (answer,) = ask_app(Slow(), [("POST", "/v1/suggest", {"content": drip(), "headers": headers})], body_seconds=0.1)
    assert answer.status_code == 408


def test_batches_are_limited():
    headers = {"Content-Type": "application/x-ndjson"}
    body = b'{"encounter_id": 1, "text": "x"}'
    batch = ("POST", "/v1/batch", {"content": body, "headers": headers})
    answers = ask_app(Slow(), [batch] * 4, batches=2)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503]


def test_a_defect_is_told_without_the_words_of_its_exception(caplog, engine, monkeypatch):
    secret = "XX-secret-of-the-note-XX"
    caplog.set_level(logging.DEBUG)
    (answer,) = ask_app(Slow(error=RuntimeError(secret)), [SUGGEST])
    assert (answer.status_code, secret in answer.text) == (500, False)

    def broken(_engine, data):
        raise ValueError(data["text"])

    monkeypatch.setitem(jobs.JOBS, "suggest", broken)
    outcome, words = jobs.answer(engine, "suggest", {"text": secret})
    assert outcome == "defect"
    assert words.startswith("ValueError")
    assert secret not in words + caplog.text


def test_workers_survive_what_notes_do_to_them():
    """Workers of this process's own: too slow a note, and one whose worker dies, cost that request and no other."""
    crew = Workers(1, 0.05, 4)
    crew.start()
    try:

        async def run():
            from spinecode.web.workers import Job

            long = {"text": "Low back pain, left, possible L4-L5 stenosis, denies sciatica. " * 4000}
            short = {"text": "Assessment: neck pain."}
            slow = await crew.ask(Job("suggest", long))
            crew.seconds = 20.0
            return slow, await crew.ask(Job("suggest", short)), await crew.ask(Job("no such job", {}))

        slow, after, odd = asyncio.run(run())
    finally:
        crew.stop()
    assert (slow.outcome, crew.replaced) == ("too_slow", 1)
    assert json.loads(after.body)["codes"][0]["code"] == "M54.2"
    assert odd.outcome == "defect"


def test_more_than_can_wait_is_shed(serving, tmp_path_factory):
    """Ten times as many at once as may wait: each is answered or told when to come back, and none in another way."""
    with serving.Server(tmp_path_factory.mktemp("shed"), "--workers", "1") as running:
        text = "Low back pain with left sciatica. " * 900  # slow enough that one worker falls behind
        # One client for all: a client per call costs more than a call, and then the calls come one behind another.
        many = httpx.Limits(max_connections=160, max_keepalive_connections=160)
        with httpx.Client(base_url=running.url, limits=many, timeout=60, trust_env=False) as client:

            def one(number):
                try:
                    answer = client.post("/v1/suggest", json={"text": text + str(number)})
                except httpx.TransportError as error:
                    return type(error).__name__
                if answer.status_code == 200:
                    return 200
                return (answer.status_code, answer.headers["retry-after"])

            with concurrent.futures.ThreadPoolExecutor(160) as threads:
                outcomes = set(threads.map(one, range(320)))
        assert outcomes == {200, (503, "1")}
        assert running.client.post("/v1/suggest", json=NOTE).status_code == 200


# -- nothing of a note is written down ---------------------------------------------------------------------------------

MARKER = "Zq7markerOfTheNoteVx"


def test_no_word_of_a_note_is_written_anywhere(serving, tmp_path_factory):
    """A full run with markers in every place a note or its data can stand; then everything written is searched."""
    folder = tmp_path_factory.mktemp("run")
    with serving.Server(folder, "--workers", "1", "--note-timeout", "2") as running:
        client = running.client
        text = f"Patient {MARKER}. Assessment: low back pain with {MARKER} sciatica, possible {MARKER} disc herniation."
        whole = {"text": text, "encounter_id": MARKER, "provider": MARKER, "date_of_service": "2026-06-10"}
        field = re.search(r'name="form" value="(\w+)"', client.get("/").text)[1]
        reference = {
            "resourceType": "DocumentReference",
            "status": MARKER,
            "content": [{"attachment": {"data": MARKER}}],
        }
        form = {"form": field, "note": text, "answer": MARKER, "provider": MARKER}
        json_type, form_type = "application/json", "application/x-www-form-urlencoded"
        tries = [
            client.post("/v1/suggest", json=whole),
            client.post("/v1/suggest", json={**whole, "answers": {MARKER: MARKER}}),
            client.post("/v1/suggest", json={**whole, "set": {MARKER: MARKER}}),
            client.post("/v1/suggest", json={**whole, MARKER: 1}),
            client.post("/v1/suggest", json={**whole, "date_of_service": MARKER}),
            client.post("/v1/suggest", content=f'{{"text": "{MARKER}', headers={"Content-Type": json_type}),
            client.post("/v1/suggest", content=MARKER, headers={"Content-Type": MARKER}),
            client.post("/v1/query", json={**whole, "gap": MARKER}),
            client.post("/v1/audit", json={**whole, "codes": [MARKER], "cpt": [MARKER]}),
            client.post("/v1/batch", content=json.dumps(whole), headers={"Content-Type": "application/x-ndjson"}),
            client.post("/v1/batch", content=MARKER, headers={"Content-Type": "application/x-ndjson"}),
            client.post("/fhir/$suggest", json=reference),
            client.post("/fhir/$suggest", content=MARKER, headers={"Content-Type": json_type}),
            client.post("/", data=form),
            client.post("/", content=f"{MARKER}%ff", headers={"Content-Type": form_type}),
            client.get(f"/v1/codes/{MARKER}"),
            client.get("/codes", params={"q": MARKER}),
            client.get(f"/{MARKER}", params={"text": MARKER}),
            client.request(MARKER, "/v1/suggest"),
            client.get("/", headers={"Host": MARKER}),
            client.post(
                "/v1/suggest", json={"text": f"{MARKER} low back pain, denies L4-L5 stenosis. " * 20_000}
            ),  # too slow
        ]
        assert {answer.status_code for answer in tries} >= {200, 400, 404, 405, 415, 421, 422}
        assert all(answer.status_code < 500 for answer in tries)
        for answer in tries:
            assert MARKER not in str(answer.headers)
        figures = client.get("/metrics").text
        assert MARKER not in figures
    log = running.log
    assert log.count("POST /v1/suggest") >= 8
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert running.log_path in written
    for path in written:
        assert MARKER.encode() not in path.read_bytes(), path
    assert "Traceback" not in log
