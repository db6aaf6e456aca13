# SPDX-License-Identifier: Apache-2.0
"""The cluster benchmark's arithmetic and reading, without a cluster."""

import json

import cluster
import pytest
from harness import BenchError


def write_rpcs(folder, rows):
    folder.mkdir(parents=True)
    (folder / "rpcs.csv").write_text(
        "due_ns,server,length_bytes,late_ns,latency_ns,error\n"
        + "".join(f"0,0,{length},0,{ns},{error}\n" for length, ns, error in rows))


def test_unloaded_is_linear_between_measured_lengths():
    base = {100: 3000.0, 200: 5000.0}
    assert cluster.unloaded(base, 100) == 3000
    assert cluster.unloaded(base, 150) == 4000
    assert cluster.unloaded(base, 10) == 3000
    assert cluster.unloaded(base, 900) == 5000


def test_slowdown_is_relative_to_the_idle_network(tmp_path):
    write_rpcs(tmp_path / "node0", [(100, 6000, ""), (200, 5000, "")])
    pairs = cluster.slowdowns(tmp_path, {100: 3000.0, 200: 5000.0})
    assert pairs == [(100, 2.0), (200, 1.0)]
    assert "2.00" in cluster.by_size(pairs)


def test_a_failed_rpc_fails_the_benchmark(tmp_path):
    write_rpcs(tmp_path / "node0", [(100, 6000, "ETIMEDOUT")])
    with pytest.raises(BenchError, match="ETIMEDOUT"):
        cluster.rpcs(tmp_path)


def test_goodput_counts_all_messages_until_the_last(tmp_path):
    for node, ns in ((1, 1e6), (2, 2e6)):
        folder = tmp_path / f"node{node}"
        folder.mkdir()
        (folder / "client.json").write_text(
            json.dumps({"latency_ns": {"max": ns}}))
    assert cluster.incast_goodput(tmp_path, 3) == pytest.approx(80)
    with pytest.raises(BenchError, match="2 of 3"):
        cluster.incast_goodput(tmp_path, 4)


def test_quantiles_are_values_that_occurred():
    values = [float(i) for i in range(1, 101)]
    assert cluster.quantile(values, .5) == 50
    assert cluster.quantile(values, .99) == 99
    assert cluster.quantile([7.0], .99) == 7
