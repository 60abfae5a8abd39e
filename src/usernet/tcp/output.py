"""What may be sent now, and sending it (RFC 9293 3.8.6, RFC 5681, RFC 896 with Minshall's change, RFC 7323).

Segments leave here as super-segments of up to ``path.gso_max``: a header of our own, text by reference to the send queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import CSUM_PARTIAL, IPPROTO_TCP, MASK32, MAX_DATAGRAM
from ..core.packet import Packet, new_packet
from ..core.sender import Path
from ..core.seq import seq_add, seq_le, seq_lt
from ..wire.tcp import syn_options, write_header, write_sack_header, write_timestamps, write_u32
from .congestion.base import CongestionControl
from .const import (
    ACK,
    ATO_MIN,
    CA_CWR,
    CA_OPEN,
    CA_RECOVERY,
    CLOSED,
    FIN,
    INIT_CWND,
    MAX_HEADER,
    MS,
    PSH,
    R_FIN,
    RST,
    RTX_NONE,
    RTX_PROBE,
    RTX_RETRANSMIT,
)  # fmt: skip
from .scoreboard import Scoreboard, SentRecord, make_record
from .tcb import Engine, Tcb

if TYPE_CHECKING:
    import cython

# Linux's tcp_tso_win_divisor: a super-segment smaller than a third of the window waits for the next ACK.
DEFER_DIVISOR = 3


def timestamp(tcb: Tcb, now: cython.longlong) -> cython.uint:
    """Our timestamp clock: milliseconds, moved by an offset of the connection's own (RFC 7323 5.4, 7.1)."""
    ticks: cython.longlong = now // MS
    return (ticks + tcb.ts_offset) & MASK32


# Windows offered.


def window_offer(tcb: Tcb) -> cython.longlong:
    """How much the peer may send, by the room there is (RFC 9293 3.8.6.2.2, Linux's __tcp_select_window)."""
    full: cython.longlong = tcb.rcv_buf >> 1
    free: cython.longlong
    mss: cython.longlong = tcb.rcv_mss
    unit: cython.longlong = 1
    unit <<= tcb.rcv_wscale
    if 0 < tcb.window_clamp < full:
        full = tcb.window_clamp
    if mss > full:
        mss = full
    free = full - tcb.rcv_queue.length
    if free < full >> 1:
        if tcb.engine.pool.under_pressure() and free > 4 * tcb.advmss:
            free = 4 * tcb.advmss
        if free < full >> 4 or free < mss:
            return 0
    if free > 0xFFFF << tcb.rcv_wscale:
        return 0xFFFF << tcb.rcv_wscale
    if tcb.rcv_wscale > 0:
        return (free + unit - 1) & -unit
    if tcb.rcv_wnd > free or tcb.rcv_wnd <= free - mss:
        return free - free % mss if mss > 0 else free
    if mss == full and free > tcb.rcv_wnd + (full >> 1):
        return free
    return tcb.rcv_wnd


def select_window(tcb: Tcb) -> cython.uint:
    """The window field of a segment about to leave. What was promised is never taken back (RFC 9293 3.8.6)."""
    unit: cython.longlong = 1
    old: cython.longlong = tcb.rcv_wnd
    current: cython.longlong = tcb.receive_window()
    offer: cython.longlong = window_offer(tcb)
    unit <<= tcb.rcv_wscale
    if offer < current:
        if offer == 0:
            tcb.engine.ext.TCPWantZeroWindowAdv += 1
        offer = (current + unit - 1) & -unit
    if offer > 0xFFFF << tcb.rcv_wscale:
        offer = 0xFFFF << tcb.rcv_wscale
    tcb.rcv_wnd = offer
    tcb.rcv_wup = tcb.rcv_nxt
    if offer == 0:
        if old > 0:
            tcb.engine.ext.TCPToZeroWindowAdv += 1
    elif old == 0:
        tcb.engine.ext.TCPFromZeroWindowAdv += 1
    return offer >> tcb.rcv_wscale


# Paths and sizes.


