"""How the judge compares packets: each rule has lines that pass and lines that must not."""

from __future__ import annotations

import pytest

from usernet.core.packet import Packet
from usernet.testing.drill import run_script
from usernet.testing.drill.compare import differences, piece_differences
from usernet.testing.drill.live import Live, read, write
from usernet.testing.drill.script import ACK, OUTBOUND, TcpOption, UdpPacket

from .judge import OPENED, fails, passes, window

WRITE = "+0 write(4, ..., 1000) = 1000\n"


def test_a_packet_as_expected_passes() -> None:
    passes(WRITE + f"+0 > P. 1:1001(1000) ack 1 win {window()}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (". 1:1001(1000) ack 1", "flags: . expected, P. sent (PSH)"),
        ("P. 2:1002(1000) ack 1", "sequence number: 2 expected, 1 sent"),
        ("P. 1:1002(1001) ack 1", "only 1000 octets of the expected packet were sent"),
        ("P. 1:1000(999) ack 1", "length: 999 expected, 1000 sent"),
        ("P. 1:1001(1000) ack 2", "acknowledgment number: 2 expected, 1 sent"),
        ("P. 1:1001(1000) ack 1 win 7", "window: 7 expected, "),
        ("P. 1:1001(1000) ack 1 urg 7", "urgent pointer: 7 expected, 0 sent"),
        ("PE. 1:1001(1000) ack 1", "(ECN bits)"),
        ("P.5 1:1001(1000) ack 1", "(ECN bits)"),
        ("P. 1:1001(1000) ack 1 <nop,nop,TS val 1 ecr 1>", "options: <nop,nop,TS val 1 ecr 1> expected, <> sent"),
        ("[ect0] P. 1:1001(1000) ack 1", "ECN field: ect0 expected, noecn sent"),
        ("[tos 0x10] P. 1:1001(1000) ack 1", "type of service: 0x10 expected, 0x00 sent"),
        ("[ttl 7] P. 1:1001(1000) ack 1", "time to live: 7 expected, 64 sent"),
        ("icmp unreachable port_unreachable", "protocol: ICMP expected, TCP sent"),
    ],
)
def test_each_field_is_compared(line: str, words: str) -> None:
    fails(WRITE + f"+0 > {line}", words, "script: >")


@pytest.mark.parametrize("field", ["[noecn]", "[tos 0x00]", "[ttl 64]", "(ttl 64)"])
def test_ip_fields_that_are_as_said(field: str) -> None:
    passes(WRITE + f"+0 > {field} P. 1:1001(1000) ack 1")


def test_window_and_options_not_written_are_not_looked_at() -> None:
    passes(WRITE + "+0 > P. 1:1001(1000) ack 1 <...>")


def syn_ack(options: str) -> str:
    return f"""
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000,sackOK,TS val 7 ecr 0,nop,wscale 7>
   +0 > S. 0:0(0) ack 1 <{options}>
"""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("sackOK,TS val 100 ecr 7,nop,wscale 8,mss 1460", "order of the options"),
        ("mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 7", "option: wscale 7 expected, wscale 8 sent"),
        ("mss 1460,nop,nop,sackOK,nop,wscale 8", "options: <mss"),
        ("mss 1400,sackOK,TS val 100 ecr 7,nop,wscale 8", "option: mss 1400 expected, mss 1460 sent"),
    ],
)
def test_options_are_compared_in_order_and_octet_by_octet(options: str, words: str) -> None:
    assert run_script(syn_ack("mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 8")).ok
    result = run_script(syn_ack(options))
    assert result.outcome == "FAIL"
    assert words in str(result)


def test_no_packet_is_a_failure_that_shows_the_last_ones() -> None:
    fails("+0 > . 1:1(0) ack 1", "the packet expected at 0.100000 s is never sent", "last packets:", "< . 1:1(0)")


def test_packets_of_the_stack_that_no_line_expects_at_the_end_are_no_error() -> None:
    passes(WRITE)


def test_a_packet_between_two_expected_ones_is_compared_with_the_second() -> None:
    lines = "+0 < P. 1:11(10) ack 1 win 257\n+0 < P. 11:21(10) ack 1 win 257\n+0 write(4, ..., 10) = 10\n"
    fails(lines + "+0 > P. 1:11(10) ack 21\n", "> . 1:1(0) ack 11")


def test_pieces_of_equal_size_add_up_unless_segments_are_strict() -> None:
    lines = """+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
    +0 write(4, ..., 400) = 400
    +0 write(4, ..., 400) = 400
    +0 write(4, ..., 100) = 100
    +0 > P. 1:901(900) ack 1
    """
    passes(lines)
    fails(lines, "length: 900 expected, 400 sent", strict_segments=True)


