# SPDX-License-Identifier: Apache-2.0
"""Are results counted as they were reported?"""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import suites  # noqa: E402


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "TOP", tmp_path)
    (tmp_path / "x.log").write_text("last words\n")
    return tmp_path


def verdicts(cases):
    return [(case.name, case.verdict) for case in cases]


def test_cases_of_a_script(logs):
    (logs / "abi.cases").write_text("ok one\nnot ok two: because: of this\nskip three: no IPv6\n")
    (logs / "abi.done").write_text("3\n")
    cases = suites.read_cases(logs, "abi")
    assert verdicts(cases) == [("one", "ok"), ("two", "not ok"), ("three", "skip")]
    assert cases[1].why.startswith("because: of this")


def test_a_script_that_did_not_end_has_failed(logs):
    (logs / "abi.cases").write_text("ok one\n")
    assert verdicts(suites.read_cases(logs, "abi")) == [("one", "ok"), ("abi", "not ok")]
    assert verdicts(suites.read_cases(logs, "loss")) == [("loss", "not ok")]


def test_a_script_without_cases_has_failed(logs):
    (logs / "abi.cases").write_text("")
    (logs / "abi.done").write_text("3\n")
    assert verdicts(suites.read_cases(logs, "abi")) == [("abi", "not ok")]


def test_junit(logs):
    (logs / "x.xml").write_text(
        '<testsuite><testcase classname="a" name="b"/>'
        '<testcase classname="a" name="c"><failure message="why&#10;more"/></testcase>'
        '<testcase classname="a" name="d"><skipped/><system-out>first\nno tool</system-out>'
        '</testcase></testsuite>')
    cases = suites.from_junit(logs / "x.xml", 1, logs / "x.log")
    assert verdicts(cases) == [("a.b", "ok"), ("a.c", "not ok"), ("a.d", "skip")]
    assert cases[1].why.startswith("why (")
    assert cases[2].why == "no tool"


@pytest.mark.parametrize("status", [0, 1])
def test_a_runner_without_a_report_has_failed(logs, status):
    cases = suites.from_junit(logs / "none.xml", status, logs / "x.log")
    assert verdicts(cases) == [("run", "not ok")]


def test_a_runner_that_fails_outside_its_cases_has_failed(logs):
    (logs / "x.xml").write_text('<testsuite><testcase classname="a" name="b"/></testsuite>')
    cases = suites.from_junit(logs / "x.xml", 2, logs / "x.log")
    assert ("run", "not ok") in verdicts(cases)
    assert "last words" in cases[-1].why


def test_a_warning_of_the_compiler_is_found(logs):
    (logs / "x.log").write_text("+ testbed/vm kmods k\nx.c:1:2: warning: unused\nx.ko\n")
    assert suites.first_warning(logs / "x.log") == "x.c:1:2: warning: unused"
    (logs / "x.log").write_text("+ testbed/vm kmods k\nx.ko\n")
    assert not suites.first_warning(logs / "x.log")


def test_slow_guests_run_only_when_asked_for(monkeypatch):
    monkeypatch.setattr(suites, "GUESTS", {"quick": suites.Guest("uml", "k", 1, ["a"]),
                                           "slow": suites.Guest("rt", "k", 1, ["a"], full=True)})
    assert "vm/quick/a" in suites.names() and "vm/slow/a" not in suites.names()
    assert "vm/slow/a" in suites.names(full=True)


def test_clusters_of_slow_kernels_run_only_when_asked_for():
    assert "vm/sim/reliability" in suites.names()
    assert "vm/simdebug/reliability" not in suites.names()
    assert "vm/simdebug/reliability" in suites.names(full=True)


@pytest.mark.parametrize("suite, kernel", [("vm/sim/exact", "sim-6.12"),
                                           ("vm/simdebug/exact", "sim-debug")])
def test_a_cluster_runs_the_kernel_of_its_suite(logs, monkeypatch, suite, kernel):
    commands = []

    def run_command(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 3, "", "vm: node 1: DMESG NOT CLEAN: BUG\n")

    monkeypatch.setattr(suites, "LOGS", logs)
    monkeypatch.setattr(suites.simcluster, "LOGS", logs)
    monkeypatch.setattr(suites.simcluster, "prepare", lambda guest: "")
    monkeypatch.setattr(suites.simcluster, "SUITES", {"exact": {"exact": suites.simcluster.exact}})
    monkeypatch.setattr(suites.simcluster.subprocess, "run", run_command)
    (logs / suite.split("/")[1]).mkdir()
    [(_, [case], _)] = suites.run([suite])
    assert case.verdict == "not ok" and "node 1: DMESG NOT CLEAN" in case.why
    assert all(word in commands[0] for word in ("--kernel", kernel))


def test_slow_guests_boot_for_each_script(logs, monkeypatch):
    boots = []

    def run_guest(guest, _, scripts):
        boots.append((guest, scripts))
        yield from ()

    monkeypatch.setattr(suites, "LOGS", logs)
    monkeypatch.setattr(suites, "run_guest", run_guest)
    monkeypatch.setattr(suites, "GUESTS", {"fast": suites.Guest("uml", "k", 1, ["a", "b"]),
                                           "slow": suites.Guest("rt", "k", 1, ["a", "b"], full=True)})
    assert not list(suites.run(["vm/fast/a", "vm/fast/b", "vm/slow/a", "vm/slow/b"]))
    assert boots == [("fast", ["a", "b"]), ("slow", ["a"]), ("slow", ["b"])]


@pytest.mark.parametrize("moves, why, verdict", [
    (True, "vm: the mirror has no 7.2 cloud kernel any more; it offers: none", "skip"),
    (True, "vm: cannot read Debian suite sid", "not ok"),
    (False, "vm: the mirror has no 6.1 cloud kernel any more; it offers: none", "not ok")])
def test_a_kernel_that_is_gone(logs, monkeypatch, moves, why, verdict):
    monkeypatch.setattr(suites, "LOGS", logs)
    monkeypatch.setattr(suites, "run_logged", lambda log, command: log.write_text(why) and 1)
    guest = suites.Guest("rt", "k", 1, ["a"], moves=moves)
    [(_, cases, _)] = suites.run_guest("g", guest, ["a"])
    assert verdicts(cases) == [("kernel k", verdict)] and why in cases[0].why
