# SPDX-License-Identifier: Apache-2.0
"""The lint checks. Each looks at the files git knows and returns a Result."""
import collections
import functools
import pathlib
import re
import shutil
import subprocess

import kernel
import layers

TOP = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES = 800

# checked: files looked at; problems: one line each; skipped: why not, or "".
Result = collections.namedtuple("Result", "checked problems skipped", defaults=[""])

CODE = (".c", ".h", ".cc", ".cpp", ".py", ".sh", ".def", ".lua", ".toml", ".cmake")

# What no file of the repository may name: places of one machine only.
MACHINE_PATHS = re.compile("|".join(["/" + "work/[a-z]", "/tmp/" + "k/", "/tmp/" + "brief"]))


def files():
    """Paths of all files git tracks or would track, that exist."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, check=True,
                         capture_output=True, text=True).stdout
    return [path for path in out.splitlines() if (TOP / path).is_file()]


def text(path):
    return (TOP / path).read_text(encoding="utf-8", errors="replace")


def first_line(path):
    with open(TOP / path, "rb") as f:
        return f.readline(200)


def interpreter(path):
    """The program a script is for, or ""."""
    line = first_line(path)
    match = re.match(rb"#!.*?(\w+)\s*$", line)
    return match.group(1).decode() if match else ""


def is_shell(path):
    return path.endswith(".sh") or interpreter(path) in ("sh", "bash")


def is_python(path):
    return path.endswith(".py") or interpreter(path) == "python3"


def is_source(path):
    name = pathlib.PurePosixPath(path).name
    return (path.endswith(CODE) or interpreter(path) or name in ("Kbuild", "Makefile")
            or name == "CMakeLists.txt") and "/testdata/" not in path


def licence_of(path):
    """What the SPDX line of @path must be."""
    if path.startswith("module/uapi/") or path.startswith("tracer/include/"):
        return ("GPL-2.0-only OR Apache-2.0",
                "GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0", "Apache-2.0",
                "GPL-2.0-only")
    if path.startswith(("module/", "tracer/kernel/")) or path == "Kbuild":
        if "/tests/" in path or path.endswith((".sh", ".py")):  # these run in user space
            return ("Apache-2.0", "GPL-2.0-only")
        return ("GPL-2.0-only", "GPL-2.0-only OR Apache-2.0")
    return ("Apache-2.0", "GPL-2.0-only OR Apache-2.0")


def check_spdx(sources):
    problems = []
    for path in sources:
        head = "\n".join(text(path).splitlines()[:3])
        match = re.search(r"SPDX-License-Identifier: (.*?)\s*(?:\*/)?$", head, re.M)
        if not match:
            problems.append(f"{path}: no SPDX-License-Identifier in the first lines")
        elif match.group(1) not in licence_of(path):
            problems.append(f"{path}: licence '{match.group(1)}', expected {licence_of(path)[0]}")
    return Result(len(sources), problems)


def check_lines(sources):
    counts = {path: len(text(path).splitlines()) for path in sources}
    return Result(len(sources), [f"{path}: {count} lines, at most {MAX_LINES}"
                                 for path, count in counts.items() if count > MAX_LINES])


def check_versions(sources):
    kernel = [path for path in sources if path.startswith(("module/", "tracer/kernel/"))
              and path.endswith((".c", ".h"))]
    return Result(len(kernel), [f"{path}: kernel version test; it belongs into compat.h"
                                for path in kernel if "compat" not in path
                                and re.search(r"LINUX_VERSION_CODE|KERNEL_VERSION\(", text(path))])


def check_paths(sources):
    documents = [path for path in files() if path.endswith(".md")]
    problems = []
    for path in sources + documents:
        for number, line in enumerate(text(path).splitlines(), 1):
            match = MACHINE_PATHS.search(line)
            if match:
                problems.append(f"{path}:{number}: path of one machine: {match.group(0)}")
    return Result(len(sources) + len(documents), problems)


def check_layers(_sources):
    return Result(*layers.problems(files()))


def tool_output(command):
    """Non-empty lines a checker prints."""
    return kernel.output(command)[1]


def check_shellcheck(sources):
    if not shutil.which("shellcheck"):
        return Result(0, [], "shellcheck is not installed; run: make deps")
    scripts = [path for path in sources if is_shell(path)]
    # Files that source each other look unused or unknown one by one; empty assignments and
    # commas in arguments are meant.
    exclude = "SC1007,SC1090,SC1091,SC2034,SC2054,SC2154,SC2187"
    return Result(len(scripts), tool_output(["shellcheck", "--severity=warning", "--format=gcc",
                                             f"--exclude={exclude}", *scripts]))


def check_flake8(sources):
    scripts = [path for path in sources if is_python(path)]
    if subprocess.run(["/usr/bin/python3", "-m", "flake8", "--version"], check=False,
                      capture_output=True).returncode:
        return Result(0, [], "flake8 is not installed; run: make deps")
    return Result(len(scripts), tool_output(["/usr/bin/python3", "-m", "flake8",
                                             "--max-line-length=110", *scripts]))


def check_man(_sources):
    """mandoc knows the rules of manual pages, groff whether they can be typeset."""
    pages = [path for path in files() if path.startswith("docs/man/")]
    if not shutil.which("mandoc") or not shutil.which("groff"):
        return Result(0, [], "mandoc or groff is not installed; run: make deps")
    problems = tool_output(["mandoc", "-T", "lint", "-W", "warning", *pages])
    for page in pages:
        out = subprocess.run(["groff", "-ww", "-mandoc", "-T", "utf8", page], cwd=TOP,
                             capture_output=True, text=True, check=False)
        problems += out.stderr.splitlines()
        if "SPDX-License-Identifier: Apache-2.0" not in text(page).splitlines()[0]:
            problems.append(f"{page}: no SPDX-License-Identifier in the first line")
    return Result(len(pages), problems)


def check_kernel(name, sources):
    return Result(*kernel.run(name, sources))


CHECKS = {"layers": check_layers, "spdx": check_spdx, "lines": check_lines,
          "versions": check_versions, "paths": check_paths, "shellcheck": check_shellcheck,
          "flake8": check_flake8, "man": check_man,
          **{name: functools.partial(check_kernel, name) for name in kernel.CHECKS}}


def run(name):
    return CHECKS[name]([path for path in files() if is_source(path)])
