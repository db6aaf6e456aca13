# SPDX-License-Identifier: Apache-2.0
"""What the kernel developers' tools say of module/ and tracer/kernel.

Each check takes paths of sources and returns problems, one line each. The kernel
they need is the stock one, which is downloaded and not built. smatch is not
among them: Debian has no package of it.

They take a minute of CPU time, and most changes touch none of these files: what
was found to be clean is remembered in build/lint.
"""
import collections
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
KERNEL = "stock-6.12"
STAGE = TOP / f"build/kmod-{KERNEL}/src"

# What checkpatch would have otherwise, and why not.
CHECKPATCH_IGNORE = [
    "COMPLEX_MACRO", "BRACKET_SPACE", "MULTISTATEMENT_MACRO_USE_DO_WHILE", "TRAILING_SEMICOLON",
    "MACRO_ARG_UNUSED", "MACRO_ARG_REUSE", "MACRO_ARG_PRECEDENCE",  # lists written once: X-macros
    "SPDX_LICENSE_TAG",        # a check of our own, which knows the folders
    "LINUX_VERSION_CODE", "CONSTANT_COMPARISON",    # another; compat.h only
    "UNCOMMENTED_DEFINITION",  # kernel-doc describes the members
    "BIT_MACRO",               # 1 << n is a size here
    "DUPLICATED_SYSCTL_CONST",  # the limits in the list of settings have names
    "JIFFIES_COMPARISON",      # "once a jiffy" asks for equality
    "EMBEDDED_FUNCTION_NAME",  # takes the word "receive" for the function
    "CAMELCASE", "PREFER_DEFINED_ATTRIBUTE_MACRO",  # public headers are C for programs, too
]


def sources(paths):
    """Those of the two modules; what runs in user space is not kernel code."""
    return [path for path in paths if path.startswith(("module/", "tracer/kernel/"))
            and path.endswith((".c", ".h")) and "/tests/" not in path]


def compiled(paths):
    """All that can change what the compilers say."""
    return [path for path in paths if path.startswith(("module/", "tracer/"))]


def output(command, cwd=TOP):
    """(exit status, non-empty lines a tool prints)."""
    out = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return out.returncode, [line for line in (out.stdout + out.stderr).splitlines() if line.strip()]


def testbed(*words):
    """Lines of testbed/vm; RuntimeError with the first error, or the last of them, if it fails."""
    status, lines = output(["testbed/vm", *words])
    if status:
        error = next((line for line in lines if " error: " in line), lines[-1] if lines else status)
        raise RuntimeError(f"testbed/vm {' '.join(words)}: {error}")
    return lines


def scripts():
    """The kernel's scripts/, of $KERNEL_SOURCE if that is set."""
    if "KERNEL_SOURCE" in os.environ:
        return pathlib.Path(os.environ["KERNEL_SOURCE"]) / "scripts"
    return pathlib.Path(testbed("scripts")[-1])


