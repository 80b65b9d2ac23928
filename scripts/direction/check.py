"""Checks the direction of dependencies: between crates, and between the files of a crate. Started by
scripts/check-direction.

Crates: each depends only on crates of a lower layer (LAYERS). So protocols do not know each other, nor adapters, and
what all protocols share knows neither configuration nor exporters. Dependencies of tests do not count.

Files: a file imports another if it names that file's module, or an item in it, by a path through `crate::` or, between
siblings, `super::`. The item of a path is the file's whose module the path names, also if that re-exports it. A circle
is a set of files each of which imports the next. A child module that names its parent's items by `super::` does not
count, nor a parent that declares or re-exports a child by `self::` or a relative path; nor do tests.
"""

import json
import pathlib
import re
import subprocess
import sys

# The folders of the crates, bottom layer first.
LAYERS = [
    {"contract", "domain", "verify"},
    {"adapters/sql", "client", "conformance", "http", "jobs"},
    {"adapters/*", "dav", "rest", "tus", "web"},
    {"api", "cli"},
]

# The crates that have no runtime and do no I/O, and what none of their dependencies is.
PURE = ["domain", "conformance"]
IMPURE = re.compile(r"(tokio|diesel|actix|aws|reqwest|hyper|mio)([-_].*)?")

# The crates that leave configuration and exporters to the binary, and what none of their dependencies is.
UNCONFIGURED = ["http", "jobs"]
CONFIGURATION = re.compile(r"clap|dotenvy|metrics-exporter-.*|metrics-process|opentelemetry.*|tracing-(opentelemetry|subscriber)")
OF_THE_BINARY = re.compile(r"\b(config|telemetry|wiring)::")

MAX_API_LINES = 4500
MAX_MAIN_LINES = 40


def layer(folder):
    for number, crates in enumerate(LAYERS):
        if folder in crates:
            return number
    for number, crates in enumerate(LAYERS):
        if str(pathlib.PurePosixPath(folder).parent / "*") in crates:
            return number
    return None


# --- crates -----------------------------------------------------------------------------------------------------------


def packages(root):
    """The workspace's packages: from folders below `crates/` to packages."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    read = json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)
    base = pathlib.Path(read["workspace_root"]) / "crates"
    found = {}
    for package in read["packages"]:
        found[pathlib.Path(package["manifest_path"]).parent.relative_to(base).as_posix()] = package
    return found


def check_layers(crates):
    folders = {package["name"]: folder for folder, package in crates.items()}
    for folder, package in sorted(crates.items()):
        own = layer(folder)
        if own is None:
            yield f"{folder} has no layer: add it to LAYERS in scripts/direction/check.py"
            continue
        for needed in package["dependencies"]:
            other = folders.get(needed["name"])
            if other is None or needed["kind"] == "dev" or layer(other) is None:
                continue
            if layer(other) >= own:
                yield f"{folder} must not depend on {other}, which is of the same layer or a higher one"


def dependencies(root, package):
    """The names of all dependencies of a package."""
    command = ["cargo", "tree", "--package", package["name"], "--edges", "normal", "--target", "all"]
    command += ["--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {line.split()[0] for line in lines if line}


def check_dependencies(root, crates):
    rules = [(folder, IMPURE) for folder in PURE] + [(folder, CONFIGURATION) for folder in UNCONFIGURED]
    for folder, forbidden in rules:
        if folder not in crates:
            continue
        for name in sorted(filter(forbidden.fullmatch, dependencies(root, crates[folder]))):
            yield f"{folder} depends on {name}, which it must not know"


# --- sources ----------------------------------------------------------------------------------------------------------


def code_of(text):
    """The code of a file without comments, strings, characters and its tests."""
    tests = re.search(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod \w+ \{", text, re.M)
    text = text[: tests.start()] if tests else text
    return re.sub(r"""//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'""", "", text)


def sources(root, folder):
    """The code of a crate's files, without tests: from paths below `src` to code."""
    base = root / "crates" / folder / "src"
    found = {}
    for path in sorted(base.rglob("*.rs")):
        name = path.relative_to(base).as_posix()
        if not re.search(r"(^|/)tests(/|\.rs$)", name):
            found[name] = code_of(path.read_text())
    return found


