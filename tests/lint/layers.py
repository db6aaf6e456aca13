#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Do the #include lines follow the arrows of docs/architecture.md?

The arrows are read from that page: the folders' ("a ──> b, c") and, inside
module/ and analyzers/, the layers' ("a, b → c → d"). Prints each include that
goes against them.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = "docs/architecture.md"
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)
SOURCES = (".c", ".h", ".cc", ".cpp", ".hpp", ".def")

# Where the compilers look for the repository's own headers.
ROOTS = ["module", "module/uapi", "tracer/include", "tracer/lib", "tracer/kernel",
         "analyzers/src", "experiments/workload", "tests/abi"]

# A folder's tests and tools may use the folder they belong to.
OWN = {"module/tests": ["module", "module/uapi"],
       "tracer/kernel": ["tracer/include"],
       "tracer/tools": ["tracer/include", "tracer/lib"],
       "module": ["module/uapi"]}


def folder_arrows(page):
    """{folder: folders it may include}; "everything" allows all."""
    arrows = {}
    for source, targets in re.findall(r"([\w/]+) ──> ([\w/]+(?:, [\w/]+)*)", page):
        arrows.setdefault(source, set()).update(targets.split(", "))
    for source, targets in OWN.items():
        arrows.setdefault(source, set()).update(targets)
    return arrows


def layer_arrows(page, folder):
    """{name: names it may include}, closed over several steps."""
    match = re.search(rf"^{folder}: (.*?)(?=^\w+: |^```)", page, re.M | re.S)
    text = " ".join(match.group(1).split())
    edges, known = {}, set()
    for chain in text.split(";"):
        if "→" not in chain:
            continue
        groups = [[name.strip() for name in group.split(",")] for group in chain.split("→")]
        for above, below in zip(groups, groups[1:]):
            for name in above:
                edges.setdefault(name, set()).update(below)
        for group in groups:
            known.update(group)
            for name in group:
                edges.setdefault(name, set()).update(group)
    closed = {name: {name} for name in known}
    changed = True
    while changed:
        changed = False
        for name, reach in closed.items():
            more = set().union(*(edges[step] for step in reach)) | reach
            if more != reach:
                closed[name] = more
                changed = True
    return closed


def part_of(path, parts):
    """The most specific folder of the page that holds @path."""
    inside = [part for part in parts if path.startswith(part + "/")]
    return max(inside, key=len) if inside else path.split("/")[0]


def resolve(includer, name, files):
    for root in [str(pathlib.PurePosixPath(includer).parent)] + ROOTS:
        candidate = f"{root}/{name}"
        if candidate in files:
            return candidate
    return None


def module_layer(path):
    """Name in the picture: a strategy "pacer_fifo" stands where "pacer" does."""
    return pathlib.PurePosixPath(path).name.split(".")[0]


def layer_of(path):
    """(folder of the layers, name) of a layered file, or None."""
    words = path.split("/")
    if "_test." in path:
        return None  # a test may use helpers of any layer
    if words[0] == "module" and len(words) == 2:
        return "module", module_layer(path)
    if path.startswith("analyzers/src/") and len(words) == 4:
        return "analyzers", words[2]
    return None


def known_name(name, layers):
    """@name or the part before its last underscore that the page knows."""
    while name not in layers and "_" in name:
        name = name.rsplit("_", 1)[0]
    return name if name in layers else None


def problems(files):
    """(number of includes looked at, lines of text) for repository paths."""
    page = (TOP / PAGE).read_text(encoding="utf-8")
    folders = folder_arrows(page)
    layers = {folder: layer_arrows(page, folder) for folder in ("module", "analyzers")}
    parts = set(folders).union(*folders.values())
    everything = set(files)
    looked, found = 0, []
    for path in sorted(files):
        if not path.endswith(SOURCES):
            continue
        layer = layer_of(path)
        if layer and not known_name(layer[1], layers[layer[0]]):
            found.append(f"{path}: '{layer[1]}' is not drawn in {PAGE}")
        for name in INCLUDE.findall((TOP / path).read_text(encoding="utf-8", errors="replace")):
            target = resolve(path, name, everything)
            if not target:
                continue
            looked += 1
            source_part, target_part = part_of(path, parts), part_of(target, parts)
            allowed = folders.get(source_part, set())
            if source_part != target_part and target_part not in allowed \
                    and "everything" not in allowed:
                found.append(f"{path}: includes {target}: no arrow {source_part} ──> "
                             f"{target_part} in {PAGE}")
            other = layer_of(target)
            if not layer or not other or layer[0] != other[0]:
                continue
            names = layers[layer[0]]
            above, below = known_name(layer[1], names), known_name(other[1], names)
            if above and below and below not in names[above]:
                found.append(f"{path}: includes {target}: '{below}' lies above '{above}'")
    return looked, found


def main():
    import checks
    looked, found = problems(checks.files())
    print("\n".join(found + [f"layers: {looked} includes, {len(found)} against the arrows"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    sys.exit(main())
