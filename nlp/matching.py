"""medSpaCy's matchers, made quick: the same rules and results, in one pass over the words of a note.

spaCy's `Matcher` evaluates every pattern's first predicate at every token, which is most of the cost of a medSpaCy
pipeline with hundreds of token patterns. Here all rules are one automaton: from each word on it goes from state to
state as long as some rule still fits, and a state knows which rules end there. Supported is what the rule files use:
``LOWER`` equal to a word or ``IN`` a list, with ``OP`` ``?`` or ``*``; anything else is refused when the rule is added,
so that an edited rule never silently stops matching.
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
# Where a rule has got to: its number, the place that comes next, and how often that place was taken.
_Point = tuple[int, int, int]
# Odd texts must not fill the memory with states; those of common phrases are made again at once.
_MOST_STATES = 20_000


class _State:
    """Where the words so far lead: the rules that may end here, and the points reached by each word that goes on."""

    __slots__ = ("ending", "following", "onward")

    def __init__(self, ending: tuple[int, ...], onward: dict[int, tuple[_Point, ...]]) -> None:
        self.ending, self.onward = ending, onward
        self.following: dict[int, _State] = {}


class RuleAutomaton:
    """Finds the longest match of each rule at each token; of overlapping matches the longest stays (as medSpaCy prunes).

    Rules are added in layers: those of one layer compete for their words, those of different layers do not.
    """

    def __init__(self, nlp: Language) -> None:
        self._nlp = nlp
        self._rules: list[Any] = []
        self._layers: list[int] = []
        self._patterns: list[tuple[_Place, ...]] = []
        self._ahead: list[int] = []
        self._states: dict[tuple[_Point, ...], _State] = {}
        self._opening: dict[int, list[_Point]] = {}
        self._start: dict[int, _State] = {}
        self._many = 0

    def add(self, rules: Iterable[Any]) -> None:
        """Adds `rules` (any medSpaCy rule) as a layer of their own.

        Of a rule whose metadata hold ``ahead`` the last so many tokens must follow and are no part of its match: "upper"
        in "upper and lower back".

        Raises:
            TableError: a pattern uses something other than LOWER, IN, ``?`` and ``*``, or can match nothing at all.
        """
        for rule in rules:
            places = tuple(self._places(rule))
            if all(optional for _, optional, _ in places):
                raise TableError(f"rule {rule.literal!r}: every part of its pattern is optional")
            number = len(self._rules)
            self._rules.append(rule)
            self._layers.append(self._many)
            self._patterns.append(places)
            self._ahead.append((rule.metadata or {}).get("ahead", 0))
            for word, points in self._steps([(number, 0, 0)]).items():
                self._opening.setdefault(word, []).extend(points)
        self._many += 1
        self._states.clear()
        self._start = {word: self._state(tuple(points)) for word, points in self._opening.items()}

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

    # -- states --------------------------------------------------------------------------------------------------------

    def _steps(self, points: Iterable[_Point]) -> dict[int, list[_Point]]:
        """The points that each word leads to, places that may be left out passed over."""
        out: dict[int, list[_Point]] = {}
        for number, index, taken in points:
            places = self._patterns[number]
            for at in range(index, len(places)):
                accepted, optional, repeats = places[at]
                times = (taken if at == index else 0) + 1
                following = (number, at, times) if repeats and times < _MOST_REPEATS else (number, at + 1, 0)
                for word in accepted:
                    out.setdefault(word, []).append(following)
                if not optional:
                    break
        return out

    def _state(self, points: tuple[_Point, ...]) -> _State:
        key = tuple(sorted(set(points)))
        if key not in self._states:
            ending = dict.fromkeys(number for number, index, _ in key if self._may_end(number, index))
            onward = {word: tuple(reached) for word, reached in self._steps(key).items()}
            self._states[key] = _State(tuple(ending), onward)
        return self._states[key]

    def _may_end(self, number: int, index: int) -> bool:
        return all(optional for _, optional, _ in self._patterns[number][index:])

    def _after(self, state: _State, word: int) -> _State:
        """The state that `word`, which goes on, leads to: made when a text first goes there."""
        if len(self._states) > _MOST_STATES:
            self._states.clear()
            for opening in self._start.values():
                opening.following.clear()
        found = state.following[word] = self._state(state.onward[word])
        return found

    # -- matching ------------------------------------------------------------------------------------------------------

    def __call__(self, doc: Doc) -> list[tuple[Any, int, int]]:
        """(rule, first token, token after the last) of the matches that stay: layer by layer, in order of place."""
        words = doc.to_array(LOWER).tolist()
        count, starting = len(words), self._start
        found: list[list[tuple[int, int, int]]] = [[] for _ in range(self._many)]
        for start, word in enumerate(words):
            if word not in starting:
                continue
            state, at = starting[word], start + 1
            longest = dict.fromkeys(state.ending, at)
            while at < count and words[at] in state.onward:
                state, at = state.following.get(words[at]) or self._after(state, words[at]), at + 1
                for number in state.ending:
                    longest[number] = at
            for number, end in longest.items():
                found[self._layers[number]].append((number, start, end - self._ahead[number]))
        return [(self._rules[n], start, end) for layer in found for n, start, end in _pruned(layer, count)]


def _pruned(found: list[tuple[int, int, int]], length: int) -> list[tuple[int, int, int]]:
    """Longest first, then leftmost, then the rule listed first; nothing that overlaps what was kept."""
    if len(found) < 2:
        return found
    taken = bytearray(length)
    kept = []
    for number, start, end in sorted(found, key=lambda m: (m[1] - m[2], m[1], m[0])):
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            kept.append((number, start, end))
    return sorted(kept, key=lambda m: m[1])


@Language.factory("spinecode_target_matcher")
class QuickTargetMatcher(TargetMatcher):
    """medSpaCy's target matcher over a `RuleAutomaton`; writes to span groups; ``span.id_`` is the rule's id."""

    def __init__(self, nlp: Language, name: str) -> None:
        super().__init__(nlp, name=name, result_type="group")
        self._automaton = RuleAutomaton(nlp)
        self._groups: dict[str, str] = {}
        self._filled: dict[str, None] = {}

    def add(self, rules: TargetRule | Iterable[TargetRule], group: str = "targets") -> None:
        """Adds rules, as medSpaCy's matcher does; their matches go to the span group, and compete with each other alone."""
        listed = [rules] if isinstance(rules, TargetRule) else list(rules)
        self._automaton.add(listed)
        self._groups.update((rule.metadata["id"], group) for rule in listed)
        self._filled[group] = None

    def __call__(self, doc: Doc) -> Doc:
        """Writes the matches of `doc` to the span groups."""
        spans: dict[str, list[Span]] = {group: [] for group in self._filled}
        for rule, start, end in self._automaton(doc):
            # spaCy keeps extension values by place alone, so two rules on the same words would share them: the rule
            # is known by the span's id instead.
            known = rule.metadata["id"]
            spans[self._groups[known]].append(Span(doc, start, end, label=rule.category, span_id=known))
        for group, made in spans.items():
            doc.spans[group] = made
        return doc


