// The page works without this file; with it, it does not reload, lights words up and copies.
// `kept` is the text as it was sent. Offsets in the page are UTF-16 units of it; the text field is never asked again.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  let kept = document.querySelector("#gap-form textarea")?.value ?? "";
  let fileText = null; // a dropped file as it was: the text field would change its line ends

  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (words) => { $("#status").textContent = ""; setTimeout(() => { $("#status").textContent = words; }, 50); };
  const wellFormed = (text) => (text.toWellFormed ? text.toWellFormed() : text);

  // -- sending ---------------------------------------------------------------------------------------------------
  let latest = 0;
  async function send(fields, focus) {
    const mine = ++latest;
    root.classList.add("busy");
    let page;
    try {
      const response = await fetch("/", { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "text/html" } });
      page = new DOMParser().parseFromString(await response.text(), "text/html");
    } catch {
      say("The server does not answer.");
      page = null;
    }
    if (mine !== latest) return;
    root.classList.remove("busy");
    if (!page) return;
    kept = fields.find(([name]) => name === "note")[1];
    $("main").replaceChildren(...$("main", page).childNodes);
    document.title = page.title;
    ready();
    const first = all(".card .code").map((code) => code.textContent).join(", ");
    say($("#result") ? `Codes: ${first || "none"}` : ($(".problem")?.textContent ?? ""));
    if (focus) (document.getElementById(focus) ?? $("main")).focus({ preventScroll: focus !== "main" });
    if (focus === "main") scrollTo(0, 0);
  }

  // The fields of a form in order, with the note as it was kept or typed.
  function fieldsOf(form, note) {
    return [...new FormData(form)].map(([name, value]) => [name, name === "note" ? wellFormed(note) : value]);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "note-form") {
      event.preventDefault();
      send(fieldsOf(form, fileText ?? $("#note", form).value), "main");
    } else if (form.id === "gap-form") {
      event.preventDefault();
      send(fieldsOf(form, kept), "gaps-title");
    }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.id === "gap-form") send(fieldsOf(form, kept), "gaps-title");
  });
  document.addEventListener("input", (event) => { if (event.target.id === "note") fileText = null; });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.id === "note-form") {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });

  // -- dropping a file -------------------------------------------------------------------------------------------
  const holdsFile = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    $(".drop")?.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $(".drop")?.classList.remove("dropping"); });
  document.addEventListener("drop", async (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    $(".drop")?.classList.remove("dropping");
    const field = $("#note");
    if (!field || !event.dataTransfer.files[0]) return;
    try {
      const bytes = await event.dataTransfer.files[0].arrayBuffer();
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      if (text.includes("\0") || text.startsWith("%PDF-") || text.startsWith("{\\rtf")) throw new Error("no text");
      $("#again")?.setAttribute("open", "");
      field.value = text;
      fileText = text;
      field.form.requestSubmit();
    } catch {
      say("This file is no plain text (UTF-8). Save the note as plain text and drop it again.");
      field.setCustomValidity("This file is no plain text (UTF-8).");
      field.reportValidity();
      setTimeout(() => field.setCustomValidity(""), 4000);
    }
  });

  // -- codes and words -------------------------------------------------------------------------------------------
  const codesOf = (mark) => (mark.dataset.codes ? mark.dataset.codes.split(" ") : []);
  function light(codes, origin) {
    const text = $("#text");
    if (!text) return;
    text.classList.toggle("dim", codes.length > 0);
    for (const mark of all("mark", text)) mark.classList.toggle("lit", mark === origin || codesOf(mark).some((code) => codes.includes(code)));
    for (const card of all(".card")) card.classList.toggle("lit", codes.includes(card.dataset.code));
  }
  function read(mark) {
    const reader = $("#reader");
    if (!reader) return;
    reader.replaceChildren();
    if (!mark) { reader.textContent = reader.dataset.empty; return; }
    const words = document.createElement("b");
    words.textContent = `“${kept.slice(mark.dataset.start, mark.dataset.end).replace(/\s+/g, " ").slice(0, 120)}”`;
    reader.append(words, ` ${mark.dataset.told}`);
    for (const rule of mark.dataset.rules.split(" ").filter(Boolean)) {
      const link = document.createElement("a");
      link.href = `/rules/${encodeURIComponent(rule)}`;
      link.textContent = rule;
      reader.append(" · ", link);
    }
  }
  function point(target) {
    const mark = target.closest?.("#text mark");
    const card = target.closest?.(".card");
    if (mark) { light(codesOf(mark), mark); read(mark); }
    else if (card) light([card.dataset.code]);
    else if (!target.closest?.("#reader")) light([]);
  }
  document.addEventListener("pointerover", (event) => point(event.target));
  document.addEventListener("focusin", (event) => point(event.target));

  // One stop of the Tab key for the whole note; arrows, Home and End go from mark to mark; Enter opens the text there.
  document.addEventListener("keydown", (event) => {
    const mark = event.target.closest?.("#text mark");
    if (!mark) return;
    const marks = all("#text mark");
    const place = marks.indexOf(mark);
    const to = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: marks.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      rove(marks, Math.max(0, Math.min(marks.length - 1, to))).focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      edit(mark);
    }
  });
  document.addEventListener("dblclick", (event) => { const mark = event.target.closest?.("#text mark"); if (mark) edit(mark); });
  function rove(marks, place) {
    marks.forEach((mark, index) => { mark.tabIndex = index === place ? 0 : -1; });
    return marks[place];
  }
  // The text field has line feeds only: carriage returns before the place are taken off.
  function edit(mark) {
    const inField = (place) => kept.slice(0, place).replace(/\r\n?/g, "\n").length;
    $("#again").open = true;
    const field = $("#note");
    field.focus();
    field.setSelectionRange(inField(Number(mark.dataset.start)), inField(Number(mark.dataset.end)));
  }

  // -- copying ---------------------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    const name = button.textContent.trim();
    event.preventDefault();
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = name; }, 1500);
      say(`${name}: copied`);
    } catch { // no clipboard without TLS on another machine: the text is shown, and selected
      const details = button.closest("details");
      if (details) details.open = true;
      getSelection().selectAllChildren(source);
      say("Selected. Press Ctrl C to copy.");
    }
  });

  function ready() {
    fileText = null;
    const marks = all("#text mark");
    marks.forEach((mark) => { mark.tabIndex = -1; });
    if (marks.length) rove(marks, 0);
    const heading = $("#gaps-title");
    if (heading) heading.tabIndex = -1; // where the focus goes when an answer has changed the page
  }
  ready();
})();
