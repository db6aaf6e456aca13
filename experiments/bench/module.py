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

    transport: str
    length: int
    response: int
    warmup: int
    count: int

    def argument(self) -> str:
        """As module.sh takes it."""
        return (f"{self.transport}:{self.length}:{self.response}:"
                f"{self.warmup}:{self.count}")

    def file(self, round_: int) -> str:
        """Where module.sh leaves the visit of a round."""
        return f"{round_}-{self.transport}-{self.length}.json"


ARMS = [Arm(transport, SMALL, SMALL, 100, 300)
        for transport in ("homa", "tcp", "udp")]
ARMS += [Arm(transport, LARGE, 100, 2, 8) for transport in ("homa", "tcp")]

Visits = dict[Arm, list[dict[str, Any]]]  # by round


def load(out: Path, rounds: int) -> Visits:
    """Reads the visits of all rounds but the first, which is warm-up."""
    visits: Visits = {}
    for arm in ARMS:
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
    def values(transport: str, length: int) -> list[float]:
        arm = next(a for a in ARMS
                   if (a.transport, a.length) == (transport, length))
        if length == SMALL:
            return [v["latency_ns"]["p50"] / 1e3 for v in visits[arm]]
        return [v["request_bytes"] * 8 / v["elapsed_ns"]
                for v in visits[arm]]

    def n(length: int) -> int:
        return sum(v["rpcs"] for v in visits[
            next(a for a in ARMS if a.length == length)])

    def ratio(name: str, other: str, length: int, better: str) -> Result:
        pairs = zip(values("homa", length), values(other, length))
        return from_rounds(name, [a / b for a, b in pairs], "ratio", better,
                           n(length))

    found = [from_rounds(f"rpc100_{t}_us", values(t, SMALL), "us", "lower",
                         n(SMALL)) for t in ("homa", "tcp", "udp")]
    found += [ratio(f"rpc100_ratio_{t}", t, SMALL, "lower")
              for t in ("tcp", "udp")]
    found += [from_rounds(f"rpc1m_{t}_gbps", values(t, LARGE), "Gb/s",
                          "higher", n(LARGE)) for t in ("homa", "tcp")]
    found.append(ratio("rpc1m_ratio_tcp", "tcp", LARGE, "higher"))
    return found


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
    harness.run_guest(
        out, SCRIPT, [str(args.rounds + 1), *(a.argument() for a in ARMS)],
        mode="det", kernel=KERNEL, timeout_s=TIMEOUT_S, files={
            harness.tool("rpcload", "experiments/workload/rpcload"):
                "/bin/rpcload"})
    found = results(load(out, args.rounds))
    harness.write(found, harness.BENCH / "module.json")
    print(harness.table(found))
    if not args.keep:
        shutil.rmtree(out)


if __name__ == "__main__":
    harness.main(bench)