@Language.factory("spinecode_context", default_config={"span_group_name": "targets"})
class QuickConText(ConText):
    """medSpaCy's ConText over a `RuleAutomaton`: same rules, scopes and graph."""

    def __init__(self, nlp: Language, name: str, span_group_name: str) -> None:
        super().__init__(
            nlp, name=name, rules=None, span_attrs=None, input_span_type="group", span_group_name=span_group_name
        )
        self._automaton = RuleAutomaton(nlp)
        self._turned: dict[str, ConTextRule] = {}

    def add(self, rules: ConTextRule | Iterable[ConTextRule]) -> None:
        """Adds rules, as medSpaCy's ConText does.

        A FORWARD rule whose metadata hold ``turns`` (the ends of its phrases) reaches back instead where no object
        follows, over ``turned_scope`` tokens: "discitis ruled out".
        """
        listed = [rules] if isinstance(rules, ConTextRule) else list(rules)
        self._automaton.add(listed)
        self._turned.update((r.metadata["id"], _turned(r)) for r in listed if (r.metadata or {}).get("turns"))

    def __call__(self, doc: Doc, targets: str | None = None) -> Doc:  # noqa: ARG002 - medSpaCy's signature
        """Sets the modifiers of the span group's targets, sentence by sentence."""
        spans = list(doc.spans[self.span_group_name])
        bounds = sentence_bounds(doc)
        told: dict[int, list[Span]] = {}
        for span in spans:
            told.setdefault(bounds[span.start][0], []).append(span)
        found: dict[int, list[ConTextModifier]] = {}
        for found_rule, start, end in self._automaton(doc):
            first, last = bounds[start]
            if first in told:  # where nothing is told there is nothing to modify
                rule = self._as_used(found_rule, doc, end, last)
                left, right = _scope(rule, start, end, first, last)
                modifier = ConTextModifier(rule, start, end, doc, scope_start=left, scope_end=right)
                found.setdefault(first, []).append(modifier)
        whole = ConTextGraph(prune_on_modifier_overlap=self.prune_on_target_overlap)
        whole.targets, whole.modifiers, whole.edges = spans, [], []
        # A modifier never reaches past its sentence, so each sentence is a graph of its own.
        for first, modifiers in found.items():
            graph = ConTextGraph(told[first], modifiers, prune_on_modifier_overlap=self.prune_on_target_overlap)
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
    """For each token the first token of its sentence and the token after its last; found once a Doc."""
    kept: list[tuple[int, int]] | None = doc.user_data.get("bounds")
    if kept is not None:
        return kept
    starts = [i for i, first in enumerate(doc.to_array(SENT_START).tolist()) if first == 1 or i == 0]
    out: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], len(doc)][: len(starts)], strict=True):
        out.extend([(start, end)] * (end - start))
    doc.user_data["bounds"] = out
    return out


def _scope(rule: ConTextRule, start: int, end: int, first: int, last: int) -> tuple[int, int]:
    """The tokens a modifier reaches before others limit it (as medSpaCy sets them)."""
    reach = rule.max_scope or len(range(first, last))
    left = start if rule.direction == "FORWARD" else max(first, start - reach)
    right = end if rule.direction == "BACKWARD" else min(last, end + reach)
    if rule.direction == "FORWARD":
        return end, right
    return (left, start) if rule.direction == "BACKWARD" else (left, right)
