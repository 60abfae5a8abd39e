"""ICMP: echo, errors sent and errors received. RFC 792, RFC 1122 3.2.2, RFC 1812 4.3."""

from errno import ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOPROTOOPT, EPROTO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usernet.core.const import CSUM_PARTIAL
from usernet.ip.address import parse_ip
from usernet.wire.ip_const import HEADER_OK

from .world import BROADCAST, ICMP, PEER, TCP, UDP, Notes, Seen, World, icmp, ipv4


def ready() -> World:
    world = World()
    world.knows_peer()
    return world


def ping(world: World, body: bytes = b"abcdefgh", dst: str = "10.0.0.1", **fields: int) -> None:
    world.gets(ipv4("10.0.0.2", dst, icmp(8, 0, 0x00010002, body), protocol=ICMP, **fields))  # type: ignore[arg-type]


def quote(world: World, *, protocol: int = UDP, src: str = "10.0.0.1", payload: bytes = b"8 octets") -> bytes:
    return ipv4(src, "10.0.0.2", payload, protocol=protocol)


def report(world: World, kind: int, code: int, rest: int, body: bytes, src: str = "10.0.0.2") -> None:
    world.gets(ipv4(src, "10.0.0.1", icmp(kind, code, rest, body), protocol=ICMP))


@given(st.binary(max_size=2000))
def test_rfc1122_3_2_2_6_an_echo_is_answered_with_what_was_sent(body: bytes) -> None:
    world = ready()
    ping(world, body, tos=0x10)
    frames = world.frames()
    assert all(frame[:6] == PEER for frame in frames)
    if len(frames) == 1:
        assert frames[0][34:] == icmp(0, 0, 0x00010002, body)
        assert frames[0][15] == 0x10


def test_the_answer_comes_from_the_address_that_was_asked() -> None:
    world = ready()
    world.eth0.add_address(parse_ip("10.0.0.9"), 24)
    ping(world, dst="10.0.0.9")
    assert world.expect().src == "10.0.0.9"
    counters = world.context.counters.icmp
    assert (counters.InMsgs, counters.InEchos, counters.OutMsgs, counters.OutEchoReps) == (1, 1, 1, 1)


def test_we_may_ping_ourselves() -> None:
    world = World()
    world.send("127.0.0.1", icmp(8, 0, 5, b"x"), protocol=ICMP)
    world.loop()
    assert world.ping.payloads() == [icmp(0, 0, 5, b"x")]
    assert world.context.counters.icmp.OutEchos == 1


def test_echo_ignore_all() -> None:
    world = ready()
    world.context.sysctl.set("net.ipv4.icmp_echo_ignore_all", 1)
    ping(world)
    world.expect_nothing()


def test_a_broadcast_echo_is_answered_only_when_asked_to() -> None:
    world = ready()
    message = ipv4("10.0.0.2", "10.0.0.255", icmp(8, 0, 1, b"x"), protocol=ICMP)
    world.gets(message, to=BROADCAST)
    world.expect_nothing()
    world.context.sysctl.set("net.ipv4.icmp_echo_ignore_broadcasts", 0)
    world.gets(message, to=BROADCAST)
    assert world.expect().src == "10.0.0.1"


def test_an_echo_reply_goes_to_the_ping_sockets() -> None:
    world = ready()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", icmp(0, 0, 7, b"x"), protocol=ICMP))
    assert world.ping.payloads() == [icmp(0, 0, 7, b"x")]


def test_an_all_zero_reply_as_linux_sends_it_is_valid() -> None:
    world = ready()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", bytes(64), protocol=ICMP))
    assert world.ping.payloads() == [bytes(64)]


def test_an_echo_to_a_foreign_address_goes_to_the_forwarder() -> None:
    world = ready()
    world.eth0.accept_all = True
    ping(world, dst="8.8.8.8")
    assert world.drops == {"icmp_echo_not_ours": 1}
    world.ip.echo_forwarder = forwarder = Notes()
    ping(world, dst="8.8.8.8")
    (packet,) = forwarder.got
    assert bytes(packet.buf[packet.addr_off + 4 : packet.addr_off + 8]) == parse_ip("8.8.8.8")
    ping(world)
    assert world.expect().src == "10.0.0.1"
    assert world.ip.echo_forwarder is forwarder


@pytest.mark.parametrize(
    ("octets", "drop"),
    [
        (icmp(8)[:7], "icmp_truncated"),
        (b"\x08\x01" + icmp(8)[2:], "icmp_bad_checksum"),
        (b"\xff\xff", "icmp_truncated"),
        (icmp(1), "icmp_unknown_type"),
        (icmp(200), "icmp_unknown_type"),
        (icmp(3, 3, 0, bytes(27)), "icmp_quote_truncated"),
        (icmp(3, 3, 0, b"\x46" + bytes(27)), "icmp_quote_truncated"),
    ],
)
def test_bad_messages_are_counted(octets: bytes, drop: str) -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", octets, protocol=ICMP))
    assert world.drops == {drop: 1}
    assert world.context.counters.icmp.InErrors == 1
    assert world.context.counters.icmp.InCsumErrors == (drop == "icmp_bad_checksum")


