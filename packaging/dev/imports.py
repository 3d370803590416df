#!/usr/bin/python3
"""Checks what the files of the crates import from each other: `make lint` runs it.

1. Directions: a room of `src/` imports only from the rooms that ROOMS allows it.
2. Circles: no files import each other in a loop. What a file takes from its direct parent module does
   not count, as that is where the parent says what its children share.

3. Style: one `use` for each crate, `crate`, `super` and `self` at the top of a file, nested, in one block.

Tests and what the fuzzers do may import what they like. Prints what is wrong, a line each, and then exits with 1.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What a file or folder at the top of `src/` may import from there, beside itself.
ROOMS = {
    "text": [],
    "exit": [],
    "wire": ["text"],
    "broker_uri": [],
    "files": [],
    "threads": [],
    "wall_clock": [],
    "mistakes": [],
    "lookup": ["threads"],
    "http_client": ["lookup"],
    "tls": ["files"],
    "amqp": ["broker_uri", "lookup", "text", "threads", "tls", "wire"],
    "client": ["amqp", "broker_uri", "text", "threads", "tls", "wall_clock", "wire"],
    "stub": ["amqp", "broker_uri", "text", "threads", "tls", "wall_clock", "wire"],
    "cli": ["client", "exit", "text", "wire"],
    "ctl": ["broker_uri", "cli", "client", "exit", "files", "http_client", "mistakes", "stub", "text", "threads", "tls", "wall_clock", "wire"],
    "daemon": ["amqp", "broker_uri", "cli", "exit", "files", "http_client", "lookup", "mistakes", "text", "threads", "tls", "wall_clock", "wire"],
}

TOKENS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|r(?P<hashes>\#*)"(?:.*?)"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\.|[^'\\])'""",
    re.DOTALL,
)
TESTS = re.compile(r"#\[cfg\((?:all\()?test\b")
USE = re.compile(r"^\s*(?P<shared>pub(?:\([^)]*\))?\s+)?use\s+(?P<tree>[^;]+);", re.MULTILINE)
PATH = re.compile(r"(?<!in )\b(?:crate|self|super)(?:::\w+)+")


def without_tests(text):
    """The text without comments, literals, and items that are only compiled for tests."""
    text = TOKENS.sub(" ", text)
    while found := TESTS.search(text):
        start = end = text.index("]", found.start()) + 1
        depth = 0
        while end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
            if depth == 0 and text[end - 1] in ";}":
                break
        text = text[: found.start()] + text[max(start, end) :]
    return text


def leaves(tree, prefix=()):
    """Each path of a use tree, with the name it gets here."""
    tree = tree.strip()
    if "{" in tree:
        head, _, inner = tree.partition("{")
        prefix += tuple(part for part in head.strip().split("::") if part)
        depth, item = 0, ""
        for character in inner[: inner.rindex("}")] + ",":
            if character == "," and depth == 0:
                if item.strip():
                    yield from leaves(item, prefix)
                item = ""
            else:
                depth += {"{": 1, "}": -1}.get(character, 0)
                item += character
        return
    path, _, name = tree.partition(" as ")
    path = prefix + tuple(path.strip().split("::"))
    if path[-1] == "self":
        path = path[:-1]
    yield path, (name.strip() or path[-1])


class Crate:
    """The modules of one crate: their files, what they share by `pub use`, what they import."""

    def __init__(self, source):
        self.files = {}
        for file in sorted(source.rglob("*.rs")):
            parts = file.relative_to(source).with_suffix("").parts
            if "tests" in parts or parts[0] in ("bin", "fuzzing"):
                continue
            module = parts[:-1] if parts[-1] in ("mod", "lib") else parts
            self.files[module] = file
        self.texts = {module: without_tests(file.read_text()) for module, file in self.files.items()}
        self.uses, self.shared = {}, {}
        for module, text in self.texts.items():
            paths = []
            for found in USE.finditer(text):
                for path, name in leaves(found["tree"]):
                    paths.append(path)
                    if found["shared"]:
                        self.shared[module, name] = path
            rest = USE.sub(" ", text)
            paths += [tuple(found.split("::")) for found in PATH.findall(rest)]
            # `child::item` without a use, where a child of this module has that name.
            for child in (other[-1] for other in self.files if other and other[:-1] == module):
                paths += [("self", child)] if re.search(rf"(?<![\w:]){child}::", rest) else []
            self.uses[module] = paths

    def module_of(self, module, path, depth=0):
        """The module whose file holds what a path of `module` names; None where it leaves the crate."""
        at, rest = list(module), list(path)
        if rest[0] == "crate":
            at, rest = [], rest[1:]
        elif rest[0] in ("self", "super"):
            while rest and rest[0] in ("self", "super"):
                at = at[:-1] if rest.pop(0) == "super" else at
        elif (*module, rest[0]) not in self.files and (module, rest[0]) not in self.shared:
            return None
        while rest:
            if (*at, rest[0]) in self.files:
                at.append(rest.pop(0))
            elif (tuple(at), rest[0]) in self.shared and depth < 8:
                shared = self.shared[tuple(at), rest[0]]
                return self.module_of(tuple(at), shared + tuple(rest[1:]), depth + 1) or tuple(at)
            else:
                break
        return tuple(at)

    def arrows(self):
        for module, paths in self.uses.items():
            for path in paths:
                target = self.module_of(module, path)
                if target is not None and target != module and target in self.files:
                    yield module, target

    def name(self, module):
        return str(self.files[module].relative_to(ROOT))


def wrong_directions(crate):
    for module, target in sorted(set(crate.arrows())):
        if not module or not target or module[0] == target[0]:
            continue  # lib.rs names all; what is at the top of the crate is everybody's
        if target[0] not in ROOMS.get(module[0], []):
            yield f"{crate.name(module)} imports {crate.name(target)}: {module[0]} must not"


def circles(crate):
    """The groups of files that reach each other (Tarjan's strongly connected components)."""
    graph = {module: set() for module in crate.files}
    for module, target in crate.arrows():
        if module and target != module[:-1]:
            graph[module].add(target)
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph[node]:
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(map(crate.name, group)))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def scattered_uses(crate):
    """Files that import from one root in more than one statement, which rustfmt does not see."""
    for module, text in crate.texts.items():
        top = re.split(r"^(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?(?:fn|struct|enum|const|static|impl|type|trait)\b", text, 1, re.M)[0]
        roots = [found["tree"].split("::")[0].strip() for found in USE.finditer(top) if not found["shared"]]
        for root in sorted({root for root in roots if roots.count(root) > 1}):
            yield f"{crate.name(module)} has more than one use of {root}; put them into one"


def main():
    main_crate = Crate(ROOT / "src")
    crates = [main_crate] + [Crate(source) for source in sorted(ROOT.glob("crates/*/src"))]
    wrong = list(wrong_directions(main_crate))
    for crate in crates:
        wrong += ["in a circle: " + ", ".join(group) for group in circles(crate)]
        wrong += scattered_uses(crate)
    for room in sorted({module[0] for module in main_crate.files if module} - set(ROOMS)):
        wrong.append(f"src/{room} is in no plan; see ROOMS in packaging/dev/imports.py")
    for line in wrong:
        print(f"imports: {line}")
    if wrong:
        sys.exit(1)
    files, arrows = sum(len(crate.files) for crate in crates), sum(len(set(crate.arrows())) for crate in crates)
    print(f"imports: {files} files, {arrows} arrows, no circle, no wrong direction")


main()
