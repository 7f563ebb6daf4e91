"""`spinecode serve` as a user starts it, for tests and benches: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx

_START_SECONDS = 120


class Server:
    """A running server. ``url`` is where it is reached; ``log`` what it wrote. Everything it writes lies in ``folder``."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.log_path = folder, folder / "server.log"
        places = {"HOME": str(folder), "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "spinecode", "serve", "--port", "0", *options],
                cwd=folder,
                env={**os.environ, **places},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.url = self._address()
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def _address(self) -> str:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            for line in self.log.splitlines():
                if line.startswith("spinecode: open "):
                    return line.split()[2]
            time.sleep(0.1)
        self.stop()
        message = f"the server did not start: {self.log}"
        raise ChildProcessError(message)

    @property
    def log(self) -> str:
        """What the server has written so far, on both of its streams."""
        return self.log_path.read_text(encoding="utf-8")

    def logs(self, pattern: str, seconds: float = 20) -> bool:
        """Whether a line with the regular expression stands in the log by then: it is written after the answer is sent."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.log)) and time.monotonic() < end:
            time.sleep(0.05)
        return found is not None

    def processes(self) -> list[int]:
        """The server and everything it started."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self._process.pid:  # its session
                found.append(int(path.parent.name))
        return found

    def memory(self) -> float:
        """Private memory of all its processes, MiB."""
        total = 0
        for pid in self.processes():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith(("Private_", "Swap:")))
        return total / 1024

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.client.close()
        self.stop()