def usable_path(tcb: Tcb) -> Path | None:
    """The cached path, looked up again when it went stale; None, and a soft error, when there is none any more."""
    path: Path = tcb.path
    if path.alive:
        return path
    try:
        path = tcb.engine.sender.path(tcb.remote, tcb.local, 0)
    except OSError as error:
        tcb.soft_err = error.errno or 0
        return None
    tcb.path = path
    sync_mss(tcb)
    return path


def sync_mss(tcb: Tcb) -> None:
    """Derive the sending MSS from the path MTU, the peer's MSS option and TCP_MAXSEG (RFC 9293 3.7.1)."""
    mss: cython.longlong = tcb.path.mtu
    mss -= tcb.path.header_len + 20
    if tcb.mss_clamp < mss:
        mss = tcb.mss_clamp
    if 0 < tcb.settings.maxseg < mss:
        mss = tcb.settings.maxseg
    if mss < tcb.engine.sysctls.min_snd_mss:
        mss = tcb.engine.sysctls.min_snd_mss
    if tcb.ts_ok:
        mss -= 12
    tcb.mss = mss
    tcb.cc.mss = mss


def send_mss(tcb: Tcb) -> cython.uint:
    """The MSS of the next segment: less while SACK blocks ride along, and at most half the largest window seen."""
    mss: cython.uint = tcb.mss
    half: cython.uint
    extra: cython.uint = _sack_octets(tcb)
    if 0 < extra < mss:
        mss -= extra
    if tcb.max_window < 2 * mss and tcb.max_window > 0:
        half = tcb.max_window >> 1 if tcb.max_window > 536 else tcb.max_window
        if half < 48:
            half = 48
        if half < mss:
            mss = half
    return mss


def max_payload(tcb: Tcb, mss: cython.uint) -> cython.uint:
    """The text of the largest super-segment the path takes, a multiple of mss."""
    room: cython.int = tcb.path.gso_max
    size: cython.int = mss
    if room > MAX_DATAGRAM:
        room = MAX_DATAGRAM
    room -= tcb.path.header_len + MAX_HEADER
    if room < 2 * size:
        return mss
    return room - room % size


def _sack_octets(tcb: Tcb) -> cython.uint:
    count: cython.int = tcb.sack_count + tcb.dsack_count
    limit: cython.int = 3 if tcb.ts_ok else 4
    if count == 0 or not tcb.sack_ok:
        return 0
    if count > limit:
        count = limit
    return 4 + 8 * count


# Building segments.


def transmit(
    tcb: Tcb, seq: cython.uint, n: cython.uint, flags: cython.uint, mss: cython.uint, now: cython.longlong
) -> cython.int:
    """Send one segment or super-segment with n octets of the send queue, seq the first. Returns the Sender's answer."""
    engine: Engine = tcb.engine
    path: Path | None = tcb.path
    packet: Packet
    size: cython.uint = 20
    sacks: cython.uint
    check: cython.uint
    at: cython.Py_ssize_t
    segs: cython.uint = 1
    if not tcb.path.alive:
        path = usable_path(tcb)
        if path is None:
            return -tcb.soft_err
    sacks = _sack_octets(tcb)
    if tcb.ts_ok:
        size += 12
    packet = new_packet(size + sacks)
    at = packet.head
    if tcb.ts_ok:
        write_timestamps(packet.buf, at + 20, timestamp(tcb, now), tcb.ts_recent)
    if sacks > 0:
        _write_sacks(tcb, packet.buf, at + size, sacks)
        size += sacks
    check = path.pseudo + IPPROTO_TCP + size + n
    check = (check & 0xFFFF) + (check >> 16)
    check = (check & 0xFFFF) + (check >> 16)
    write_header(
        packet.buf, at, tcb.local_port, tcb.remote_port, seq, tcb.rcv_nxt, size, flags, select_window(tcb), check
    )
    packet.tail = at + size
    packet.l4 = at
    packet.protocol = IPPROTO_TCP
    packet.csum = CSUM_PARTIAL
    packet.csum_start = at
    packet.csum_offset = 16
    packet.df = True
    packet.tos = tcb.settings.tos
    packet.ttl = tcb.settings.ttl
    packet.mark = tcb.settings.mark
    if n > 0:
        tcb.queue.gather(packet, tcb.position(seq), n)
        if n > mss:
            packet.gso_size = mss
            packet.gso_type = 1 if tcb.family == 4 else 4
            segs = (n + mss - 1) // mss
        tcb.data_segs_out += segs
        tcb.bytes_sent += n
    _ack_sent(tcb)
    tcb.segs_out += segs
    engine.mib.OutSegs += segs
    return engine.sender.send(path, packet, now)


