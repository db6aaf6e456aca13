# SPDX-License-Identifier: Apache-2.0
"""A guest of testbed/vm on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Callable

from homaexp.config import Testbed
from homaexp.hosts.base import HostError

# Exit statuses of `testbed/vm run`, see docs/testbed.md.
_FAILURES = {
    1: "the guest's script failed",
    2: "testbed/vm refused its options",
    3: "the guest's kernel log is not clean",
    4: "the guest hung or panicked",
}
_STOP_S = 20
# A guest that waits for the machine's other programs measures them. The
# kernel leaves those 5 % of each CPU, and testbed/vm ends what hangs.
REALTIME = ("chrt", "--rr", "1")


def _may_run_realtime() -> bool:
    try:
        return subprocess.run([*REALTIME, "true"],
                              capture_output=True).returncode == 0
    except OSError:
        return False


def _last_words(log: Path) -> str:
    """The last line that is not the kernel's."""
    if not log.exists():
        return ""
    said = [line.strip() for line in log.read_text(errors="replace").split(
        "\n") if line.strip() and not line.startswith("[")]
    return said[-1] if said else ""


class LocalVm:
    """One boot of a guest; see hosts/base.py for the calls."""

    def __init__(self, vm: Path, bed: Testbed, out: Path):
        self._vm = vm
        self._bed = bed
        self._out = out
        self._files: list[str] = []
        self.realtime = bed.realtime and _may_run_realtime()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "LocalVm":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> Path:
        """What testbed/vm itself said."""
        return self._out.with_name(self._out.name + ".vm.log")

    def put(self, source: Path, destination: str) -> None:
        """See Host."""
        self._files += ["--file", f"{source}:{destination}"]

    def start(self, script: Path, *args: str) -> None:
        """See Host."""
        bed = self._bed
        self._out.mkdir(parents=True, exist_ok=True)
        command = [
            *(REALTIME if self.realtime else ()), str(self._vm), "run",
            "--mode", bed.mode, "--kernel", bed.kernel,
            "--cpus", str(bed.cpus), "--mem", str(bed.memory_mb),
            "--timeout", str(bed.timeout_s), *self._files,
            "--out", str(self._out), str(script), *args]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)

    def wait(self, progress: Callable[[], None]) -> None:
        """See Host."""
        assert self._process is not None
        while True:
            try:
                code = self._process.wait(1)
                break
            except subprocess.TimeoutExpired:
                progress()
        if code != 0:
            what = _FAILURES.get(code, f"testbed/vm ended with status {code}")
            console = self._out / "console.log"
            words = code == 1 and _last_words(console) or _last_words(self.log)
            raise HostError(f"{what}: {words or 'it said nothing'}",
                            console if console.exists() else self.log)

    def get(self) -> Path:
        """See Host."""
        return self._out
