"""Steady throughput of reading and deciding against medspaCy's own components: same notes, same process.

    python benchmarks/bench_throughput.py [FOLDER_OR_NOTES.jsonl] [--pairs 7]

The baseline is fixed: PyRuSH sentences, target matcher with the 40 phrases of baseline_targets.json, ConText, sections.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import medspacy
from loguru import logger
from medspacy.target_matcher import TargetRule
from pairs import measure
from spinecode.coding.decide import decide
from spinecode.nlp.reader import Reader

HERE = Path(__file__).resolve().parent
DEV_NOTES = HERE.parent.parent / "shared" / "dev-notes"
CORPORA = HERE.parent / "corpora"
COMPONENTS = ["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context", "medspacy_sectionizer"]
TARGET = 8


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


def timed(work: Callable[[str], object], texts: list[str]) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        for text in texts:
            work(text)
        return time.perf_counter() - start

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notes", nargs="?", type=Path, default=DEV_NOTES if DEV_NOTES.is_dir() else CORPORA)
    parser.add_argument("--pairs", type=int, default=7)
    arguments = parser.parse_args()
    logger.disable("medspacy")  # logging would slow the baseline down
    logger.disable("PyRuSH")
    texts = load_texts(arguments.notes)
    reader, baseline = Reader(), load_baseline()
    # Seconds of the baseline over ours: how many times its notes per second we read and decide.
    ratio = measure(
        timed(baseline, texts), timed(lambda text: decide(reader.read(text)), texts), max(7, arguments.pairs)
    )
    print(f"throughput          {ratio} times medspaCy, target at least {TARGET}: ", end="")
    print(f"{len(texts) / ratio.other:.0f} notes/s against {len(texts) / ratio.one:.1f} on {len(texts)} notes")


if __name__ == "__main__":
    main()
