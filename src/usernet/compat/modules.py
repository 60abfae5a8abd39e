"""The drop-in modules: the standard library's own, on our ``_socket``, ``select`` and ``os`` (DESIGN section 4).

Each is built when first asked for, once.
"""

from __future__ import annotations

import _socket
import _ssl
import asyncio  # the real package is complete before parts of it are loaded again
import asyncio.trsock
import os
import select
from functools import cache
from types import ModuleType
from typing import Any

from . import functions, osfuncs, tls
from . import select as readiness
from ._socket import socket as _Socket
from .eventloop import over
from .fork import forget_after_fork
from .overlay import View, load, stand_in

# In the order of their imports; each is loaded over those before it.
ASYNCIO = tuple(f"asyncio.{name}" for name in ("trsock", "sslproto", "base_events", "selector_events", "unix_events"))

os.register_at_fork(after_in_child=forget_after_fork)


@cache
def c_socket_module() -> ModuleType:
    """``_socket``: every public name of the real one."""
    return stand_in(_socket, functions.exports() | {"socket": _Socket, "SocketType": _Socket})


@cache
def select_module() -> ModuleType:
    """``select``: select, poll and epoll over our descriptors and the kernel's."""
    return stand_in(select, readiness.exports())


@cache
def os_module() -> ModuleType:
    """``os``, whose functions on descriptors know ours; what the overlaid modules import."""
    return View(os, osfuncs.exports())


@cache
def selectors_module() -> ModuleType:
    """``selectors`` over our ``select``."""
    return load("selectors", {"select": select_module()})


@cache
def socket_module() -> ModuleType:
    """``socket`` over our ``_socket``."""
    modules = {"_socket": c_socket_module(), "selectors": selectors_module(), "os": os_module()}
    return load("socket", modules, alias="usernet.socket")


@cache
def ssl_module() -> ModuleType:
    """``ssl`` over our ``socket``; its SSLContext is a subclass of the real one and wraps sockets of any kind."""
    modules = {"socket": socket_module(), "_ssl": stand_in(_ssl, {"_SSLContext": tls._SSLContext})}
    module = load("ssl", modules, alias="usernet.ssl")
    tls.over(module)
    return module


@cache
def asyncio_modules() -> dict[str, ModuleType]:
    """The modules of asyncio that touch sockets, over ours; futures, tasks and events are shared with the real ones."""
    modules = {
        "os": os_module(),
        "select": select_module(),
        "selectors": selectors_module(),
        "socket": socket_module(),
        "ssl": ssl_module(),
    }
    made: dict[str, ModuleType] = {}
    for name in ASYNCIO:
        made[name] = load(name, modules | made)
    over(made["asyncio.unix_events"])
    return made


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An asyncio event loop on the current stack, whose ``time()`` is the host's clock.

    Use as ``asyncio.run(main(), loop_factory=usernet.new_event_loop)`` (3.12) or with ``asyncio.Runner``. Threads of
    its executor work on the stack that was current here.
    """
    loop: Any = asyncio_modules()["asyncio.unix_events"].SelectorEventLoop()
    return loop  # type: ignore[no-any-return]
