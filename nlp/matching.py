"""medSpaCy's matchers, made quick: the same rules and results, tried only where a rule's first word stands.

spaCy's `Matcher` evaluates every pattern's first predicate at every token, which is most of the cost of a medSpaCy
pipeline with hundreds of token patterns. Here each rule is filed under the words it can begin with. Supported is what
the rule files use: ``LOWER`` equal to a word or ``IN`` a list, with ``OP`` ``?`` or ``*``; anything else is refused when
the rule is added, so that an edited rule never silently stops matching.
"""

from collections.abc import Iterable
from typing import Any

from medspacy.common.base_rule import BaseRule
from medspacy.context import ConText, ConTextRule
from medspacy.context.context_graph import ConTextGraph
from medspacy.context.context_modifier import ConTextModifier
from medspacy.target_matcher import TargetMatcher, TargetRule
from spacy.attrs import LOWER, SENT_START
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..coding.errors import TableError
from . import lexicon

# "Discitis ruled out.", "... denied by the patient": no object follows.
_CLOSERS = lexicon.words("words-scope-closers")
_ASKERS = lexicon.words("words-scope-askers")
_MOST_REPEATS = 6

# One place of a pattern: the words it takes, whether it may be left out, whether it may repeat.
_Place = tuple[frozenset[int], bool, bool]


class FirstWordMatcher:
    """Finds the longest match of each rule at each token; of overlapping matches the longest stays (as medSpaCy prunes)."""

    def __init__(self, nlp: Language) -> None:
        self._nlp = nlp
        self._rules: list[Any] = []
        self._patterns: list[tuple[_Place, ...]] = []
        self._ahead: list[int] = []
        # By first word: rules that may end there, and by the word after it those that go on.
        self._starting: dict[int, tuple[list[int], dict[int, list[int]]]] = {}

    def add(self, rules: Iterable[Any]) -> None:
        """Files `rules` (any medSpaCy rule).

        Of a rule whose metadata hold ``ahead`` the last so many tokens must follow and are no part of its match: "upper"
        in "upper and lower back".

        Raises:
            TableError: a pattern uses something other than LOWER, IN, ``?`` and ``*``, or can match nothing at all.
        """
        for rule in rules:
            places = tuple(self._places(rule))
            number = len(self._rules)
            self._rules.append(rule)
            self._patterns.append(places)
            self._ahead.append((rule.metadata or {}).get("ahead", 0))
            for word in self._first_words(rule, places):
                self._file(number, places, word)

    def _file(self, number: int, places: tuple[_Place, ...], word: int) -> None:
        alone, going_on = self._starting.setdefault(word, ([], {}))
        following = _second_words(places, word)
        if following is None:
            alone.append(number)
            return
        for second in sorted(following):
            going_on.setdefault(second, []).append(number)

    def _places(self, rule: BaseRule) -> Iterable[_Place]:
        strings = self._nlp.vocab.strings
        if rule.pattern is None:
            for token in self._nlp.make_doc(rule.literal.lower()):
                yield frozenset((strings.add(token.text),)), False, False
            return
        for part in rule.pattern:
            lower = part.get("LOWER") if isinstance(part, dict) else None
            words = [lower] if isinstance(lower, str) else (lower or {}).get("IN")
            operator = part.get("OP", "") if isinstance(part, dict) else "unknown"
            if not words or operator not in ("", "?", "*") or not set(part) <= {"LOWER", "OP"}:
                raise TableError(
                    f"rule {rule.literal!r}: a pattern may use LOWER, IN, OP ? and OP * only, not {part!r}"
                )
            yield frozenset(strings.add(word) for word in words), operator != "", operator == "*"

    @staticmethod
    def _first_words(rule: BaseRule, places: tuple[_Place, ...]) -> list[int]:
        first: dict[int, None] = {}
        for words, optional, _ in places:
            first.update(dict.fromkeys(sorted(words)))
            if not optional:
                return list(first)
        raise TableError(f"rule {rule.literal!r}: every part of its pattern is optional")

    def __call__(self, doc: Doc) -> list[tuple[Any, int, int]]:
        """(rule, first token, token after the last) of the matches that stay, in order of place."""
        words = doc.to_array(LOWER).tolist()
        starting, patterns = self._starting, self._patterns
        found = []
        for start, (word, following) in enumerate(zip(words, [*words[1:], 0], strict=False)):
            if word in starting:
                alone, going_on = starting[word]
                for number in (*alone, *going_on.get(following, ())):
                    end = _longest(patterns[number], 0, words, start)
                    if start < end:
                        found.append((number, start, end - self._ahead[number]))
        return [(self._rules[number], start, end) for number, start, end in _pruned(found, len(words))]


