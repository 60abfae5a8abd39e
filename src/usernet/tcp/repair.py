"""TCP_REPAIR: a connection taken out of one socket and put into another, its peer unaware (Linux's tcp(7), 3.5).

No RFC knows of it. Whoever restores a connection says what both ends agreed on and where both sequences stand, and
fills the queues; nothing is sent meanwhile, and nothing is asked of the peer. Packets that arrive in the meantime are
for the caller to keep away, as they are with Linux.
"""

from __future__ import annotations

from errno import ECONNABORTED, EFBIG, EINVAL, ENOMEM, EPIPE

from ..core.const import MASK32, MS, POLLERR, POLLIN
from ..core.packet import make_view, new_packet
from ..core.seq import seq_add, seq_lt
from ..wire.tcp import Segment
from .const import (
    CLOSE_WAIT,
    CLOSED,
    DEFAULT_MSS,
    ESTABLISHED,
    PAWS_24DAYS,
    R_EVER_RETRANS,
    R_FIN,
    R_PUSHED,
    SEND_SHUTDOWN,
    WAIT_BUSY,
)  # fmt: skip
from .establish import begin_sending
from .lifecycle import drop_received, finish, move
from .plpmtud import begin_search
from .record import make_record
from .rtx_timer import rearm_rto
from .send_buffer import has_room
from .settings import keepidle
from .space import first_window, packet_cost
from .state import ABORT, CLOSE, RCV_SYN_ACK
from .tcb import Tcb
from .transmit import max_payload, send_mss, send_probe, sync_mss
from .window import begin

NO_QUEUE = 0
RECV_QUEUE = 1
SEND_QUEUE = 2
# Kinds of TCP options, as TCP_REPAIR_OPTIONS numbers them.
OPT_MSS = 2
OPT_WINDOW = 3
OPT_SACK_PERMITTED = 4
OPT_TIMESTAMP = 8
MAX_WSCALE = 14
# The longest text that is put into the receive queue at once: Linux's 17 pages of a buffer.
LONGEST = 17 << 12


class Repair:
    """What TCP_REPAIR and its kin said of a socket.

    ``queue`` is the one they speak of. The rest is for the next connection: the sequence numbers to go on from, and
    how far its timestamps are from our clock. ``send_seq`` serves outside of repair mode too, as the number of the
    SYN, unless it is 0 (Linux).
    """

    __slots__ = ("is_on", "queue", "receive_seq", "send_seq", "stamp_offset")

    def __init__(self) -> None:
        self.is_on = False
        self.queue = NO_QUEUE
        self.send_seq = self.receive_seq = self.stamp_offset = 0

    def take_iss(self) -> int:
        """The number a SYN is to have, 0 for any; once."""
        iss, self.send_seq = self.send_seq, 0
        return iss


def in_repair(repair: Repair | None) -> bool:
    """True while TCP_REPAIR is on."""
    return repair is not None and repair.is_on


def chosen(repair: Repair | None) -> int:
    """TCP_REPAIR_QUEUE, NO_QUEUE outside of repair mode."""
    return repair.queue if repair is not None and repair.is_on else NO_QUEUE


# Opening and ending without a segment.


def resume(tcb: Tcb, repair: Repair, now: int) -> None:
    """ESTABLISHED from SYN_SENT, as if the handshake had been long ago; what it had agreed on is not known yet."""
    before = Segment()
    tcb.ts_offset = repair.stamp_offset
    tcb.irs = (repair.receive_seq - 1) & MASK32
    tcb.iss = (repair.send_seq - 1) & MASK32
    tcb.rcv_nxt = tcb.rcv_wup = repair.receive_seq
    tcb.snd_nxt = tcb.snd_sml = repair.send_seq
    tcb.syn_sent_at = -1
    tcb.ts_ok = tcb.sack_ok = False
    tcb.rcv_wscale = tcb.snd_wscale = 0
    tcb.mss_clamp = tcb.settings.maxseg or DEFAULT_MSS
    sync_mss(tcb)
    # Whatever the peer sends next is newer, and its window the first we know.
    before.seq = tcb.irs
    before.ack = repair.send_seq
    begin_sending(tcb, before, now)
    move(tcb, RCV_SYN_ACK)
    if tcb.settings.keepalive:
        tcb.keep_timer.arm(now + keepidle(tcb.settings, tcb.engine.sysctls))


