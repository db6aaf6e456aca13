# SPDX-License-Identifier: Apache-2.0
"""Which lines of the module did the tests run?"""
import collections
import json
import os
import pathlib
import shutil
import subprocess

LEAST_PERCENT = 85
# Where packets from the network are taken apart.
HANDLERS = {"incoming.c": None, "wire.c": None, "gro.c": None, "resend.c": None,
            "peer.c": {"homa_icmp"},
            "plumbing.c": {"icmp_error", "homa_v4_err", "icmpv6_error", "homa_v6_err"}}

# lines: number to count; functions: name to (first line, last line)
File = collections.namedtuple("File", "lines functions")


def read(counters, objects, folder="module"):
    """Files of @folder by name, from the .gcda files in @counters and the .gcno files in @objects."""
    files = {}
    for counts in sorted(counters.glob("*.gcda")):
        shutil.copy(objects / f"{counts.stem}.gcno", counters)
        run = subprocess.run(["gcov", "--json-format", "--stdout", counts.name], cwd=counters,
                             capture_output=True, text=True, check=True)
        for entry in json.loads(run.stdout)["files"]:
            merge(files, entry, folder)
    return files


def merge(files, entry, folder):
    """Adds what gcov says of a source; headers are part of several objects."""
    path = pathlib.PurePath(os.path.normpath(entry["file"]))
    if path.parent.name != folder:
        return
    file = files.setdefault(path.name, File(collections.Counter(), {}))
    for line in entry["lines"]:
        file.lines[line["line_number"]] += line["count"]
    for function in entry["functions"]:
        file.functions[function["name"]] = (function["start_line"], function["end_line"])


def percent(files):
    lines = [count for file in files.values() for count in file.lines.values()]
    return 100 * sum(count > 0 for count in lines) / len(lines) if lines else 0


def function_of(file, line):
    return next((name for name, (first, last) in file.functions.items() if first <= line <= last), "")


def uncovered(files):
    """Yields (file, function, line) of each line that never ran."""
    for name, file in sorted(files.items()):
        for line, count in sorted(file.lines.items()):
            if not count:
                yield name, function_of(file, line), line


def in_handler(name, function):
    return name in HANDLERS and (HANDLERS[name] is None or function in HANDLERS[name])


def report(files):
    """The text for the log: files, then what is missing, function by function."""
    text = [f"{percent({name: file}):6.1f} % of {len(file.lines):4} lines  {name}"
            for name, file in sorted(files.items())]
    missing = collections.defaultdict(list)
    for name, function, line in uncovered(files):
        missing[name, function].append(str(line))
    return "\n".join(text + [f"not run: {name}: {function}: {' '.join(lines)}"
                             for (name, function), lines in missing.items()]) + "\n"


def missed_in_handlers(files):
    """Lines of a packet's way in that never ran, as "file:line"."""
    return [f"{name}:{line}" for name, function, line in uncovered(files)
            if in_handler(name, function)]


def problems(files):
    """Yields (case, "" or what is wrong)."""
    share = percent(files)
    yield f"module lines >= {LEAST_PERCENT} %", "" if share >= LEAST_PERCENT else f"{share:.1f} %"
    missed = missed_in_handlers(files)
    yield "every line of packet handlers", f"did not run: {' '.join(missed)}" if missed else ""
