# SPDX-License-Identifier: Apache-2.0
"""Is what was clean looked at again when it changes, and only then?"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import kernel  # noqa: E402

FILES = ["module/a.c", "module/b.h", "tests/c.c"]


@pytest.fixture
def looked(tmp_path, monkeypatch):
    """Files a check was called for, of an empty repository with FILES; "bad" in one is a problem."""
    calls = []

    def check(files):
        calls.append(files)
        return [path for path in files if "bad" in (tmp_path / path).read_text()]

    monkeypatch.setattr(kernel, "TOP", tmp_path)
    monkeypatch.setitem(kernel.CHECKS, "each", kernel.Check(check, "sh", kernel.sources, True))
    monkeypatch.setitem(kernel.CHECKS, "all", kernel.Check(check, "sh", kernel.sources, False))
    for path in FILES:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    return calls


def test_clean_files_are_not_looked_at_again(looked):
    assert kernel.run("each", FILES) == (2, [], "")
    assert kernel.run("each", FILES) == (2, [], "")
    (kernel.TOP / "module/a.c").write_text("changed")
    kernel.run("each", FILES)
    kernel.run("all", FILES)
    (kernel.TOP / "module/a.c").write_text("changed again")
    kernel.run("all", FILES)
    assert looked == [["module/a.c", "module/b.h"], ["module/a.c"]] + 2 * [["module/a.c", "module/b.h"]]


def test_problems_are_found_each_time(looked):
    (kernel.TOP / "module/b.h").write_text("bad")
    for _ in range(2):
        assert kernel.run("each", FILES) == (2, ["module/b.h"], "")
    assert len(looked) == 2


def test_a_missing_tool_is_a_skip(monkeypatch):
    monkeypatch.setitem(kernel.CHECKS, "none", kernel.Check(None, "no-such-tool", kernel.sources, True))
    assert kernel.run("none", FILES)[2] == "no-such-tool is not installed; run: make deps"


def test_clang_gets_the_command_of_gcc():
    line = "savedcmd_x.o :=  gcc-12 -Wp,-MMD,x.d -I./include -D'A=\"b\"' -fconserve-stack -c -o x.o /s/x.c  "
    assert kernel.clang_command(line) == ["clang", "-fsyntax-only", "-Wno-unknown-warning-option",
                                          "-I./include", '-DA="b"', "-c", "/s/x.c"]
    assert kernel.clang_command("savedcmd_x.o := ld -r -o x.o y.o") is None
