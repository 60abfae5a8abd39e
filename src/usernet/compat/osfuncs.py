"""Functions of ``os`` and ``fcntl`` that take a descriptor, made to know ours; others go to the real ones."""

from __future__ import annotations

import fcntl as fcntl_module
import os
import stat
import sys
from collections.abc import Callable
from errno import EFAULT, EINVAL, ENOTTY, ESPIPE
from typing import Any

from .descriptors import Descriptor, dup_descriptor, file_of, is_ours, table_of

# Taken before patch() puts ours in their places.
real_fcntl, real_ioctl = fcntl_module.fcntl, fcntl_module.ioctl

MSG_DONTWAIT = 0x40
# os.sendfile hands over this much at most, as Linux does with a full socket: the caller comes again.
SENDFILE_CHUNK = 1 << 18


def _dispatch(name: str, ours: Callable[..., Any]) -> Callable[..., Any]:
    real = getattr(os, name)

    def function(fd: Any, /, *args: Any, **kwargs: Any) -> Any:
        if is_ours(fd):
            return ours(fd, *args, **kwargs)
        return real(fd, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = real.__doc__
    function.__module__ = "os"
    return function


def _socket(fd: int) -> Any:
    return file_of(fd)


def _flags(fd: int) -> int:
    return MSG_DONTWAIT if _socket(fd).timeout_ns != -1 else 0


def _read(fd: int, length: int) -> bytes:
    octets: bytes = _socket(fd).recv(length, _flags(fd))
    return octets


def _readv(fd: int, buffers: Any) -> int:
    count: int = _socket(fd).recvmsg_into(buffers, 0, _flags(fd))[0]
    return count


def _write(fd: int, data: Any) -> int:
    count: int = _socket(fd).send(data, _flags(fd))
    return count


def _writev(fd: int, buffers: Any) -> int:
    return _write(fd, b"".join(buffers))


def _close(fd: int) -> None:
    table_of(fd).close(fd)


def _isatty(fd: int) -> bool:
    _socket(fd)
    return False


def _ttyname(fd: int) -> str:
    _socket(fd)
    raise OSError(ENOTTY, os.strerror(ENOTTY))


def _get_blocking(fd: int) -> bool:
    blocking: bool = _socket(fd).timeout_ns != 0
    return blocking


def _set_blocking(fd: int, blocking: bool) -> None:
    file = _socket(fd)
    if blocking != (file.timeout_ns != 0):
        file.timeout_ns = -1 if blocking else 0


def _get_inheritable(fd: int) -> bool:
    file_of(fd)
    return isinstance(fd, Descriptor) and fd.inheritable


def _set_inheritable(fd: int, inheritable: int) -> None:
    file_of(fd)
    if isinstance(fd, Descriptor):
        fd.inheritable = bool(inheritable)


def _fstat(fd: int) -> os.stat_result:
    _socket(fd)
    return os.stat_result((stat.S_IFSOCK | 0o777, fd, 0, 1, os.getuid(), os.getgid(), 0, 0, 0, 0))


def _sendfile(out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    """sendfile(2): what the socket takes at once of a file. Raises BlockingIOError when it takes nothing."""
    if is_ours(in_fd):
        raise OSError(EINVAL, os.strerror(EINVAL))
    at = _position(in_fd) if offset is None else offset
    octets = os.pread(in_fd, min(count, SENDFILE_CHUNK), at)
    if not octets:
        return 0
    sent = _write(out_fd, octets)
    if offset is None:
        # Where the file is read on from is what was sent, not what was read of it.
        os.lseek(in_fd, at + sent, os.SEEK_SET)
    return sent


def _position(fd: int) -> int:
    try:
        return os.lseek(fd, 0, os.SEEK_CUR)
    except OSError as error:
        if error.errno == ESPIPE:
            # A pipe is no file (Linux).
            raise OSError(EINVAL, os.strerror(EINVAL)) from None
        raise


OURS: dict[str, Callable[..., Any]] = {
    "close": _close,
    "dup": dup_descriptor,
    "fstat": _fstat,
    "get_blocking": _get_blocking,
    "get_inheritable": _get_inheritable,
    "isatty": _isatty,
    "read": _read,
    "readv": _readv,
    "sendfile": _sendfile,
    "set_blocking": _set_blocking,
    "set_inheritable": _set_inheritable,
    "ttyname": _ttyname,
    "write": _write,
    "writev": _writev,
}
_EXPORTS = {name: _dispatch(name, function) for name, function in OURS.items() if hasattr(os, name)}


def exports() -> dict[str, Callable[..., Any]]:
    """The functions by the names they have in ``os``."""
    return _EXPORTS


def fcntl(fd: Any, cmd: int, arg: Any = 0) -> Any:
    """As ``fcntl.fcntl``; on our descriptors F_GETFL, F_SETFL, F_GETFD, F_SETFD and F_DUPFD are known."""
    number = fd if isinstance(fd, int) else fd.fileno()
    if not is_ours(number):
        return real_fcntl(fd, cmd, arg)
    if cmd == fcntl_module.F_GETFL:
        return os.O_RDWR | (0 if _get_blocking(number) and _socket(number).timeout_ns == -1 else os.O_NONBLOCK)
    if cmd == fcntl_module.F_SETFL:
        _set_blocking(number, not arg & os.O_NONBLOCK)
        return 0
    if cmd == fcntl_module.F_GETFD:
        return 0 if _get_inheritable(number) else fcntl_module.FD_CLOEXEC
    if cmd == fcntl_module.F_SETFD:
        _set_inheritable(number, not arg & fcntl_module.FD_CLOEXEC)
        return 0
    if cmd in (fcntl_module.F_DUPFD, fcntl_module.F_DUPFD_CLOEXEC):
        return dup_descriptor(number)
    raise OSError(EINVAL, os.strerror(EINVAL))


def ioctl(fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> Any:
    """As ``fcntl.ioctl``; our stream sockets know FIONREAD (SIOCINQ), TIOCOUTQ, SIOCOUTQNSD and SIOCATMARK."""
    number = fd if isinstance(fd, int) else fd.fileno()
    if not is_ours(number):
        return real_ioctl(fd, request, arg, mutate_flag)
    sock = _socket(number)
    if not hasattr(sock, "ioctl"):
        raise OSError(ENOTTY, os.strerror(ENOTTY))
    answer = int(sock.ioctl(request)).to_bytes(4, sys.byteorder, signed=True)
    if isinstance(arg, int):
        # The kernel would write through the number as a pointer.
        raise OSError(EFAULT, os.strerror(EFAULT))
    if isinstance(arg, bytes | str) or not mutate_flag:
        octets = arg.encode() if isinstance(arg, str) else bytes(arg)
        return answer + octets[len(answer) :]
    memoryview(arg).cast("B")[:4] = answer
    return 0
