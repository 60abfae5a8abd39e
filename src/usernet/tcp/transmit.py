"""Building and sending one segment (RFC 9293 3.1, 3.7.1, 3.8.6.2.2; RFC 7323, RFC 2018).

A segment is a header of our own with its text by reference to the send queue, up to ``path.gso_max`` octets of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import CSUM_PARTIAL, GSO_ACCECN, GSO_ECN, IPPROTO_TCP, MASK32, MAX_DATAGRAM, MS, NEVER
from ..core.packet import Packet, new_packet
from ..core.sender import Path
from ..wire.tcp import Segment, syn_options, write_header, write_sack_header, write_timestamps, write_u32
from .accecn import Ecn, sack_octets
from .auth import Auth
from .const import (
    ACK,
    ATO_MIN,
    CLOSED,
    CWR,
    DEFAULT_MSS,
    ECN_ACCURATE,
    MAX_HEADER,
    MAX_OPTIONS,
    PMTUDISC_DO,
    PMTUDISC_WANT,
    RST,
    SYN_ACCECN,
    URG,
)
from .ecn import lay_out, on_syn, on_transmit, syn_ack_option
from .mtu import MtuProbe
from .settings import Settings
from .tcb import Engine, Tcb
from .urgent import urgent_pointer
from .window import select_window

if TYPE_CHECKING:
    import cython


# A narrower window than any option leaves room for does not make segments narrower still (Linux).
LEAST_HALF = 48
# As far as replies are counted: tcp_pingpong_thresh is no more.
PINGPONG_MAX = 255


def timestamp(tcb: Tcb, now: cython.longlong) -> cython.uint:
    """Our timestamp clock: milliseconds, moved by an offset of the connection's own (RFC 7323 5.4, 7.1)."""
    ticks: cython.longlong = now // MS
    return (ticks + tcb.ts_offset) & MASK32


def echoed_rtt(tcb: Tcb, seg: Segment, now: cython.longlong) -> cython.longlong:
    """How long ago what a segment echoes was sent, by the tick (RFC 7323 4); -1 where that cannot be."""
    ticks: cython.longlong = (timestamp(tcb, now) - seg.tsecr) & MASK32
    if not (tcb.ts_ok and seg.ts_ok) or seg.tsecr == 0 or ticks >= 0x7FFFFFFF // 1000:
        return -1
    return ticks * MS if ticks > 0 else MS


# Paths and sizes.


def usable_path(tcb: Tcb) -> Path | None:
    """The cached path, looked up again when it went stale; None, and a soft error, when there is none any more."""
    path: Path = tcb.path
    mtu: cython.uint
    mss: cython.uint
    if path.alive:
        return path
    try:
        path = tcb.engine.sender.path(tcb.remote, tcb.local, tcb.settings.oif)
    except OSError as error:
        tcb.soft_err = error.errno or 0
        return None
    mtu = tcb.path.mtu
    tcb.path = path
    mss = tcb.mss
    sync_mss(tcb)
    if path.mtu >= mtu and tcb.mss < mss:
        # A wider path is no reason for smaller segments, however little of it is proven.
        tcb.mss = tcb.cc.mss = mss
    return path


def sync_mss(tcb: Tcb) -> None:
    """Derive the sending MSS from the path MTU, and from what probing found of it."""
    probe: MtuProbe = tcb.mtu
    mss: cython.uint = mss_of(tcb, tcb.path.mtu)
    proven: cython.uint
    if probe.search_high > tcb.path.mtu:
        probe.search_high = tcb.path.mtu
    if probe.is_on:
        proven = mss_of(tcb, probe.search_low)
        if proven < mss:
            mss = proven
    tcb.mss = mss
    tcb.cc.mss = mss


def mss_of(tcb: Tcb, mtu: cython.uint) -> cython.uint:
    """The text of a segment that fills an IP packet, within the peer's MSS option (RFC 9293 3.7.1)."""
    mss: cython.longlong = mtu
    mss -= tcb.path.header_len + 20
    if tcb.mss_clamp < mss:
        mss = tcb.mss_clamp
    if mss < tcb.engine.sysctls.min_snd_mss:
        mss = tcb.engine.sysctls.min_snd_mss
    return mss - _options_len(tcb)


def mtu_of(tcb: Tcb, mss: cython.uint) -> cython.uint:
    """The IP packet of a segment with that much text."""
    return mss + _options_len(tcb) + 20 + tcb.path.header_len


def _options_len(tcb: Tcb) -> cython.uint:
    # Of segments without SACK blocks.
    size: cython.uint = 12 if tcb.ts_ok else 0
    if tcb.auth is not None:
        size += tcb.auth.room
    return size


