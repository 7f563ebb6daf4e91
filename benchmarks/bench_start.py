"""How long a person waits for one command, against loading medspaCy: ratios of wall time, each in a new process.

python benchmarks/bench_start.py [--pairs 7]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pairs import measure

NOTE = "ASSESSMENT:\n1. Chronic low back pain with right-sided sciatica for 4 months.\n2. Hypertension.\n"
BASELINE = [sys.executable, "-c", "import medspacy; medspacy.load()"]


def timed(command: list[str], folder: str) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    pairs = max(7, parser.parse_args().pairs)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "note.txt").write_text(NOTE, encoding="utf-8")
        for arguments, target in ((["suggest", "note.txt"], 1.2), (["--help"], 0.3)):
            command = [sys.executable, "-m", "spinecode", *arguments]
            ratio = measure(timed(command, folder), timed(BASELINE, folder), pairs)
            name = f"spinecode {arguments[0]}"
            print(f"{name:<20}{ratio} of medspacy.load(), target at most {target}: ", end="")
            print(f"{ratio.one:.2f} s against {ratio.other:.2f} s", flush=True)


if __name__ == "__main__":
    main()
