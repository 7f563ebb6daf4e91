"""What the page is made of: pieces of the note with their marks, offsets in two units, characters that hide."""

from __future__ import annotations

import html
import json
import re

import pytest
from spinecode.web import view
from spinecode.web.jobs import answer
from spinecode.web.samples import samples
from spinecode.web.screens import copies

NOTE = "🦴 CC: low back pain.\r\nDenies sciatica.\r\nAssessment: low back pain 👩‍⚕️ with left sciatica, possible disc herniation."


def page(engine, text, **more):
    outcome, body = answer(engine, "page_note", {"text": text, "form": "f", "answers": (), **more})
    assert outcome == "done", body
    return body


def test_the_pieces_are_the_note(engine, sample_texts):
    for text in [*sample_texts[:40], NOTE, "", "\x00", "🦴" * 9]:
        pieces = view.pieces(text, engine.suggest(text))
        assert "".join(piece.text for piece in pieces) == text


def test_offsets_are_utf16_units_of_the_note_as_it_was_sent(engine):
    units = NOTE.encode("utf-16-le")
    marked = [piece for piece in view.pieces(NOTE, engine.suggest(NOTE)) if piece.marks]
    assert {piece.text for piece in marked} >= {"left sciatica", "disc herniation", "low back pain"}
    for piece in marked:
        assert units[2 * piece.start : 2 * piece.end].decode("utf-16-le") == piece.text


def test_every_word_that_supports_a_code_is_marked_with_it(engine, sample_texts):
    for text in sample_texts[:40]:
        result = engine.suggest(text)
        place, marked = 0, set()
        for piece in view.pieces(text, result):
            marked |= {(point, code) for code in piece.codes for point in range(place, place + len(piece.text))}
            place += len(piece.text)
        for index, code in enumerate(result.codes):
            for quote in code.evidence:
                assert {(point, index) for point in range(quote.start, quote.end)} <= marked


def test_what_is_denied_or_uncertain_is_shown_as_such(engine):
    marked = {piece.text: piece.status for piece in view.pieces(NOTE, engine.suggest(NOTE)) if piece.status}
    assert marked["sciatica"] == "negated"
    assert marked["disc herniation"] == "uncertain"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("pay\u202eme", "pay⟨U+202E⟩me"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("tab\tline\r\nend", "tab\tline\r\nend"),
        ("é 🦴 ß", "é 🦴 ß"),
    ],
)
def test_no_character_hides_or_turns_the_text_round(text, shown):
    assert view.visible(text) == shown


def test_a_note_is_no_markup(engine):
    nasty = '</textarea><script>alert(1)</script><img src=x onerror="alert(1)">'
    text = f"Assessment: low back pain {nasty} with left sciatica.\n2. {nasty}"
    body = page(engine, text, provider=nasty, encounter_id=nasty)
    assert re.findall(r"<script[^>]*>", body) == ['<script src="/static/spinecode.js" defer>']
    assert "<img src=x" not in body
    assert html.escape("<img src=x", quote=False) in body


def test_there_is_no_inline_script_or_style(engine):
    for text in (NOTE, ""):
        body = page(engine, text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", body)


def test_the_copies_hold_the_claim(engine):
    result = engine.suggest(samples()[3].text)
    text, csv, fhir = (each["text"] for each in copies(result))
    assert text.splitlines() == ["S39.012A\tStrain of muscle, fascia and tendon of lower back, initial encounter"]
    assert csv.splitlines()[0].startswith("encounter_id,")
    assert "S39.012A" in csv
    kinds = [entry["resource"]["resourceType"] for entry in json.loads(fhir)["entry"]]
    assert kinds == ["Encounter", "Condition"]


def test_an_answer_changes_the_code_and_can_be_taken_back(engine):
    text = samples()[0].text
    assert ">M54.40</b>" in page(engine, text)
    left = page(engine, text, answers=("laterality:sciatica=left",))
    assert re.search(r'id="changed">.*M54\.40.*M54\.42', left)
    assert 'name="answer" value="laterality:sciatica=left" checked' in left
    stale = page(engine, text, answers=("laterality:shoulder=left",))
    assert "No longer open" in stale


def test_every_sample_has_something_to_show(engine):
    shown = {each.id: engine.suggest(each.text) for each in samples()}
    assert len(shown) == 5
    assert all(result.codes for result in shown.values())
    assert shown["side-missing"].gaps
    assert len(shown["red-flags"].red_flags) == 3


def test_route_and_confidence_are_shown_with_their_reasons(engine):
    text = samples()[0].text
    result, body = engine.suggest(text), html.unescape(page(engine, text))
    assert result.confidence is not None
    assert f"{100 * result.confidence:.0f} % sure" in body
    for reason in result.reasons:
        assert reason.message in body
