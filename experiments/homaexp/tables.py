# SPDX-License-Identifier: Apache-2.0
"""report.json as tables and sentences, in plain text and in Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from homaexp.matrix import value_label

# A cause is named in a sentence when it makes this share of the change.
_MENTION_SHARE = 0.15
# Causes below this mean in every arm share one line.
SMALL_US = 0.05


@dataclass
class Table:
    """Rows of text under a title; notes follow the rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Aligned columns: the first to the left, the others to the right."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines)
                  for i in range(len(self.columns))]
        out = [self.title]
        for number, line in enumerate(lines):
            out.append("  " + "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths))).rstrip())
            if number == 0:
                out.append("  " + "  ".join("-" * w for w in widths))
        return "\n".join(out + ["  " + note for note in self.notes]) + "\n"

    def markdown(self) -> str:
        """The same as a Markdown table."""
        out = [f"### {self.title}", "", _md_row(self.columns),
               _md_row([":--"] + ["--:"] * (len(self.columns) - 1))]
        out += [_md_row(row) for row in self.rows]
        for note in self.notes:
            out += ["", note]
        return "\n".join(out) + "\n"


def _md_row(cells: list[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"


def _ci(estimate: dict[str, float], digits: int = 1, sign: str = "") -> str:
    value, low, high = (f"{estimate[k]:{sign}.{digits}f}"
                        for k in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def arm_keys(report: dict[str, Any]) -> dict[str, str]:
    """One letter an arm, for tables with a column each."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return {arm["id"]: letters[i] if i < len(letters) else f"A{i}"
            for i, arm in enumerate(report["arms"])}


def cause_names(report: dict[str, Any]) -> list[str]:
    """All causes of all arms in the order of the round trip, the unexplained
    at the end."""
    names = dict.fromkeys(cause["name"] for arm in report["arms"]
                          for cause in arm["traced"]["causes"])
    return sorted(names, key=lambda name: name == "unexplained")


def mean_us(arm: dict[str, Any], cause: str) -> float:
    """Mean of one cause in an arm, 0 when the arm does not have it."""
    return float(next((c["mean_us"]["value"] for c in arm["traced"]["causes"]
                       if c["name"] == cause), 0.0))


def round_trips(report: dict[str, Any], run: dict[str, Any]) -> Table:
    """Median and tail of every arm beside the published figure."""
    keys = arm_keys(report)
    published = run["experiment"]["published"]
    rows = []
    for arm in report["arms"]:
        theirs = arm["published_rtt_us"]
        rows.append([
            f"{keys[arm['id']]}  {arm['label']}",
            _ci(arm["rtt"]["p50_us"]), _ci(arm["rtt"]["p99_us"]),
            str(arm["rtt"]["rpcs"]), str(arm["errors"]),
            *([f"{theirs:.1f}" if theirs else "-"] if published else [])])
    notes = [
        f"{len(report['arms'][0]['rtt']['rounds_p50_us'])} rounds, tracing "
        f"off; [{report['confidence_percent']} % bootstrap interval over "
        "rounds]",
        f"clock: {run['testbed']['clock']}; trust: {run['testbed']['trust']}"]
    if published:
        notes.append(f"published: {published['source']}; other hardware, so "
                     "compare ratios, not times")
    return Table("Round-trip time of an RPC, us",
                 ["arm", "P50", "P99", "RPCs", "errors",
                  *(["published"] if published else [])], rows, notes)


def pair_label(pair: dict[str, Any], axis_values: dict[str, Any],
               base_values: dict[str, Any]) -> str:
    """'18 server threads / 1 server thread (Homa, RPS/RFS off)'."""
    axis = pair["axis"]
    at = ", ".join(value_label(a, v) for a, v in pair["at"].items())
    what = (f"{value_label(axis, axis_values[axis])} / "
            f"{value_label(axis, base_values[axis])}")
    return f"{what} ({at})" if at else what


def _pair_label(report: dict[str, Any], pair: dict[str, Any]) -> str:
    axes = {arm["id"]: arm["axes"] for arm in report["arms"]}
    return pair_label(pair, axes[pair["arm"]], axes[pair["base"]])


def _clear(estimate: dict[str, float], neutral: float) -> bool:
    return not estimate["low"] <= neutral <= estimate["high"]


def ratios(report: dict[str, Any], run: dict[str, Any]) -> Table:
    """Ratios of median round trips beside the published ones."""
    published = run["experiment"]["published"]
    rows = []
    for pair in report["pairs"]:
        theirs = pair["published_ratio"]
        rows.append([
            _pair_label(report, pair), _ci(pair["ratio"], 3),
            *([f"{theirs:.3f}" if theirs else "-"] if published else []),
            ("slower" if pair["ratio"]["value"] > 1 else "faster")
            if _clear(pair["ratio"], 1) else "no clear difference"])
    return Table("Ratios of median round trips (rounds paired, tracing off)",
                 ["pair", "measured", *(["published"] if published else []),
                  "verdict"], rows)


def causes(report: dict[str, Any]) -> Table:
    """What the mean round trip of every arm consists of."""
    names = cause_names(report)
    small = [n for n in names if n != "unexplained" and all(
        mean_us(arm, n) < SMALL_US for arm in report["arms"])]
    rows = [[name, *(f"{mean_us(arm, name):.2f}" for arm in report["arms"])]
            for name in names if name not in small]
    if small:
        rows.append(["other", *(f"{sum(mean_us(arm, n) for n in small):.2f}"
                                for arm in report["arms"])])
    rows.append(["sum = mean round trip",
                 *(f"{arm['traced']['mean_rtt_us']['value']:.2f}"
                   for arm in report["arms"])])
    notes = [f"RPCs up to the {report['mean_up_to_percentile']}th percentile "
             "of their visit, tracing on; columns are the arms above"]
    if small:
        notes.append("other: " + ", ".join(small))
    if any(arm["axes"].get("transport") == "tcp"
           and mean_us(arm, "protocol") and not mean_us(arm, "syscall")
           for arm in report["arms"]):
        notes.append("TCP records no events of its own: its system calls and "
                     "copies are inside protocol")
    return Table("Where the mean round trip goes, us", ["cause", *(
        arm_keys(report).values())], rows, notes)


def differences(report: dict[str, Any]) -> Table:
    """Which causes make the difference between the arms of every pair."""
    keys = arm_keys(report)
    names = [n for n in cause_names(report)
             if any(abs(c["difference_us"]["value"]) >= SMALL_US
                    for pair in report["pairs"] for c in pair["causes"]
                    if c["name"] == n)]
    rows = []
    for pair in report["pairs"]:
        by_name = {c["name"]: c["difference_us"]["value"]
                   for c in pair["causes"]}
        rest = sum(v for n, v in by_name.items() if n not in names)
        rows.append([
            f"{keys[pair['arm']]} - {keys[pair['base']]}",
            _ci(pair["mean_rtt_difference_us"], 2, "+"),
            *(f"{by_name.get(n, 0.0):+.2f}" for n in names), f"{rest:+.2f}"])
    return Table("Differences of mean round trips by cause, us (each row adds "
                 "up)", ["arms", "difference", *names, "other"], rows)


def tracing(report: dict[str, Any]) -> Table:
    """What tracing costs and what it covers."""
    keys = arm_keys(report)
    rows = []
    for arm in report["arms"]:
        traced = arm["traced"]
        excluded = ", ".join(f"{n} {reason}" for reason, n
                             in traced["excluded"].items() if n)
        rows.append([keys[arm["id"]], _ci(traced["p50_us"]),
                     _ci(traced["slowdown"], 3), str(traced["rpcs"]),
                     excluded or "none",
                     _percent(traced["unexplained_share"]),
                     _percent(traced["remote_softirq_share"])])
    return Table("Tracing: cost and cover",
                 ["arm", "traced P50, us", "traced / plain", "RPCs tiled",
                  "excluded", "unexplained", "remote softirq"], rows,
                 ["tiles hold the tracer's own cost: read them as shares and "
                  "differences"])


def sentences(report: dict[str, Any]) -> list[str]:
    """Every pair in words."""
    return [_sentence(report, pair) for pair in report["pairs"]]


def _sentence(report: dict[str, Any], pair: dict[str, Any]) -> str:
    total = pair["mean_rtt_difference_us"]
    label = _pair_label(report, pair).replace(" / ", " against ", 1)
    interval = f"[{total['low']:+.1f}, {total['high']:+.1f}]"
    if not _clear(total, 0):
        text = (f"{label}: no clear difference ({total['value']:+.1f} us "
                f"{interval})")
    else:
        text = (f"{label}: {abs(total['value']):.1f} us "
                f"{'slower' if total['value'] > 0 else 'faster'} {interval}")
    clear = [(c["name"], c["difference_us"]["value"]) for c in pair["causes"]
             if _clear(c["difference_us"], 0)]
    clear.sort(key=lambda c: -abs(c[1]))
    scale = max(abs(total["value"]), max((abs(v) for _, v in clear),
                                         default=0.0))
    named = [(n, v) for n, v in clear
             if abs(v) >= max(SMALL_US, _MENTION_SHARE * scale)]
    if not named:
        return text + "; no cause stands out."
    rest = total["value"] - sum(v for _, v in named)
    return (text + "; " + ", ".join(f"{n} {v:+.1f}" for n, v in named)
            + f", all else {rest:+.1f}.")


def all_tables(report: dict[str, Any], run: dict[str, Any]) -> list[Table]:
    """In the order they are printed."""
    tables = [round_trips(report, run)]
    if report["pairs"]:
        tables.append(ratios(report, run))
    tables.append(causes(report))
    if report["pairs"]:
        tables.append(differences(report))
    tables.append(tracing(report))
    return tables


def _heading(run: dict[str, Any]) -> str:
    dirty = " with uncommitted changes" if run["source"]["dirty"] else ""
    return (f"{run['experiment']['title']} ({run['experiment']['name']}, "
            f"{run['utc']}, commit {run['source']['commit']}{dirty}, testbed "
            f"{run['testbed']['name']})")


def as_text(report: dict[str, Any], run: dict[str, Any]) -> str:
    """tables.txt."""
    parts = [_heading(run) + "\n"]
    parts += [table.text() for table in all_tables(report, run)]
    if report["pairs"]:
        parts.append("In words (mean round trips, tracing on)\n" + "".join(
            f"  {line}\n" for line in sentences(report)))
    return "\n".join(parts)


def as_markdown(report: dict[str, Any], run: dict[str, Any]) -> str:
    """tables.md."""
    parts = [f"## {_heading(run)}\n"]
    parts += [table.markdown() for table in all_tables(report, run)]
    if report["pairs"]:
        parts.append("### In words (mean round trips, tracing on)\n\n"
                     + "".join(f"- {line}\n" for line in sentences(report)))
    return "\n".join(parts)
