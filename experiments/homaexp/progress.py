# SPDX-License-Identifier: Apache-2.0
"""`[step n/m] text (elapsed mm:ss)` lines, and one-line errors."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import Callable, NoReturn

from homaexp.errors import UserError


class Progress:
    """Counts the steps of one program."""

    def __init__(self, steps: int):
        self._steps = steps
        self._step = 0
        self._start_s = time.monotonic()

    def step(self, text: str) -> None:
        """The next step begins."""
        self._step += 1
        self.say(text)

    def say(self, text: str) -> None:
        """More about the step that is under way."""
        seconds = int(time.monotonic() - self._start_s)
        print(f"[step {self._step}/{self._steps}] {text} (elapsed "
              f"{seconds // 60:02d}:{seconds % 60:02d})", flush=True)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def run_program(name: str, main: Callable[[], None]) -> NoReturn:
    """Runs main(); a UserError becomes one line, Ctrl-C and SIGTERM undo what
    context managers hold."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except UserError as e:
        print(f"{name}: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    sys.exit(0)
