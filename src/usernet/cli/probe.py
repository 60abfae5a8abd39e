"""What this machine allows: one probe a function, none of which leaves anything behind."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fcntl import ioctl
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, Literal

Mark = Literal["yes", "no", "part"]

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
AF_XDP = 44
CAP_NET_ADMIN, CAP_NET_RAW = 12, 13
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SYS_IO_URING_SETUP = 425


@dataclass(frozen=True)
class Finding:
    """One thing asked: may it be used, why (not), and what works anyway."""

    section: str
    name: str
    mark: Mark
    reason: str
    anyway: str = ""


def findings() -> Iterator[Finding]:
    """Every probe's answer."""
    for probe in PROBES:
        yield probe()


def as_dicts() -> list[dict[str, Any]]:
    """The same for ``--json``."""
    return [asdict(finding) for finding in findings()]


def _error(error: OSError) -> str:
    return f"{errno.errorcode.get(error.errno or 0, '?')}: {error.strerror}"


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def python() -> Finding:
    """The interpreter."""
    version = platform.python_version()
    supported = sys.version_info >= (3, 11)
    return Finding("Engine", "Python", "yes" if supported else "no", f"{version} at {sys.executable}")


def hot_modules() -> tuple[list[str], list[str]]:
    """Modules that are made to be compiled, and those of them that are."""
    package = Path(__file__).resolve().parents[1]
    hot = sorted(str(header.relative_to(package).with_suffix("")) for header in package.rglob("*.pxd"))
    return hot, [m for m in hot if any((package / f"{m}{suffix}").exists() for suffix in EXTENSION_SUFFIXES)]


def is_compiled() -> bool:
    """True when no hot module is interpreted."""
    hot, compiled = hot_modules()
    return len(hot) == len(compiled)


def engine() -> Finding:
    """Compiled or interpreted."""
    hot, compiled = hot_modules()
    if not compiled:
        return Finding(
            "Engine",
            "Engine",
            "part",
            f"interpreted, none of {len(hot)} hot modules compiled",
            "everything works, two to five times slower; `make build` compiles",
        )
    if len(compiled) < len(hot):
        missing = ", ".join(m for m in hot if m not in compiled)
        reason = f"{len(compiled)} of {len(hot)} hot modules compiled"
        return Finding("Engine", "Engine", "part", reason, f"interpreted: {missing}")
    return Finding("Engine", "Engine", "yes", f"compiled, all {len(compiled)} hot modules")


def compiler() -> Finding:
    """What building from source needs."""
    command = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    found = shutil.which(command) or shutil.which("cc") or shutil.which("gcc")
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if found is None:
        return Finding("Engine", "C compiler", "no", f"no {command} on PATH", "wheels and the interpreted engine")
    if not header.exists():
        return Finding("Engine", "C compiler", "no", f"{found}, and no {header}", "apt install python3-dev")
    return Finding("Engine", "C compiler", "yes", f"{found}, Python.h in {header.parent}")


def tap() -> Finding:
    """/dev/net/tun and the right to make a device."""
    anyway = "--net user:"
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return Finding("Wires", "TAP, TUN", "no", f"/dev/net/tun: {_error(error)}", anyway)
    try:
        ioctl(fd, TUNSETIFF, bytes(16) + IFF_TUN_NO_PI.to_bytes(2, sys.byteorder) + bytes(22))
    except OSError as error:
        reason = f"/dev/net/tun opens, making a device does not: {_error(error)}"
        return Finding("Wires", "TAP, TUN", "part", reason,
                       f"{anyway}, or root once: ip tuntap add tap0 mode tap user {_user()}")  # fmt: skip
    finally:
        os.close(fd)
    return Finding("Wires", "TAP, TUN", "yes", "--net tap:NAME and tun:NAME")


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def packet_socket() -> Finding:
    """AF_PACKET."""
    return _socket_probe("AF_PACKET", socket.AF_PACKET, socket.SOCK_RAW)


def xdp_socket() -> Finding:
    """AF_XDP."""
    return _socket_probe("AF_XDP", AF_XDP, socket.SOCK_RAW)


