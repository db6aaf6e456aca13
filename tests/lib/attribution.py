# SPDX-License-Identifier: Apache-2.0
"""Does homascope explain a real trace to the nanosecond?"""
import csv
import json
import subprocess


def attribute(homascope, out, name, logs):
    """Writes the report and the table @name of @out; "" or what is wrong."""
    run = subprocess.run([str(homascope), "attribute", "--trace", str(out / "pipeline.ttd"),
                          *[word for log in logs for word in ("--rpclog", str(out / log))],
                          "--json", str(out / f"{name}.json"), "--csv", str(out / f"{name}.csv")],
                         capture_output=True, text=True, check=False)
    (out / f"{name}.log").write_text(run.stdout + run.stderr, encoding="utf-8")
    if not run.returncode:
        return ""
    lines = run.stderr.strip().splitlines() or ["it said nothing"]
    return f"homascope ended with status {run.returncode}: {lines[-1]}"


def problems(homascope, out):
    """Yields (name, "" or what is wrong) for the trace pipeline.sh left in @out."""
    if not homascope.exists():
        yield "attribute", "homascope is not built; run: make user"
        return
    report, table = out / "attribution.json", out / "attribution.csv"
    why = attribute(homascope, out, "attribution", ["client.rpclog", "server.rpclog"])
    yield "attribute", why
    if why:
        return
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
    why = attribute(homascope, out, "traced", [])
    yield "without_logs", why or within(table, out / "traced.csv")


def rows_of(table):
    with open(table, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def within(logged, traced):
    """rpcload takes the times of its log around those that it records in the trace."""
    rtt = {row["id"]: int(row["rtt_ns"]) for row in rows_of(logged)}
    rows = rows_of(traced)
    if len(rows) < 0.9 * len(rtt):
        return f"{len(rows)} RPCs are in the trace, {len(rtt)} in the logs"
    for row in rows:
        if not 0 < int(row["rtt_ns"]) <= rtt.get(row["id"], 1 << 62):
            return f"RPC {row['id']}: {row['rtt_ns']} ns in the trace, {rtt[row['id']]} in the log"
    return ""


def exact_sums(table, expected):
    """Adds the tiles of every RPC up itself."""
    rows = rows_of(table)
    if len(rows) != expected:
        return f"{len(rows)} lines for {expected} RPCs"
    for row in rows:
        tiles = [int(value) for name, value in row.items()
                 if name not in ("id", "start_ns", "rtt_ns")]
        if sum(tiles) != int(row["rtt_ns"]):
            return f"RPC {row['id']}: tiles add up to {sum(tiles)}, round trip {row['rtt_ns']} ns"
    return ""
