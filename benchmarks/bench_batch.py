"""Batch: kills, two workers against one, memory and cost per note as a run grows.

    python benchmarks/bench_batch.py [kills] [workers] [size] [scale]       nothing: all four

Short notes are made of the sentences of the corpora here, none like another, so that no cache of whole notes helps.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairs import measure

CORPORA = Path(__file__).resolve().parent.parent / "corpora"
KILLS = 50
SMALL, MANY, LARGE = 2_000, 15_000, 100_000


def sentences() -> list[str]:
    texts = [
        json.loads(line)["text"]
        for folder in ("guide", "written", "dictated")
        for line in (CORPORA / folder / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [line.strip() for text in texts for line in text.splitlines() if 20 < len(line.strip()) < 200]


def write_short_notes(path: Path, count: int) -> Path:
    """``count`` notes of three sentences, each with a number of its own."""
    chance, pool = random.Random(1), sentences()
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            text = "\n".join([*chance.sample(pool, 3), f"Ref {number}"])
            row = {"encounter_id": number, "text": text, "provider": f"Dr. {number % 40}"}
            file.write(json.dumps(row) + "\n")
    return path


def command(source: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "spinecode", "batch", str(source), str(out), *options]


def processes(parent: int) -> list[int]:
    found = [parent]
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in task.read_text().split():
            found += processes(int(pid))
    return found


def memory(pid: int) -> int:
    """Proportional set size of a process and its children (KiB): shared pages count once."""
    total = 0
    for each in processes(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def used() -> float:
    """Seconds of processor time of all runs that have ended, with their workers."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def run_watched(source: Path, out: Path, *options: str) -> tuple[float, int]:
    """Seconds of processor time and peak memory (KiB) of a run with all its processes."""
    start, peak = used(), 0
    process = subprocess.Popen(command(source, out, *options), stderr=subprocess.DEVNULL, cwd=out.parent)
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            peak = max(peak, memory(process.pid))
        time.sleep(0.2)
    if process.returncode:
        sys.exit(f"the run ended with status {process.returncode}")
    return used() - start, peak


def bench_size(folder: Path) -> None:
    """Memory of 100,000 short notes against 2,000, cost per note from 1,000 on; the start of the program is left out.

    A start takes as long as a thousand notes, and a machine is not as quick all the time: short runs stand before and
    behind the long one, and count with their median.
    """
    notes = {count: write_short_notes(folder / f"{count}.jsonl", count) for count in (0, 1_000, SMALL, LARGE)}
    run_watched(notes[0], folder / "out.jsonl")  # the first start reads every file from the disk
    runs: dict[int, list[tuple[float, int]]] = {count: [] for count in notes}
    for count in (*(0, 1_000, SMALL) * 4, LARGE, *(0, 1_000, SMALL) * 4):
        runs[count].append(run_watched(notes[count], folder / "out.jsonl"))
    spent = {count: statistics.median(seconds for seconds, _ in found) for count, found in runs.items()}
    peak = {count: max(each for _, each in found) for count, found in runs.items()}
    cost = {count: 1000 * (spent[count] - spent[0]) / count for count in (1_000, SMALL, LARGE)}
    print(f"memory              {peak[LARGE] / peak[SMALL]:.2f} times at {LARGE} notes that at {SMALL}, ", end="")
    print(f"target at most 1.3: {peak[LARGE] // 1024} MiB against {peak[SMALL] // 1024} MiB, all processes")
    print(
        f"cost per note       {cost[LARGE] / cost[1_000]:.2f} from 1000 to {LARGE} notes, target 0.75 to 1.25: ", end=""
    )
    print(
        ", ".join(f"{count}: {each:.2f} ms" for count, each in cost.items()),
        f"of CPU after a start of {spent[0]:.1f} s",
    )


def bench_scale(folder: Path) -> None:
    """What docs/scale.md says: processor time of a note in one process, and what many would need."""
    import spinecode

    engine = spinecode.Spinecode()
    short = [json.loads(line)["text"] for line in write_short_notes(folder / "s.jsonl", 1_500).open(encoding="utf-8")]
    whole = [
        json.loads(line)["text"]
        for name in ("dictated", "scribed")
        for line in (CORPORA / name / "notes.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for kind, texts in (("short", short), ("whole", whole)):
        for text in texts[:50]:
            engine.suggest(text)
        start = time.process_time()
        size = sum(len(engine.suggest(text).to_json()) for text in texts)
        cost, length = (time.process_time() - start) / len(texts), sum(map(len, texts)) / len(texts)
        hours = {count: count * cost / 3600 for count in (10_000_000, 1_000_000_000)}
        needs = "; ".join(f"{count:,} notes {hour:,.0f} core hours" for count, hour in hours.items())
        print(
            f"scale, {kind} notes  {1000 * cost:.1f} ms and {size / len(texts) / 1024:.1f} KiB a note of {length:.0f}",
            end="",
        )
        print(f" characters: {needs}")


def bench_workers(folder: Path) -> None:
    source = write_short_notes(folder / "in.jsonl", MANY)

    def timed(workers: int) -> float:
        start = time.perf_counter()
        run = command(source, folder / f"{workers}.jsonl", "--workers", str(workers))
        subprocess.run(run, check=True, stderr=subprocess.DEVNULL, cwd=folder)
        return time.perf_counter() - start

    ratio = measure(lambda: timed(1), lambda: timed(2), 7)
    load = os.getloadavg()[0]
    print(f"two workers         {ratio} times as fast as one, target at least 1.8: ", end="")
    print(f"{MANY} notes with the start; load of the machine {load:.1f}")


def bench_kills(folder: Path) -> None:
    """JSON Lines and CSV, killed at random moments, against runs that were not."""
    source = write_short_notes(folder / "in.jsonl", 1_000)
    with source.open("a", encoding="utf-8") as file:
        file.writelines("{torn\n" for _ in range(40))
    chance, kills = random.Random(7), 0
    for suffix in ("jsonl", "csv"):
        whole, out = folder / f"whole_{suffix}.{suffix}", folder / f"out_{suffix}.{suffix}"
        start = time.perf_counter()
        subprocess.run(command(source, whole), check=False, stderr=subprocess.DEVNULL, cwd=folder)
        seconds = time.perf_counter() - start
        target = kills + KILLS // 2
        while kills < target:
            process = subprocess.Popen(command(source, out), stderr=subprocess.DEVNULL, cwd=folder)
            try:
                process.wait(chance.uniform(0.1, 0.9 * seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
                process.wait()
        subprocess.run(command(source, out), check=False, stderr=subprocess.DEVNULL, cwd=folder)
        for end in (f".{suffix}", ".rejects.jsonl"):
            if out.with_suffix(end).read_bytes() != whole.with_suffix(end).read_bytes():
                sys.exit(f"kills: {out.name} differs from an uninterrupted run")
    print(f"kills               {kills} runs killed, JSON Lines and CSV byte-identical to uninterrupted runs")


def main() -> None:
    benches = {"kills": bench_kills, "workers": bench_workers, "size": bench_size, "scale": bench_scale}
    for name in sys.argv[1:] or benches:
        # Not in the shared folder for temporary files: a run is where its output is.
        with tempfile.TemporaryDirectory(prefix="bench", dir=Path.cwd()) as folder:
            benches[name](Path(folder))


if __name__ == "__main__":
    main()
