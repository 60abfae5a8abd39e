"""Urgent data: RFC 9293 3.8.5, RFC 6093, as BSD's sockets show it."""

from errno import EAGAIN, EINVAL

import pytest

from usernet.core.const import POLLIN, POLLPRI
from usernet.tcp.const import ACK, MSG_OOB, URG
from usernet.tcp.settings import Settings
from usernet.tcp.urgent import is_at_mark, readable_before_mark
from usernet.testing.peer import Scene


def opened(scene=None, *, inline=False):
    scene = scene or Scene()
    settings = Settings()
    settings.oobinline = inline
    peer = scene.peer()
    tcb, owner = peer.open_passive(scene.listen(settings=settings))
    return scene, peer, tcb, owner


def urgent(peer, seq, payload, pointer):
    """A segment with URG set and this pointer."""
    from usernet.core.const import MASK32
    from usernet.wire.tcp import emit

    octets = bytearray(
        emit(peer.remote_port, peer.local_port, (seq + peer.isn) & MASK32, (1 + peer.iss) & MASK32, ACK | URG,
             65535, b"", payload)
    )  # fmt: skip
    octets[18:20] = pointer.to_bytes(2, "big")
    peer.send_octets(bytes(octets))


def pointer_of(sent):
    return int.from_bytes(sent.packet.buf[sent.packet.l4 + 18 : sent.packet.l4 + 20], "big")


def test_the_pointer_stands_behind_the_last_urgent_octet():
    scene, peer, tcb, _ = opened()
    assert tcb.send(b"abc", scene.now, MSG_OOB) == 3
    sent = peer.expect(ACK | URG, seq=1, payload=b"abc")
    assert pointer_of(sent) == 3
    peer.send(ACK, seq=1, ack=4)
    tcb.send(b"plain", scene.now)
    assert pointer_of(peer.expect(ACK, payload=b"plain")) == 0


def test_urgent_mode_lasts_until_all_urgent_octets_are_acknowledged():
    scene, peer, tcb, _ = opened()
    peer.send(ACK, seq=1, ack=1, payload=b"x")
    peer.drain()
    peer.send(ACK, seq=2, ack=1, wnd=2920)
    tcb.send(bytes(5000), scene.now, MSG_OOB)
    assert [pointer_of(sent) for sent in peer.drain()] == [5000, 3540]
    peer.send(ACK, seq=2, ack=2921, wnd=65535)
    assert [pointer_of(sent) for sent in peer.drain()] == [2080, 620]


def test_an_urgent_octet_is_read_out_of_line():
    scene, peer, tcb, owner = opened()
    urgent(peer, 1, b"ab!", 3)
    assert owner.take() & (POLLIN | POLLPRI) == POLLIN | POLLPRI and tcb.poll() & POLLPRI
    assert tcb.recv_urgent(True) == ord("!") and tcb.recv_urgent(False) == ord("!")
    assert tcb.recv_urgent(False) == -EINVAL and not tcb.poll() & POLLPRI
    assert tcb.recv(10, False, scene.now) == b"ab"
    assert is_at_mark(tcb)
    peer.send(ACK, seq=4, ack=1, payload=b"cd")
    assert tcb.recv(10, False, scene.now) == b"cd" and not is_at_mark(tcb)
    assert scene.context.pool.used == 0


def test_a_lone_urgent_octet_out_of_line_makes_nothing_readable():
    scene, peer, tcb, _ = opened()
    urgent(peer, 1, b"!", 1)
    assert tcb.poll() & (POLLIN | POLLPRI) == POLLPRI
    assert tcb.recv(10, True, scene.now) is None
    peer.send(ACK, seq=2, ack=1, payload=b"c")
    assert tcb.poll() & POLLIN and tcb.recv(10, True, scene.now) == b"c"


def test_reading_stops_at_the_mark_and_goes_on_behind_it():
    scene, peer, tcb, _ = opened()
    urgent(peer, 1, b"ab!cd", 3)
    assert readable_before_mark(tcb) == 2
    assert tcb.recv(10, True, scene.now) == b"ab"
    assert tcb.recv(10, False, scene.now) == b"ab"
    assert tcb.recv(10, True, scene.now) == b"cd"
    into = bytearray(10)
    assert tcb.recv_into(memoryview(into), False, scene.now) == 2 and into[:2] == b"cd"
    assert tcb.recv_urgent(False) == -EINVAL


def test_inline_the_octet_stays_and_reading_stops_before_it_once():
    scene, peer, tcb, _ = opened(inline=True)
    urgent(peer, 1, b"ab!cd", 3)
    assert tcb.recv_urgent(False) == -EINVAL and readable_before_mark(tcb) == 5
    assert tcb.recv(10, False, scene.now) == b"ab" and is_at_mark(tcb)
    assert tcb.recv(10, False, scene.now) == b"!cd"


def test_a_pointer_comes_before_its_octet():
    scene, peer, tcb, owner = opened()
    urgent(peer, 1, b"ab", 5)
    assert owner.take() & POLLPRI and tcb.recv_urgent(False) == -EAGAIN
    peer.send(ACK, seq=3, ack=1, payload=b"cd!ef")
    assert tcb.recv_urgent(False) == ord("!")
    assert [tcb.recv(10, False, scene.now) for _ in range(2)] == [b"ab" + b"cd", b"ef"]


def test_a_newer_pointer_replaces_one_that_was_not_read():
    scene, peer, tcb, _ = opened()
    urgent(peer, 1, b"1", 1)
    urgent(peer, 2, b"2", 1)
    assert tcb.recv_urgent(False) == ord("2")
    peer.send(ACK, seq=3, ack=1, payload=b"x")
    assert tcb.recv(10, False, scene.now) == b"x"


@pytest.mark.parametrize("pointer", [0, 0xFFFF])
def test_a_senseless_pointer_does_no_harm(pointer):
    scene, peer, tcb, _ = opened()
    for seq in range(1, 40, 4):
        urgent(peer, seq, b"data", pointer)
        got = tcb.recv(10, False, scene.now)
        assert got is None or len(got) <= 4
    assert scene.context.pool.used == tcb.available()


def test_tcp_stdurg_points_at_the_octet_itself():
    _scene, peer, tcb, _ = opened(Scene(tcp_stdurg=1))
    urgent(peer, 1, b"ab!", 2)
    assert tcb.recv_urgent(False) == ord("!")
