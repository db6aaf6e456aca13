# SPDX-License-Identifier: Apache-2.0
"""homa.lua under tshark, on captures made here byte by byte."""
import random
import re
import shutil

import pytest

import capture as c

pytestmark = pytest.mark.skipif(not shutil.which("tshark"),
                                reason="tshark is not installed; run: make deps")

REFERENCE = {
    "data": "80010063 00000000 00000010 e0060000 0000b97d 00000000 00001234 00000064 00000064"
            "00000000 00000000 00000000 00000000 ffffffff",
    "data_retransmitted":
            "80010063 00000590 00000010 e0060000 0000b97d 00000000 00001236 00001388 00001388"
            "00000000 00001234 00630001 01000000 00000590",
    "grant": "00638001 00000000 00000011 50060000 0000b97d 00000000 00001237 0000ea60 03",
    "resend": "80010063 00000000 00000012 50060000 0000b97d 00000000 00001236 00000000 ffffffff 07",
    "cutoffs": "00638001 00000000 00000015 50060000 0000b97d 00000000 00001237 00000000 00000000"
               "00000000 00000000 000f4240 00003a98 00000af0 000000c8 0001",
    "ack": "80010063 00000000 00000018 50060000 0000b97d 00000000 00001236 00010000 00000000"
           "12340063" + "00" * 40,
    "need_ack": "00638001 00000000 00000017 50060000 0000b97d 00000000 00001237",
}


def one(tmp_path, packet, *fields, **how):
    """What tshark says of one packet; lists with one value are that value."""
    c.write(tmp_path / "a.pcap", [c.sent(packet, **how)])
    found, = c.read(tmp_path / "a.pcap", *fields)
    return [found[field][0] if len(found[field]) == 1 else found[field] for field in fields]


def experts(path):
    """Names of the expert infos of each frame."""
    names = re.findall(r'(?:problem|event)\("(\w+)"|"homa\.expert\.(cut)"', c.LUA.read_text("utf-8"))
    fields = ["homa.expert." + (first or second) for first, second in names]
    return [{field.removeprefix("homa.expert.") for field in fields if frame[field]}
            for frame in c.read(path, *fields)]


@pytest.mark.parametrize("way", [{}, {"v6": True}, {"protocol": c.TCP},
                                 {"protocol": c.TCP, "v6": True}],
                         ids=["ipv4", "ipv6", "tcp_ipv4", "tcp_ipv6"])
def test_reference_data(tmp_path, way):
    packet = bytes.fromhex(REFERENCE["data"].replace(" ", "")) + bytes(100)
    assert one(tmp_path, packet, "homa.srcport", "homa.dstport", "homa.type", "homa.id",
               "homa.message_length", "homa.incoming", "homa.offset", "homa.payload_length",
               "homa.retransmit", "homa.in_tcp", "_ws.col.Info", "_ws.col.Protocol", "tcp.port",
               **way) == [
        "32769", "99", "0x10", "4660", "100", "100", "0", "100", "0",
        "1" if "protocol" in way else [], "32769 → 99 DATA 4660 request 0-99 of 100", "Homa", []]


def test_reference_retransmission(tmp_path):
    packet = bytes.fromhex(REFERENCE["data_retransmitted"].replace(" ", "")) + bytes(1424)
    assert one(tmp_path, packet, "homa.id", "homa.offset", "homa.retransmit", "homa.ack.id",
               "homa.ack.port", "homa.cutoff_version", "_ws.col.Info") == [
        "4662", "1424", "1", "4660", "99", "1",
        "32769 → 99 DATA 4662 request 1424-2847 of 5000, acks 4660, retransmitted"]


def test_limit_of_the_response(tmp_path):
    packet = c.data(6, 100, 0, bytes(100), response_unsched=1000)
    assert one(tmp_path, packet, "homa.response_unsched", "homa.retransmit", "_ws.col.Info") == [
        "1000", "0", "32769 → 99 DATA 6 request 0-99 of 100"]