def send_mss(tcb: Tcb) -> cython.uint:
    """The MSS of the next segment: less for options that ride along, and at most half the largest window seen."""
    mss: cython.uint = tcb.mss
    extra: cython.uint = _sack_octets(tcb)
    blocks: cython.int
    later: cython.uint
    if tcb.ecn is not None:
        blocks = _blocks(extra)
        lay_out(tcb, _option_room(tcb), blocks, NEVER)
        extra = tcb.ecn.octets + sack_octets(tcb.ecn.sacks)
        if tcb.sack_count < blocks:
            # A D-SACK goes with the first segment alone; behind it the option may be longer than both were.
            lay_out(tcb, _option_room(tcb), tcb.sack_count, NEVER)
            later = tcb.ecn.octets + sack_octets(tcb.ecn.sacks)
            if extra < later:
                extra = later
    if 0 < extra < mss:
        mss -= extra
    if tcb.max_window < 2 * mss:
        return bounded_mss(tcb, mss)
    return mss


def bounded_mss(tcb: Tcb, mss: cython.uint) -> cython.uint:
    """mss, or what half the largest window seen takes (RFC 9293 3.8.6.2.1); a window that is no MSS wide, whole."""
    half: cython.uint = tcb.max_window >> 1 if tcb.max_window > DEFAULT_MSS else tcb.max_window
    if half == 0:
        return mss
    if half < LEAST_HALF:
        half = LEAST_HALF
    return half if half < mss else mss


def max_payload(tcb: Tcb, mss: cython.uint) -> cython.uint:
    """The text of the largest super-segment the path takes, a multiple of mss."""
    room: cython.int = tcb.path.gso_max
    size: cython.int = mss
    if room > MAX_DATAGRAM:
        room = MAX_DATAGRAM
    room -= tcb.path.header_len + MAX_HEADER
    # Each segment has a signature, or an urgent pointer, of its own.
    if room < 2 * size or tcb.auth is not None or (tcb.urgent is not None and tcb.urgent.is_sending):
        return mss
    return room - room % size


def _sack_octets(tcb: Tcb) -> cython.uint:
    count: cython.int = tcb.sack_count + tcb.dsack_count
    limit: cython.int = 3 if tcb.ts_ok else 4
    if count == 0 or not tcb.sack_ok:
        return 0
    if tcb.auth is not None:
        limit = _signed_sacks(tcb)
        if limit == 0:
            return 0
    if count > limit:
        count = limit
    return 4 + 8 * count


def _signed_sacks(tcb: Tcb) -> cython.int:
    # SACK blocks that fit beside a signature.
    room: cython.int = 36 - tcb.auth.room - (12 if tcb.ts_ok else 0)  # type: ignore[union-attr]
    return room // 8 if room >= 8 else 0


def _option_room(tcb: Tcb) -> cython.int:
    # Octets for options beside a timestamp and a signature.
    room: cython.int = 28 if tcb.ts_ok else 40
    return room - tcb.auth.room if tcb.auth is not None else room


def _blocks(sacks: cython.uint) -> cython.int:
    # How many SACK blocks an option of so many octets, NOPs included, has.
    return (sacks - 4) >> 3 if sacks > 0 else 0


# Building segments.


def transmit(
    tcb: Tcb, seq: cython.uint, n: cython.uint, flags: cython.uint, mss: cython.uint, now: cython.longlong
) -> cython.int:
    """Send one segment or super-segment with n octets of the send queue, seq the first. Returns the Sender's answer."""
    engine: Engine = tcb.engine
    packet: Packet
    segs: cython.uint = 1
    if not tcb.path.alive and usable_path(tcb) is None:
        return -tcb.soft_err
    packet = _header(tcb, seq, n, flags, now)
    _address(tcb, packet)
    if n > 0:
        segs = _add_text(tcb, packet, seq, n, mss)
        tcb.lsnd_at = now
        # A reply within the delayed-ACK time shows an exchange of requests and responses: let ACKs ride along.
        if now - tcb.lrcv_at < tcb.ato and tcb.pingpong < PINGPONG_MAX:
            tcb.pingpong += 1
    if tcb.auth is not None:
        tcb.auth.sign(packet)
    _ack_sent(tcb)
    tcb.segs_out += segs
    engine.mib.OutSegs += segs
    return _hand_down(tcb, tcb.path, packet, now)


def _hand_down(tcb: Tcb, path: Path, packet: Packet, now: cython.longlong) -> cython.int:
    # To the floor below, TCP_TX_DELAY later where there is one.
    if tcb.trace is not None:
        tcb.trace.sent(tcb, packet, now)
    if tcb.tx_delay is not None:
        return tcb.tx_delay.send(path, packet, now)
    return tcb.engine.sender.send(path, packet, now)


