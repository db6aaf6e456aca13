# SPDX-License-Identifier: Apache-2.0
"""Per-RPC files of rpcload (tracer/include/timetrace/rpclog.h)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from homaexp import resultset
from homaexp.errors import UserError

_MAGIC = 0x31474F4C43505248
_HEADER = struct.Struct("<QIIBB6xQQ32s")
_RECORD = np.dtype([
    ("rpc_id", "<u8"), ("send_call_ns", "<u8"), ("send_return_ns", "<u8"),
    ("recv_call_ns", "<u8"), ("recv_return_ns", "<u8"), ("send_tid", "<u4"),
    ("recv_tid", "<u4"), ("request_bytes", "<u4"), ("response_bytes", "<u4"),
    ("client_port", "<u2"), ("server_port", "<u2"), ("flags", "<u4")])
_WARMUP_OR_ERROR = 3


def round_trips_us(path: Path) -> Any:
    """Round trips of a client's file, in the order the RPCs were sent;
    neither warm-up nor failed ones."""
    data = resultset.read_bytes(path)
    if len(data) < _HEADER.size:
        raise UserError(f"{path}: too short for an rpclog header")
    magic, header_bytes, record_bytes, *_ = _HEADER.unpack_from(data)
    if magic != _MAGIC or record_bytes < _RECORD.itemsize:
        raise UserError(f"{path}: not an rpclog file of a known version")
    # a newer writer may have appended fields to the record
    layout = np.dtype({"names": list(_RECORD.names or ()),
                       "formats": [_RECORD[n] for n in _RECORD.names or ()],
                       "offsets": [_RECORD.fields[n][1]  # type: ignore
                                   for n in _RECORD.names or ()],
                       "itemsize": record_bytes})
    count = (len(data) - header_bytes) // record_bytes
    records = np.frombuffer(data, layout, count, header_bytes)
    records = records[records["flags"] & _WARMUP_OR_ERROR == 0]
    return (records["recv_return_ns"] - records["send_call_ns"]) / 1000.0
