# SPDX-License-Identifier: Apache-2.0
"""A host that delivers files as the guest does, and a homascope that reads
its traces. What the "measurements" must come out as is known."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Callable

from homaexp import rpclog, runner

# A fake trace is JSON: per RPC the tiles that homascope has to find.
FAKE_HOMASCOPE = '''#!/usr/bin/python3
import json, sys
opt = dict(zip(sys.argv[2::2], sys.argv[3::2]))
rpcs = json.load(open(opt["--trace"]))
if rpcs == "damaged":
    sys.exit("homascope: trace is damaged at byte 12")
tiles = [{"name": n, "cause": c, "side": "client", "direction": "request"}
         for n, c in (("send", "syscall"), ("wake", "wakeup"),
                      ("left", "unexplained"))]
json.dump({"version": 1, "transport": "homa", "rpcs": len(rpcs),
           "excluded": {"edge": 2}, "tiles": tiles, "causes": [],
           "unexplained_share": 0.25, "sum_mismatches": 0,
           "remote_softirq_share": 0.5, "handoff_cpu_changes": 1},
          open(opt["--json"], "w"))
with open(opt["--csv"], "w") as f:
    print("id,start_ns,rtt_ns,send,wake,left", file=f)
    for i, r in enumerate(rpcs):
        print(i, 1000 * i, sum(r), *r, sep=",", file=f)
'''


def write_rpclog(path: Path, round_trips_ns: list[int], warmup: int) -> None:
    """A client's log: `warmup` slow RPCs, then these."""
    with path.open("wb") as f:
        times = [10_000_000] * warmup + round_trips_ns
        f.write(rpclog._HEADER.pack(rpclog._MAGIC, 72, 64, 1, 1, len(times),
                                    0, b"h1"))
        for i, ns in enumerate(times):
            f.write(struct.pack("<5Q4I2HI", i, 1000, 1100, 1200, 1000 + ns,
                                7, 7, 100, 100, 9, 4000, int(i < warmup)))


def rtt_ns(transport: str, rps: int, threads: int) -> int:
    """Known round trip of an arm."""
    return ({"homa": 16000, "tcp": 20000}[transport] + 1100 * rps
            + 100 * (threads > 1))


class FakeHost:
    """Does in Python what guest/visits.sh does; a Host."""

    realtime = False
    fail: Exception | None = None
    skip = ""
    lying_rps = False
    trace: object = None

    def __init__(self, out: Path):
        self.out = out
        self.files: dict[str, Path] = {}
        self.stopped = False

    def __enter__(self) -> "FakeHost":
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopped = True

    def put(self, source: Path, destination: str) -> None:
        self.files[destination] = source

    def start(self, script: Path, *args: str) -> None:
        assert script.exists() and script == runner.SCRIPT
        self.plan = self.files[args[0]].read_text().splitlines()

    def get(self) -> Path:
        return self.out

    def wait(self, progress: Callable[[], None]) -> None:
        for number, line in enumerate(self.plan):
            self._segment(line.split())
            (self.out / "progress").write_text(
                f"{number + 1} {len(self.plan)} {line.split()[0]}\n")
            progress()
            if self.fail:
                raise self.fail
        (self.out / "progress").unlink()
        (self.out / "guest.json").write_text('{"release": "fake-1.0"}')
        (self.out / "console.log").write_text("booted\n")
        (self.out / "modules.txt").write_text(
            "timetrace AA11 00ff /mod/timetrace.ko\n"
            "homa  00ee /mod/homa.ko\n")
        (self.out / "sysctls.txt").write_text("net/core/somaxconn 4096\n")

    def _segment(self, words: list[str]) -> None:
        visit, mode, transport, rps, _, threads = words[:6]
        warmup, count = int(words[10]), int(words[11])
        where = self.out / visit
        where.mkdir(parents=True, exist_ok=True)
        flows = 0 if rps == "0" or self.lying_rps else 32768
        mask = "0" if flows == 0 else "3"
        (where / "steering.txt").write_text(
            f"rps_sock_flow_entries {flows}\nh1-h2/rx-0/rps_cpus {mask}\n")
        rtt = rtt_ns(transport, int(rps), int(threads))
        if mode == "traced":
            rtt = rtt * 11 // 10
        for role in ("client", "server"):
            (where / f"{mode}.{role}.json").write_text(
                json.dumps({"version": 1, "rpcs": count, "errors": 0}))
        write_rpclog(where / f"{mode}.client.rpclog", [rtt] * count, warmup)
        if mode == "traced":
            write_rpclog(where / "traced.server.rpclog", [rtt] * count, 0)
            send = 5000 + 1000 * (threads != "1")
            rpcs = [[send, rtt - send - 400, 400]] * count
            (where / "traced.ttd").write_text(json.dumps(self.trace or rpcs))
        if self.skip:
            (where / self.skip).unlink(missing_ok=True)
