"""How far a cue reaches: ConText gives a sentence, language gives less.

A list goes on over commas as long as its members are of a kind; a member that brings what none before it had (a side, a
level, a verb of its own), and a symptom behind a hedged diagnosis, begin something new. "Versus" takes the two phrases
it joins. Examples of every rule: ``docs/reading.md``, *How far a cue reaches*.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from medspacy.context.context_modifier import ConTextModifier
from spacy.tokens import Doc, Span

from .lexicon import wording, words
from .matching import sentence_bounds
from .pipeline import ANATOMY, TARGETS, metadata

# What a patient feels and says: the certain symptom beside an uncertain or excluded cause.
FELT = frozenset(("pain", "leg_pain", "flank_pain", "radiating_pain", "sciatica", "low_back_pain_with_sciatica"))
# "Spondylosis without myelopathy with radiculopathy": what "without" takes away from a disease, and "with" adds.
_FEATURES = frozenset(
    ("myelopathy", "radiculopathy", "claudication", "sciatica", "root_compression", "cord_compression")
)
_OPERATIONS = words("words-operations") | words("words-scope-operations")
_TREATMENTS = words("words-scope-treatments") | words("words-operations")
_OWN_VERBS = words("words-scope-own-verbs")
_STATES = words("words-scope-states")
_ENTIRE = words("words-scope-entire")
_PART_ENDS = words("words-scope-part-ends")
_STATEMENTS = words("words-scope-statements")
_ASIDE = words("words-scope-asides")
_OPENS_LIST = wording("scope-opens-list")
_ASKS_LIST = wording("scope-asks-list")
_ADJECTIVE = wording("scope-adjective")
# What wears and stays: "history of" it is no recovery.
_LASTING = frozenset(
    ("disc_degeneration", "spondylosis", "facet_arthropathy", "stenosis", "spondylolisthesis", "scoliosis")
)
_DATED = frozenset(("ago", "in", "as", "during", "resolved"))
_LIST_WORDS = frozenset(("or", "nor"))
_JOINS = frozenset(("and", "or", "nor", "&"))
_MARKS = frozenset((",", ":", ";", "(", ")", "-", "."))
_FAR, _NEAR = 16, 6


def governing(span: Span, doc: Doc) -> tuple[ConTextModifier, ...]:
    """The modifiers of a target that reach it by the rules of this module; for facts all that ConText gives."""
    modifiers: tuple[ConTextModifier, ...] = span._.modifiers
    if not modifiers or span.label_ != "CONDITION":
        return modifiers
    line = _line_of(doc, span)
    return tuple(cue for cue in modifiers if _reaches(cue, span, line))


def is_felt(span: Span) -> bool:
    """Whether the target is a symptom."""
    return span.label_ == "CONDITION" and metadata(span)["kind"] in FELT


class _Line:
    """One sentence of a Doc: its words, the marks that cut it into parts, and what stands where."""

    def __init__(self, doc: Doc, first: int, last: int, anatomy: list[Span], targets: list[Span]) -> None:
        self.first, self.last = first, last
        self.words: list[str] = doc.user_data["words"][first:last]
        self.cuts = {
            first + i for i, word in enumerate(self.words) if word in _MARKS and self._cuts(word, first + i, doc)
        }
        self.stops = {i for i in self.cuts if self[i] == "."}
        self.anatomy: dict[int, Span] = {}
        for span in anatomy:
            self.anatomy.update(dict.fromkeys(range(span.start, span.end), span))
        self.targets = targets

    def _cuts(self, word: str, i: int, doc: Doc) -> bool:
        """A hyphen within a word cuts nothing; nor does the point of an abbreviation before a small letter."""
        offsets, ends = doc.user_data["offsets"], doc.user_data["ends"]
        if word == "-":
            return self.first < i < self.last - 1 and ends[i - 1] < offsets[i] and ends[i] < offsets[i + 1]
        return word != "." or (i + 1 < self.last and doc.user_data["text"][offsets[i + 1]].isupper())

    def __getitem__(self, i: int) -> str:
        return self.words[i - self.first]

    def within(self, start: int, end: int) -> list[str]:
        """The words of a stretch of tokens."""
        return self.words[start - self.first : end - self.first]

    def cuts_in(self, start: int, end: int) -> list[int]:
        """The places of the marks in a stretch of tokens, in order."""
        return [i for i in range(start, end) if i in self.cuts]

    def conditions_in(self, start: int, end: int) -> list[Span]:
        """The conditions that lie in a stretch of tokens."""
        return [s for s in self.targets if s.label_ == "CONDITION" and start <= s.start and s.end <= end]

    def anchors(self, start: int, end: int) -> set[str]:
        """What tells one disease from another in a stretch of tokens: "side", "level", "region"."""
        found = set()
        for i in range(start, end):
            span = self.anatomy.get(i)
            if span is None:
                continue
            if span.label_ == "SITE":
                data = metadata(span)
                found |= {"region"} if data.get("region") and not data.get("part") else set()
            elif span.label_ == "LEVEL" or metadata(span)["value"] != "none":
                found.add(span.label_.lower())
        for span in self.conditions_in(start, end):
            found |= {"region"} if metadata(span).get("region") and not is_felt(span) else set()
        return found

    def leaves_bracket(self, start: int, end: int) -> bool:
        """Whether a bracket closes in the stretch that did not open in it."""
        depth = 0
        for word in self.within(start, end):
            depth += (word == "(") - (word == ")")
            if depth < 0:
                return True
        return False

    def part_end(self, i: int) -> int:
        """The end of the part that token `i` stands in: the next mark, or the end of the sentence."""
        return next((k for k in range(i, self.last) if k in self.cuts or self[k] in (".", ";")), self.last)


def _line_of(doc: Doc, span: Span) -> _Line:
    """The sentence of a target, made once a Doc."""
    kept = doc.user_data.setdefault("scope", {})
    if not kept:
        bounds = sentence_bounds(doc)
        kept["starts"] = sorted({first for first, _ in bounds})
        kept["ends"] = dict(bounds)
        for group in (ANATOMY, TARGETS):
            spans = sorted(doc.spans[group], key=lambda s: s.start)
            kept[group] = (spans, [s.start for s in spans])
    first = kept["starts"][bisect_right(kept["starts"], span.start) - 1]
    if first not in kept:
        last = kept["ends"][first]
        anatomy, targets = (
            spans[bisect_left(starts, first) : bisect_left(starts, last)]
            for spans, starts in (kept[ANATOMY], kept[TARGETS])
        )
        kept[first] = _Line(doc, first, last, anatomy, targets)
    line: _Line = kept[first]
    return line


def _reaches(cue: ConTextModifier, span: Span, line: _Line) -> bool:
    start, end = cue.modifier_span
    if cue.direction == "BIDIRECTIONAL":
        return cue.category != "UNCERTAIN" or _is_alternative(start, end, span, line)
    if end <= span.start:
        return _reaches_ahead(cue, span, line)
    return span.end > start or _reaches_back(cue, span, line)


# -- ahead: "no ...", "possible ...", "history of ..." -------------------------------------------------------------------


def _reaches_ahead(cue: ConTextModifier, span: Span, line: _Line) -> bool:
    start, end = cue.modifier_span
    if cue.category not in ("NEGATED", "UNCERTAIN", "HISTORICAL"):
        return True
    if line.leaves_bracket(end, span.start) or line.stops & set(range(end, span.start)):
        return False
    if cue.category == "HISTORICAL":
        return not _is_after_operation(end, span, line) and not _is_pain_of_lasting(end, span, line)
    said = " ".join(line.within(start, end))
    if _OPENS_LIST.search(said):
        return True
    if cue.category == "NEGATED" and (
        _OWN_VERBS & set(line.within(end, span.start))
        or (said.startswith("without") and (_is_added(start, end, span, line) or _is_beside(start, end, span, line)))
    ):
        return False
    if cue.category == "NEGATED" and (_is_run_on(end, span, line) or _is_stated_anew(end, span, line)):
        return False
    cuts = line.cuts_in(end, span.start)
    return not cuts or _is_in_list(cue.category, said, end, cuts, span, line)


def _is_run_on(end: int, span: Span, line: _Line) -> bool:
    """As in "no injury low back pain for two weeks": dictation without commas. "No injury" is complete."""
    last = next((i for i in range(span.start - 1, end - 2, -1) if i not in line.anatomy), line.first)
    return is_felt(span) and max(line.first, end - 1) <= last and line[last] in _ENTIRE


def _is_stated_anew(end: int, span: Span, line: _Line) -> bool:
    """As in "straight leg raise negative diagnosis lumbar strain": dictation without stops goes on to its diagnosis."""
    return any(line[i] in _STATEMENTS and line[i + 1] != "of" for i in range(end, span.start))


def _is_pain_of_lasting(end: int, span: Span, line: _Line) -> bool:
    """As in "h/o lumbar DDD with LBP": what does not heal is told as known, and the pain behind it is today's."""
    if metadata(span).get("kind") != "pain" or _DATED & set(line.within(span.end, line.part_end(span.end))):
        return False
    known = line.conditions_in(end, span.start)
    joined = line.within(known[-1].end, span.start) if known else []
    return joined[:1] == ["with"] and all(metadata(other)["kind"] in _LASTING for other in known)


