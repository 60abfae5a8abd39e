"""Joining segments of a batch: the inverse of segmentation, and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.const import CSUM_NONE, CSUM_PARTIAL, CSUM_UNNECESSARY, GSO_ACCECN, GSO_TCPV4
from usernet.core.entropy import Entropy
from usernet.core.packet import Packet
from usernet.core.timers import Timers
from usernet.link.const import MAX_TRAINS
from usernet.link.gro import Gro
from usernet.link.gso import segment
from usernet.link.impair import impair
from usernet.link.veth import Veth, veth_pair

from .frames import ACK, CWR, FIN, PSH, Recorder, plain, super_segment, take_apart

PAYLOAD = bytes(i * 7 & 0xFF for i in range(10000))


def receiver() -> tuple[Veth, Recorder]:
    device, _ = veth_pair("a", "b")
    upper = Recorder()
    device.upper = upper
    device.gro = Gro(device)
    return device, upper


def on_the_wire(packet: Packet) -> Packet:
    """The packet as a device without offloads reads it."""
    packet.complete_checksum()
    return plain(packet.tobytes())


def join(packets: list[Packet]) -> list[Packet]:
    device, upper = receiver()
    for packet in packets:
        device.deliver(packet, 1)
    device.end_batch(1)
    return upper.packets


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("wire", [True, False])
def test_what_segmentation_cut_is_joined_to_the_same_octets(family: int, wire: bool) -> None:
    whole = super_segment(PAYLOAD, family=family, flags=ACK | PSH)
    pieces = segment(super_segment(PAYLOAD, family=family, flags=ACK | PSH), 14)
    [joined] = join([on_the_wire(piece) if wire else piece for piece in pieces])
    assert joined.tobytes() == whole.tobytes()
    assert (joined.csum, joined.gso_size, joined.gso_type) == (CSUM_PARTIAL, 1448, whole.gso_type)
    joined.complete_checksum()
    assert take_apart(joined.tobytes()).payload == PAYLOAD


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=4000), st.integers(100, 1500), st.sampled_from([4, 6]), st.sampled_from([0, FIN]))
def test_joining_is_the_inverse_of_cutting(payload: bytes, mss: int, family: int, end: int) -> None:
    whole = super_segment(payload, mss=mss, family=family, flags=ACK | end)
    pieces = segment(super_segment(payload, mss=mss, family=family, flags=ACK | end), 14)
    [joined] = join([on_the_wire(piece) for piece in pieces])
    if len(pieces) == 1:
        whole.complete_checksum()
    assert joined.tobytes() == whole.tobytes()


def wire_pieces() -> list[Packet]:
    return [on_the_wire(piece) for piece in segment(super_segment(PAYLOAD[: 1448 * 4]), 14)]


def rewritten(packet: Packet, at: int, value: bytes) -> Packet:
    """The frame with some octets changed and its checksums made true again."""
    octets = bytearray(packet.tobytes())
    octets[at : at + len(value)] = value
    twin = super_segment(bytes(octets[66:]), mss=9000)
    head = twin.buf[twin.head : twin.tail]
    octets[24:26] = bytes(2)
    total = sum(struct.unpack("!10H", octets[14:34]))
    total = (total & 0xFFFF) + (total >> 16)
    octets[24:26] = struct.pack("!H", ((total & 0xFFFF) + (total >> 16)) ^ 0xFFFF)
    octets[50:52] = head[50:52]
    result = plain(bytes(octets))
    result.csum, result.csum_start, result.csum_offset = CSUM_PARTIAL, 34, 16
    return on_the_wire(result)


def test_a_rewritten_frame_is_still_true() -> None:
    take_apart(rewritten(wire_pieces()[1], 22, b"\x3f").tobytes())


@pytest.mark.parametrize(
    ("what", "at", "value"),
    [
        ("time to live", 22, b"\x3f"),
        ("service class", 15, b"\x04"),
        ("don't fragment", 20, b"\x00"),
        ("IP ID", 18, b"\x77\x77"),
        ("acknowledgement", 42, b"\x09"),
        ("window", 48, b"\x01\x01"),
        ("timestamp", 60, b"\x09"),
        ("sequence number", 38, b"\x55"),
    ],
)
def test_another_header_is_not_joined(what: str, at: int, value: bytes) -> None:
    pieces = wire_pieces()
    pieces[2] = rewritten(pieces[2], at, value)
    octets = [piece.tobytes() for piece in pieces]
    joined = join(pieces)
    assert len(joined) == 3, what
    assert [packet.gso_size for packet in joined] == [1448, 0, 0]
    assert joined[1].tobytes() == octets[2]


@pytest.mark.parametrize("flags", [ACK | CWR, ACK | 0x40, ACK | 0x20, ACK | 0x02, ACK | 0x04, 0])
def test_other_flags_pass_at_once_behind_their_flow(flags: int) -> None:
    pieces = wire_pieces()
    pieces[1] = rewritten(pieces[1], 47, bytes([flags]))
    octets = [piece.tobytes() for piece in pieces]
    joined = join(pieces)
    assert [packet.tobytes() for packet in joined[:2]] == octets[:2]
    assert joined[2].gso_size == 1448


def test_a_bad_checksum_is_left_for_the_stack_to_count() -> None:
    pieces = wire_pieces()
    pieces[1].buf[-1] ^= 1
    joined = join(pieces)
    assert [packet.csum for packet in joined] == [CSUM_UNNECESSARY, CSUM_NONE, CSUM_PARTIAL]
    pieces = wire_pieces()
    pieces[1].buf[25] ^= 1
    assert [packet.csum for packet in join(pieces)] == [CSUM_UNNECESSARY, CSUM_NONE, CSUM_PARTIAL]


def test_push_and_a_short_segment_end_a_train() -> None:
    pieces = wire_pieces()
    pieces[1] = rewritten(pieces[1], 47, bytes([ACK | PSH]))
    assert [packet.gso_size for packet in join(pieces)] == [1448, 1448]
    pieces = [on_the_wire(piece) for piece in segment(super_segment(PAYLOAD[:2000], flags=ACK), 14)]
    more = on_the_wire(segment(super_segment(b"x" * 100, flags=ACK, ident=0, seq=0xFFFFFF00 + 2000 - (1 << 32)), 14)[0])
    assert [len(take_apart(p.tobytes()).payload) for p in join([*pieces, more])[1:]] == [100]


def test_acknowledgements_and_other_traffic_are_not_held() -> None:
    device, upper = receiver()
    acknowledgement = on_the_wire(segment(super_segment(b"", flags=ACK), 14)[0])
    device.deliver(acknowledgement, 1)
    device.deliver(plain(bytes(60)), 1)
    assert len(upper.packets) == 2


def test_a_super_segment_passes_behind_its_flow() -> None:
    pieces = wire_pieces()
    ready = super_segment(PAYLOAD)
    joined = join([*pieces[:2], ready])
    assert len(joined) == 2 and joined[1] is ready


def test_flows_are_joined_side_by_side_and_bounded() -> None:
    def flow(port: int) -> list[Packet]:
        return [rewritten(piece, 34, struct.pack("!H", port)) for piece in wire_pieces()]

    flows = [flow(1000 + i) for i in range(MAX_TRAINS)]
    mixed = [packet for row in zip(*flows, strict=True) for packet in row]
    assert len(join(mixed)) == MAX_TRAINS
    device, upper = receiver()
    for i in range(MAX_TRAINS + 3):
        device.deliver(flow(2000 + i)[0], 1)
    assert len(upper.packets) == 3


def test_a_train_stays_inside_an_ip_datagram() -> None:
    pieces = []
    for i in range(2):
        whole = super_segment(bytes(40000), flags=ACK, seq=i * 40000, ident=i * 28, mss=1448)
        pieces += [on_the_wire(piece) for piece in segment(whole, 14)][:27]
    seqs = iter(range(0, 54 * 1448, 1448))
    train = [
        rewritten(rewritten(piece, 38, struct.pack("!I", next(seqs))), 18, struct.pack("!H", number))
        for number, piece in enumerate(pieces)
    ]
    joined = join(train)
    assert [len(packet) > 60000 for packet in joined] == [True, False]
    assert sum(len(packet) - 66 for packet in joined) == 54 * 1448


def test_what_impairment_cut_is_joined_again() -> None:
    a, b = veth_pair("a", "b")
    upper, timers = Recorder(), Timers()
    b.upper = upper
    impair(b, "delay 5ms", Entropy(b""), timers, egress=False)
    a.send(super_segment(PAYLOAD), 0)
    b.receive_batch(64, 0)
    assert upper.packets == []
    timers.run(timers.next_at())
    assert [packet.gso_size for packet in upper.packets] == [1448]
    assert upper.packets[0].tobytes() == super_segment(PAYLOAD).tobytes()


def damaged(draw: Callable[[st.SearchStrategy[int]], int]) -> bytes:
    octets = bytearray(wire_pieces()[0].tobytes())
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, 70))] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.integers(0, len(octets)))])


@given(st.data())
def test_whatever_comes_goes_on_once(data: st.DataObject) -> None:
    frames = [plain(damaged(data.draw)) for _ in range(6)]
    payload = sum(len(frame) for frame in frames)
    joined = join(frames)
    if all(packet.gso_size == 0 for packet in joined):
        assert sum(len(packet) for packet in joined) == payload
        assert len(joined) == 6


def counted(ace: int, octets: bytes = PAYLOAD) -> list[Packet]:
    """Wire segments that all have this ACE value (RFC 9768): AE in octet 12 of the TCP header, CWR and ECE in 13."""
    pieces = [on_the_wire(piece) for piece in segment(super_segment(octets, flags=ACK), 14)]
    ae, low = ace >> 2, ACK | (ace & 3) << 6
    return [rewritten(piece, 46, bytes([piece.buf[46] | ae, low])) for piece in pieces]


@pytest.mark.parametrize("ace", range(8))
def test_segments_with_one_count_of_marks_are_joined_and_cut_again_with_it(ace: int) -> None:
    [joined] = join(counted(ace))
    assert joined.gso_type == GSO_TCPV4 | (GSO_ACCECN if ace & 2 else 0)
    assert [piece.tobytes()[46:48] for piece in segment(joined, 14)] == [joined.tobytes()[46:48]] * 7


def test_segments_with_another_count_or_another_ecn_field_are_not() -> None:
    one, other = counted(5), counted(6)
    assert [packet.gso_size for packet in join([one[0], one[1], other[2], other[3]])] == [1448, 1448]
    marked = counted(5)
    marked[2] = rewritten(marked[2], 15, bytes([marked[2].buf[15] | 3]))
    assert len(join(marked[:4])) == 3
