# SPDX-License-Identifier: Apache-2.0
"""From axes to arms and from arms to visits, with ids that stay the same."""

from __future__ import annotations

import dataclasses
import itertools
import random
from dataclasses import dataclass
from typing import Any, Mapping

from homaexp.config import Experiment, Value, Workload

_TRANSPORT_LABELS = {"homa": "Homa", "tcp": "TCP"}


@dataclass(frozen=True)
class Arm:
    """One combination of the axes' values."""

    id: str
    label: str
    axes: Mapping[str, Value]
    workload: Workload


@dataclass(frozen=True)
class Visit:
    """One arm in one round; `warmup` visits are run and then forgotten."""

    id: str
    round: int
    arm: Arm
    warmup: bool


def value_label(axis: str, value: Value) -> str:
    """One value as tables and figures name it."""
    if axis == "transport":
        return _TRANSPORT_LABELS[str(value)]
    if axis == "rps":
        return f"RPS/RFS {'on' if value else 'off'}"
    if axis == "server_threads":
        return f"{value} server thread{'' if value == 1 else 's'}"
    return f"{axis.removesuffix('_bytes').replace('_', ' ')} {value}" + (
        " B" if axis.endswith("_bytes") else "")


def _value_id(axis: str, value: Value) -> str:
    return value if isinstance(value, str) else f"{axis}{int(value)}"


def make_arms(exp: Experiment) -> list[Arm]:
    """All combinations, the last axis of the file varying fastest."""
    arms = []
    for values in itertools.product(*exp.matrix.values()):
        axes = dict(zip(exp.matrix, values))
        overrides: dict[str, Any] = dict(axes)
        arms.append(Arm(
            id="-".join(_value_id(a, v) for a, v in axes.items()) or "single",
            label=", ".join(value_label(a, v) for a, v in axes.items())
            or exp.name,
            axes=axes,
            workload=dataclasses.replace(exp.workload, **overrides)))
    return arms


def make_visits(exp: Experiment) -> list[Visit]:
    """Every arm once a round, each round in its own order from the seed."""
    arms = make_arms(exp)
    visits = []
    first = 1 - exp.schedule.warmup_rounds
    for number in range(first, exp.schedule.rounds + 1):
        order = list(arms)
        random.Random(f"{exp.schedule.seed}/{number}").shuffle(order)
        for arm in order:
            name = f"r{number:02d}" if number > 0 else f"w{1 - number:02d}"
            visits.append(Visit(f"{name}/{arm.id}", number, arm, number < 1))
    return visits


def pairs(exp: Experiment) -> list[tuple[str, Arm, Arm]]:
    """(axis, arm, base arm) of every comparison the experiment asks for."""
    found = []
    arms = make_arms(exp)
    for compare in exp.compare:
        for base in arms:
            if base.axes[compare.axis] != compare.base:
                continue
            wanted = {**base.axes, compare.axis: compare.value}
            arm = next(a for a in arms if a.axes == wanted)
            found.append((compare.axis, arm, base))
    return found