def _is_in_list(category: str, said: str, end: int, cuts: list[int], span: Span, line: _Line) -> bool:
    """Whether the target, marks away from its cue, is a member of the list that the cue opens."""
    entire = (
        category == "NEGATED"
        and not _ASKS_LIST.search(said)
        and bool(_ENTIRE & {*said.split(), *line.within(end, cuts[0])})
    )
    if cuts[0] == end and not entire:
        # "Disc herniation likely, low back pain": said of what stands before it.
        return category != "UNCERTAIN" or not line.conditions_in(max(line.first, end - _NEAR), end)
    # "Suspect, given the exam, ...", "suggestive of, but not diagnostic for, ...": nothing has been named yet.
    if line[end] in _ASIDE or line[cuts[0] - 1] in _ASIDE or _list_goes_on(cuts[-1], span, line):
        return True
    own = line.anchors(cuts[-1] + 1, line.part_end(span.end)) - line.anchors(end, cuts[-1])
    if category == "UNCERTAIN":
        return not own and (not is_felt(span) or line[cuts[-1] + 1] == "and")
    return not (entire and is_felt(span)) and not _begins_anew(said, own, cuts, span, line)


def _list_goes_on(cut: int, span: Span, line: _Line) -> bool:
    """Whether "or" stands before the target in its part of the list, or behind it: "no fever, back pain, or sciatica"."""
    if _LIST_WORDS & set(line.within(cut + 1, span.start)):
        return True
    for i in range(span.end, min(span.end + _FAR, line.last)):
        if line[i] in (".", ";", "but", "who", "which"):
            return False
        if line[i] in _LIST_WORDS:
            return True
    return False


