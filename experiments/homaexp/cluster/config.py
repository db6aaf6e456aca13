# SPDX-License-Identifier: Apache-2.0
"""An experiment on the cluster: TOML with `kind = "cluster"`, its arms."""

from __future__ import annotations

import dataclasses
import itertools
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from homaexp.config import (Value, build, check_matrix, check_name, read_toml,
                            wrong)

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
CHOICES = {"transport": ("homa", "dctcp", "cubic", "reno"),
           "scenario": ("load", "incast", "incast_response")}
FIGURES = ("slowdown", "sweep", "goodput")
LABELS = {"homa": "Homa", "dctcp": "DCTCP", "cubic": "TCP CUBIC",
          "reno": "TCP Reno"}
_LEAST = {"nodes": 2, "duration_us": 1, "outstanding": 1, "message_bytes": 1,
          "load_percent": 1, "rpcs": 1}


@dataclass(frozen=True)
class Cluster:
    """What one run is; an axis of the matrix overrides a key."""

    scenario: str = "load"
    transport: str = "homa"
    nodes: int = 2
    topology: str = "single"  # a file of configs/topologies
    cpu_model: str = "zero"   # a file of configs/cpu-models
    workload: str = "w2"      # a file of configs/workloads
    load_percent: int = 50    # of the hosts' links
    duration_us: int = 10_000
    warmup_us: int = 0
    outstanding: int = 64     # RPCs between two hosts, or of incast_response
    message_bytes: int = 1_000_000  # of an incast
    rpcs: int = 1000          # of incast_response


@dataclass(frozen=True)
class Published:
    """What others found, drawn beside ours."""

    source: str
    short_p99_slowdown: int | str


@dataclass(frozen=True)
class ClusterExperiment:
    """One file of configs/experiments."""

    kind: str
    name: str
    title: str
    figures: list[str]
    seeds: list[int]
    matrix: dict[str, Any]
    cluster: Cluster
    sysctl: dict[str, Any] = field(default_factory=dict)
    variants: dict[str, Any] = field(default_factory=dict)
    published: Published | None = None


@dataclass(frozen=True)
class Arm:
    """One combination of the axes' values."""

    id: str
    label: str
    axes: Mapping[str, Value]
    cluster: Cluster
    sysctl: Mapping[str, Value]


def _check_setting(value: Any, where: str) -> None:
    """One value of a sysctl."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise wrong(where, f"is {value!r}; expected int or str")


def _check(key: str, value: Any, where: str) -> None:
    """One value of a key of [cluster], or of a setting (it has a dot)."""
    if "." in key:
        _check_setting(value, where)
        return
    kind = typing.get_type_hints(Cluster).get(key)
    if kind is None:
        allowed = ", ".join(f.name for f in dataclasses.fields(Cluster))
        raise wrong(where, f"unknown key; allowed: {allowed}, or a sysctl "
                    "with dots")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise wrong(where, f"is {value!r}; expected {kind.__name__}")
    if key in CHOICES and value not in CHOICES[key]:
        raise wrong(where, f"is {value!r}; allowed: "
                    + ", ".join(CHOICES[key]))
    if kind is int and value < _LEAST.get(key, 0):
        raise wrong(where, f"is {value}; must be at least "
                    f"{_LEAST.get(key, 0)}")
    folder = {"topology": "topologies/{}.toml", "workload":
              "workloads/{}.csv", "cpu_model": "cpu-models/{}.toml"}.get(key)
    if folder and not (CONFIGS / folder.format(value)).is_file():
        raise wrong(where, f"is {value!r}; there is no configs/"
                    + folder.format(value))


def label(axis: str, value: Value) -> str:
    """One value as tables and figures name it."""
    if axis == "variant":
        return str(value)
    if axis in ("transport", "workload"):
        return LABELS.get(str(value), str(value).upper())
    if axis == "load_percent":
        return f"{value} %"
    if axis == "nodes":
        return f"{value} nodes"
    return f"{axis.rpartition('.')[2].replace('_', ' ')} {value}"


def make_arms(exp: ClusterExperiment) -> list[Arm]:
    """All combinations, the last axis of the file varying fastest."""
    arms = []
    for values in itertools.product(*exp.matrix.values()):
        axes: dict[str, Any] = dict(zip(exp.matrix, values))
        keys = {k: v for k, v in axes.items()
                if "." not in k and k != "variant"}
        settings = {**exp.variants.get(axes.get("variant"), {}),
                    **{k: v for k, v in axes.items() if "." in k}}
        arms.append(Arm(
            "-".join(v if isinstance(v, str) and k in CHOICES else
                     f"{k.rpartition('.')[2]}{v}".replace(" ", "_")
                     for k, v in axes.items()) or "single",
            ", ".join(label(k, v) for k, v in axes.items()) or exp.name,
            axes, dataclasses.replace(exp.cluster, **keys),
            {**exp.sysctl, **settings}))
    return arms


def load(path: Path) -> ClusterExperiment:
    """Reads and checks one file."""
    exp = build(ClusterExperiment, read_toml(path), str(path))
    check_name(exp.name, str(path))
    for figure in exp.figures:
        if figure not in FIGURES:
            raise wrong(f"{path}: figures", f"{figure!r} is not known; "
                        "allowed: " + ", ".join(FIGURES))
    if not exp.seeds or len(set(exp.seeds)) != len(exp.seeds):
        raise wrong(f"{path}: seeds", "must be a list of different numbers")
    for name, settings in exp.variants.items():
        if not isinstance(settings, dict):
            raise wrong(f"{path}: variants.{name}",
                        "must be a table of sysctls")
        for key, value in settings.items():
            _check_setting(value, f"{path}: variants.{name}.{key}")

    def check(axis: str, value: Any, where: str) -> None:
        if axis != "variant":
            _check(axis, value, where)
        elif value not in exp.variants:
            raise wrong(where, f"is {value!r}; there is no such table in "
                        "[variants]")

    check_matrix(exp.matrix, str(path), check)
    for f in dataclasses.fields(Cluster):
        _check(f.name, getattr(exp.cluster, f.name),
               f"{path}: cluster.{f.name}")
    for key, value in exp.sysctl.items():
        _check_setting(value, f"{path}: sysctl.{key}")
    for arm in make_arms(exp):
        if arm.cluster.warmup_us >= arm.cluster.duration_us:
            raise wrong(f"{path}: cluster.warmup_us",
                        f"leaves nothing of duration_us ({arm.label})")
        if (arm.cluster.scenario == "incast_response"
                and arm.cluster.rpcs < arm.cluster.outstanding):
            raise wrong(f"{path}: cluster.rpcs",
                        f"is less than outstanding ({arm.label})")
        if (arm.cluster.cpu_model != "zero"
                and arm.cluster.transport != "homa"):
            raise wrong(f"{path}: cluster.cpu_model", "charges Homa alone; "
                        f"\"zero\" is fair to all ({arm.label})")
    return exp


def from_json(data: dict[str, Any], where: str) -> ClusterExperiment:
    """The configuration as run.json keeps it."""
    return build(ClusterExperiment, data, where)
