"""The one timer of the send side: retransmission (RFC 6298 5) or window probe (RFC 9293 3.8.6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import RTX_NONE
from .tcb import Tcb

if TYPE_CHECKING:
    import cython


def arm_rtx(tcb: Tcb, kind: cython.int, now: cython.longlong) -> None:
    """Start the retransmission timer, or the probe timer, from now (RFC 6298 5)."""
    rto: cython.longlong = tcb.rtt.rto
    if tcb.backoff > 0:
        rto = rto << tcb.backoff if tcb.backoff < 24 else tcb.rtt.rto_max
        if rto > tcb.rtt.rto_max:
            rto = tcb.rtt.rto_max
    tcb.rtx_kind = kind
    tcb.rtx_timer.arm(now + rto)


def cancel_rtx(tcb: Tcb) -> None:
    """Stop the retransmission or probe timer."""
    tcb.rtx_kind = RTX_NONE
    tcb.rtx_timer.cancel()
