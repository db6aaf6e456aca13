# SPDX-License-Identifier: Apache-2.0
"""Are the lines that ran told from those that did not?"""
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import coverage  # noqa: E402

SOURCE = """\
#include "wire.h"
int drop(int type)
{
    if (type < 0)
        return -1;
    return twice(type);
}
int main(void)
{
    return drop(0);
}
"""


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "src/module"
    folder.mkdir(parents=True)
    (folder / "incoming.c").write_text(SOURCE)
    (folder / "wire.h").write_text("static inline int twice(int x)\n{\n\treturn 2 * x;\n}\n")
    subprocess.run(["gcc", "--coverage", "-c", str(folder / "incoming.c")], cwd=folder, check=True)
    subprocess.run(["gcc", "--coverage", "incoming.o", "-o", "run"], cwd=folder, check=True)
    subprocess.run(["./run"], cwd=folder, check=True)
    counters = tmp_path / "gcov"
    counters.mkdir()
    (folder / "incoming.gcda").rename(counters / "incoming.gcda")
    return coverage.read(counters, folder)


def test_what_never_ran_is_named(files):
    assert list(coverage.uncovered(files)) == [("incoming.c", "drop", 5)]
    assert "not run: incoming.c: drop: 5\n" in coverage.report(files)


def test_headers_count(files):
    assert files["wire.h"].lines[3] == 1
    assert coverage.percent(files) == 87.5  # 7 of 8


def test_a_line_of_a_handler_is_missed(files):
    assert list(coverage.problems(files)) == [
        ("module lines >= 85 %", ""), ("every line of packet handlers", "did not run: incoming.c:5")]
    assert coverage.missed_in_handlers(files) == ["incoming.c:5"]


def test_nothing_of_a_handler_is_missed(files):
    files["incoming.c"].lines[5] = 1
    assert dict(coverage.problems(files))["every line of packet handlers"] == ""


def test_nothing_is_not_enough():
    assert dict(coverage.problems({}))["module lines >= 85 %"] == "0.0 %"