def _begins_anew(said: str, own: set[str], cuts: list[int], span: Span, line: _Line) -> bool:
    """Whether the part of a denied list that holds the target is no member of it any more."""
    felt = is_felt(span)
    if felt:
        own = own - {"region"}
    if _ASKS_LIST.search(said):  # what a patient is asked about may have sides: "denies neck pain, left arm pain"
        own = own - {"side"}
    if own or _STATES & set(line.within(span.end, line.part_end(span.end))):
        return True
    # ", or weight loss, ...": the last member has been told.
    if any(line[cut + 1] in _LIST_WORDS and line[cut] == "," for cut in cuts[:-1]):
        return True
    return felt and line[cuts[-1]] == "-"


def _is_added(start: int, end: int, span: Span, line: _Line) -> bool:
    """As in "spondylosis without myelopathy with left C6 radiculopathy": "with" goes back to the disease."""
    gap = line.within(end, span.start)
    if "with" not in gap or not line.conditions_in(line.first, start):
        return False
    at = end + len(gap) - 1 - gap[::-1].index("with")
    taken = line.conditions_in(end, at)
    if not taken:
        return False
    is_feature = metadata(span)["kind"] in _FEATURES and metadata(taken[-1])["kind"] in _FEATURES
    return is_feature or bool({"side", "level"} & line.anchors(at, span.end) - line.anchors(end, at))


def _is_beside(start: int, end: int, span: Span, line: _Line) -> bool:
    """As in "spondylosis without myelopathy, chronic neck pain": "without" takes features from the disease, no more."""
    cuts = line.cuts_in(end, span.start)
    if not cuts or metadata(span)["kind"] in _FEATURES or _list_goes_on(cuts[-1], span, line):
        return False
    taken = line.conditions_in(end, cuts[0])
    lacking = bool(taken) and all(metadata(other)["kind"] in _FEATURES for other in taken)
    return lacking and any(not is_felt(other) for other in line.conditions_in(line.first, start))


