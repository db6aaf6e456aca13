#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints a CPU model as the parameter "delay" of homa.ko: POINT=NS,... (docs/cluster.md).

    cpu_model.py FILE.toml

Nothing for a model without costs. Bad input: one line, status 2.
"""
import sys
import tomllib

# Of the profile, and of module/delay.h; costs that arise together are added.
POINTS = {"syscall_ns": "syscall", "copy_ns_per_kb": "copy", "softirq_ns": "softirq",
          "ipi_ns": "softirq", "gro_packet_ns": "input", "wakeup_ns": "wakeup"}
LIMITS = {"copy_ns_per_kb": 10_000}
LIMIT_NS = 1_000_000


class Invalid(Exception):
    """What is wrong with the profile."""


def read(path):
    """The profile's values, each checked."""
    try:
        with open(path, "rb") as file:
            profile = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Invalid(error) from None
    for key, value in profile.items():
        if key not in POINTS:
            raise Invalid(f"'{key}' is unknown; there are: {' '.join(POINTS)}")
        limit = LIMITS.get(key, LIMIT_NS)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
            raise Invalid(f"'{key}' must be a whole number from 0 to {limit}")
    return profile


def delays(profile):
    """The parameter."""
    costs = {}
    for key, ns in profile.items():
        point = POINTS[key]
        costs[point] = costs.get(point, 0) + ns
    words = []
    for point, ns in costs.items():
        if ns and point == "copy":
            words += [f"copy_in={ns}/kb", f"copy={ns}/kb"]
        elif ns:
            words.append(f"{point}={ns}")
    return ",".join(words)


def main():
    """One file."""
    try:
        print(delays(read(sys.argv[1])))
    except Invalid as error:
        print(f"vm: {sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
