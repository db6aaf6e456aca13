# SPDX-License-Identifier: Apache-2.0
"""Experiments as data: run a matrix, analyse its traces, draw the result."""
