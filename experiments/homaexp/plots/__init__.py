# SPDX-License-Identifier: Apache-2.0
"""Figures: one file each, drawn from run.json and report.json only.

A figure module has draw(report, run) -> matplotlib Figure and SEGMENT, which
tells whether it shows the plain or the traced measurements.
"""

from __future__ import annotations

import importlib
from typing import Any

from homaexp.errors import UserError

FIGURES = ("tiles_per_arm", "rtt_cdf")


def figure_module(name: str) -> Any:
    """The module of a figure; matplotlib is loaded only here."""
    if name not in FIGURES:
        raise UserError(f"figures: {name!r} is not known; allowed: "
                        + ", ".join(FIGURES))
    return importlib.import_module(f"homaexp.plots.{name}")
