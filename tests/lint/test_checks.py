# SPDX-License-Identifier: Apache-2.0
"""Do the checks find what they are for?"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import checks  # noqa: E402
import layers  # noqa: E402

PAGE = """
```
module ──> tracer/include           tracer/kernel knows no homa name
analyzers ──> tracer/include, module/uapi        tests ──> everything; nothing ──> tests
module:    main → incoming, wait → rpc → sock, peer
           → wire
analyzers: cli → report → model → base, stats;   cli → read → model;   never upward
```
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Writes files into an empty repository with the page above."""
    monkeypatch.setattr(layers, "TOP", tmp_path)
    monkeypatch.setattr(checks, "TOP", tmp_path)

    def write(**contents):
        paths = []
        for name, content in contents.items():
            path = name.replace("__", "/")
            path = path[::-1].replace("_", ".", 1)[::-1]
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
            paths.append(path)
        return paths
    write(docs__architecture_md=PAGE)
    return write


def test_layers_downward_and_sideways(tree):
    paths = tree(module__incoming_c='#include "wait.h"\n#include "wire.h"\n#include "rpc.h"\n',
                 module__wait_h="", module__wire_h="", module__rpc_h='#include "peer.h"\n',
                 module__peer_h="")
    looked, found = layers.problems(paths)
    assert looked == 4
    assert not found


def test_layers_upward(tree):
    paths = tree(module__wire_c='#include "rpc.h"\n', module__rpc_h="")
    assert layers.problems(paths)[1] == [
        "module/wire.c: includes module/rpc.h: 'rpc' lies above 'wire'"]


def test_layers_unknown_file(tree):
    paths = tree(module__surprise_c="")
    assert "not drawn" in layers.problems(paths)[1][0]


def test_layers_strategy_stands_for_its_kind(tree):
    paths = tree(module__rpc_fifo_c='#include "wire.h"\n', module__wire_h='#include "rpc_fifo.h"\n',
                 module__rpc_fifo_h="")
    assert layers.problems(paths)[1] == [
        "module/wire.h: includes module/rpc_fifo.h: 'rpc' lies above 'wire'"]


def test_layers_between_folders(tree):
    paths = tree(analyzers__src__read__x_cc='#include "homa.h"\n#include "rpc.h"\n',
                 module__uapi__homa_h="", module__rpc_h="", tests__abi__t_c='#include "rpc.h"\n')
    assert layers.problems(paths)[1] == [
        "analyzers/src/read/x.cc: includes module/rpc.h: no arrow analyzers ──> module "
        "in docs/architecture.md"]


def test_layers_of_analyzers(tree):
    paths = tree(analyzers__src__report__x_cc='#include "base/y.h"\n#include "read/z.h"\n',
                 analyzers__src__base__y_h="", analyzers__src__read__z_h="")
    assert layers.problems(paths)[1] == [
        "analyzers/src/report/x.cc: includes analyzers/src/read/z.h: 'read' lies above 'report'"]


def test_spdx(tree):
    good = tree(module__a_c="// SPDX-License-Identifier: GPL-2.0-only\n",
                tests__b_sh="#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n",
                module__uapi__c_h="/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */\n")
    assert checks.check_spdx(good) == checks.Result(3, [])
    bad = tree(module__a_c="// SPDX-License-Identifier: Apache-2.0\n", tests__b_sh="#!/bin/sh\n")
    assert len(checks.check_spdx(bad).problems) == 2


def test_lines_versions_and_paths(tree):
    paths = tree(module__a_c="x\n" * 801, module__b_c="#if LINUX_VERSION_CODE < 5\n",
                 module__compat_h="#if LINUX_VERSION_CODE < 5\n",
                 tests__c_py="open('/" + "work/x')\n")
    assert checks.check_lines(paths).problems == ["module/a.c: 801 lines, at most 800"]
    assert [p.split(":")[0] for p in checks.check_versions(paths).problems] == ["module/b.c"]
    paths_found = checks.check_paths.__globals__["MACHINE_PATHS"].search
    assert paths_found("/" + "work/main") and not paths_found("/tmp/case")
