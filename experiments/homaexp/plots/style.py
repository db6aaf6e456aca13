# SPDX-License-Identifier: Apache-2.0
"""How all figures look, and the footer that says where their data is from."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen)
from matplotlib.figure import Figure  # noqa: E402

from homaexp.errors import UserError  # noqa: E402

# Okabe and Ito: told apart with every common colour vision, also in print.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
           "#F0E442", "#999999")
HATCHES = ("", "////", "....")
INK = "#222222"

plt.rcParams.update({
    "figure.dpi": 110, "savefig.dpi": 160, "font.size": 10,
    "font.family": "DejaVu Sans", "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": "#777777",
    "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "hatch.linewidth": 0.6, "text.color": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "legend.frameon": False, "svg.fonttype": "none",
    # equal data gives equal files
    "svg.hashsalt": "homascope",
})


def fill(number: int) -> dict[str, Any]:
    """Colour and hatch of the n-th category; 24 differ."""
    hatch = HATCHES[number // len(PALETTE) % len(HATCHES)]
    return {"color": PALETTE[number % len(PALETTE)], "hatch": hatch,
            "edgecolor": "white", "linewidth": 0.5}


def text_on(color: str) -> str:
    """Black or white, whichever can be read on a colour."""
    r, g, b = (int(color[i:i + 2], 16) for i in (1, 3, 5))
    return "black" if 0.299 * r + 0.587 * g + 0.114 * b > 140 else "white"


def footer(figure: Figure, run: dict[str, Any], segment: str) -> None:
    """Commit, testbed, clock and what the figure can be trusted for."""
    commit = run["source"]["commit"]
    if not commit:
        raise UserError("run.json names no commit: the figure is not drawn")
    dirty = "+changes" if run["source"]["dirty"] else ""
    bed = run["testbed"]
    lines = [
        f"homascope {commit}{dirty}, {run['utc']}, testbed {bed['name']} "
        f"({bed['cpus']} CPU{'' if bed['cpus'] == 1 else 's'}, "
        f"kernel {run['guest'].get('release', '?')}), "
        f"tracing {'on' if segment == 'traced' else 'off'}",
        f"clock: {bed['clock']}; trust: {bed['trust']}"]
    width = int(figure.get_figwidth() * 17)
    text = "\n".join(textwrap.fill(line, width) for line in lines)
    figure.text(0.01, 0.008, text, fontsize=7, color="#555555", va="bottom")


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """PNG and SVG, complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, metadata in (("png", {"Software": None}), ("svg",
                                                         {"Date": None})):
        path = folder / f"{name}.{kind}"
        part = folder / f".{name}.{kind}.part"
        figure.savefig(part, format=kind, metadata=metadata)
        os.replace(part, path)
        paths.append(path)
    plt.close(figure)
    return paths