def vanish(tcb: Tcb) -> None:
    """The end of the connection here: neither a FIN nor a RST tells the peer."""
    finish(tcb, ABORT, ECONNABORTED)
    drop_received(tcb)


def ask_window(tcb: Tcb, now: int) -> None:
    """Repair is over: an old sequence number makes the peer tell its window, which is believed whatever we knew."""
    if tcb.state == ESTABLISHED:
        tcb.snd_wl1 = (tcb.rcv_nxt - 1) & MASK32
        tcb.engine.ext.TCPWinProbe += 1
        send_probe(tcb, now)


# What the handshake had agreed on.


def set_option(tcb: Tcb, code: int, value: int, now: int) -> None:
    """One entry of TCP_REPAIR_OPTIONS. Raises OSError: EFBIG for a scale above 14, EINVAL."""
    if code == OPT_MSS:
        tcb.mss_clamp = value & 0xFFFF
        sync_mss(tcb)
        begin_search(tcb, now)
    elif code == OPT_WINDOW:
        ours, theirs = value >> 16, value & 0xFFFF
        if ours > MAX_WSCALE or theirs > MAX_WSCALE:
            raise OSError(EFBIG, "File too large")
        tcb.snd_wscale = theirs
        _scale_window(tcb, ours, now)
    elif code in (OPT_SACK_PERMITTED, OPT_TIMESTAMP) and value != 0:
        raise OSError(EINVAL, "Invalid argument")
    elif code == OPT_SACK_PERMITTED:
        tcb.sack_ok = True
    elif code == OPT_TIMESTAMP:
        tcb.ts_ok = True
        # No timestamp is known: whatever comes first is newer.
        tcb.ts_recent_at = now - PAWS_24DAYS
        sync_mss(tcb)


def _scale_window(tcb: Tcb, shift: int, now: int) -> None:
    # The first window was cut to what no scale could carry; what was promised since stands.
    sysctls = tcb.engine.sysctls
    widest = first_window(tcb.settings, sysctls, tcb.advmss, tcb.path.initrwnd)
    used = (tcb.rcv_nxt - tcb.rcv_wup) & MASK32
    tcb.rcv_wscale = shift
    tcb.rcv_wnd = max(tcb.rcv_wnd, used + widest)
    begin(tcb, now)


def window_of(tcb: Tcb) -> tuple[int, int, int, int, int]:
    """TCP_REPAIR_WINDOW: snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup."""
    return tcb.snd_wl1, tcb.snd_wnd, tcb.max_window, tcb.rcv_wnd, tcb.rcv_wup


def check_window(rcv_nxt: int, snd_wl1: int, snd_wnd: int, max_window: int, rcv_wnd: int, rcv_wup: int) -> None:
    """Raises OSError(EINVAL) for windows that no connection could have."""
    edge = seq_add(rcv_nxt, rcv_wnd)
    if max_window < snd_wnd or seq_lt(edge, snd_wl1) or seq_lt(rcv_nxt, rcv_wup):
        raise OSError(EINVAL, "Invalid argument")


def set_window(tcb: Tcb, snd_wl1: int, snd_wnd: int, max_window: int, rcv_wnd: int, rcv_wup: int) -> None:
    """The windows both ends had promised, checked before."""
    tcb.snd_wl1 = snd_wl1
    tcb.snd_wnd = snd_wnd
    tcb.max_window = max_window
    tcb.rcv_wnd = rcv_wnd
    tcb.rcv_wup = rcv_wup
    tcb.space.max_edge = seq_add(rcv_wup, rcv_wnd)


