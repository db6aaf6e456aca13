# SPDX-License-Identifier: Apache-2.0
"""homascope-hosts, with an ssh and an scp that lead to directories of this machine."""
import pathlib
import struct
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
HOMASCOPE = TOP / "build/analyzers/homascope"
DUMP = TOP / "build/tracer/lib/tests/fuzz_seeds.d/300.ttd"
CAPTURE_AT = 256  # docs/trace-format.md
ONE, OTHER = 0x1122334455667788, 0x00ddccbbaa998877

# What is asked for lies below the directory of the host; those that have none are not there.
SSH = """#!/bin/bash
while [ $# -gt 2 ]; do [ "$1" != -l ] || { echo "$2" >>"$HOSTS/users"; shift; }; shift; done
[ -d "$HOSTS/$1" ] || { echo "ssh: Could not resolve hostname $1: Name or service not known" >&2; exit 255; }
[ ! -e "$HOSTS/$1/hangs" ] || exec sleep 60
export ROOT=$HOSTS/$1
PATH=$ROOT/bin:/usr/bin:/bin exec sh -c "${2//\\/proc\\//$ROOT/proc/}"
"""
SCP = """#!/bin/bash
from=${*: -2:1} to=${*: -1}
from=${from#*[} host=${from%%]*}
[ ! -e "$HOSTS/$host/breaks" ] || { mkdir "$to"; echo "scp: Connection closed" >&2; exit 1; }
cp -r "$HOSTS/$host${from#*:}" "$to"
"""
REMOTE = """#!/bin/sh
exec {homascope} "$@" --proc "$ROOT/proc"
"""


class Cluster:
    """Hosts to be."""

    def __init__(self, folder):
        self.folder = folder
        self.to = folder / "out"
        for name, script in (("ssh", SSH), ("scp", SCP)):
            self.program(folder / "bin" / name, script)

    @staticmethod
    def program(path, script):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def host(self, name, captures=(), homascope=True, timetrace=True):
        """With dumps 0.ttd, 1.ttd... of @captures, by the ids of those."""
        host = self.folder / "hosts" / name
        host.mkdir(parents=True)
        if homascope:
            self.program(host / "bin/homascope", REMOTE.format(homascope=HOMASCOPE))
        if timetrace:
            (host / "proc/timetrace_captures").mkdir(parents=True)
            (host / "proc/timetrace").write_text("")
        for number, capture in enumerate(captures):
            self.dump(name, number, capture)
        return host

    def dump(self, name, number, capture):
        data = bytearray(DUMP.read_bytes())
        struct.pack_into("<Q", data, CAPTURE_AT, capture)
        (self.folder / "hosts" / name / f"proc/timetrace_captures/{number}.ttd").write_bytes(data)

    def run(self, *args):
        """(exit status, lines of stdout, lines of stderr)"""
        done = subprocess.run([TOP / "analyzers/homascope-hosts", *args], capture_output=True, text=True,
                              check=False, timeout=300,
                              env={"PATH": f"{self.folder}/bin:/usr/bin:/bin",
                                   "HOSTS": f"{self.folder}/hosts"})
        return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()

    def collect(self, hosts, *args):
        return self.run("collect", "--hosts", hosts, *args, str(self.to))

    def kept(self):
        return sorted(str(path.relative_to(self.to)) for path in self.to.rglob("*") if path.is_file())


@pytest.fixture
def cluster(tmp_path):
    assert HOMASCOPE.exists() and DUMP.exists(), "not built; run: make user"
    return Cluster(tmp_path)


def test_arms_all_hosts_with_the_same_words(cluster):
    hosts = [cluster.host(f"h{i}") for i in range(3)]
    assert cluster.run("arm", "--hosts", "h[0-2]", "--user", "root", "homa:rtt 500", "--captures", "7",
                       "--pre", "20", "--on", "net,sched") == (0, ["armed: h[0-2]"], [])
    for host in hosts:
        assert (host / "proc/timetrace").read_text().splitlines() == [
            "on net", "on sched", "trigger off", "action capture", "window 20 2", "trigger homa:rtt 500",
            "trigger off", "captures 7", "trigger homa:rtt 500"]
    assert (cluster.folder / "hosts/users").read_text().split() == ["root"] * 3


def test_disarms(cluster):
    host = cluster.host("h1")
    assert cluster.run("arm", "--hosts", "h1", "off") == (0, ["disarmed: h1"], [])
    assert (host / "proc/timetrace").read_text() == "trigger off\n"


