# SPDX-License-Identifier: Apache-2.0
"""From a visit's trace to mean tiles, by homascope."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from homaexp import resultset
from homaexp.errors import UserError

TRACE = "traced.ttd"
REPORT = "traced.attribute.json"
PER_RPC = "traced.rpcs.csv"
_LOGS = ("traced.client.rpclog", "traced.server.rpclog")


def attribute(homascope: Path, visit: Path) -> None:
    """Writes REPORT and PER_RPC beside the trace of a visit. Where the trace
    was not kept, those of the first analysis stay."""
    trace = visit / TRACE
    kept = trace.exists() or trace.with_name(TRACE + ".gz").exists()
    if not kept:
        if not (visit / REPORT).exists():
            raise UserError(f"{visit}: neither a trace nor its analysis")
        return
    with tempfile.TemporaryDirectory(prefix="homaexp-") as scratch:
        inputs = []
        for name in (TRACE, *_LOGS):
            source = visit / name
            if not source.exists():
                source = Path(scratch) / name
                source.write_bytes(resultset.read_bytes(visit / name))
            inputs.append(source)
        report, table = Path(scratch) / REPORT, Path(scratch) / PER_RPC
        command = [str(homascope), "attribute", "--trace", str(inputs[0]),
                   "--rpclog", str(inputs[1]), "--rpclog", str(inputs[2]),
                   "--json", str(report), "--csv", str(table)]
        done = subprocess.run(command, text=True, capture_output=True)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).split("\n")
            raise UserError(f"{trace}: homascope failed: {said[-1]}")
        shutil.move(report, visit / REPORT)
        packed = gzip.compress(table.read_bytes(), 5, mtime=0)
        (visit / (PER_RPC + ".gz")).write_bytes(packed)


@dataclass
class VisitTiles:
    """Tiles of one visit's RPCs, one row an RPC, in ns."""

    names: list[str]
    rtt_ns: Any
    tiles_ns: Any
    report: dict[str, Any]

    def up_to(self, percentile: int) -> "VisitTiles":
        """Only the RPCs with round trips up to this percentile."""
        if len(self.rtt_ns) == 0:
            return self
        keep = self.rtt_ns <= np.percentile(self.rtt_ns, percentile)
        return VisitTiles(self.names, self.rtt_ns[keep], self.tiles_ns[keep],
                          self.report)


def read_visit(visit: Path) -> VisitTiles:
    """What attribute() wrote; refuses tiles that do not add up."""
    report = resultset.read_json(visit / REPORT)
    path = visit / PER_RPC
    lines = resultset.read_bytes(path).decode().splitlines()
    header = lines[0].split(",") if lines else []
    if header[:3] != ["id", "start_ns", "rtt_ns"]:
        raise UserError(f"{path}: does not begin with id,start_ns,rtt_ns")
    try:
        rows = np.array([[int(x) for x in line.split(",")[2:]]
                         for line in lines[1:]], dtype=np.int64)
    except ValueError as e:
        raise UserError(f"{path}: not a table of integers: {e}") from None
    rows = rows.reshape(-1, len(header) - 2)
    rtt_ns, tiles_ns = rows[:, 0], rows[:, 1:]
    wrong = int((tiles_ns.sum(axis=1) != rtt_ns).sum())
    if wrong:
        raise UserError(f"{path}: tiles of {wrong} RPCs do not add up to "
                        "their round trip; this is an error of homascope")
    return VisitTiles(header[3:], rtt_ns, tiles_ns, report)
