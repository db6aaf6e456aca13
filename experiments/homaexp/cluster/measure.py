# SPDX-License-Identifier: Apache-2.0
"""One run of the cluster, and what its nodes and the fabric wrote."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Mapping, Sequence

from homaexp.cluster.config import CONFIGS, Cluster
from homaexp.errors import UserError

SCRIPT = Path(__file__).resolve().parents[1] / "guest" / "cluster.sh"
VM = CONFIGS.parent / "testbed" / "vm"
KERNEL = "sim-6.12"
TIMEOUT_S = 7200


def build_modules() -> None:
    """For the nodes' kernel, which is built first where it is missing."""
    if subprocess.run([str(VM), "kmods", KERNEL], stdin=subprocess.DEVNULL,
                      stdout=subprocess.DEVNULL, check=False).returncode:
        raise UserError(f"testbed/vm kmods {KERNEL} failed")


def link_gbps(topology: str) -> float:
    """Of the hosts."""
    text = (CONFIGS / "topologies" / f"{topology}.toml").read_text()
    return float(tomllib.loads(text).get("host", {}).get("rate_gbps", 10))


def run(out: Path, rpcload: Path, cluster: Cluster, seed: int,
        settings: Mapping[str, Any], options: Sequence[str] = (),
        scenario: str | None = None) -> Path:
    """Runs it; the directory, emptied first, with all results."""
    scenario = scenario or cluster.scenario
    what: list[object] = {
        "idle": [],
        "load": [cluster.load_percent / 100, link_gbps(cluster.topology),
                 f"{cluster.duration_us / 1e6:.6f}",
                 f"{cluster.warmup_us / 1e6:.6f}", cluster.outstanding, seed],
        "incast": [cluster.message_bytes],
        "incast_response": [cluster.message_bytes, cluster.outstanding,
                            cluster.rpcs]}[scenario]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log = out.with_name(out.name + ".log")
    command = [
        str(VM), "cluster", "--nodes", str(cluster.nodes), "--seed",
        str(seed), "--topology",
        str(CONFIGS / "topologies" / f"{cluster.topology}.toml"),
        "--cpu-model", cluster.cpu_model,
        "--timeout", str(TIMEOUT_S), *options,
        "--file", f"{rpcload}:/bin/rpcload", "--file",
        f"{CONFIGS / 'workloads' / cluster.workload}.csv:/workload.csv",
        "--out", str(out), str(SCRIPT), cluster.transport,
        *(f"{key}={value}" for key, value in settings.items()),
        "--", scenario, *map(str, what)]
    with log.open("w") as sink:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sink,
                              stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise UserError(f"{out.name}: testbed/vm cluster ended with status "
                        f"{code} (log: {log})")
    return out


def rpcs(out: Path) -> list[tuple[int, float]]:
    """(length in bytes, latency in ns) of all nodes' RPCs."""
    found = []
    for path in sorted(out.glob("node*/rpcs.csv")):
        with path.open() as file:
            for row in csv.DictReader(file):
                if row["error"]:
                    raise UserError(f"{path}: an RPC failed: {row['error']}")
                found.append((int(row["length_bytes"]),
                              float(row["latency_ns"])))
    if not found:
        raise UserError(f"{out}: no RPCs")
    return found


def idle(out: Path) -> dict[int, float]:
    """Round trip in ns on an idle network, by length."""
    return {int(path.stem): json.loads(path.read_text())["latency_ns"]["p50"]
            for path in out.glob("node1/[0-9]*.json")}


def incast_goodput(out: Path, cluster: Cluster) -> float:
    """Per cent of the link: from the first request to the last answer."""
    clients = [json.loads(path.read_text())
               for path in out.glob("node*/client.json")]
    if cluster.scenario == "incast_response":
        (asker,) = clients
        return (100 * asker["rpcs"] * cluster.message_bytes * 8
                / asker["elapsed_ns"] / link_gbps(cluster.topology))
    ends = [client["latency_ns"]["max"] for client in clients]
    if len(ends) != cluster.nodes - 1:
        raise UserError(f"{out}: {len(ends)} of {cluster.nodes - 1} messages "
                        "arrived")
    return (100 * len(ends) * cluster.message_bytes * 8 / max(ends)
            / link_gbps(cluster.topology))


def timing(out: Path) -> dict[str, Any]:
    """Wall time and cost of a run."""
    found: dict[str, Any] = json.loads((out / "timing.json").read_text())
    return found


def dropped(out: Path) -> dict[str, int]:
    """Packets the network dropped, by reason."""
    total: dict[str, int] = {}
    for port in json.loads((out / "fabric.json").read_text())["ports"]:
        for reason, count in port["dropped"].items():
            if count:
                total[reason] = total.get(reason, 0) + count
    return total
