"""Calls that ask what is ready: poll and epoll."""

from __future__ import annotations

from errno import EINVAL
from typing import Any

from ...core.const import MS
from ...sockets.epoll import Epoll
from ...sockets.errors import os_error
from .arguments import number
from .descriptors import Answer, Descriptors
from .errors import Mismatch
from .machine import Machine
from .structs import check_epoll_event, check_poll
from .symbols import SYMBOLS


class Waiting(Descriptors):
    """The calls, each with its arguments as arguments.py lets them through."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        # Per epoll and watched descriptor: what epoll_ctl gave as data.
        self._epoll_data: dict[tuple[int, int], tuple[str, int]] = {}

    def poll(self, a: list[Any]) -> Answer:
        """poll(2)."""
        wanted = [(entry, self.file(number(entry.get("fd", -1)))) for entry in a[0]]
        if a[1] != len(wanted):
            raise Mismatch(f"poll() of {a[1]} descriptors with an array of {len(wanted)}")
        waiting = Epoll(self.host)
        ready: list[int] = []
        try:
            for entry, _ in wanted:
                waiting.register(self.live_fd(entry.get("fd")), number(entry.get("events")))
            waiting.wait(a[2] * MS if a[2] >= 0 else -1, len(wanted))
            with self.host.lock:
                ready = [file.poll() for _, file in wanted]
        finally:
            waiting.close()
        found = check_poll([entry for entry, _ in wanted], ready)
        return Answer(sum(mask != 0 for mask in found.masks), after=lambda _: found.check())

    def epoll_create(self, a: list[Any]) -> Answer:
        """epoll_create(2), epoll_create1(2)."""
        return self._opened(Epoll(self.host))

    def epoll_ctl(self, a: list[Any]) -> Answer:
        """epoll_ctl(2)."""
        epoll = self._epoll(a[0])
        fd = self.live_fd(a[2])
        event = a[3]
        if event.get("fd", a[2]) != a[2]:
            raise Mismatch(f"epoll_ctl() is of descriptor {a[2]}, and its event of {event.get('fd')}")
        events = number(event.get("events")) & 0xFFFFFFFF
        if a[1] == SYMBOLS["EPOLL_CTL_DEL"]:
            epoll.unregister(fd)
            return Answer(0)
        if a[1] == SYMBOLS["EPOLL_CTL_ADD"]:
            epoll.register(fd, events)
        elif a[1] == SYMBOLS["EPOLL_CTL_MOD"]:
            epoll.modify(fd, events)
        else:
            raise os_error(EINVAL)
        name = next((n for n in event.names() if n in ("fd", "ptr", "u32", "u64")), "fd")
        self._epoll_data[self.live_fd(a[0]), fd] = (name, number(event.get(name, a[2])))
        return Answer(0)

    def epoll_wait(self, a: list[Any]) -> Answer:
        """epoll_wait(2), the first event of which is compared."""
        found = self._epoll(a[0]).wait(a[3] * MS if a[3] >= 0 else -1, a[2])

        def check(_: int) -> None:
            fd, events = found[0] if found else (-1, 0)
            check_epoll_event(a[1], events, self._epoll_data.get((self.live_fd(a[0]), fd)))

        return Answer(len(found), after=check)

    def _epoll(self, script_fd: int) -> Epoll:
        file = self.file(script_fd)
        if not isinstance(file, Epoll):
            raise os_error(EINVAL)
        return file