def _is_after_operation(end: int, span: Span, line: _Line) -> bool:
    """As in "h/o L4-5 discectomy, left sciatica": the operation is past, what stands behind it is today's."""
    limit = next((i for i in range(end, span.start) if i in line.cuts or line[i] in ("with", "now")), None)
    if limit is None:
        return False
    cue_is_operation = bool(_OPERATIONS & set(line.within(max(line.first, end - 3), end)))
    if cue_is_operation:  # "fusion for spondylolisthesis, left sciatica"
        return is_felt(span) and line[limit] == ","
    return bool(_OPERATIONS & set(line.within(end, limit))) and not line.conditions_in(end, limit)


# -- back: "... resolved", "... ruled out" -----------------------------------------------------------------------------


def _reaches_back(cue: ConTextModifier, span: Span, line: _Line) -> bool:
    start = cue.modifier_span[0]
    if cue.category not in ("NEGATED", "UNCERTAIN", "RESOLVED", "HISTORICAL"):
        return True
    if line.stops & set(range(span.end, start)):
        return False
    cuts = line.cuts_in(span.end, start)
    joined = bool(cuts) and bool(_JOINS & set(line.within(cuts[0], start)))
    if (cue.rule.metadata or {}).get("turned"):
        return not {".", "with"} & set(line.within(span.end, start)) and (joined or not cuts)
    if not cuts:
        return True
    nearer = line.conditions_in(cuts[0], start)
    if not nearer:
        return True
    if not joined:
        return "denied" in line.within(*cue.modifier_span)
    # "HNP L4-5, back pain and numbness resolved": the disease is no member of the list of symptoms.
    return is_felt(span) or not all(is_felt(other) for other in nearer)


# -- "versus" ----------------------------------------------------------------------------------------------------------


def _is_alternative(start: int, end: int, span: Span, line: _Line) -> bool:
    """Whether the target is one of the two diagnoses that "versus" joins."""
    stop = start - 1 if line.first < start and line[start - 1] == "," else start
    left = next((i + 1 for i in range(stop - 1, line.first - 1, -1) if _ends_part(i, line)), line.first)
    right = next((i for i in range(end, line.last) if _ends_part(i, line)), line.last)
    if _is_of_places(left, stop, end, line) or _is_of_treatments(left, stop, end, right, line):
        return False
    if span.end <= stop:
        if span.start < left:
            # "strain, sprain, vs disc herniation"
            return stop < start and not is_felt(span) and not line.stops & set(range(span.end, start))
        return _is_left_of(stop, end, right, span, line)
    if span.start >= right:
        added = line[right] == "with" and not is_felt(span) and bool(line.conditions_in(end, right))
        goes_on = line[right] == "," and right + 1 < line.last and line[right + 1] == "or"
        return (added or goes_on) and len(line.cuts_in(end, span.start)) <= goes_on
    return _is_right_of(left, stop, span, line)


def _ends_part(i: int, line: _Line) -> bool:
    return i in line.cuts or line[i] in (".", ";") or line[i] in _PART_ENDS


def _is_left_of(stop: int, end: int, right: int, span: Span, line: _Line) -> bool:
    between = range(span.end, stop)
    if is_felt(span) and any(i not in line.anatomy for i in between):
        return False  # "low back pain, worse sitting vs standing"
    if line.conditions_in(end, right) or end >= line.last or stop <= line.first:
        return True
    one, other = line.anatomy.get(stop - 1), line.anatomy.get(end)
    return one is None or other is None or one.label_ != other.label_  # "radiculopathy L4 vs L5"


def _is_right_of(left: int, stop: int, span: Span, line: _Line) -> bool:
    """Not "muscular vs discogenic low back pain": two adjectives of one symptom."""
    return not (is_felt(span) and stop - left == 1 and _ADJECTIVE.match(line[left]))


def _is_of_places(left: int, stop: int, end: int, line: _Line) -> bool:
    """As in "L4-5 vs L5-S1 herniation", "left vs right sciatica": the disease is one."""
    one, other = line.anatomy.get(stop - 1), line.anatomy.get(end)
    if one is None or other is None or line.conditions_in(left, stop):
        return False
    return one.label_ == other.label_ and one.label_ in ("LEVEL", "SIDE")


def _is_of_treatments(left: int, stop: int, end: int, right: int, line: _Line) -> bool:
    """As in "stenosis, injection vs surgery": a choice of what to do."""
    first = next((s.start for s in line.conditions_in(end, right)), right)
    named = {i for s in line.targets for i in range(s.start, s.end)}  # "epidural abscess" is no injection
    beside = (*range(max(left, stop - 2), stop), *range(end, min(first, end + 5)))
    return any(line[i] in _TREATMENTS and i not in named for i in beside)