def _second_words(places: tuple[_Place, ...], word: int) -> set[int] | None:
    """The words that may follow `word` where it begins a match of `places`; None when the match may end with it."""
    found: set[int] = set()
    for index, (accepted, optional, repeats) in enumerate(places):
        if word in accepted:
            found |= accepted if repeats else set()
            for words, skipped, _ in places[index + 1 :]:
                found |= words
                if not skipped:
                    break
            else:
                return None
        if not optional:
            break
    return found


def _longest(places: tuple[_Place, ...], index: int, words: list[int], at: int) -> int:
    """The end of the longest match of ``places[index:]`` at token `at`, or -1."""
    while index < len(places):
        accepted, optional, repeats = places[index]
        fits = at < len(words) and words[at] in accepted
        if not optional:
            if not fits:
                return -1
            at, index = at + 1, index + 1
            continue
        if not fits:
            index += 1
            continue
        best = _longest(places, index + 1, words, at)
        taken = 0
        while fits and taken < (_MOST_REPEATS if repeats else 1):
            taken += 1
            best = max(best, _longest(places, index + 1, words, at + taken))
            fits = at + taken < len(words) and words[at + taken] in accepted
        return best
    return at


def _pruned(found: list[tuple[int, int, int]], length: int) -> list[tuple[int, int, int]]:
    """Longest first, then leftmost, then the rule listed first; nothing that overlaps what was kept."""
    taken = bytearray(length)
    kept = []
    for number, start, end in sorted(found, key=lambda m: (m[1] - m[2], m[1], m[0])):
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            kept.append((number, start, end))
    return sorted(kept, key=lambda m: m[1])


@Language.factory("spinecode_target_matcher", default_config={"span_group_name": "targets"})
class QuickTargetMatcher(TargetMatcher):
    """medSpaCy's target matcher over a `FirstWordMatcher`; writes to a span group; ``span.id_`` is the rule's id."""

    def __init__(self, nlp: Language, name: str, span_group_name: str) -> None:
        super().__init__(nlp, name=name, result_type="group", span_group_name=span_group_name)
        self._quick = FirstWordMatcher(nlp)

    def add(self, rules: TargetRule | Iterable[TargetRule]) -> None:
        """Adds rules, as medSpaCy's matcher does."""
        self._quick.add([rules] if isinstance(rules, TargetRule) else rules)

    def __call__(self, doc: Doc) -> Doc:
        """Writes the matches of `doc` to the span group."""
        spans = []
        for rule, start, end in self._quick(doc):
            # spaCy keeps extension values by place alone, so two rules on the same words would share them: the rule
            # is known by the span's id instead.
            spans.append(Span(doc, start, end, label=rule.category, span_id=rule.metadata["id"]))
        doc.spans[self.span_group_name] = [*doc.spans.get(self.span_group_name, ()), *spans]
        return doc