def _write_sacks(tcb: Tcb, buf: bytearray, at: cython.Py_ssize_t, octets: cython.uint) -> None:
    # RFC 2018 4 and RFC 2883 4: the D-SACK block first, then the most recent first.
    count: cython.int = (octets - 4) >> 3
    i: cython.int = 0
    write_sack_header(buf, at, count)
    at += 4
    if tcb.dsack_count > 0:
        write_u32(buf, at, tcb.dsack_left)
        write_u32(buf, at + 4, tcb.dsack_right)
        at += 8
        count -= 1
        tcb.dsack_count = 0
    while i < count:
        write_u32(buf, at, tcb.sack_left[i])
        write_u32(buf, at + 4, tcb.sack_right[i])
        at += 8
        i += 1


def _ack_sent(tcb: Tcb) -> None:
    # Every segment in a synchronized state carries an ACK, so nothing is owed any more.
    tcb.last_ack_sent = tcb.rcv_nxt
    if tcb.ack_pending == 0:
        return
    tcb.ack_pending = 0
    tcb.ack_timer.cancel()
    if tcb.quick > 0:
        tcb.quick -= 1
        if tcb.quick == 0:
            tcb.ato = ATO_MIN


def send_ack(tcb: Tcb, now: cython.longlong) -> None:
    """<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>."""
    if tcb.state != CLOSED:
        transmit(tcb, tcb.snd_nxt, 0, ACK, tcb.mss, now)


def send_probe(tcb: Tcb, now: cython.longlong) -> None:
    """An old sequence number, which the peer must answer (RFC 9293 3.8.4, 3.8.6.1)."""
    transmit(tcb, (tcb.snd_una - 1) & MASK32, 0, ACK, tcb.mss, now)


def send_reset(tcb: Tcb, now: cython.longlong) -> None:
    """<SEQ=SND.NXT><CTL=RST>, with an ACK as Linux sends it."""
    tcb.engine.mib.OutRsts += 1
    transmit(tcb, tcb.snd_nxt, 0, RST | ACK, tcb.mss, now)


def send_syn(tcb: Tcb, flags: cython.uint, now: cython.longlong) -> None:
    """SYN, or SYN,ACK, with its options; also each time it is retransmitted."""
    engine: Engine = tcb.engine
    path: Path | None = usable_path(tcb)
    if path is None:
        return
    stamps = (timestamp(tcb, now), tcb.ts_recent if flags & ACK else 0) if tcb.ts_ok else None
    wscale = tcb.rcv_wscale if tcb.rcv_wscale or tcb.snd_wscale else -1
    if flags & ACK == 0 and not engine.sysctls.window_scaling:
        wscale = -1
    packet = control_packet(
        path, tcb.local_port, tcb.remote_port, tcb.iss, tcb.rcv_nxt if flags & ACK else 0, flags,
        tcb.rcv_wnd if tcb.rcv_wnd < 0xFFFF else 0xFFFF,
        syn_options(tcb.advmss, wscale, tcb.sack_ok, stamps),
    )  # fmt: skip
    packet.tos = tcb.settings.tos
    packet.ttl = tcb.settings.ttl
    packet.mark = tcb.settings.mark
    tcb.last_ack_sent = tcb.rcv_nxt
    tcb.rcv_wup = tcb.rcv_nxt
    tcb.segs_out += 1
    engine.mib.OutSegs += 1
    engine.sender.send(path, packet, now)


