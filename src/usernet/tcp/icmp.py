"""ICMP errors about a connection (RFC 5927, RFC 1122 4.2.3.9, RFC 1191 6.4, RFC 6069).

None ends an established connection. What is believed at all quotes a segment in flight, and an MTU is believed only
when a segment larger than it is.
"""

from __future__ import annotations

from errno import EMSGSIZE
from typing import TYPE_CHECKING

from ..core.const import POLLERR
from ..core.sender import IcmpError
from .const import (
    CLOSED,
    PMTUDISC_DONT,
    PMTUDISC_INTERFACE,
    PMTUDISC_OMIT,
    RTX_RETRANSMIT,
    SYN_RECEIVED,
    SYN_SENT,
)
from .fastopen_client import text_was_too_big
from .lifecycle import finish
from .plpmtud import resend_too_long
from .rtx_timer import arm_rtx
from .state import TIMEOUT
from .timeouts import retransmission_timeout
from .transmit import mtu_of, sync_mss

if TYPE_CHECKING:
    from .tcb import Tcb

UNREACHABLE = 3
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12
# Network and host unreachable: the link may be down for a while.
DISCONNECTED = (0, 1)
# What IP_MTU_DISCOVER says who does not want to hear of a path's MTU, or lets routers cut.
UNHEEDED = (PMTUDISC_DONT, PMTUDISC_INTERFACE, PMTUDISC_OMIT)


def ends_request(error: IcmpError) -> bool:
    """Is a half-open connection given up for it? Only where nothing gets through to its peer (Linux's tcp_v4_err)."""
    if error.kind == UNREACHABLE:
        return error.code in DISCONNECTED
    return error.kind in (TIME_EXCEEDED, PARAMETER_PROBLEM)


def icmp_arrives(tcb: Tcb, error: IcmpError, seq: int, now: int) -> None:
    """An error that quotes the segment ``seq``, which is in flight."""
    # A connection that its SYN opened and a user has is as an established one (Linux).
    opening = tcb.state in (SYN_SENT, SYN_RECEIVED) and not (tcb.fastopen is not None and tcb.fastopen.is_accepted)
    if tcb.auth is not None and not opening and tcb.auth.ignores_icmp(error.kind, error.code):
        return
    if error.err == EMSGSIZE:
        _packet_too_big(tcb, error.info, now)
        return
    if error.kind == UNREACHABLE and error.code in DISCONNECTED:
        _revert_backoff(tcb, seq, now)
        if tcb.state == CLOSED:
            return
    if opening:
        finish(tcb, TIMEOUT, error.err)
    elif tcb.settings.recverr:
        # The user asked to hear of it (IP_RECVERR): the next call says so, and the connection goes on (Linux).
        tcb.err = error.err
        tcb.wake(POLLERR)
    else:
        # RFC 1122 4.2.3.9: no established connection ends by ICMP (RFC 5461).
        tcb.soft_err = error.err


def _packet_too_big(tcb: Tcb, mtu: int, now: int) -> None:
    # A segment of ours did not fit: take the smaller MTU and send again what is too long, as no sign of congestion.
    if tcb.settings.pmtudisc in UNHEEDED:
        return
    before = tcb.mss
    if tcb.state not in (SYN_SENT, SYN_RECEIVED) and max(mtu_of(tcb, before), tcb.mtu.probe_size) <= mtu:
        # RFC 5927 7.2: nothing as long as that is under way, so nothing can have been too long for it.
        tcb.engine.counters.drop("tcp_mtu_not_smaller")
        return
    tcb.engine.sender.update_pmtu(tcb.remote, mtu, now)
    try:
        tcb.path = tcb.engine.sender.path(tcb.remote, tcb.local, tcb.settings.oif)
    except OSError as error:
        tcb.soft_err = error.errno or 0
        return
    if tcb.state in (SYN_SENT, SYN_RECEIVED):
        if tcb.state == SYN_SENT and tcb.fastopen is not None and tcb.fastopen.text > 0 and tcb.retransmits == 0:
            text_was_too_big(tcb, now)
        return
    sync_mss(tcb)
    if mtu_of(tcb, before) <= mtu:
        # Only a probe was too long. What is in use still fits.
        tcb.mss = tcb.cc.mss = before
    if tcb.board.count() and (tcb.mss < before or tcb.mtu.probe_size > mtu):
        resend_too_long(tcb, now)


def _revert_backoff(tcb: Tcb, seq: int, now: int) -> None:
    # RFC 6069 3: the retransmission itself could not be delivered, which is no congestion. One backoff less.
    if tcb.rtx_kind != RTX_RETRANSMIT or seq != tcb.snd_una or tcb.retransmits == 0 or tcb.backoff == 0:
        return
    if tcb.board.count() == 0:
        return
    sent_at = tcb.board.record(0).sent_at
    tcb.backoff -= 1
    arm_rtx(tcb, RTX_RETRANSMIT, sent_at)
    if tcb.rtx_timer.expires_at <= now:
        retransmission_timeout(tcb, now)
