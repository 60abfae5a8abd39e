"""What an asyncio loop of ours does beyond the standard one: the host's clock, the loop's stack in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from ..host import current_stack
from ..stack import NetStack, entered_stack


def over(unix_events: ModuleType) -> None:
    """Put our loop where an overlaid ``asyncio.unix_events`` has its own."""
    base = unix_events._UnixSelectorEventLoop
    loop = type("_UnixSelectorEventLoop", (_Additions, base), {"__module__": base.__module__, "__doc__": base.__doc__})
    for name, value in list(vars(unix_events).items()):
        if value is base:
            setattr(unix_events, name, loop)
        elif isinstance(value, type) and vars(value).get("_loop_factory") is base:
            value._loop_factory = loop  # type: ignore[attr-defined]


class _Additions:
    """Mixed in before the standard selector loop."""

    def __init__(self, selector: Any = None) -> None:
        self._stack = entered_stack()
        self._virtual_clock: Callable[[], int] | None = None
        host = current_stack().host
        if getattr(host, "mode", "live") == "sim":
            self._virtual_clock = host.now
        super().__init__(selector)  # type: ignore[call-arg]

    def time(self) -> float:
        """The host's clock, in seconds."""
        if self._virtual_clock is not None:
            return self._virtual_clock() / 1e9
        return super().time()  # type: ignore[misc,no-any-return]

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """As asyncio's, on the loop's stack: a worker thread has no context of its own."""
        if self._stack is not None and (executor is None or isinstance(executor, ThreadPoolExecutor)):
            return super().run_in_executor(executor, _call_on, self._stack, func, *args)  # type: ignore[misc]
        return super().run_in_executor(executor, func, *args)  # type: ignore[misc]


def _call_on(stack: NetStack, func: Callable[..., Any], *args: Any) -> Any:
    with stack:
        return func(*args)