def in_parallel(function, items):
    """Problems of all @items."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problems in pool.map(function, items) for problem in problems]


def checkpatch(files):
    command = ["perl", str(scripts() / "checkpatch.pl"), "--strict", "--no-tree", "--root=.", "--terse",
               "--show-types", "-q", "-f", "--ignore", ",".join(CHECKPATCH_IGNORE)]
    shares = [[TOP / path for path in files[i::2]] for i in range(2)]
    with tempfile.TemporaryDirectory() as away:  # it leaves a file where it runs
        (pathlib.Path(away) / "include").mkdir()
        lines = in_parallel(lambda share: output([*command, *share], away)[1], filter(None, shares))
    return [line.removeprefix(f"{TOP}/") for line in lines if not line.startswith("total:")]


def kernel_doc(files):
    return output(["perl", str(scripts() / "kernel-doc"), "-none", *files])[1]


def sparse(_files):
    """gcc with W=1 and sparse."""
    return [line for line in testbed("kmods", "--sparse", KERNEL)
            if re.search(":[0-9]+: (warning|error):", line)]


# Semantic patches left out: for device drivers or file systems only; minmax takes as long as ten
# others to say what style it would prefer; orplus takes a sum of sizes for one of bit masks.
COCCINELLE_IGNORE = {
    "d_find_alias", "device_attr_show", "platform_get_irq", "platform_no_drv_owner", "pm_runtime",
    "pool_zalloc-simple", "resource_size", "simple_open", "stream_open", "vma_pages", "clk_put",
    "devm_free", "iounmap", "pci_free_consistent", "put_device", "device_node_continue",
    "irqf_oneshot", "of_table", "minmax", "orplus"}


def coccinelle(files):
    def one(script):
        text = script.read_text(encoding="utf-8")
        if script.stem in COCCINELLE_IGNORE or "script:ocaml" in text:
            return []
        options = re.search(r"^/+ *Options: *(.*)$", text, re.M)
        _, lines = output(["spatch", "-D", "report", "--very-quiet", "--no-show-diff", "--cocci-file",
                           str(script), *(options.group(1).split() if options else []), *files])
        # The rest is about the script itself.
        return [line for line in lines if line.startswith(("module/", "tracer/"))]

    return in_parallel(one, sorted((scripts() / "coccinelle").rglob("*.cocci")))


# What kbuild tells gcc and clang does not know.
GCC_ONLY = ("-mfunction-return=", "-mindirect-branch", "-fconserve-stack", "-mrecord-mcount",
            "-ftrivial-auto-var-init", "-fno-allow-store-data-races", "-mpreferred-stack-boundary",
            "-mharden-sls", "-Wp,-MMD")


def clang_command(line):
    """Words of the check for the first line of a kbuild .cmd file, None if it compiles no C."""
    match = re.match(r"\S+ := +\S*gcc\S* (.* -c .*\.c) *$", line)
    if not match:
        return None
    words = [word for word in shlex.split(match.group(1)) if not word.startswith(GCC_ONLY)]
    at = words.index("-o")
    return ["clang", "-fsyntax-only", "-Wno-unknown-warning-option", *words[:at], *words[at + 2:]]


def clang(files):
    """clang's warnings for what kbuild had gcc compile: no stock kernel takes modules of clang."""
    testbed("kmods", KERNEL)
    headers = pathlib.Path(testbed("kernel", KERNEL)[-1]) / "headers"
    wanted = {str(STAGE / path) for path in sources(files)}
    commands = []
    for cmd in STAGE.rglob(".*.o.cmd"):
        command = clang_command(cmd.read_text(encoding="utf-8").split("\n", 1)[0])
        if command and command[-1] in wanted:
            commands.append(command)

    def one(command):
        status, lines = output(command, headers)
        ours = [line for line in lines
                if line.startswith(f"{STAGE}/") and re.search("warning:|error:", line)]
        if status and not ours:
            ours = lines[-1:]
        return [line.removeprefix(f"{STAGE}/") for line in ours]

    return in_parallel(one, commands)


# tool: the program it needs; inputs: of all paths, those it depends on; one_by_one: what it says of
# a file depends on that file alone.
Check = collections.namedtuple("Check", "function tool inputs one_by_one")

CHECKS = {"checkpatch": Check(checkpatch, "perl", sources, True),
          "kernel-doc": Check(kernel_doc, "perl", sources, True),
          "coccinelle": Check(coccinelle, "spatch", sources, True),
          "sparse": Check(sparse, "sparse", compiled, False),
          "clang": Check(clang, "clang", compiled, False)}


def digest(path):
    """Of a file and of the rules it was judged by."""
    return hashlib.sha256(pathlib.Path(__file__).read_bytes() + (TOP / path).read_bytes()).hexdigest()


def run(name, paths):
    """(files looked at, problems, "" or why it was skipped)."""
    check = CHECKS[name]
    if not shutil.which(check.tool):
        return 0, [], f"{check.tool} is not installed; run: make deps"
    files = check.inputs(paths)
    digests = {path: digest(path) for path in files}
    clean = TOP / "build/lint" / name
    known = clean.read_text(encoding="utf-8").split() if clean.exists() else []
    changed = [path for path in files if digests[path] not in known]
    if not changed:
        return len(files), [], ""
    try:
        problems = check.function(changed if check.one_by_one else files)
    except RuntimeError as failure:
        problems = [str(failure)]
    if not problems:
        clean.parent.mkdir(parents=True, exist_ok=True)
        clean.write_text("\n".join(digests.values()), encoding="utf-8")
    return len(files), problems, ""
