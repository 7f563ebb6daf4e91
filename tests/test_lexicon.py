"""The lint of the phrase rules: each says where it comes from, its example fires it, and none is dead, doubled or shadowed.

Every check collects all it finds, so that one run shows a coder everything there is to mend.
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any, get_args

import pytest
from medspacy.context import ConTextRule
from medspacy.target_matcher import TargetRule
from spacy.matcher import Matcher
from spacy.tokens import Doc
from spinecode.coding import findings as f
from spinecode.nlp import lexicon, pipeline
from spinecode.nlp.draft import Draft
from spinecode.nlp.excerpt import ExcerptBuilder
from spinecode.nlp.headings import known_titles, normal_title
from spinecode.nlp.layout import LayoutReader
from spinecode.nlp.matching import QuickConText, RuleAutomaton
from spinecode.nlp.note import note_facts

TARGET_FILES = ("conditions.json", "facts.json", "anatomy.json", "sides.json", "attributes.json")
RULE_FILES = (*TARGET_FILES, "context.json", "sections.json")

CATEGORIES = {
    "conditions.json": {"CONDITION"},
    "anatomy.json": {"SITE", "LEVEL"},
    "sides.json": {"SIDE"},
    "attributes.json": {"QUALITY", "CHRONICITY"},
    "facts.json": {
        "OUTSIDE",
        "PREGNANCY",
        "PREGNANCY_NOT",
        "PREGNANCY_TRIMESTER",
        "PREGNANCY_RELATION",
        "MECHANISM",
        "WORK",
        "PHASE",
        "INTENT",
        "STUDY",
        "RED_FLAG",
        "NOT_MEANT",
    },
    "context.json": {
        "NEGATED",
        "UNCERTAIN",
        "HISTORICAL",
        "RESOLVED",
        "FAMILY",
        "OTHER_PERSON",
        "HYPOTHETICAL",
        "PRESENT",
        "TERMINATE",
    },
    "sections.json": {*get_args(f.Source), "family", "social", "allergies"},
}
KEYS = {
    "CONDITION": {"kind", "kinds", "region", "quality", "needs", "needs_not", "predicate", "weak"},
    "SITE": {"region", "part", "side", "ahead"},
    "LEVEL": set(),
    "OUTSIDE": {"name", "explains"},
    "PREGNANCY": set(),
    "PREGNANCY_NOT": set(),
    "NOT_MEANT": set(),
    "WORK": set(),
}
VALUES = {
    "SIDE": {*get_args(f.Side), "none"},
    "QUALITY": {*get_args(f.Quality), "not_minor"},
    "CHRONICITY": set(get_args(f.Chronicity)),
    "PREGNANCY_TRIMESTER": set(get_args(f.Trimester)),
    "PREGNANCY_RELATION": set(get_args(f.Relation)),
    "MECHANISM": set(get_args(f.Mechanism)),
    "PHASE": set(get_args(f.Phase)),
    "INTENT": set(get_args(f.Intent)),
    "STUDY": {"MRI", "CT", "X-ray", "EMG"},
    "RED_FLAG": {
        "saddle anaesthesia",
        "bowel or bladder dysfunction",
        "fever",
        "unexplained weight loss",
        "cancer",
        "progressive neurological deficit",
        "neurological deficit",
        "immunosuppression",
        "intravenous drug use",
        "night pain",
    },
}
KINDS = {*get_args(f.Kind), "ignore"}
REGIONS = {*get_args(f.Region), ""}
PARTS = {"coccyx", "si", "flank", "leg", "arm", "other"}
NEEDS = {"site", "spine", "cord"}

STATUS = {
    "NEGATED": "negated",
    "UNCERTAIN": "uncertain",
    "HISTORICAL": "historical",
    "RESOLVED": "historical",
    "FAMILY": "family",
    "OTHER_PERSON": "other_person",
    "HYPOTHETICAL": "hypothetical",
}
NO_STATUS = ("PSEUDO", "TERMINATE")


class Desk:
    """Reads an example the whole way the `Reader` does, and shows the draft instead of the findings."""

    def __init__(self) -> None:
        self.layouts = LayoutReader(known_titles())
        self.excerpts = ExcerptBuilder(lexicon.spelling())
        self.nlp = pipeline.build()
        self._lacking = pipeline.build()

    def read(self, text: str) -> Draft:
        return self._read(text, self.nlp)

    def read_without(self, text: str, rule: str) -> Draft:
        """As if the ConText rule with that id had been deleted."""
        self._lacking.remove_pipe("spinecode_context")
        context = self._lacking.add_pipe("spinecode_context", config={"span_group_name": pipeline.TARGETS})
        assert isinstance(context, QuickConText)
        rest = [r for r in lexicon.rules("context.json") if r["metadata"]["id"] != rule]
        context.add([ConTextRule.from_dict(dict(r)) for r in rest])
        return self._read(text, self._lacking)

    def _read(self, text: str, nlp: Any) -> Draft:
        layout = self.layouts.read(text)
        excerpt = self.excerpts.build(text, layout)
        doc = nlp(pipeline.make_doc(nlp, excerpt))
        return Draft(text, layout, excerpt, doc, note_facts(text, layout), None)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


# -- what every rule must carry --------------------------------------------------------------------------------------


def test_every_file_of_rules_is_linted() -> None:
    on_disk = {path.name for path in files("spinecode.nlp").joinpath("rules").iterdir()}
    assert on_disk == {*RULE_FILES, "wording.json", "spelling.csv"}


def test_ids_are_unique_over_all_files_and_plain() -> None:
    ids = [rule["metadata"]["id"] for name in RULE_FILES for rule in lexicon.rules(name)]
    ids += [entry["id"] for entry in wordings()]
    assert [i for i, times in Counter(ids).items() if times > 1] == []
    assert [i for i in ids if not i.replace("-", "").isalnum() or i != i.lower()] == []


def test_every_rule_has_a_source_and_an_example() -> None:
    lacking = [
        f"{name}: {rule['metadata']['id']}"
        for name in RULE_FILES
        for rule in lexicon.rules(name)
        if not all(rule["metadata"][key].strip() for key in ("source", "example"))
        or rule["literal"] != rule["literal"].strip()
    ]
    assert lacking == []


def test_categories_and_values_come_from_closed_lists() -> None:
    wrong = []
    for name in RULE_FILES:
        for rule in lexicon.rules(name):
            wrong += [f"{name}: {rule['metadata']['id']}: {what}" for what in _outside_the_lists(name, rule)]
    assert wrong == []


def _outside_the_lists(name: str, rule: dict[str, Any]) -> Iterator[str]:
    if rule["category"] not in CATEGORIES[name]:
        yield f"category {rule['category']!r}"
    if name == "context.json":
        yield from _misdirected(rule)
    elif name in TARGET_FILES:
        yield from _unknown_values(rule["category"], rule["metadata"])


def _misdirected(rule: dict[str, Any]) -> Iterator[str]:
    if (rule["direction"] == "TERMINATE") != (rule["category"] == "TERMINATE"):
        yield f"direction {rule['direction']!r} of {rule['category']!r}"
    if rule["category"] == "PRESENT" and rule["direction"] != "PSEUDO":
        yield "PRESENT that is no PSEUDO"


def _unknown_values(category: str, data: dict[str, Any]) -> Iterator[str]:
    if unknown := set(data) - {"id", "source", "example"} - KEYS.get(category, {"value"}):
        yield f"keys {sorted(unknown)}"
    allowed = {
        "value": VALUES.get(category, set()),
        "region": REGIONS,
        "part": PARTS,
        "side": VALUES["SIDE"],
        "quality": VALUES["QUALITY"],
        "needs": NEEDS,
        "needs_not": NEEDS,
        "kind": KINDS,
    }
    for key in set(data) & set(allowed):
        if data[key] not in allowed[key]:
            yield f"{key} {data[key]!r}"
    for key, closed in (("kinds", KINDS), ("explains", REGIONS)):
        if not set(data.get(key, ())) <= closed:
            yield f"{key} {data[key]}"


# -- patterns ----------------------------------------------------------------------------------------------------------

Place = tuple[tuple[str, ...], str]


def places_of(rule: dict[str, Any], nlp: Any) -> tuple[Place, ...]:
    """A rule's pattern as (words, operator) per place, the way it is matched."""
    if not rule.get("pattern"):
        return tuple(((token.text,), "") for token in nlp.make_doc(rule["literal"].lower()))
    out = []
    for part in rule["pattern"]:
        lower = part["LOWER"]
        out.append(((lower,) if isinstance(lower, str) else tuple(lower["IN"]), part.get("OP", "")))
    return tuple(out)