def _header(tcb: Tcb, seq: cython.uint, n: cython.uint, flags: cython.uint, now: cython.longlong) -> Packet:
    # RFC 9293 3.1, with timestamps, AccECN option and SACK blocks in this order behind room for a signature.
    packet: Packet
    ecn: Ecn | None = tcb.ecn
    size: cython.uint = 20
    sacks: cython.uint = _sack_octets(tcb)
    gap: cython.uint = 0
    dsack: cython.bint = tcb.dsack_count > 0
    check: cython.uint
    at: cython.Py_ssize_t
    if tcb.auth is not None:
        size += tcb.auth.room
    if tcb.ts_ok:
        size += 12
    if ecn is not None:
        lay_out(tcb, 60 - size, _blocks(sacks), now)
        gap = ecn.octets
        sacks = sack_octets(ecn.sacks)
        flags = on_transmit(tcb, seq, n, flags)
    packet = new_packet(size + gap + sacks)
    at = packet.head
    if tcb.ts_ok:
        write_timestamps(packet.buf, at + size - 12, timestamp(tcb, now), tcb.ts_recent)
    if sacks > 0:
        _write_sacks(tcb, packet.buf, at + size + gap, sacks)
    if ecn is not None:
        # Last: its end may lie over the SACK option's NOPs.
        ecn.write(packet.buf, at + size, now, dsack)
    size += gap + sacks
    check = tcb.path.pseudo + IPPROTO_TCP + size + n
    check = (check & 0xFFFF) + (check >> 16)
    check = (check & 0xFFFF) + (check >> 16)
    write_header(
        packet.buf, at, tcb.local_port, tcb.remote_port, seq, tcb.rcv_nxt, size, flags, select_window(tcb), check
    )
    if tcb.urgent is not None and tcb.urgent.is_sending:
        _write_urgent(tcb, packet.buf, at, seq)
    packet.l4 = at
    packet.tail = at + size
    return packet


def _address(tcb: Tcb, packet: Packet) -> None:
    # What the layers below are told.
    settings: Settings = tcb.settings
    packet.protocol = IPPROTO_TCP
    packet.csum = CSUM_PARTIAL
    packet.csum_start = packet.l4
    packet.csum_offset = 16
    # DO and WANT; a path too narrow for that says itself that it is to be fragmented on (mtu_locked).
    packet.df = settings.pmtudisc == PMTUDISC_WANT or settings.pmtudisc == PMTUDISC_DO
    packet.tos = settings.tos
    packet.ttl = settings.ttl
    packet.mark = settings.mark
    if tcb.ecn is not None:
        packet.tos |= tcb.ecn.codepoint


def _add_text(tcb: Tcb, packet: Packet, seq: cython.uint, n: cython.uint, mss: cython.uint) -> cython.uint:
    # By reference, and how it is to be cut: returns into how many segments.
    segs: cython.uint = 1
    p: cython.p_uchar
    tcb.queue.gather(packet, tcb.position(seq), n)
    if n > mss:
        packet.gso_size = mss
        packet.gso_type = 1 if tcb.family == 4 else 4
        if tcb.ecn is not None:
            p = packet.buf
            if p[packet.l4 + 13] & CWR:
                packet.gso_type |= GSO_ACCECN if tcb.ecn.mode == ECN_ACCURATE else GSO_ECN
        segs = (n + mss - 1) // mss
    tcb.data_segs_out += segs
    tcb.bytes_sent += n
    return segs


def _write_urgent(tcb: Tcb, buf: bytearray, at: cython.Py_ssize_t, seq: cython.uint) -> None:
    p: cython.p_uchar = buf
    pointer: cython.uint = urgent_pointer(tcb, seq)
    if pointer > 0:
        p[at + 13] |= URG
        p[at + 18] = pointer >> 8
        p[at + 19] = pointer & 0xFF


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
    if tcb.compression is not None and tcb.compression.held > 0:
        tcb.engine.ext.TCPAckCompressed += tcb.compression.held
        tcb.compression.held = 0
        tcb.compression.timer.cancel()
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


def send_probe(tcb: Tcb, now: cython.longlong) -> cython.int:
    """An old sequence number, which the peer must answer (RFC 9293 3.8.4, 3.8.6.1)."""
    return transmit(tcb, (tcb.snd_una - 1) & MASK32, 0, ACK, tcb.mss, now)


def send_reset(tcb: Tcb, now: cython.longlong) -> None:
    """<SEQ=SND.NXT><CTL=RST>, with an ACK as Linux sends it."""
    tcb.engine.mib.OutRsts += 1
    if transmit(tcb, tcb.snd_nxt, 0, RST | ACK, tcb.mss, now) < 0:
        tcb.engine.ext.TCPAbortFailed += 1