@pytest.mark.parametrize(
    ("kind", "counter"), [(4, "InSrcQuenchs"), (5, "InRedirects"), (13, "InTimestamps"), (17, "InAddrMasks")]
)
def test_messages_we_do_not_act_upon_are_counted(kind: int, counter: str) -> None:
    world = ready()
    report(world, kind, 0, 0, quote(world))
    assert getattr(world.context.counters.icmp, counter) == 1
    assert world.udp.errors == []
    world.expect_nothing()


# Errors that come in.


@pytest.mark.parametrize(
    ("kind", "code", "err", "fatal"),
    [
        (3, 0, ENETUNREACH, False),
        (3, 1, EHOSTUNREACH, False),
        (3, 2, ENOPROTOOPT, True),
        (3, 3, ECONNREFUSED, True),
        (3, 4, EMSGSIZE, False),
        (3, 13, EHOSTUNREACH, True),
        (3, 99, EHOSTUNREACH, False),
        (11, 0, EHOSTUNREACH, False),
        (11, 1, EHOSTUNREACH, False),
        (12, 0, EPROTO, True),
    ],
)
def test_rfc1122_3_2_2_an_error_reaches_the_transport_with_linux_errno(
    kind: int, code: int, err: int, fatal: bool
) -> None:
    world = World()
    report(world, kind, code, 1280, quote(world), src="9.9.9.9")
    (error,) = world.udp.errors
    assert (error.family, error.kind, error.code, error.err, error.fatal) == (4, kind, code, err, fatal)
    assert error.info == (1280 if err == EMSGSIZE else 0)
    assert error.offender == parse_ip("9.9.9.9")
    assert bytes(error.buf[error.l4 : error.end]) == b"8 octets"
    at = error.addr_off
    assert bytes(error.buf[at : at + 8]) == parse_ip("10.0.0.1") + parse_ip("10.0.0.2")


def test_a_quoted_header_whose_checksum_a_router_broke_is_still_read() -> None:
    world = World()
    body = bytearray(quote(world))
    body[8] -= 3
    report(world, 3, 3, 0, bytes(body))
    assert len(world.udp.errors) == 1


def test_an_error_about_a_packet_that_was_not_ours_is_dropped() -> None:
    world = World()
    report(world, 3, 3, 0, quote(world, src="10.0.0.7"))
    report(world, 3, 3, 0, quote(world, protocol=99))
    report(world, 3, 3, 0, ipv4("10.0.0.1", "10.0.0.255", b"8 octets"))
    report(world, 3, 3, 0, ipv4("10.0.0.1", "10.0.0.2", b"8 octets", offset=8))
    assert world.udp.errors == []
    assert world.drops == {"icmp_quote_not_ours": 4}
    world.eth0.accept_all = True
    report(world, 3, 3, 0, quote(world, src="8.8.8.8"))
    assert len(world.udp.errors) == 1


def test_an_error_about_our_ping_reaches_the_ping_sockets() -> None:
    world = World()
    report(world, 3, 1, 0, quote(world, protocol=ICMP, payload=icmp(8, 0, 1)))
    assert [error.err for error in world.ping.errors] == [EHOSTUNREACH]
    report(world, 3, 1, 0, quote(world, protocol=ICMP, payload=icmp(0, 0, 1)))
    assert len(world.ping.errors) == 1


def test_an_error_sent_to_a_broadcast_address_is_refused() -> None:
    world = World()
    world.gets(ipv4("10.0.0.2", "10.0.0.255", icmp(3, 3, 0, quote(world)), protocol=ICMP), to=BROADCAST)
    assert world.udp.errors == []
    assert world.drops == {"icmp_broadcast": 1}


# Errors that go out.


def refused(world: World, datagram: bytes, *, to: bytes | None = None) -> Seen | None:
    """The answer when nobody listens."""
    if to is None:
        world.gets(datagram)
    else:
        world.gets(datagram, to=to)
    (packet,) = world.udp.got
    world.udp.got.clear()
    world.ip.port_unreachable(packet, world.now)
    return world.expect() if world.wire.frames else None


