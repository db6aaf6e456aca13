# SPDX-License-Identifier: Apache-2.0
"""make bench-pacer: short RPCs beside long messages on a link, pacer by pacer.

On the simulated cluster, whose times are exact and repeat; what left a host
when is the network's truth. Docs: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import harness
from harness import BenchError, Result

sys.path.insert(0, str(harness.ROOT / "experiments"))
from homaexp.cluster import truth  # noqa: E402

SCRIPT = Path(__file__).with_suffix(".sh")
VM = harness.ROOT / "testbed" / "vm"
TOPOLOGY = harness.ROOT / "configs" / "topologies" / "single.toml"
OUT = harness.BENCH / "pacer"
KERNEL = "sim-6.12"
TIMEOUT_S = 1800
PACERS = ["hrtimer", "none", "assist", "kthread", "kthread_rt", "bql", "fq",
          "qdisc"]
MBPS = 10_000
LONG, LONG_BYTES = 8, 1_000_000
SHORT_SECONDS = 0.0055  # the long ones take 6.5 ms at full speed

# Node 0's frames in truth.bin
LEAST, GAP = 60, 24  # shorter ones are padded; preamble, check sequence, gap
SHORT = 14 + 20 + 56 + 100  # headers and payload of a short request
FULL = 1000  # those of long messages are longer, no others


@dataclass(frozen=True)
class Link:
    """Node 0's link, from its first to its last short request."""

    busy_ns: float
    elapsed_ns: int
    queue_bytes: list[int]  # frames in the card, whenever it sends one


def link(out: Path) -> Link:
    """What truth.bin says."""
    sent = [(r.time, r.queue_bytes, r.frame_bytes) for r in truth.read(out)
            if r.port == "host0" and r.step == truth.SENT]
    long = [time for time, _, frame in sent if frame > FULL]
    short = [time for time, _, frame in sent if frame == SHORT]
    if not long or not short or not long[0] < short[-1] < long[-1]:
        raise BenchError(f"{out}: long messages were over before the short "
                         "ones")
    first, last = min(t for t in short if t > long[0]), short[-1]
    held = [(queue + frame, max(frame, LEAST) + GAP)
            for time, queue, frame in sent if first <= time < last]
    return Link(sum(wire for _, wire in held) * 8e3 / MBPS, last - first,
                [queue for queue, _ in held])


def read(path: Path) -> dict[str, Any]:
    """What rpcload wrote, if all RPCs went well."""
    try:
        visit: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as e:
        raise BenchError(f"{path}: cannot be read: {e}") from None
    if visit["errors"] or not visit["rpcs"]:
        raise BenchError(f"{path}: {visit['rpcs']} RPCs, {visit['errors']} "
                         "errors")
    return visit


def counted(out: Path) -> dict[str, int]:
    """What was added to the counters."""
    before, after = (dict(line.split() for line in
                          (out / "node0" / name).read_text().splitlines())
                     for name in ("before", "after"))
    return {name: int(n) - int(before[name]) for name, n in after.items()}


def run(name: str, pacer: str, long: int, cpu_model: str) -> Path:
    """One run of the cluster; its directory."""
    out = OUT / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = OUT / f"{name}.log"
    rpcload = harness.tool("rpcload", "experiments/workload/rpcload")
    with log.open("w") as sink:
        code = subprocess.run(
            [str(VM), "cluster", "--nodes", "3", "--truth", "--timeout",
             str(TIMEOUT_S), "--topology", str(TOPOLOGY), "--cpu-model",
             cpu_model, "--file", f"{rpcload}:/bin/rpcload", "--out",
             str(out), str(SCRIPT), str(MBPS), str(SHORT_SECONDS), pacer,
             str(long)], stdin=subprocess.DEVNULL, stdout=sink,
            stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise BenchError(f"{name}: testbed/vm cluster ended with status "
                         f"{code} (log: {log})")
    return out


def one(name: str, value: float, unit: str, better: str, n: int) -> Result:
    """A figure of one run; runs repeat exactly, so there is no spread."""
    return Result(f"pacer_{name}", value, unit, better, n, 0)


def short_latency(name: str, short: dict[str, Any]) -> list[Result]:
    """P50 and P99."""
    return [one(f"{name}_short_{p}_us", short["latency_ns"][p] / 1e3, "us",
                "lower", short["rpcs"]) for p in ("p50", "p99")]


def figures(pacer: str, out: Path, idle: dict[str, Any]) -> list[Result]:
    """Of one pacer; idle: short RPCs alone."""
    short = read(out / "node0" / "short.json")
    long = read(out / "node0" / "long.json")
    seen, counts = link(out), counted(out)
    megabytes = LONG * LONG_BYTES / 1e6
    packets = len(seen.queue_bytes)
    return [
        one(f"{pacer}_link_percent", 100 * seen.busy_ns / seen.elapsed_ns,
            "%", "higher", packets),
        *short_latency(pacer, short),
        one(f"{pacer}_short_p99_ratio", short["latency_ns"]["p99"]
            / idle["latency_ns"]["p99"], "ratio", "lower", short["rpcs"]),
        one(f"{pacer}_idle_percent", 100 * counts["pacer_idle_ns"]
            / long["elapsed_ns"], "%", "lower", LONG),
        one(f"{pacer}_queue_max_us", max(seen.queue_bytes) * 8e3 / MBPS / 1e3,
            "us", "lower", packets),
        one(f"{pacer}_wakeups_per_mb", counts["wakeups"] / megabytes, "1/MB",
            "lower", LONG),
        one(f"{pacer}_releases_per_mb", counts["pacer_releases"] / megabytes,
            "1/MB", "lower", LONG)]


def measured(pacers: Sequence[str], cpu_model: str) -> list[Result]:
    """All pacers."""
    idle = read(run("idle", PACERS[0], 0, cpu_model) / "node0" / "short.json")
    found = short_latency("unloaded", idle)
    for pacer in pacers:
        found += figures(pacer, run(pacer, pacer, LONG, cpu_model), idle)
    return found


def bench(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the table, writes build/bench/pacer.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", action="store_true", help="keep what the "
                        "nodes wrote in build/bench/pacer/")
    parser.add_argument("--cpu-model", default="zero", help="of the nodes, "
                        "see docs/cluster.md (default: %(default)s)")
    parser.add_argument("--pacer", action="append", choices=PACERS,
                        help="only these (default: all)")
    args = parser.parse_args(argv)
    if subprocess.run([str(VM), "kmods", KERNEL], stdin=subprocess.DEVNULL,
                      stdout=subprocess.DEVNULL, check=False).returncode:
        raise BenchError(f"testbed/vm kmods {KERNEL} failed")
    found = measured(args.pacer or PACERS, args.cpu_model)
    harness.write(found, harness.BENCH / "pacer.json")
    print(harness.table(found))
    if not args.keep:
        shutil.rmtree(OUT)


if __name__ == "__main__":
    harness.main(bench)
