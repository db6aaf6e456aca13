# SPDX-License-Identifier: Apache-2.0
"""Every figure of every kept result is drawn; tables are made of it too."""

import copy
import json
from pathlib import Path

import pytest

from homaexp import plots, tables
from homaexp.errors import UserError
from homaexp.plots import style

KEPT = sorted((Path(__file__).parent / "kept").iterdir())


@pytest.fixture(params=KEPT, ids=lambda p: p.name)
def kept(request):
    return [json.loads((request.param / f"{name}.json").read_text())
            for name in ("report", "run")]


def texts(figure):
    drawn = [t.get_text() for t in figure.texts]
    for axes in figure.axes:
        drawn += [t.get_text() for t in axes.texts + axes.get_yticklabels()]
        if axes.get_legend():
            drawn += [t.get_text() for t in axes.get_legend().get_texts()]
    for legend in figure.legends:
        drawn += [t.get_text() for t in legend.get_texts()]
    return drawn


@pytest.mark.parametrize("name", plots.FIGURES)
def test_figure_is_drawn_and_names_its_origin(kept, tmp_path, name):
    report, run = kept
    figure = plots.figure_module(name).draw(report, run)
    said = "\n".join(texts(figure))
    assert run["source"]["commit"] in said
    assert "CLOCK_MONOTONIC" in said.replace("\n", " ")
    png, svg = style.save(figure, tmp_path, name)
    assert png.read_bytes().startswith(b"\x89PNG") and b"</svg>" in (
        svg.read_bytes())
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{name}.png",
                                                          f"{name}.svg"]


def test_bars_end_at_the_mean_round_trip(kept):
    report, run = kept
    figure = plots.figure_module("tiles_per_arm").draw(report, run)
    axes = figure.axes[0]
    ends = {}
    for bar in axes.patches:
        y = round(bar.get_y() + bar.get_height() / 2)
        ends[y] = max(ends.get(y, 0), bar.get_x() + bar.get_width())
    wanted = [a["traced"]["mean_rtt_us"]["value"] for a in report["arms"]]
    assert [ends[y] for y in range(len(wanted))] == pytest.approx(wanted)
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels == [arm["label"] for arm in report["arms"]]


def test_cdf_has_a_line_for_every_arm(kept):
    report, run = kept
    figure = plots.figure_module("rtt_cdf").draw(report, run)
    lines = [line for axes in figure.axes for line in axes.lines
             if len(line.get_xdata()) > 2]
    assert len(lines) == len(report["arms"])


def test_no_commit_no_figure(kept):
    report, run = copy.deepcopy(kept)
    run["source"]["commit"] = ""
    with pytest.raises(UserError, match="commit"):
        plots.figure_module("rtt_cdf").draw(report, run)


def test_unknown_figure():
    with pytest.raises(UserError, match="tiles_per_arm, rtt_cdf"):
        plots.figure_module("pie")


def test_tables_hold_every_arm_and_pair(kept):
    report, run = kept
    text, markdown = (f(report, run) for f in (tables.as_text,
                                               tables.as_markdown))
    for arm in report["arms"]:
        assert arm["label"] in text and arm["label"] in markdown
        assert f"{arm['rtt']['p50_us']['value']:.1f} [" in text
    assert len(tables.sentences(report)) == len(report["pairs"])
    rows = tables.differences(report).rows
    for row in rows:  # printed numbers add up, too, up to rounding
        total = float(row[1].split()[0])
        parts = [float(cell) for cell in row[2:]]
        assert sum(parts) == pytest.approx(total, abs=0.01 * len(parts))


def test_every_pair_of_24_fills_differs():
    fills = [tuple(sorted(style.fill(n).items())) for n in range(24)]
    assert len(set(fills)) == 24