def send_syn(tcb: Tcb, flags: cython.uint, now: cython.longlong) -> None:
    """SYN, or SYN,ACK, with its options; also each time it is retransmitted."""
    engine: Engine = tcb.engine
    path: Path | None = usable_path(tcb)
    accecn: cython.bint = False
    if path is None:
        return
    if tcb.ecn is not None:
        accecn = flags & ACK != 0 and tcb.auth is None and syn_ack_option(engine, tcb.ecn)
        flags = on_syn(tcb, flags)
    stamps = (timestamp(tcb, now), tcb.ts_recent if flags & ACK else 0) if tcb.ts_ok else None
    # A shift of 0 is offered too: without the option the peer could not scale its own window (RFC 7323 2.2).
    wscale = tcb.rcv_wscale if engine.sysctls.window_scaling else -1
    if flags & ACK and not tcb.wscale_ok:
        wscale = -1
    options: bytes = syn_options(tcb.advmss, wscale, tcb.sack_ok, stamps)
    text: cython.uint = 0
    packet: Packet
    if accecn and tcb.fastopen is None and len(options) + SYN_ACCECN <= MAX_OPTIONS:
        options = syn_options(tcb.advmss, wscale, tcb.sack_ok, stamps, accecn=True)
    if tcb.fastopen is not None:
        if tcb.auth is None and len(options) + len(tcb.fastopen.option) <= MAX_OPTIONS:
            options += tcb.fastopen.option
        tcb.fastopen.option = b""
        if tcb.fastopen.carries and not flags & ACK:
            tcb.fastopen.carries = False
            # A SYN sent again is a plain one: perhaps text in it is what was not let through (RFC 7413 4.2.1).
            text = tcb.fastopen.text
    packet = control_packet(
        path, tcb.local_port, tcb.remote_port, tcb.iss, tcb.rcv_nxt if flags & ACK else 0, flags,
        tcb.rcv_wnd if tcb.rcv_wnd < 0xFFFF else 0xFFFF, options, tcb.auth,
    )  # fmt: skip
    if text > 0:
        add_text(packet, tcb, text)
        tcb.lsnd_at = now
    packet.tos = tcb.settings.tos
    if tcb.ecn is not None:
        packet.tos |= tcb.ecn.codepoint
    packet.ttl = tcb.settings.ttl
    packet.mark = tcb.settings.mark
    tcb.last_ack_sent = tcb.rcv_nxt
    tcb.rcv_wup = tcb.rcv_nxt
    if tcb.fastopen is None or not tcb.fastopen.is_child:
        # A listener's answer is not yet the connection's (Linux).
        tcb.segs_out += 1
    engine.mib.OutSegs += 1
    _hand_down(tcb, path, packet, now)


def add_text(packet: Packet, tcb: Tcb, n: cython.uint) -> None:
    """Put the first n octets of the send queue behind a SYN, their length into its pseudo-header sum."""
    p: cython.p_uchar = packet.buf
    at: cython.Py_ssize_t = packet.l4 + 16
    check: cython.uint = ((p[at] << 8) | p[at + 1]) + n
    check = (check & 0xFFFF) + (check >> 16)
    p[at] = check >> 8
    p[at + 1] = check & 0xFF
    tcb.queue.gather(packet, tcb.queue.base, n)
    tcb.data_segs_out += 1
    tcb.bytes_sent += n
    tcb.engine.ext.TCPOrigDataSent += 1


def control_packet(
    path: Path,
    sport: cython.uint,
    dport: cython.uint,
    seq: cython.uint,
    ack: cython.uint,
    flags: cython.uint,
    wnd: cython.uint,
    options: bytes,
    auth: Auth | None = None,
) -> Packet:
    """A segment without text: SYN, SYN,ACK, RST or an ACK of something that is no full connection."""
    room: cython.uint = 0 if auth is None else auth.room
    extra: cython.uint = len(options)
    packet: Packet = control_header(path, sport, dport, seq, ack, flags, wnd, room + extra)
    if extra > 0:
        packet.buf[packet.tail - extra : packet.tail] = options
    if auth is not None:
        auth.sign(packet)
    return packet


def control_header(
    path: Path,
    sport: cython.uint,
    dport: cython.uint,
    seq: cython.uint,
    ack: cython.uint,
    flags: cython.uint,
    wnd: cython.uint,
    room: cython.uint,
) -> Packet:
    """As control_packet, its ``room`` octets of options still to be written."""
    size: cython.uint = 20 + room
    packet: Packet = new_packet(size)
    at: cython.Py_ssize_t = packet.head
    check: cython.uint = path.pseudo + IPPROTO_TCP + size
    check = (check & 0xFFFF) + (check >> 16)
    write_header(packet.buf, at, sport, dport, seq, ack, size, flags, wnd, (check & 0xFFFF) + (check >> 16))
    packet.tail = at + size
    packet.l4 = at
    packet.protocol = IPPROTO_TCP
    packet.csum = CSUM_PARTIAL
    packet.csum_start = at
    packet.csum_offset = 16
    packet.df = True
    return packet
