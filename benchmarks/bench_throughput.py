"""Steady throughput against medspaCy's own components: same notes, same process. Then where our time goes, and the floor.

    python benchmarks/bench_throughput.py [FOLDER_OR_NOTES.jsonl] [--pairs 7]

The baseline is fixed: PyRuSH sentences, target matcher with the 40 phrases of baseline_targets.json, ConText, sections.
Measured are three reaches: what the baseline does (the cue filter, then the pipeline on what it keeps), reading and
deciding, and everything a user gets: findings, codes, gaps, confidence, as a line of JSON. The first pass is that of an
engine that has seen no note yet and knows no word by sight.

The floor is what no reader of notes built on medSpaCy can go below: its tokenizer alone, and one pass of a compiled matcher
(spaCy's PhraseMatcher, a trie in C) over the tokens, with every plain phrase of our rules.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import medspacy
import spacy
from loguru import logger
from medspacy.custom_tokenizer import create_medspacy_tokenizer
from medspacy.target_matcher import TargetRule
from pairs import measure
from spacy.matcher import PhraseMatcher
from spinecode import Spinecode
from spinecode.coding.decide import decide
from spinecode.coding.gaps.analysis import gaps_of
from spinecode.nlp import lexicon
from spinecode.nlp.pipeline import make_doc
from spinecode.nlp.reader import Reader

HERE = Path(__file__).resolve().parent
DEV_NOTES = HERE.parent.parent / "shared" / "dev-notes"
CORPORA = HERE.parent / "corpora"
COMPONENTS = ["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context", "medspacy_sectionizer"]
FLOOR, TARGET = 8, 25
MOST_NOTES = 100
RULES = ("conditions.json", "facts.json", "anatomy.json", "sides.json", "attributes.json", "context.json")


def load_texts(place: Path) -> list[str]:
    files: Iterable[Path] = [place] if place.is_file() else sorted(place.rglob("notes.jsonl"))
    return [
        json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines() if line
    ]


def load_baseline() -> Any:
    nlp = medspacy.load(medspacy_enable=COMPONENTS)
    targets = json.loads((HERE / "baseline_targets.json").read_text(encoding="utf-8"))["targets"]
    nlp.get_pipe("medspacy_target_matcher").add([TargetRule(**target) for target in targets])
    return nlp


def matched(reader: Reader, text: str) -> Any:
    """The Doc of what the cue filter keeps of `text`, through the pipeline: as far as the baseline goes."""
    return reader._nlp(make_doc(reader._nlp, reader._excerpts.build(text, reader._layout.read(text))))


def timed(work: Callable[[str], object], texts: list[str]) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        for text in texts:
            work(text)
        return time.perf_counter() - start

    return run


# -- where the time goes -----------------------------------------------------------------------------------------------


def best(work: Callable[[], Sequence[Any]], times: int = 7) -> tuple[float, Sequence[Any]]:
    """CPU milliseconds of the quickest run for each thing made, and what was made: others may use the machine."""
    seconds, made = [], work()
    for _ in range(times):
        start = time.process_time()
        made = work()
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds) / len(made), made


def stages(engine: Spinecode, reader: Reader, texts: list[str]) -> dict[str, float]:
    """CPU milliseconds a note spends in each step, each step over all notes."""
    spent: dict[str, float] = {}
    spent["layout"], layouts = best(lambda: [reader._layout.read(text) for text in texts])
    spent["cues, excerpt"], excerpts = best(
        lambda: [reader._excerpts.build(*pair) for pair in zip(texts, layouts, strict=True)]
    )
    spent["tokens"], _ = best(lambda: [make_doc(reader._nlp, excerpt) for excerpt in excerpts])
    piped, _ = best(lambda: [reader._nlp(make_doc(reader._nlp, excerpt)) for excerpt in excerpts])
    spent["phrases, ConText"] = piped - spent["tokens"]
    read, findings = best(lambda: [reader.read(text) for text in texts])
    spent["attachment, assertion"] = read - piped - spent["layout"] - spent["cues, excerpt"]
    spent["decide"], decided = best(lambda: [decide(note) for note in findings])
    spent["gaps"], _ = best(lambda: [gaps_of(*pair) for pair in zip(findings, decided, strict=True)])
    whole, _ = best(lambda: [engine.suggest(text).to_json() for text in texts])
    spent["result, JSON"] = whole - read - spent["decide"] - spent["gaps"]
    return spent


def floor(texts: list[str]) -> dict[str, float]:
    """CPU milliseconds a note takes medspaCy's tokenizer, and one pass of a compiled matcher over its tokens."""
    nlp = spacy.blank("en")
    tokenizer = create_medspacy_tokenizer(nlp)
    matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
    phrases = {rule["literal"] for name in RULES for rule in lexicon.rules(name) if not rule.get("pattern")}
    matcher.add("phrases", [tokenizer(phrase) for phrase in sorted(phrases)])
    tokens, docs = best(lambda: [tokenizer(text) for text in texts])
    match, _ = best(lambda: [matcher(doc) for doc in docs])
    return {"tokenizer alone": tokens, f"one pass for {len(phrases)} phrases": match}


def print_spent(title: str, spent: dict[str, float]) -> float:
    """Prints the parts and their sum, and gives the sum."""
    whole = sum(spent.values())
    print(f"{title:<20}{whole:.2f} ms of CPU a note: ", end="")
    print(", ".join(f"{name} {part:.2f} ({part / whole:.0%})" for name, part in spent.items()))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notes", nargs="?", type=Path, default=DEV_NOTES if DEV_NOTES.is_dir() else CORPORA)
    parser.add_argument("--pairs", type=int, default=7)
    arguments = parser.parse_args()
    logger.disable("medspacy")  # logging would slow the baseline down
    logger.disable("PyRuSH")
    texts = load_texts(arguments.notes)
    texts = texts[:: 1 + len(texts) // MOST_NOTES]  # the baseline takes a tenth of a second for each
    pairs = max(7, arguments.pairs)
    reader, baseline = Reader(), load_baseline()
    engine = Spinecode(reader=reader)
    whole = timed(lambda text: engine.suggest(text).to_json(), texts)
    first = whole()
    # Seconds of the baseline over ours: how many times its notes per second we do.
    for name, ours, target in (
        ("filter and pipeline", timed(lambda text: matched(reader, text), texts), TARGET),
        ("read and decide", timed(lambda text: decide(reader.read(text)), texts), FLOOR),
        ("notes to results", whole, TARGET),
    ):
        ratio = measure(timed(baseline, texts), ours, pairs)
        print(f"{name:<20}{ratio} times medspaCy, target at least {target}: ", end="")
        print(f"{len(texts) / ratio.other:.0f} notes/s against {len(texts) / ratio.one:.1f} on {len(texts)} notes")
    print(f"first pass          {ratio.one / first:.2f} times medspaCy, notes to results, no word known yet")
    ours = print_spent("where it goes", stages(engine, reader, texts))
    least = print_spent("floor", floor(texts))
    print(f"above the floor     {ours / least:.1f} times")


if __name__ == "__main__":
    main()
