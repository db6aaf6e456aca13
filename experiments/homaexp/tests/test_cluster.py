# SPDX-License-Identifier: Apache-2.0
"""Experiments on the cluster: configuration, arithmetic, tables, figures."""

import json

import pytest

from homaexp import programs
from homaexp.cluster import config, measure, report
from homaexp.cluster import programs as cluster
from homaexp.errors import UserError
from homaexp.resultset import ResultSet

GOOD = """
kind = "cluster"
name = "t"
title = "T"
figures = ["slowdown", "sweep"]
seeds = [1, 2]
[matrix]
transport = ["homa", "dctcp"]
"net.homa.unsched_bytes" = [10000, 40000]
[cluster]
nodes = 4
workload = "w4"
[sysctl]
"net.homa.link_mbps" = 10000
[published]
source = "somebody"
short_p99_slowdown = 2
"""


def load(tmp_path, text):
    path = tmp_path / "t.toml"
    path.write_text(text)
    return config.load(path)


def test_arms_have_settings_and_keys_of_their_axes(tmp_path):
    arms = config.make_arms(load(tmp_path, GOOD))
    assert [a.id for a in arms] == [
        "homa-unsched_bytes10000", "homa-unsched_bytes40000",
        "dctcp-unsched_bytes10000", "dctcp-unsched_bytes40000"]
    assert arms[3].cluster.transport == "dctcp" and arms[3].cluster.nodes == 4
    assert dict(arms[3].sysctl) == {"net.homa.link_mbps": 10000,
                                    "net.homa.unsched_bytes": 40000}
    assert arms[0].label == "Homa, unsched bytes 10000"


VARIANTS = """variant = ["both", "none"]
[variants]
both = { "net.homa.link_mbps" = 5, "net.homa.unsched_cutoffs" = "0 1" }
none = {}
"""


def test_a_variant_is_settings_that_belong_together(tmp_path):
    text = GOOD.replace("[cluster]", VARIANTS + "[cluster]")
    arms = config.make_arms(load(tmp_path, text))
    assert arms[0].id == "homa-unsched_bytes10000-variantboth"
    assert arms[0].label == "Homa, unsched bytes 10000, both"
    assert dict(arms[0].sysctl) == {"net.homa.link_mbps": 5,
                                    "net.homa.unsched_cutoffs": "0 1",
                                    "net.homa.unsched_bytes": 10000}
    assert arms[1].sysctl["net.homa.link_mbps"] == 10000
    for old, new, said in [('"none"]', '"nine"]', r"no such table"),
                           ("{}", "1", "must be a table"),
                           ('"0 1"', "1.5", "expected int or str")]:
        with pytest.raises(UserError, match=said):
            load(tmp_path, text.replace(old, new))


