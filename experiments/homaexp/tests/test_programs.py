# SPDX-License-Identifier: Apache-2.0
"""The whole chain on a fake host, and its failures."""

import json

import pytest

from homaexp import programs, resultset
from homaexp.errors import UserError
from homaexp.hosts.base import HostError
from homaexp.tests.fakes import FakeHost


@pytest.fixture
def run(tmp_path, config_file, tools, monkeypatch):
    """run(attribute=value...) on a fake host with these attributes."""
    monkeypatch.setattr(programs, "KEPT", tmp_path / "failed")
    out = tmp_path / "results"

    def go(*options, **attributes):
        hosts = []

        def make_host(bed, host_out):
            host = FakeHost(host_out)
            host_out.mkdir(parents=True)
            host.__dict__.update(attributes)
            hosts.append(host)
            return host
        try:
            programs.run([str(config_file), "--out", str(out), *options],
                         make_host)
        finally:
            assert all(host.stopped for host in hosts)
        return next((out / "little").iterdir())
    return go


def leftovers(tmp_path):
    return [p for p in (tmp_path / "results").rglob("*")]


def test_a_run_is_complete_and_right(run, capsys):
    run_dir = run()
    report = resultset.read_json(run_dir / "report.json")
    arms = {arm["id"]: arm for arm in report["arms"]}
    arm = arms["tcp-rps1-server_threads18"]
    assert arm["rtt"]["p50_us"] == {"value": 21.2, "low": 21.2, "high": 21.2}
    assert arm["rtt"]["rpcs"] == 3 * 40
    assert arm["published_rtt_us"] == 26.5
    traced = arm["traced"]
    assert traced["slowdown"]["value"] == pytest.approx(1.1)
    assert traced["rpcs"] == 3 * 20 and traced["excluded"] == {"edge": 6}
    assert sum(c["mean_us"]["value"] for c in traced["causes"]) == (
        pytest.approx(traced["mean_rtt_us"]["value"], abs=1e-9))
    assert [t["name"] for t in traced["tiles"]] == ["send", "wake", "left"]
    printed = capsys.readouterr().out
    assert "[step 5/5]" in printed and "round 3 of 3" in printed
    assert (run_dir / "tables.txt").read_text().strip() in printed
    assert "figure: " in printed


def test_differences_add_up_and_are_told(run):
    run_dir = run()
    report = resultset.read_json(run_dir / "report.json")
    assert len(report["pairs"]) == 8
    for pair in report["pairs"]:
        total = pair["mean_rtt_difference_us"]["value"]
        assert sum(c["difference_us"]["value"] for c in pair["causes"]) == (
            pytest.approx(total, abs=1e-9))
    pair = next(p for p in report["pairs"] if p["axis"] == "server_threads")
    causes = {c["name"]: c["difference_us"]["value"] for c in pair["causes"]}
    assert causes["syscall"] == pytest.approx(1.0)
    assert causes["wakeup"] == pytest.approx(-0.89)
    assert causes["unexplained"] == pytest.approx(0)
    homa = next(p for p in report["pairs"]
                if p["arm"] == "homa-rps1-server_threads18"
                and p["axis"] == "transport")
    assert homa["published_ratio"] == pytest.approx(21.5 / 26.5)
    text = (run_dir / "tables.txt").read_text()
    assert "syscall +1.0" in text and "0.1 us slower" in text


def test_run_json_names_everything(run):
    run_dir = run("--rounds", "2")
    described = resultset.read_json(run_dir / "run.json")
    assert described["experiment"]["schedule"]["rounds"] == 2
    assert described["source"]["commit"]
    assert described["guest"]["release"] == "fake-1.0"
    assert described["guest"]["modules"] == {
        "timetrace": {"sha256": "00ff", "srcversion": "AA11"},
        "homa": {"sha256": "00ee", "srcversion": ""}}
    assert described["guest"]["sysctls"] == {"net/core/somaxconn": "4096"}
    assert set(described["tools"]) == {"rpcload", "ttdump", "homascope"}
    assert described["figures"]["rtt_cdf"]["tracing"] is False
    assert "CLOCK_MONOTONIC" in described["figures"]["rtt_cdf"][
        "clock_and_trust"]


def test_analyse_and_plot_repeat_the_run(run, capsys):
    run_dir = run()
    files = [run_dir / "report.json", run_dir / "tables.txt",
             run_dir / "figures" / "rtt_cdf.png",
             run_dir / "figures" / "rtt_cdf.svg"]
    before = [f.read_bytes() for f in files]
    for f in files:
        f.unlink()
    programs.analyse([str(run_dir)])
    programs.plot([str(run_dir)])
    assert [f.read_bytes() for f in files] == before


def test_raw_is_packed_and_bounded(run, config_file):
    run_dir = run()
    assert len(list(run_dir.rglob("*.ttd.gz"))) == 24
    assert not list(run_dir.rglob("*.ttd"))
    config_file.write_text(config_file.read_text().replace(
        "keep_mb = 1", "keep_mb = 0"))
    for old in run_dir.parent.iterdir():
        old.rename(old.parent.parent / "old")
    bounded = run()
    assert not list(bounded.rglob("*.ttd.gz"))
    programs.analyse([str(bounded)])  # from what the run left


def test_keep_raw(run):
    assert len(list(run("--keep-raw").rglob("*.ttd"))) == 24


def test_a_failing_guest_leaves_nothing_but_its_log(run, tmp_path):
    with pytest.raises(UserError) as error:
        run(fail=HostError("the guest hung"))
    assert "the guest hung" in str(error.value)
    assert str(tmp_path / "failed" / "little") in str(error.value)
    assert (tmp_path / "failed" / "little" / "guest").is_dir()
    assert leftovers(tmp_path) == []


def test_interruption_leaves_nothing(run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(fail=KeyboardInterrupt())
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("attributes, words", [
    ({"skip": "traced.ttd"}, "did not deliver traced.ttd"),
    ({"lying_rps": True}, "RPS/RFS is not set"),
    ({"trace": "damaged"}, "homascope: trace is damaged at byte 12"),
])
def test_incomplete_measurements_fail(run, tmp_path, attributes, words):
    with pytest.raises(UserError, match=words):
        run(**attributes)
    assert leftovers(tmp_path) == []


def test_tiles_that_do_not_add_up_are_refused(run, tools, tmp_path):
    path = tools / "homascope"
    path.write_text(path.read_text().replace("sum(r)", "sum(r) + 1"))
    with pytest.raises(UserError, match="do not add up"):
        run()
    assert leftovers(tmp_path) == []


def test_missing_program_says_what_to_do(run, tools, tmp_path):
    (tools / "rpcload").unlink()
    with pytest.raises(UserError, match="make user"):
        run()
    assert not (tmp_path / "results").exists()


def test_abandoned_directories_are_removed(run, tmp_path):
    dead = tmp_path / "results" / ".tmp-little-99999999"
    dead.mkdir(parents=True)
    alive = tmp_path / "results" / ".tmp-other-1"
    alive.mkdir()
    run()
    assert not dead.exists() and alive.exists()


@pytest.mark.parametrize("content, words", [
    (None, "not a run directory"),
    ({"version": 99}, "version 99"),
])
def test_foreign_directories_are_refused(tmp_path, content, words):
    if content:
        (tmp_path / "run.json").write_text(json.dumps(content))
    for program in (programs.analyse, programs.plot):
        with pytest.raises(UserError, match=words):
            program([str(tmp_path)])
