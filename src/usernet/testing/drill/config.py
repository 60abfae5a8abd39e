"""Options of a run, from a script's head and from the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ...ip.address import parse_ipv4
from .errors import ScriptError, Skipped, Unsupported
from .script import Script

# What speaks of other ways to run a script than this one, or has no meaning for ours.
_IGNORED = {
    "init_scripts", "code_command", "code_format", "code_sockopt", "gateway_ip", "speed", "dry_run", "debug", "verbose",
    "non_fatal",
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
    send_omit_free: bool = False
    defines: dict[str, str] = field(default_factory=dict)

    def prefixlen(self) -> int:
        """The netmask as a prefix length."""
        return sum(int(part).bit_count() for part in self.netmask_ip.split("."))


_NUMBERS = ("bind_port", "connect_port", "mtu", "mss", "tolerance_usecs", "tcp_ts_tick_usecs")
# The least MTU of IPv4, and an MSS of which a segment with all options has some text left; the largest datagram.
_RANGES = {"bind_port": (1, 65535), "connect_port": (1, 65535), "mtu": (68, 65535), "mss": (28, 65495)}
_TEXTS = ("local_ip", "netmask_ip", "ip_version")
_FLAGS = ("tcp_ts_ecr_scaled", "strict_segments", "send_omit_free")


def configure(config: Config, script: Script, given: list[tuple[str, str | None]]) -> Config:
    """Add a script's own options, then those ``given`` with the run, which win.

    Raises ScriptError for an option that is none, Unsupported or Skipped for a way to run that is not ours.
    """
    for name, value in [*script.options, *given]:
        config = _option(config, name, value)
    if config.ip_version in ("ipv6", "ipv4-mapped-ipv6"):
        raise Skipped(f"it is for {config.ip_version}, and this stack has IPv4 only so far")
    if config.ip_version != "ipv4":
        raise ScriptError(f"--ip_version={config.ip_version}: ipv4, ipv6 or ipv4-mapped-ipv6", 1)
    if ":" in config.local_ip or ":" in config.remote_ip:
        raise Skipped("it has IPv6 addresses, and this stack has IPv4 only so far")
    for name in ("local_ip", "remote_ip", "netmask_ip"):
        try:
            parse_ipv4(getattr(config, name))
        except ValueError:
            raise ScriptError(f"--{name}={getattr(config, name)}: an IPv4 address expected", 1) from None
    return config


def _option(config: Config, name: str, value: str | None) -> Config:
    if name in _FLAGS:
        return _with(config, name, value not in ("0", "false"))
    if name in _IGNORED:
        return config
    if name in _ELSEWHERE:
        raise Unsupported(f"--{name}")
    if value is None:
        raise ScriptError(f"--{name} needs a value", 1)
    if name in _NUMBERS:
        if not value.isdecimal():
            raise ScriptError(f"--{name}={value}: a number expected", 1)
        low, high = _RANGES.get(name, (0, 1 << 31))
        if not low <= int(value) <= high:
            raise ScriptError(f"--{name}={value}: {low} to {high} expected", 1)
        return _with(config, name, int(value))
    if name in _TEXTS:
        return _with(config, name, value)
    if name == "remote_ip":
        return _with(config, name, value.partition("/")[0])
    if name == "tolerance_percent":
        try:
            return _with(config, name, float(value))
        except ValueError:
            raise ScriptError(f"--{name}={value}: a number expected", 1) from None
    if name == "define":
        symbol, _, meaning = value.partition("=")
        return _with(config, "defines", {**config.defines, symbol: meaning})
    raise ScriptError(f"there is no option --{name}", 1)


def _with(config: Config, name: str, value: object) -> Config:
    changes: dict[str, object] = {name: value}
    return replace(config, **changes)  # type: ignore[arg-type]
