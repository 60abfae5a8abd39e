"""The drop-in modules have what the real ones have, and leave the real ones alone."""

from __future__ import annotations

import _socket
import asyncio
import select
import selectors
import socket
import ssl

import pytest

import usernet
from usernet.compat import modules, overlay

REAL = {module.__name__: dict(vars(module)) for module in (_socket, select, selectors, socket, ssl)}


@pytest.mark.parametrize("name", ["_socket", "select", "selectors", "socket", "ssl"])
def test_every_public_name_of_the_real_module_is_there(name: str) -> None:
    ours = modules.c_socket_module() if name == "_socket" else getattr(usernet, name)
    public = {item for item in REAL[name] if not item.startswith("__")}
    assert public <= set(vars(ours))


@pytest.mark.parametrize("name", ["_socket", "select", "socket"])
def test_constants_are_the_kernels(name: str) -> None:
    ours = vars(modules.c_socket_module() if name == "_socket" else getattr(usernet, name))
    numbers = {item: value for item, value in REAL[name].items() if isinstance(value, int)}
    assert numbers.pop("has_ipv6", True)
    assert {item: ours[item] for item in numbers} == numbers


def test_methods_of_the_socket_class_are_those_of_the_real_one() -> None:
    real = {name for name in dir(_socket.socket) if not name.startswith("__")}
    assert real <= set(dir(modules.c_socket_module().socket))


def test_loading_ours_changes_nothing_in_the_real_modules() -> None:
    modules.asyncio_modules()
    for module in (_socket, select, selectors, socket, ssl):
        now = {name: value for name, value in vars(module).items() if name in REAL[module.__name__]}
        assert now == REAL[module.__name__]


def test_constants_print_as_the_standard_librarys() -> None:
    assert usernet.socket.AF_INET == socket.AF_INET
    assert repr(usernet.socket.AF_INET) == repr(socket.AF_INET)


def test_classes_print_as_the_standard_librarys() -> None:
    assert str(usernet.socket.socket) == "<class 'socket.socket'>"
    assert str(usernet.ssl.SSLContext) == "<class 'ssl.SSLContext'>"


def test_errors_are_the_standard_librarys() -> None:
    assert usernet.socket.gaierror is socket.gaierror
    assert usernet.socket.timeout is TimeoutError
    assert usernet.ssl.SSLError is ssl.SSLError


def test_ssl_context_is_a_subclass_of_the_real_one() -> None:
    assert issubclass(usernet.ssl.SSLContext, ssl.SSLContext)
    assert isinstance(usernet.ssl.create_default_context(), ssl.SSLContext)


def test_select_and_poll_are_not_bound_as_methods() -> None:
    # SelectSelector and PollSelector keep them as class attributes.
    class Holder:
        select = usernet.select.select
        poll = usernet.select.poll

    assert Holder().select([], [], [], 0) == ([], [], [])
    assert Holder().poll().poll(0) == []


def test_poll_objects_cannot_be_made_but_by_poll() -> None:
    with pytest.raises(TypeError):
        type(usernet.select.poll())()


def test_ours_share_tasks_and_futures_with_asyncio() -> None:
    made = modules.asyncio_modules()
    assert made["asyncio.base_events"].tasks is asyncio.tasks
    assert made["asyncio.selector_events"].base_events is made["asyncio.base_events"]
    assert issubclass(made["asyncio.unix_events"].SelectorEventLoop, asyncio.AbstractEventLoop)


def test_a_view_shows_what_replaced_an_attribute_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    view = overlay.View(select, {"select": "ours"})
    assert view.select == "ours"
    monkeypatch.setattr(select, "select", "somebody else's")
    assert view.select == "somebody else's"
