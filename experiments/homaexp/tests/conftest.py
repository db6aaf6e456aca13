# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from homaexp.tests import fakes  # noqa: E402

CONFIG = """
name = "little"
title = "A little run"
testbed = "uml"
figures = ["rtt_cdf"]
[matrix]
transport = ["homa", "tcp"]
rps = [false, true]
server_threads = [1, 18]
[workload]
[schedule]
rounds = 3
warmup_rounds = 1
seed = 7
warmup_rpcs = 5
rpcs = 40
traced_rpcs = 20
[trace]
ring_kb = 64
keep_mb = 1
[analysis]
mean_up_to_percentile = 90
[[compare]]
axis = "transport"
value = "homa"
base = "tcp"
[[compare]]
axis = "server_threads"
value = 18
base = 1
[published]
source = "someone"
arms = [{ transport = "homa", rps = true, server_threads = 18, rtt_us = 21.5 },
        { transport = "tcp", rps = true, server_threads = 18, rtt_us = 26.5 }]
"""


@pytest.fixture
def config_file(tmp_path):
    """A complete configuration; tests replace parts of its text."""
    path = tmp_path / "little.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Stand-ins for the programs of build/."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("rpcload", "ttdump", "homascope"):
        path = folder / name
        path.write_text(fakes.FAKE_HOMASCOPE)
        path.chmod(0o755)
        monkeypatch.setenv(name.upper(), str(path))
    return folder
