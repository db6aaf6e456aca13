# SPDX-License-Identifier: Apache-2.0
"""Benchmarks are programs, not a package: tests find them by path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
