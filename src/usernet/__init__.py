"""usernet: the network half of an operating system, as a Python library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _kernel as _kernel

if TYPE_CHECKING:
    import select as select
    import selectors as selectors
    import socket as socket
    import ssl as ssl

    from .compat.modules import new_event_loop as new_event_loop
    from .compat.patch import patch as patch
    from .compat.patch import unpatch as unpatch
    from .host import Host as Host
    from .host import Stack as Stack
    from .host import current_stack as current_stack
    from .host import default_host as default_host

__all__ = [
    "Host",
    "Stack",
    "current_stack",
    "default_host",
    "new_event_loop",
    "patch",
    "select",
    "selectors",
    "socket",
    "ssl",
    "unpatch",
]

# Where each public name lives; imported when first used, so that `import usernet` stays cheap.
_HOMES = {
    "Host": "host",
    "Stack": "host",
    "current_stack": "host",
    "default_host": "host",
    "new_event_loop": "compat.modules",
    "patch": "compat.patch",
    "unpatch": "compat.patch",
}
_MODULES = ("select", "selectors", "socket", "ssl")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = getattr(import_module(f"{__name__}.compat.modules"), f"{name}_module")()
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
