# SPDX-License-Identifier: Apache-2.0
"""The suites: what runs, and how its cases are found out."""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
LOGS = BUILD / "test-logs"
# How long hostile.sh lasts instead of its usual time.
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", 0))
sys.path.insert(0, str(TOP / "tests" / "lint"))

import attribution  # noqa: E402
import checks  # noqa: E402
import coverage  # noqa: E402
import simcluster  # noqa: E402
import dissection  # noqa: E402

# verdict: "ok", "not ok" or "skip"; why: one line for the latter two.
Case = collections.namedtuple("Case", "name verdict why")

# A guest: testbed mode, kernel, seconds until it counts as hung, scripts; full: takes so long that it
# runs only when asked for, and boots for each script, so that a hang takes only that one; cpus; moves:
# the kernel is one of a suite that moves on, which is no failure then.
Guest = collections.namedtuple("Guest", "mode kernel timeout scripts full cpus moves",
                               defaults=[False, 2, False])

# What testbed/vm says of a kernel that the mirror does not have any more.
KERNEL_GONE = "the mirror has no "

# Not a script: what those before it in the same guest ran of the module.
COVERAGE = "coverage"

# All that the module does, and the tracer with it.
MODULE_SCRIPTS = ["smoke", "abi", "netem", "devices", "life", "errors", "reload", "trace", "levels", "path",
                  "namespaces", "packet", "hostile", "control", "strategies", "gro", "bundle", "gso",
                  "tracer", "app", "triggers", "pacer", "qdisc", "delays"]

# User-Mode Linux has stalled on busy hosts when one CPU gives another much work.
EMULATED_SCRIPTS = MODULE_SCRIPTS + ["steering"]

GUESTS = {
    "uml": Guest("uml", "uml-smp", 1500, MODULE_SCRIPTS + ["examples", "capture", "pipeline"]),
    "uml4": Guest("uml", "uml-smp", 600, ["tracer"], cpus=4),
    "stock": Guest("rt", "stock-6.12", 1200,
                   ["smoke", "abi", "errors", "gso", "bundle", "cgroup", "steering", "trace", "tracer", "app",
                    "triggers", "pipeline"]),
    "stock61": Guest("rt", "stock-6.1", 1200, ["smoke", "abi", "trace", "tracer", "app"]),
    "stock72": Guest("rt", "stock-7.2", 1200, ["smoke", "trace"], moves=True),
    "debug": Guest("uml-debug", "uml-debug", 1800, MODULE_SCRIPTS + ["faults", COVERAGE]),
    "kasan": Guest("rt", "x86-kasan", 3600, EMULATED_SCRIPTS, full=True),
    "kcsan": Guest("rt", "x86-kcsan", 3600, EMULATED_SCRIPTS, full=True),
}

# Lines for the end of the run's report.
NOTES = []

PYTHON_TESTS = ["analyzers/tests", "experiments/homaexp/tests", "experiments/bench", "tests/lint",
                "tests/lib", "tools/wireshark/tests"]


def names(full=False):
    """All suites, in the order in which they run; @full: those of slow guests, too."""
    return (["unit/ctest", "unit/pytest"] + [f"lint/{name}" for name in checks.CHECKS]
            + ["vm/testbed"] + simcluster.names(full)
            + [f"vm/{guest}/{script}" for guest, spec in GUESTS.items()
               if full or not spec.full for script in spec.scripts])


def run(selected):
    """Yields (suite, cases, seconds) for each suite called."""
    LOGS.mkdir(parents=True, exist_ok=True)
    clusters = simcluster.names(full=True)
    for guest, spec in [(None, None)] + list(GUESTS.items()):
        if guest:
            scripts = [s for s in spec.scripts if f"vm/{guest}/{s}" in selected]
            for boot in [[script] for script in scripts] if spec.full else [scripts]:
                if boot:
                    yield from run_guest(guest, spec, boot)
            continue
        for suite in selected:
            if suite.startswith("vm/") and suite not in ["vm/testbed"] + clusters:
                continue
            started = time.monotonic()
            if suite == "vm/testbed":
                cases = run_selftest()
            elif suite in clusters:
                out = short(LOGS / suite.split("/")[1])
                cases = [Case(name, "not ok" if why else "ok", f"{why} ({out})")
                         for name, why in simcluster.run(suite)]
            elif suite == "unit/ctest":
                cases = run_ctest()
            elif suite == "unit/pytest":
                cases = run_pytest()
            else:
                cases = run_lint(suite.removeprefix("lint/"))
            yield suite, cases, time.monotonic() - started


def run_logged(log, command):
    """Exit status of @command, whose output goes to the file @log."""
    with open(log, "w", encoding="utf-8") as out:
        print("+", *command, file=out, flush=True)
        return subprocess.run(command, cwd=TOP, stdout=out, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False).returncode


def short(path):
    return str(path).removeprefix(f"{TOP}/")


