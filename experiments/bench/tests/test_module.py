# SPDX-License-Identifier: Apache-2.0
import json

import pytest

import harness
import module


def write_visits(out, rounds, change=None):
    """What module.sh leaves: Homa 30 us + round, TCP 20, UDP 10; 1 MB takes
    Homa 2 ms and TCP 1 ms."""
    for arm in module.ARMS + module.BUILDS:
        for round_ in range(rounds + 1):
            us = {"homa": 30 + round_, "tcp": 20, "udp": 10}[arm.transport]
            us *= {"build_all": 1.0302, "build_delays": 1.02}.get(arm.kind, 1)
            ms = {"homa": 2, "tcp": 1, "udp": 0}[arm.transport]
            if round_ == 0:
                us, ms = 1e6, 1e6  # would ruin every figure if it counted
            visit = {"rpcs": arm.count, "errors": 0,
                     "latency_ns": {"p50": us * 1000},
                     "request_bytes": arm.count * arm.length,
                     "elapsed_ns": arm.count * ms * 1_000_000}
            if change:
                change(arm, round_, visit)
            if arm.kind.startswith("rate"):
                visit["elapsed_ns"] = arm.count * us * 1000
            (out / arm.file(round_)).write_text(json.dumps(visit))


def test_figures(tmp_path):
    write_visits(tmp_path, 3)
    found = {r.name: r for r in module.results(module.load(tmp_path, 3))}
    assert {name: r.value for name, r in found.items()} == pytest.approx({
        "rpc100_homa_us": 32, "rpc100_tcp_us": 20, "rpc100_udp_us": 10,
        "rpc100_ratio_tcp": 1.6, "rpc100_ratio_udp": 3.2,
        "rpc1m_homa_gbps": 4, "rpc1m_tcp_gbps": 8, "rpc1m_ratio_tcp": 0.5,
        "small_rpc_rate_homa_krps": 1000 / 32, "small_rpc_rate_tcp_krps": 50,
        "small_rpc_rate_ratio_tcp": 20 / 32,
        "small_rpc_rate_single_homa_krps": 1000 / 32,
        "small_rpc_rate_single_tcp_krps": 50,
        "small_rpc_rate_single_ratio_tcp": 20 / 32,
        "steering_adaptive_ratio_same_core": 1, "off_cost_percent": 1,
        "trace_off_cost_percent": 2})
    assert found["rpc100_homa_us"].spread == 1
    assert found["rpc100_homa_us"].n == 900
    assert found["rpc1m_homa_gbps"].n == 24
    assert found["rpc100_ratio_tcp"].better == "lower"
    assert found["rpc1m_ratio_tcp"].better == "higher"


def test_errors_are_no_results(tmp_path):
    def one_error(arm, round_, visit):
        if arm is module.ARMS[1] and round_ == 2:
            visit["errors"] = 1
    write_visits(tmp_path, 2, one_error)
    with pytest.raises(harness.BenchError, match="2-rpc100-tcp.json.* 1 errors"):
        module.load(tmp_path, 2)


def test_missing_visit(tmp_path):
    write_visits(tmp_path, 2)
    with pytest.raises(harness.BenchError, match="3-rpc100-homa.json"):
        module.load(tmp_path, 3)


def test_bad_rounds(capsys):
    with pytest.raises(SystemExit):
        module.bench(["--rounds", "1"])
    assert "2 or more" in capsys.readouterr().err
