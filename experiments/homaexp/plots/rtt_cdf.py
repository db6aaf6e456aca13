# SPDX-License-Identifier: Apache-2.0
"""CDF of round-trip times, one line an arm."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from homaexp import matrix
from homaexp.plots import style

SEGMENT = "plain"
_COLORS = {"homa": style.PALETTE[0], "tcp": style.PALETTE[5]}
_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_PANEL_AXIS = "rps"
# The x axis ends here: beyond it a run shows what its host did.
_LAST_FRACTION = 0.995


def _panels(report: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Arms by RPS setting, so that few lines share a panel."""
    values = list(dict.fromkeys(arm["axes"].get(_PANEL_AXIS)
                                for arm in report["arms"]))
    if values == [None]:
        return [("", report["arms"])]
    return [(matrix.value_label(_PANEL_AXIS, value),
             [a for a in report["arms"] if a["axes"][_PANEL_AXIS] == value])
            for value in values]


def _label(arm: dict[str, Any]) -> str:
    return ", ".join(matrix.value_label(a, v) for a, v in arm["axes"].items()
                     if a != _PANEL_AXIS) or arm["label"]


def _lines(axes: Any, arms: list[dict[str, Any]]) -> float:
    """Draws the arms; the round trip at the last fraction shown."""
    seen: dict[Any, int] = {}
    last = 0.0
    for number, arm in enumerate(arms):
        transport = arm["axes"].get("transport")
        color = _COLORS.get(transport, style.PALETTE[number % 8])
        dash = _DASHES[seen.get(transport, 0) % len(_DASHES)]
        seen[transport] = seen.get(transport, 0) + 1
        cdf = arm["rtt"]["cdf"]
        median = arm["rtt"]["p50_us"]["value"]
        axes.step(cdf["us"], cdf["fraction"], where="post", color=color,
                  ls=dash, lw=1.8, label=f"{_label(arm)}: {median:.1f} µs")
        last = max(last, next(us for us, f in zip(cdf["us"], cdf["fraction"])
                              if f >= _LAST_FRACTION - 1e-9))
    return last


def draw(report: dict[str, Any], run: dict[str, Any]) -> Figure:
    """A panel for each RPS setting."""
    panels = _panels(report)
    figure, grid = plt.subplots(1, len(panels), sharex=True, sharey=True,
                                squeeze=False, figsize=(11, 5))
    first = min(arm["rtt"]["min_us"] for arm in report["arms"])
    last = 0.0
    for axes, (title, arms) in zip(grid[0], panels):
        last = max(last, _lines(axes, arms))
        axes.set_xscale("log")
        axes.set_title(title, fontsize=11, loc="left")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(
            lambda x, _: f"{x:g}" if x < 1000 else f"{x / 1000:g}k"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("round-trip time, µs (log)")
        axes.axhline(0.5, color="#999999", lw=0.7)
        axes.legend(loc="lower right", fontsize=9, title="P50 of rounds",
                    title_fontsize=9)
    grid[0][0].set_xlim(first * 0.95, last * 1.05)
    grid[0][0].set_ylim(0, 1.005)
    grid[0][0].set_ylabel("fraction of RPCs")
    figure.suptitle(f"Round-trip times — {run['experiment']['title']}",
                    x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.tight_layout(rect=(0, 0.55 / figure.get_figheight(), 1, 1))
    style.footer(figure, run, SEGMENT)
    return figure
