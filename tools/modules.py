#!/usr/bin/env python3
"""The structure of src: which module uses which, no circle, and no arrow that runs back up.

    tools/modules.py           says what is wrong, status 1 if anything is
    tools/modules.py --list    every module, and those that it uses

Read from `use` and paths that begin with crate, super or self, tests apart. A name that a module
only passes on (`pub use`) counts for the module that has it.
"""

import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"

# From the ground up: a module may use those of earlier lines, and none of its own line or a later one.
LAYERS = """
hello os loader
protected
panic_guard map socket_filter local_address
service stats
openssl
probes ctx_driver ssl_driver
reply after_drop
listen
datagram listener
abi load
""".split("\n")

PATH = re.compile(r"\b(crate|super|self)((?:::(?:super|\w+))+)(?:::\{)?")


LITERAL = re.compile(r"""//[^\n]*|r#".*?"#|"(?:\\.|[^"\\])*"|'(?:\\[^']+|[^'\\])'""", re.DOTALL)
TEST = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?\w+[^{;]*")


def without_tests(text):
    """The code alone: no comments, no literals, no items for tests."""
    text = LITERAL.sub("0", text)
    while found := TEST.search(text):
        end = found.end()
        depth = 1 if text[end] == "{" else 0
        while depth:
            end += 1
            depth += {"{": 1, "}": -1}.get(text[end], 0)
        text = text[: found.start()] + text[end + 1 :]
    return text


def name_of(file):
    parts = file.relative_to(SRC).with_suffix("").parts
    if parts[-1] in ("mod", "lib"):
        parts = parts[:-1]
    return "::".join(parts)


def split_list(text):
    """The parts of `a, b::{c, d}, e`."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    return [part.strip() for part in [*parts, text[begin:]] if part.strip()]


def leaves(tree, before=()):
    """Each path of a use tree, as a tuple of its names, and the name that it gets."""
    head, brace, rest = tree.partition("::{")
    if brace:
        for part in split_list(rest.rsplit("}", 1)[0]):
            yield from leaves(part, (*before, *head.split("::")))
        return
    path, _, alias = tree.partition(" as ")
    names = tuple(path.strip().split("::"))
    if names == ("self",):
        names = ()
    whole = (*before, *names)
    yield whole, alias.strip() or whole[-1]


class Modules:
    def __init__(self, files):
        self.text = {name_of(file): without_tests(file.read_text()) for file in files}
        self.uses = {name: [] for name in self.text}  # (path, name, is it passed on?)
        for module, text in self.text.items():
            for found in re.finditer(r"(pub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);", text):
                tree = re.sub(r"\s+", " ", found[2])
                self.uses[module] += [(path, name, bool(found[1])) for path, name in leaves(tree)]

    def absolute(self, module, path):
        """From the crate's root, or none: another crate's."""
        here = module.split("::") if module else []
        if path[0] == "crate":
            return list(path[1:])
        if path[0] in ("self", "super"):
            rest = list(path)
            while rest and rest[0] in ("self", "super"):
                if rest.pop(0) == "super":
                    here = here[:-1]
            return here + rest
        child = "::".join([*here, path[0]])
        return here + list(path) if child in self.text else None

    def owner(self, path, seen=()):
        """The module that has what the path names."""
        for n in range(len(path), -1, -1):
            module = "::".join(path[:n])
            if module in self.text:
                break
        if n == len(path) or (module, path[n]) in seen:
            return module
        for used, name, passed_on in self.uses[module]:
            target = self.absolute(module, used)
            if passed_on and target is not None and name in (path[n], "*"):
                return self.owner([*target, *path[n + 1 :]], (*seen, (module, path[n])))
        return module

    def graph(self):
        arrows = {}
        for module, text in self.text.items():
            paths = [used for used, _, passed_on in self.uses[module] if not passed_on]
            body = re.sub(r"\buse\s+[^;]+;", "", text)
            paths += [(found[1], *found[2].split("::")[1:]) for found in PATH.finditer(body)]
            owners = {self.owner(target) for target in (self.absolute(module, path) for path in paths) if target}
            arrows[module] = sorted(owner for owner in owners - {module, ""} if not module.startswith(owner + "::"))
        return arrows


def sources():
    return sorted(
        file for file in SRC.rglob("*.rs") if not re.search(r"(^|/|_)tests(/|\.rs$)", str(file.relative_to(SRC)))
    )


def circles(arrows):
    """Groups of modules that reach each other."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in arrows[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = []
            while not group or group[-1] != module:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for module in arrows:
        if module not in index:
            visit(module)
    return found


def main():
    arrows = Modules(sources()).graph()
    if "--list" in sys.argv:
        for module, others in arrows.items():
            print(f"{module or 'lib'}: {' '.join(others)}")
        return 0
    level = {name: n for n, line in enumerate(LAYERS) for name in line.split()}
    wrong = [f"a circle: {' '.join(group)}" for group in circles(arrows)]
    for module, others in arrows.items():
        top = module.split("::")[0]
        for other in others:
            below = other.split("::")[0]
            if top and top != below and level.get(below, 99) >= level.get(top, 99):
                wrong.append(f"an arrow back up: {module} uses {other}")
    print("\n".join(wrong) or f"modules: {len(arrows)} modules, no circle, no arrow back up")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
