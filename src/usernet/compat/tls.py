"""TLS on our sockets: what `_ssl` does with a kernel descriptor, done with its memory BIOs (RFC 8446, RFC 5246).

The standard library's ``ssl.py`` runs unchanged on top (:mod:`.modules`): its ``SSLSocket`` calls the object made
here as it calls ``_ssl._SSLSocket``.
"""

from __future__ import annotations

import _ssl
import ssl
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ssl import SSLWantReadError, SSLWantWriteError
from types import ModuleType
from typing import Any, NoReturn

from ..core.const import POLLIN, POLLOUT
from ._socket import socket

# One record's worth: what is encrypted before it is handed to the socket, which may not take more.
CHUNK = 1 << 16
HEADER = 5
DONTWAIT = 0x40  # MSG_DONTWAIT


class TlsConnection:
    """One TLS connection over one of our sockets, with the methods of ``_ssl._SSLSocket``.

    Records are read one at a time, never past the end of one, so that what follows ``close_notify`` stays in the
    socket for ``unwrap()``'s caller.
    """

    def __init__(
        self, context: Any, sock: socket, server_side: bool, server_hostname: str | None, owner: Any, session: Any
    ) -> None:
        self._sock = weakref.ref(sock)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context._wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname, owner=owner, session=session
        )
        self._engine = threading.Lock()  # the SSL object, held for a computation only
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._header = b""
        self._missing = HEADER
        self._unsent = b""
        self._progress = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls, name)

    @property
    def context(self) -> Any:
        """The SSLContext; a server name callback may replace it."""
        return self._tls.context

    @context.setter
    def context(self, context: Any) -> None:
        self._tls.context = context

    @property
    def session(self) -> Any:
        """The session, to be offered at the next connection."""
        return self._tls.session

    @session.setter
    def session(self, session: Any) -> None:
        self._tls.session = session

    def do_handshake(self) -> None:
        """Shake hands. Raises as ``_ssl`` does, TimeoutError included."""
        deadline = self._deadline()
        self._run(self._tls.do_handshake, "handshake", deadline, flush=False)
        try:
            self._flush("handshake", deadline)
        except BrokenPipeError:
            # As OpenSSL: a client that left before its session tickets came may have sent something worth reading.
            if not self._tls.server_side or self._tls.version() != "TLSv1.3":
                raise
            self._unsent = b""

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Up to size decrypted octets, or how many of them went into buffer."""
        if size < 0 and buffer is None:
            raise ValueError("size should not be negative")
        if buffer is not None:
            return self._run(partial(self._tls.read, size, buffer), "read")
        return self._run(partial(self._tls.read, size), "read")

    def write(self, data: Any) -> int:
        """Encrypt and send all of data.

        On a non-blocking socket that is full it raises SSLWantWriteError, and wants the same data again, as OpenSSL.
        """
        with memoryview(data) as raw, raw.cast("B") as octets:
            total = len(octets)
            deadline = self._deadline()
            while True:
                self._flush("write", deadline)
                if self._progress >= total:
                    self._progress = 0
                    return total
                chunk = octets[self._progress : self._progress + CHUNK]
                self._progress += self._run(partial(self._tls.write, chunk), "write", deadline, flush=False)

    def shutdown(self) -> socket:
        """Send close_notify and wait for the peer's; the socket, to go on in clear text."""
        self._run(self._tls.shutdown, "shutdown")
        return self._socket()

    def verify_client_post_handshake(self) -> None:
        """Ask the client for a certificate (RFC 8446 4.6.2)."""
        self._tls.verify_client_post_handshake()

    def take_tickets(self) -> None:
        """Read what a TLS 1.3 server sends behind its handshake, if it is there: session tickets.

        A socket closed with something unread resets the connection (RFC 2525 2.17), and a server that wanted to read
        the client's last words would find an error. With OpenSSL and the kernel a client mostly closes before the
        tickets come; here both ends may share one interpreter.
        """
        if self._tls.server_side or self._tls.version() != "TLSv1.3" or self._reading.locked():
            return
        with suppress(OSError):
            self._run(partial(self._tls.read, 1), "read", 0)

    # The pump.

    def _socket(self) -> socket:
        sock = self._sock()
        if sock is None or sock.fileno() < 0:
            raise OSError("Underlying socket connection gone")
        return sock

    def _deadline(self) -> int:
        return self._socket()._deadline()

    def _run(self, call: Callable[[], Any], verb: str, deadline: int | None = None, flush: bool = True) -> Any:
        if deadline is None:
            deadline = self._deadline()
        while True:
            fed = self._incoming.pending
            try:
                with self._engine:
                    result = call()
            except SSLWantReadError:
                self._flush(verb, deadline)
                self._fill(verb, deadline, fed)
                continue
            except ssl.SSLError:
                self._send_alert()
                raise
            if flush:
                self._flush(verb, deadline)
            return result

    def _send_alert(self) -> None:
        try:
            self._flush("write", 0)
        except OSError:
            self._unsent = b""

    def _flush(self, verb: str, deadline: int) -> None:
        """Hand to the socket what was encrypted."""
        if not self._unsent and not self._outgoing.pending:
            return
        with self._writing:
            self._unsent += self._outgoing.read()
            sock = self._socket()
            while self._unsent:
                try:
                    count = socket.send(sock, self._unsent, DONTWAIT)
                except BlockingIOError:
                    if not sock._wait(POLLOUT, deadline):
                        self._give_up(verb, deadline, SSLWantWriteError)
                    continue
                self._unsent = self._unsent[count:]

    def _fill(self, verb: str, deadline: int, fed: int) -> None:
        """Read what is missing of the current record, or the header of the next."""
        with self._reading:
            if self._incoming.pending > fed:
                return  # another thread brought it
            sock = self._socket()
            while True:
                try:
                    octets = socket.recv(sock, self._missing, DONTWAIT)
                    break
                except BlockingIOError:
                    if not sock._wait(POLLIN, deadline):
                        self._give_up(verb, deadline, SSLWantReadError)
            if not octets:
                self._incoming.write_eof()
                return
            self._missing -= len(octets)
            if len(self._header) < HEADER:
                self._header += octets
                if len(self._header) == HEADER:
                    self._missing = int.from_bytes(self._header[3:5], "big")
            if self._missing == 0:
                self._header = b""
                self._missing = HEADER
            self._incoming.write(octets)

    def _give_up(self, verb: str, deadline: int, want: type[ssl.SSLError]) -> NoReturn:
        if deadline == 0:
            if want is SSLWantReadError:
                raise SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)")
            raise SSLWantWriteError(ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)")
        raise TimeoutError(f"The {verb} operation timed out")