@pytest.mark.parametrize("old, new, said", [
    ('seeds = [1, 2]', 'seeds = []', "seeds"),
    ('"slowdown", "sweep"', '"pie"', "allowed: slowdown, sweep, goodput"),
    ('"dctcp"', '"quic"', "allowed: homa, dctcp, cubic, reno"),
    ('"dctcp"', '"homa"', "twice"),
    ('nodes = 4', 'nodes = 1', "at least 2"),
    ('nodes = 4', 'nodes = "4"', "expected int"),
    ('nodes = 4', 'nodez = 4', "unknown key"),
    ('"w4"', '"w9"', "no configs/workloads/w9.csv"),
    ('nodes = 4', 'warmup_us = 10000', "leaves nothing"),
    ('nodes = 4', 'scenario = "incast_response"\nrpcs = 9', "outstanding"),
    ('nodes = 4', 'cpu_model = "pentium"', "no configs/cpu-models/pentium"),
    ('nodes = 4', 'cpu_model = "host2020"', "charges Homa alone"),
    ('name = "t"', 'name = "T"', "lower-case"),
    ('transport =', 'transprt =', "unknown key"),
])
def test_bad_input_is_one_line(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(UserError, match=said) as e:
        load(tmp_path, GOOD.replace(old, new))
    assert "\n" not in str(e.value)


def test_all_kept_configurations_are_valid():
    files = sorted((config.CONFIGS / "experiments").glob("*.toml"))
    kinds = [config.load(f) for f in files
             if config.read_toml(f).get("kind") == "cluster"]
    assert len(kinds) >= 6


def test_slowdown_is_over_the_idle_network():
    lengths, slow = report.slowdowns([(100, 6000.), (150, 4000.),
                                      (900, 10000.)],
                                     {100: 3000.0, 200: 5000.0})
    assert list(lengths) == [100, 150, 900]
    assert list(slow) == [2.0, 1.0, 2.0]
    found = report.groups(lengths, slow, [100, 500, 1000])
    assert [(g["up_to_bytes"], g["rpcs"], g["p99"]) for g in found] == [
        (100, 1, 2.0), (500, 1, 1.0), (1000, 1, 2.0)]


def test_quantiles_are_values_that_occurred():
    values = [float(i) for i in range(1, 101)]
    assert report.quantile(values, .5) == 50
    assert report.quantile(values, .99) == 99
    assert report.quantile([7.0], .99) == 7


def test_group_edges_keep_equal_lengths_together():
    assert report.group_edges([5] * 95 + [6] * 5) == [5, 6]


def test_a_failed_rpc_fails_the_run(tmp_path):
    (tmp_path / "node0").mkdir()
    (tmp_path / "node0" / "rpcs.csv").write_text(
        "due_ns,server,length_bytes,late_ns,latency_ns,error\n"
        "0,0,100,0,6000,ETIMEDOUT\n")
    with pytest.raises(UserError, match="ETIMEDOUT"):
        measure.rpcs(tmp_path)


def test_goodput_counts_all_messages_until_the_last(tmp_path):
    arm = config.Cluster(nodes=3, scenario="incast")
    for node, ns in ((1, 1e6), (2, 2e6)):
        folder = tmp_path / f"node{node}"
        folder.mkdir()
        (folder / "client.json").write_text(
            json.dumps({"latency_ns": {"max": ns}}))
    assert measure.incast_goodput(tmp_path, arm) == pytest.approx(80)
    with pytest.raises(UserError, match="2 of 3"):
        measure.incast_goodput(tmp_path, config.Cluster(nodes=4))


def test_goodput_of_responses_counts_those_that_came(tmp_path):
    arm = config.Cluster(nodes=3, scenario="incast_response",
                         message_bytes=10_000)
    (tmp_path / "node0").mkdir()
    (tmp_path / "node0" / "client.json").write_text(
        json.dumps({"rpcs": 100, "elapsed_ns": 1e6}))
    assert measure.incast_goodput(tmp_path, arm) == pytest.approx(80)


def fake_run(out, rpcload, what, seed, settings, options=(), scenario=None):
    """What testbed/vm cluster would leave."""
    node = out / "node1"
    node.mkdir(parents=True)
    (out / "node0").mkdir()
    (out / "node0" / "guest.json").write_text('{"release": "6.12"}')
    (out / "fabric.json").write_text(json.dumps(
        {"ports": [{"dropped": {"buffer": seed, "loss": 0}}]}))
    (out / "timing.json").write_text('{"wall_us_per_event": 20.0}')
    if scenario == "idle":
        for length, ns in ((100, 3000), (1_000_000, 1_700_000)):
            (node / f"{length}.json").write_text(
                json.dumps({"latency_ns": {"p50": ns}}))
    elif what.scenario == "incast":
        for number in range(1, what.nodes):
            (out / f"node{number}").mkdir(exist_ok=True)
            (out / f"node{number}" / "client.json").write_text(
                json.dumps({"latency_ns": {"max": 2e6}}))
    else:
        (node / "rpcs.csv").write_text(
            "due_ns,server,length_bytes,late_ns,latency_ns,error\n" + "".join(
                f"0,0,{length},0,{ns},\n" for length, ns in
                ((100, 6000), (100, 9000), (1_000_000, 3_400_000))))
    return out


@pytest.mark.parametrize("change, shown", [
    ("", "2.00 / 3.00"),
    ("incast", "40.0")])
def test_a_run_from_configuration_to_figures(tmp_path, monkeypatch, capsys,
                                             change, shown):
    text = GOOD
    if change:
        text = text.replace("nodes = 4", 'nodes = 2\nscenario = "incast"')
        text = text.replace('"slowdown", "sweep"', '"goodput"')
    file = tmp_path / "t.toml"
    file.write_text(text)
    rpcload = tmp_path / "rpcload"
    rpcload.touch(0o755)
    monkeypatch.setenv("RPCLOAD", str(rpcload))
    monkeypatch.setattr(measure, "run", fake_run)
    monkeypatch.setattr(measure, "build_modules", lambda: None)
    programs.run([str(file), "--out", str(tmp_path / "results")])
    said = capsys.readouterr().out
    assert shown in said and "figure: " in said
    (where,) = (tmp_path / "results" / "t").iterdir()
    before = (where / "report.json").read_text()
    assert json.loads(before)["arms"][0]["dropped"] == [{"buffer": 1},
                                                        {"buffer": 2}]
    programs.analyse([str(where)])
    assert (where / "report.json").read_text() == before
    assert all(p.stat().st_size > 5000
               for p in cluster.plot(ResultSet.open(where)))


def test_options_of_other_testbeds_are_refused(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text(GOOD)
    with pytest.raises(UserError, match="--rounds"):
        programs.run([str(file), "--rounds", "2"])
