"""ECN with the kernel on the other end of a TAP: agreed upon, marked on the way, answered. Either end sends."""

from __future__ import annotations

from typing import Any

import pytest

from .ground import APPS, KERNEL, OURS, Ground, KernelLacks, Program, parsed

pytestmark = pytest.mark.kernel
PEER = str(APPS / "ecn_peer.py")
OCTETS = str(8 << 20)
CLASSIC, ACCURATE = "1", "3"
# What both ends' wishes come to.
WISHES = [
    (CLASSIC, CLASSIC, True),
    (ACCURATE, CLASSIC, True),
    (CLASSIC, ACCURATE, True),
    (ACCURATE, ACCURATE, True),
    (ACCURATE, "0", False),
    ("0", ACCURATE, False),
]


def sysctl(ground: Ground, value: str) -> None:
    # Linux 6.18 has the machinery of AccECN and does not let it be switched on.
    if ground.run("sysctl", "-qw", f"net.ipv4.tcp_ecn={value}", check=False).returncode:
        raise KernelLacks("the kernel does not speak AccECN")


def told(program: Program) -> dict[str, Any]:
    program.says("info")
    line = next(line for line in program.output.splitlines() if line.startswith("info"))
    found: dict[str, Any] = parsed(line[4:])
    return found


def transfer(
    ground: Ground, ours: str, theirs: str, impair: str, we_send: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the sender and the receiver know at the end; the sending end connects."""
    sysctl(ground, theirs)
    # A SYN that is answered late asks for ECN again.
    ground.run("sysctl", "-qw", "net.ipv4.tcp_ecn_fallback=0")
    options = ["--sysctl", f"net.ipv4.tcp_ecn={ours}", "--sysctl", "net.ipv4.tcp_ecn_fallback=0", "--impair", impair]
    if we_send:
        receiver = ground.start("python3", PEER, "listen", OURS, "5001", OCTETS)
        receiver.says("listening")
        sender = ground.usernet("python", PEER, "connect", KERNEL, "5001", OCTETS, options=options)
    else:
        receiver = ground.usernet("python", PEER, "listen", KERNEL, "5001", OCTETS, options=options)
        receiver.says("listening")
        sender = ground.start("python3", PEER, "connect", OURS, "5001", OCTETS)
    return told(sender), told(receiver)


@pytest.mark.parametrize("we_send", [True, False], ids=["ours", "theirs"])
@pytest.mark.parametrize(("ours", "theirs", "agreed"), WISHES)
def test_both_wishes_count(ground: Ground, ours: str, theirs: str, agreed: bool, we_send: bool) -> None:
    sender, receiver = transfer(ground, ours, theirs, "delay 1ms", we_send)
    assert sender["ecn"] is receiver["ecn"] is agreed
    assert sender["delivered_ce"] == 0


@pytest.mark.parametrize("we_send", [True, False], ids=["ours", "theirs"])
@pytest.mark.parametrize("mode", [CLASSIC, ACCURATE], ids=["classic", "accurate"])
def test_marks_are_told_and_obeyed(ground: Ground, mode: str, we_send: bool) -> None:
    # A queue too long to overflow: netem's thousand packets are fewer than twenty-three super-segments. And a seed that
    # lets the handshake through.
    sender, receiver = transfer(ground, mode, mode, "delay 2ms loss 2% ecn limit 100000 seed 5", we_send)
    assert sender["ecn"] and receiver["ecn"] and receiver["seen"]
    assert sender["delivered_ce"] > 0
    # What is ECN-capable is marked and not lost: of bulk only the ends are not, and retransmissions of classic ECN.
    # Two per cent of 5700 segments would be 115, and 60 or fewer of those once in 10^8 runs.
    assert sender["retrans"] < 60
    if mode == ACCURATE:
        assert abs(receiver["received_ce"] - sender["delivered_ce"]) <= 16
