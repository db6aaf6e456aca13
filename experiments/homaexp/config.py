# SPDX-License-Identifier: Apache-2.0
"""Configuration files: TOML into frozen dataclasses, unknown keys refused."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, TypeVar

from homaexp.errors import UserError

T = TypeVar("T")
Value = bool | int | str

TRANSPORTS = ("homa", "tcp")
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Testbed:
    """One guest (configs/testbeds/*.toml)."""

    name: str
    mode: str
    kernel: str
    cpus: int
    memory_mb: int
    timeout_s: int
    realtime: bool
    clock: str
    trust: str


@dataclass(frozen=True)
class Workload:
    """What one visit of an arm runs. An axis of the matrix overrides a key."""

    transport: str = ""
    rps: bool = False
    steering: str = "kernel"  # as net.homa.steering knows it
    server_threads: int = 1
    client_threads: int = 1
    outstanding: int = 1
    length_bytes: int = 100
    response_length_bytes: int = 100


@dataclass(frozen=True)
class Schedule:
    """How often, how long and in which order arms are visited."""

    rounds: int
    warmup_rounds: int
    seed: int
    warmup_rpcs: int
    rpcs: int
    traced_rpcs: int


@dataclass(frozen=True)
class Trace:
    """The tracer's ring per CPU and how much of the traces is kept."""

    ring_kb: int
    keep_mb: int


@dataclass(frozen=True)
class Analysis:
    """How traces are summed up."""

    mean_up_to_percentile: int


@dataclass(frozen=True)
class Compare:
    """Pairs of arms that differ in one axis only."""

    axis: str
    value: Value
    base: Value


@dataclass(frozen=True)
class Published:
    """Somebody else's round trips for the same arms."""

    source: str
    arms: list[dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """One file of configs/experiments."""

    name: str
    title: str
    testbed: str
    figures: list[str]
    matrix: dict[str, Any]
    workload: Workload
    schedule: Schedule
    trace: Trace
    analysis: Analysis
    compare: list[Compare] = field(default_factory=list)
    published: Published | None = None


def wrong(where: str, what: str) -> UserError:
    return UserError(f"{where}: {what}")


def _convert(kind: Any, value: Any, where: str) -> Any:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        if value is None:  # only run.json has it, TOML does not
            return None
        options = [k for k in typing.get_args(kind)
                   if not issubclass(k, types.NoneType)]
        if len(options) == 1:
            return _convert(options[0], value, where)
        if not isinstance(value, tuple(options)):
            names = ", ".join(k.__name__ for k in options)
            raise wrong(where, f"is {value!r}; expected one of: {names}")
        return value
    if dataclasses.is_dataclass(kind):
        return build(typing.cast(type, kind), value, where)
    if typing.get_origin(kind) is list:
        if not isinstance(value, list):
            raise wrong(where, f"is {value!r}; expected a list")
        inner = typing.get_args(kind)[0]
        return [_convert(inner, v, f"{where}[{i}]")
                for i, v in enumerate(value)]
    plain = typing.get_origin(kind) or kind
    # bool is an int to Python; here a count must not be `true`
    if not isinstance(value, plain) or isinstance(value, bool) != (
            plain is bool):
        raise wrong(where, f"is {value!r}; expected {plain.__name__}")
    return value


def build(cls: type[T], data: Any, where: str) -> T:
    if not isinstance(data, dict):
        raise wrong(where, f"is {data!r}; expected a table")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore
    hints = typing.get_type_hints(cls)
    sep = ": " if where.endswith(".toml") else "."
    for key in data:
        if key not in fields:
            raise wrong(f"{where}{sep}{key}", "unknown key; allowed here: "
                        + ", ".join(fields))
    for name, f in fields.items():
        if (name not in data and f.default is dataclasses.MISSING
                and f.default_factory is dataclasses.MISSING):
            raise wrong(f"{where}{sep}{name}", "key is missing")
    return cls(**{key: _convert(hints[key], value, f"{where}{sep}{key}")
                  for key, value in data.items()})


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as e:
        raise UserError(f"{path}: cannot be read: {e.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UserError(f"{path}: not valid TOML: {e}") from None


def _check_workload(key: str, value: Any, where: str) -> None:
    """One value of a workload key, from [workload] or from an axis."""
    kind = typing.get_type_hints(Workload).get(key)
    if kind is None:
        allowed = ", ".join(f.name for f in dataclasses.fields(Workload))
        raise wrong(where, f"unknown axis; allowed: {allowed}")
    _convert(kind, value, where)
    if key == "transport" and value not in TRANSPORTS:
        raise wrong(where, f"is {value!r}; allowed: {', '.join(TRANSPORTS)}")
    if key == "steering" and not NAME.fullmatch(value):
        raise wrong(where, f"is {value!r}; not the name of a strategy")
    if kind is int and value < 1:
        raise wrong(where, f"is {value}; must be at least 1")
    if key.endswith("length_bytes") and value > 1_000_000:
        raise wrong(where, f"is {value}; a message has at most 1000000 bytes")


def check_name(name: str, where: str) -> None:
    """Raises UserError unless @name can name a folder."""
    if not NAME.fullmatch(name):
        raise wrong(f"{where}: name", f"is {name!r}; use lower-case "
                    "letters, digits and _ (it names a folder)")


def check_matrix(matrix: dict[str, Any], where: str,
                 check: Callable[[str, Any, str], None]) -> None:
    """Axes are lists of different values, each of which @check accepts."""
    for axis, values in matrix.items():
        at = f"{where}: matrix.{axis}"
        if not isinstance(values, list) or not values:
            raise wrong(at, "must be a list of at least one value")
        for value in values:
            check(axis, value, at)
        if len(set(values)) != len(values):
            raise wrong(at, "has a value twice")


def _check_experiment(exp: Experiment, where: str) -> None:
    check_name(exp.name, where)
    check_matrix(exp.matrix, where, _check_workload)
    for f in dataclasses.fields(Workload):
        if f.name in exp.matrix:
            continue
        _check_workload(f.name, getattr(exp.workload, f.name),
                        f"{where}: workload.{f.name}")
    fewest, threads = (
        pick(exp.matrix.get(key, [getattr(exp.workload, key)]))
        for pick, key in ((min, "outstanding"), (max, "client_threads")))
    if fewest < threads:
        raise wrong(f"{where}: outstanding", f"{fewest} leaves some of "
                    f"{threads} client threads without work")
    least = {"rounds": 1, "traced_rpcs": 10, "rpcs": 10}
    for f in dataclasses.fields(Schedule):
        value = getattr(exp.schedule, f.name)
        if value < least.get(f.name, 0):
            raise wrong(f"{where}: schedule.{f.name}", f"is {value}; must be "
                        f"at least {least.get(f.name, 0)}")
    if not 4 <= exp.trace.ring_kb <= 1 << 20:
        raise wrong(f"{where}: trace.ring_kb", "must be 4 to 1048576")
    if exp.trace.keep_mb < 0:
        raise wrong(f"{where}: trace.keep_mb", "must not be negative")
    if not 1 <= exp.analysis.mean_up_to_percentile <= 100:
        raise wrong(f"{where}: analysis.mean_up_to_percentile",
                    "must be 1 to 100")
    for i, compare in enumerate(exp.compare):
        values = exp.matrix.get(compare.axis, [])
        for value in (compare.value, compare.base):
            if value not in values:
                raise wrong(f"{where}: compare[{i}]", f"{compare.axis} = "
                            f"{value!r} is not in the matrix")
    for i, arm in enumerate(exp.published.arms if exp.published else []):
        keys = {*exp.matrix, "rtt_us"}
        if set(arm) != keys:
            raise wrong(f"{where}: published.arms[{i}]",
                        f"must have exactly the keys {', '.join(keys)}")


def load_experiment(path: Path) -> Experiment:
    """Reads and checks one file of configs/experiments."""
    exp = build(Experiment, read_toml(path), str(path))
    _check_experiment(exp, str(path))
    return exp


def load_testbed(path: Path) -> Testbed:
    """Reads and checks one file of configs/testbeds."""
    bed = build(Testbed, read_toml(path), str(path))
    for key in ("cpus", "memory_mb", "timeout_s"):
        if getattr(bed, key) < 1:
            raise wrong(f"{path}: {key}", "must be at least 1")
    return bed


def with_rounds(exp: Experiment, rounds: int) -> Experiment:
    """The same with another number of rounds."""
    if rounds < 1:
        raise UserError(f"--rounds {rounds}: must be at least 1")
    schedule = dataclasses.replace(exp.schedule, rounds=rounds)
    return dataclasses.replace(exp, schedule=schedule)


def experiment_from_json(data: dict[str, Any], where: str) -> Experiment:
    """The configuration as run.json keeps it."""
    return build(Experiment, data, where)


def as_json(config: Experiment | Testbed) -> dict[str, Any]:
    """Plain data for run.json."""
    return dataclasses.asdict(config)
