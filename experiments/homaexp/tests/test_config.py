# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from homaexp import config, plots
from homaexp.errors import UserError

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.mark.parametrize("path", [
    p for p in sorted((CONFIGS / "experiments").glob("*"))
    if config.read_toml(p).get("kind") != "cluster"], ids=lambda p: p.name)
def test_experiments_of_the_repository_load(path):
    exp = config.load_experiment(path)
    assert exp.name == path.stem
    assert (CONFIGS / "testbeds" / f"{exp.testbed}.toml").exists()
    for figure in exp.figures:
        assert figure in plots.FIGURES


@pytest.mark.parametrize("path", sorted((CONFIGS / "testbeds").glob("*")),
                         ids=lambda p: p.name)
def test_testbeds_of_the_repository_load(path):
    assert config.load_testbed(path).name == path.stem


@pytest.mark.parametrize("old, new, words", [
    ("rounds = 3", "runds = 3", ["schedule.runds", "unknown key",
                                 "warmup_rounds"]),
    ('name = "little"', 'nme = "x"\nname = "little"', [": nme", "testbed"]),
    ("seed = 7\n", "", ["schedule.seed", "missing"]),
    ("rpcs = 40", 'rpcs = "40"', ["schedule.rpcs", "expected int"]),
    ("rounds = 3", "rounds = true", ["schedule.rounds", "expected int"]),
    ("rounds = 3", "rounds = 0", ["schedule.rounds", "at least 1"]),
    ("seed = 7", "seed = -7", ["schedule.seed", "at least 0"]),
    ("rps = [false, true]", "rpz = [false]", ["matrix.rpz", "unknown axis"]),
    ("rps = [false, true]", "rps = []", ["matrix.rps", "at least one"]),
    ("rps = [false, true]", "rps = [true, true]", ["matrix.rps", "twice"]),
    ("rps = [false, true]", "rps = [1]", ["matrix.rps", "expected bool"]),
    ('["homa", "tcp"]', '["homa", "sctp"]', ["'sctp'", "homa, tcp"]),
    ("rps = [false, true]", 'steering = ["a b"]', ["matrix.steering", "name of a strategy"]),
    ("[1, 18]", "[0]", ["server_threads", "at least 1"]),
    ("[workload]", "[workload]\nlength_bytes = 1000001", ["length_bytes",
                                                          "1000000"]),
    ("rps = [false, true]", "client_threads = [1, 2]", ["outstanding: 1",
                                                        "2 client threads"]),
    ("base = 1\n", "base = 2\n", ["compare[1]", "not in the matrix"]),
    ("rtt_us = 21.5", "rtt = 21.5", ["published.arms[0]", "rtt_us"]),
    ("ring_kb = 64", "ring_kb = 1", ["trace.ring_kb"]),
    ('name = "little"', 'name = "../x"', ["name", "lower-case"]),
    ("title = ", "title ", ["not valid TOML"]),
])
def test_mistakes_are_named_in_one_line(config_file, old, new, words):
    text = config_file.read_text()
    assert old in text
    config_file.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        config.load_experiment(config_file)
    assert str(config_file) in str(error.value)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        config.load_experiment(tmp_path / "none.toml")


def test_json_keeps_the_configuration(config_file):
    exp = config.load_experiment(config_file)
    assert config.experiment_from_json(config.as_json(exp), "x") == exp
