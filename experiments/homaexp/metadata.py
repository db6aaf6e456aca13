# SPDX-License-Identifier: Apache-2.0
"""What was run, by which code, on which machine."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any


def _git(root: Path, *args: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *args], text=True,
                              capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def source(root: Path) -> dict[str, Any]:
    """Commit of the checkout; "unversioned" when it is none."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit or "unversioned",
            "dirty": bool(changed) if commit else None}


def utc_now() -> str:
    """Time for names: sorts as text, has no colon."""
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def sha256(path: Path) -> str:
    """Content hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _first_value(path: str, key: str) -> str:
    try:
        for line in Path(path).read_text().splitlines():
            name, _, value = line.partition(":" if ":" in line else "=")
            if name.strip() == key:
                return value.strip().strip('"')
    except OSError:
        pass
    return ""


def load_average() -> list[float]:
    """Of the machine, now."""
    return [round(x, 2) for x in os.getloadavg()]


def host() -> dict[str, Any]:
    """The machine the guest runs on."""
    return {
        "system": _first_value("/etc/os-release", "PRETTY_NAME"),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "memory": _first_value("/proc/meminfo", "MemTotal"),
        "load_average": load_average(),
        "python": platform.python_version(),
    }


def key_values(path: Path) -> dict[str, str]:
    """A file of `key value` lines, empty when there is none."""
    if not path.exists():
        return {}
    pairs = (line.partition(" ") for line in path.read_text().splitlines())
    return {key: value.strip() for key, _, value in pairs if key}


def modules(path: Path) -> dict[str, dict[str, str]]:
    """The guest's list of modules: name, srcversion, sha256."""
    found = {}
    for name, rest in key_values(path).items():
        words = rest.split()
        found[name] = {"sha256": words[-2],
                       "srcversion": words[0] if len(words) == 3 else ""}
    return found
