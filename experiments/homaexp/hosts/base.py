# SPDX-License-Identifier: Apache-2.0
"""What an experiment asks of the place it runs in."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Protocol

from homaexp.errors import UserError


class HostError(UserError):
    """The script on the host failed; `log` is where to read on."""

    def __init__(self, what: str, log: Path | None = None):
        super().__init__(what)
        self.log = log


class Host(Protocol):
    """put files, start one script, wait for its end, get its results.

    A context manager: leaving it stops the script and removes what was set
    up, whether the experiment went well or not.
    """

    realtime: bool  # whether it runs ahead of the machine's other programs

    def __enter__(self) -> "Host": ...

    def __exit__(self, *exc: object) -> None: ...

    def put(self, source: Path, destination: str) -> None:
        """Makes a file available there when the script starts."""

    def start(self, script: Path, *args: str) -> None:
        """Starts the script."""

    def wait(self, progress: Callable[[], None]) -> None:
        """Returns when the script ended well, else raises HostError;
        calls `progress` about once a second."""

    def get(self) -> Path:
        """The directory of the script's results; while it runs, of those
        that have already arrived."""