def test_reference_control(tmp_path):
    expected = {
        "grant": "99 → 32769 GRANT 4662 to 60000, level 3",
        "resend": "32769 → 99 RESEND 4662 everything, level 7",
        "cutoffs": "99 → 32769 CUTOFFS 4662 version 1: 0 0 0 0 1000000 15000 2800 200",
        "ack": "32769 → 99 ACK 4662 and of 4660",
        "need_ack": "99 → 32769 NEED_ACK 4662",
    }
    for name, info in expected.items():
        packet = bytes.fromhex(REFERENCE[name].replace(" ", ""))
        assert one(tmp_path, packet, "_ws.col.Info", "homa.trailer") == [info, []]


def test_plain_types(tmp_path):
    c.write(tmp_path / "a.pcap", [c.sent(c.common(kind, 0x1237)) for kind in
                                  (c.RPC_UNKNOWN, c.BUSY, c.FREEZE, c.NEED_ACK)])
    infos = [frame["_ws.col.Info"][0] for frame in c.read(tmp_path / "a.pcap", "_ws.col.Info")]
    assert infos == ["99 → 32769 RPC_UNKNOWN 4662", "99 → 32769 BUSY 4662", "99 → 32769 FREEZE",
                     "99 → 32769 NEED_ACK 4662"]
    assert experts(tmp_path / "a.pcap") == [{"rpc_unknown"}, set(), set(), {"need_ack"}]


def test_freeze_with_a_name(tmp_path):
    packet = c.common(c.FREEZE, 0, ports=(99, 0)) + bytes.fromhex("1122334455667788")
    assert one(tmp_path, packet, "homa.freeze.capture", "_ws.col.Info", "homa.trailer") == [
        "0x1122334455667788", "99 → 0 FREEZE capture 1122334455667788", []]


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_each_type_inside_tcp(tmp_path, v6):
    """The framing changes nothing of what is said, and is told."""
    packets = [c.data(6, 100, 0, bytes(100), ack=(4, 99)), c.grant(7, 60000, 3), c.resend(6, 1000, 500, 2),
               c.common(c.RPC_UNKNOWN, 7), c.common(c.BUSY, 7), c.cutoffs(7, range(8), 9),
               c.common(c.FREEZE, 0, ports=(99, 0)), c.common(c.NEED_ACK, 7), c.ack(6, [(8, 99)])]
    found = {}
    for protocol in (c.HOMA, c.TCP):
        path = tmp_path / f"{protocol}.pcap"
        c.write(path, [c.sent(packet, protocol, v6) for packet in packets])
        found[protocol] = c.read(path, "homa.type", "homa.id", "_ws.col.Info", "_ws.col.Protocol",
                                 "homa.ack.id", "homa.cutoffs.length", "homa.priority", "_ws.expert")
        marks = {tuple(f["homa.in_tcp"] + f["tcp.port"])
                 for f in c.read(path, "homa.in_tcp", "tcp.port")}
        assert marks == ({("1",)} if protocol == c.TCP else {()})
    assert found[c.TCP] == found[c.HOMA]
    assert [f["homa.type"] for f in found[c.TCP]] == [[hex(kind)] for kind in range(c.DATA, c.ACK + 1)]


def test_fields_of_control_packets(tmp_path):
    c.write(tmp_path / "a.pcap", [
        c.sent(c.grant(7, 60000, 3)), c.sent(c.resend(6, 1000, 500, 2)),
        c.sent(c.cutoffs(7, range(8), 9)), c.sent(c.ack(6, [(10, 99), (12, 98)]))])
    grant, resend, cutoffs, ack = c.read(
        tmp_path / "a.pcap", "homa.grant.offset", "homa.resend.offset", "homa.resend.length",
        "homa.priority", "homa.cutoffs.length", "homa.cutoffs.version", "homa.num_acks",
        "homa.ack.id", "homa.ack.port")
    assert (grant["homa.grant.offset"], grant["homa.priority"]) == (["60000"], ["3"])
    assert (resend["homa.resend.offset"], resend["homa.resend.length"],
            resend["homa.priority"]) == (["1000"], ["500"], ["2"])
    assert cutoffs["homa.cutoffs.length"] == [str(i) for i in range(8)]
    assert cutoffs["homa.cutoffs.version"] == ["9"]
    assert (ack["homa.num_acks"], ack["homa.ack.id"], ack["homa.ack.port"]) == (
        ["2"], ["10", "12"], ["99", "98"])


