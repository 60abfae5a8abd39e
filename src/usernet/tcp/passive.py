"""What a SYN for a listener makes, and the ACK that brings its cookie back (RFC 9293 3.10.7.2, RFC 4987 3.6).

A SYN makes a Request; a valid Fast Open cookie makes a connection at once; and where there is no room, or the sysctl
says so, nothing is made: the answer holds all that must be known later, so that a flood of SYNs costs no memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32, MS
from ..core.packet import Packet
from ..core.sender import Path
from ..core.seq import seq_add
from ..wire.tcp import Segment, syn_options_len, write_syn_options
from .accecn import Ecn
from .auth import Auth
from .const import (
    ACK,
    COOKIE_VALID,
    DEFAULT_MSS,
    ECN_ACCURATE,
    FIN,
    STAMP_ECN,
    STAMP_SACK,
    STAMP_WSCALE,
    SYN,
)  # fmt: skip
from .cookies import stamp_with_options
from .ecn import asked_by, recovered, syn_ack_flags
from .establish import advertised_mss
from .fastopen_server import try_fast_open
from .isn import initial_sequence, timestamp_offset
from .keys import welcome
from .listen import Acceptor, Listener, answer_path, path_back
from .request import Request
from .settings import Settings
from .space import first_window, window_scale
from .sysctls import Sysctls
from .transmit import control_header

if TYPE_CHECKING:
    import cython


def syn_arrives(
    listener: Listener, key: bytes, packet: Packet, seg: Segment, iss: cython.longlong, now: cython.longlong
) -> None:
    """3.10.7.2, third: a SYN for a listener. ``iss`` below 0: choose one."""
    engine: Acceptor = listener.engine
    request: Request
    path: Path | None
    gives_cookie: cython.bint = False
    auth: Auth | None = None
    if seg.auth or listener.settings.keys is not None:
        welcomed, auth = welcome(listener.settings.keys, engine.ext, key, packet, seg)
        if not welcomed:
            return
    if seg.flags & FIN:
        engine.counters.drop("tcp_syn_fin")
        return
    if iss < 0 and (listener.is_queue_full() or engine.sysctls.syncookies == 2):
        if engine.sysctls.syncookies == 0:
            engine.ext.TCPReqQFullDrop += 1
            engine.ext.ListenDrops += 1
            return
        engine.ext.TCPReqQFullDoCookies += 1
        gives_cookie = True
    if listener.is_accept_queue_full():
        engine.ext.ListenOverflows += 1
        engine.ext.ListenDrops += 1
        return
    oif: cython.int = listener.settings.oif
    path = answer_path(engine, packet, oif) if gives_cookie else path_back(engine, packet, oif)
    if path is None:
        engine.ext.ListenDrops += 1
        return
    if gives_cookie:
        _answer_with_cookie(listener, key, path, packet, seg, auth, now)
        return
    if iss < 0 and engine.sysctls.syncookies == 0 and _is_full_for_strangers(listener, key, now):
        engine.ext.ListenDrops += 1
        return
    request = Request(listener, key, path, seg, now)
    if auth is not None:
        request.sign_with(auth)
    request.iss = initial_sequence(engine, key, now) if iss < 0 else iss
    request.tos = _type_of_service(listener, packet)
    if listener.settings.save_syn:
        request.saved_syn = _saved(packet, seg, listener.settings.save_syn)
    if auth is None and (seg.fastopen is not None or seg.length > 0) and try_fast_open(request, packet, seg, now):
        return
    request.enter(now)


def _is_full_for_strangers(listener: Listener, key: bytes, now: cython.longlong) -> cython.bint:
    # Without cookies the last quarter is kept for peers known of old (Linux).
    most: cython.int = listener.engine.sysctls.max_syn_backlog
    return most - len(listener.requests) < most >> 2 and not listener.engine.peers.is_proven(key[:-4], now)


def _type_of_service(listener: Listener, packet: Packet) -> cython.uint:
    if listener.engine.sysctls.reflect_tos:
        return (packet.tos & 0xFC) | (listener.settings.tos & 3)
    return listener.settings.tos


def _saved(packet: Packet, seg: Segment, which: cython.int) -> bytes:
    # TCP_SAVE_SYN: the headers, from IP's on or from the link's.
    start: cython.Py_ssize_t = packet.head if which == 2 else packet.l3
    if start < 0 or start > packet.l4:
        start = packet.l4
    return bytes(packet.buf[start : seg.data])


# SYN cookies.


def _answer_with_cookie(
    listener: Listener,
    key: bytes,
    path: Path,
    packet: Packet,
    seg: Segment,
    auth: Auth | None,
    now: cython.longlong,
) -> None:
    # A signature does not cost the timestamp here, though SACK blocks will find no room beside both (Linux, for MD5).
    engine: Acceptor = listener.engine
    settings: Settings = listener.settings
    sysctls: Sysctls = engine.sysctls
    ts_ok: cython.bint = seg.ts_ok and sysctls.timestamps != 0
    # Only a timestamp can bring back that these were agreed.
    sack: cython.bint = ts_ok and seg.sack_permitted and sysctls.sack
    wscale: cython.int = seg.wscale if ts_ok and sysctls.window_scaling else -1
    offered: cython.int = -1
    advmss: cython.uint = advertised_mss(path, settings)
    stamp: cython.uint = 0
    option: cython.bint
    room: cython.uint = 0 if auth is None else auth.room
    iss: cython.uint = engine.cookies.sequence(key, seg.seq, seg.mss if seg.mss > 0 else DEFAULT_MSS, now)
    window: cython.longlong
    answer: Packet
    ecn: Ecn = asked_by(engine, settings, path, seg)
    flags: cython.uint = SYN | ACK
    accurate: cython.bint = ecn is not None and ecn.mode == ECN_ACCURATE
    if accurate or (ecn is not None and ts_ok):
        flags |= syn_ack_flags(ecn, 0)
    if ts_ok:
        ticks: cython.longlong = stamp_with_options(now // MS, wscale, sack, ecn is not None and not accurate)
        stamp = (ticks + timestamp_offset(engine, key)) & MASK32
        if wscale >= 0:
            offered = window_scale(settings, sysctls)
    option = accurate and sysctls.ecn_option != 0 and auth is None
    window = first_window(settings, sysctls, advmss - 12 if ts_ok else advmss, path.initrwnd)
    answer = control_header(
        path, seg.dport, seg.sport, iss, seq_add(seg.seq, 1), flags, window if window < 0xFFFF else 0xFFFF,
        room + syn_options_len(offered, sack, ts_ok, option),
    )  # fmt: skip
    write_syn_options(answer.buf, answer.head + 20 + room, advmss, offered, sack, ts_ok, stamp, seg.tsval, option)
    answer.tos = _type_of_service(listener, packet)
    answer.ttl = settings.ttl
    answer.mark = settings.mark
    if auth is not None:
        auth.sign(answer)
    listener.cookies_until = now + COOKIE_VALID
    engine.ext.SyncookiesSent += 1
    engine.mib.OutSegs += 1
    engine.sender.send(path, answer, now)


def cookie_arrives(listener: Listener, key: bytes, packet: Packet, seg: Segment, now: cython.longlong) -> cython.bint:
    """An ACK for a listener, without a request. True: it was dealt with; False: it deserves a RST."""
    engine: Acceptor = listener.engine
    request: Request
    path: Path | None
    mss: cython.uint
    auth: Auth | None = None
    if engine.sysctls.syncookies == 0 or now > listener.cookies_until:
        return False
    mss = engine.cookies.mss_of(key, (seg.seq - 1) & MASK32, (seg.ack - 1) & MASK32, now)
    if mss == 0:
        engine.ext.SyncookiesFailed += 1
        return False
    if seg.auth or listener.settings.keys is not None:
        welcomed, auth = welcome(listener.settings.keys, engine.ext, key, packet, seg)
        if not welcomed:
            return True
    engine.ext.SyncookiesRecv += 1
    if not _may_be_ours(engine, key, seg):
        return False
    if listener.is_accept_queue_full():
        engine.ext.ListenOverflows += 1
        engine.ext.ListenDrops += 1
        return True
    path = path_back(engine, packet, listener.settings.oif)
    if path is None:
        return True
    request = Request(listener, key, path, seg, now)
    request.auth = auth
    _recover(request, seg, mss)
    request.tos = _type_of_service(listener, packet)
    request.open(packet, seg, now)
    return True


def _stamp_bits(engine: Acceptor, key: bytes, seg: Segment) -> cython.uint:
    bits: cython.uint = (seg.tsecr - timestamp_offset(engine, key)) & 0x3F
    return bits


def _may_be_ours(engine: Acceptor, key: bytes, seg: Segment) -> cython.bint:
    # What the echo claims we agreed to must be what we agree to.
    bits: cython.uint
    if not seg.ts_ok:
        return True
    bits = _stamp_bits(engine, key, seg)
    if engine.sysctls.timestamps == 0 or (bits & STAMP_SACK and not engine.sysctls.sack):
        return False
    if engine.sysctls.window_scaling:
        return True
    return bits & STAMP_WSCALE == STAMP_WSCALE


def _recover(request: Request, seg: Segment, mss: cython.uint) -> None:
    # The request as the SYN would have made it.
    engine: Acceptor = request.listener.engine
    bits: cython.uint = STAMP_WSCALE
    request.irs = (seg.seq - 1) & MASK32
    request.iss = (seg.ack - 1) & MASK32
    request.mss = mss
    request.sent_at = -1
    request.sack_ok = False
    if seg.ts_ok:
        bits = _stamp_bits(engine, request.key, seg)
        request.sack_ok = (bits & STAMP_SACK) != 0
    request.ecn = recovered(engine, seg, seg.ts_ok and (bits & STAMP_ECN) != 0)
    if bits & STAMP_WSCALE == STAMP_WSCALE:
        request.wscale = -1
        request.rcv_wscale = 0
    else:
        request.wscale = bits & STAMP_WSCALE
        request.rcv_wscale = window_scale(request.listener.settings, engine.sysctls)