def test_patterns_hold_only_words_that_can_reach_them(desk: Desk) -> None:
    """A word that the tokenizer never makes, or that the spelling table has replaced by then, can never match."""
    mended = lexicon.spelling()
    contractions = {token.text for token in desk.nlp.make_doc("don't mother's can't cannot")}
    wrong = []
    for name in (*TARGET_FILES, "context.json"):
        for rule in lexicon.rules(name):
            for words, _ in places_of(rule, desk.nlp):
                wrong += [f"{rule['metadata']['id']}: {word!r} twice" for word, n in Counter(words).items() if n > 1]
                wrong += [
                    f"{rule['metadata']['id']}: {word!r}"
                    for word in words
                    if word not in contractions
                    and (
                        [token.text for token in desk.nlp.make_doc(word)] != [word]
                        or word != word.lower()
                        or not word.isascii()
                        or word in mended
                    )
                ]
    assert wrong == []


def test_no_pattern_stands_twice_in_a_matcher(desk: Desk) -> None:
    twice = []
    for name in (*TARGET_FILES, "context.json"):
        seen: dict[Any, str] = {}
        for rule in lexicon.rules(name):
            key = tuple((frozenset(words), operator) for words, operator in places_of(rule, desk.nlp))
            if name == "context.json":
                key = (key, rule["direction"] in ("BACKWARD", "FORWARD") and rule["direction"])
            earlier = seen.setdefault(key, rule["metadata"]["id"])
            if earlier != rule["metadata"]["id"]:
                twice.append(f"{name}: {rule['metadata']['id']} repeats {earlier}")
    assert twice == []


