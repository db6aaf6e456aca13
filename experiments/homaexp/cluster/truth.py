# SPDX-License-Identifier: Apache-2.0
"""Records of truth.bin, docs/cluster.md."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Iterator, NamedTuple

SENT, ENQUEUED, DEQUEUED, DELIVERED, DROPPED = 1, 2, 3, 4, 5
HEADER_BYTES, LAYOUT = 16, struct.Struct("<QQIHHBBB5x")


class Record(NamedTuple):
    """One step of a packet."""

    time: int  # virtual ns
    packet: int
    queue_bytes: int
    frame_bytes: int
    port: str
    step: int
    reason: int
    priority: int


def read(out: Path) -> Iterator[Record]:
    """All steps of the run whose results are in `out`."""
    ports = [port["name"] for port in
             json.loads((out / "fabric.json").read_text())["ports"]]
    data = (out / "truth.bin").read_bytes()[HEADER_BYTES:]
    for *before, port, step, reason, priority in LAYOUT.iter_unpack(data):
        yield Record(*before, ports[port], step, reason, priority)
