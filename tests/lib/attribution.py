# SPDX-License-Identifier: Apache-2.0
"""Does homascope explain a real trace to the nanosecond?"""
import csv
import json
import subprocess


def problems(homascope, out):
    """Yields (name, "" or what is wrong) for the trace pipeline.sh left in @out."""
    if not homascope.exists():
        yield "attribute", "homascope is not built; run: make user"
        return
    report, table = out / "attribution.json", out / "attribution.csv"
    run = subprocess.run([str(homascope), "attribute", "--trace", str(out / "pipeline.ttd"),
                          "--rpclog", str(out / "client.rpclog"),
                          "--rpclog", str(out / "server.rpclog"),
                          "--json", str(report), "--csv", str(table)],
                         capture_output=True, text=True, check=False)
    (out / "attribution.log").write_text(run.stdout + run.stderr, encoding="utf-8")
    if run.returncode:
        lines = run.stderr.strip().splitlines() or ["it said nothing"]
        yield "attribute", f"homascope ended with status {run.returncode}: {lines[-1]}"
        return
    yield "attribute", ""
    result = json.loads(report.read_text(encoding="utf-8"))
    sent = json.loads((out / "client.json").read_text(encoding="utf-8"))["rpcs"]
    explained, excluded = result["rpcs"], sum(result["excluded"].values())
    yield "every_rpc_accounted", ("" if explained + excluded >= sent else
                                  f"{explained} explained and {excluded} excluded of {sent}")
    yield "most_explained", "" if explained >= 0.9 * sent else f"{explained} of {sent}"
    mismatches = result["sum_mismatches"]
    yield "no_sum_mismatch", "" if mismatches == 0 else f"{mismatches} RPCs"
    yield "sums_are_exact", exact_sums(table, explained)
    share = result["unexplained_share"]
    yield "unexplained_share_stated", "" if 0 <= share <= 1 else f"it is {share}"


def exact_sums(table, expected):
    """Adds the tiles of every RPC up itself."""
    with open(table, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(line for line in f if not line.startswith("#")))
    if len(rows) != expected:
        return f"{len(rows)} lines for {expected} RPCs"
    for row in rows:
        tiles = [int(value) for name, value in row.items()
                 if name not in ("id", "start_ns", "rtt_ns")]
        if sum(tiles) != int(row["rtt_ns"]):
            return f"RPC {row['id']}: tiles add up to {sum(tiles)}, round trip {row['rtt_ns']} ns"
    return ""