def test_every_word_of_every_pattern_can_win(desk: Desk) -> None:
    """No alternative is shadowed: some phrase with it is this rule's, though longer and earlier rules go first."""
    shadowed = []
    for name in (*TARGET_FILES, "context.json"):
        kind = ConTextRule if name == "context.json" else TargetRule
        matcher = RuleAutomaton(desk.nlp)
        rules = lexicon.rules(name)
        matcher.add([kind.from_dict(dict(rule)) for rule in rules])
        for number, rule in enumerate(rules):
            places = places_of(rule, desk.nlp)
            for index, (words, _) in enumerate(places):
                shadowed += [
                    f"{rule['metadata']['id']}: {word!r}"
                    for word in words
                    if not any(_wins(matcher, number, phrase, desk.nlp) for phrase in _phrases(places, index, word))
                ]
    assert shadowed == []


def _phrases(places: tuple[Place, ...], index: int, word: str) -> Iterator[list[str]]:
    """Phrases of a pattern with `word` at place `index`: the shortest, those with one more optional word, others."""
    required = [i for i, (_, operator) in enumerate(places) if not operator or i == index]
    optional = [i for i, (_, operator) in enumerate(places) if operator and i != index]
    for extra in [[], *([i] for i in optional), optional]:
        kept = sorted([*required, *extra])
        choices = [(word,) if i == index else places[i][0] for i in kept]
        for number, phrase in enumerate(product(*choices)):
            if number > 400:
                break
            yield list(phrase)


def _wins(matcher: RuleAutomaton, number: int, phrase: list[str], nlp: Any) -> bool:
    found = matcher(Doc(nlp.vocab, words=phrase))
    return any(rule is matcher._rules[number] for rule, _, _ in found)


