"""The medSpaCy pipeline: tokenizer, our sentences, target matching of conditions, anatomy, attributes and facts, ConText.

Span groups on the Doc:

- ``targets``: conditions (label CONDITION) and facts; ConText runs over these (``span._.modifiers``).
- ``anatomy``: sites, body parts, levels, sides.
- ``attributes``: qualities and chronicity words.

Every span's ``id_`` is the id of its rule, whose metadata carry source and example (`metadata`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy
import spacy
from medspacy.context import ConTextRule
from medspacy.custom_tokenizer import create_medspacy_tokenizer
from medspacy.target_matcher import TargetRule
from spacy.attrs import IDX, LENGTH, SENT_START
from spacy.language import Language
from spacy.tokens import Doc, Span

from . import lexicon
from .excerpt import Excerpt
from .matching import QuickConText, QuickTargetMatcher

_MOST_WORDS = 50_000
TARGETS, ANATOMY, ATTRIBUTES = "targets", "anatomy", "attributes"


@Language.component("spinecode_sentences")
def sentences(doc: Doc) -> Doc:
    """Sentence starts from the layout (``doc.user_data["starts"]``: character offsets)."""
    starts = doc.user_data["starts"]
    # In one go: spaCy's setter looks through the whole Doc for each token.
    first = [1 if idx in starts else -1 for idx in doc.user_data["offsets"]]
    if first:
        values = numpy.array(first, dtype="int64").astype("uint64").reshape(-1, 1)
        doc.from_array([SENT_START], values)  # type: ignore[arg-type] # spaCy names the type after thinc
    return doc


_GROUPS = {
    "conditions.json": TARGETS,
    "facts.json": TARGETS,
    "anatomy.json": ANATOMY,
    "sides.json": ANATOMY,
    "attributes.json": ATTRIBUTES,
}
PHRASES = (*_GROUPS, "context.json")
"""The files whose rules the pipeline matches; `build` can be told to leave some of their rules out."""


def _rules(name: str, without: frozenset[str]) -> list[dict[str, Any]]:
    return [dict(rule) for rule in lexicon.rules(name) if rule["metadata"]["id"] not in without]


def build(without: frozenset[str] = frozenset()) -> Language:
    """The pipeline, ready to call on a Doc made by `make_doc`. ``without``: ids of rules that are switched off."""
    nlp = spacy.blank("en")
    nlp.tokenizer = QuickTokenizer(nlp)
    nlp.add_pipe("spinecode_sentences")
    targets = nlp.add_pipe("spinecode_target_matcher")
    assert isinstance(targets, QuickTargetMatcher)
    for name, group in _GROUPS.items():
        targets.add([TargetRule.from_dict(rule) for rule in _rules(name, without)], group)
    context = nlp.add_pipe("spinecode_context", config={"span_group_name": TARGETS})
    assert isinstance(context, QuickConText)
    context.add([ConTextRule.from_dict(rule) for rule in _rules("context.json", without)])
    return nlp


class QuickTokenizer:
    """medSpaCy's tokenizer, with spaCy's cache of words put to use.

    spaCy keeps how it cut a word, but stops keeping for the rest of a text at the first special case, and a line end is
    one. Each new word is therefore cut once by itself; the tokens are the same.
    """

    def __init__(self, nlp: Language) -> None:
        self._tokenizer = create_medspacy_tokenizer(nlp)
        self._known: set[str] = set()

    def __call__(self, text: str) -> Doc:
        """The Doc of `text`."""
        if len(self._known) > _MOST_WORDS:
            self._known.clear()
        for word in set(text.split()) - self._known:
            self._known.add(word)
            self._tokenizer(word)
        doc: Doc = self._tokenizer(text)
        return doc


def make_doc(nlp: Language, excerpt: Excerpt) -> Doc:
    """The Doc of an excerpt, with what is asked of it again and again set aside in ``user_data``.

    ``text``; ``starts``: where the sentences of the layout begin (characters); of each token its ``offsets``, ``ends`` and
    ``words`` (in lower case).
    """
    text = excerpt.text
    doc = nlp.tokenizer(text)
    # From the text, which is much quicker than token by token.
    places = doc.to_array([IDX, LENGTH]).tolist()
    doc.user_data["text"] = text
    doc.user_data["starts"] = {piece.start for piece in excerpt.pieces}
    doc.user_data["offsets"] = [at for at, _ in places]
    doc.user_data["ends"] = [at + length for at, length in places]
    doc.user_data["words"] = [text[at : at + length].lower() for at, length in places]
    return doc


@lru_cache(maxsize=1)
def _by_id() -> dict[str, dict[str, Any]]:
    return {rule["metadata"]["id"]: rule["metadata"] for name in _GROUPS for rule in lexicon.rules(name)}


def metadata(span: Span) -> dict[str, Any]:
    """The metadata of the rule that made `span`."""
    return _by_id()[span.id_]