@pytest.mark.parametrize("sequence, seg_offset, offset", [
    (3000, c.IN_SEQUENCE, 3000), (0, 3000, 3000), (77, 3000, 3000), (3000, 0, 0)])
def test_place_of_the_offset(tmp_path, sequence, seg_offset, offset):
    packet = c.data(6, 5000, 0, bytes(1000), sequence=sequence, seg_offset=seg_offset)
    assert one(tmp_path, packet, "homa.offset") == [str(offset)]


def test_tolerance(tmp_path):
    """What older and simpler senders do is not malformed."""
    c.write(tmp_path / "a.pcap", [
        c.sent(c.resend(6, 0, 100)[:36]), c.sent(c.grant(7, 100, 1, tail=b"\0")),
        c.sent(c.ack(6) + bytes(5)), c.sent(c.common(c.BUSY, 7) + b"xyz")])
    frames = c.read(tmp_path / "a.pcap", "homa.priority", "homa.trailer")
    assert experts(tmp_path / "a.pcap") == [{"resend"}, set(), set(), set()]
    assert frames[0]["homa.priority"] == []
    assert [frame["homa.trailer"] for frame in frames[1:]] == [["00"], ["0000000000"], ["78797a"]]


def test_real_tcp_stays_tcp(tmp_path):
    syn = bytes.fromhex("00501f90 00000001 00000000 5002ffff 00000000".replace(" ", ""))
    reset = bytes.fromhex("00501f90 00000001 00000000 5006ffff 00000000".replace(" ", ""))
    c.write(tmp_path / "a.pcap", [c.ip(syn, protocol=c.TCP), c.ip(reset, protocol=c.TCP)])
    for frame in c.read(tmp_path / "a.pcap", "tcp.srcport", "homa.type"):
        assert frame == {"tcp.srcport": ["80"], "homa.type": []}
    packet = c.sent(c.common(c.BUSY, 7), c.TCP)
    c.write(tmp_path / "a.pcap", [packet])
    off = c.read(tmp_path / "a.pcap", "tcp.dstport", "homa.type", options=["-o", "homa.tcp:FALSE"])
    assert off == [{"tcp.dstport": ["32769"], "homa.type": []}]


def whole(sender_id, message, step, **how):
    return [c.sent(c.data(sender_id, len(message), at, message[at:at + step], **how))
            for at in range(0, len(message), step)]


def test_rpc_tracking(tmp_path):
    """Two RPCs, one frame each 10 us: who belongs to whom, and how long it took."""
    frames = (whole(6, bytes(3000), 1424) + whole(8, bytes(10), 1424)       # 1-3, 4
              + whole(9, bytes(20), 1424) + whole(7, bytes(2000), 1424)     # 5, 6-7
              + [c.sent(c.ack(6, [(8, 99)]))])                              # 8
    c.write(tmp_path / "a.pcap", frames)
    read = c.read(tmp_path / "a.pcap", "homa.request_in", "homa.response_in", "homa.acked_in",
                  "homa.complete", "homa.time")
    assert [frame["homa.time"] for frame in read] == [[], [], [], [], ["0.000010000"], [],
                                                      ["0.000060000"], []]
    assert [frame["homa.complete"] for frame in read] == [[], [], ["1"], ["1"], ["1"], [], ["1"], []]
    assert [frame["homa.request_in"] for frame in read] == [[], ["1"], ["1"], [], ["4"], ["1"],
                                                            ["1"], ["1"]]
    assert [frame["homa.response_in"] for frame in read] == [["7"]] * 3 + [["5"], [], ["7"], [],
                                                                           ["7"]]
    assert [frame["homa.acked_in"] for frame in read] == [["8"]] * 7 + [[]]


