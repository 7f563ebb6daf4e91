"""Ties between two mentions of one sentence: *due to*, *with*, *not due to* (guideline I.A.15, coding policy 1)."""

from __future__ import annotations

from spacy.tokens import Span

from ..coding import findings as f
from .draft import Draft
from .lexicon import wording
from .sentence_view import Mention

_REACH = 14
_TIES = (
    ("not_due_to", wording("links-not-due-to")),
    ("due_to", wording("links-due-to")),
    ("causes", wording("links-causes")),
    ("with", wording("links-with")),
)


def links_of(draft: Draft, ranks: dict[int, int]) -> tuple[f.Link, ...]:
    """The links between the conditions made of mentions (`ranks`: mention ``id`` → place among the conditions)."""
    out = _told_before(draft, ranks)
    for read in draft.reads:
        real: list[Mention | Span] = [m for m in read.mentions if id(m) in ranks]
        real += [s for s in read.spans.facts if id(s) in ranks]
        for left in real:
            for right in real:
                if right.start - left.end > _REACH or right.start <= left.end:
                    continue
                kind = _tie(draft.words[left.end : right.start])
                if kind is None:
                    continue
                effect, cause = (right, left) if kind == "causes" else (left, right)
                name: f.LinkKind = "due_to" if kind == "causes" else kind  # type: ignore[assignment]
                evidence = draft.evidence(left.end, right.start, read.piece)
                out.append(f.Link(name, ranks[id(effect)], ranks[id(cause)], evidence))
    return tuple(sorted(out, key=lambda link: (link.effect, link.cause, link.evidence)))


_EXPLAINS = wording("links-explains")
_ITS_PAIN = wording("links-its-pain")
_LOOK_BACK = 5


def _told_before(draft: Draft, ranks: dict[int, int]) -> list[f.Link]:
    """As in "This is shingles, and it fully explains the pain.": the pain told in the sentences before."""
    out = []
    for index, read in enumerate(draft.reads):
        causes = [s for s in read.spans.facts if s.label_ == "OUTSIDE" and id(s) in ranks]
        words = " ".join(draft.words[read.start : read.end])
        if not causes or any(id(m) in ranks for m in read.mentions) or not _EXPLAINS.search(words):
            continue
        if not _ITS_PAIN.search(words):
            continue
        earlier = [
            m for near in draft.reads[max(0, index - _LOOK_BACK) : index] for m in near.mentions if id(m) in ranks
        ]
        pains = [m for m in earlier if m.kind in ("pain", "flank_pain", "sciatica")]
        evidence = draft.evidence(causes[0].start, causes[0].end, read.piece)
        out += [f.Link("due_to", ranks[id(pain)], ranks[id(causes[0])], evidence) for pain in pains]
    return out


def _tie(words: list[str]) -> str | None:
    if "." in words:
        return None
    between = " ".join(words)
    return next((kind for kind, pattern in _TIES if pattern.search(between)), None)
