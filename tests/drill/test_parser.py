"""What is a script and what is none: mistakes have a line and a column, never a traceback."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.testing.drill import run_script
from usernet.testing.drill.errors import ScriptError, Unsupported
from usernet.testing.drill.parser import parse
from usernet.testing.drill.script import (
    ABSOLUTE,
    ACK,
    AE,
    ANY,
    CWR,
    ECE,
    ELLIPSIS,
    PSH,
    RELATIVE,
    SYN,
    Code,
    Command,
    IcmpPacket,
    Struct,
    Syscall,
    TcpPacket,
    When,
)

SOCKET = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"


def tcp(line: str) -> TcpPacket:
    action = parse(SOCKET + "+0 " + line).events[1].action
    assert isinstance(action, TcpPacket)
    return action


def call(line: str) -> Syscall:
    action = parse(SOCKET + "+0 " + line).events[1].action
    assert isinstance(action, Syscall)
    return action


def test_a_script_has_options_commands_and_events_in_order() -> None:
    script = parse("""// a comment
    --tolerance_usecs=10000 --strict_segments   /* and
    another */ --local_ip=192.0.2.7
    `one
     two`
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0.5 `three`
    1.25 %{ assert tcpi_state == 1 }%
    `four`
    """)
    assert script.options == [
        ("tolerance_usecs", "10000", 2),
        ("strict_segments", None, 2),
        ("local_ip", "192.0.2.7", 3),
    ]
    assert script.init is not None and script.init.text.split() == ["one", "two"]
    assert script.cleanup == Command("four")
    assert [event.line for event in script.events] == [6, 7, 8]
    assert script.events[1].when == When(RELATIVE, 500_000)
    assert script.events[2].when == When(ABSOLUTE, 1_250_000)
    assert script.events[2].action == Code("assert tcpi_state == 1")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("+.1", When(RELATIVE, 100_000)),
        ("0.1~.2", When(ABSOLUTE, 100_000, 200_000)),
        ("+0~+.01", When(RELATIVE, 0, 10_000)),
        ("*", When(ANY)),
        ("+3", When(RELATIVE, 3_000_000)),
    ],
)
def test_times(text: str, when: When) -> None:
    assert parse(f"{SOCKET}{text} > . 1:1(0) ack 1").events[1].when == when


def test_a_blocking_call_has_an_end() -> None:
    assert call("...0.2 connect(3, ..., ...) = 0").end == 200_000
    event = parse(SOCKET + "+.1...0.2 read(3, ..., 5) = 5").events[1]
    assert event.when == When(RELATIVE, 100_000)
    event = parse(SOCKET + "+.002 ... 0.052 connect(3, ..., ...) = 0").events[1]
    assert isinstance(event.action, Syscall) and event.action.end == 52_000


@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        ("S", SYN),
        (".", ACK),
        ("P.", PSH | ACK),
        ("SEWA", SYN | ECE | CWR | AE),
        ("EAP.", ECE | AE | PSH | ACK),
        ("P.5", PSH | ACK | AE | ECE),
        (".7", ACK | AE | ECE | CWR),
        (".0", ACK),
        ("-", 0),
    ],
)
def test_flags(flags: str, bits: int) -> None:
    assert tcp(f"> {flags} 0:0(0)").flags == bits


def test_options_octet_by_octet() -> None:
    packet = tcp(
        "< S 0:0(0) win 5 <mss 1460,sackOK,TS val 7 ecr 8,nop,wscale 8,FO 0102,nop,nop,"
        "ECN e1b 1 ceb 2 e0b 3,nop,nop,eol>"
    )
    assert packet.options is not None
    assert b"".join(option.octets() for option in packet.options) == bytes.fromhex(
        "020405b4 0402 080a0000000700000008 01 030308 22040102 0101 ae0b000001000002000003 010100".replace(" ", "")
    )
    assert tcp("> . 1:1(0) ack 1 <...>").options is None


def test_a_fast_open_cookie_may_be_a_symbol_of_the_run() -> None:
    text = SOCKET + "+0 > S 0:0(0) <FO COOKIE,nop,nop>"
    packet = parse(text, defines={"COOKIE": "aabbccdd00112233"}).events[1].action
    assert isinstance(packet, TcpPacket) and packet.options is not None
    assert packet.options[0].body.hex() == "aabbccdd00112233"


def test_symbols_are_defined_in_the_head() -> None:
    script = parse('--define=FD=3 --define=CC="reno"\n0 setsockopt(FD, SOL_TCP, TCP_CONGESTION, CC, 4) = 0')
    action = script.events[0].action
    assert isinstance(action, Syscall)
    assert action.arguments[0] == 3
    assert action.arguments[3] == b"reno"


def test_structures_of_calls() -> None:
    message = call("recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{...,10}], msg_flags=MSG_TRUNC|MSG_EOR}, 0) = 10")
    assert isinstance(message.arguments[1], Struct)
    assert message.arguments[1].names() == ("msg_name", "msg_iov", "msg_flags")
    name = call('connect(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")}, ...) = 0')
    assert isinstance(name.arguments[1], Struct)
    assert name.arguments[2] is ELLIPSIS
    assert call("read(3, ..., 5) = -1 EAGAIN (Resource temporarily unavailable)").errno == "EAGAIN"
    assert call("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)").result == 2
    assert call(r'setsockopt(3, SOL_TCP, TCP_MD5SIG, "\x01a" "b\n", 4) = 0').arguments[3] == b"\x01ab\n"


def test_what_an_icmp_error_quotes_may_stand_in_front() -> None:
    behind = parse(SOCKET + "+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]").events[1].action
    assert parse(SOCKET + "+0 < [1:1001(1000)] icmp unreachable frag_needed mtu 1200").events[1].action == behind


def test_icmp() -> None:
    packet = parse(SOCKET + "+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]").events[1].action
    assert isinstance(packet, IcmpPacket)
    assert (packet.kind, packet.code, packet.mtu, packet.seq, packet.length) == (3, 4, 1200, 1, 1000)


def test_a_script_for_ipv6_is_skipped_and_its_packets_read() -> None:
    result = run_script("--ip_version=ipv6\n" + SOCKET + "+0 < icmp packet_too_big mtu 1280 [1:1001(1000)]")
    assert result.outcome == "skipped"
    assert "ipv6" in result.message
    assert run_script("--ip_version=ipv4-mapped-ipv6\n" + SOCKET).outcome == "skipped"
    assert run_script("--ip_version=ipv5\n" + SOCKET).outcome == "error"


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("// nothing", 1, 11, "needs an event"),
        ("1 close(3) = 0", 1, 1, "time 0"),
        (SOCKET + "close(3) = 0", 2, 1, "begins with its time|time in seconds"),
        (SOCKET + "+0 close(3", 2, 11, r"or '\)' behind a value"),
        (SOCKET + "+0 close(3) 0", 2, 13, "'=' expected"),
        (SOCKET + "+0 < . 1:1(0) ack 1", 2, 4, "needs its window"),
        (SOCKET + "+0 > . 1:2(0) ack 1", 2, 8, "has not 0 octets"),
        (SOCKET + "+0 > X 1:1(0)", 2, 6, "no TCP flag"),
        (SOCKET + "+0 > PE.5 1:1(0)", 2, 6, "twice"),
        (SOCKET + "+0 > . 1:1(0) ack 1 <mss 1460,bogus 5>", 2, 31, "no TCP option"),
        (SOCKET + "+0 > . 1:1(0) ack 1 <nop>", 2, 21, "no multiple of 4"),
        (SOCKET + "+0 < S 1:1(0) win 5 <...>", 2, 21, "leaves open"),
        (SOCKET + "+0 < [ect01] S 1:1(0) win 5", 2, 7, "ect01"),
        (SOCKET + "+0 < S 1:1(0) win 65536", 2, 19, "outside"),
        (SOCKET + "+0 < icmp unreachable net_unreachable mtu 5 [1:1(0)]", 2, 39, "frag_needed"),
        (SOCKET + "+0 < icmp nonsense [1:1(0)]", 2, 11, "no ICMP message"),
        (SOCKET + "* close(3) = 0", 2, 1, "packets of ours"),
        (SOCKET + "+0~+1 close(3) = 0", 2, 1, "range"),
        (SOCKET + "+1~+0 > . 1:1(0)", 2, 1, "ends before"),
        (SOCKET + "+0 %{ assert", 2, 4, "code block is never closed"),
        (SOCKET + '+0 write(3, "abc', 2, 13, "string is never closed"),
        (SOCKET + "/* never", 2, 1, "comment is never closed"),
        (SOCKET + "`a`\n`b`", 3, 1, "begins with its time"),
        (SOCKET + "5 close(3) = 0\n4 close(3) = 0", 3, 1, "time goes back"),
        (SOCKET + "+0 f(" + "[" * 100, 2, 47, "brackets in brackets"),
    ],
)
def test_mistakes_have_a_place(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(ScriptError, match=words) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    result = run_script("\n" + text)
    assert result.outcome == "error"
    assert result.message.startswith(f"script:{line + 1}:")


def test_mutations_are_read_and_left() -> None:
    assert tcp("< . 1:1(0) win 5 {mut tcp mss; rep ipv4 protocol 0x02}").window == 5


@pytest.mark.parametrize("line", ["< ipv4 1.1.1.1 > 2.2.2.2: . 1:1(0) win 5", "< gre: . 1:1(0) win 5"])
def test_what_is_not_done_is_unsupported(line: str) -> None:
    with pytest.raises(Unsupported, match="headers") as raised:
        parse(SOCKET + "+0 " + line)
    assert raised.value.line == 2
    result = run_script(SOCKET + "+0 " + line)
    assert (result.outcome, result.line) == ("unsupported", 2)
    assert result.message.startswith("script:2: packets inside of ")


WORDS = st.sampled_from(
    "0 +0 +.1 * ~ ... 0.2 < > S . P.5 1:1(0) 0:10(10) ack 1 win 257 <mss 1460> <...> <nop,nop,sack 1:2> [ect0] ( ) [ ] "
    '{ } = , | : socket(..., SOCK_STREAM, 6) = 3 icmp unreachable mtu udp %{ }% ` " \\ -1 0x1f --mss=5 EAGAIN // /* */ '
    "\n \x00 é 99999999999999999999 TS val ecr FO zz ECN e0b :: 1.2.3.4".split(" ")
)


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_any_words_are_a_script_or_a_mistake_with_a_place(text: str) -> None:
    try:
        parse(text)
    except ScriptError as error:
        assert 1 <= error.line <= text.count("\n") + 2
        assert error.column >= 1
    except Unsupported:
        pass


@given(st.text(max_size=80))
def test_any_text_is_a_script_or_a_mistake(text: str) -> None:
    with contextlib.suppress(ScriptError, Unsupported):
        parse(SOCKET + text)
