"""What a signature must not let pass: other numbers, other lengths, other kinds, segments before the handshake."""

import pytest

from usernet.core.packet import Packet
from usernet.tcp.ao import AoAuth, AoCounts, MasterKey
from usernet.tcp.auth import accepts
from usernet.tcp.const import ACK, SYN
from usernet.tcp.md5 import Md5Auth
from usernet.testing.peer import LOCAL, REMOTE, Scene
from usernet.wire.tcp import Segment, emit
from usernet.wire.tcp_const import OPT_AO, OPT_MD5

ISS, IRS = 0xFFFFFF00, 5
# The option of a signature of 12 octets.
ROOM = 16


def ends(maclen=12):
    """Both ends of a connection that opens with ISS and IRS, and what each counts."""
    made = []
    for local, remote, ports in ((LOCAL, REMOTE, (1, 2)), (REMOTE, LOCAL, (2, 1))):
        ext = Scene().counters.tcp_ext
        key = MasterKey(remote, 32, 7, 7, b"secret", maclen=maclen)
        made.append((AoAuth(ext, local, remote, *ports, [key], None, None, AoCounts(), False), ext))
    return made


def segment(auth, seq, flags=ACK, options=bytes(ROOM)):
    """A segment from this end, not signed yet."""
    packet = Packet(bytearray(emit(auth.local_port, auth.remote_port, seq, 6, flags, 0, options, b"text")), 0, 0)
    packet.tail = len(packet.buf)
    packet.l4 = 0
    return packet


def signed(auth, seq, flags=ACK):
    packet = segment(auth, seq, flags)
    auth.sign(packet)
    return packet


def takes(auth, packet):
    seg = Segment()
    assert seg.parse(packet)
    return auth.accepts(packet, seg)


def opened():
    (one, _), (other, ext) = ends()
    assert takes(other, signed(one, ISS, SYN)) and takes(one, signed(other, IRS, SYN | ACK))
    return one, other, ext


# (sequence number, the extension that RFC 5925 6.2 gives it), in the order they are sent.
NUMBERS = [
    (0xFFFFFF01, 0), (0xFFFFFFF0, 0), (0x10, 1), (0xFFFFFFF8, 0), (0, 1), (0x7FFFFFFF, 1), (0x20, 1), (0xF0000000, 1),
    (0x5, 2), (0xFFFFFFFF, 1), (0x6, 2), (0x80000005, 2), (0x90000000, 2), (0x0FFFFFFF, 3), (0xFFFFFFFF, 2),
]  # fmt: skip


def test_rfc5925_6_2_both_ends_count_how_often_the_number_wrapped():
    one, other, ext = opened()
    key = one.keys[0]
    ports = bytes((0, 1, 0, 2))
    context = LOCAL + REMOTE + ports + ISS.to_bytes(4, "big") + IRS.to_bytes(4, "big")
    traffic = key.traffic_key(context)
    for seq, sne in NUMBERS:
        packet = signed(one, seq)
        mac = bytes(packet.buf[24:36])
        assert mac == key.mac(traffic, sne, LOCAL + REMOTE, packet, 20), hex(seq)
        for wrong in (sne - 1, sne + 1):
            packet.buf[24:36] = key.mac(traffic, wrong, LOCAL + REMOTE, packet, 20)
            assert not takes(other, packet), hex(seq)
        packet.buf[24:36] = mac
        assert takes(other, packet), hex(seq)
    assert ext.TCPAOBad == other.counts.bad == other.keys[0].bad == 2 * len(NUMBERS)
    # With the SYN, which is genuine too.
    assert ext.TCPAOGood == other.counts.good == other.keys[0].good == len(NUMBERS) + 1


def test_a_forged_ack_before_the_syn_ack_does_not_spoil_the_keys():
    (one, ext), (other, _) = ends()
    assert takes(other, signed(one, ISS, SYN))
    forged = segment(other, 77)
    forged.buf[20:24] = bytes((OPT_AO, ROOM, 7, 7))
    assert not takes(one, forged) and ext.TCPAOBad == 1
    assert takes(one, signed(other, IRS, SYN | ACK))
    assert takes(one, signed(other, IRS + 1)) and takes(other, signed(one, ISS + 1))


