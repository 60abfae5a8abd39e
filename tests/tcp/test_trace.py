"""The event trace: what happened to a connection, in the order in which it happened."""

from __future__ import annotations

from usernet.tcp.const import ACK, SYN
from usernet.tcp.settings import Settings
from usernet.tcp.trace import Trace
from usernet.testing.peer import Owner, Peer, Scene

M = 1460


def told(trace: Trace) -> list[str]:
    """The events by name, segments with what they are."""
    return [
        " ".join(str(event[name]) for name in ("event", "flags", "seg_seq", "seg_ack", "seg_len") if name in event)
        for event in trace.dicts()
    ]


def traced(segs: int, **sysctls: int) -> tuple[Scene, Peer, Trace]:
    """So many segments are under way, in peace so far."""
    scene = Scene(**sysctls)
    peer = scene.peer()
    tcb, _ = peer.open_passive(scene.listen(), rtt_ms=20, mss=M, sack_permitted=True)
    tcb.send(bytes(segs * M), scene.now)
    peer.drain()
    tcb.trace = Trace(64)
    return scene, peer, tcb.trace


def test_an_opening_is_told_from_its_syn_ack_on():
    scene = Scene()
    peer = scene.peer()
    binding = scene.tcp.bind(peer.local, peer.local_port, 4, 0)
    tcb = scene.tcp.connect(Owner(), binding, peer.remote, peer.remote_port, Settings(), scene.now)
    peer.drain()
    tcb.trace = trace = Trace(64)
    scene.advance(s=1.1)
    peer.send(SYN | ACK, seq=0, ack=1, mss=M)
    assert told(trace) == ["sent S 0 0 0", "arrived S. 0 1 0", "sent . 1 1 0"]
    assert [event["state"] for event in trace.dicts()] == ["SYN_SENT", "SYN_SENT", "ESTABLISHED"]


def test_a_loss_is_told_until_it_is_repaired():
    _, peer, trace = traced(10)
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 4 * M)])
    peer.send(ACK, seq=1, ack=1 + 10 * M)
    assert told(trace) == [
        "arrived . 1 1 0",
        "recovery",
        f"sent . 1 1 {M}",
        f"arrived . 1 {1 + 10 * M} 0",
        "open",
    ]
    entered = list(trace.dicts())[1]
    assert entered["ssthresh"] == 7 and entered["lost"] == 1 and entered["ca_state"] == 3


def test_a_timeout_that_was_early_is_told_to_be_undone():
    scene, peer, trace = traced(3, tcp_early_retrans=0)
    scene.advance(ms=300)
    assert told(trace) == ["timeout", "loss", f"sent . 1 1 {M}"]
    before, after = list(trace.dicts())[:2]
    assert (before["cwnd"], before["ssthresh"], after["cwnd"], after["ssthresh"]) == (10, 0x7FFFFFFF, 1, 7)
    peer.send(ACK, seq=1, ack=1, sack=[(1 + M, 1 + 2 * M)])
    assert told(trace)[-3:] == ["undone", "open", "disorder"]


def test_a_tail_probe_is_told():
    scene, peer, trace = traced(2)
    scene.advance(ms=250)
    assert told(trace)[:2] == ["tail_probe", f"sent P. {1 + M} 1 {M}"]
    assert peer.drain()