@Language.factory("spinecode_context", default_config={"span_group_name": "targets"})
class QuickConText(ConText):
    """medSpaCy's ConText over a `FirstWordMatcher`: same rules, scopes and graph."""

    def __init__(self, nlp: Language, name: str, span_group_name: str) -> None:
        super().__init__(
            nlp, name=name, rules=None, span_attrs=None, input_span_type="group", span_group_name=span_group_name
        )
        self._quick = FirstWordMatcher(nlp)
        self._turned: dict[str, ConTextRule] = {}

    def add(self, rules: ConTextRule | Iterable[ConTextRule]) -> None:
        """Adds rules, as medSpaCy's ConText does.

        A FORWARD rule whose metadata hold ``turns`` (the ends of its phrases) reaches back instead where no object
        follows, over ``turned_scope`` tokens: "discitis ruled out".
        """
        listed = [rules] if isinstance(rules, ConTextRule) else list(rules)
        self._quick.add(listed)
        self._turned.update((r.metadata["id"], _turned(r)) for r in listed if (r.metadata or {}).get("turns"))

    def __call__(self, doc: Doc, targets: str | None = None) -> Doc:  # noqa: ARG002 - medSpaCy's signature
        """Sets the modifiers of the span group's targets, sentence by sentence."""
        spans = list(doc.spans[self.span_group_name])
        bounds = sentence_bounds(doc)
        whole = ConTextGraph(prune_on_modifier_overlap=self.prune_on_target_overlap)
        whole.targets, whole.modifiers, whole.edges = spans, [], []
        found: dict[int, list[ConTextModifier]] = {}
        for found_rule, start, end in self._quick(doc):
            rule = self._as_used(found_rule, doc, end, bounds[start][1])
            scope = _scope(rule, start, end, *bounds[start])
            modifier = ConTextModifier(rule, start, end, doc, scope_start=scope[0], scope_end=scope[1])
            found.setdefault(bounds[start][0], []).append(modifier)
        # A modifier never reaches past its sentence, so each sentence is a graph of its own.
        for first, modifiers in found.items():
            graph = ConTextGraph(prune_on_modifier_overlap=self.prune_on_target_overlap)
            graph.targets = [s for s in spans if bounds[s.start][0] == first]
            graph.modifiers = modifiers
            if graph.targets:
                graph.update_scopes()
                graph.apply_modifiers()
                whole.modifiers += modifiers
                whole.edges += graph.edges
        for target, modifier in whole.edges:
            target._.modifiers += (modifier,)
        doc._.context_graph = whole
        return doc

    def _as_used(self, rule: ConTextRule, doc: Doc, end: int, last: int) -> ConTextRule:
        """The rule, or its turned twin when its phrase ends in such a verb and no object follows."""
        twin = self._turned.get((rule.metadata or {}).get("id", ""))
        if twin is None or (end < last and doc[end].lower_ not in _CLOSERS):
            return rule
        if end > 1 and doc[end - 2].lower_ in _ASKERS:  # "the patient denied, when asked, back pain"
            return rule
        ending = doc[max(0, end - 2) : end].text.lower()
        return twin if any(ending.endswith(told) for told in twin.metadata["turns"]) else rule


def _turned(rule: ConTextRule) -> ConTextRule:
    return ConTextRule(
        rule.literal,
        rule.category,
        direction="BACKWARD",
        max_scope=rule.metadata["turned_scope"],
        metadata={**rule.metadata, "turned": True},
    )


def sentence_bounds(doc: Doc) -> list[tuple[int, int]]:
    """For each token the first token of its sentence and the token after its last."""
    starts = [i for i, first in enumerate(doc.to_array(SENT_START).tolist()) if first == 1 or i == 0]
    out: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], len(doc)][: len(starts)], strict=True):
        out.extend([(start, end)] * (end - start))
    return out


def _scope(rule: ConTextRule, start: int, end: int, first: int, last: int) -> tuple[int, int]:
    """The tokens a modifier reaches before others limit it (as medSpaCy sets them)."""
    reach = rule.max_scope or len(range(first, last))
    left = start if rule.direction == "FORWARD" else max(first, start - reach)
    right = end if rule.direction == "BACKWARD" else min(last, end + reach)
    if rule.direction == "FORWARD":
        return end, right
    return (left, start) if rule.direction == "BACKWARD" else (left, right)