def test_a_signature_of_another_length_than_the_keys_is_none():
    one, other, ext = opened()
    key = one.keys[0]
    packet = segment(one, ISS + 1, options=bytes((OPT_AO, ROOM + 4, 7, 7)) + bytes(ROOM))
    context = LOCAL + REMOTE + bytes((0, 1, 0, 2)) + ISS.to_bytes(4, "big") + IRS.to_bytes(4, "big")
    packet.buf[24:36] = key.mac(key.traffic_key(context), 0, LOCAL + REMOTE, packet, 20)
    assert not takes(other, packet) and ext.TCPAOBad == 1


def test_each_kind_of_signature_is_asked_for_by_its_own():
    (one, _), (other, ext) = ends()
    by_ao, plain = signed(one, ISS, SYN), segment(one, ISS, SYN, b"")
    by_md5 = segment(one, ISS, SYN, bytes(20))
    Md5Auth(one.ext, LOCAL, REMOTE, b"secret").sign(by_md5)
    assert not takes(other, by_md5) and ext.TCPMD5Unexpected == 1 and ext.TCPAORequired == 0
    assert not takes(other, plain) and ext.TCPAORequired == other.counts.required == 1
    by_ao.buf[22] = 8
    assert not takes(other, by_ao) and ext.TCPAOKeyNotFound == other.counts.key_not_found == 1
    assert ext.TCPAOBad == 0

    ext = Scene().counters.tcp_ext
    old = Md5Auth(ext, REMOTE, LOCAL, b"secret")
    assert not takes(old, by_ao) and ext.TCPAOKeyNotFound == 1 and ext.TCPMD5NotFound == 0
    assert not takes(old, plain) and ext.TCPMD5NotFound == 1
    assert takes(old, by_md5)
    by_md5.buf[-1] ^= 1
    assert not takes(old, by_md5) and ext.TCPMD5Failure == 1


@pytest.mark.parametrize(
    "options, counter",
    [
        (bytes((OPT_AO, ROOM, 7, 7)) + bytes(12), "TCPAOKeyNotFound"),
        (bytes((1, 1, OPT_MD5, 18)) + bytes(16), "TCPMD5Unexpected"),
        (bytes((OPT_AO, 3, 7, 1)), "TCPAOBad"),
    ],
)
def test_where_nobody_has_a_key_a_signature_counts_once_and_is_not_taken(options, counter):
    ext = Scene().counters.tcp_ext
    seg = Segment()
    packet = segment(ends()[0][0], ISS, SYN, options)
    assert seg.parse(packet) and not accepts(None, ext, packet, seg)
    assert getattr(ext, counter) == ext.TCPAOKeyNotFound + ext.TCPMD5Unexpected + ext.TCPAOBad == 1


@pytest.mark.parametrize("maclen", range(1, 17))
def test_a_signature_of_any_length_leaves_the_header_whole(maclen):
    (one, _), (other, _) = ends(maclen)
    room = one.room
    assert room % 4 == 0 and 4 + maclen <= room < 8 + maclen
    packet = segment(one, ISS, SYN, bytes(room))
    one.sign(packet)
    assert len(packet.buf) == 20 + room + 4 and packet.buf[24 + maclen : 20 + room] == b"\1" * (room - 4 - maclen)
    assert takes(other, packet)


def test_rfc5925_7_8_other_errors_are_believed():
    (one, ext), _ = ends()
    assert not any(one.ignores_icmp(kind, 2) for kind in range(256) if kind != 3)
    assert ext.TCPAODroppedIcmps == one.counts.dropped_icmp == 0
    assert one.ignores_icmp(3, 2) and ext.TCPAODroppedIcmps == one.counts.dropped_icmp == 1
