"""What a connection is given at birth: windows, buffers, options (RFC 9293 3.7, RFC 7323, RFC 6928)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import NEVER, POLLOUT
from ..core.sender import Path
from ..core.seq import seq_add, seq_lt
from ..wire.tcp import Segment
from .arrivals import Arrivals
from .const import (
    DEFAULT_MSS,
    ESTABLISHED,
    INFINITE_SSTHRESH,
    INIT_CWND,
    MIN_MSS,
    RCVBUF_LOCK,
    RTX_RETRANSMIT,
    SNDBUF_LOCK,
)  # fmt: skip
from .fastopen import FastOpen
from .metrics import use_metrics
from .plpmtud import begin_search
from .rtx_timer import arm_rtx, cancel_rtx
from .send_buffer import grow_send_buffer
from .settings import Settings, buffer_locks, keepidle
from .space import first_window, window_scale
from .tcb import Engine, Tcb
from .transmit import bounded_mss, echoed_rtt, sync_mss
from .tx_delay import TxDelay
from .validation import begin_validation
from .window import begin

if TYPE_CHECKING:
    import cython

# The timestamp option, padded.
STAMP_OCTETS = 12


def prepare(tcb: Tcb, settings: Settings, now: cython.longlong) -> None:
    """Before any segment: options to offer, buffers, the first window."""
    engine: Engine = tcb.engine
    tcb.settings = settings
    settings.congestion = engine.controls.chosen(settings.congestion, tcb.path.congctl)
    tcb.cc = engine.controls.make(settings.congestion)
    tcb.cc.attach(tcb.rtt, tcb.rate, engine.ext)
    tcb.board.control = tcb.cc if tcb.cc.wants_losses else None
    tcb.ts_ok = engine.sysctls.timestamps != 0
    tcb.sack_ok = engine.sysctls.sack
    set_buffers(tcb)
    if settings.tx_delay_ns > 0:
        set_tx_delay(tcb, now)
    if settings.stamps_arrivals:
        tcb.arrivals = Arrivals()
    if settings.rto_max_ns > 0:
        tcb.rtt.rto_max = settings.rto_max_ns
    if settings.rto_min_ns > 0:
        tcb.rtt.rto_min = settings.rto_min_ns
    tcb.advmss = advertised_mss(tcb.path, settings)
    tcb.window_clamp = settings.window_clamp
    tcb.rcv_wscale = window_scale(settings, engine.sysctls) if engine.sysctls.window_scaling else 0
    tcb.rcv_wnd = first_window(settings, engine.sysctls, tcb.advmss, tcb.path.initrwnd)
    tcb.rcv_mss = MIN_MSS
    if settings.maxseg > 0:
        tcb.mss_clamp = settings.maxseg
    tcb.pingpong = 0 if settings.quickack else engine.sysctls.pingpong_thresh
    tcb.rcv_at = now
    tcb.lrcv_at = now


def set_buffers(tcb: Tcb) -> None:
    """SO_RCVBUF and SO_SNDBUF, or the sysctls' defaults; what is not locked grows by itself."""
    engine: Engine = tcb.engine
    settings: Settings = tcb.settings
    locks: cython.uint = buffer_locks(settings)
    rcv: cython.longlong = settings.rcvbuf if settings.rcvbuf > 0 else engine.sysctls.rmem_default
    snd: cython.longlong = settings.sndbuf if settings.sndbuf > 0 else engine.sysctls.wmem_default
    tcb.rcv_buf_locked = (locks & RCVBUF_LOCK) != 0
    tcb.snd_buf_locked = (locks & SNDBUF_LOCK) != 0
    if tcb.rcv_buf_locked or tcb.rcv_buf < rcv:
        tcb.rcv_buf = rcv
    if tcb.snd_buf_locked or tcb.snd_buf < snd:
        tcb.snd_buf = snd


def set_tx_delay(tcb: Tcb, now: cython.longlong) -> None:
    """TCP_TX_DELAY; the round trip of an open connection changes by as much, and its minimum is not known any more."""
    engine: Engine = tcb.engine
    more: cython.longlong
    if tcb.tx_delay is None:
        tcb.tx_delay = TxDelay(engine.timers, engine.sender, engine.counters, engine.pool)
    more = tcb.settings.tx_delay_ns - tcb.tx_delay.span
    tcb.tx_delay.span = tcb.settings.tx_delay_ns
    if tcb.state == ESTABLISHED:
        tcb.rtt.srtt = tcb.rtt.srtt + more if tcb.rtt.srtt + more > 0 else 1
        tcb.rtt.set_rto()
        tcb.rtt.min_rtt = NEVER
        tcb.rtt.min_rtt_at = now


def advertised_mss(path: Path, settings: Settings) -> cython.uint:
    """The MSS option: what the link takes without IP or TCP options, TCP_MAXSEG at most (RFC 9293 3.7.1, RFC 6691)."""
    mss: cython.uint = path.advmss
    if mss == 0 and path.mtu > path.header_len + 20:
        mss = path.mtu - path.header_len - 20
    if mss < MIN_MSS:
        mss = MIN_MSS
    if 0 < settings.maxseg < mss:
        return settings.maxseg
    return mss


def offered_mss(seg: Segment, settings: Settings) -> cython.uint:
    """How long a segment may be by the peer's MSS option, and TCP_MAXSEG as it stands now (Linux)."""
    if seg.mss == 0:
        return DEFAULT_MSS
    if 0 < settings.maxseg < seg.mss:
        return settings.maxseg
    return seg.mss


