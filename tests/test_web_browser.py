"""The page in a real Chromium (Debian's): what a coder does with it, what a screen reader gets, what it looks like.

Run by `make test-full`. SPINECODE_SCREENSHOTS=docs/images writes the pictures of the documentation.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parent.parent
NOTE = (ROOT / "web" / "samples" / "1-side-missing.txt").read_text(encoding="utf-8").split("\n", 3)[3]
ODD = "🦴 Visit\r\n\r\nDenies sciatica 👩‍⚕️.\r\nAssessment: low back pain, 𝔞 left sciatica.\r\n"
PAGES = (
    "/",
    "/?sample=side-missing",
    "/?sample=red-flags",
    "/?sample=neck-and-arm",
    "/codes",
    "/codes/M54.5",
    "/rules/chronic-pain",
)
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    assert program, "Chromium is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, server):
    """Opens pages; at the end no console message, no failed request and no request elsewhere may have been."""
    contexts, complaints = [], []

    def open_one(path="/", size="wide", scheme="light", **more):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, base_url=server.url, **more
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url} {request.failure}"))
        page.on(
            "request",
            lambda request: request.url.startswith(server.url) or complaints.append(f"elsewhere: {request.url}"),
        )
        page.goto(path)
        page.evaluate("document.fonts.ready")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def expect(locator):
    from playwright.sync_api import expect as real

    return real(locator)


def codes(page):
    return page.locator(".card summary .code").all_inner_texts()


def settled(page):
    page.wait_for_function("() => !document.documentElement.classList.contains('busy')")


def code_note(page, text):
    page.get_by_label("The note", exact=True).fill(text)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result")
    settled(page)


def clipboard(page):
    return page.evaluate("navigator.clipboard.readText()")


def test_paste_highlights_answer_copy(open_page):
    page = open_page()
    code_note(page, NOTE)
    assert codes(page) == ["M54.40"]
    marked = page.locator("#text mark.c1").evaluate_all("marks => marks.map(m => m.firstChild.data)")
    assert "Low back pain" in marked
    assert "sciatica" in marked
    # Clicked, not checked: the page writes the form anew, and the box that would be looked at again may be gone by then.
    page.get_by_role("radio", name=re.compile("^left")).click()
    page.wait_for_selector("#changed")
    assert codes(page) == ["M54.42"]
    assert page.locator("#changed").inner_text().split() == ["Changed:", "M54.40", "→", "M54.42"]
    page.get_by_role("checkbox").click()
    expect(page.locator(".card .code").first).to_have_text("M54.40")
    page.get_by_role("button", name="Copy query").first.click()
    page.wait_for_selector("text=Copied")
    query = clipboard(page)
    assert "[ ] Left" in query
    assert "“sciatica”" in query
    assert "M54" not in query
    assert page.url.endswith("/")


def test_the_set_is_copied_as_text_csv_and_fhir(open_page):
    page = open_page("/?sample=chronic-stenosis")
    for name, says in (("Text", "M48.062\t"), ("CSV", "encounter_id,"), ("FHIR", '"resourceType": "Bundle"')):
        page.locator("summary[data-copy]", has_text=name).click()
        expect(page.locator("#status")).to_have_text(f"{name}: copied")
        assert says in clipboard(page)


def test_codes_light_their_words_and_words_their_codes(open_page):
    page = open_page("/?sample=chronic-stenosis")
    page.locator(".card").nth(1).hover()
    lit = page.locator("#text mark.lit").evaluate_all("marks => marks.map(m => m.firstChild.data)")
    assert lit == ["Degenerative spondylolisthesis L4-L5"]
    page.locator("#text mark", has_text="neurogenic").hover()
    assert page.locator(".card.lit .code").first.inner_text() == "M48.062"
    reader = page.locator("#reader")
    assert "“neurogenic claudication” M48.062" in reader.inner_text()
    assert reader.get_by_role("link").get_attribute("href") == "/rules/stenosis-claudication"


def test_marks_are_the_kept_text_at_their_offsets(open_page, tmp_path):
    """A dropped file with CRLF line ends and characters outside the first plane: offsets are those of the file."""
    page = open_page()
    page.evaluate(
        """text => { const data = new DataTransfer(); data.items.add(new File([text], "note.txt"));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }""",
        ODD,
    )
    page.wait_for_selector("#result")
    settled(page)
    marks = page.locator("#text mark").evaluate_all(
        "marks => marks.map(m => [m.firstChild.data, Number(m.dataset.start), Number(m.dataset.end)])"
    )
    units = ODD.encode("utf-16-le")
    assert [units[2 * start : 2 * end].decode("utf-16-le") for _, start, end in marks] == [text for text, _, _ in marks]
    assert "left sciatica" in [text for text, _, _ in marks]
    page.locator("#text mark", has_text="left sciatica").dblclick()
    chosen = page.locator("#note").evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert chosen == "left sciatica"


def test_the_keyboard_is_enough(open_page):
    page = open_page("/?sample=side-missing")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "MARK":
            break
    assert page.evaluate("document.activeElement.firstChild.data") == "Low back and leg pain"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "spinal stenosis" in page.locator("#reader").inner_text()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") != "MARK"
    page.get_by_role("radio", name=re.compile("^left")).focus()
    page.keyboard.press("Space")
    page.wait_for_selector("#changed")
    assert page.evaluate("document.activeElement.id") == "gaps-title"
    expect(page.locator("#status")).to_have_text("Codes: M54.42")


def test_a_hostile_note_is_only_text(open_page):
    nasty = "</textarea><script>window.broken = 1</script><img src=/x onerror='window.broken = 1'> \u202e\x1b[31m"
    page = open_page()
    code_note(page, f"Assessment: low back pain {nasty} with left sciatica.")
    assert codes(page) == ["M54.42"] or "M54.50" in codes(page)
    assert page.evaluate("window.broken === undefined")
    assert page.locator("#result img, #result script").count() == 0
    assert "⟨U+202E⟩␛[31m" in page.locator("#text").inner_text()


def test_the_page_works_without_its_script(open_page):
    page = open_page(java_script_enabled=False)
    page.get_by_label("The note", exact=True).fill(NOTE)
    page.get_by_role("button", name="Suggest codes").click()
    assert codes(page) == ["M54.40"]
    page.get_by_role("radio", name=re.compile("^left")).click()
    page.get_by_role("button", name="Apply answers").click()
    assert codes(page) == ["M54.42"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_overflows_and_axe_finds_nothing_serious(open_page, path, size, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(path, size, scheme, bypass_csp=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], [node["target"] for node in each["nodes"]][:4]) for each in serious] == []


SHOTS = {
    "page": ("/?sample=side-missing", "wide", "light", False),
    "page-red-flags-dark": ("/?sample=red-flags", "wide", "dark", False),
    "page-narrow": ("/?sample=chronic-stenosis", "narrow", "light", False),
    "start": ("/", "wide", "light", False),
    "codes": ("/codes", "wide", "light", False),
    "code": ("/codes/M54.5", "wide", "light", False),
}


@pytest.mark.parametrize("name", SHOTS)
def test_screenshots(open_page, name, tmp_path):
    path, size, scheme, whole = SHOTS[name]
    folder = Path(os.environ.get("SPINECODE_SCREENSHOTS", tmp_path))
    page = open_page(path, size, scheme, reduced_motion="reduce")
    if name == "page":
        page.locator("#text mark", has_text="sciatica").hover()
    picture = page.screenshot(path=folder / f"{name}.png", full_page=whole)
    assert len(picture) > 20_000
