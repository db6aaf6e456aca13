# SPDX-License-Identifier: Apache-2.0
"""Experiments on the simulated cluster (docs/cluster.md)."""