def test_pieces_of_unequal_size_do_not_add_up() -> None:
    lines = """+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
    +0 write(4, ..., 400) = 400
    +0 write(4, ..., 300) = 300
    +0 write(4, ..., 400) = 400
    +0 > P. 1:1101(1100) ack 1
    """
    fails(lines, "do not add up", "pieces of 400 octets and then one of 300")


def piece(seq: int, octets: int, *options: TcpOption) -> Live:
    return Live(0, 6, b"", b"", seq=seq, flags=ACK, options=list(options), payload=bytes(octets))


def test_pieces_with_options_of_other_lengths_do_not_add_up() -> None:
    nops = [TcpOption(1)] * 4
    assert piece_differences(piece(1, 10, *nops), piece(11, 10, *nops), 10, 20) == []
    (words,) = piece_differences(piece(1, 10, *nops), piece(11, 10), 10, 20)
    assert words == "options: <nop,nop,nop,nop> and then <>"


def test_a_syn_of_the_socket_before_is_no_piece_of_the_next() -> None:
    result = run_script("""
    0 `sysctl -q net.ipv4.tcp_fastopen=0x5; sysctl -q net.ipv4.tcp_timestamps=0`
   +0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
   +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
   +0 > S 0:0(0) <...>
  +.5 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 4
 +.6 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = 100
   +0 > S 0:100(100) <...>
    """)
    assert result.ok, "\n".join([str(result), *result.trace])


def sent(octets: bytes) -> Live:
    return read(Packet(bytearray(octets), 0, len(octets)), 0)


def segment() -> bytes:
    live = Live(0, 6, bytes(4), bytes(4), 1, 2, flags=ACK, payload=b"text")
    return write(live).tobytes()


def changed(octets: bytes, at: int, value: int) -> bytes:
    return octets[:at] + bytes((value,)) + octets[at + 1 :]


def test_what_a_packet_may_not_have_is_told() -> None:
    octets = segment()
    assert sent(octets).faults == ()
    assert sent(changed(octets, 10, octets[10] ^ 1)).faults == ("has a bad IP checksum",)
    assert sent(changed(octets, 43, 9)).faults == ("has a bad TCP checksum",)
    assert "has reserved bits of the TCP header set" in sent(changed(octets, 32, 0x52)).faults
    assert "has 4 octets of IP options" in sent(changed(octets, 0, 0x46) + bytes(4)).faults


@pytest.mark.parametrize(("protocol", "name"), [(17, "UDP"), (1, "ICMP")])
def test_checksums_of_datagrams_are_looked_at(protocol: int, name: str) -> None:
    octets = write(Live(0, protocol, bytes(4), bytes(4), 1, 2, payload=bytes(8))).tobytes()
    assert sent(octets).faults == ()
    damaged = sent(changed(octets, 30, 7))
    assert damaged.faults == (f"has a bad {name} checksum",)
    if name == "UDP":
        found = differences(UdpPacket(OUTBOUND, 8), damaged, (0, 0))
        assert "the text is not the zeros that were written" in found


def test_a_packet_to_us_longer_than_any_is_no_script() -> None:
    fails("+0 < . 1:65496(65495) ack 1 win 257 <nop,nop,sack 1:2>", "are more than the 65535", outcome="error")
    passes("+0 < . 1:65496(65495) ack 1 win 257")


PING = """
    0 socket(..., SOCK_DGRAM, IPPROTO_ICMP) = 3
   +0 bind(3, ..., ...) = 0
   +0 sendto(3, ..., 64, 0, ..., ...) = 64
   +0 > icmp echo_request [raw (64)]
  +.1 < icmp echo_reply id 8080 [raw (50)]
   +0 read(3, ..., 100) = 50
"""


def test_a_ping_is_sent_and_answered() -> None:
    assert run_script(PING).ok, str(run_script(PING))
    for wrong, words in (
        ("echo_request [raw (65)]", "length: 65 octets of ICMP expected, 64 sent"),
        ("echo_request", "length: 36 octets of ICMP expected, 64 sent"),
        ("echo_reply [raw (64)]", "ICMP type and code: 0 0 expected, 8 0 sent"),
    ):
        result = run_script(PING.replace("echo_request [raw (64)]", wrong))
        assert result.outcome == "FAIL" and words in str(result)
    assert run_script(PING.replace("raw (50)", "raw (7)")).outcome == "error"


def test_a_packet_of_another_protocol_needs_ports_of_its_own() -> None:
    words = "the socket before is of another protocol than this packet"
    fails("+0 < udp (10)", words)
    fails("+0 > udp (10)", words)
    passes("+0 < udp 53 > 53 (10)")
    result = run_script("0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n+0 < . 1:1(0) ack 1 win 5\n")
    assert words in result.message and result.line == 2


def test_super_segments_are_seen_whole() -> None:
    passes("+0 write(4, ..., 2000) = 2000\n+0 > P. 1:2001(2000) ack 1", strict_segments=True)


