# SPDX-License-Identifier: Apache-2.0
"""The pacers' benchmark's own arithmetic, without a cluster."""

import json

import pacer
import pytest
from harness import BenchError
from homaexp.cluster.truth import LAYOUT, SENT


def truth(out, packets):
    """packets: (time_ns, queue_bytes, frame_bytes), sent by node 0."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "fabric.json").write_text(json.dumps(
        {"ports": [{"name": "host0"}, {"name": "host1"}]}))
    records = [LAYOUT.pack(time, i, queue, frame, 0, SENT, 0, 0)
               + LAYOUT.pack(time, i, 0, frame, 1, 4, 0, 0)  # delivered
               for i, (time, queue, frame) in enumerate(packets)]
    (out / "truth.bin").write_bytes(b"HSFTRUTH" + bytes(8) + b"".join(records))


def test_link_counts_between_the_first_and_the_last_short_request(tmp_path):
    truth(tmp_path, [(0, 0, 190), (500, 0, 1514),  # before
                     (10_000, 1514, 190),          # 214 bytes on the wire
                     (10_172, 1514, 40),           # padded: 84
                     (10_240, 0, 1514),            # 1538
                     (20_000, 0, 190), (30_000, 0, 1514)])
    seen = pacer.link(tmp_path)
    assert seen.elapsed_ns == 10_000
    assert seen.busy_ns == pytest.approx((214 + 84 + 1538) * .8)
    assert seen.queue_bytes == [1704, 1554, 1514]


def test_short_requests_without_long_ones_are_refused(tmp_path):
    truth(tmp_path, [(0, 0, 1514), (1000, 0, 190)])
    with pytest.raises(BenchError, match="over before"):
        pacer.link(tmp_path)


def rpcload(path, p50, p99, errors=0):
    path.write_text(json.dumps({
        "rpcs": 100, "errors": errors, "elapsed_ns": 10_000_000,
        "latency_ns": {"p50": p50, "p99": p99}}))


def test_figures(tmp_path):
    truth(tmp_path, [(0, 0, 1514), (1000, 1514, 190), (2000, 0, 1514),
                     (3000, 0, 190), (4000, 0, 1514)])
    node = tmp_path / "node0"
    node.mkdir()
    rpcload(node / "short.json", 5000, 6000)
    rpcload(node / "long.json", 1_000_000, 2_000_000)
    for name, factor in (("before", 1), ("after", 2)):
        (node / name).write_text("".join(
            f"{key} {factor * n}\n" for key, n in (
                ("wakeups", 100 * pacer.LONG),
                ("pacer_releases", 200 * pacer.LONG),
                ("pacer_idle_ns", 500_000))))
    found = pacer.figures("x", tmp_path, {"latency_ns": {"p99": 3000}})
    assert {r.name.removeprefix("pacer_x_"): r.value for r in found} == {
        "link_percent": pytest.approx(100 * (214 + 1538) * .8 / 2000),
        "short_p50_us": 5, "short_p99_us": 6, "short_p99_ratio": 2,
        "idle_percent": 5, "queue_max_us": pytest.approx(1704 * .8e-3),
        "wakeups_per_mb": 100, "releases_per_mb": 200}


def test_failed_rpcs_are_refused(tmp_path):
    rpcload(tmp_path / "short.json", 1, 1, errors=3)
    with pytest.raises(BenchError, match="100 RPCs, 3 errors"):
        pacer.read(tmp_path / "short.json")