def test_port_unreachable_quotes_the_datagram() -> None:
    world = ready()
    datagram = ipv4("10.0.0.2", "10.0.0.1", bytes(range(40)), tos=0xB8)
    seen = refused(world, datagram)
    assert seen is not None
    assert (seen.to, seen.src, seen.dst, seen.protocol) == (PEER, "10.0.0.1", "10.0.0.2", ICMP)
    assert seen.payload == icmp(3, 3, 0, datagram)
    assert seen.header.tos == 0xD8 & 0x1E | 0xC0
    counters = world.context.counters.icmp
    assert (counters.OutMsgs, counters.OutDestUnreachs) == (1, 1)


def test_rfc1812_4_3_2_3_the_quote_fits_576_octets() -> None:
    world = ready()
    datagram = ipv4("10.0.0.2", "10.0.0.1", bytes(1200))
    seen = refused(world, datagram)
    assert seen is not None
    assert seen.header.total_length == 576
    assert seen.payload[8:] == datagram[:548]


def test_padding_is_not_quoted() -> None:
    world = ready()
    datagram = ipv4("10.0.0.2", "10.0.0.1", b"x")
    seen = refused(world, datagram + bytes(25))
    assert seen is not None
    assert seen.payload[8:] == datagram


def test_rfc1122_3_2_2_no_error_about_a_broadcast() -> None:
    world = ready()
    assert refused(world, ipv4("10.0.0.2", "10.0.0.255", b"x"), to=BROADCAST) is None
    assert refused(world, ipv4("10.0.0.2", "224.0.0.1", b"x"), to=BROADCAST) is None
    assert world.drops == {"icmp_not_reported": 2}


def test_rfc1122_3_2_2_no_error_about_an_icmp_error() -> None:
    world = ready()
    world.ip.protocols[ICMP] = None
    world.gets(ipv4("10.0.0.2", "10.0.0.1", icmp(3, 3, 0, bytes(28)), protocol=ICMP))
    world.gets(ipv4("10.0.0.2", "10.0.0.1", b"", protocol=ICMP))
    world.expect_nothing()
    world.gets(ipv4("10.0.0.2", "10.0.0.1", icmp(8), protocol=ICMP))
    assert world.expect().payload[:2] == b"\x03\x02"


def test_rfc1122_3_2_2_no_error_to_a_sender_that_is_no_host() -> None:
    world = ready()
    assert refused(world, ipv4("0.0.0.0", "255.255.255.255", b"x"), to=BROADCAST) is None


def test_a_foreign_address_we_stand_for_answers_itself() -> None:
    world = ready()
    world.eth0.accept_all = True
    seen = refused(world, ipv4("10.0.0.2", "8.8.8.8", b"x"))
    assert seen is not None and seen.src == "8.8.8.8"


def test_one_host_gets_six_errors_at_once_and_one_a_second() -> None:
    world = ready()
    datagram = ipv4("10.0.0.2", "10.0.0.1", b"x")
    assert [refused(world, datagram) is not None for _ in range(8)] == [True] * 6 + [False] * 2
    world.advance(s=1)
    assert [refused(world, datagram) is not None for _ in range(2)] == [True, False]
    assert world.context.counters.icmp.OutRateLimitHost == 3
    assert world.drops["icmp_rate_limited"] == 3


def test_all_hosts_together_get_fifty_errors_at_once() -> None:
    world = World()
    world.ip.fib.add(bytes(4), 0, parse_ip("10.0.0.2"), world.eth0)
    world.knows_peer()
    answers = sum(refused(world, ipv4(f"11.0.{n}.1", "10.0.0.1", b"x")) is not None for n in range(200))
    assert 15 <= answers <= 50
    assert world.context.counters.icmp.OutRateLimitGlobal == 200 - answers


def test_no_limit_on_echo_and_none_on_loopback() -> None:
    world = ready()
    for _ in range(300):
        ping(world)
        world.expect()
    for _ in range(100):
        world.send("10.0.0.1", b"8 octets", protocol=99)
        world.loop()
    assert world.context.counters.icmp.InDestUnreachs == 100


def test_unreachable_to_ourselves_reaches_our_transport() -> None:
    world = World()
    world.send("10.0.0.1", b"8 octets", protocol=UDP)
    world.loop()
    (packet,) = world.udp.got
    assert packet.csum != CSUM_PARTIAL
    world.ip.port_unreachable(packet, world.now)
    world.loop()
    assert [error.err for error in world.udp.errors] == [ECONNREFUSED]


def test_errors_about_tcp_go_to_tcp() -> None:
    world = World()
    report(world, 3, 1, 0, quote(world, protocol=TCP))
    assert len(world.tcp.errors) == 1 and world.udp.errors == []


def test_the_quote_of_a_parse_is_a_header() -> None:
    world = ready()
    seen = refused(world, ipv4("10.0.0.2", "10.0.0.1", b"x", options=b"\x94\x04\0\0"))
    assert seen is not None
    assert seen.header.parse(seen.payload, 8, len(seen.payload)) == HEADER_OK
    assert seen.header.hlen == 24
