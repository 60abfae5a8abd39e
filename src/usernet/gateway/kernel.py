"""The machine's own sockets: usernet.patch() does not reach them."""

from __future__ import annotations

from struct import pack

from .._kernel import _socket

__all__ = [
    "IPPROTO_ICMP",
    "MSG_NOSIGNAL",
    "SHUT_WR",
    "Socket",
    "accept",
    "connect_datagram",
    "connect_stream",
    "listen_datagram",
    "listen_stream",
    "pending_error",
    "reset",
]

Socket = _socket.socket
IPPROTO_ICMP = _socket.IPPROTO_ICMP
MSG_NOSIGNAL = _socket.MSG_NOSIGNAL
SHUT_WR = _socket.SHUT_WR


def _open(ip: str, kind: int, proto: int = 0) -> Socket:
    family = _socket.AF_INET6 if ":" in ip else _socket.AF_INET
    return _socket.socket(family, kind | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC, proto)


def connect_stream(ip: str, port: int, proto: int = 0) -> tuple[Socket, int]:
    """A TCP socket on its way to a literal address, and 0, EINPROGRESS or the errno that met it.

    Raises OSError when there is no descriptor left (EMFILE, ENFILE).
    """
    sock = _open(ip, _socket.SOCK_STREAM, proto)
    # A relay has nothing to collect: whoever wrote the octets decided already.
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock, sock.connect_ex((ip, port))


def connect_datagram(ip: str, port: int, proto: int = 0) -> tuple[Socket, int]:
    """A connected UDP socket (or ping socket, by its protocol), and 0 or an errno. Raises as connect_stream."""
    sock = _open(ip, _socket.SOCK_DGRAM, proto)
    return sock, sock.connect_ex((ip, port))


def listen_stream(ip: str, port: int, backlog: int) -> Socket:
    """A listening TCP socket. Raises OSError: EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE."""
    return _bound(_open(ip, _socket.SOCK_STREAM), ip, port, backlog)


def listen_datagram(ip: str, port: int) -> Socket:
    """A bound UDP socket. Raises as listen_stream."""
    return _bound(_open(ip, _socket.SOCK_DGRAM), ip, port, 0)


def _bound(sock: Socket, ip: str, port: int, backlog: int) -> Socket:
    try:
        if backlog:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        sock.bind((ip, port))
        if backlog:
            sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def accept(listener: Socket) -> tuple[Socket, tuple[str, int]]:
    """A connection that came in, non-blocking, and its peer. Raises BlockingIOError, OSError(EMFILE, ECONNABORTED)."""
    fd, peer = listener._accept()  # type: ignore[attr-defined]
    sock = _socket.socket(fileno=fd)
    sock.setblocking(False)
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock, (peer[0], peer[1])


def pending_error(sock: Socket) -> int:
    """SO_ERROR: how a connect ended, or what struck since; 0 for nothing."""
    return sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)


def reset(sock: Socket) -> None:
    """Close with a RST: what was not sent is thrown away (SO_LINGER with 0 seconds)."""
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, pack("ii", 1, 0))
    sock.close()
