# SPDX-License-Identifier: Apache-2.0
"""Makes captures of Homa packets, and reads captures with tshark and homa.lua."""
import pathlib
import socket
import struct
import subprocess

LUA = pathlib.Path(__file__).resolve().parents[1] / "homa.lua"

DATA, GRANT, RESEND, RPC_UNKNOWN, BUSY, CUTOFFS, FREEZE, NEED_ACK, ACK = range(0x10, 0x19)
CLIENT, SERVER = "10.0.1.1", "10.0.1.2"
CLIENT6, SERVER6 = "fd00:1::1", "fd00:1::2"
CLIENT_PORT, SERVER_PORT = 32769, 99
HOMA, TCP = 146, 6
IN_SEQUENCE = RESEND_ALL = 0xffffffff


def common(kind, sender_id, sequence=0, doff=0x50, ports=None):
    """The 28 bytes every packet begins with."""
    sport, dport = ports or ((SERVER_PORT, CLIENT_PORT) if sender_id & 1
                             else (CLIENT_PORT, SERVER_PORT))
    return struct.pack("!HHI3xBBBHHHQ", sport, dport, sequence, kind, doff, 0x06, 0, 0, 0xb97d,
                       sender_id)


def data(sender_id, length, offset, payload, retransmit=0, ack=(0, 0), incoming=None,
         seg_offset=None, sequence=None, version=0, doff=0xe0, response_unsched=0):
    return (common(DATA, sender_id, offset if sequence is None else sequence, doff)
            + struct.pack("!IIQHHBxHI", length, length if incoming is None else incoming, *ack,
                          version, retransmit, response_unsched,
                          offset if seg_offset is None else seg_offset)
            + payload)


def grant(sender_id, offset, level, tail=b""):
    return common(GRANT, sender_id) + struct.pack("!IB", offset, level) + tail


def resend(sender_id, offset, length, level=7):
    return common(RESEND, sender_id) + struct.pack("!IIB", offset, length, level)


def cutoffs(sender_id, values, version):
    return common(CUTOFFS, sender_id) + struct.pack("!8IH", *values, version)


def ack(sender_id, entries=(), count=None):
    body = b"".join(struct.pack("!QH", *entry) for entry in entries)
    return (common(ACK, sender_id) + struct.pack("!H", len(entries) if count is None else count)
            + body.ljust(50, b"\0"))


def ip(packet, source=CLIENT, destination=SERVER, protocol=HOMA):
    """An Ethernet frame, padded to 60 bytes as drivers do."""
    if ":" in source:
        header = struct.pack("!IHBB", 6 << 28, len(packet), protocol, 64)
        header += socket.inet_pton(socket.AF_INET6, source)
        header += socket.inet_pton(socket.AF_INET6, destination)
        kind = 0x86dd
    else:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(packet), 0, 0, 64, protocol, 0)
        header += socket.inet_aton(source) + socket.inet_aton(destination)
        kind = 0x0800
    return (bytes(11) + b"\1" + struct.pack("!H", kind) + header + packet).ljust(60, b"\xaa")


def sent(packet, protocol=HOMA, v6=False):
    """The frame in which @packet travels, in the direction that its sender id tells."""
    client, server = (CLIENT6, SERVER6) if v6 else (CLIENT, SERVER)
    if len(packet) >= 28 and packet[27] & 1:
        client, server = server, client
    return ip(packet, client, server, protocol)


def write(path, frames, snap=65535):
    """A capture with one frame every 10 us."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snap, 1))
        for number, frame in enumerate(frames):
            kept = frame[:snap]
            out.write(struct.pack("<IIII", 1000, 10 * number, len(kept), len(frame)) + kept)


def tshark(path, *options):
    run = subprocess.run(["tshark", "-n", "-X", f"lua_script:{LUA}", "-r", str(path), *options],
                         capture_output=True, text=True, check=True)
    assert "Lua Error" not in run.stdout, run.stdout
    errors = [line for line in run.stderr.splitlines() if "Running as user" not in line]
    assert not errors, errors
    return run.stdout


def read(path, *fields, only="", options=()):
    """One {field: [values]} for each frame."""
    lines = tshark(path, "-2", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|",
                   "-Y", only, *[word for field in fields for word in ("-e", field)], *options)
    return [{field: value.split("|") if value else []
             for field, value in zip(fields, line.split("\t"))} for line in lines.splitlines()]