def last_line(log):
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"


def first_warning(log):
    """Line of a compiler's warning, or ""."""
    return next((line for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
                 if " warning: " in line), "")


def from_junit(report, status, log):
    """Cases of a JUnit file; a run that failed without one is one failed case."""
    cases = []
    if report.exists():
        for node in xml.etree.ElementTree.parse(report).iter("testcase"):
            name = f"{node.get('classname')}.{node.get('name')}"
            bad = node.find("failure") if node.find("failure") is not None else node.find("error")
            skipped = node.find("skipped")
            if bad is not None:
                why = (bad.get("message") or "").strip().splitlines()
                cases.append(Case(name, "not ok", f"{why[0] if why else 'failed'} ({short(log)})"))
            elif skipped is not None:
                output = (node.findtext("system-out") or "").strip().splitlines()
                why = output[-1] if output else skipped.get("message") or "no reason given"
                cases.append(Case(name, "skip", why))
            else:
                cases.append(Case(name, "ok", ""))
    if status and not any(case.verdict == "not ok" for case in cases):
        cases.append(Case("run", "not ok", f"status {status}: {last_line(log)} ({short(log)})"))
    if not cases:
        cases.append(Case("run", "not ok", f"found no tests ({short(log)})"))
    return cases


def run_ctest():
    log, report = LOGS / "ctest.log", LOGS / "ctest.xml"
    report.unlink(missing_ok=True)
    if not (BUILD / "CTestTestfile.cmake").exists():
        return [Case("run", "not ok", "nothing is built; run: make user")]
    status = run_logged(log, ["ctest", "--test-dir", str(BUILD), "-j2", "--output-on-failure",
                              "--output-junit", str(report)])
    return from_junit(report, status, log)


def run_pytest():
    log, report = LOGS / "pytest.log", LOGS / "pytest.xml"
    report.unlink(missing_ok=True)
    folders = [folder for folder in PYTHON_TESTS if list((TOP / folder).glob("test_*.py"))]
    status = run_logged(log, ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                              f"--junitxml={report}", *folders])
    return from_junit(report, status, log)


def run_selftest():
    """The testbed's test of itself: does each way to fail count as a failure?"""
    log = LOGS / "testbed.log"
    status = run_logged(log, ["testbed/selftest.sh"])
    cases = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        match = re.fullmatch(r"(ok|FAILED) +(.*)", line)
        if match:
            verdict = "ok" if match[1] == "ok" else "not ok"
            cases.append(Case(match[2], verdict, short(log)))
    if status and all(case.verdict == "ok" for case in cases) or not cases:
        cases.append(Case("run", "not ok", f"status {status}: {last_line(log)} ({short(log)})"))
    return cases


def run_lint(name):
    result = checks.run(name)
    log = LOGS / f"lint-{name}.log"
    log.write_text("".join(problem + "\n" for problem in result.problems), encoding="utf-8")
    if result.skipped:
        return [Case(name, "skip", result.skipped)]
    if result.problems:
        more = f" and {len(result.problems) - 1} more" if len(result.problems) > 1 else ""
        return [Case(name, "not ok", f"{result.problems[0]}{more} ({short(log)})")]
    if not result.checked:
        return [Case(name, "not ok", "looked at nothing")]
    return [Case(f"{name} ({result.checked} files)", "ok", "")]


def guest_files(kernel):
    """Programs and scripts a guest needs; those not built yet are missing."""
    files = {"/bin/abi_test": BUILD / "tests/abi/abi_test",
             "/bin/app_check": BUILD / "tracer/lib/tests/app_check",
             "/bin/app_events": BUILD / "docs/examples/app_events",
             "/bin/echo_client": BUILD / "docs/examples/echo_client",
             "/bin/echo_server": BUILD / "docs/examples/echo_server",
             "/bin/fault_walk": BUILD / "tests/abi/fault_walk",
             "/bin/hostile": BUILD / "tests/abi/hostile",
             "/bin/live_check": BUILD / "tracer/lib/tests/live_check",
             "/bin/packet_test": BUILD / "tests/packet/packet_test",
             "/bin/rpc_ledger": BUILD / "tests/abi/rpc_ledger",
             "/bin/rpcload": BUILD / "experiments/workload/rpcload",
             "/bin/stress_check": BUILD / "tracer/lib/tests/stress_check",
             "/bin/tcpdump": pathlib.Path("/usr/bin/tcpdump"),
             "/bin/ttdump": BUILD / "tracer/tools/ttdump",
             "/bin/tt_stress.ko": BUILD / f"kmod-{kernel}/src/tracer/kernel/tests/tt_stress.ko",
             "/tests/stress.sh": TOP / "tracer/kernel/tests/stress.sh",
             "/tests/case.sh": TOP / "tests/lib/case.sh"}
    m32 = BUILD / "tests/abi/abi_test_m32"  # where the compiler has the libraries for it
    if m32.exists():
        files["/bin/abi_test_m32"] = m32
    if SOAK_SECONDS:
        files["/tests/soak_seconds"] = BUILD / "soak_seconds"
        files["/tests/soak_seconds"].write_text(f"{SOAK_SECONDS}\n", encoding="utf-8")
    for script in (TOP / "tests/system").glob("*.sh"):
        files[f"/tests/{script.name}"] = script
    return files


