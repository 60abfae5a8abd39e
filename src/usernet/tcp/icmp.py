"""Path MTU changes met by a connection (RFC 1191 6.4, RFC 5927 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import CA_LOSS, SYN_RECEIVED, SYN_SENT
from .retransmit import retransmit_lost
from .transmit import sync_mss

if TYPE_CHECKING:
    from .tcb import Tcb


def packet_too_big(tcb: Tcb, now: int) -> None:
    """A segment of ours did not fit: take the smaller MTU and send again what is too long, as no sign of congestion."""
    before = tcb.mss
    try:
        tcb.path = tcb.engine.sender.path(tcb.remote, tcb.local, 0)
    except OSError as error:
        tcb.soft_err = error.errno or 0
        return
    if tcb.state in (SYN_SENT, SYN_RECEIVED):
        return
    sync_mss(tcb)
    if tcb.mss >= before or tcb.board.count() == 0:
        return
    tcb.board.mark_all_lost(False)
    if tcb.ca_state != CA_LOSS:
        tcb.high_seq = tcb.snd_nxt
        tcb.ca_state = CA_LOSS
    retransmit_lost(tcb, now)
