"""Fast Open, the server's half: text in a SYN that came (RFC 7413 4.2).

A SYN with a valid cookie makes a connection at once, in SYN_RECEIVED, which a user may read from and write to. Until
the SYN,ACK is acknowledged nothing but it is sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import POLLIN
from ..core.packet import Packet
from ..core.seq import seq_add
from ..wire.tcp import Segment, fastopen_option
from .const import (
    ACK,
    RTX_RETRANSMIT,
    SYN,
    TFO_SERVER,
    TFO_SERVER_NO_COOKIE,
)  # fmt: skip
from .establish import begin_sending
from .fastopen import FastOpen, FastOpenKeys
from .listen import Acceptor, Listener
from .receive import take_text
from .request import Request
from .rtx_timer import arm_rtx
from .settings import Settings
from .transmit import send_syn
from .user_calls import Connection
from .window import begin

if TYPE_CHECKING:
    import cython


def try_fast_open(request: Request, packet: Packet, seg: Segment, now: cython.longlong) -> cython.bint:
    """True: the SYN opened a connection. False: the handshake goes its usual way, perhaps handing out a cookie."""
    listener: Listener = request.listener
    engine: Acceptor = listener.engine
    settings: Settings = listener.settings
    keys: FastOpenKeys = settings.fastopen_keys or engine.fast_opens.keys
    flags: cython.int = engine.sysctls.fastopen
    addresses: bytes = request.key[:-4]
    which: cython.int = 0
    if seg.fastopen is not None and not seg.fastopen:
        engine.ext.TCPFastOpenCookieReqd += 1
    if not flags & TFO_SERVER or settings.fastopen_limit <= 0:
        return False
    if not listener.fast.has_room(settings.fastopen_limit, now):
        engine.ext.TCPFastOpenListenOverflow += 1
        return False
    if seg.length > 0 and (flags & TFO_SERVER_NO_COOKIE or settings.fastopen_no_cookie):
        which = 1
    elif seg.fastopen:
        which = keys.check(addresses, seg.fastopen)
        if which == 0:
            engine.ext.TCPFastOpenPassiveFail += 1
    if which != 1 and seg.fastopen is not None:
        # Asked for, wrong, or made with the key that is going out of use.
        request.extra = fastopen_option(keys.cookie(addresses), seg.fastopen_exp)
    if which == 0:
        return False
    if which == 2:
        engine.ext.TCPFastOpenPassiveAltKey += 1
    engine.ext.TCPFastOpenPassive += 1
    _open(request, packet, seg, now)
    return True


def _open(request: Request, packet: Packet, seg: Segment, now: cython.longlong) -> None:
    listener: Listener = request.listener
    engine: Acceptor = listener.engine
    child: Connection = request.child(now)
    fast: FastOpen = FastOpen()
    ratio: cython.longlong
    guess: cython.uint
    fast.queue = listener.fast
    fast.is_child = True
    fast.option = request.extra
    listener.fast.pending += 1
    child.fastopen = fast
    engine.enter(child)
    engine.mib.PassiveOpens += 1
    child.segs_in = 1
    # The window of a SYN is not scaled (RFC 7323 2.2).
    child.snd_wnd = child.max_window = seg.wnd
    begin_sending(child, seg, now)
    if seg.length > 0:
        child.data_segs_in = 1
        ratio = child.space.ratio
        guess = child.rcv_mss
        take_text(child, packet, seg, seq_add(seg.seq, 1), now)
        # TCPI_OPT_SYN_DATA is said of what arrived: a pool without room took none.
        fast.syn_data_acked = child.rcv_nxt == seg.end_seq
        # It shares its segment with a SYN's options, and is no measure of those to come (Linux).
        child.space.ratio = ratio
        child.rcv_mss = guess
        begin(child, now)
    # The SYN,ACK acknowledges it; what follows is the first text for the delayed-ACK clock (Linux).
    child.ack_pending = child.quick = 0
    child.ato = 0
    send_syn(child, SYN | ACK, now)
    arm_rtx(child, RTX_RETRANSMIT, now)
    listener.accepted.append(child)
    if listener.owner is not None:
        listener.owner.wake(POLLIN)
