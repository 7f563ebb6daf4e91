"""Hostile inputs: what a note may hold to break, mislead or stall who reads it. The same seed gives the same inputs."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator

WORDS = (
    "low back pain", "sciatica", "right", "left", "bilateral", "possible", "denies", "no", "history of", "L4-L5", "C5-C6",
    "stenosis", "radiculopathy", "disc herniation", "chronic", "Assessment:", "Plan:", "1.", "weeks", "pregnant", "fall",
    "MRI", "Modic type 1", "neurogenic claudication", "strain", "initial encounter", "mother has", "rule out", ":", "-", "[x]",
)  # fmt: skip
NASTY = (
    "<script>alert(1)</script>", "</textarea><img src=x onerror=alert(1)>", "{{7*7}}", "${jndi:ldap://x}", "\x1b[2J\x1b[31m",
    "\u202e\u2066", "\u200b\u200d\ufeff", "\x00", "\x08\x7f", "é́́́", "👩‍⚕️🦴", "𝔟𝔞𝔠𝔨", "=cmd|' /C calc'!A0", "' OR 1=1 --", "%s%n%x",
    "../../etc/passwd", "\r\n\r\nHTTP/1.1 200 OK", "\u2028\u2029\x85", "ﬁ ﬂ ß İ", "١٢٣", "L⁴-L₅", "M54.5", "\ufffd", "&lt;b&gt;",
    "A" * 3000, "low back pain " * 200, "(" * 500, "-" * 800, "1. " * 300, ": " * 400, "\n" * 1000, "\t" * 500, "no " * 400,
    "L4-L5 " * 200, "0" * 2000, "9999999999999999999 weeks", "/" * 600, "possible " * 200, "🦴" * 500,
)  # fmt: skip


def texts(count: int, seed: int = 8) -> Iterator[str]:
    """Notes that no provider would write."""
    dice = random.Random(seed)
    makers: tuple[Callable[[random.Random], str], ...] = (_mixed, _soup, _characters, _repeated, _spliced)
    for number in range(count):
        yield makers[number % len(makers)](dice)


def _mixed(dice: random.Random) -> str:
    return " ".join(dice.choice(dice.choice((WORDS, NASTY))) for _ in range(dice.randrange(1, 25)))


def _soup(dice: random.Random) -> str:
    return dice.choice((" ", "\n", ", ", "")).join(dice.choice(WORDS) for _ in range(dice.randrange(1, 300)))


def _characters(dice: random.Random) -> str:
    top = dice.choice((0x7F, 0x2FF, 0xD7FF, 0x1FFFF))
    points = (dice.randrange(top) for _ in range(dice.randrange(400)))
    return "".join(chr(point) for point in points if not 0xD800 <= point <= 0xDFFF)


def _repeated(dice: random.Random) -> str:
    return (dice.choice(WORDS) + dice.choice(("", " ", "\n", NASTY[dice.randrange(12)]))) * dice.randrange(1, 400)


def _spliced(dice: random.Random) -> str:
    note = "CC: low back pain.\nAssessment:\n1. Low back pain with left sciatica.\nPlan: MRI."
    for _ in range(dice.randrange(1, 8)):
        place = dice.randrange(len(note))
        note = note[:place] + dice.choice(NASTY)[: dice.randrange(1, 60)] + note[place:]
    return note


def bodies(count: int, seed: int = 8) -> Iterator[tuple[str, str, bytes]]:
    """Requests: path, content type and body; most hold a text of `texts`, the rest are broken as requests."""
    dice = random.Random(seed)
    for number, text in enumerate(texts(count, seed)):
        kind = number % 10
        if kind < 6:
            yield "/v1/suggest", "application/json", _dumps({"text": text, "encounter_id": text[:20]})
        elif kind == 6:
            yield (
                "/v1/query",
                "application/json",
                _dumps({"text": text, **({"answers": {text[:30]: text[-30:]}} if number % 4 == 0 else {})}),
            )
        elif kind == 7:
            yield (
                "/v1/audit",
                "application/json",
                _dumps({"text": text, "codes": [text[:12] or "x", "m545"], "cpt": [text[:9]]}),
            )
        elif kind == 8:
            yield "/v1/suggest", "application/json", broken(dice, text)
        else:
            yield "/fhir/$suggest", "application/fhir+json", _fhir(dice, text)


def _dumps(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8")


def broken(dice: random.Random, text: str) -> bytes:
    """A body that is no request."""
    whole = _dumps({"text": text})
    return dice.choice(
        (
            whole[: dice.randrange(len(whole))],
            b"[" * dice.randrange(1, 200_000),
            b'{"a":' * dice.randrange(1, 50_000),
            b'{"text": 1e999}',
            b'{"text": "\\ud800"}',
            b'{"text": ' + b"9" * dice.randrange(1, 9000) + b"}",
            b'{"text": null, "text": "x"}',
            b'{"text": NaN}',
            b"\xff\xfe" + whole,
            bytes(dice.randrange(256) for _ in range(200)),
            _dumps({"text": text, "set": {text[:20]: "1"}}),
            _dumps({"text": [text], "encounter_id": True}),
        )
    )


def _fhir(dice: random.Random, text: str) -> bytes:
    coded = base64.b64encode(text.encode()).decode()
    kind = dice.choice(("text/plain", "text/html", "application/pdf", "text/rtf", text[:20]))
    attachment = {"contentType": kind, "data": dice.choice((text[:200], coded, coded))}
    reference = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": attachment}]}
    odd = dice.choice(
        ([reference], {"resource": reference}, [{"resource": reference}], 5, [5], [{"resource": [reference]}])
    )
    return _dumps(dice.choice((reference, {"resourceType": "Bundle", "type": "collection", "entry": odd})))