def control_packet(
    path: Path,
    sport: cython.uint,
    dport: cython.uint,
    seq: cython.uint,
    ack: cython.uint,
    flags: cython.uint,
    wnd: cython.uint,
    options: bytes,
) -> Packet:
    """A segment without text: SYN, SYN,ACK, RST or an ACK of something that is no full connection."""
    size: cython.uint = 20 + len(options)
    packet: Packet = new_packet(size)
    at: cython.Py_ssize_t = packet.head
    check: cython.uint = path.pseudo + IPPROTO_TCP + size
    check = (check & 0xFFFF) + (check >> 16)
    write_header(packet.buf, at, sport, dport, seq, ack, size, flags, wnd, (check & 0xFFFF) + (check >> 16))
    if size > 20:
        packet.buf[at + 20 : at + size] = options
    packet.tail = at + size
    packet.l4 = at
    packet.protocol = IPPROTO_TCP
    packet.csum = CSUM_PARTIAL
    packet.csum_start = at
    packet.csum_offset = 16
    packet.df = True
    return packet


# New data.


def output(tcb: Tcb, now: cython.longlong) -> None:
    """Send whatever the windows, Nagle and SWS avoidance allow of what is queued, FIN included."""
    board: Scoreboard = tcb.board
    cc: CongestionControl = tcb.cc
    mss: cython.uint
    biggest: cython.uint
    n: cython.uint
    limited: cython.bint = False
    fin: cython.bint
    sent: cython.bint = False
    unsent: cython.longlong = tcb.unsent()
    quota: cython.int
    room: cython.longlong
    if unsent == 0 and (not tcb.fin_queued or tcb.fin_sent):
        return
    if board.packets_out == 0:
        _restart_after_idle(tcb, now)
    mss = send_mss(tcb)
    biggest = max_payload(tcb, mss)
    while unsent > 0 or (tcb.fin_queued and not tcb.fin_sent):
        quota = cc.cwnd - board.in_flight()
        if quota <= 0 and unsent > 0:
            limited = True
            break
        # The peer's window; it may have shrunk below what was sent.
        room = tcb.snd_wnd
        room -= (tcb.snd_nxt - tcb.snd_una) & MASK32
        if unsent == 0:
            if room < 1:
                break
            _send_new(tcb, 0, True, mss, now)
            sent = True
            break
        if room < mss and room < unsent:
            break
        n = _allowance(unsent, room, quota, mss, biggest)
        fin = tcb.fin_queued and n == unsent and room > n
        if n == unsent and n % mss and not fin and _nagle_holds(tcb):
            n -= n % mss
            if n == 0:
                break
        elif n < unsent and n < biggest and _defer(tcb, n, quota, mss, now):
            limited = quota * mss <= room
            break
        if not _send_new(tcb, n, fin, mss, now):
            sent = True
            break
        sent = True
        unsent -= n
    if sent or limited:
        _validate_cwnd(tcb, limited, now)
    if board.packets_out == 0 and tcb.rtx_kind == RTX_NONE:
        # Nothing is in flight to bring an ACK: probe (RFC 9293 3.8.6.1).
        arm_rtx(tcb, RTX_PROBE, now)


def probe_window(tcb: Tcb, now: cython.longlong) -> cython.bint:
    """The probe timer fired: send a segment cut to the window there is (True), or else an old sequence number.

    The first overrides SWS avoidance (RFC 9293 3.8.6.2.1), the second asks for a fresh window.
    """
    room: cython.longlong = tcb.snd_wnd
    n: cython.longlong = tcb.unsent()
    mss: cython.uint = send_mss(tcb)
    room -= (tcb.snd_nxt - tcb.snd_una) & MASK32
    if room <= 0:
        send_probe(tcb, now)
        return False
    if n > mss:
        n = mss
    if n > room:
        n = room
    _send_new(tcb, n, tcb.fin_queued and n == tcb.unsent() and room > n, mss, now)
    return True


