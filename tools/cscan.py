"""Counts the Python-object calls in the C of hot functions, against what each is allowed.

usage: cscan.py [--update]

tests/house/hot.txt lists the functions, one a line: dotted name below ``usernet`` and its budget. ``--update``
writes today's counts as the budgets; read the difference before committing it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "house" / "hot.txt"
GENERATED = ROOT / "build" / "cython" / "src" / "usernet"

# Calls that make, look up, compare or call Python objects. Reference counts, C casts and error exits are not here.
CALL = re.compile(
    r"\b("
    r"__Pyx_(?:PyObject|GetItem|SetItem|DelItem|GetAttr|SetAttr|GetSlice|PyNumber|PyLong|PyInt|PyDict|PySequence"
    r"|PyBytes|PyByteArray|PyUnicode|PyIndex|PyFloat|PyIter|PyMethod|PyVectorcall|CallUnbound|CallFunction|FastCall"
    r"|GetModuleGlobalName|GetBuiltinName|_GetModuleGlobalName|IterNext|IterFinish|PyEval|PyType_Ready|Import)\w*"
    r"|Py(?:Object|Number|Long|Dict|Sequence|MemoryView|Slice|Float|Iter|Bytes|ByteArray|Tuple|Set|Unicode|List)_"
    r"(?!GET_|SET_|MALLOC|Malloc|Free|GC_|AS_STRING|AsString|Check)\w+"
    r")\s*\("
)
# Inlined by Cython to a few instructions, or a plain C read.
CHEAP = re.compile(
    r"__Pyx_(PyBytes_AsUString|PyByteArray_AsUString|PyBytes_AsWritableUString|PyObject_AsUString"
    r"|PyObject_AsWritableUString|PyByteArray_GET_SIZE|PyBytes_GET_SIZE|PyList_GET_SIZE|PyTuple_GET_SIZE"
    r"|PyObject_IsTrue|PyList_Append|PyList_Pop\w*|PyObject_Append|PyDict_GET_SIZE)\b"
)


def mangled(dotted: str) -> list[str]:
    """C names a function may have: a cdef or cpdef one (__pyx_f_), else the body of a def (__pyx_pf_)."""
    parts = ["usernet", *dotted.split(".")]
    tail = "".join(f"_{len(part)}{part}" for part in parts[:-1]).removeprefix("_")
    number = r"\d*"
    return [rf"__pyx_f_{tail}_{parts[-1]}", rf"__pyx_pf_{tail}_{number}{parts[-1]}"]


def body(c_source: str, dotted: str) -> str | None:
    """The C of one function, without the prologue that looks for an override in Python."""
    for name in mangled(dotted):
        match = re.search(rf"^(?:static|CYTHON_INLINE)[^\n;]*\b{name}\([^;{{]*\) \{{\n(.*?)^\}}", c_source, re.M | re.S)
        if match:
            text = re.sub(r"/\* Check if called by wrapper \*/.*?\n  \}\n(?=\n)", "", match.group(1), flags=re.S)
            return re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return None


def c_file(dotted: str) -> Path | None:
    """The generated C of the module a dotted function lives in."""
    parts = dotted.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        path = GENERATED.joinpath(*parts[:depth]).with_suffix(".c")
        if path.exists():
            return path
    return None


def calls(dotted: str) -> list[str] | None:
    """Python-object calls of a hot function, in order; None when there is no such C function."""
    path = c_file(dotted)
    text = body(path.read_text(), dotted) if path else None
    if text is None:
        return None
    return [name for name in CALL.findall(text) if not CHEAP.match(name)]


def budgets() -> dict[str, int]:
    """The list: each hot function's dotted name and its budget."""
    lines = (line.split("#")[0].split() for line in LIST.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if words}


def main() -> int:
    """Print every hot function's count; 1 when one is over its budget or gone."""
    status = 0
    found = {}
    for dotted, budget in budgets().items():
        names = calls(dotted)
        if names is None:
            print(f"{dotted}: not compiled")
            status = 1
            continue
        found[dotted] = len(names)
        over = len(names) > budget
        status |= over
        print(f"{'OVER ' if over else ''}{dotted}: {len(names)} of {budget} {' '.join(sorted(set(names)))}")
    if "--update" in sys.argv[1:]:
        head = [line for line in LIST.read_text().splitlines() if line.startswith("#")]
        LIST.write_text("\n".join([*head, *(f"{name} {count}" for name, count in found.items())]) + "\n")
        return 0
    return status


if __name__ == "__main__":
    raise SystemExit(main())
