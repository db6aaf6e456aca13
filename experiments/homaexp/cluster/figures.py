# SPDX-License-Identifier: Apache-2.0
"""Figures of experiments on the cluster, from run.json and report.json."""

from __future__ import annotations

import textwrap
from typing import Any, Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from homaexp.cluster.config import label
from homaexp.cluster.report import CLASSES
from homaexp.errors import UserError
from homaexp.plots import style

_MARKERS = "osD^vP*X"


def _size(length: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if length >= unit:
            return f"{length / unit:.3g}{letter}"
    return str(length)


def _plain(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda x, _: ""))


def _panels(arms: list[dict[str, Any]], axis: str
            ) -> list[tuple[str, list[dict[str, Any]]]]:
    """Arms by their value of an axis, if it is one."""
    if axis not in arms[0]["axes"]:
        return [("", arms)]
    values = dict.fromkeys(arm["axes"][axis] for arm in arms)
    return [(label(axis, v), [a for a in arms if a["axes"][axis] == v])
            for v in values]


def _finish(figure: Figure, title: str, run: dict[str, Any],
            right: float = 1) -> Figure:
    figure.suptitle(f"{title} — {run['experiment']['title']}", x=0.01,
                    ha="left", fontsize=12, fontweight="bold")
    figure.tight_layout(rect=(0, 0.6 / figure.get_figheight(), right, 1))
    style.footer(figure, run, "plain")
    return figure


def _grid(panels: int) -> tuple[Figure, Any]:
    columns = min(panels, 3)
    rows = -(-panels // columns)
    figure, grid = plt.subplots(rows, columns, squeeze=False, sharey=True,
                                figsize=(max(4.6 * columns, 8),
                                         4.2 * rows + 0.8))
    for axes in grid.flat[panels:]:
        axes.set_visible(False)
    return figure, grid.flat


def slowdown(report: dict[str, Any], run: dict[str, Any]) -> Figure:
    """Slowdown by message length, x to the scale of the messages' number."""
    arms = [arm for arm in report["arms"] if "groups" in arm]
    if not arms:
        raise UserError("figures: 'slowdown' needs scenario = \"load\"")
    panels = _panels(arms, "workload")
    figure, grid = _grid(len(panels))
    published = run["experiment"].get("published")
    for axes, (title, members) in zip(grid, panels):
        for number, arm in enumerate(members):
            edges = [0.0, *(100 * g["share"] for g in arm["groups"])]
            name = ", ".join(label(k, v) for k, v in arm["axes"].items()
                             if k != "workload") or arm["label"]
            for key, dash in (("p99", "-"), ("p50", (0, (2, 1.5)))):
                axes.stairs([g[key] for g in arm["groups"]], edges,
                            baseline=None, ls=dash, lw=1.8,
                            color=style.PALETTE[number % 8],
                            label=f"{name}, {key.upper()}")
        if published:
            axes.axhline(float(published["short_p99_slowdown"]), lw=1,
                         color="#777777", ls=(0, (6, 2)),
                         label=f"{published['source']}: P99, short messages")
        last = members[0]["groups"]
        axes.set_xticks([100 * g["share"] for g in last],
                        [_size(g["up_to_bytes"]) for g in last], rotation=60)
        axes.set_xlim(0, 100)
        axes.set_yscale("log")
        _plain(axes.yaxis)
        axes.set_title(title, fontsize=11, loc="left")
        axes.set_xlabel("message length, bytes (each step: a tenth of all)")
    grid[0].set_ylabel("slowdown (log)")
    grid[0].set_ylim(bottom=0.9)
    handles, names = grid[0].get_legend_handles_labels()
    _finish(figure, "Slowdown by message length", run,
            1 - 2.2 / figure.get_figwidth())
    figure.legend(handles, [textwrap.fill(name, 26) for name in names],
                  fontsize=8, loc="center right")
    return figure


def _lines(axes: Any, axis: str, arms: list[dict[str, Any]],
           value: Callable[[dict[str, Any]], float | None], text: str,
           number: int) -> None:
    points = [(i, value(arm)) for i, arm in enumerate(arms)]
    axes.plot([i for i, v in points if v is not None],
              [v for _, v in points if v is not None],
              marker=_MARKERS[number % len(_MARKERS)], lw=1.8, label=text,
              color=style.PALETTE[number % 8])
    axes.set_xticks(range(len(arms)), [str(arm["axes"][axis])
                                       for arm in arms],
                    rotation=0 if len(str(arms[0]["axes"][axis])) < 8 else 20)
    axes.set_xlabel(axis.rpartition(".")[2].replace("_", " "))


def _last_axis(report: dict[str, Any], figure: str) -> str:
    axes = list(report["arms"][0]["axes"])
    if not axes:
        raise UserError(f"figures: '{figure}' needs an axis in [matrix]")
    return axes[-1]


def sweep(report: dict[str, Any], run: dict[str, Any]) -> Figure:
    """P99 and P50 by class of length, over the values of the last axis."""
    axis = _last_axis(report, "sweep")
    figure, grid = _grid(2)
    for axes, key in zip(grid, ("p99", "p50")):
        for number, (name, low, high) in enumerate(CLASSES):
            text = (f"{name}: up to {_size(high)}B" if high < 1 << 30
                    else f"{name}: over {_size(low)}B")
            _lines(axes, axis, report["arms"], lambda arm, n=name, k=key: (
                arm["classes"][n][k] if n in arm["classes"] else None),
                text, number)
        axes.set_yscale("log")
        _plain(axes.yaxis)
        axes.set_title(key.upper(), fontsize=11, loc="left")
        axes.set_ylabel("slowdown (log)")
        axes.legend(fontsize=8)
    return _finish(figure, "Slowdown", run)


def goodput(report: dict[str, Any], run: dict[str, Any]) -> Figure:
    """Goodput of an incast over the values of the last axis."""
    axis = _last_axis(report, "goodput")
    others = list(report["arms"][0]["axes"])[:-1]
    figure, grid = _grid(1)
    lines: dict[str, list[dict[str, Any]]] = {}
    for arm in report["arms"]:
        name = ", ".join(label(k, arm["axes"][k]) for k in others) or "Homa"
        lines.setdefault(name, []).append(arm)
    for number, (name, arms) in enumerate(lines.items()):
        _lines(grid[0], axis, arms,
               lambda arm: float(np.median(arm["goodput_percent"])), name,
               number)
    grid[0].axhline(90, color="#777777", lw=1, ls=(0, (6, 2)), label="90 %")
    grid[0].set_ylim(0, 100)
    grid[0].set_ylabel("goodput, % of the receiver's link")
    grid[0].legend(fontsize=8)
    return _finish(figure, "Incast", run)


DRAW = {"slowdown": slowdown, "sweep": sweep, "goodput": goodput}
