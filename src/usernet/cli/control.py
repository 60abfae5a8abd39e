"""The control socket of a running host: one JSON object a line asks, one or more answer.

A request is ``{"verb": "ss", "stack": "web", ...}``; an answer is ``{"data": ...}`` or ``{"error": {...}}``, and a
stream (ping) is any number of ``{"item": ...}`` before it. The server is a daemon thread for each client and never
blocks the host: it holds the host's lock only while it collects. Its sockets are the kernel's, whatever is patched.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._kernel import socket as kernel
from . import collect, paths

if TYPE_CHECKING:
    from ..host import Host

Request = dict[str, Any]

MAX_REQUEST = 16 << 10
MAX_CLIENTS = 16
TIMEOUT_S = 10.0


class ControlServer:
    """Answers for one host until closed. ``facts`` are added to what ``info`` tells (the device URL, the capture)."""

    def __init__(self, host: Host, facts: dict[str, Any]) -> None:
        self._host = host
        self.facts = facts
        self._pid = os.getpid()
        self._slots = threading.BoundedSemaphore(MAX_CLIENTS)
        self.path: Path = paths.socket_path(self._pid)
        paths.make_private(self.path.parent)
        paths.live_pids()  # which sweeps away what dead processes left
        # A socket of this name is left from a dead process that had our pid.
        self.path.unlink(missing_ok=True)
        self._listener = kernel.socket(kernel.AF_UNIX, kernel.SOCK_STREAM)
        try:
            self._listen()
        except OSError:
            self._listener.close()
            raise
        threading.Thread(target=self._accept, name="usernet-control", daemon=True).start()

    def _listen(self) -> None:
        # Bound under a private name first, so that nobody meets the socket with another mode than 0600.
        hidden = self.path.with_suffix(".new")
        hidden.unlink(missing_ok=True)
        self._listener.bind(os.fspath(hidden))
        hidden.chmod(0o600)
        self._listener.listen(MAX_CLIENTS)
        hidden.rename(self.path)

    def close(self) -> None:
        """Stop answering and remove the socket; in a forked child the parent's stays."""
        if os.getpid() == self._pid:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._listener.shutdown(kernel.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if _peer_uid(client) not in (0, os.getuid()) or not self._slots.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), name="usernet-control", daemon=True).start()

    def _serve(self, client: kernel.socket) -> None:
        try:
            client.settimeout(TIMEOUT_S)
            for request in _requests(client):
                self._answer(client, request)
        except OSError:
            pass  # the client left, or did not read
        finally:
            client.close()
            self._slots.release()

    def _answer(self, client: kernel.socket, request: object) -> None:
        try:
            if not isinstance(request, dict):
                raise OSError(errno.EINVAL, "a request is a JSON object on one line")
            for answer in self._handle(request):
                _write(client, answer)
        except (BrokenPipeError, ConnectionError, TimeoutError):
            raise
        except OSError as error:
            _write(client, {"error": {"errno": error.errno or errno.EIO, "message": error.strerror or str(error)}})
        except (TypeError, ValueError, KeyError) as error:
            _write(client, {"error": {"errno": errno.EINVAL, "message": f"bad request: {error!r}"}})

    def _handle(self, request: Request) -> Iterator[dict[str, Any]]:
        verb = request.get("verb")
        if verb == "info":
            yield {"data": {**collect.info(self._host), **self.facts}}
            return
        if verb == "drops":
            with self._host.lock:
                found = collect.drops(self._host)
            yield {"data": found}
            return
        stack = collect.find_stack(self._host, request.get("stack") or self.facts.get("stack"))
        if verb == "ping":
            from .echo import echo

            for item in echo(stack, request):
                yield {"item": item}
            yield {"data": None}
            return
        answer: Callable[[Any, Request], Any] | None = collect.VERBS.get(str(verb))
        if answer is None:
            raise OSError(errno.ENOSYS, f"this process does not know {verb!r}")
        with self._host.lock:
            data = answer(stack, request)
        yield {"data": data}


def serve(host: Host, **facts: Any) -> ControlServer:
    """Answer for this host at the process's control socket. Raises OSError when the socket cannot be made."""
    return ControlServer(host, facts)


def _peer_uid(client: kernel.socket) -> int:
    uid: int = struct.unpack("3i", client.getsockopt(kernel.SOL_SOCKET, kernel.SO_PEERCRED, 12))[1]
    return uid


def _requests(client: kernel.socket) -> Iterator[object]:
    pending = b""
    while True:
        line, found, rest = pending.partition(b"\n")
        if found:
            pending = rest
            try:
                request = json.loads(line)
            except ValueError:
                request = None
            yield request
            continue
        if len(pending) > MAX_REQUEST:
            return
        octets = client.recv(4096)
        if not octets:
            return
        pending += octets


def _write(client: kernel.socket, answer: dict[str, Any]) -> None:
    client.sendall(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
