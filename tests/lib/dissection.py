# SPDX-License-Identifier: Apache-2.0
"""Does homa.lua understand a capture of real packets?"""
import collections
import json
import pathlib
import shutil
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools/wireshark/tests"))

import capture  # noqa: E402

TYPE, TIME, RETRANSMIT = "homa.type", "homa.time", "homa.retransmit"


def problems(out):
    """Yields (name, "" or what is wrong) for the packets capture.sh left in @out."""
    if not shutil.which("tshark"):
        yield "dissect", "tshark is not installed; run: make deps"
        return
    frames = capture.read(out / "capture.pcap", TYPE, TIME, RETRANSMIT, "homa.message_length",
                          "ipv6.src", "_ws.malformed", "homa.id", "_ws.expert.group")
    yield "dissect", "" if frames else "no packets"
    yield "all_homa", none(frames, lambda f: not f[TYPE])
    malformed = str(0x07000000)  # Wireshark's number of the group
    yield "none_malformed", none(frames, lambda f: f["_ws.malformed"]
                                 or malformed in f["_ws.expert.group"])
    sent = sum(json.loads(path.read_text(encoding="utf-8"))["rpcs"]
               for path in out.glob("capture-*.json"))
    timed = sum(len(f[TIME]) for f in frames)
    yield "each_rpc_timed", "" if timed == sent else f"{timed} response times for {sent} RPCs"
    ids = {id for f in frames for id in f["homa.id"] if f[TYPE] == [hex(capture.DATA)]}
    yield "each_rpc_told_apart", "" if len(ids) == sent else f"{len(ids)} ids for {sent} RPCs"
    negative = [f[TIME][0] for f in frames if f[TIME] and float(f[TIME][0]) <= 0]
    yield "times_positive", f"for example {negative[0]}" if negative else ""
    types = collections.Counter(f[TYPE][0] for f in frames if f[TYPE])
    for name in ("DATA", "GRANT", "RESEND", "RPC_UNKNOWN", "BUSY", "CUTOFFS", "FREEZE", "NEED_ACK",
                 "ACK"):
        yield f"has_{name}", "" if types[hex(getattr(capture, name))] else f"only {dict(types)}"
    yield "has_retransmissions", some(frames, lambda f: f[RETRANSMIT] == ["1"])
    yield "has_ipv6", some(frames, lambda f: f["ipv6.src"])
    for length in ("1", "100", "100000"):
        yield f"has_{length}_bytes", some(frames, lambda f: f["homa.message_length"] == [length])


def none(frames, bad):
    found = [number for number, frame in enumerate(frames, 1) if bad(frame)]
    return f"{len(found)} of {len(frames)} packets, first frame {found[0]}" if found else ""


def some(frames, good):
    return "" if any(map(good, frames)) else f"none of {len(frames)} packets"
