# SPDX-License-Identifier: Apache-2.0
import dataclasses

from homaexp import config, matrix


def test_ids_are_stable(config_file):
    exp = config.load_experiment(config_file)
    assert [arm.id for arm in matrix.make_arms(exp)] == [
        "homa-rps0-server_threads1", "homa-rps0-server_threads18",
        "homa-rps1-server_threads1", "homa-rps1-server_threads18",
        "tcp-rps0-server_threads1", "tcp-rps0-server_threads18",
        "tcp-rps1-server_threads1", "tcp-rps1-server_threads18"]


def test_labels_and_workload(config_file):
    arm = matrix.make_arms(config.load_experiment(config_file))[1]
    assert arm.label == "Homa, RPS/RFS off, 18 server threads"
    assert (arm.workload.transport, arm.workload.rps,
            arm.workload.server_threads) == ("homa", False, 18)
    assert arm.workload.length_bytes == 100


def test_every_round_visits_every_arm_once_in_its_own_order(config_file):
    exp = config.load_experiment(config_file)
    visits = matrix.make_visits(exp)
    orders = {}
    for visit in visits:
        orders.setdefault(visit.round, []).append(visit.arm.id)
    assert list(orders) == [0, 1, 2, 3]
    assert all(sorted(o) == sorted(orders[0]) for o in orders.values())
    assert len({tuple(o) for o in orders.values()}) == 4
    assert [v.warmup for v in visits] == [True] * 8 + [False] * 24
    assert visits[0].id.startswith("w01/") and visits[8].id.startswith("r01/")


def test_order_comes_from_the_seed_and_not_from_the_number_of_rounds(
        config_file):
    exp = config.load_experiment(config_file)
    ids = [v.id for v in matrix.make_visits(exp)]
    assert ids == [v.id for v in matrix.make_visits(exp)]
    longer = config.with_rounds(exp, 5)
    assert [v.id for v in matrix.make_visits(longer)][:len(ids)] == ids
    other = dataclasses.replace(exp, schedule=dataclasses.replace(
        exp.schedule, seed=8))
    assert [v.id for v in matrix.make_visits(other)] != ids


def test_pairs_differ_in_one_axis(config_file):
    exp = config.load_experiment(config_file)
    found = matrix.pairs(exp)
    assert len(found) == 8
    for axis, arm, base in found:
        assert [a for a in arm.axes if arm.axes[a] != base.axes[a]] == [axis]