def run_guest(guest, spec, scripts):
    """Boots once, runs @scripts in it; each is a suite of its own."""
    if scripts == [COVERAGE]:
        yield f"vm/{guest}/{COVERAGE}", [Case(COVERAGE, "skip", f"is of all vm/{guest} together")], 0
        return
    in_guest = [script for script in scripts if script != COVERAGE]
    out = LOGS / (f"vm-{guest}-{scripts[0]}" if spec.full else f"vm-{guest}")
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    first = f"vm/{guest}/{scripts[0]}"
    for step in ("kernel", "kmods"):
        log = LOGS / f"vm-{guest}-{step}.log"
        status = run_logged(log, ["testbed/vm", step, spec.kernel])
        why = last_line(log) if status else first_warning(log)
        if why:
            verdict = "skip" if spec.moves and KERNEL_GONE in why else "not ok"
            why = f"{why} ({short(log)})"
            yield first, [Case(f"{step} {spec.kernel}", verdict, why)], time.monotonic() - started
            return
    files = guest_files(spec.kernel)
    missing = [short(source) for source in files.values() if not source.exists()]
    if missing:
        yield first, [Case("programs", "not ok", f"not built: {' '.join(missing)}; run: make user")], 0
        return
    log = LOGS / f"{out.name}.log"
    status = run_logged(log, ["testbed/vm", "run", "--mode", spec.mode, "--kernel", spec.kernel,
                              "--cpus", str(spec.cpus),
                              "--timeout", str(spec.timeout + SOAK_SECONDS), "--out", str(out)]
                        + [word for target, source in files.items()
                           for word in ("--file", f"{source}:{target}")]
                        + ["tests/lib/suite.sh", *in_guest])
    for script in in_guest:
        cases = read_cases(out, script)
        if script == "pipeline" and (out / "pipeline.ttd").exists():
            cases += explain(out)
        if script == "capture" and (out / "capture.pcap").exists():
            cases += [Case(name, "not ok" if why else "ok", f"{why} ({short(out)}/capture.pcap)")
                      for name, why in dissection.problems(out)]
        if script == in_guest[-1]:
            why = f"{last_line(log)} ({short(log)}, {short(out)}/console.log)"
            cases.append(Case("guest", "not ok" if status else "ok", why))
        yield f"vm/{guest}/{script}", cases, script_seconds(out, script)
    if COVERAGE in scripts:
        yield (f"vm/{guest}/{COVERAGE}",
               measure_coverage(out, BUILD / f"kmod-{spec.kernel}/src/module",
                                whole=scripts == spec.scripts), 0)


def measure_coverage(out, objects, whole):
    """What the scripts of a guest ran of the module; judged only if all of them ran."""
    log = LOGS / "coverage.log"
    try:
        files = coverage.read(out / "gcov", objects)
    except (OSError, subprocess.CalledProcessError) as error:
        return [Case(COVERAGE, "not ok", f"gcov: {error}")]
    log.write_text(coverage.report(files), encoding="utf-8")
    NOTES.append(f"coverage {coverage.percent(files):.1f} % of the lines of module/ ({short(log)})")
    if not whole:
        return [Case(COVERAGE, "skip", "not all suites of the guest were called")]
    return [Case(name, "not ok" if why else "ok", f"{why} ({short(log)})")
            for name, why in coverage.problems(files)]


def explain(out):
    """The half of pipeline.sh that runs outside the guest."""
    return [Case(name, "not ok" if why else "ok", f"{why} ({short(out)}/attribution.log)")
            for name, why in attribution.problems(BUILD / "analyzers/homascope", out)]


def read_cases(out, script):
    """What the script wrote: lines "VERDICT NAME: WHY"."""
    cases = []
    path = out / f"{script}.cases"
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            match = re.fullmatch(r"(not ok|ok|skip) ([^:]+)(?:: (.*))?", line)
            if match:
                verdict, name, why = match.groups()
                cases.append(Case(name, verdict, f"{why} ({short(out)}/{script}.log)"))
    if not (out / f"{script}.done").exists():
        cases.append(Case(script, "not ok", "the guest ended before the script did"))
    elif not cases:
        cases.append(Case(script, "not ok", "no case was counted"))
    return cases


def script_seconds(out, script):
    """Guest time, as suite.sh noted it."""
    path = out / f"{script}.done"
    return float(path.read_text() or 0) if path.exists() else 0.0