def test_arming_names_each_host_that_failed(cluster):
    cluster.host("good")
    cluster.host("bare", timetrace=False)
    cluster.host("naked", homascope=False)
    status, said, errors = cluster.run("arm", "--hosts", "good,bare,naked,gone[1-2]", "homa:rtt 5")
    assert status == 1 and said == ["armed: good"] and len(errors) == 4
    for start, advice in ((f"bare: no {cluster.folder}/hosts/bare/proc/timetrace", "load timetrace.ko first"),
                          ("naked: has no homascope", "--homascope PATH"),
                          ("gone1: cannot be reached: ssh: Could not resolve", "ssh HOST true"),
                          ("gone2: cannot be reached: ssh: Could not resolve", "ssh HOST true")):
        assert any(line.startswith(f"homascope-hosts: {start}") and advice in line for line in errors), errors


def test_one_capture_is_one_directory(cluster):
    cluster.host("a", [ONE, OTHER])
    cluster.host("b", [ONE])
    status, said, errors = cluster.collect("a,b")
    assert (status, errors) == (0, [])
    assert said == [f"{cluster.to}/{OTHER:016x}: a; not b", f"{cluster.to}/{ONE:016x}: a,b"] or \
        said == [f"{cluster.to}/{OTHER:016x}: a; not b", f"{cluster.to}/{ONE:016x}: [a-b]"]
    assert cluster.kept() == [f"{OTHER:016x}/a-1.ttd", f"{ONE:016x}/a-0.ttd", f"{ONE:016x}/b-0.ttd"]
    assert not list(cluster.to.glob(".*"))


def test_collecting_names_each_host_that_failed(cluster):
    cluster.host("good", [ONE])
    cluster.host("idle")
    cluster.host("bare", timetrace=False)
    (cluster.host("cut", [ONE]) / "breaks").touch()
    status, said, errors = cluster.collect("good,idle,bare,cut,gone")
    assert status == 1 and said == [f"{cluster.to}/{ONE:016x}: good; not bare,cut,gone,idle"]
    assert len(errors) == 4
    for start in ("gone: cannot be reached", "bare: no /proc/timetrace_captures: load timetrace.ko",
                  "idle: nothing has been captured", "cut: cannot be copied from: scp: Connection closed"):
        assert any(line.startswith(f"homascope-hosts: {start}") for line in errors), errors
    assert cluster.kept() == [f"{ONE:016x}/good-0.ttd"]


def test_a_host_without_the_capture_asked_for(cluster):
    cluster.host("a", [ONE, OTHER])
    cluster.host("b", [OTHER])
    status, said, errors = cluster.collect("a,b", "--capture", f"{ONE:016x}")
    assert status == 1 and said == [f"{cluster.to}/{ONE:016x}: a; not b"]
    assert errors == [f"homascope-hosts: b: has no capture {ONE:016x}, but {OTHER:016x}"]
    assert cluster.kept() == [f"{ONE:016x}/a-0.ttd"]


def test_nothing_is_overwritten(cluster):
    cluster.host("a", [ONE])
    cluster.host("b", [ONE])
    assert cluster.collect("a,b")[0] == 0
    assert cluster.collect("a,b")[0] == 0  # the same again
    there = cluster.to / f"{ONE:016x}/b-0.ttd"
    there.write_bytes(b"another")
    status, _, errors = cluster.collect("a,b")
    assert status == 1 and len(errors) == 1 and errors[0].startswith(f"homascope-hosts: b: {there} exists")
    assert there.read_bytes() == b"another"


def test_damage_and_nonsense_are_told(cluster):
    cluster.host("a", [ONE])
    cut = cluster.host("b", [ONE]) / "proc/timetrace_captures/0.ttd"
    cut.write_bytes(cut.read_bytes()[:-1000])
    none = cluster.host("c", [ONE]) / "proc/timetrace_captures/0.ttd"
    none.write_bytes(b"nothing of the kind")
    status, _, errors = cluster.collect("a,b,c")
    assert status == 1 and len(errors) == 2
    assert f"homascope-hosts: b: its part of capture {ONE:016x} is damaged" in errors
    assert any(line.startswith("homascope-hosts: c: ") for line in errors)
    assert cluster.kept() == [f"{ONE:016x}/a-0.ttd", f"{ONE:016x}/b-0.ttd"]


def test_a_host_that_does_not_answer(cluster):
    (cluster.host("a", [ONE]) / "hangs").touch()
    assert cluster.collect("a", "--timeout", "1") == (
        1, [], ["homascope-hosts: a: no answer within 1 s; --timeout SECONDS waits longer"])


@pytest.mark.parametrize("args", [("collect", "--hosts", "a[1", "out"), ("arm", "--hosts", "a"),
                                  ("collect", "--hosts", "", "out"), ("collect", "--hosts", "a"),
                                  ("collect", "--hosts", "a", "out", "--nonsense")])
def test_wrong_usage(cluster, args):
    status, said, errors = cluster.run(*args)
    assert status == 2 and not said and "homascope-hosts" in errors[-1]