def test_same_id_at_two_hosts(tmp_path):
    request = c.data(6, 10, 0, bytes(10))
    response = c.data(7, 10, 0, bytes(10))
    c.write(tmp_path / "a.pcap", [
        c.ip(request, "10.0.1.1"), c.ip(request, "10.0.1.3"), c.ip(response, c.SERVER, "10.0.1.3"),
        c.ip(response, c.SERVER, "10.0.1.1")])
    times = [frame["homa.time"] for frame in c.read(tmp_path / "a.pcap", "homa.time")]
    assert times == [[], [], ["0.000010000"], ["0.000030000"]]


def test_retransmissions(tmp_path):
    """Reordered, overlapping and repeated packets; the last hole closes the message."""
    ranges = [(0, 1000), (3000, 4000), (3000, 4000), (1500, 3500), (900, 1600), (0, 4000)]
    c.write(tmp_path / "a.pcap", [c.sent(c.data(6, 4000, start, bytes(end - start), retransmit=1))
                                  for start, end in ranges])
    complete = [frame["homa.complete"] for frame in c.read(tmp_path / "a.pcap", "homa.complete")]
    assert complete == [[], [], [], [], ["1"], []]
    assert ["duplicate" in names for names in experts(tmp_path / "a.pcap")] == [
        False, False, True, False, False, True]


def test_packet_before_segmentation(tmp_path):
    """Three segments behind one header, each with its offset, as a sender's capture shows them."""
    parts = [bytes([fill]) * size for fill, size in ((1, 1424), (2, 1424), (3, 500))]
    body = parts[0] + b"".join(int.to_bytes(1424 * i, 4, "big") + part
                               for i, part in enumerate(parts) if i)
    packet = c.data(6, 3348, 0, body, doff=0xd0)
    assert one(tmp_path, packet, "homa.segments", "homa.payload_length", "homa.complete") == [
        "3", "3348", "1"]
    single = c.data(6, 3348, 1424, parts[1], doff=0xd0)
    assert one(tmp_path, single, "homa.segments", "homa.payload_length") == [[], "1424"]


MALFORMED = {
    "one_byte": (b"x", {"short"}),
    "short_common": (c.common(c.BUSY, 7)[:27], {"short"}),
    "short_data": (c.data(6, 10, 0, b"")[:55], {"short"}),
    "short_grant": (c.grant(7, 10, 0)[:32], {"short"}),
    "short_resend": (c.resend(6, 0, 10)[:35], {"short"}),
    "short_cutoffs": (c.cutoffs(7, range(8), 1)[:61], {"short"}),
    "short_ack": (c.ack(6)[:79], {"short"}),
    "type_below": (c.common(0x0f, 7), {"type"}),
    "type_above": (c.common(0x19, 7), {"type"}),
    "source_port": (c.common(c.BUSY, 7, ports=(0, 1)), {"port"}),
    "destination_port": (c.common(c.BUSY, 7, ports=(1, 0)), {"port"}),
    "id_0": (c.common(c.BUSY, 0), {"id"}),
    "id_1": (c.common(c.BUSY, 1), {"id"}),
    "ack_of_server": (c.ack(7), {"direction"}),
    "need_ack_of_client": (c.common(c.NEED_ACK, 6), {"direction", "need_ack"}),
    "length_0": (c.data(6, 0, 0, b"x"), {"message_length"}),
    "length_beyond": (c.data(6, 1000001, 0, b"x"), {"message_length"}),
    "length_limit": (c.data(6, 1000000, 0, b"x"), set()),
    "no_payload": (c.data(6, 10, 0, b""), {"empty"}),
    "offset_at_end": (c.data(6, 10, 10, b"x"), {"range"}),
    "payload_beyond": (c.data(6, 10, 5, bytes(6)), {"range"}),
    "payload_to_end": (c.data(6, 10, 5, bytes(5)), set()),
    "offset_nowhere": (c.data(6, 10, 0, b"x", seg_offset=c.IN_SEQUENCE, sequence=c.IN_SEQUENCE),
                       {"range"}),
    "incoming": (c.data(6, 10, 0, b"x", incoming=11), {"incoming"}),
    "ack_entry": (c.data(6, 10, 0, b"x", ack=(5, 99)), {"ack_id"}),
    "six_acks": (c.ack(6, [(10 + 2 * i, 99) for i in range(5)], count=6), {"num_acks"}),
    "resend_beyond": (c.resend(6, 999999, 2), {"resend", "range"}),
    "resend_to_end": (c.resend(6, 999999, 1), {"resend"}),
    "resend_level": (c.resend(6, 0, 1, level=8), {"resend", "priority"}),
    "grant_level": (c.grant(7, 10, 255), {"priority"}),
    "grant_beyond": (c.grant(7, 1000001, 0), {"range"}),
}


