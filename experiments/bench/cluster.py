# SPDX-License-Identifier: Apache-2.0
"""make bench-cluster: Homa on the simulated cluster, and what simulating costs.

Virtual times repeat exactly; wall times are of this machine. Docs:
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any, Sequence

import harness
from harness import BenchError, Result

SCRIPT = Path(__file__).with_suffix(".sh")
KERNEL = "sim-6.12"
OUT = harness.BENCH / "cluster"
MESSAGE, LINK_GBPS = 1_000_000, 10
SIZES = [100, 1000, 10_000, 100_000, 1_000_000]  # upper ends of classes


def run(name: str, nodes: int, *args: str, workload: str = "w2",
        topology: str = "single", truth: bool = False) -> Path:
    """One run of the cluster; its directory."""
    out = OUT / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    puts = {harness.tool("rpcload", "experiments/workload/rpcload"):
            "/bin/rpcload",
            harness.ROOT / f"configs/workloads/{workload}.csv":
            "/workload.csv"}
    command = [str(harness.ROOT / "testbed/vm"), "cluster", "--nodes",
               str(nodes), "--topology",
               str(harness.ROOT / f"configs/topologies/{topology}.toml"),
               "--timeout", "7200", *(["--truth"] if truth else []),
               *(word for source, place in puts.items()
                 for word in ("--file", f"{source}:{place}")),
               "--out", str(out), str(SCRIPT), *args]
    log = OUT / f"{name}.log"
    with log.open("w") as sink:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sink,
                              stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise BenchError(f"{name}: testbed/vm cluster ended with status "
                         f"{code} (log: {log})")
    return out


def rpcs(out: Path) -> list[tuple[int, float]]:
    """(length in bytes, latency in ns) of all nodes' RPCs."""
    found = []
    for path in sorted(out.glob("node*/rpcs.csv")):
        with path.open() as file:
            for row in csv.DictReader(file):
                if row["error"]:
                    raise BenchError(f"{path}: an RPC failed: {row['error']}")
                found.append((int(row["length_bytes"]),
                              float(row["latency_ns"])))
    if not found:
        raise BenchError(f"{out}: no RPCs")
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The value at rank ceil(share * n)."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def idle(out: Path) -> dict[int, float]:
    """Round trip in ns on an idle network, by length."""
    return {int(path.stem): json.loads(path.read_text())["latency_ns"]["p50"]
            for path in out.glob("node1/[0-9]*.json")}


def unloaded(base: dict[int, float], length: int) -> float:
    """The same for any length, linear between those measured."""
    lengths = sorted(base)
    above = next((x for x in lengths if x >= length), lengths[-1])
    below = max((x for x in lengths if x <= length), default=lengths[0])
    if above == below:
        return base[above]
    share = (length - below) / (above - below)
    return base[below] + share * (base[above] - base[below])


def slowdowns(out: Path, base: dict[int, float]) -> list[tuple[int, float]]:
    """(length, latency over that on an idle network)."""
    return [(length, ns / unloaded(base, length)) for length, ns in rpcs(out)]


def by_size(pairs: Sequence[tuple[int, float]]) -> str:
    """A table of the slowdown by message length."""
    lines = [f"{'bytes':>9} {'RPCs':>6} {'p50':>7} {'p99':>8}"]
    low = 0
    for high in SIZES:
        found = [s for length, s in pairs if low < length <= high]
        if found:
            lines.append(f"{high:9} {len(found):6} {quantile(found, .5):7.2f} "
                         f"{quantile(found, .99):8.2f}")
        low = high
    return "\n".join(lines)


def timing(out: Path) -> dict[str, Any]:
    """Wall time and rate of a run."""
    found: dict[str, Any] = json.loads((out / "timing.json").read_text())
    return found


def one(name: str, value: float, unit: str, better: str, n: int) -> Result:
    """A figure of one run; runs repeat exactly, so there is no spread."""
    return Result(name, value, unit, better, n, 0)


def short(name: str, out: Path) -> list[Result]:
    """Latencies of 101 to 1000 bytes."""
    values = [ns / 1e3 for length, ns in rpcs(out) if 100 < length <= 1000]
    return [one(f"{name}_short_p{p}_us", quantile(values, p / 100), "us",
                "lower", len(values)) for p in (50, 99)]


def incast_goodput(out: Path, nodes: int) -> float:
    """Per cent of the link: from the first request to the last answer."""
    ends = [json.loads(path.read_text())["latency_ns"]["max"]
            for path in out.glob("node*/client.json")]
    if len(ends) != nodes - 1:
        raise BenchError(f"{out}: {len(ends)} of {nodes - 1} messages arrived")
    return 100 * len(ends) * MESSAGE * 8 / max(ends) / LINK_GBPS


def bench(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the table, writes build/bench/cluster.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", type=float, default=1, help="length of the "
                        "loads, 1: as documented (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep what the "
                        "nodes wrote in build/bench/cluster/")
    args = parser.parse_args(argv)
    if args.scale <= 0:
        parser.error("--scale must be positive")

    def seconds(full: float) -> str:
        return f"{full * args.scale:.9f}"

    code = subprocess.run([str(harness.ROOT / "testbed/vm"), "kmods", KERNEL],
                          stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.DEVNULL).returncode
    if code:
        raise BenchError(f"testbed/vm kmods {KERNEL} failed")

    base_run = run("idle", 2, "idle")
    base = idle(base_run)
    found = [one("idle_100_us", base[100] / 1e3, "us", "lower", 2),
             one("idle_1m_us", base[MESSAGE] / 1e3, "us", "lower", 2)]

    out = run("incast16", 16, "incast")
    found.append(one("incast16_wall_s", timing(out)["wall_s"], "s", "lower",
                     15))
    found.append(one("incast16_goodput_percent", incast_goodput(out, 16), "%",
                     "higher", 15))

    out = run("w2", 2, "load", "0.5", seconds(0.01), "1", workload="w2")
    found += short("w2_2n", out)
    found.append(one("rpcs_per_wall_s", len(rpcs(out)) / timing(out)["wall_s"],
                     "RPCs/s", "higher", len(rpcs(out))))
    found.append(one("events_per_wall_s", timing(out)["events_per_wall_s"],
                     "events/s", "higher", len(rpcs(out))))

    out = run("w4", 4, "load", "0.5", seconds(0.25), "1", workload="w4")
    found += short("w4_4n", out)

    out = run("w4_80", 16, "load", "0.8", seconds(0.15), "1", workload="w4")
    pairs = slowdowns(out, base)
    values = [s for _, s in pairs]
    few = [s for length, s in pairs if length <= 1000]
    found += [
        one("slowdown_w4_short_p99", quantile(few, .99), "ratio", "lower",
            len(few)),
        one("slowdown_w4_p50", quantile(values, .5), "ratio", "lower",
            len(values)),
        one("slowdown_w4_p99", quantile(values, .99), "ratio", "lower",
            len(values))]

    out = run("incast39", 40, "incast", topology="incast")
    found.append(one("incast39_goodput_percent", incast_goodput(out, 40), "%",
                     "higher", 39))
    harness.write(found, harness.BENCH / "cluster.json")
    print(harness.table(found))
    print("\nSlowdown by message length, W4 at 80 %, 16 nodes:")
    print(by_size(pairs))
    if not args.keep:
        shutil.rmtree(OUT)


if __name__ == "__main__":
    harness.main(bench)
