"""From command-line options to a live host with one attached stack, and back to nothing."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Interface
from typing import Any, TypeVar

import click

from ..core.const import SECOND
from ..host import Host, Stack
from ..ip.interface import Interface
from ..link.device import Device
from ..link.impair import impair as impair_device
from ..link.pcapng import PcapngTap
from ..link.url import open_device
from .collect import GATEWAY_STACK
from .errors import FAILURE, USAGE, CliError, errno_text, os_error

Command = TypeVar("Command", bound=Callable[..., Any])

# How long the end of a program waits for its last octets to be acknowledged.
LINGER_NS = 5 * SECOND
# Not a mistake of the command line.
REFUSALS = (errno.EPERM, errno.EACCES, errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC)


@dataclass(frozen=True)
class Published:
    """``--publish [IP:]PORT:PORT[/udp]``: a kernel port and the guest's port behind it."""

    ip: str
    port: int
    guest_port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}:{self.guest_port}/{self.protocol}"


def parse_publish(text: str) -> Published:
    """Raises ValueError saying what is wrong."""
    words, _, protocol = text.partition("/")
    parts = words.split(":")
    if protocol not in {"", "tcp", "udp"} or len(parts) not in {2, 3}:
        raise ValueError(f"{text!r} is not [IP:]PORT:PORT[/udp], such as 8080:80 or 127.0.0.1:5353:53/udp")
    ip = parts[0] if len(parts) == 3 else "0.0.0.0"
    with _explained(text):
        IPv4Address(ip)
    port, guest_port = (_port(part, text) for part in parts[-2:])
    if guest_port == 0:
        raise ValueError(f"{text!r}: the guest's port cannot be 0")
    return Published(ip, port, guest_port, protocol or "tcp")


def _port(word: str, text: str) -> int:
    if not (word.isascii() and word.isdigit() and int(word) <= 65535):
        raise ValueError(f"{text!r}: {word!r} is no port")
    return int(word)


@contextmanager
def _explained(text: str) -> Iterator[None]:
    try:
        yield
    except AddressValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


