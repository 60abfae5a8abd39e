"""Byte queues against a plain bytes model."""

from __future__ import annotations

import sys
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from usernet.core.bytequeue import ByteQueue, SendQueue
from usernet.core.packet import Packet, View, new_packet

pieces = st.binary(max_size=40)


class ByteQueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = ByteQueue()
        self.model = b""

    @rule(piece=pieces, before=st.integers(0, 3), after=st.integers(0, 3))
    def append(self, piece: bytes, before: int, after: int) -> None:
        self.queue.append(View(bytes(before) + piece + bytes(after), before, before + len(piece)))
        self.model += piece

    @rule(linear=pieces, frags=st.lists(pieces, max_size=3), skip=st.integers(0, 10))
    def append_payload(self, linear: bytes, frags: list[bytes], skip: int) -> None:
        packet = Packet(bytearray(bytes(skip) + linear + b"slack"), 0, skip + len(linear))
        for piece in frags:
            packet.add_frag(View(piece, 0, len(piece)))
        self.queue.append_payload(packet, skip)
        self.model += linear + b"".join(frags)

    @rule(
        linear=st.one_of(pieces, st.just(b"L" * 600)),
        frags=st.lists(st.one_of(pieces, st.just(b"F" * 700)), max_size=3),
        data=st.data(),
    )
    def append_slice(self, linear: bytes, frags: list[bytes], data: st.DataObject) -> None:
        packet = Packet(bytearray(b"hd" + linear + b"slack"), 0, 2 + len(linear))
        for piece in frags:
            packet.add_frag(View(piece, 0, len(piece)))
        whole = linear + b"".join(frags)
        skip = data.draw(st.integers(0, len(whole)))
        n = data.draw(st.integers(0, len(whole) - skip))
        self.queue.append_slice(packet, 2, skip, n)
        self.model += whole[skip : skip + n]

    @rule(n=st.integers(-1, 120), peek=st.booleans())
    def read(self, n: int, peek: bool) -> None:
        wanted = self.model[: max(n, 0)]
        assert self.queue.read(n, peek) == wanted
        if not peek:
            self.model = self.model[len(wanted) :]

    @rule(skip=st.integers(0, 120), n=st.integers(0, 120))
    def look(self, skip: int, n: int) -> None:
        assert self.queue.look(skip, n) == self.model[skip : skip + n]

    @rule(n=st.integers(0, 120), peek=st.booleans())
    def read_into(self, n: int, peek: bool) -> None:
        into = bytearray(b"\xaa" * n)
        wanted = self.model[:n]
        assert self.queue.read_into(memoryview(into), peek) == len(wanted)
        assert into == wanted + b"\xaa" * (n - len(wanted))
        if not peek:
            self.model = self.model[len(wanted) :]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        n = data.draw(st.integers(0, len(self.model)))
        self.queue.discard(n)
        self.model = self.model[n:]

    @rule()
    def clear(self) -> None:
        self.queue.clear()
        self.model = b""

    @invariant()
    def lengths_agree(self) -> None:
        assert len(self.queue) == self.queue.length == len(self.model)
        assert self.queue.read(len(self.model) + 1, True) == self.model


class SendQueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = SendQueue()
        self.stream = b""
        self.base = 0

    @rule(octets=st.one_of(pieces, st.integers(1, 2000).map(lambda n: bytes(range(256)) * (n // 256) + bytes(n % 256))))
    def append(self, octets: bytes) -> None:
        self.queue.append(octets)
        self.stream += octets

    @rule(data=st.data())
    def gather(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(self.base, len(self.stream)))
        n = data.draw(st.integers(0, len(self.stream) - at))
        packet = Packet(bytearray(), 0, 0)
        self.queue.gather(packet, at, n)
        assert packet.tobytes() == self.stream[at : at + n]

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        upto = data.draw(st.integers(self.base, len(self.stream)))
        self.queue.release(upto)
        self.base = upto

    @rule()
    def clear(self) -> None:
        self.queue.clear()
        self.base = len(self.stream)

    @invariant()
    def spans_agree(self) -> None:
        assert self.queue.base == self.base
        assert self.queue.end == len(self.stream)
        assert len(self.queue) == len(self.stream) - self.base


TestByteQueue = ByteQueueMachine.TestCase
TestSendQueue = SendQueueMachine.TestCase
TestByteQueue.settings = TestSendQueue.settings = settings(max_examples=60, stateful_step_count=40)


def test_a_trimmed_view_is_not_changed_for_its_sender() -> None:
    view = View(b"0123456789", 0, 10)
    queue = ByteQueue()
    queue.append(view)
    queue.discard(4)
    assert (view.start, view.end) == (0, 10)
    assert queue.read(10, False) == b"456789"


def test_large_octets_are_sent_by_reference() -> None:
    octets = bytes(513)
    queue = SendQueue()
    queue.append(octets)
    packet = Packet(bytearray(), 0, 0)
    queue.gather(packet, 0, len(octets))
    assert packet.frags is not None and packet.frags[0].base is octets


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=20))
def test_short_octets_are_joined(parts: list[bytes]) -> None:
    queue = SendQueue()
    for part in parts:
        queue.append(part)
    packet = Packet(bytearray(), 0, 0)
    queue.gather(packet, 0, len(queue))
    assert packet.frags is not None and len(packet.frags) == 1
    assert packet.tobytes() == b"".join(parts)


def test_joining_does_not_change_what_a_packet_in_flight_refers_to() -> None:
    queue = SendQueue()
    queue.append(b"first")
    packet = Packet(bytearray(), 0, 0)
    queue.gather(packet, 0, 5)
    queue.append(b"second")
    assert packet.tobytes() == b"first"


def test_gathering_again_after_everything_was_released() -> None:
    queue = SendQueue()
    queue.append(b"x" * 600)
    queue.gather(Packet(bytearray(), 0, 0), 0, 600)
    queue.release(600)
    queue.append(b"y" * 600)
    packet = Packet(bytearray(), 0, 0)
    queue.gather(packet, 600, 600)
    assert packet.tobytes() == b"y" * 600


def test_a_view_that_strides_is_filled_as_any_other() -> None:
    queue = ByteQueue()
    queue.append(View(b"0123", 0, 4))
    queue.append(View(bytearray(b"4567"), 1, 4))
    room = bytearray(12)
    assert queue.read_into(memoryview(room)[::2], True) == 6
    assert room == b"0\x001\x002\x003\x005\x006\x00"
    assert queue.read_into(memoryview(room), False) == 7
    assert room[:7] == b"0123567"


@given(st.integers(1, 300), st.integers(1, 700))
def test_what_was_read_of_many_views_is_let_go_of(views: int, piece: int) -> None:
    queue = ByteQueue()
    octets = bytes(i & 0xFF for i in range(3 * views))
    for i in range(views):
        queue.append(View(octets, 3 * i, 3 * i + 3))
    got = b""
    while len(queue) > 0:
        assert queue.read(piece, True) == octets[len(got) : len(got) + piece]
        got += queue.read(piece, False)
    assert got == octets
    queue.append(View(b"more", 0, 4))
    assert queue.read(9, False) == b"more"


def test_short_pieces_of_one_packet_keep_no_buffer_each() -> None:
    queue, packet = ByteQueue(), Packet(bytearray(100), 0, 100)
    buffers = [bytearray(86) + bytes([i]) for i in range(200)]
    for buf in buffers:
        packet.add_frag(View(buf, 86, 87))
    queue.append_slice(packet, 99, 0, 201)
    del packet, buf
    others = [bytearray(87)]
    assert {sys.getrefcount(each) for each in buffers[1:]} == {sys.getrefcount(each) for each in others[:]}
    assert queue.read(300, False) == b"\0" + bytes(range(200))


def test_a_long_queue_is_let_go_of_on_a_small_stack() -> None:
    queues = [SendQueue(), SendQueue()]
    for queue in queues:
        for _ in range(100_000):
            queue.append(b"o" * 600)
    queues[0].clear()
    before = threading.stack_size(1 << 18)
    try:
        thread = threading.Thread(target=queues.clear)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)


def test_a_node_that_was_released_is_no_place_to_begin() -> None:
    queue = SendQueue()
    for octet in b"abc":
        queue.append(bytes([octet]) * 600)
    queue.gather(new_packet(0), 0, 600)
    first = queue.found()
    queue.release(700)
    queue.look_at(first)
    packet = new_packet(0)
    queue.gather(packet, 1100, 200)
    assert packet.tobytes() == b"b" * 100 + b"c" * 100
