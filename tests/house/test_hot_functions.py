"""A hot function whose C grows a Python-object call is noticed (DESIGN 5)."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from .tree import PACKAGE, ROOT


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cscan", ROOT / "tools" / "cscan.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cscan"] = module
    spec.loader.exec_module(module)
    return module


cscan = load()


@pytest.mark.parametrize(("dotted", "budget"), cscan.budgets().items(), ids=str)
def test_no_more_object_calls_than_budgeted(dotted: str, budget: int, compiled: bool) -> None:
    generated = cscan.c_file(dotted)
    if not compiled:
        pytest.skip("interpreted: no C to scan")
    if generated is None:
        pytest.skip("the C of this build was not kept under build/cython")
    source = PACKAGE / generated.relative_to(cscan.GENERATED).with_suffix(".py")
    if generated.stat().st_mtime < source.stat().st_mtime:
        pytest.skip("the C under build/cython is older than its source")
    found = cscan.calls(dotted)
    assert found is not None, f"no C function is {dotted} any more; correct tests/house/hot.txt"
    assert len(found) <= budget, f"{dotted} calls {found}"
