"""Packetization Layer Path MTU Discovery for TCP (RFC 4821, RFC 8899), as Linux's tcp_mtu_probing does it.

A probe is new data in one segment larger than the MSS. What becomes of it is seen like any loss or acknowledgment, so a
path that drops large packets and says nothing (a black hole) is found out without ICMP. With tcp_mtu_probing 1 the
search begins when retransmissions have failed for a while, with 2 at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from .congestion.base import CongestionControl
from .const import CA_OPEN, SYN_SENT
from .mtu import MtuProbe
from .reduction import lost_without_congestion
from .retransmit import retransmit_lost
from .sysctls import Sysctls
from .tcb import Tcb
from .transmit import mss_of, mtu_of, sync_mss
from .validation import current_ssthresh

if TYPE_CHECKING:
    import cython

# A probe is paid for by two segments' worth of window; a smaller window has nothing to spare (Linux).
LEAST_CWND = 11
NO_PROBE = 0
WAIT = -1


def begin_search(tcb: Tcb, now: cython.longlong) -> None:
    """The connection is open: everything up to the peer's MSS may be searched."""
    probe: MtuProbe = tcb.mtu
    sysctls: Sysctls = tcb.engine.sysctls
    probe.is_on = sysctls.mtu_probing > 1
    probe.search_high = _highest(tcb)
    probe.search_low = mtu_of(tcb, sysctls.base_mss)
    probe.probe_at = now
    if probe.is_on and tcb.state == SYN_SENT:
        # Who opens the connection begins with what is nearly sure to fit; who accepts, with the path's MTU (Linux).
        sync_mss(tcb)


def probe_length(tcb: Tcb, mss: cython.uint, unsent: cython.longlong, now: cython.longlong) -> cython.int:
    """Octets of a probe to send now; NO_PROBE, or WAIT when the window need only drain (RFC 4821 7.4)."""
    probe: MtuProbe = tcb.mtu
    cc: CongestionControl = tcb.cc
    high: cython.uint = probe.search_high if probe.search_high < tcb.path.mtu else tcb.path.mtu
    size: cython.uint
    needed: cython.longlong
    in_flight: cython.int
    riding: cython.uint = _riding(tcb)
    if probe.probe_size or tcb.ca_state != CA_OPEN or cc.cwnd < LEAST_CWND or tcb.sack_count or tcb.dsack_count:
        return NO_PROBE
    if high < probe.search_low + tcb.engine.sysctls.probe_threshold:
        _search_again(tcb, mss, now)
        return NO_PROBE
    size = mss_of(tcb, (high + probe.search_low) >> 1)
    needed = tcb.reordering + 1
    needed = needed * tcb.mss + size
    if size <= mss + riding or unsent < needed or tcb.snd_wnd < needed:
        return NO_PROBE
    if ((tcb.snd_nxt - tcb.snd_una) & MASK32) + needed > tcb.snd_wnd:
        return WAIT
    in_flight = tcb.board.in_flight()
    if in_flight + 2 > cc.cwnd:
        return WAIT if in_flight else NO_PROBE
    return size - riding


def probe_sent(tcb: Tcb, size: cython.uint) -> None:
    """The last ``size`` octets before snd_nxt left as one probe. It stands for two segments."""
    probe: MtuProbe = tcb.mtu
    tcb.cc.cwnd -= 1
    probe.probe_size = mtu_of(tcb, size + _riding(tcb))
    probe.probe_end = tcb.snd_nxt
    probe.probe_start = (tcb.snd_nxt - size) & MASK32


def probe_succeeded(tcb: Tcb) -> None:
    """It was acknowledged: that MTU is in use from now on, with the window the same in octets."""
    probe: MtuProbe = tcb.mtu
    cc: CongestionControl = tcb.cc
    cwnd: cython.longlong = cc.cwnd
    cwnd = cwnd * mtu_of(tcb, tcb.mss) // probe.probe_size
    cc.cwnd = cwnd if cwnd > 1 else 1
    # In the new segments.
    cc.ssthresh = current_ssthresh(tcb)
    cc.cwnd_cnt = 0
    probe.search_low = probe.probe_size
    probe.probe_size = 0
    sync_mss(tcb)
    tcb.engine.ext.TCPMTUPSuccess += 1


def probe_failed(tcb: Tcb, now: cython.longlong) -> None:
    """It alone was lost: no sign of congestion (RFC 4821 7.6.2). Its text goes again in smaller segments."""
    probe: MtuProbe = tcb.mtu
    probe.search_high = probe.probe_size - 1
    probe.probe_size = 0
    tcb.cc.cwnd += 1
    tcb.engine.ext.TCPMTUPFail += 1
    resend_too_long(tcb, now)


def suspect_black_hole(tcb: Tcb, now: cython.longlong) -> None:
    """Retransmissions have failed for a while: perhaps for their size (RFC 4821 7.7)."""
    probe: MtuProbe = tcb.mtu
    sysctls: Sysctls = tcb.engine.sysctls
    mss: cython.uint
    if not sysctls.mtu_probing:
        return
    if not probe.is_on:
        probe.is_on = True
        probe.probe_at = now
    else:
        mss = mss_of(tcb, probe.search_low) >> 1
        if mss > sysctls.base_mss:
            mss = sysctls.base_mss
        if mss < sysctls.mtu_probe_floor:
            mss = sysctls.mtu_probe_floor
        if mss < sysctls.min_snd_mss:
            mss = sysctls.min_snd_mss
        probe.search_low = mtu_of(tcb, mss)
    sync_mss(tcb)


def resend_too_long(tcb: Tcb, now: cython.longlong) -> None:
    """Send again at once what was sent in segments longer than the MSS is now."""
    tcb.board.mark_longer(tcb.mss, now)
    if tcb.board.to_send > 0:
        lost_without_congestion(tcb, now)
        retransmit_lost(tcb, now)


def _riding(tcb: Tcb) -> cython.uint:
    # Octets of the AccECN option as it was last laid out; a probe has no SACK blocks.
    return tcb.ecn.octets if tcb.ecn is not None else 0


def _highest(tcb: Tcb) -> cython.uint:
    return tcb.mss_clamp + 20 + tcb.path.header_len


def _search_again(tcb: Tcb, mss: cython.uint, now: cython.longlong) -> None:
    # The search has ended. Paths change: after a while it begins anew (RFC 4821 7.2's upward probing).
    probe: MtuProbe = tcb.mtu
    if now - probe.probe_at < tcb.engine.sysctls.probe_interval_ns:
        return
    probe.search_high = _highest(tcb)
    probe.search_low = mtu_of(tcb, mss)
    probe.probe_at = now
