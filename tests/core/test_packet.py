"""Packet and View: headroom, by-reference payload, copies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from usernet.core.const import HEADROOM
from usernet.core.packet import Packet, View, new_packet


def slots(packet: Packet) -> dict[str, object]:
    return {name: getattr(packet, name) for name in Packet.__slots__}


FIELDS = ("csum", "gso_type", "gso_size", "protocol", "tos", "ttl", "mark", "timestamp", "addr_len", "csum_offset")


def filled() -> Packet:
    packet = new_packet(100)
    packet.buf[packet.head : packet.head + 20] = bytes(range(20))
    packet.tail += 20
    packet.l3, packet.l4 = packet.head, packet.head + 8
    packet.csum_start, packet.addr_off = packet.head + 8, packet.head + 2
    for number, name in enumerate(FIELDS, 1):
        setattr(packet, name, number)
    packet.df = True
    return packet


def test_a_new_packet_is_empty_with_headroom() -> None:
    packet = new_packet(10)
    assert packet.length() == 0 and packet.tobytes() == b""
    assert packet.head == packet.tail == HEADROOM
    assert len(packet.buf) == HEADROOM + 10


def test_push_within_headroom_moves_only_head() -> None:
    packet = filled()
    buf, l3 = packet.buf, packet.l3
    assert packet.push(14) == HEADROOM - 14 == packet.head
    assert packet.buf is buf and packet.l3 == l3
    assert packet.length() == 34


@given(st.integers(0, 30), st.integers(1, 300))
def test_push_past_the_headroom_keeps_every_offset_true(room: int, n: int) -> None:
    data = bytes(range(60))
    packet = Packet(bytearray(room) + bytearray(data), room, room + 60)
    packet.l3, packet.l4, packet.csum_start, packet.addr_off = room, room + 20, room + 20, room + 12
    packet.push(n)
    assert packet.length() == 60 + n
    assert packet.tobytes()[n:] == data
    assert packet.buf[packet.l3 : packet.tail] == data
    assert packet.buf[packet.l4] == packet.buf[packet.csum_start] == 20
    assert packet.buf[packet.addr_off] == 12


def test_push_leaves_unset_layer_offsets_unset() -> None:
    packet = Packet(bytearray(4), 0, 4)
    packet.push(8)
    assert packet.l3 == packet.l4 == -1


@given(st.binary(max_size=40), st.lists(st.binary(max_size=40), max_size=5))
def test_linearize_keeps_the_octets_and_the_frags_gone(linear: bytes, frags: list[bytes]) -> None:
    packet = Packet(bytearray(b"abc" + linear + b"spare room"), 3, 3 + len(linear))
    for piece in frags:
        packet.add_frag(View(b"." + piece + b".", 1, 1 + len(piece)))
    whole = linear + b"".join(frags)
    assert len(packet) == packet.length() == len(whole)
    assert packet.tobytes() == whole
    packet.linearize()
    assert packet.frags is None and packet.frags_len == 0
    assert bytes(packet.buf[packet.head : packet.tail]) == packet.tobytes() == whole
    assert len(packet) == len(whole)


def test_a_clone_has_every_field_and_its_own_octets() -> None:
    packet = filled()
    packet.add_frag(View(b"payload", 0, 7))
    twin = packet.clone()
    for name, value in slots(packet).items():
        if name not in ("buf", "frags"):
            assert getattr(twin, name) == value, name
    assert twin.tobytes() == packet.tobytes()
    twin.buf[twin.head] ^= 0xFF
    twin.add_frag(View(b"more", 0, 4))
    assert packet.tobytes() == bytes(range(20)) + b"payload"
    assert twin.frags is not None and packet.frags is not None
    assert twin.frags[0] is packet.frags[0]


def test_a_clone_can_be_pushed_and_linearized_alone() -> None:
    packet = filled()
    packet.add_frag(View(b"payload", 0, 7))
    twin = packet.clone()
    twin.push(200)
    twin.linearize()
    assert packet.tobytes() == bytes(range(20)) + b"payload"
    assert twin.tobytes()[200:] == packet.tobytes()


def test_a_view_is_a_span_and_not_a_copy() -> None:
    base = bytearray(b"0123456789")
    view = View(base, 2, 5)
    assert len(view) == 3 and view.tobytes() == b"234"
    base[2] = ord("x")
    assert bytes(view.memory()) == b"x34"
