"""Options of a run, from a script's head and from the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ...ip.address import parse_ipv4
from .errors import ScriptError, Skipped, Unsupported, nearest
from .script import Script

# How a value is read, and what it is in words.
_Reading = tuple[Callable[[str], object], str]
LARGEST_PERCENT: Final = 1000

# What speaks of other ways to run a script than this one, or has no meaning for ours.
_IGNORED = {
    "init_scripts", "code_command", "code_format", "code_sockopt", "gateway_ip", "speed", "debug", "verbose",
    "non_fatal", "send_omit_free",
}  # fmt: skip
_ELSEWHERE = {"wire_client", "wire_server", "wire_server_ip", "wire_server_at", "wire_server_port", "wire_client_dev",
              "wire_server_dev", "so_filename", "so_flags", "is_anyip"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Config:
    """How a script is run. The defaults are packetdrill's, the addresses those of the public corpora."""

    ip_version: str = "ipv4"
    local_ip: str = "192.168.0.1"
    remote_ip: str = "192.0.2.1"
    netmask_ip: str = "255.255.0.0"
    bind_port: int = 8080
    connect_port: int = 8080
    remote_port: int = 40000
    mtu: int = 1500
    mss: int = 0
    tolerance_usecs: int = 4000
    tolerance_percent: float = 12.5
    tcp_ts_tick_usecs: int = 0
    tcp_ts_ecr_scaled: bool = False
    strict_segments: bool = False
    dry_run: bool = False

    def prefixlen(self) -> int:
        """The netmask as a prefix length."""
        return sum(int(part).bit_count() for part in self.netmask_ip.split("."))


_FLAGS = ("tcp_ts_ecr_scaled", "strict_segments", "dry_run")


def configure(config: Config, script: Script, given: list[tuple[str, str | None]]) -> Config:
    """Add a script's own options, then those ``given`` with the run, which win.

    Raises ScriptError for an option that is none, with line 0 when it is of those given; Unsupported or Skipped for a
    way to run that is not ours.
    """
    for name, value, line in [*script.options, *((name, value, 0) for name, value in given)]:
        config = _option(config, name, value, line)
    if config.ip_version in ("ipv6", "ipv4-mapped-ipv6"):
        raise Skipped(f"it is for {config.ip_version}, and this stack has IPv4 only so far")
    if ":" in config.local_ip or ":" in config.remote_ip:
        raise Skipped("it has IPv6 addresses, and this stack has IPv4 only so far")
    return config


def _option(config: Config, name: str, value: str | None, line: int) -> Config:
    if name in _IGNORED:
        return config
    if name in _ELSEWHERE:
        raise Unsupported(f"--{name}", line)
    if name not in _VALUES:
        raise ScriptError(f"there is no option --{name}" + nearest(name, _VALUES), line)
    if name in _FLAGS:
        value = value or "1"
    elif value is None:
        raise ScriptError(f"--{name} needs a value", line)
    read, expected = _VALUES[name]
    try:
        found = read(value or "")
    except (ValueError, KeyError):
        raise ScriptError(f"--{name}={value}: {expected} expected", line) from None
    if name == "define":
        # The words it stands for are put in where the script is read (lexer.py).
        return config
    changes: dict[str, object] = {name: found}
    return replace(config, **changes)  # type: ignore[arg-type]


def _number(low: int, high: int) -> _Reading:
    def read(value: str) -> int:
        if not value.isdecimal() or not low <= int(value) <= high:
            raise ValueError
        return int(value)

    return read, f"a number of {low} to {high}"


def _percent(value: str) -> float:
    found = float(value)
    if not 0 <= found <= LARGEST_PERCENT:
        raise ValueError
    return found


def _address(value: str) -> str:
    # Of IPv6 is a script for another run; that it is none is told there.
    if ":" not in value:
        parse_ipv4(value)
    return value


def _netmask(value: str) -> str:
    ones = ~int.from_bytes(parse_ipv4(value), "big") & 0xFFFFFFFF
    if ones & (ones + 1):
        raise ValueError
    return value


def _definition(value: str) -> str:
    if not value.partition("=")[0].isidentifier() or "=" not in value:
        raise ValueError
    return value


_ADDRESS = "an IPv4 address"
_FLAG: Final = {"1": True, "true": True, "0": False, "false": False}.__getitem__, "no value"
_VERSIONS = {name: name for name in ("ipv4", "ipv6", "ipv4-mapped-ipv6")}
# How the value of each option is read, and what it is to be. The least MTU of IPv4, and an MSS of which a segment with
# all options has some text left; the largest datagram.
_VALUES: Final[dict[str, _Reading]] = {
    "ip_version": (_VERSIONS.__getitem__, " or ".join(_VERSIONS)),
    "local_ip": (_address, _ADDRESS),
    "remote_ip": (lambda value: _address(value.partition("/")[0]), _ADDRESS),
    "netmask_ip": (_netmask, "a netmask"),
    "bind_port": _number(1, 65535),
    "connect_port": _number(1, 65535),
    "mtu": _number(68, 65535),
    "mss": _number(28, 65495),
    "tolerance_usecs": _number(0, 1 << 31),
    "tolerance_percent": (_percent, f"a number of 0 to {LARGEST_PERCENT}"),
    "tcp_ts_tick_usecs": _number(0, 1 << 31),
    "tcp_ts_ecr_scaled": _FLAG,
    "strict_segments": _FLAG,
    "dry_run": _FLAG,
    "define": (_definition, "SYMBOL=VALUE"),
}