def _allowance(
    unsent: cython.longlong, room: cython.longlong, quota: cython.int, mss: cython.uint, biggest: cython.uint
) -> cython.uint:
    # Octets of the next super-segment: whole segments, unless it takes all there is.
    n: cython.longlong = quota
    n *= mss
    if n > biggest:
        n = biggest
    if n > room:
        n = room
    if n >= unsent:
        return unsent
    return n - n % mss if n > mss else n


def _nagle_holds(tcb: Tcb) -> cython.bint:
    # A short segment waits: corked, or behind another short one that is not acknowledged (Minshall).
    if tcb.settings.cork or tcb.more:
        return True
    if tcb.settings.nodelay or tcb.board.packets_out == 0:
        return False
    return seq_lt(tcb.snd_una, tcb.snd_sml) and seq_le(tcb.snd_sml, tcb.snd_nxt)


def _defer(tcb: Tcb, n: cython.uint, quota: cython.int, mss: cython.uint, now: cython.longlong) -> cython.bint:
    # Small super-segments breed small super-segments: wait for another ACK when one is sure to come soon.
    window: cython.longlong = tcb.cc.cwnd
    if tcb.ca_state >= CA_RECOVERY or tcb.board.packets_out == 0 or tcb.path.gso_max == 0:
        return False
    window *= mss
    if tcb.snd_wnd < window:
        window = tcb.snd_wnd
    if n >= window // DEFER_DIVISOR:
        return False
    # The oldest unacknowledged has been out for less than half a round trip: its ACK is not near.
    return now - tcb.board.record(0).sent_at >= tcb.rtt.srtt >> 1


def _send_new(tcb: Tcb, n: cython.uint, fin: cython.bint, mss: cython.uint, now: cython.longlong) -> cython.bint:
    # One super-segment of new data. False when the floor below refused it: the timer will send it again.
    board: Scoreboard = tcb.board
    start: cython.uint = tcb.snd_nxt
    end: cython.uint = seq_add(start, n + (1 if fin else 0))
    flags: cython.uint = ACK
    segs: cython.uint = (n + mss - 1) // mss if n > mss else 1
    record: SentRecord
    answer: cython.int
    if fin:
        flags |= FIN
    if n > 0 and tcb.position(start) + n == tcb.queue.end:
        flags |= PSH
    _data_sent(tcb, n, now)
    answer = transmit(tcb, start, n, flags, mss, now)
    record = make_record(start, end, segs, now)
    if fin:
        record.flags = R_FIN
        tcb.fin_sent = True
    if board.packets_out == 0:
        tcb.first_sent_at = tcb.delivered_at = now
    record.delivered = tcb.delivered
    record.delivered_at = tcb.delivered_at
    record.first_sent_at = tcb.first_sent_at
    record.is_app_limited = tcb.app_limited != 0
    tcb.snd_nxt = end
    if n % mss:
        tcb.snd_sml = end
    if n > 0:
        tcb.engine.ext.TCPOrigDataSent += segs
    board.add(record)
    if tcb.ca_state == CA_CWR or tcb.ca_state == CA_RECOVERY:
        tcb.prr_out += segs
    if tcb.rtx_kind != RTX_RETRANSMIT:
        arm_rtx(tcb, RTX_RETRANSMIT, now)
    return answer >= 0


def _data_sent(tcb: Tcb, n: cython.uint, now: cython.longlong) -> None:
    tcb.lsnd_at = now
    # A reply within the delayed-ACK time shows an exchange of requests and responses: let ACKs ride along.
    if n > 0 and now - tcb.lrcv_at < tcb.ato:
        tcb.pingpong = 1


