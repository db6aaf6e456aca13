# SPDX-License-Identifier: Apache-2.0
"""What all benchmarks share: the shape of a result, its table and file, and
running a script in a guest. A benchmark is one file that builds Results."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"


class BenchError(Exception):
    """Something the user can act on; its text is one line."""


@dataclass(frozen=True)
class Result:
    """One figure: the median over rounds and their interquartile range."""

    name: str
    value: float
    unit: str
    better: str  # "lower" or "higher"
    n: int  # single measurements behind it
    spread: float  # P75 - P25 over the rounds, in the same unit

    def __post_init__(self) -> None:
        if self.better not in ("lower", "higher"):
            raise ValueError(f"{self.name}: better is '{self.better}', not "
                             "'lower' or 'higher'")


def from_rounds(name: str, values: Sequence[float], unit: str, better: str,
                n: int) -> Result:
    """Summarises the values of the rounds, one each."""
    if len(values) < 2:
        raise ValueError(f"{name}: {len(values)} rounds, need at least 2")
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return Result(name, median, unit, better, n, q3 - q1)


def table(results: Sequence[Result]) -> str:
    """The results as aligned text."""
    rows = [("name", "value", "spread", "unit", "better", "n")]
    rows += [(r.name, f"{r.value:.3f}", f"{r.spread:.3f}", r.unit, r.better,
              str(r.n)) for r in results]
    width = [max(len(row[i]) for row in rows) for i in range(6)]
    right = (1, 2, 5)  # columns of numbers
    return "\n".join(
        "  ".join(cell.rjust(width[i]) if i in right else cell.ljust(width[i])
                  for i, cell in enumerate(row)).rstrip() for row in rows)


def write(results: Sequence[Result], path: Path) -> None:
    """Writes the results as JSON: completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    try:
        temporary.write_text(
            json.dumps([asdict(r) for r in results], indent=1) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def tool(name: str, path: str) -> Path:
    """A program built by `make user`; $NAME may say where else it is."""
    found = Path(os.environ.get(name.upper(), ROOT / "build" / path))
    if not os.access(found, os.X_OK):
        raise BenchError(f"{found}: not there; run 'make user' (or set "
                         f"{name.upper()} to where {name} is)")
    return found


def run_guest(out: Path, script: Path, args: Sequence[str], *, mode: str,
              kernel: str, files: dict[Path, str], timeout_s: int) -> None:
    """Builds the modules, boots a guest, runs the script in it and leaves
    its results in the directory `out`, which is emptied first."""
    vm = str(ROOT / "testbed" / "vm")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = out / "vm.log"
    puts = [option for source, place in files.items()
            for option in ("--file", f"{source}:{place}")]
    run = [vm, "run", "--mode", mode, "--kernel", kernel, "--timeout",
           str(timeout_s), *puts, "--out", str(out), str(script), *args]
    with log.open("w") as sink:
        for command in ([vm, "kmods", kernel], run):
            code = subprocess.run(command, stdin=subprocess.DEVNULL,
                                  stdout=sink, stderr=subprocess.STDOUT,
                                  check=False).returncode
            if code:
                sink.flush()
                said = log.read_text(errors="replace").strip().splitlines()
                raise BenchError(f"testbed/vm {command[1]} failed with status "
                                 f"{code}: {said[-1] if said else ''} "
                                 f"(log: {log}, {out / 'console.log'})")


def build_without(what: str, kernel: str) -> Path:
    """homa.ko for `kernel` without `what` of testbed/vm kmods."""
    done = subprocess.run([str(ROOT / "testbed" / "vm"), "kmods", "--without",
                           what, kernel], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BenchError(f"testbed/vm kmods --without {what} {kernel} failed "
                         f"with status {done.returncode}: "
                         f"{said[-1] if said else ''}")
    return ROOT / "build" / f"kmod-{kernel}-without-{what}" / "homa.ko"


def main(bench: Callable[[], None]) -> None:
    """Runs a benchmark program; a BenchError is one line and status 1."""
    try:
        bench()
    except BenchError as e:
        sys.exit(f"bench: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
