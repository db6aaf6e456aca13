# SPDX-License-Identifier: Apache-2.0
"""report.json of an experiment on the cluster, and its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from homaexp.cluster import measure
from homaexp.cluster.config import Arm, ClusterExperiment, make_arms
from homaexp.resultset import ResultSet, read_bytes, read_json, write_json
from homaexp.tables import Table

SHORT_BYTES = 1000
GROUPS = 10
# Of a table and of the figure of a sweep: (name, longer than, up to).
CLASSES = (("short", 0, SHORT_BYTES), ("medium", SHORT_BYTES, 100_000),
           ("long", 100_000, 1 << 30))


def quantile(values: Any, share: float) -> float:
    """The value at rank ceil(share * n)."""
    return float(np.quantile(values, share, method="inverted_cdf"))


def _two(slowdowns: Any) -> dict[str, Any]:
    return {"rpcs": len(slowdowns),
            **{f"p{p}": round(quantile(slowdowns, p / 100), 3)
               for p in (50, 99)}}


def groups(lengths: Any, slowdowns: Any, edges: Sequence[int]
           ) -> list[dict[str, Any]]:
    """P50 and P99 of the slowdown of the lengths up to each edge."""
    found, low = [], 0
    for high in edges:
        inside = (lengths > low) & (lengths <= high)
        if inside.any():
            found.append({"up_to_bytes": int(high),
                          "share": round(float((lengths <= high).mean()), 4),
                          **_two(slowdowns[inside])})
        low = high
    return found


def group_edges(lengths: Any) -> list[int]:
    """Lengths at tenths of all messages; equal lengths stay together."""
    return sorted({int(quantile(lengths, (i + 1) / GROUPS))
                   for i in range(GROUPS)})


def slowdowns(pairs: Sequence[tuple[int, float]], base: Mapping[int, float]
              ) -> tuple[Any, Any]:
    """(lengths, latencies over those of Homa on an idle network)."""
    lengths = np.array([length for length, _ in pairs])
    known = sorted(base)
    best = np.interp(lengths, known, [base[x] for x in known])
    return lengths, np.array([ns for _, ns in pairs]) / best


def save(out: Path, into: Path, arm: Arm) -> None:
    """What the analysis needs of a run: small, and all of one arm's seed."""
    if arm.cluster.scenario == "load":
        data = json.dumps(measure.rpcs(out), separators=(",", ":"))
        into.mkdir(parents=True)
        (into / "rpcs.json").write_text(data)
    else:
        write_json(into / "incast.json", {
            "goodput_percent": measure.incast_goodput(out, arm.cluster)})
    write_json(into / "network.json", {"dropped": measure.dropped(out),
                                       **measure.timing(out)})


def _arm_report(results: ResultSet, exp: ClusterExperiment, arm: Arm
                ) -> dict[str, Any]:
    folders = [results.raw / arm.id / f"s{seed}" for seed in exp.seeds]
    network = [read_json(folder / "network.json") for folder in folders]
    report: dict[str, Any] = {
        "id": arm.id, "label": arm.label, "axes": dict(arm.axes),
        "dropped": [n["dropped"] for n in network],
        "wall_us_per_event": [n["wall_us_per_event"] for n in network]}
    if arm.cluster.scenario != "load":
        report["goodput_percent"] = [
            read_json(folder / "incast.json")["goodput_percent"]
            for folder in folders]
        return report
    base = {int(k): v for k, v in read_json(
        results.raw / f"idle-{arm.cluster.topology}"
        f"-{arm.cluster.cpu_model}.json").items()}
    pairs = [(length, ns) for folder in folders for length, ns in
             json.loads(read_bytes(folder / "rpcs.json"))]
    lengths, slow = slowdowns(pairs, base)
    report["all"] = _two(slow)
    report["groups"] = groups(lengths, slow, group_edges(lengths))
    report["classes"] = {
        name: _two(slow[(lengths > low) & (lengths <= high)])
        for name, low, high in CLASSES
        if ((lengths > low) & (lengths <= high)).any()}
    return report


def analyse(results: ResultSet, exp: ClusterExperiment) -> dict[str, Any]:
    """Writes and returns report.json."""
    report = {"version": 1, "kind": "cluster",
              "arms": [_arm_report(results, exp, arm)
                       for arm in make_arms(exp)]}
    write_json(results.report_file, report)
    return report


def _drops(arm: dict[str, Any]) -> str:
    total: dict[str, int] = {}
    for seed in arm["dropped"]:
        for reason, count in seed.items():
            total[reason] = total.get(reason, 0) + count
    return ", ".join(f"{n} {reason}" for reason, n in total.items()) or "0"


def tables(report: dict[str, Any]) -> list[Table]:
    """All of them, in the order they are printed."""
    loads = [arm for arm in report["arms"] if "all" in arm]
    incasts = [arm for arm in report["arms"] if "goodput_percent" in arm]
    found = []
    if loads:
        rows = []
        for arm in loads:
            cells = [arm["all"], *(arm["classes"].get(name)
                                   for name, _, _ in CLASSES)]
            rows.append([arm["label"], str(arm["all"]["rpcs"]), *(
                f"{c['p50']:.2f} / {c['p99']:.2f}" if c else "-"
                for c in cells), _drops(arm)])
        found.append(Table(
            "Slowdown, P50 / P99", ["arm", "RPCs", "all", "to 1 kB",
                                    "to 100 kB", "longer", "drops"], rows,
            ["slowdown: latency from when the request was due over Homa's on "
             "an idle network, same length; drops: packets of the network"]))
    for arm in loads:
        found.append(Table(
            f"{arm['label']}: slowdown by message length",
            ["up to bytes", "messages", "RPCs", "P50", "P99"],
            [[str(g["up_to_bytes"]), f"{100 * g['share']:.0f} %",
              str(g["rpcs"]), f"{g['p50']:.2f}", f"{g['p99']:.2f}"]
             for g in arm["groups"]]))
    if incasts:
        found.append(Table(
            "Incast: goodput, per cent of the receiver's link",
            ["arm", "goodput", "drops"],
            [[arm["label"], f"{np.median(arm['goodput_percent']):.1f}",
              _drops(arm)] for arm in incasts],
            ["from the first request to the last answer"]))
    return found
