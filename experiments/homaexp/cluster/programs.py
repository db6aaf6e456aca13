# SPDX-License-Identifier: Apache-2.0
"""Run, analyse and plot for experiments on the cluster."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable

from homaexp import metadata, resultset
from homaexp.cluster import measure, report as reports
from homaexp.cluster.config import (Cluster, ClusterExperiment, from_json,
                                    make_arms)
from homaexp.resultset import ResultSet

_TESTBED = {"name": "cluster", "cpus": 1, "clock": "virtual time, exact",
            "trust": "protocol dynamics; a node's CPU costs what its model says"}


def run(exp: ClusterExperiment, config_file: Path, work: Path, run_dir: Path,
        rpcload: Path, utc: str, say: Callable[[str], None]) -> None:
    """Measures all arms and writes run.json and raw/."""
    facts, source = metadata.host(), metadata.source(measure.CONFIGS.parent)
    measure.build_modules()
    arms = make_arms(exp)
    raw = run_dir / "raw"
    raw.mkdir(parents=True)
    loads = [a for a in arms if a.cluster.scenario == "load"]
    guest: dict[str, Any] = {}
    for topology, model in dict.fromkeys(
            (a.cluster.topology, a.cluster.cpu_model) for a in loads):
        say(f"idle network, topology {topology}, CPU model {model}")
        out = measure.run(work / "idle", rpcload, Cluster(
            topology=topology, cpu_model=model), 1, {}, scenario="idle")
        resultset.write_json(raw / f"idle-{topology}-{model}.json",
                             measure.idle(out))
    for arm in arms:
        for seed in exp.seeds:
            say(f"{arm.label}, seed {seed}")
            out = measure.run(work / f"{arm.id}-s{seed}", rpcload,
                              arm.cluster, seed, arm.sysctl)
            into = raw / arm.id / f"s{seed}"
            reports.save(out, into, arm)
            if (into / "rpcs.json").exists():
                resultset.pack(into / "rpcs.json")
            guest = resultset.read_json(out / "node0" / "guest.json")
    resultset.write_json(run_dir / "run.json", {
        "version": resultset.VERSION, "kind": "cluster", "utc": utc,
        "source": source, "config_file": str(config_file),
        "experiment": dataclasses.asdict(exp), "testbed": _TESTBED,
        "host": {**facts, "load_average_after": metadata.load_average()},
        "guest": guest, "tools": {"rpcload": metadata.sha256(rpcload)}})


def analyse(results: ResultSet) -> None:
    """raw/ to report.json and tables."""
    described = results.run()
    exp = from_json(described["experiment"], str(results.run_file))
    tables = reports.tables(reports.analyse(results, exp))
    dirty = " with uncommitted changes" if described["source"]["dirty"] else ""
    heading = (f"{exp.title} ({exp.name}, {described['utc']}, commit "
               f"{described['source']['commit']}{dirty})\n")
    resultset.write_text(results.dir / "tables.txt", "\n".join(
        [heading, *(table.text() for table in tables)]))
    resultset.write_text(results.dir / "tables.md", "\n".join(
        ["## " + heading, *(table.markdown() for table in tables)]))


def plot(results: ResultSet) -> list[Path]:
    """report.json to figures."""
    from homaexp.cluster import figures
    from homaexp.plots import style
    report, described = results.report(), results.run()
    return [path for name in described["experiment"]["figures"]
            for path in style.save(figures.DRAW[name](report, described),
                                   results.figures, name)]
