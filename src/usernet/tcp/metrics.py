"""What a connection learned of its path, for the next one to the same peer (RFC 9040; net.ipv4.tcp_no_metrics_save).

Linux's rules: saved where a connection ends in order, used where one is opened; ssthresh only if the sysctl says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .congestion.base import CongestionControl
from .const import CA_OPEN, INFINITE_SSTHRESH
from .peers import Peer
from .sysctls import Sysctls
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython


def peer_key(tcb: Tcb) -> bytes:
    """Its peer's place among those remembered: the connection's key without the ports."""
    return tcb.key[:-4]


def use_metrics(tcb: Tcb, now: cython.longlong) -> None:
    """A connection begins, with the round trip of its handshake if that gave one."""
    peer: Peer | None = tcb.engine.peers.recall(peer_key(tcb), now)
    if peer is None:
        return
    if peer.ssthresh > 0 and not tcb.engine.sysctls.no_ssthresh_metrics_save:
        tcb.cc.ssthresh = peer.ssthresh
    if peer.reordering > 0:
        tcb.reordering = peer.reordering
    if not tcb.is_unproved():
        # Else its SYN,ACK has the timer, and what acknowledges that is a sample.
        tcb.rtt.expect(peer.rtt)


def save_metrics(tcb: Tcb, now: cython.longlong) -> None:
    """A connection ends in order: both sides have sent their FIN, or ours is acknowledged and nobody waits here."""
    engine: Engine = tcb.engine
    peer: Peer | None
    if engine.sysctls.no_metrics_save:
        return
    if tcb.backoff > 0 or tcb.rtt.srtt == 0:
        # Nothing came back in time: what is known of the round trip is not true any more.
        peer = engine.peers.recall(peer_key(tcb), now)
        if peer is not None:
            peer.rtt = 0
        return
    peer = engine.peers.remember(peer_key(tcb), now)
    peer.learn_rtt(tcb.rtt.srtt, tcb.rtt.mdev)
    _learn_windows(peer, tcb, engine.sysctls)
    peer.saved_at = now


def _learn_windows(peer: Peer, tcb: Tcb, sysctls: Sysctls) -> None:
    cc: CongestionControl = tcb.cc
    saves_ssthresh: cython.bint = not sysctls.no_ssthresh_metrics_save
    if cc.ssthresh >= INFINITE_SSTHRESH:
        # Slow start was never left: so much went at least.
        if saves_ssthresh and peer.ssthresh > 0 and cc.cwnd >> 1 > peer.ssthresh:
            peer.ssthresh = cc.cwnd >> 1
        if cc.cwnd > peer.cwnd:
            peer.cwnd = cc.cwnd
    elif cc.cwnd >= cc.ssthresh and tcb.ca_state == CA_OPEN:
        # Congestion avoidance: the window is what the path carries.
        if saves_ssthresh:
            peer.ssthresh = cc.cwnd >> 1 if cc.cwnd >> 1 > cc.ssthresh else cc.ssthresh
        peer.cwnd = (peer.cwnd + cc.cwnd) >> 1
    else:
        # It ended while a loss was repaired, or before the window had grown again.
        peer.cwnd = (peer.cwnd + cc.ssthresh) >> 1
        if saves_ssthresh and 0 < peer.ssthresh < cc.ssthresh:
            peer.ssthresh = cc.ssthresh
        if peer.reordering < tcb.reordering and tcb.reordering != sysctls.reordering:
            peer.reordering = tcb.reordering
