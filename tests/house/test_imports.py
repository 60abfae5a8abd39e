"""Floors import only floors above them; the engine touches no clock, descriptor or random source (DESIGN 2)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .tree import HEADERS, MODULES, PACKAGE, SRC, dotted, name_of, syntax

# A number per floor: a module may import its own floor's and smaller ones.
FLOORS = {
    "core": 0,
    "wire": 1,
    "link": 2,
    "ip": 3,
    "udp": 4,
    "tcp": 4,
    "raw": 4,
    "filter": 5,
    "stack": 6,
    "sockets": 7,
    "host": 8,
    "compat": 9,
    "gateway": 10,
    "lab": 11,
    "cli": 12,
    "testing": 13,
}
# The three transports know neither ip/ nor one another: they are handed a core.sender.Sender.
TRANSPORTS = ("udp", "tcp", "raw")
WORLDLY = {"os", "select", "selectors", "threading", "time", "asyncio", "random", "socket", "subprocess", "secrets"}
MAY_BE_WORLDLY = {"link", "host", "gateway", "lab", "compat", "cli", "testing"}
# Modules that stand in no room (`usernet` itself, `usernet.socket`, ...) are the faces: they may import everything, and
# may be imported from here down.
FACES_FROM = FLOORS["compat"]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def at_run_time(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports, those for the type checker left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        else:
            yield from at_run_time(child)


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Absolute names a module imports, each with its line."""
    package = dotted(path).split(".") if path.name == "__init__.py" else dotted(path).split(".")[:-1]
    for node in at_run_time(syntax(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
            continue
        base = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*base, *(node.module.split(".") if node.module else [])])
        for alias in node.names:
            yield f"{module}.{alias.name}", node.lineno


def test_every_room_has_its_floor() -> None:
    rooms = {room(path) for path in MODULES}
    face = {name for name in rooms if (PACKAGE / f"{name}.py").exists()} - FLOORS.keys()
    assert rooms - face <= FLOORS.keys()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_floor_imports_only_floors_above_it(path: Path) -> None:
    here = room(path)
    floor = FLOORS.get(here, max(FLOORS.values()))
    for name, line in imported(path):
        parts = name.split(".")
        if parts[0] != "usernet" or len(parts) < 2:
            continue
        there = parts[1]
        where = f"{path}:{line}: {here} imports {name}"
        assert FLOORS.get(there, FACES_FROM) <= floor, where
        if here in TRANSPORTS and there in FLOORS:
            assert there == here or FLOORS[there] < FLOORS["link"], where
        if there == "testing":
            assert here == "testing", where


def imported_by_name(path: Path) -> Iterator[str]:
    """Literal names given to import_module, which the test above does not see."""
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def test_only_the_verb_that_runs_scripts_loads_testing_and_only_when_used() -> None:
    """docs/design/0006-drill.md says why."""
    users = {name_of(path) for path in MODULES for name in imported_by_name(path) if name.startswith("usernet.testing")}
    assert users == {"cli/verbs/drill.py"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_edges_touch_the_world(path: Path) -> None:
    here = room(path)
    if here in MAY_BE_WORLDLY or here not in FLOORS:
        return
    for name, line in imported(path):
        assert name.split(".")[0] not in WORLDLY, f"{path}:{line}: {here} imports {name}"


TYPED_GLOBALS = re.compile(
    r"^cdef (?:unsigned |long |const )*(?:int|long|bint|double|Py_ssize_t|char|tuple|list|dict|bytes) ([^(\n]*)$", re.M
)


def typed_globals(header: Path) -> set[str]:
    """Module globals a header gives a C type: gone from Python once compiled."""
    return {name.strip() for names in TYPED_GLOBALS.findall(header.read_text()) for name in names.split(",")}


@pytest.mark.parametrize("header", HEADERS, ids=name_of)
def test_nobody_imports_a_typed_global(header: Path) -> None:
    hidden = {f"{dotted(header)}.{name}" for name in typed_globals(header)}
    users = [*MODULES, *sorted((SRC.parent / "tests").rglob("*.py"))]
    found = [
        f"{path.relative_to(SRC.parent)}:{line} imports {name}"
        for path in users
        for name, line in (imported(path) if path.is_relative_to(PACKAGE) else imported_by_a_test(path))
        if name in hidden
    ]
    assert found == []


def imported_by_a_test(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno
