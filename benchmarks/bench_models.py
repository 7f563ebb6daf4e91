"""What confidence and routing cost: per note beside the rules alone (pairs interleaved), and on the one-note path.

python benchmarks/bench_models.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from loguru import logger
from spinecode.models.store import load
from spinecode.pipelines.suggest import Spinecode

CORPORA = Path(__file__).resolve().parent.parent / "corpora"
PAIRS = 7


def main() -> None:
    """Print median, least and most of the ratio, and the milliseconds of loading and judging one note."""
    logger.remove()
    texts = [json.loads(line)["text"] for line in (CORPORA / "dictated" / "notes.jsonl").open(encoding="utf-8")]
    plain, doubting = Spinecode(models=None), Spinecode()
    ratios = []
    for _ in range(PAIRS + 1):  # the first pair warms up
        seconds = []
        for engine in (plain, doubting):
            start = time.process_time()
            for text in texts:
                engine.suggest(text).to_json()  # a line of batch output
            seconds.append(time.process_time() - start)
        ratios.append(seconds[1] / seconds[0])
    kept = ratios[1:]
    print(f"with models / without, per note: {statistics.median(kept):.3f} ({min(kept):.3f} to {max(kept):.3f})")
    start = time.process_time()
    load()
    loading = 1000 * (time.process_time() - start)
    script = (
        "import time\nfrom spinecode.pipelines.suggest import Spinecode\nfrom spinecode.models.store import load\n"
        "t = time.process_time()\nload()\nprint(1000 * (time.process_time() - t))"
    )
    first = [
        float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
        for _ in range(PAIRS)
    ]
    per_note = 1000 * (seconds[1] - seconds[0]) / len(texts)
    cold = statistics.median(first)
    print(
        f"one note: loading the models {cold:.1f} ms in a fresh process ({loading:.1f} ms again), judging {per_note:.1f} ms"
    )


if __name__ == "__main__":
    main()