def _checked(check: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A click callback that reads an option, or each of a repeated one, by a function that raises ValueError."""

    def read(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(check(text) for text in value)
            return None if value is None else check(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    return read


def _cidr(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"{text!r} has no prefix length; write it as {text}/24")
    interface = IPv4Interface(text)
    if interface.network.prefixlen < 31 and interface.ip in (
        interface.network.network_address,
        interface.network.broadcast_address,
    ):
        raise ValueError(f"{interface.ip} is the network's own or its broadcast address, not a host's")
    return text


def _ip(text: str) -> str:
    return str(IPv4Address(text))


def _sysctl(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def network_options(command: Command) -> Command:
    """Click options that describe a network: --net, --address, --gateway, --dns, --pcap, --impair."""
    options = (
        click.option(
            "--net", metavar="URL", help="The device: user: (user-mode NAT, needs no privilege), tap:tap0, tun:tun0."
        ),
        click.option("--address", metavar="CIDR", callback=_checked(_cidr), help="Our address, such as 10.9.0.2/24."),
        click.option("--gateway", metavar="IP", callback=_checked(_ip), help="The default route's gateway."),
        click.option(
            "--dns", metavar="IP", callback=_checked(_ip), multiple=True, help="Name server; may be repeated."
        ),
        click.option(
            "--pcap", metavar="FILE", type=click.Path(dir_okay=False), help="Capture the device's frames as pcapng."
        ),
        click.option(
            "--impair", metavar="SPEC", help='Impair each direction, in netem\'s words: "delay 20ms 5ms loss 2%".'
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass
class Network:
    """A live host, its stack, and what stands around them; also a context manager that closes all of it."""

    host: Host
    stack: Stack
    url: str
    user_net: Any = None
    capture: PcapngTap | None = None
    published: list[Published] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        name: str,
        *,
        net: str | None,
        address: str | None,
        gateway: str | None,
        dns: Sequence[str],
        pcap: str | None,
        impair: str | None,
        publish: Sequence[Published] = (),
        sysctl: Sequence[tuple[str, str]] = (),
        host: Host | None = None,
    ) -> Network:
        """Build it. Raises CliError in one clear line; nothing stays open then."""
        url = net or "user:"
        _check_combination(url, address, publish)
        machine = host or Host("live")
        network = cls(machine, Stack(name, machine), url)
        try:
            network._apply_sysctls(sysctl)
            interface = network._attach(address, gateway, dns)
            if pcap is not None:
                network._start_capture(pcap, interface.device)
            if impair is not None:
                network._impair(impair, interface.device)
            for port in publish:
                network._publish(port)
        except BaseException:
            network.close(0)
            raise
        return network

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close(LINGER_NS if exc[0] is None else 0)
        self.host.close()

    def close(self, linger_ns: int = LINGER_NS) -> None:
        """End all connections, drive until the peers have what was sent, then close devices and the capture.

        As when a process ends, threads blocked in a socket call stay so: nobody is told. Raises CliError when the
        capture is incomplete.
        """
        with self.host.lock:
            if linger_ns and not self.host.closed:
                for stack in self.host.stacks:
                    if not stack.name.startswith(GATEWAY_STACK):
                        stack.close_connections()
                self.host.linger(self.host.now() + linger_ns)
            for stack in self.host.stacks:
                for interface in stack.interfaces:
                    interface.device.close()
        if self.capture is not None:
            capture, self.capture = self.capture, None
            try:
                capture.close()
            except OSError as error:
                raise os_error("the capture is incomplete", error) from None

    def _apply_sysctls(self, settings: Sequence[tuple[str, str]]) -> None:
        for name, value in settings:
            try:
                self.stack.context.sysctl.set(name, value)
            except OSError as error:
                raise CliError(f"--sysctl {name}: {errno_text(error)}", USAGE) from None

    def _attach(self, address: str | None, gateway: str | None, dns: Sequence[str]) -> Interface:
        try:
            device: Device
            if _is_user(self.url):
                from ..gateway.user import open_user

                with self.host.lock:
                    self.user_net = open_user(self.host, self.url)
                device = self.user_net.device
                address = address or self.user_net.guest_address
                gateway = gateway or self.user_net.gateway
                dns = dns or [self.user_net.dns]
            else:
                device = open_device(self.url, entropy=self.stack.context.entropy)
            return self.stack.attach(device, address, gateway, list(dns) or None)
        except ValueError as error:
            raise CliError(f"--net {self.url}: {error}", USAGE) from None
        except OSError as error:
            raise _refusal(f"--net {self.url}", error) from None

    def _start_capture(self, path: str, device: Device) -> None:
        try:
            self.capture = PcapngTap(path, epoch_ns=time.time_ns() - self.host.now())
        except OSError as error:
            raise _refusal(f"--pcap {path}", error) from None
        with self.host.lock:
            self.capture.attach(device)

    def _impair(self, spec: str, device: Device) -> None:
        context = self.stack.context
        try:
            with self.host.lock:
                impair_device(device, spec, context.entropy, context.timers)
        except ValueError as error:
            raise CliError(f"--impair {spec!r}: {error}", USAGE) from None

    def _publish(self, port: Published) -> None:
        try:
            bound = self.user_net.publish(port.ip, port.port, port.guest_port, port.protocol)
        except OSError as error:
            hint = "choose another port" if error.errno != errno.EACCES else "a port from 1024 up needs no privilege"
            raise os_error(f"--publish {port}", error, hint) from None
        self.published.append(Published(port.ip, bound, port.guest_port, port.protocol))


def _refusal(what: str, error: OSError) -> CliError:
    """What the machine refuses ends with 1, what the words ask for in vain with 2."""
    hint = ""
    if what.startswith("--net") and error.errno in (errno.EPERM, errno.EACCES):
        hint = "run it as root, or take --net user:, which needs no privilege"
    if "user:" in (error.strerror or ""):
        hint = ""
    return os_error(what, error, hint, FAILURE if error.errno in REFUSALS else USAGE)


def _is_user(url: str) -> bool:
    return url.partition(":")[0] == "user"


def _check_combination(url: str, address: str | None, publish: Sequence[Published]) -> None:
    if _is_user(url):
        return
    if address is None and url.partition(":")[0] != "lo":
        raise CliError(f"--net {url} needs --address, such as --address 10.9.0.2/24", USAGE)
    if publish:
        raise CliError(f"--publish is for --net user:; on {url} clients reach the program's own address", USAGE)


def publish_option(command: Command) -> Command:
    """Click option ``--publish``, repeatable."""
    return click.option(
        "--publish",
        "-P",
        metavar="[IP:]PORT:PORT[/udp]",
        callback=_checked(parse_publish),
        multiple=True,
        help="Let the machine's PORT reach the program's PORT; may be repeated.",
    )(command)


def sysctl_option(command: Command) -> Command:
    """Click option ``--sysctl``, repeatable."""
    return click.option(
        "--sysctl",
        metavar="NAME=VALUE",
        callback=_checked(_sysctl),
        multiple=True,
        help="Set a sysctl of the stack; may be repeated.",
    )(command)


__all__ = ["Network", "Published", "network_options", "parse_publish", "publish_option", "sysctl_option"]
