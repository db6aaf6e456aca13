# SPDX-License-Identifier: Apache-2.0
"""The three programs: run, analyse and plot. Files are all they share."""

from __future__ import annotations

import argparse
import os
import re
import shutil
from pathlib import Path
from typing import Any, Callable, Iterator
from contextlib import contextmanager

from homaexp import config, metadata, plots, resultset, runner, tables
from homaexp.cluster import config as cluster_config
from homaexp.cluster import programs as cluster
from homaexp.errors import UserError
from homaexp.hosts.base import Host, HostError
from homaexp.hosts.local_vm import LocalVm
from homaexp.progress import Progress
from homaexp.resultset import ResultSet

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "failed"
MakeHost = Callable[[config.Testbed, Path], Host]


def _tool(name: str, path: str) -> Path:
    """A program built by `make user`; its place can be told by $NAME."""
    found = Path(os.environ.get(name.upper(), ROOT / "build" / path))
    if not os.access(found, os.X_OK):
        raise UserError(f"{found}: not there; run 'make user' (or set "
                        f"{name.upper()} to where {name} is)")
    return found


def _homascope() -> Path:
    return _tool("homascope", "analyzers/homascope")


def _guest_tools() -> dict[str, Path]:
    return {"rpcload": _tool("rpcload", "experiments/workload/rpcload"),
            "ttdump": _tool("ttdump", "tracer/tools/ttdump")}


def _local_vm(bed: config.Testbed, out: Path) -> Host:
    vm = ROOT / "testbed" / "vm"
    return LocalVm(vm, bed, out)


# --- run -------------------------------------------------------------------

def _remove_abandoned(results: Path) -> None:
    """Working directories of runs that were killed: their process is gone."""
    for path in results.glob(".tmp-*"):
        match = re.fullmatch(r"\.tmp-\w+-(\d+)", path.name)
        if match and not Path("/proc", match.group(1)).exists():
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _working_directory(results: Path, name: str) -> Iterator[Path]:
    """A directory that leaves no trace under results/ unless it is moved
    away; after a failure its logs are kept under build/failed/."""
    _remove_abandoned(results)
    work = results / f".tmp-{name}-{os.getpid()}"
    work.mkdir(parents=True)
    try:
        yield work
    except UserError as e:
        kept = KEPT / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(work, kept)
        log = kept
        if isinstance(e, HostError) and e.log and e.log.is_relative_to(work):
            log = kept / e.log.relative_to(work)
        raise UserError(f"{e}\n  log: {log}\n  nothing was written under "
                        f"{results}/") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _describe(exp: config.Experiment, bed: config.Testbed, config_file: Path,
              utc: str, run_dir: Path, tools: dict[str, Path],
              source: dict[str, Any], host: dict[str, Any]) -> None:
    """Writes run.json."""
    trust = f"{bed.clock}; {bed.trust}"
    resultset.write_json(run_dir / "run.json", {
        "version": resultset.VERSION,
        "utc": utc,
        "source": source,
        "config_file": str(config_file),
        "experiment": config.as_json(exp),
        "testbed": config.as_json(bed),
        "host": {**host, "load_average_after": metadata.load_average()},
        "guest": runner.guest_facts(run_dir),
        "tools": {name: metadata.sha256(path)
                  for name, path in tools.items()},
        "figures": {name: {
            "tracing": plots.figure_module(name).SEGMENT == "traced",
            "clock_and_trust": trust} for name in exp.figures},
    })


def _load(config_file: Path, rounds: int | None, testbed: str | None
          ) -> tuple[config.Experiment, config.Testbed]:
    exp = config.load_experiment(config_file)
    if rounds is not None:
        exp = config.with_rounds(exp, rounds)
    for name in exp.figures:
        plots.figure_module(name)
    bed = testbed or exp.testbed
    return exp, config.load_testbed(ROOT / "configs" / "testbeds"
                                    / f"{bed}.toml")


def _store(run_dir: Path, final: Path, progress: Progress) -> None:
    progress.step(f"store in {_shown(final)}")
    final.parent.mkdir(parents=True, exist_ok=True)
    os.rename(run_dir, final)


def _run_cluster(args: argparse.Namespace, progress: Progress) -> Path:
    """The same for an experiment on the cluster; where its results are."""
    for name in ("rounds", "testbed"):
        if getattr(args, name) is not None:
            raise UserError(f"--{name}: not for experiments on the cluster")
    exp = cluster_config.load(args.config)
    rpcload = _tool("rpcload", "experiments/workload/rpcload")
    utc = metadata.utc_now()
    commit = metadata.source(ROOT)["commit"]
    with _working_directory(args.out.resolve(), exp.name) as work:
        run_dir = work / "run"
        progress.step("measure")
        cluster.run(exp, args.config, work, run_dir, rpcload, utc,
                    progress.say)
        progress.step("analyse")
        cluster.analyse(ResultSet.open(run_dir))
        progress.step("draw the figures")
        cluster.plot(ResultSet.open(run_dir))
        final: Path = args.out.resolve() / exp.name / f"{utc}-{commit}"
        _store(run_dir, final, progress)
    return final


