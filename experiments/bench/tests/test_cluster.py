# SPDX-License-Identifier: Apache-2.0
"""The cluster benchmark's own arithmetic, without a cluster."""

import cluster
import pytest
from harness import BenchError


def write_rpcs(folder, rows):
    folder.mkdir(parents=True)
    (folder / "rpcs.csv").write_text(
        "due_ns,server,length_bytes,late_ns,latency_ns,error\n"
        + "".join(f"0,0,{length},0,{ns},\n" for length, ns in rows))


def test_short_messages_have_101_to_1000_bytes(tmp_path):
    write_rpcs(tmp_path / "node0", [(100, 1000), (101, 2000), (1000, 3000)])
    write_rpcs(tmp_path / "node1", [(1001, 4000)])
    found = cluster.short("x", tmp_path)
    assert [(r.name, r.value, r.n) for r in found] == [
        ("x_short_p50_us", 2.0, 2), ("x_short_p99_us", 3.0, 2)]
    (tmp_path / "node0" / "rpcs.csv").unlink()
    with pytest.raises(BenchError, match="101 to 1000"):
        cluster.short("x", tmp_path)


def test_slowdowns_of_all_and_of_the_short(tmp_path, capsys):
    write_rpcs(tmp_path / "node0", [(100, 6000), (2000, 5000)])
    found = cluster.slowdowns(tmp_path, {100: 3000.0, 2000: 5000.0})
    assert {r.name: r.value for r in found} == {
        "slowdown_w4_short_p99": 2.0, "slowdown_w4_p50": 1.0,
        "slowdown_w4_p99": 2.0}
    assert "2.00" in capsys.readouterr().out
