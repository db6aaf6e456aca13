# SPDX-License-Identifier: Apache-2.0
"""report.json: round trips, tiles and differences of arms, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from homaexp import attribution, matrix, resultset, rpclog, stats
from homaexp.config import Experiment
from homaexp.errors import UserError
from homaexp.resultset import ResultSet

CDF_POINTS = 400


@dataclass
class ArmData:
    """All measured visits of one arm, one entry a round."""

    arm: matrix.Arm
    plain_us: list[Any]
    traced_us: list[Any]
    tiles: list[attribution.VisitTiles]
    errors: int = 0

    def plain_p50_us(self) -> list[float]:
        """Median of every round, without tracing."""
        return [float(np.median(us)) for us in self.plain_us]

    def traced_p50_us(self) -> list[float]:
        """The same with tracing."""
        return [float(np.median(us)) for us in self.traced_us]


def _read_arm(results: ResultSet, arm: matrix.Arm,
              visits: list[matrix.Visit]) -> ArmData:
    data = ArmData(arm, [], [], [])
    for visit in visits:
        where = results.visit(visit.id)
        for mode, into in (("plain", data.plain_us),
                           ("traced", data.traced_us)):
            load = resultset.read_json(where / f"{mode}.client.json")
            data.errors += load["errors"]
            us = rpclog.round_trips_us(where / f"{mode}.client.rpclog")
            if len(us) == 0:
                raise UserError(f"{where}: no RPC of the {mode} segment "
                                "completed")
            into.append(us)
        data.tiles.append(attribution.read_visit(where))
    return data


def _cdf(values: Any) -> dict[str, list[float]]:
    fractions = np.linspace(0, 1, CDF_POINTS + 1)
    us = np.quantile(values, fractions)
    return {"us": [round(float(x), 3) for x in us],
            "fraction": [round(float(x), 6) for x in fractions]}


def _add_counts(dicts: list[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in dicts:
        for name, n in counts.items():
            total[name] = total.get(name, 0) + n
    return total


def _mean_parts(data: ArmData, percentile: int) -> tuple[list[float], Any]:
    """Per round: mean RTT, and mean of every tile (rounds x tiles), in us."""
    rtts, tiles = [], []
    for visit in data.tiles:
        typical = visit.up_to(percentile)
        rtts.append(float(typical.rtt_ns.mean()) / 1000)
        tiles.append(typical.tiles_ns.mean(axis=0) / 1000)
    return rtts, np.array(tiles)


@dataclass
class Parts:
    """Mean round trip of one arm and what it consists of, one row a round."""

    rtt_us: list[float]
    tiles_us: Any
    tiles: list[dict[str, Any]]

    def causes(self) -> list[str]:
        """Names of the causes, in the order of the round trip."""
        return list(dict.fromkeys(tile["cause"] for tile in self.tiles))

    def cause_us(self, cause: str) -> Any:
        """Mean of one cause in every round."""
        columns = [i for i, tile in enumerate(self.tiles)
                   if tile["cause"] == cause]
        return self.tiles_us[:, columns].sum(axis=1)


def _parts(data: ArmData, percentile: int) -> Parts:
    first = data.tiles[0]
    for visit in data.tiles:
        if len(visit.rtt_ns) == 0:
            raise UserError(f"{data.arm.id}: the trace of a round explains no "
                            f"RPC; excluded: {visit.report['excluded']}")
        if visit.names != first.names:
            raise UserError(f"{data.arm.id}: tiles differ between rounds; "
                            "repeat 'experiments/analyse'")
    rtts, tiles = _mean_parts(data, percentile)
    described = {t["name"]: t for v in data.tiles for t in v.report["tiles"]}
    # homascope describes the tiles that occur; the others are zero everywhere
    occur = [i for i, name in enumerate(first.names)
             if name in described or tiles[:, i].any()]
    names = [first.names[i] for i in occur]
    unknown = [name for name in names if name not in described]
    if unknown:
        raise UserError(f"{data.arm.id}: homascope names no cause for "
                        + ", ".join(unknown))
    return Parts(rtts, tiles[:, occur], [described[name] for name in names])


def _report_arm(data: ArmData, parts: Parts) -> dict[str, Any]:
    plain, traced = data.plain_p50_us(), data.traced_p50_us()
    reports = [visit.report for visit in data.tiles]
    weights = [len(visit.rtt_ns) for visit in data.tiles]

    def weighted(key: str) -> float | None:
        values = [r[key] for r in reports if r.get(key) is not None]
        if len(values) < len(reports):
            return None
        return float(np.average(values, weights=weights))

    tiles = [{**{key: tile[key]
                 for key in ("name", "cause", "side", "direction")},
              "mean_us": stats.mean(parts.tiles_us[:, i])}
             for i, tile in enumerate(parts.tiles)]
    return {
        "id": data.arm.id, "label": data.arm.label, "axes": data.arm.axes,
        "errors": data.errors,
        "rtt": {
            "rpcs": int(sum(len(us) for us in data.plain_us)),
            "rounds_p50_us": plain,
            "p50_us": stats.median(plain),
            "p99_us": stats.median([float(np.percentile(us, 99))
                                    for us in data.plain_us]),
            "min_us": float(min(us.min() for us in data.plain_us)),
            "cdf": _cdf(np.concatenate(data.plain_us)),
        },
        "traced": {
            "rpcs": int(sum(weights)),
            "excluded": _add_counts([r["excluded"] for r in reports]),
            "p50_us": stats.median(traced),
            "slowdown": stats.median([t / p for t, p in zip(traced, plain)]),
            "mean_rtt_us": stats.mean(parts.rtt_us),
            "tiles": tiles,
            "causes": [{"name": cause,
                        "mean_us": stats.mean(parts.cause_us(cause))}
                       for cause in parts.causes()],
            "unexplained_share": weighted("unexplained_share"),
            "remote_softirq_share": weighted("remote_softirq_share"),
            "handoff_cpu_changes": weighted("handoff_cpu_changes"),
        },
    }


def _published_us(exp: Experiment, arm: matrix.Arm) -> float | None:
    for entry in exp.published.arms if exp.published else []:
        if all(entry[axis] == value for axis, value in arm.axes.items()):
            return float(entry["rtt_us"])
    return None


def _report_pair(exp: Experiment, axis: str, arm: ArmData, base: ArmData,
                 parts: Parts, base_parts: Parts) -> dict[str, Any]:
    ours, theirs = (_published_us(exp, x.arm) for x in (arm, base))
    causes = list(dict.fromkeys(parts.causes() + base_parts.causes()))
    differences = [
        {"name": cause,
         "difference_us": stats.mean(parts.cause_us(cause)
                                     - base_parts.cause_us(cause))}
        for cause in causes]
    total = np.array(parts.rtt_us) - np.array(base_parts.rtt_us)
    return {
        "axis": axis, "arm": arm.arm.id, "base": base.arm.id,
        "at": {a: v for a, v in arm.arm.axes.items() if a != axis},
        # rounds are paired: both arms were visited in the same round
        "ratio": stats.median([a / b for a, b in zip(arm.plain_p50_us(),
                                                     base.plain_p50_us())]),
        "published_ratio": ours / theirs if ours and theirs else None,
        "mean_rtt_difference_us": stats.mean(total),
        "causes": differences,
    }


def analyse(results: ResultSet, homascope: Path) -> dict[str, Any]:
    """Attributes every trace, sums up, writes report.json, returns it."""
    exp = results.experiment()
    percentile = exp.analysis.mean_up_to_percentile
    visits = [v for v in matrix.make_visits(exp) if not v.warmup]
    for visit in visits:
        attribution.attribute(homascope, results.visit(visit.id))
    arms = {arm.id: _read_arm(results, arm, [v for v in visits
                                             if v.arm.id == arm.id])
            for arm in matrix.make_arms(exp)}
    parts = {name: _parts(data, percentile) for name, data in arms.items()}
    report = {
        "version": resultset.VERSION,
        "experiment": exp.name,
        "arms": [{**_report_arm(data, parts[name]),
                  "published_rtt_us": _published_us(exp, data.arm)}
                 for name, data in arms.items()],
        "pairs": [_report_pair(exp, axis, arms[arm.id], arms[base.id],
                               parts[arm.id], parts[base.id])
                  for axis, arm, base in matrix.pairs(exp)],
        "confidence_percent": stats.CONFIDENCE_PERCENT,
        "mean_up_to_percentile": percentile,
    }
    resultset.write_json(results.report_file, report)
    return report
