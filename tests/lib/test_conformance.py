# SPDX-License-Identifier: Apache-2.0
"""Does docs/conformance.md name code and cases that exist, and each errno of the manual pages?"""
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import suites  # noqa: E402  (it finds the checks)
import checks  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
SYSTEM = TOP / "tests/system"


def text(path):
    return (TOP / path).read_text(encoding="utf-8")


def rows():
    """(first cell, second cell, names in the third) of all tables."""
    lines = re.findall(r"^\| (.+?) \| (.+?) \| (.+) \|$", text("docs/conformance.md"), re.M)
    return [(first, second, third.split(", ")) for first, second, third in lines
            if third not in ("proof", "cases") and not first.startswith(("`tests/", "program"))]


def errnos():
    return [(call, errno, cases) for call, errno, cases in rows() if re.fullmatch("E[A-Z0-9]+", errno)]


def found(pattern, folder, files):
    return [match for source in (TOP / folder).glob(files)
            for match in re.findall(pattern, source.read_text(encoding="utf-8"), re.M)]


def cases():
    """Names of all cases of abi_test, of packet_test and of the module's units."""
    return (set(found(r'^\t\{ "(\w+)",', "tests/abi", "abi_*.c"))
            | {".".join(test) for test in found(r"^TEST_F\((\w+), (\w+)\)", "tests/packet", "*_test.cc")}
            | {".".join(test) for test in found(r"^TEST\((\w+), (\w+)\)", "module/tests", "*_test.cc")})


def in_script(script, case):
    """Whether a script of tests/system has the case; its name may be made of variables."""
    path = SYSTEM / f"{script}.sh"
    if not path.exists():
        return False
    names = re.findall(r'\bcheck "?([^" ;]+)', path.read_text(encoding="utf-8"))
    if script == "faults":
        names += [f"walk_{name}" for name in found(r'^\t\{ "(\w+)",', "tests/abi", "fault_walk.c")]
    patterns = [re.sub(r"\\\$(\\\{\w+[^}]*\}|\w+)", r"\\w+", re.escape(name)) for name in names]
    return any(re.fullmatch(pattern, case) for pattern in patterns)


def exists(name, known):
    if name in known or name == "design-notes":
        return True
    script, _, case = name.partition("/")
    if script in ("lint", "vm"):
        return case in (checks.CHECKS if script == "lint" else suites.GUESTS)
    return in_script(script, case) if case else (SYSTEM / f"{script}.sh").exists()


def test_names_are_looked_for():
    known = cases()
    for name in ("levels/told", "pacer/hrtimer_holds_back", "netem", "bind_zero", "ServerTest.Acks",
                 "lint/sparse", "vm/debug"):
        assert exists(name, known), name
    for name in ("levels/nothing", "nothing", "nothing/told", "ServerTest.Nothing",
                 "lint/nothing", "vm/nothing"):
        assert not exists(name, known), name


@pytest.mark.parametrize("what, code, named", rows(), ids=lambda v: v if isinstance(v, str) else "")
def test_proofs_exist(what, code, named):
    known = cases()
    assert [name for name in named if not exists(name, known)] == [], what


@pytest.mark.parametrize("what, code, named", rows(), ids=lambda v: v if isinstance(v, str) else "")
def test_code_exists(what, code, named):
    for name in re.findall(r"[\w/]+\.(?:c|h|def|lua|sh|py)\b", code):
        assert (TOP / "module" / name).exists() or (TOP / name).exists(), what


@pytest.mark.parametrize("page", ["homa_sendmsg", "homa_recvmsg"])
def test_manual_pages_are_covered(page):
    promised = set(re.findall(r"Er (E[A-Z0-9]+)", text(f"docs/man/{page}.2").split(".Sh ERRORS")[1]))
    assert promised and promised <= {errno for call, errno, _ in errnos() if call == page}
