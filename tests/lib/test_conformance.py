# SPDX-License-Identifier: Apache-2.0
"""Has each errno of the manual pages a case, as docs/conformance.md says?"""
import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


def rows():
    """(call, errno, cases) of the table."""
    text = (TOP / "docs/conformance.md").read_text(encoding="utf-8")
    return [(call, errno, cases.split(", "))
            for call, errno, cases in re.findall(r"^\| (\w+) \| (E[A-Z0-9]+) \| (.+) \|$", text, re.M)]


def cases():
    """Names of all cases of abi_test and packet_test."""
    names = set()
    for source in (TOP / "tests/abi").glob("abi_*.c"):
        names |= set(re.findall(r'^\t\{ "(\w+)",', source.read_text(encoding="utf-8"), re.M))
    for source in (TOP / "tests/packet").glob("*_test.cc"):
        names |= {".".join(test) for test in
                  re.findall(r"^TEST_F\((\w+), (\w+)\)", source.read_text(encoding="utf-8"), re.M)}
    return names


@pytest.mark.parametrize("call, errno, named", rows(), ids=lambda v: v if isinstance(v, str) else "")
def test_cases_exist(call, errno, named):
    assert set(named) <= cases(), f"{call} {errno}"


@pytest.mark.parametrize("page", ["homa_sendmsg", "homa_recvmsg"])
def test_manual_pages_are_covered(page):
    text = (TOP / f"docs/man/{page}.2").read_text(encoding="utf-8")
    promised = set(re.findall(r"Er (E[A-Z0-9]+)", text.split(".Sh ERRORS")[1])) - {"ENOMEM"}
    assert promised and promised <= {errno for call, errno, _ in rows() if call == page}