def run(argv: list[str], make_host: MakeHost = _local_vm) -> None:
    """experiments/run: everything of one experiment."""
    parser = argparse.ArgumentParser(
        prog="experiments/run", description="Runs one experiment: measures, "
        "analyses, draws, and moves the complete run directory into place.")
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    parser.add_argument("--out", type=Path, default=ROOT / "results",
                        help="where results are kept (default: %(default)s)")
    parser.add_argument("--rounds", type=int,
                        help="instead of the configuration's")
    parser.add_argument("--testbed", help="instead of the configuration's: a "
                        "name in configs/testbeds")
    parser.add_argument("--keep-raw", action="store_true",
                        help="keep every trace, uncompressed")
    args = parser.parse_args(argv)

    progress = Progress(5)
    progress.step(f"check {args.config}")
    if config.read_toml(args.config).get("kind") == "cluster":
        final = _run_cluster(args, progress)
        print()
        _print_results(ResultSet.open(final))
        return
    exp, bed = _load(args.config, args.rounds, args.testbed)
    tools = _guest_tools()
    homascope = _homascope()
    utc, source, host_facts = (metadata.utc_now(), metadata.source(ROOT),
                               metadata.host())

    results_dir = args.out.resolve()
    with _working_directory(results_dir, exp.name) as work:
        out, run_dir = work / "guest", work / "run"
        progress.step(f"boot {bed.name} ({bed.cpus} CPUs, kernel "
                      f"{bed.kernel}) and measure")
        with make_host(bed, out) as host:
            realtime = host.realtime
            runner.measure(exp, host, tools, progress.say)
            runner.collect(exp, out, run_dir)
        _describe(exp, bed, args.config, utc, run_dir,
                  {**tools, "homascope": homascope}, source,
                  {**host_facts, "guest_realtime": realtime})
        progress.step("analyse the traces")
        _analyse(ResultSet.open(run_dir), homascope)
        progress.step("draw the figures")
        _plot(ResultSet.open(run_dir))
        dropped = 0 if args.keep_raw else runner.pack(exp, run_dir)
        final = results_dir / exp.name / f"{utc}-{source['commit']}"
        _store(run_dir, final, progress)
    if dropped:
        progress.say(f"kept trace.keep_mb = {exp.trace.keep_mb} MB of traces;"
                     f" {dropped} more were analysed and dropped")
    print()
    _print_results(ResultSet.open(final))


def _shown(path: Path) -> Path:
    """Short where it can be."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(
        Path.cwd()) else path


def _print_results(results: ResultSet) -> None:
    print((results.dir / "tables.txt").read_text(), flush=True)
    for path in sorted(results.figures.iterdir()):
        print(f"figure: {_shown(path)}")
    print(f"tables: {_shown(results.dir / 'tables.md')}", flush=True)


# --- analyse and plot ------------------------------------------------------

def _on_cluster(results: ResultSet) -> bool:
    return results.run().get("kind") == "cluster"


def _analyse(results: ResultSet, homascope: Path) -> None:
    from homaexp import analysis  # numpy is needed from here on only
    report = analysis.analyse(results, homascope)
    described = results.run()
    resultset.write_text(results.dir / "tables.txt",
                         tables.as_text(report, described))
    resultset.write_text(results.dir / "tables.md",
                         tables.as_markdown(report, described))


def _plot(results: ResultSet) -> list[Path]:
    from homaexp.plots import style
    report, described = results.report(), results.run()
    paths = []
    for name in described["experiment"]["figures"]:
        figure = plots.figure_module(name).draw(report, described)
        paths += style.save(figure, results.figures, name)
    return paths


def _run_directory(argv: list[str], program: str, what: str) -> ResultSet:
    parser = argparse.ArgumentParser(prog=f"experiments/{program}",
                                     description=what)
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR",
                        help="results/<experiment>/<UTC>-<commit>")
    return ResultSet.open(parser.parse_args(argv).run_dir)


def analyse(argv: list[str]) -> None:
    """experiments/analyse: traces to report.json and tables."""
    results = _run_directory(argv, "analyse", "Analyses the raw files of a "
                             "run again: report.json and the tables.")
    if _on_cluster(results):
        cluster.analyse(results)
    else:
        _analyse(results, _homascope())
    print((results.dir / "tables.txt").read_text(), end="")


def plot(argv: list[str]) -> None:
    """experiments/plot: report.json to figures."""
    results = _run_directory(argv, "plot", "Draws the figures of a run again,"
                             " from its run.json and report.json.")
    draw = cluster.plot if _on_cluster(results) else _plot
    for path in draw(results):
        print(f"figure: {_shown(path)}")
