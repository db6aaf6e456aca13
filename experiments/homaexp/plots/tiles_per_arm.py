# SPDX-License-Identifier: Apache-2.0
"""Stacked bars: what the mean round trip of every arm consists of."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from homaexp import tables
from homaexp.plots import style

SEGMENT = "traced"
# Below this share of the longest bar a number does not fit into its piece.
_LABEL_SHARE = 0.035
_SMALL_SHARE = 0.01
_UNEXPLAINED = {"color": "#ffffff", "hatch": "xxxx", "edgecolor": "#555555",
                "linewidth": 0.5}
_OTHER = {"color": "#dddddd", "hatch": "", "edgecolor": "white",
          "linewidth": 0.5}


def _pieces(report: dict[str, Any]) -> list[tuple[str, dict[str, Any],
                                                  list[float]]]:
    """(name, fill, one mean an arm); causes small in all arms are one."""
    arms = report["arms"]
    rtts = [arm["traced"]["mean_rtt_us"]["value"] for arm in arms]
    pieces, other = [], [0.0] * len(arms)
    for number, cause in enumerate(tables.cause_names(report)):
        values = [tables.mean_us(arm, cause) for arm in arms]
        if cause == "unexplained":
            pieces.append((cause, _UNEXPLAINED, values))
        elif all(v < _SMALL_SHARE * rtt for v, rtt in zip(values, rtts)):
            other = [a + b for a, b in zip(other, values)]
        else:
            pieces.append((cause, style.fill(number), values))
    if any(other):
        pieces.append(("other (each below 1 %)", _OTHER, other))
    return pieces


def draw(report: dict[str, Any], run: dict[str, Any]) -> Figure:
    """One bar an arm, one piece a cause."""
    arms = report["arms"]
    pieces = _pieces(report)
    figure, axes = plt.subplots(figsize=(11, 2.6 + 0.45 * len(arms)))
    left = [0.0] * len(arms)
    positions = range(len(arms))
    longest = max(arm["traced"]["mean_rtt_us"]["value"] for arm in arms)
    for _, fill, values in pieces:
        axes.barh(positions, values, left=left, height=0.72, **fill)
        for y, (start, value) in enumerate(zip(left, values)):
            if value >= _LABEL_SHARE * longest:
                axes.text(start + value / 2, y, f"{value:.1f}", ha="center",
                          va="center", fontsize=8,
                          color=style.text_on(fill["color"]),
                          bbox={"boxstyle": "square,pad=0.1", "lw": 0,
                                "fc": fill["color"]})
        left = [a + b for a, b in zip(left, values)]
    for y, arm in enumerate(arms):
        mean = arm["traced"]["mean_rtt_us"]
        axes.errorbar(mean["value"], y, color=style.INK, capsize=2.5, lw=1,
                      xerr=[[mean["value"] - mean["low"]],
                            [mean["high"] - mean["value"]]])
        axes.text(max(mean["high"], mean["value"]) + 0.01 * longest, y,
                  f"{mean['value']:.1f}", va="center", fontsize=9,
                  fontweight="bold")
    axes.set_yticks(list(positions), [arm["label"] for arm in arms])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.09 * max(arm["traced"]["mean_rtt_us"]["high"]
                                for arm in arms))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(
        "mean round-trip time, µs (RPCs up to the "
        f"{report['mean_up_to_percentile']}th percentile; whisker: "
        f"{report['confidence_percent']} % interval over rounds)")
    figure.suptitle(f"Where the time of an RPC goes — "
                    f"{run['experiment']['title']}", x=0.01, ha="left",
                    fontsize=12, fontweight="bold")
    handles = [Patch(facecolor=fill["color"], hatch=fill["hatch"],
                     edgecolor=fill["edgecolor"], label=name)
               for name, fill, _ in pieces]
    figure.legend(handles=handles, loc="upper left", fontsize=9,
                  bbox_to_anchor=(0.005, 1 - 0.32 / figure.get_figheight()),
                  ncol=min(7, len(handles)), columnspacing=1.2,
                  handlelength=1.4)
    rows = -(-len(handles) // 7)
    height = figure.get_figheight()
    # the last term undoes the room tight_layout leaves for the suptitle
    figure.tight_layout(rect=(0, 0.5 / height, 1,
                              1 - (0.32 + 0.24 * rows - 0.3) / height))
    style.footer(figure, run, SEGMENT)
    return figure
