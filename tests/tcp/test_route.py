"""What a route says to TCP (ip-route(8)): advmss, initcwnd, initrwnd, congctl."""

from usernet.tcp.const import ACK, SYN
from usernet.testing.peer import Scene

M = 1000


def routed(**metrics):
    """A scene whose paths carry these metrics."""
    scene = Scene()
    scene.sender.metrics.update(metrics)
    return scene


def connected(scene):
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), mss=M, wscale=7)
    return peer, tcb


def test_initcwnd_is_the_first_window_and_the_one_after_idle():
    scene = routed(initcwnd=4)
    peer, tcb = connected(scene)
    tcb.send(b"d" * 20 * M, scene.now)
    assert sum(len(sent.payload) for sent in peer.drain()) == 4 * M
    peer.send(ACK, seq=1, ack=1 + 4 * M)
    assert tcb.cc.cwnd == 8
    tcb.cc.cwnd = 64
    scene.advance(ms=1)
    peer.send(ACK, seq=1, ack=(tcb.snd_nxt - tcb.iss) & 0xFFFFFFFF)
    peer.drain()
    scene.advance(s=60)
    assert tcb.init_cwnd == 4


def test_congctl_chooses_before_the_system():
    _, tcb = connected(routed(congctl="reno"))
    assert tcb.cc.name == "reno"


def test_congctl_that_is_unknown_leaves_the_default():
    _, tcb = connected(routed(congctl="nosuch"))
    assert tcb.cc.name == "cubic"


def test_advmss_and_initrwnd_are_offered():
    scene = routed(advmss=700, initrwnd=3)
    peer = scene.peer()
    scene.listen()
    peer.send(SYN, seq=0, mss=M, wscale=7)
    sent = peer.take()
    assert sent.mss == 700 and sent.wnd == 3 * 700
