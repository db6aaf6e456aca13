# SPDX-License-Identifier: Apache-2.0
"""A run directory and its files; docs/results-format.md describes them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

from homaexp.config import Experiment, experiment_from_json
from homaexp.errors import UserError

VERSION = 1


def read_json(path: Path) -> Any:
    """One JSON file, with an error that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as e:
        raise UserError(f"{path}: cannot be read as JSON: {e}") from None


def write_text(path: Path, text: str) -> None:
    """Writes beside the file, then replaces it: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_json(path: Path, data: Any) -> None:
    """As write_text()."""
    write_text(path, json.dumps(data, indent=1) + "\n")


def read_bytes(path: Path) -> bytes:
    """A raw file, packed (.gz) or not."""
    packed = path.with_name(path.name + ".gz")
    try:
        if packed.exists():
            return gzip.decompress(packed.read_bytes())
        return path.read_bytes()
    except (OSError, EOFError) as e:
        raise UserError(f"{path}: cannot be read: {e}") from None


def pack(path: Path) -> int:
    """Compresses a raw file in place; the size it has then."""
    packed = path.with_name(path.name + ".gz")
    # mtime=0: equal content gives equal files
    packed.write_bytes(gzip.compress(path.read_bytes(), 5, mtime=0))
    path.unlink()
    return packed.stat().st_size


class ResultSet:
    """The files of one run directory."""

    def __init__(self, directory: Path):
        self.dir = directory
        self.run_file = directory / "run.json"
        self.report_file = directory / "report.json"
        self.raw = directory / "raw"
        self.figures = directory / "figures"

    @classmethod
    def open(cls, directory: Path) -> "ResultSet":
        """Checks that it is a run directory of a version we know."""
        results = cls(directory)
        if not results.run_file.exists():
            raise UserError(f"{directory}: not a run directory (it has no "
                            "run.json)")
        version = results.run().get("version")
        if version != VERSION:
            raise UserError(f"{results.run_file}: version {version}; this "
                            f"program reads version {VERSION}")
        return results

    def run(self) -> dict[str, Any]:
        """run.json: what was run."""
        return dict(read_json(self.run_file))

    def report(self) -> dict[str, Any]:
        """report.json: what came out."""
        if not self.report_file.exists():
            raise UserError(f"{self.report_file}: no such file; run "
                            f"'experiments/analyse {self.dir}' first")
        return dict(read_json(self.report_file))

    def experiment(self) -> Experiment:
        """The configuration as it was used."""
        return experiment_from_json(self.run()["experiment"],
                                    str(self.run_file))

    def visit(self, visit_id: str) -> Path:
        """The raw files of one visit."""
        return self.raw / visit_id
