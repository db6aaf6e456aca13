# SPDX-License-Identifier: Apache-2.0
"""make bench-tracer: what the flight recorder costs.

Loops inside a module of one deterministic guest, in instructions, beside a
32-byte record with a locked reserve, a tracepoint of ftrace and trace_printk;
the same fast path in a user-space program, in ns; 100-byte RPCs with tracing
off, with the module's own events and with all, in turns; bytes of a record in
a real trace; bytes of a dump read for each instruction. Docs: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Sequence

import harness
import numpy as np
from harness import BenchError, Result, from_rounds

sys.path.insert(0, str(harness.ROOT / "experiments"))
from homaexp import rpclog  # noqa: E402
from homaexp.errors import UserError  # noqa: E402

SCRIPT = Path(__file__).with_suffix(".sh")
KERNEL = "stock-6.12"
TIMEOUT_S = 1800
# Of every second message, copying takes longer, by how it lies in the receive
# region; where client and server are in step, two kinds of RPCs come of it.
# A visit is two runs of an odd number, so that it has both.
WARMUP, COUNT, HALVES = 50, 151, (1, 2)
ARMS = ("off", "own", "all")

Loops = dict[str, list[float]]  # per iteration, by round

# Loop of the guest, figure, and the loop that is subtracted.
GUEST_FIGURES = (
    ("clock", "clock_instructions", "store"),
    ("record", "record_instructions_above_clock", "clock"),
    ("record", "record_instructions", "store"),
    ("disabled", "record_disabled_instructions", "empty"),
    ("locked32", "locked32_instructions_above_clock", "clock"),
    ("ftrace", "ftrace_instructions", "store"),
    ("trace_printk", "trace_printk_instructions", "store"),
)
NATIVE_FIGURES = (
    ("clock", "clock_ns", "store"),
    ("record", "record_ns_above_clock", "clock"),
    ("locked32", "locked32_ns_above_clock", "clock"),
    ("record_cold", "record_cold_ns", "harness_cold"),
)


def read_loops(rounds: Sequence[str], what: str) -> Loops:
    """Cost of one iteration of each loop, from lines "loop iterations cost"."""
    loops: Loops = {}
    for text in rounds:
        for line in text.splitlines():
            try:
                name, iterations, cost = line.split()
                loops.setdefault(name, []).append(float(cost) / int(iterations))
            except (ValueError, ZeroDivisionError):
                raise BenchError(f"{what}: unexpected line '{line}'") from None
    if not loops or any(len(v) != len(rounds) for v in loops.values()):
        raise BenchError(f"{what}: not every loop ran in every round")
    return loops


def above(loops: Loops, figures: Sequence[tuple[str, str, str]], unit: str,
          n: int) -> list[Result]:
    """Each loop less the one that lacks what is to be measured."""
    missing = {loop for row in figures for loop in (row[0], row[2])} - set(loops)
    if missing:
        raise BenchError(f"no loop called {', '.join(sorted(missing))}")
    return [from_rounds(name, [a - b for a, b in zip(loops[loop], loops[base])],
                        unit, "lower", n)
            for loop, name, base in figures]


def ring_use(dump: Path) -> tuple[int, int]:
    """Bytes of ring the records took, block headers included, and how many
    there were. Layout: docs/trace-format.md."""
    data = dump.read_bytes()
    if data[:8] != b"TTDUMP01":
        raise BenchError(f"{dump}: not a dump")
    header_bytes, block_bytes, _, dictionary_bytes = struct.unpack_from(
        "<IIII", data, 12)
    blocks = struct.unpack_from("<Q", data, 40)[0]
    records = size = 0
    for i in range(blocks):
        at = header_bytes + dictionary_bytes + i * block_bytes
        magic, block_header = struct.unpack_from("<4sH", data, at)
        if magic != b"TBLK":
            raise BenchError(f"{dump}: block {i} is damaged")
        commit = struct.unpack_from("<Q", data, at + 32)[0]
        records += commit >> 16
        size += block_header + (commit & 0xffff)
    if not records:
        raise BenchError(f"{dump}: holds no record")
    return size, records


def mean_bytes(dump: Path) -> list[Result]:
    """Bytes of an event, of which a record may hold several, and of a record."""
    info = subprocess.run([harness.tool("ttdump", "tracer/tools/ttdump"),
                           "--info", dump], capture_output=True, text=True,
                          check=False)
    said = re.search(r"^records (\d+)$", info.stdout, re.MULTILINE)
    if info.returncode or not said:
        raise BenchError(f"{dump}: {info.stderr.strip()}")
    size, records = ring_use(dump)
    events = int(said[1])
    return [Result("record_bytes_mean", size / events, "bytes", "lower",
                   events, 0.0),
            Result("stored_record_bytes_mean", size / records, "bytes",
                   "lower", records, 0.0)]


def snapshot_rate(path: Path) -> Result:
    """Taking a dump and reading it, all of it in the kernel but the calls."""
    try:
        size, ns = (int(word) for word in path.read_text().split())
    except (OSError, ValueError) as e:
        raise BenchError(f"{path}: {e}") from None
    if not size or not ns:
        raise BenchError(f"{path}: {size} bytes in {ns} ns")
    return Result("snapshot_bytes_per_instruction", size / ns, "bytes",
                  "higher", size, 0.0)


def round_trips_us(out: Path, arm: str, rounds: int) -> list[Any]:
    """Exact times of the RPCs of each round."""
    found = []
    for round_ in range(1, rounds + 1):
        halves = []
        for half in HALVES:
            path = out / f"{round_}-{arm}-{half}.rpclog"
            try:
                halves.append(rpclog.round_trips_us(path))
            except UserError as e:
                raise BenchError(str(e)) from None
            if len(halves[-1]) != COUNT:
                raise BenchError(f"{path}: {len(halves[-1])} RPCs without an "
                                 f"error; expected {COUNT}")
        found.append(np.concatenate(halves))
    return found


def overheads(out: Path, rounds: int) -> list[Result]:
    """Medians of the RPCs, and what tracing adds to them."""
    medians = {arm: [float(np.median(times))
                     for times in round_trips_us(out, arm, rounds)]
               for arm in ARMS}
    n = rounds * COUNT * len(HALVES)
    found = [from_rounds("rpc100_untraced_us", medians["off"], "us", "lower",
                         n)]
    for arm in ("own", "all"):
        found.append(from_rounds(
            f"rpc100_overhead_{arm}_percent",
            [(a / b - 1) * 100 for a, b in zip(medians[arm], medians["off"])],
            "%", "lower", n))
    return found


def native(rounds: int) -> list[Result]:
    """The fast path in user space on this machine."""
    program = harness.tool("tracer_bench", "tracer/lib/tests/tracer_bench")
    texts = []
    for _ in range(rounds):
        run = subprocess.run([program], capture_output=True, text=True,
                             check=False)
        if run.returncode:
            raise BenchError(f"{program}: status {run.returncode}: "
                             f"{run.stderr.strip()}")
        texts.append(run.stdout)
    return above(read_loops(texts, "tracer_bench"), NATIVE_FIGURES, "ns",
                 rounds)


def bench(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the table, writes build/bench/tracer.json."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=6, help="measured "
                        "rounds, 2 or more (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep what the "
                        "guest wrote in build/bench/tracer/")
    args = parser.parse_args(argv)
    if args.rounds < 2:
        parser.error("--rounds must be 2 or more")

    out = harness.BENCH / "tracer"
    module = (harness.ROOT / "build" / f"kmod-{KERNEL}" / "src" / "tracer" /
              "kernel" / "tests" / "tt_bench.ko")
    harness.run_guest(
        out, SCRIPT, [str(args.rounds), str(WARMUP), str(COUNT)], mode="det",
        kernel=KERNEL, timeout_s=TIMEOUT_S, files={
            harness.tool("rpcload", "experiments/workload/rpcload"):
                "/bin/rpcload",
            harness.tool("ttdump", "tracer/tools/ttdump"): "/bin/ttdump",
            module: "/bin/tt_bench.ko"})
    loops = read_loops([(out / f"loops.{r}").read_text()
                        for r in range(1, args.rounds + 1)], str(out))
    found = above(loops, GUEST_FIGURES, "instructions", args.rounds)
    found += native(args.rounds)
    found += mean_bytes(out / "rpc.ttd")
    found.append(snapshot_rate(out / "snapshot"))
    found += overheads(out, args.rounds)
    harness.write(found, harness.BENCH / "tracer.json")
    print(harness.table(found))
    if not args.keep:
        shutil.rmtree(out)


if __name__ == "__main__":
    harness.main(bench)
