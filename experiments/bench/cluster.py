# SPDX-License-Identifier: Apache-2.0
"""make bench-cluster: Homa on the simulated cluster, and what that costs.

Virtual times repeat exactly; wall times are of this machine. Docs:
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Sequence

import harness
from harness import BenchError, Result

sys.path.insert(0, str(harness.ROOT / "experiments"))
from homaexp.cluster import measure, report  # noqa: E402
from homaexp.cluster.config import Cluster  # noqa: E402
from homaexp.cluster.report import quantile  # noqa: E402
from homaexp.errors import UserError  # noqa: E402

OUT = harness.BENCH / "cluster"
MESSAGE = 1_000_000
# Beside the paper's simulation: a CPU without cost needs no packets in the card
# to keep it busy.
SHORT_QUEUE = {"net.homa.max_nic_est_backlog_usecs": 2}
# Responses of which no switch drops a packet, and incast control all the same.
RESPONSES = Cluster(scenario="incast_response", nodes=9, topology="incast",
                    message_bytes=20_000, outstanding=30, rpcs=200)
CONTROL = {"net.homa.incast_threshold": 25}
SIZES = [100, 1000, 10_000, 100_000, 1_000_000]  # upper ends of classes


def run(name: str, cluster: Cluster, scenario: str | None = None,
        settings: dict[str, Any] | None = None) -> Path:
    """One run of the cluster; its directory."""
    return measure.run(OUT / name, harness.tool(
        "rpcload", "experiments/workload/rpcload"), cluster, 1, settings or {},
        scenario=scenario)


def by_size(lengths: Any, slowdowns: Any) -> str:
    """A table of the slowdown by message length."""
    return "\n".join([f"{'bytes':>9} {'RPCs':>6} {'p50':>7} {'p99':>8}", *(
        f"{g['up_to_bytes']:9} {g['rpcs']:6} {g['p50']:7.2f} {g['p99']:8.2f}"
        for g in report.groups(lengths, slowdowns, SIZES))])


def event_us(long: Path, short: Path) -> float:
    """What one more event of a packet costs, from loads of two lengths: start
    and end of nodes and programs cost both of them the same."""
    events, wall_s = (
        [json.loads((out / file).read_text())[key] for out in (long, short)]
        for file, key in (("fabric.json", "events"), ("timing.json", "wall_s")))
    return float(1e6 * (wall_s[0] - wall_s[1]) / (events[0] - events[1]))


def one(name: str, value: float, unit: str, better: str, n: int) -> Result:
    """A figure of one run; runs repeat exactly, so there is no spread."""
    return Result(name, value, unit, better, n, 0)


def short(name: str, out: Path) -> list[Result]:
    """Latencies of 101 to 1000 bytes."""
    values = [ns / 1e3 for length, ns in measure.rpcs(out)
              if 100 < length <= 1000]
    if not values:
        raise BenchError(f"{out}: no RPC of 101 to 1000 bytes")
    return [one(f"{name}_short_p{p}_us", quantile(values, p / 100), "us",
                "lower", len(values)) for p in (50, 99)]


def slowdowns(out: Path, base: dict[int, float]
              ) -> list[Result]:
    """Of all messages and of those up to 1000 bytes; prints a table."""
    lengths, slow = report.slowdowns(measure.rpcs(out), base)
    few = slow[lengths <= report.SHORT_BYTES]
    print("Slowdown by message length, W4 at 80 %, 16 nodes:")
    print(by_size(lengths, slow) + "\n")
    return [one(f"slowdown_w4_{name}", quantile(values, share), "ratio",
                "lower", len(values))
            for name, values, share in (("short_p99", few, .99),
                                        ("p50", slow, .5), ("p99", slow, .99))]


def incast_control() -> list[Result]:
    """What incast control costs where nothing is lost."""
    latency, goodput = [], []
    settings: dict[str, Any]
    for name, settings in (("off", {}), ("on", CONTROL)):
        out = run(f"incast_control_{name}", RESPONSES, settings=settings)
        lost = set(measure.dropped(out)) - {"host_gone"}
        if lost:
            raise BenchError(f"{out}: packets were dropped: {', '.join(lost)}")
        asker = json.loads((out / "node0" / "client.json").read_text())
        latency.append(asker["latency_ns"])
        goodput.append(measure.incast_goodput(out, RESPONSES))
    off, on = latency
    n = RESPONSES.rpcs
    return [*(one(f"incast_control_{p}_ratio", on[p] / off[p], "ratio",
                  "lower", n) for p in ("p50", "p99")),
            one("incast_control_goodput_ratio", goodput[1] / goodput[0],
                "ratio", "higher", n)]


def measured(scale: float) -> list[Result]:
    """All runs, loads shortened by a factor."""
    def load(nodes: int, workload: str, percent: int, duration_us: int
             ) -> Cluster:
        return Cluster(nodes=nodes, workload=workload, load_percent=percent,
                       duration_us=max(round(duration_us * scale), 1))

    base = measure.idle(run("idle", Cluster(), "idle"))
    found = [one("idle_100_us", base[100] / 1e3, "us", "lower", 2),
             one("idle_1m_us", base[MESSAGE] / 1e3, "us", "lower", 2)]

    incast = Cluster(scenario="incast", nodes=16, message_bytes=MESSAGE)
    out = run("incast16", incast)
    found.append(one("incast16_wall_s", measure.timing(out)["wall_s"], "s",
                     "lower", 15))
    found.append(one("incast16_goodput_percent",
                     measure.incast_goodput(out, incast), "%", "higher", 15))

    out = run("w2", load(2, "w2", 50, 10_000))
    found += short("w2_2n", out)
    rpcs, timing = len(measure.rpcs(out)), measure.timing(out)
    found.append(one("rpcs_per_wall_s", rpcs / timing["wall_s"], "RPCs/s",
                     "higher", rpcs))
    found.append(one("events_per_wall_s", timing["events_per_wall_s"],
                     "events/s", "higher", rpcs))
    for nodes in (2, 16):
        parts = [run(f"w2_{nodes}_{us}", load(nodes, "w2", 50, us * 8 // nodes))
                 for us in (12_000, 2_000)]
        found.append(one(f"wall_us_per_event_{nodes}n", event_us(*parts), "us",
                         "lower", len(measure.rpcs(parts[0]))))

    found += short("w4_4n", run("w4", load(4, "w4", 50, 250_000)))
    found += slowdowns(run(
        "w4_80", load(16, "w4", 80, 160_000), settings=SHORT_QUEUE), base)

    incast = dataclasses.replace(incast, nodes=40, topology="incast")
    found.append(one("incast39_goodput_percent", measure.incast_goodput(
        run("incast39", incast), incast), "%", "higher", 39))
    return found + incast_control()


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
    try:
        measure.build_modules()
        found = measured(args.scale)
    except UserError as e:
        raise BenchError(str(e)) from None
    harness.write(found, harness.BENCH / "cluster.json")
    print(harness.table(found))
    if not args.keep:
        shutil.rmtree(OUT)


if __name__ == "__main__":
    harness.main(bench)