def stamp_of(offset: int, now: int) -> int:
    """TCP_TIMESTAMP: the clock segments would show now. The last bit is 0: it counts milliseconds (Linux)."""
    return (now // MS + offset) & MASK32 & ~1


def offset_of(stamp: int, now: int) -> int:
    """The offset at which our clock shows a timestamp now."""
    return (stamp - now // MS) & MASK32


# The queues.


def write_seq(tcb: Tcb) -> int:
    """The number of the next octet written, a FIN counted."""
    return (tcb.snd_nxt + max(tcb.unsent(), 0) + (tcb.fin_queued and not tcb.fin_sent)) & MASK32


def sent_text(tcb: Tcb) -> bytes:
    """Everything that is not acknowledged, sent or not."""
    packet = new_packet(0)
    before = tcb.queue.look_at(None)
    tcb.queue.gather(packet, tcb.queue.base, tcb.outq())
    tcb.queue.look_at(before)
    return b"".join(view.memory() for view in packet.frags or ())


def put_received(tcb: Tcb, octets: bytes) -> int:
    """Text into the receive queue as if it had come; how much was taken. Raises OSError(ENOMEM)."""
    n = min(len(octets), LONGEST)
    if n == 0:
        return 0
    if tcb.space.held + tcb.ofo.memory > tcb.rcv_buf or not tcb.engine.pool.charge(n):
        raise OSError(ENOMEM, "Cannot allocate memory")
    tcb.rcv_queue.append(make_view(octets, 0, n))
    tcb.space.held += packet_cost(n)
    tcb.rcv_nxt = (tcb.rcv_nxt + n) & MASK32
    tcb.bytes_received += n
    tcb.wake(POLLIN)
    return n


def put_sent(tcb: Tcb, octets: bytes, done: int, now: int) -> int:
    """octets[done:] into the send queue as if they had been sent; how much there was room for. Raises OSError(EPIPE)"""
    first = done
    if tcb.shutdown & SEND_SHUTDOWN:
        raise OSError(EPIPE, "Broken pipe")
    tcb.chrono.start(WAIT_BUSY, now)
    account_sent(tcb, now)
    piece = max_payload(tcb, send_mss(tcb))
    while done < len(octets) and has_room(tcb, 0, piece) and not tcb.board.is_full():
        n = min(piece, len(octets) - done)
        if not tcb.engine.pool.charge(n):
            break
        tcb.queue.append_part(octets, done, n)
        done += n
        account_sent(tcb, now)
    tcb.piece_at = tcb.pushed_at = tcb.queue.end
    tcb.nospace = done < len(octets)
    return done - first


def put_fin(tcb: Tcb, now: int) -> None:
    """Our FIN, as if it had been sent behind everything queued."""
    if tcb.fin_queued:
        return
    account_sent(tcb, now)
    tcb.shutdown |= SEND_SHUTDOWN
    tcb.fin_queued = True
    move(tcb, CLOSE)
    _account(tcb, 0, True, now)
    tcb.fin_sent = True


def account_sent(tcb: Tcb, now: int) -> None:
    """Everything queued counts as sent: an ACK of it is believed, and what gets none is sent again."""
    piece = max_payload(tcb, send_mss(tcb))
    while (unsent := tcb.unsent()) > 0:
        _account(tcb, min(unsent, piece), False, now)


def _account(tcb: Tcb, n: int, fin: bool, now: int) -> None:
    start, end = tcb.snd_nxt, seq_add(tcb.snd_nxt, n + fin)
    mss = send_mss(tcb)
    record = make_record(start, end, max(-(-n // mss), 1), mss, now)
    # When it was sent nobody knows: it is no measure of the round trip.
    record.flags = R_EVER_RETRANS | (R_FIN if fin else 0)
    if n > 0 and tcb.position(start) + n == tcb.queue.end:
        record.flags |= R_PUSHED
    if n > 0:
        packet = new_packet(0)
        tcb.queue.gather(packet, tcb.position(start), n)
        record.chunk = tcb.queue.found()
    tcb.rate.sent(record, tcb.board.in_flight(), tcb.board.packets_out, now)
    tcb.snd_nxt = end
    if n % mss:
        tcb.snd_sml = end
    if tcb.marks is not None and tcb.marks.sent(tcb.position(start) + n, now, tcb.report_room()):
        tcb.wake(POLLERR)
    tcb.board.add(record)
    if tcb.board.packets_out == record.segs:
        rearm_rto(tcb, now)


def can_send(tcb: Tcb) -> bool:
    """True in the states in which text may be written."""
    return tcb.state in (ESTABLISHED, CLOSE_WAIT)


def is_gone(tcb: Tcb | None) -> bool:
    """True where Linux's socket would be in TCP_CLOSE."""
    return tcb is None or tcb.state == CLOSED