def take_syn_options(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """What both sides said in their SYNs decides (RFC 7323 2.2 and 3.2, RFC 2018 2)."""
    tcb.wscale_ok = seg.wscale >= 0 and tcb.engine.sysctls.window_scaling
    if tcb.wscale_ok:
        tcb.snd_wscale = seg.wscale
    else:
        tcb.snd_wscale = tcb.rcv_wscale = 0
    tcb.sack_ok = tcb.sack_ok and seg.sack_permitted
    tcb.ts_ok = tcb.ts_ok and seg.ts_ok
    if tcb.ts_ok:
        tcb.ts_recent = seg.tsval
        tcb.ts_recent_at = now
    tcb.mss_clamp = offered_mss(seg, tcb.settings)
    sync_mss(tcb)


def establish(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """Our SYN is acknowledged: the send side begins, its control with what the handshake told of the path."""
    syn_acknowledged(tcb, seg, now)
    begin_sending(tcb, seg, now)


def begin_sending(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """The peer's window is known: text may go from ISS+1 on."""
    tcb.snd_una = seq_add(tcb.iss, 1)
    tcb.snd_wl1 = seg.seq
    tcb.max_packets_seq = tcb.snd_nxt
    tcb.high_seq = tcb.snd_una
    tcb.rcv_at = tcb.lrcv_at = tcb.lsnd_at = now
    tcb.cc.ssthresh = INFINITE_SSTHRESH
    use_metrics(tcb, now)
    if tcb.path.initcwnd > 0:
        tcb.init_cwnd = tcb.path.initcwnd
        if tcb.cc.cwnd == INIT_CWND:
            tcb.cc.cwnd = tcb.init_cwnd
    tcb.cc.start(now)
    if tcb.engine.sysctls.rfc7661:
        begin_validation(tcb)
    tcb.pacer.setup(tcb.cc, tcb.settings.max_pacing_rate, tcb.engine.timers, tcb)
    tcb.cwnd_stamp = now
    begin_search(tcb, now)
    grow_send_buffer(tcb)
    if not tcb.is_unproved():
        _count_timestamps(tcb)
    first_guess(tcb)
    begin(tcb, now)


def _count_timestamps(tcb: Tcb) -> None:
    # What a segment of the peer's can carry (RFC 6691); the MSS option does not take them into account.
    if tcb.ts_ok:
        tcb.advmss -= STAMP_OCTETS


def first_guess(tcb: Tcb) -> None:
    """The peer's segments, before there was one (Linux's tcp_initialize_rcv_mss)."""
    guess: cython.longlong = bounded_mss(tcb, tcb.mss)
    if guess > tcb.advmss:
        guess = tcb.advmss
    if guess > tcb.rcv_wnd >> 1:
        guess = tcb.rcv_wnd >> 1
    if guess > DEFAULT_MSS:
        guess = DEFAULT_MSS
    tcb.rcv_mss = guess if guess > MIN_MSS else MIN_MSS


def syn_acknowledged(tcb: Tcb, seg: Segment, now: cython.longlong) -> None:
    """What the time our SYN took says of the path, and the end of its timer."""
    engine: Engine = tcb.engine
    rtt: cython.longlong
    cancel_rtx(tcb)
    # The SYN counts as a segment delivered (Linux).
    tcb.rate.delivered += 1
    tcb.backoff = 0
    if tcb.retransmits > 1:
        # RFC 5681 3.1: a SYN lost more than once asks for a window of one segment.
        tcb.cc.cwnd = 1
    if tcb.retransmits == 0 and tcb.syn_sent_at >= 0:
        rtt = now - tcb.syn_sent_at
    else:
        # Of several SYNs only a timestamp tells which one was answered, and of a cookie when it left: by 64 ms at most
        # too early, for the stamp's last bits are the options (Linux).
        rtt = echoed_rtt(tcb, seg, now)
    if rtt >= 0:
        tcb.rtt.sample(rtt, tcb.snd_una, tcb.snd_nxt, now)
        tcb.pacer.update(tcb.cc, 0)
    else:
        tcb.rtt.fall_back()
    tcb.retransmits = 0
    tcb.retrans_at = -1
    if tcb.chrono.timeout_since != 0:
        tcb.chrono.heard(now)
    if tcb.settings.keepalive:
        tcb.keep_timer.arm(now + keepidle(tcb.settings, engine.sysctls))
    engine.sender.confirm(tcb.path, now)
    tcb.wake(POLLOUT)


def fast_open_proved(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.bint:
    """An ACK for a connection opened by its SYN alone (RFC 7413 4.2.2). False: of something never sent."""
    fast: FastOpen | None = tcb.fastopen
    if fast is None or seq_lt(seg.ack, tcb.snd_una) or seq_lt(tcb.snd_nxt, seg.ack):
        return False
    fast.leave(False, now)
    _count_timestamps(tcb)
    tcb.lsnd_at = now
    tcb.snd_wl1 = seg.seq
    tcb.snd_wnd = tcb.max_window = seg.wnd << tcb.snd_wscale
    syn_acknowledged(tcb, seg, now)
    if tcb.board.packets_out > 0:
        # What was sent meanwhile has a timer of its own from here on.
        arm_rtx(tcb, RTX_RETRANSMIT, now)
    return True