def check_names(root, crates):
    adapters = [package["name"].replace("-", "_") for folder, package in crates.items() if folder.startswith("adapters/")]
    for folder in crates:
        if folder.startswith("adapters/"):
            continue
        for name, code in sources(root, folder).items():
            if folder == "api" and re.match(r"wiring(/|\.rs$)", name):
                continue
            for adapter in adapters + ["clouddrive_verify::sources"]:
                if re.search(rf"\b{adapter}\b", code):
                    yield f"only the wiring may name {adapter}: {folder}/src/{name}"
    for folder in UNCONFIGURED:
        for name, code in sources(root, folder).items() if folder in crates else ():
            for word in sorted({found[1] for found in OF_THE_BINARY.finditer(code)}):
                yield f"{folder} must not know the binary's {word}: {folder}/src/{name}"


def check_sizes(root):
    base = root / "crates/api/src"
    lines = {path: len(path.read_text().splitlines()) for path in base.rglob("*.rs")}
    if lines[base / "main.rs"] > MAX_MAIN_LINES:
        yield f"api/src/main.rs has {lines[base / 'main.rs']} lines, and at most {MAX_MAIN_LINES} are allowed"
    total = sum(lines.values())
    if total > MAX_API_LINES:
        yield f"api/src has {total} lines, and at most {MAX_API_LINES} are allowed"


# --- circles ----------------------------------------------------------------------------------------------------------


def module_of(name):
    """The module path of a file."""
    parts = name[: -len(".rs")].split("/")
    if parts[-1] in ("lib", "main", "mod"):
        parts.pop()
    return tuple(parts)


def flatten(tree, prefix=()):
    """The paths of a use tree."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    path = prefix + tuple(part.strip() for part in re.sub(r"\sas\s+\w+", "", head).split("::") if part.strip())
    if not brace:
        yield path
        return
    depth, item = 0, ""
    for char in rest[: rest.rindex("}")] + ",":
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if item.strip():
                yield from flatten(item, path)
            item = ""
        else:
            item += char


class Crate:
    def __init__(self, files):
        self.code = files
        self.modules = {module_of(name): name for name in files}

    def uses(self, name):
        for found in re.finditer(r"\buse\s([^;]+);", self.code[name]):
            yield from flatten(found[1])

    def absolute(self, module, path):
        """The path from the crate's root, and whether it went through `super` alone."""
        if path[0] == "crate":
            return path[1:], False
        if path[0] == "self":
            return module + path[1:], False
        if path[0] == "super":
            while path and path[0] == "super":
                module, path = module[:-1], path[1:]
            return module + path, True
        return None, False

    def file_of(self, path):
        """The file that a path leads to: its module's, or the parent's if that has a function of the module's name."""
        module = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in self.modules)
        parent = module[:-1]
        if module and module == path and parent in self.modules:
            if re.search(rf"\bfn\s+{re.escape(module[-1])}\b", self.code[self.modules[parent]]):
                return self.modules[parent]
        return self.modules[module]

    def imports(self, name):
        module = module_of(name)
        code = re.sub(r"pub\(in [^)]*\)", "pub", self.code[name])
        paths = set(self.uses(name))
        paths |= {tuple(found[0].split("::")) for found in re.finditer(r"\b(?:crate|super)(?:::\w+)+", code)}
        for path in paths:
            target, by_super = self.absolute(module, path)
            if target is None or path[0] == "self":
                continue
            file = self.file_of(target)
            above = module_of(file) == module[: len(module_of(file))]
            if file != name and not (by_super and above):
                yield file


def circles(graph):
    """The sets of more than one node that reach each other (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def check_circles(root, crates):
    for folder in sorted(crates):
        crate = Crate(sources(root, folder))
        graph = {name: sorted(set(crate.imports(name))) for name in crate.code}
        for group in circles(graph):
            yield f"{folder}/src: these files import each other: {', '.join(group)}"


def check(root):
    """All that is wrong."""
    crates = packages(root)
    yield from check_layers(crates)
    yield from check_dependencies(root, crates)
    yield from check_names(root, crates)
    yield from check_sizes(root)
    yield from check_circles(root, crates)


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    faults = list(check(pathlib.Path.cwd()))
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)
