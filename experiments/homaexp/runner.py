# SPDX-License-Identifier: Apache-2.0
"""All visits of an experiment on one host: set up, measure, collect."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Callable

from homaexp import attribution, matrix, metadata, resultset
from homaexp.config import Experiment
from homaexp.hosts.base import Host, HostError
from homaexp.matrix import Visit

SCRIPT = Path(__file__).resolve().parent / "guest" / "visits.sh"
MODES = ("plain", "traced")
VISIT_FILES = ("steering.txt", "plain.client.json", "plain.server.json",
               "plain.client.rpclog", "traced.client.json",
               "traced.server.json", "traced.client.rpclog",
               "traced.server.rpclog", attribution.TRACE)
_GUEST_LOGS = ("console.log", "dmesg.log", "guest.json")


def plan(exp: Experiment) -> str:
    """The guest script's input: a line for each segment of each visit."""
    lines = []
    for visit in matrix.make_visits(exp):
        w, s = visit.arm.workload, exp.schedule
        # alternate which one comes first: what drifts hits both alike
        modes = MODES if visit.round % 2 == 0 else MODES[::-1]
        for mode in modes:
            count = s.rpcs if mode == "plain" else s.traced_rpcs
            values = (visit.id, mode, w.transport, int(w.rps),
                      w.steering, w.server_threads, w.client_threads,
                      w.outstanding, w.length_bytes,
                      w.response_length_bytes, s.warmup_rpcs, count,
                      exp.trace.ring_kb)
            lines.append(" ".join(str(v) for v in values))
    return "\n".join(lines) + "\n"


def _progress_of(out: Path) -> tuple[int, int, str] | None:
    """(segments done, of how many, visit) as far as it has come out."""
    try:
        done, total, visit = (out / "progress").read_text().split()
        return int(done), int(total), visit
    except (OSError, ValueError):
        return None


def measure(exp: Experiment, host: Host, tools: dict[str, Path],
            report: Callable[[str], None]) -> Path:
    """Runs the plan; the directory with the results of all visits."""
    shown = ""

    def progress() -> None:
        nonlocal shown
        state = _progress_of(host.get())
        if state is None:
            return
        name = state[2].split("/")[0]
        if name != shown:
            shown = name
            report(f"warm-up round {name[1:]}" if name.startswith("w")
                   else f"round {int(name[1:])} of {exp.schedule.rounds}")

    with tempfile.TemporaryDirectory(prefix="homaexp-") as scratch:
        plan_file = Path(scratch) / "plan"
        plan_file.write_text(plan(exp))
        host.put(plan_file, "/plan")
        for name, path in tools.items():
            host.put(path, f"/bin/{name}")
        host.start(SCRIPT, "/plan")
        host.wait(progress)
    return host.get()


def _check_steering(visit: Visit, where: Path) -> None:
    """Compares what the kernel says it took with what the arm wants."""
    settings = metadata.key_values(where / "steering.txt")
    on = [name for name, value in settings.items()
          if value.replace(",", "").strip("0")]
    off = [name for name in settings if name not in on]
    wrong = off if visit.arm.workload.rps else on
    if wrong or not settings:
        raise HostError(f"{visit.id}: RPS/RFS is not set as the arm wants it "
                        f"({', '.join(wrong) or 'nothing recorded'})",
                        where / "steering.txt")


def collect(exp: Experiment, out: Path, run_dir: Path) -> None:
    """Checks that every visit is complete and moves it into the run
    directory; warm-up visits are dropped."""
    raw, guest = run_dir / "raw", run_dir / "guest"
    guest.mkdir(parents=True)
    for visit in matrix.make_visits(exp):
        source = out / visit.id
        missing = [f for f in VISIT_FILES if not (source / f).exists()]
        if missing:
            raise HostError(f"{visit.id}: the guest did not deliver "
                            + ", ".join(missing), out / "console.log")
        _check_steering(visit, source)
        if visit.warmup:
            shutil.rmtree(source)
            continue
        (raw / visit.id).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, raw / visit.id)
    for path in out.iterdir():
        if path.is_file():
            shutil.move(path, guest / path.name)


def guest_facts(run_dir: Path) -> dict[str, object]:
    """What run.json says about the guest, from the files it delivered."""
    guest = run_dir / "guest"
    facts = {}
    if (guest / "guest.json").exists():
        facts = dict(resultset.read_json(guest / "guest.json"))
    return {**facts,
            "modules": metadata.modules(guest / "modules.txt"),
            "sysctls": metadata.key_values(guest / "sysctls.txt")}


def pack(exp: Experiment, run_dir: Path) -> int:
    """Compresses raw files; drops traces beyond the size the experiment
    keeps, latest rounds first. The number of traces dropped."""
    left = exp.trace.keep_mb * 1_000_000
    dropped = 0
    for visit in matrix.make_visits(exp):
        where = run_dir / "raw" / visit.id
        if visit.warmup:
            continue
        for path in sorted(where.glob("*.rpclog")):
            resultset.pack(path)
        trace = where / attribution.TRACE
        left -= resultset.pack(trace)
        if left < 0:
            trace.with_name(trace.name + ".gz").unlink()
            dropped += 1
    return dropped
