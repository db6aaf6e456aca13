# SPDX-License-Identifier: Apache-2.0
"""Estimates over rounds with bootstrap intervals."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

RESAMPLES = 4000
CONFIDENCE_PERCENT = 95


def _interval(values: Sequence[float], statistic: Any) -> dict[str, float]:
    """The rounds are what is drawn: RPCs of one round are not independent.

    A fixed seed makes the same data give the same interval.
    """
    data = np.asarray(values, dtype=float)
    rng = np.random.default_rng(1)
    draws = data[rng.integers(0, len(data), (RESAMPLES, len(data)))]
    tail = (100 - CONFIDENCE_PERCENT) / 2
    low, high = np.percentile(statistic(draws, axis=1), [tail, 100 - tail])
    return {"value": float(statistic(data, axis=0)),
            "low": float(low), "high": float(high)}


def median(values: Sequence[float]) -> dict[str, float]:
    """Median over rounds and its 95 % interval."""
    return _interval(values, np.median)


def mean(values: Sequence[float]) -> dict[str, float]:
    """Mean over rounds and its 95 % interval. Means of parts add up."""
    return _interval(values, np.mean)