@pytest.fixture(scope="module")
def malformed(tmp_path_factory):
    """{name: expert infos}; each packet comes from a host of its own."""
    path = tmp_path_factory.mktemp("malformed") / "a.pcap"
    c.write(path, [c.ip(packet, f"10.0.2.{i}")
                   for i, (packet, _) in enumerate(MALFORMED.values(), 1)])
    return dict(zip(MALFORMED, experts(path)))


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(malformed, name):
    assert malformed[name] == MALFORMED[name][1]


def test_length_changes(tmp_path):
    c.write(tmp_path / "a.pcap", [c.sent(c.data(6, 3000, 0, bytes(1000))),
                                  c.sent(c.data(6, 2000, 1000, bytes(1000)))])
    assert experts(tmp_path / "a.pcap") == [set(), {"length_changed"}]


def test_cut_capture(tmp_path):
    """A snapshot length below the header is no fault of the packet."""
    c.write(tmp_path / "a.pcap", [c.sent(c.data(6, 3000, 0, bytes(1000)))], snap=14 + 20 + 40)
    assert experts(tmp_path / "a.pcap") == [{"cut"}]
    c.write(tmp_path / "a.pcap", [c.sent(c.data(6, 1000, 0, bytes(1000)))], snap=14 + 20 + 60)
    assert experts(tmp_path / "a.pcap") == [set()]
    assert c.read(tmp_path / "a.pcap", "homa.payload_length") == [{"homa.payload_length": ["1000"]}]


def test_packet_quoted_by_icmp(tmp_path):
    """An ICMP error is not a second request."""
    request = c.data(6, 10, 0, bytes(10))
    quoted = c.ip(request)[14:]
    c.write(tmp_path / "a.pcap", [
        c.ip(request), c.ip(bytes.fromhex("0303fcfc00000000") + quoted, c.SERVER, c.CLIENT, protocol=1)])
    assert experts(tmp_path / "a.pcap") == [set(), set()]


def test_garbage(tmp_path):
    """Whatever comes, the dissector reports it itself: no Lua error, no crash."""
    draw = random.Random(7)
    frames = []
    for _ in range(3000):
        packet = bytearray(draw.randbytes(draw.randrange(0, 200)))
        if len(packet) > 11 and draw.random() < 0.9:
            packet[11] = draw.randrange(0x0f, 0x1a)
        protocol = draw.choice([c.HOMA, c.TCP])
        if len(packet) >= 20 and protocol == c.TCP:
            packet[13], packet[18:20] = 0x06, b"\xb9\x7d"
        frames.append(c.ip(bytes(packet), protocol=protocol))
    c.write(tmp_path / "a.pcap", frames)
    assert len(c.read(tmp_path / "a.pcap", "frame.number")) == len(frames)
    assert len(c.tshark(tmp_path / "a.pcap", "-V")) > 10 ** 6