def _restart_after_idle(tcb: Tcb, now: cython.longlong) -> None:
    # RFC 5681 4.1, decaying by half for each RTO of silence as RFC 2861 and Linux do.
    idle: cython.longlong = now - tcb.lsnd_at
    rto: cython.longlong = tcb.rtt.rto
    cc: CongestionControl = tcb.cc
    floor: cython.uint = INIT_CWND
    if tcb.lsnd_at == 0 or idle <= 0:
        return
    cc.on_restart(idle, now)
    if not tcb.engine.sysctls.slow_start_after_idle or idle <= rto:
        return
    if cc.cwnd < floor:
        floor = cc.cwnd
    cc.ssthresh = _current_ssthresh(cc)
    while idle > rto and cc.cwnd > floor:
        cc.cwnd >>= 1
        idle -= rto
    if cc.cwnd < floor:
        cc.cwnd = floor
    tcb.cwnd_stamp = now
    tcb.cwnd_used = 0


def _current_ssthresh(cc: CongestionControl) -> cython.uint:
    kept: cython.uint = (cc.cwnd >> 1) + (cc.cwnd >> 2)
    return kept if kept > cc.ssthresh else cc.ssthresh


def _validate_cwnd(tcb: Tcb, limited: cython.bint, now: cython.longlong) -> None:
    # RFC 7661 and RFC 2861: a window that is not used does not grow, and fades.
    cc: CongestionControl = tcb.cc
    out: cython.uint = tcb.board.packets_out
    used: cython.uint
    if not seq_lt(tcb.snd_una, tcb.max_packets_seq) or limited or (not cc.is_cwnd_limited and out > cc.max_packets_out):
        cc.is_cwnd_limited = limited
        cc.max_packets_out = out
        tcb.max_packets_seq = tcb.snd_nxt
    if limited or cc.is_cwnd_limited:
        tcb.cwnd_used = 0
        tcb.cwnd_stamp = now
        return
    if out > tcb.cwnd_used:
        tcb.cwnd_used = out
    if not tcb.engine.sysctls.slow_start_after_idle or now - tcb.cwnd_stamp < tcb.rtt.rto:
        return
    if tcb.ca_state == CA_OPEN and not tcb.nospace:
        used = tcb.cwnd_used if tcb.cwnd_used > INIT_CWND else INIT_CWND
        if used < cc.cwnd:
            cc.ssthresh = _current_ssthresh(cc)
            cc.cwnd = (cc.cwnd + used) >> 1
        tcb.cwnd_used = 0
    tcb.cwnd_stamp = now


# Old data.


def retransmit(tcb: Tcb, i: cython.Py_ssize_t, max_segs: cython.uint, now: cython.longlong) -> cython.int:
    """Send record i of the scoreboard again, at most max_segs of it. Returns the segments sent, 0 when it could not be."""
    board: Scoreboard = tcb.board
    record: SentRecord = board.at(i)
    mss: cython.uint = send_mss(tcb)
    biggest: cython.uint = max_payload(tcb, mss)
    limit: cython.uint = max_segs * mss
    n: cython.uint
    flags: cython.uint = ACK
    room: cython.longlong = tcb.snd_wnd
    room -= (record.start - tcb.snd_una) & MASK32
    if limit > biggest or max_segs > 1024:
        limit = biggest
    if room < limit:
        # The window shrank. One segment at snd_una is always tried, as a probe.
        if room < mss and record.start != tcb.snd_una:
            return 0
        limit = room - room % mss if room > mss else mss
    n = (record.end - record.start) & MASK32
    if n > limit + (1 if record.flags & R_FIN else 0):
        board.split(i, seq_add(record.start, limit), mss)
        n = limit
    elif record.segs != (n + mss - 1) // mss:
        board.resegment(record, mss)
    if record.flags & R_FIN:
        n -= 1
        flags |= FIN
    if n > 0 and tcb.position(record.start) + n == tcb.queue.end:
        flags |= PSH
    if transmit(tcb, record.start, n, flags, mss, now) < 0:
        tcb.engine.ext.TCPRetransFail += 1
    if tcb.retrans_at == 0:
        tcb.retrans_at = record.sent_at
    board.retransmitted(record, now)
    tcb.total_retrans += record.segs
    tcb.bytes_retrans += n
    tcb.engine.mib.RetransSegs += record.segs
    return record.segs


# Timers.


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
