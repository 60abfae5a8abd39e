"""patch(): every library of the process on our stack, as gevent does it.

The real modules are not changed: ``sys.modules`` leads to our modules from now on, and names that modules imported
earlier hold (``import socket``, ``from ssl import SSLContext``, ``_ServerSelector = selectors.PollSelector``) are
bound to ours. usernet itself and ``subprocess``, which waits for pipes only, keep the kernel's. What cannot be
reached that way is what was copied elsewhere before: into a closure, a default argument, a class attribute.
"""

from __future__ import annotations

import _socket
import asyncio
import fcntl
import os
import select
import selectors
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from ..host import current_stack, set_default_stack
from ..stack import NetStack
from . import modules, osfuncs, tls

# Modules that keep the kernel's.
KEPT = ("usernet", "subprocess")


class _Patch:
    """What was changed, as calls that change it back."""

    undo: list[Callable[[], None]] | None = None


def is_patched() -> bool:
    """True between patch() and unpatch()."""
    return _Patch.undo is not None


def patch(stack: NetStack | None = None) -> None:
    """Put the whole process on our stack: socket, select, selectors, ssl, asyncio and os functions on descriptors.

    ``stack`` becomes the stack of every thread that has not entered another one; without it the default stack stays.
    Call it early: sockets and event loops that exist keep what they have. A second call only changes the stack.
    """
    if stack is not None:
        set_default_stack(stack)
    if _Patch.undo is not None:
        return
    current_stack()  # its host opens descriptors, which should not turn up in the middle of a program
    pairs = _pairs()
    undo: list[Callable[[], None]] = []
    _Patch.undo = undo
    bound = _bindings(pairs)
    for name, (real, ours) in pairs.items():
        _set_module(name, ours, undo)
        bound[id(real)] = (real, ours)
    skipped = {id(module) for pair in pairs.values() for module in pair}
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and id(module) not in skipped and not _keeps(module):
            _rebind(module, bound, undo)
    for name, function in osfuncs.exports().items():
        _set(os, name, function, undo)
    _set(fcntl, "fcntl", osfuncs.fcntl, undo)
    _set(fcntl, "ioctl", osfuncs.ioctl, undo)
    # Contexts made before have the real class, which must take our sockets as well.
    _set(ssl.SSLContext, "sslsocket_class", modules.ssl_module().SSLSocket, undo)
    _set(ssl.SSLContext, "_wrap_socket", tls.wrap_socket, undo)
    _replace_policy(undo)
    # A loop on libuv would talk to the kernel behind our back; its users fall back to asyncio when it is missing.
    _set_module("uvloop", None, undo)


def unpatch() -> None:
    """Take patch() back, for tests. Modules imported meanwhile keep what they imported."""
    if _Patch.undo is None:
        return
    for step in reversed(_Patch.undo):
        step()
    _Patch.undo = None


def _pairs() -> dict[str, tuple[ModuleType, ModuleType]]:
    pairs = {
        "_socket": (_socket, modules.c_socket_module()),
        "select": (select, modules.select_module()),
        "selectors": (selectors, modules.selectors_module()),
        "socket": (socket, modules.socket_module()),
        "ssl": (ssl, modules.ssl_module()),
    }
    for name, ours in modules.asyncio_modules().items():
        pairs[name] = (sys.modules[name], ours)
    return pairs


def _bindings(pairs: dict[str, tuple[ModuleType, ModuleType]]) -> dict[int, tuple[Any, Any]]:
    """Every class and function of the real modules, by identity, with what takes its place."""
    bound: dict[int, tuple[Any, Any]] = {}
    for real, ours in pairs.values():
        # A public name is the better one for what has several (SelectorEventLoop, _UnixSelectorEventLoop).
        for name, value in sorted(vars(real).items(), key=lambda item: not item[0].startswith("_")):
            mine = vars(ours).get(name)
            if callable(value) and mine is not None and getattr(value, "__module__", None) in pairs:
                bound[id(value)] = (value, mine)
    return bound


def _keeps(module: ModuleType) -> bool:
    name = getattr(module, "__name__", None)
    return not isinstance(name, str) or name.partition(".")[0] in KEPT


def _rebind(module: ModuleType, bound: dict[int, tuple[Any, Any]], undo: list[Callable[[], None]]) -> None:
    for name, value in list(vars(module).items()):
        pair = bound.get(id(value))
        if pair is not None and pair[0] is value and not name.startswith("__"):
            _set(module, name, pair[1], undo)


def _set(owner: Any, name: str, value: Any, undo: list[Callable[[], None]]) -> None:
    missing = object()
    before = vars(owner).get(name, missing)
    setattr(owner, name, value)
    undo.append(lambda: delattr(owner, name) if before is missing else setattr(owner, name, before))


def _set_module(name: str, module: ModuleType | None, undo: list[Callable[[], None]]) -> None:
    before = sys.modules.get(name)
    sys.modules[name] = module  # type: ignore[assignment]

    def restore() -> None:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before

    undo.append(restore)


def _replace_policy(undo: list[Callable[[], None]]) -> None:
    """A policy that exists already makes loops of the real class: give the process one of ours."""
    real = sys.modules["asyncio.events"]
    policy = getattr(real, "_event_loop_policy", None)
    ours = modules.asyncio_modules()["asyncio.unix_events"]
    for name in _policies(ours):
        if policy is not None and type(policy).__name__ == name:
            _set(real, "_event_loop_policy", getattr(ours, name)(), undo)


def _policies(unix_events: ModuleType) -> Iterator[str]:
    base = asyncio.AbstractEventLoopPolicy if hasattr(asyncio, "AbstractEventLoopPolicy") else ()
    for name, value in vars(unix_events).items():
        if isinstance(value, type) and issubclass(value, base):
            yield name
