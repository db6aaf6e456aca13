# SPDX-License-Identifier: Apache-2.0
"""make bench-module: Homa against TCP and UDP in one deterministic guest.

All arms take turns within each round of one boot; the first round is warm-up
and dropped. Docs: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

import harness
from harness import BenchError, Result, from_rounds

SCRIPT = Path(__file__).with_suffix(".sh")
KERNEL = "stock-6.12"
TIMEOUT_S = 1800
SMALL, LARGE = 100, 1_000_000


@dataclass(frozen=True)
class Arm:
    """One kind of visit; rpcload's client has the same options."""

    kind: str  # what the figures call it
    transport: str
    length: int
    response: int
    outstanding: int
    batch: int
    warmup: int
    count: int

    def argument(self) -> str:
        """As module.sh takes it."""
        return (f"{self.kind}:{self.transport}:{self.length}:{self.response}:"
                f"{self.outstanding}:{self.batch}:{self.warmup}:{self.count}")

    def file(self, round_: int) -> str:
        """Where module.sh leaves the visit of a round."""
        return f"{round_}-{self.kind}-{self.transport}.json"


ARMS = [Arm("rpc100", transport, SMALL, SMALL, 1, 1, 100, 300)
        for transport in ("homa", "tcp", "udp")]
ARMS += [Arm("rpc1m", transport, LARGE, SMALL, 1, 1, 2, 8)
         for transport in ("homa", "tcp")]
ARMS += [Arm(kind, transport, SMALL, SMALL, 64, batch, 500, 3000)
         for kind, batch in (("rate", 64), ("rate_single", 1))
         for transport in ("homa", "tcp")]

# One RPC at a time and another strategy of net.homa.steering, which module.sh takes from the kind.
ARMS += [Arm(f"steering_{name}", "homa", SMALL, SMALL, 1, 1, 100, 300)
         for name in ("same_core", "adaptive")]

# Builds of homa.ko: all that measures is off, or left out. module.sh knows these by itself.
BUILDS = [Arm(f"build_{name}", "homa", SMALL, SMALL, 1, 1, 100, 300)
          for name in ("all", "delays", "probes")]

Visits = dict[Arm, list[dict[str, Any]]]  # by round


def load(out: Path, rounds: int) -> Visits:
    """Reads the visits of all rounds but the first, which is warm-up."""
    visits: Visits = {}
    for arm in ARMS + BUILDS:
        visits[arm] = []
        for round_ in range(1, rounds + 1):
            path = out / arm.file(round_)
            try:
                visit = json.loads(path.read_text())
            except (OSError, ValueError) as e:
                raise BenchError(f"{path}: cannot be read: {e}") from None
            if visit["rpcs"] != arm.count or visit["errors"]:
                raise BenchError(f"{path}: {visit['rpcs']} RPCs, "
                                 f"{visit['errors']} errors; expected "
                                 f"{arm.count} and none")
            visits[arm].append(visit)
    return visits


def results(visits: Visits) -> list[Result]:
    """The figures of docs/benchmarks.md."""
    def by_round(kind: str, transport: str) -> list[dict[str, Any]]:
        return next(rounds for arm, rounds in visits.items()
                    if (arm.kind, arm.transport) == (kind, transport))

    def n(kind: str) -> int:
        return sum(v["rpcs"] for v in by_round(kind, "homa"))

    def values(kind: str, transport: str) -> list[float]:
        visited = by_round(kind, transport)
        if kind == "rpc1m":
            return [v["request_bytes"] * 8 / v["elapsed_ns"] for v in visited]
        if kind.startswith("rate"):
            return [v["rpcs"] * 1e6 / v["elapsed_ns"] for v in visited]
        return [v["latency_ns"]["p50"] / 1e3 for v in visited]

    def plain(name: str, kind: str, unit: str, better: str,
              transports: Sequence[str]) -> list[Result]:
        return [from_rounds(name.format(t), values(kind, t), unit, better,
                            n(kind)) for t in transports]

    def ratio(name: str, kind: str, other: str, better: str,
              other_kind: str | None = None) -> Result:
        pairs = zip(values(kind, "homa"), values(other_kind or kind, other))
        return from_rounds(name, [a / b for a, b in pairs], "ratio", better,
                           n(kind))

    both = ("homa", "tcp")

    def cost(name: str, kind: str, without: str) -> Result:
        pairs = zip(values(kind, "homa"), values(without, "homa"))
        return from_rounds(name, [(a / b - 1) * 100 for a, b in pairs], "%",
                           "lower", n(kind))

    return [
        *plain("rpc100_{}_us", "rpc100", "us", "lower", (*both, "udp")),
        ratio("rpc100_ratio_tcp", "rpc100", "tcp", "lower"),
        ratio("rpc100_ratio_udp", "rpc100", "udp", "lower"),
        *plain("rpc1m_{}_gbps", "rpc1m", "Gb/s", "higher", both),
        ratio("rpc1m_ratio_tcp", "rpc1m", "tcp", "higher"),
        *plain("small_rpc_rate_{}_krps", "rate", "1000/s", "higher", both),
        ratio("small_rpc_rate_ratio_tcp", "rate", "tcp", "higher"),
        *plain("small_rpc_rate_single_{}_krps", "rate_single", "1000/s",
               "higher", both),
        ratio("small_rpc_rate_single_ratio_tcp", "rate_single", "tcp",
              "higher"),
        ratio("steering_adaptive_ratio_same_core", "steering_adaptive",
              "homa", "lower", "steering_same_core"),
        cost("off_cost_percent", "build_all", "build_delays"),
        cost("trace_off_cost_percent", "build_delays", "build_probes")]


def bench(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the table, writes build/bench/module.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6, help="measured "
                        "rounds, 2 or more (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep what the "
                        "guest wrote in build/bench/module/")
    args = parser.parse_args(argv)
    if args.rounds < 2:
        parser.error("--rounds must be 2 or more")

    out = harness.BENCH / "module"
    files = {harness.tool("rpcload", "experiments/workload/rpcload"):
             "/bin/rpcload"}
    for what in ("delays", "probes"):
        files[harness.build_without(what, KERNEL)] = f"/bin/homa-{what}.ko"
    harness.run_guest(
        out, SCRIPT, [str(args.rounds + 1), *(a.argument() for a in ARMS)],
        mode="det", kernel=KERNEL, timeout_s=TIMEOUT_S, files=files)
    found = results(load(out, args.rounds))
    harness.write(found, harness.BENCH / "module.json")
    print(harness.table(found))
    if not args.keep:
        shutil.rmtree(out)


if __name__ == "__main__":
    harness.main(bench)
