"""Each public name has one home and a docstring; the faces list what they have."""

from __future__ import annotations

import inspect
import types

import pytest

import usernet

NAMES = sorted(usernet.__all__)


def test_all_is_sorted_and_listed_by_dir() -> None:
    assert list(usernet.__all__) == sorted(set(usernet.__all__))
    assert set(usernet.__all__) <= set(dir(usernet))


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_there_and_says_what_it_is(name: str) -> None:
    thing = getattr(usernet, name)
    assert inspect.getdoc(thing), f"usernet.{name} has no docstring"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_one_home(name: str) -> None:
    thing = getattr(usernet, name)
    if isinstance(thing, types.ModuleType):
        # The standard library's own text over our C modules: known under its public name.
        assert thing.__name__ in (f"usernet.{name}", name)
    else:
        home = thing.__module__
        assert home.startswith("usernet.")
        assert getattr(__import__(home, fromlist=["_"]), thing.__name__) is thing


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        usernet.nonsense  # noqa: B018
