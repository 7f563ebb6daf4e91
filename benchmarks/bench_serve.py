"""`spinecode serve` measured: a warm request against the same call in process, and 50 clients for a minute.

python benchmarks/bench_serve.py [--seconds 60] [--clients 50] [--hostile 10000]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import spinecode

sys.path.insert(0, str(Path(__file__).parent))
from hostile import bodies
from pairs import Ratio, measure
from serving import Server

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 15
ROUNDS = 4
"""How often each pair goes through the notes."""
LIMIT = 10.0
"""Seconds that a note may take (`--note-timeout`); an answer may come a little later."""


def notes(count: int = 24) -> list[str]:
    """Notes of ordinary length."""
    lines = (ROOT / "corpora" / "written" / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines[:count]]


def ratio(server: Server, texts: list[str]) -> Ratio:
    """POST /v1/suggest over the in-process call with its JSON; both warm, one note at a time."""
    engine = spinecode.Spinecode()
    # A lean client: what the server costs is measured, not what a library costs that sends to it.
    connection = http.client.HTTPConnection(server.url.partition("//")[2])
    kind = {"Content-Type": "application/json"}

    def in_process() -> float:
        start = time.perf_counter()
        for text in texts * ROUNDS:
            engine.suggest(text).to_json()
        return time.perf_counter() - start

    def over_http() -> float:
        start = time.perf_counter()
        for text in texts * ROUNDS:
            connection.request("POST", "/v1/suggest", json.dumps({"text": text}).encode(), kind)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        return time.perf_counter() - start

    return measure(over_http, in_process, PAIRS)


@dataclass
class Load:
    """What became of the requests of many clients. ``memory``: MiB after the first quarter and at the end."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)
    memory: tuple[float, float] = (0.0, 0.0)

    @property
    def good(self) -> bool:
        """Whether all were answered, alike, or told when to come back."""
        return set(self.statuses) <= {"200", "429", "503"} and self.statuses["200"] > 0 and not self.wrong


def load(server: Server, texts: list[str], clients: int, seconds: float) -> Load:
    """``clients`` at once, each sending its next note as soon as it has its answer."""
    alone = {text: server.client.post("/v1/suggest", json={"text": text}).content for text in texts}
    found, lock, end = Load(), threading.Lock(), time.monotonic() + seconds

    def client(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as own:
            turn = number
            while time.monotonic() < end:
                text, start = texts[turn % len(texts)], time.perf_counter()
                turn += 1
                try:
                    answer = own.post("/v1/suggest", json={"text": text})
                except httpx.HTTPError as error:
                    with lock:
                        found.statuses[type(error).__name__] += 1
                    continue
                told = str(answer.status_code)
                if told in {"429", "503"}:
                    told = told if "retry-after" in answer.headers else f"{told} without Retry-After"
                    time.sleep(0.05)
                with lock:
                    found.statuses[told] += 1
                    found.seconds.append(time.perf_counter() - start)
                    found.wrong += told == "200" and answer.content != alone[text]

    with concurrent.futures.ThreadPoolExecutor(clients) as threads:
        running = [threads.submit(client, number) for number in range(clients)]
        time.sleep(seconds / 4)
        early = server.memory()
        for each in running:
            each.result()
    found.memory = (early, server.memory())
    return found


@dataclass
class Hostile:
    """What became of hostile inputs: statuses, the slowest answer (seconds), and whether the server still answers."""

    statuses: Counter[str]
    slowest: float
    alive: bool

    @property
    def good(self) -> bool:
        """No crash, no 5xx but deliberate, no hang past the limit."""
        return (
            not [s for s in self.statuses if s.startswith("5") and s != "503"]
            and self.slowest < 2 * LIMIT
            and self.alive
        )


def hostile(server: Server, count: int, clients: int = 4) -> Hostile:
    """Send hostile requests, a few at a time."""

    def send(sent: tuple[str, str, bytes]) -> tuple[str, float]:
        path, kind, body = sent
        start = time.perf_counter()
        try:
            answer = server.client.post(path, content=body, headers={"Content-Type": kind})
        except httpx.HTTPError as error:
            return f"5 {type(error).__name__}", time.perf_counter() - start
        return str(answer.status_code), time.perf_counter() - start

    statuses: Counter[str] = Counter()
    slowest = 0.0
    with concurrent.futures.ThreadPoolExecutor(clients) as threads:
        for status, seconds in threads.map(send, bodies(count)):
            statuses[status] += 1
            slowest = max(slowest, seconds)
    after = server.client.post("/v1/suggest", json={"text": "Assessment: neck pain."})
    return Hostile(statuses, slowest, after.status_code == 200 and after.json()["codes"][0]["code"] == "M54.2")


def main() -> int:
    """Print the figures; the status is 1 if one of them is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--hostile", type=int, default=0)
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        if options.hostile:
            met = hostile(server, options.hostile)
            good &= met.good
            print(
                f"{options.hostile} hostile inputs: {dict(sorted(met.statuses.items()))}, slowest {met.slowest:.1f} s"
            )
        else:
            texts = notes()
            warm = ratio(server, texts)
            print(f"warm POST /v1/suggest over the in-process call: {warm}")
            took = load(server, texts, options.clients, options.seconds)
            good &= took.good and warm.median <= 1.5
            rate = took.statuses["200"] / options.seconds
            slow = statistics.quantiles(took.seconds, n=20)[-1]
            print(
                f"{options.clients} clients, {options.seconds:g} s: {dict(took.statuses)}, {rate:.0f} notes/s, median "
                f"{1000 * statistics.median(took.seconds):.0f} ms, 95 % within {1000 * slow:.0f} ms, {took.wrong} different "
                f"answers, memory {took.memory[0]:.0f} → {took.memory[1]:.0f} MiB"
            )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