def _socket_probe(name: str, family: int, kind: int) -> Finding:
    try:
        socket.socket(family, kind, 0).close()
    except OSError as error:
        why = "no CAP_NET_RAW" if not _has_capability(CAP_NET_RAW) else "not in this kernel"
        return Finding("Wires", name, "no", f"{_error(error)}, {why}", "--net user:, tap:")
    return Finding("Wires", name, "yes", "the kernel grants a socket")


def unprivileged() -> Finding:
    """User-mode NAT needs nothing but sockets."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            pass
    except OSError as error:
        return Finding("Wires", "User-mode NAT", "no", _error(error))
    return Finding("Wires", "User-mode NAT", "yes", "--net user: and --publish need no privilege")


def ping_socket() -> Finding:
    """ICMP echo through user-mode NAT."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError as error:
        allowed = Path("/proc/sys/net/ipv4/ping_group_range")
        low_high = allowed.read_text().split() if allowed.exists() else ["1", "0"]
        reason = f"{_error(error)}, net.ipv4.ping_group_range is {' '.join(low_high)}"
        return Finding("Wires", "ICMP echo", "no", reason, "ping reaches the gateway, not what is behind it")
    return Finding("Wires", "ICMP echo", "yes", "unprivileged ping sockets: ping works through --net user:")


def user_namespace() -> Finding:
    """Unprivileged user namespaces, in a child."""
    return _unshare_probe("User namespaces", CLONE_NEWUSER, "only tests against the kernel want them")


def network_namespace() -> Finding:
    """Network namespaces: with root's right, or inside a user namespace."""
    flags = CLONE_NEWNET if _has_capability(CAP_NET_ADMIN) else CLONE_NEWNET | CLONE_NEWUSER
    return _unshare_probe("Network namespaces", flags, "only `make bench` and tests against the kernel want them")


def _unshare_probe(name: str, flags: int, anyway: str) -> Finding:
    code = (
        "import ctypes, sys; libc = ctypes.CDLL(None, use_errno=True); "
        f"sys.exit(ctypes.get_errno() if libc.unshare({flags}) else 0)"
    )
    try:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True)
    except OSError as error:
        return Finding("Machine", name, "no", f"cannot try: {_error(error)}", anyway)
    status = done.returncode
    if status == 0:
        return Finding("Machine", name, "yes", "unshare works")
    return Finding("Machine", name, "no", f"{errno.errorcode.get(status, status)}: {os.strerror(status)}", anyway)


def capability() -> Finding:
    """CAP_NET_ADMIN."""
    if _has_capability(CAP_NET_ADMIN):
        return Finding("Machine", "CAP_NET_ADMIN", "yes", "held by this process")
    return Finding("Machine", "CAP_NET_ADMIN", "no", "not held", "--net user: needs none")


def io_uring() -> Finding:
    """io_uring_setup, which containers often forbid."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_IO_URING_SETUP, 1, ctypes.create_string_buffer(120))
    if fd < 0:
        error = OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return Finding("Machine", "io_uring", "no", _error(error), "nothing needs it; readv and writev serve")
    os.close(fd)
    return Finding("Machine", "io_uring", "yes", "the kernel grants a ring")


def kernel() -> Finding:
    """The operating system."""
    return Finding(
        "Machine", "Kernel", "yes" if sys.platform == "linux" else "no", f"{platform.system()} {platform.release()}"
    )


def curl() -> Finding:
    """The demo's client."""
    return _tool("curl", "the demo fetches with Python's sockets on the kernel instead")


def tshark() -> Finding:
    """Reading captures."""
    return _tool("tshark", "captures are plain pcapng; Wireshark opens them elsewhere")


def _tool(name: str, anyway: str) -> Finding:
    found = shutil.which(name)
    if found is None:
        return Finding("Tools", name, "no", "not on PATH", anyway)
    return Finding("Tools", name, "yes", found)


PROBES: tuple[Callable[[], Finding], ...] = (
    python,
    engine,
    compiler,
    unprivileged,
    ping_socket,
    tap,
    packet_socket,
    xdp_socket,
    kernel,
    capability,
    user_namespace,
    network_namespace,
    io_uring,
    curl,
    tshark,
)
