"""The shape of the code: file length, docstrings, no state at module level, slots as the headers declare them."""

from __future__ import annotations

import ast
import importlib
import re
import types
from pathlib import Path

import pytest

from .tree import HEADERS, MODULES, PACKAGE, dotted, name_of, syntax

LONGEST = 600
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter", "WeakSet",
                 "WeakValueDictionary", "WeakKeyDictionary", "count", "cycle"}  # fmt: skip


@pytest.mark.parametrize("path", MODULES + HEADERS, ids=name_of)
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_one_sentence(path: Path) -> None:
    docstring = ast.get_docstring(syntax(path))
    assert docstring and docstring.splitlines()[0].rstrip().endswith((".", "?")), path


def public_definitions(node: ast.Module | ast.ClassDef) -> list[ast.ClassDef | ast.FunctionDef]:
    found: list[ast.ClassDef | ast.FunctionDef] = []
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            found.append(child)
            if isinstance(child, ast.ClassDef):
                found += public_definitions(child)
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_classes_say_what_they_are(path: Path) -> None:
    missing = [
        d.name for d in public_definitions(syntax(path)) if isinstance(d, ast.ClassDef) and not ast.get_docstring(d)
    ]
    assert missing == []


def is_constant_table(name: str) -> bool:
    return name.lstrip("_").isupper() or name.startswith("__")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_mutable_at_module_level(path: Path) -> None:
    """Tables in capitals are constants by convention; nobody may write to them."""
    tree = syntax(path)
    bad = []
    tables = set()
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        call = node.value.func if isinstance(node.value, ast.Call) else None
        called = call.id if isinstance(call, ast.Name) else call.attr if isinstance(call, ast.Attribute) else ""
        if isinstance(node.value, MUTABLE) or called in MUTABLE_CALLS:
            bad += [name for name in names if not is_constant_table(name)]
            tables |= set(names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            bad += [f"global {name}" for name in node.names]
        if isinstance(node, ast.FunctionDef):
            bad += [f"{node.name} writes {name}" for name in written(node) if name in tables]
    assert bad == []


def written(function: ast.FunctionDef) -> set[str]:
    """Names whose items a function assigns or deletes, or on which it calls a mutating method."""
    own = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {a.arg for a in function.args.args}
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            if isinstance(node.value, ast.Name):
                found.add(node.value.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            mutates = node.func.attr in ("append", "add", "update", "setdefault", "pop", "clear", "extend", "remove")
            if mutates and isinstance(node.func.value, ast.Name):
                found.add(node.func.value.id)
    return found - own


def header_classes(path: Path) -> dict[str, set[str]]:
    """Each cdef class of a header with the fields it declares, its methods left out."""
    classes: dict[str, set[str]] = {}
    fields: set[str] | None = None
    for raw in path.read_text().splitlines():
        line = raw.split("#")[0].rstrip()
        if line.startswith("cdef class "):
            name = line.removeprefix("cdef class ").split("(")[0].rstrip(":").strip()
            fields = classes.setdefault(name, set())
        elif line and not line.startswith((" ", "\t")):
            fields = None
        elif fields is not None and "(" not in line and line.strip().startswith("cdef "):
            line = re.sub(r"\[\w+\]", "", line)  # a C array is a slot like any other
            declared = line.strip().removeprefix("cdef ").removeprefix("public ").removeprefix("readonly ")
            first, *more = declared.split(",")
            fields |= {first.split()[-1].lstrip("*"), *(name.strip().lstrip("*") for name in more)}
    return classes


def slots_of(path: Path) -> dict[str, set[str]]:
    """Each class of a module with the __slots__ its source gives it."""
    found: dict[str, set[str]] = {}
    for node in syntax(path).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for item in node.body:
            target = item.targets[0] if isinstance(item, ast.Assign) else None
            if isinstance(target, ast.Name) and target.id == "__slots__" and isinstance(item, ast.Assign):
                value = ast.literal_eval(item.value)
                found[node.name] = {value} if isinstance(value, str) else set(value)
    return found


@pytest.mark.parametrize("header", HEADERS, ids=name_of)
def test_slots_are_what_the_header_declares(header: Path) -> None:
    source = header.with_suffix(".py")
    assert source.exists(), f"{header} stands beside no module"
    slots = slots_of(source)
    for name, fields in header_classes(header).items():
        assert name in slots, f"{dotted(source)}.{name} is compiled and has no __slots__"
        assert slots[name] - {"__weakref__", "__dict__"} == fields - {"__weakref__", "__dict__"}, (
            f"{dotted(source)}.{name}"
        )


@pytest.mark.parametrize("header", HEADERS, ids=name_of)
def test_compiled_descriptors_are_the_slots(header: Path, compiled: bool) -> None:
    if not compiled:
        pytest.skip("interpreted: there are no compiled descriptors")
    module = importlib.import_module(dotted(header))
    source = header.read_text()
    for name, slots in slots_of(header.with_suffix(".py")).items():
        if name not in header_classes(header):
            continue
        described = {
            key for key, value in vars(getattr(module, name)).items() if isinstance(value, types.GetSetDescriptorType)
        } - {"__dict__", "__weakref__"}
        # Fields declared without "public" have no descriptor, properties have one without a field.
        assert described <= slots | properties(header.with_suffix(".py"), name), f"{module.__name__}.{name}"
        public = {field for field in slots if any(_declares_public(line, field) for line in source.splitlines())}
        assert public & header_classes(header)[name] <= described | _hidden(source, name), f"{module.__name__}.{name}"


def properties(path: Path, name: str) -> set[str]:
    """Properties of a class."""
    return {
        item.name
        for node in syntax(path).body
        if isinstance(node, ast.ClassDef) and node.name == name
        for item in node.body
        if isinstance(item, ast.FunctionDef) and any(ast.unparse(d) == "property" for d in item.decorator_list)
    }


def _declares_public(line: str, field: str) -> bool:
    return line.strip().startswith("cdef public ") and field in line.replace(",", " ").split()


def _hidden(source: str, name: str) -> set[str]:
    """Fields one class of a header keeps from Python although another class shows one of that name."""
    hidden: set[str] = set()
    inside = False
    for line in source.splitlines():
        if line.startswith("cdef class "):
            inside = line.removeprefix("cdef class ").split("(")[0].rstrip(":").strip() == name
        elif inside and line.strip().startswith("cdef ") and "public" not in line and "(" not in line:
            hidden |= set(line.replace(",", " ").split()[1:])
    return hidden


def test_no_extension_lies_in_the_source_tree() -> None:
    assert list(PACKAGE.rglob("*.so")) == []