@pytest.mark.parametrize("name", [*TARGET_FILES, "context.json"])
def test_the_automaton_finds_what_spacys_matcher_finds(desk: Desk, name: str) -> None:
    """Over texts of the rules' own words, whole phrases and torn ones; of overlapping matches the longest stays."""
    kind = ConTextRule if name == "context.json" else TargetRule
    rules = [rule for rule in lexicon.rules(name) if not rule["metadata"].get("ahead")]
    automaton, matcher = RuleAutomaton(desk.nlp), Matcher(desk.nlp.vocab)
    automaton.add([kind.from_dict(dict(rule)) for rule in rules])
    for number, rule in enumerate(rules):
        pattern = [{"LOWER": token.text} for token in desk.nlp.make_doc(rule["literal"].lower())]
        matcher.add(str(number), [rule.get("pattern") or pattern])
    chance = random.Random(4)
    places = [places_of(rule, desk.nlp) for rule in rules]
    for _ in range(400):
        words = [word for some in chance.choices(places, k=6) for word in _said(some, chance)]
        doc = Doc(desk.nlp.vocab, words=words)
        longest = {(key, start): end for key, start, end in sorted(matcher(doc))}
        found = [(int(desk.nlp.vocab.strings[key]), start, end) for (key, start), end in longest.items()]
        taken: set[int] = set()
        kept = []
        for number, start, end in sorted(found, key=lambda m: (m[1] - m[2], m[1], m[0])):
            if taken.isdisjoint(range(start, end)):
                taken.update(range(start, end))
                kept.append((start, end, rules[number]["metadata"]["id"]))
        assert [(s, e, rule.metadata["id"]) for rule, s, e in automaton(doc)] == sorted(kept), words


def _said(places: tuple[Place, ...], chance: random.Random) -> list[str]:
    """A phrase of a pattern, optional places at random; now and then a word is missing."""
    told = [chance.choice(words) for words, operator in places if not operator or chance.random() < 0.5]
    return told[: chance.randint(1, len(told))] if chance.random() < 0.3 else told


def test_every_phrase_holds_a_cue(desk: Desk) -> None:
    """A sentence without a cue of ``wording.json`` is never read, so a condition's phrase must hold a strong one."""
    strong, weak = lexicon.wording("excerpt-strong"), lexicon.wording("excerpt-weak")
    dropped = []
    for name in ("conditions.json", "facts.json"):
        for rule in lexicon.rules(name):
            if rule["metadata"].get("kind") == "ignore" or rule["category"] in ("PREGNANCY_NOT", "NOT_MEANT"):
                continue  # they only take words away from what is read
            cues = (strong,) if rule["category"] in ("CONDITION", "OUTSIDE") else (strong, weak)
            places = places_of(rule, desk.nlp)
            for index, (words, _) in enumerate(places):
                for word in words:
                    phrase = " ".join(next(_phrases(places, index, word))).replace(" - ", "-")
                    if not any(cue.search(phrase) for cue in cues):
                        dropped.append(f"{rule['metadata']['id']}: {phrase!r}")
    assert dropped == []


# -- examples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGET_FILES)
def test_every_example_fires_its_rule(desk: Desk, name: str) -> None:
    silent = []
    for rule in lexicon.rules(name):
        data = rule["metadata"]
        doc = desk.read(data["example"]).doc
        fired = {
            span.id_ for group in (pipeline.TARGETS, pipeline.ANATOMY, pipeline.ATTRIBUTES) for span in doc.spans[group]
        }
        if data["id"] not in fired:
            silent.append(f"{data['id']}: {data['example']!r} fires {sorted(fired)}")
    assert silent == []


def test_every_context_example_sets_its_status(desk: Desk) -> None:
    silent = []
    for rule in lexicon.rules("context.json"):
        if rule["direction"] in NO_STATUS:
            continue
        data, status = rule["metadata"], STATUS[rule["category"]]
        draft = desk.read(data["example"])
        said = [
            (draft.assertion(span)[0], modifier.rule.metadata["id"])
            for span in draft.doc.spans[pipeline.TARGETS]
            for modifier in span._.modifiers
        ]
        if (status, data["id"]) not in said:
            silent.append(f"{data['id']}: {data['example']!r} says {said}")
    assert silent == []


def test_every_pseudo_and_terminate_example_needs_its_rule(desk: Desk) -> None:
    """With the rule a mention of the example is present; were the rule deleted, it would not be."""
    idle = []
    for rule in lexicon.rules("context.json"):
        if rule["direction"] not in NO_STATUS:
            continue
        data = rule["metadata"]
        with_rule = _statuses(desk.read(data["example"]))
        without = _statuses(desk.read_without(data["example"], data["id"]))
        if not any(status == "present" and without.get(place) != "present" for place, status in with_rule.items()):
            idle.append(f"{data['id']}: {data['example']!r}: {with_rule}, deleted: {without}")
    assert idle == []


def _statuses(draft: Draft) -> dict[tuple[str, int], str]:
    return {(span.text, span.start): draft.assertion(span)[0] for span in draft.doc.spans[pipeline.TARGETS]}


# -- sections, turns of phrase, spelling -------------------------------------------------------------------------------


def test_every_title_opens_its_section(desk: Desk) -> None:
    silent = []
    for rule in lexicon.rules("sections.json"):
        data = rule["metadata"]
        headings = desk.layouts.read(data["example"])
        opened = {(normal_title(h.title), h.category) for h in headings.headings}
        labels = {sentence.label for sentence in headings.sentences}
        known = known_titles().lookup(rule["literal"])
        title = normal_title(rule["literal"])
        if known != (rule["category"], bool(data.get("label"))) or not (
            (title, rule["category"]) in opened or (data.get("label") and rule["category"] in labels)
        ):
            silent.append(f"{data['id']}: {data['example']!r} opens {sorted(opened)}, labels {sorted(labels)}")
    assert silent == []


def test_no_title_stands_twice() -> None:
    titles = Counter(normal_title(rule["literal"]) for rule in lexicon.rules("sections.json"))
    assert [title for title, times in titles.items() if times > 1] == []


@cache
def wordings() -> tuple[dict[str, Any], ...]:
    text = files("spinecode.nlp").joinpath("rules", "wording.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)["wording"])


def test_every_wording_matches_its_example() -> None:
    silent = [
        entry["id"]
        for entry in wordings()
        if not entry["example"].strip()
        or (entry.get("pattern") and not lexicon.wording(entry["id"]).search(entry["example"]))
        or (entry.get("words") and entry["example"] not in entry["words"])
    ]
    assert silent == []


def test_wordings_that_name_a_quality_name_known_ones() -> None:
    tied = [entry for entry in wordings() if "quality" in entry or "kinds" in entry]
    assert [e["id"] for e in tied if e["quality"] not in get_args(f.Quality) or not set(e["kinds"]) <= KINDS] == []


def test_every_list_of_words_is_sorted_and_holds_each_word_once() -> None:
    assert [e["id"] for e in wordings() if e.get("words", []) != sorted(set(e.get("words", [])))] == []


def test_spelling_leads_to_words_the_rules_know(desk: Desk) -> None:
    text = files("spinecode.nlp").joinpath("rules", "spelling.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    known = {
        word
        for name in (*TARGET_FILES, "context.json")
        for rule in lexicon.rules(name)
        for words, _ in places_of(rule, desk.nlp)
        for word in words
    }
    assert [
        row["variant"] for row in rows if not {*row["standard"].split()} <= known or not row["source"].strip()
    ] == []
    assert [v for v, times in Counter(row["variant"].lower() for row in rows).items() if times > 1] == []
    assert [row["variant"] for row in rows if row["variant"] in {row["standard"] for row in rows}] == []


def test_a_misspelt_word_is_read_as_the_standard_one(desk: Desk) -> None:
    for variant, standard in lexicon.spelling().items():
        words = f"Low back pain with {variant} change."
        assert f" {standard} " in desk.read(words).excerpt.text
