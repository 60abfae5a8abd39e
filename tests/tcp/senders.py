"""A connection that has much to send, for tests."""

from usernet.testing.peer import Scene

M = 1000


def sending(octets=100 * M, *, scene=None, rtt_ms=100, cwnd=10, **options):
    """A connection with an MSS of 1000 and cwnd segments in flight."""
    scene = scene or Scene()
    peer = scene.peer()
    options = {"mss": M, "wscale": 7, **options}
    tcb, owner = peer.open_passive(scene.listen(), rtt_ms=rtt_ms, **options)
    tcb.cc.cwnd = cwnd
    tcb.send(b"d" * octets, scene.now)
    scene.advance(ms=rtt_ms)
    return scene, peer, tcb, owner