def over(module: ModuleType) -> None:
    """Let the SSLSocket of an overlaid ``ssl`` take session tickets before it closes."""
    real_close = module.SSLSocket._real_close

    def _real_close(self: Any) -> None:
        connection = self._sslobj
        if isinstance(connection, TlsConnection):
            connection.take_tickets()
        real_close(self)

    module.SSLSocket._real_close = _real_close


class _AnyContext(type):
    """A context made by the real module, before patch() perhaps, is an instance of ours as well."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if _SSLContext in cls.__bases__ and isinstance(instance, ssl.SSLContext):
            return True
        return super().__instancecheck__(instance)


class _SSLContext(ssl.SSLContext, metaclass=_AnyContext):
    """The base of our ``ssl.SSLContext``: any kind of socket can be wrapped."""

    def _wrap_socket(
        self,
        sock: Any,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: Any = None,
        session: Any = None,
    ) -> Any:
        return wrap_socket(self, sock, server_side, server_hostname, owner=owner, session=session)


def wrap_socket(
    context: Any,
    sock: Any,
    server_side: bool,
    server_hostname: str | None = None,
    *,
    owner: Any = None,
    session: Any = None,
) -> Any:
    """``_ssl._SSLContext._wrap_socket`` for our sockets, the real one for the kernel's."""
    if isinstance(sock, socket):
        kernel = sock._kernel_socket()
        if kernel is None:
            return TlsConnection(context, sock, server_side, server_hostname, owner, session)
        sock = kernel
    return _ssl._SSLContext._wrap_socket(  # type: ignore[attr-defined]
        context, sock, server_side, server_hostname, owner=owner, session=session
    )