def test_sack_edges_are_in_the_numbers_of_the_script_both_ways() -> None:
    passes("""
    +0 < P. 1001:2001(1000) ack 1 win 257
    +0 > . 1:1(0) ack 1 <nop,nop,sack 1001:2001>
    +0 < P. 1:1001(1000) ack 1 win 257
    +0 > . 1:1(0) ack 2001
    +0 write(4, ..., 1000) = 1000
    +0 > P. 1:1001(1000) ack 2001
    +0 write(4, ..., 1000) = 1000
    +0 > P. 1001:2001(1000) ack 2001
   +.1 < . 2001:2001(0) ack 1 win 257 <nop,nop,sack 1001:2001>
    +0 %{ assert tcpi_sacked == 1, tcpi_sacked }%
    """)
    fails(
        "+0 < P. 1001:2001(1000) ack 1 win 257\n+0 > . 1:1(0) ack 1 <nop,nop,sack 1001:2002>",
        "option: sack 1001:2002 expected, sack 1001:2001 sent",
    )


TIMESTAMPS = """
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000,sackOK,TS val 7 ecr 0,nop,wscale 7>
   +0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 100 ecr 7,nop,wscale 8>
  +.1 < . 1:1(0) ack 1 win 257 <nop,nop,TS val 8 ecr 100>
   +0 accept(3, ..., ...) = 4
   +0 write(4, ..., 10) = 10
"""


def test_timestamps_of_ours_are_looked_at_only_with_a_tick() -> None:
    wrong = TIMESTAMPS + "+0 > P. 1:11(10) ack 1 <nop,nop,TS val 500 ecr 8>"
    assert run_script(wrong).ok
    result = run_script(wrong, tcp_ts_tick_usecs=1000)
    assert "timestamp: 500 expected, 200 sent" in str(result)
    right = TIMESTAMPS + "+0 > P. 1:11(10) ack 1 <nop,nop,TS val 200 ecr 8>"
    assert run_script(right, tcp_ts_tick_usecs=1000).ok


def test_an_echo_of_a_timestamp_that_was_never_sent_is_a_mistake_unless_scaled() -> None:
    lines = TIMESTAMPS + "+0 > P. 1:11(10) ack 1 <...>\n+.1 < . 1:1(0) ack 11 win 257 <nop,nop,TS val 9 ecr 150>"
    assert "echoes the timestamp 150" in str(run_script(lines))
    assert run_script(lines, tcp_ts_ecr_scaled=True).ok


def test_an_icmp_error_quotes_the_connection() -> None:
    lines = """
    +0 write(4, ..., 1000) = 1000
    +0 > P. 1:1001(1000) ack 1
    +0 < icmp unreachable frag_needed mtu 700 [{}(1000)]
    +0 > P. 1:1001(1000) ack 1
    """
    passes(lines.format("1:1001"))
    fails(lines.format("5001:6001"), "too late")


def test_an_active_opening_tells_its_own_port_and_number() -> None:
    result = run_script("""
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
   +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
   +0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>
  +.1 < S. 0:0(0) ack 1 win 5792 <mss 1460,sackOK,TS val 700 ecr 100,nop,wscale 7>
   +0 > . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 700>
   +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
    """)
    assert result.ok, str(result)


def test_a_second_descriptor_of_the_same_number_is_a_mistake_of_the_script() -> None:
    result = run_script(OPENED + "+0 accept(3, ..., ...) = 4")
    assert not result.ok


KEYED = """
    0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
   +0 setsockopt(3, SOL_TCP, TCP_AO_ADD_KEY, {{sndid=100, rcvid=101, key="{key}"}}, 288) = 0
   +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
   +0 > S 0:0(0) <ao {ids},mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8>
"""


def test_a_mac_of_tcp_ao_is_the_runs_to_find() -> None:
    assert run_script(KEYED.format(key="secret", ids="100 101")).ok
    result = run_script(KEYED.format(key="secret", ids="100 102"))
    assert result.outcome == "FAIL" and "ao" in str(result)
    # Octets are compared as they stand.
    assert run_script(KEYED.format(key="secret", ids="6465aaaaaaaaaaaaaaaaaaaaaaaa")).outcome == "FAIL"
    assert run_script(KEYED.format(key="secret", ids="300 101")).outcome == "error"


def test_a_digest_of_tcp_md5_is_the_runs_to_find() -> None:
    script = """`sysctl -q net.ipv4.tcp_timestamps=0`
    0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
   +0 setsockopt(3, SOL_TCP, TCP_MD5SIG, {key="secret"}, 216) = 0
   +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
   +0 > S 0:0(0) <nop,nop,md5 mac,mss 1460,nop,nop,sackOK,nop,wscale 8>
    """
    assert run_script(script).ok, str(run_script(script))
    result = run_script(script.replace("md5 mac", f"md5 {'5a' * 16}"))
    assert result.outcome == "FAIL" and "md5" in str(result)
    assert run_script(script.replace("md5 mac", "md5 max")).outcome == "error"
