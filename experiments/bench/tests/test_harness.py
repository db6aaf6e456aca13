# SPDX-License-Identifier: Apache-2.0
import json
import stat

import pytest

import harness


def result(**changes):
    fields = {"name": "x_us", "value": 1.5, "unit": "us", "better": "lower",
              "n": 3, "spread": 0.25}
    return harness.Result(**{**fields, **changes})


def test_median_and_interquartile_range():
    r = harness.from_rounds("x", [5, 1, 2, 4, 3], "us", "lower", 500)
    assert (r.value, r.spread, r.n) == (3, 2, 500)


def test_one_round_has_no_spread():
    with pytest.raises(ValueError, match="1 rounds"):
        harness.from_rounds("x", [5], "us", "lower", 1)


def test_better_is_checked():
    with pytest.raises(ValueError, match="'bigger'"):
        result(better="bigger")


def test_table_aligns():
    lines = harness.table([result(), result(name="long_name", value=123.0)])
    head, first, second = lines.splitlines()
    assert head.split() == ["name", "value", "spread", "unit", "better", "n"]
    assert first.split() == ["x_us", "1.500", "0.250", "us", "lower", "3"]
    assert first.index("us", 5) == second.index("us", 5)


def test_write_is_the_contract(tmp_path):
    path = tmp_path / "sub" / "x.json"
    harness.write([result()], path)
    assert json.loads(path.read_text()) == [
        {"name": "x_us", "value": 1.5, "unit": "us", "better": "lower",
         "n": 3, "spread": 0.25}]
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        harness.write([result(value=object())], path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_tool(monkeypatch, tmp_path):
    monkeypatch.setenv("RPCLOAD", str(tmp_path / "none"))
    with pytest.raises(harness.BenchError, match="make user"):
        harness.tool("rpcload", "anything")


@pytest.fixture(name="root")
def fake_root(monkeypatch, tmp_path):
    """A checkout whose testbed/vm notes its arguments; 'run' ends with the
    status in the file `status`."""
    vm = tmp_path / "testbed" / "vm"
    vm.parent.mkdir()
    vm.write_text("#!/bin/sh\necho \"$@\" >> \"$0.calls\"\n"
                  "echo last words\n[ $1 = kmods ] || "
                  f"exit $(cat {tmp_path}/status)\n")
    vm.chmod(vm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    return tmp_path


def run(root):
    out = root / "out"
    harness.run_guest(out, root / "job.sh", ["7"], mode="det", kernel="k",
                      files={root / "f": "/bin/f"}, timeout_s=9)
    return out


def test_guest_runs_with_fresh_modules(root):
    (root / "status").write_text("0")
    (root / "out").mkdir()
    (root / "out" / "stale").touch()
    out = run(root)
    assert not (out / "stale").exists()
    assert (root / "testbed" / "vm.calls").read_text().splitlines() == [
        "kmods k", f"run --mode det --kernel k --timeout 9 --file {root}/f:"
        f"/bin/f --out {out} {root}/job.sh 7"]


def test_guest_failure_is_told(root):
    (root / "status").write_text("3")
    with pytest.raises(harness.BenchError, match="status 3: last words"):
        run(root)


def test_main_prints_one_line(capsys):
    def failing():
        raise harness.BenchError("what and where")
    with pytest.raises(SystemExit) as e:
        harness.main(failing)
    assert e.value.code == "bench: what and where"
    assert capsys.readouterr().out == ""
