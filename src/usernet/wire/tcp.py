"""TCP header and options (RFC 9293 3.1, 3.2; RFC 7323, RFC 2018, RFC 7413, RFC 2385, RFC 5925, RFC 9768)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.packet import Packet
from .tcp_const import AUTH_BAD, OPT_AO, OPT_MD5

if TYPE_CHECKING:
    import cython

HEADER_LEN = 20
MAX_HEADER_LEN = 60
MAX_SACK_BLOCKS = 4

OPT_EOL = 0
OPT_NOP = 1
OPT_MSS = 2
OPT_WSCALE = 3
OPT_SACK_PERMITTED = 4
OPT_SACK = 5
OPT_TIMESTAMPS = 8
OPT_FASTOPEN = 34
OPT_ACCECN0 = 172
OPT_ACCECN1 = 174
# RFC 6994: a shared option kind, told apart by two octets; these are Fast Open's before it had a kind of its own.
OPT_EXPERIMENT = 254
FASTOPEN_MAGIC = 0xF989
# RFC 7413 4.1.1: what a Fast Open cookie may measure.
COOKIE_MIN = 4
COOKIE_MAX = 16

SYN_BIT = 2
FIN_BIT = 1
# tcpdump's letters for the control bits, the lowest first.
FLAG_LETTERS = "FSRP.UEWA"
# Fields of an AccECN option, and their length in octets (RFC 9768 3.2.3).
ACCECN_FIELDS = 3
ACCECN_FIELD_LEN = 3


class Segment:
    """A received segment: its header fields, its options, where its text lies.

    ``seg_len`` counts SYN and FIN, ``length`` the octets of text, which begin at ``data`` in the packet's buffer.
    ``auth`` is the kind of its signature option, 0 for none, which lies at ``auth_at`` in the buffer.
    ``flags`` are nine bits, AE the highest; ``ecn`` is the ECN field of the IP header, ``gso_size`` as the packet's.
    ``accecn_count`` is the number of counters in an AccECN option, -1 where there is none; they stand in ``accecn`` in
    the option's order, EE1B first if ``accecn_e1_first``.
    One object is filled again for each segment.
    """

    __slots__ = (
        "accecn", "accecn_count", "accecn_e1_first", "ack", "auth", "auth_at", "data", "dport", "ecn", "end_seq",
        "fastopen", "fastopen_exp", "flags", "gso_size", "length", "mss", "sack_count", "sack_left", "sack_permitted",
        "sack_right", "seq", "sport", "ts_ok", "tsecr", "tsval", "up", "wnd", "wscale",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sack_left = [0, 0, 0, 0]
        self.sack_right = [0, 0, 0, 0]
        self.accecn = [0, 0, 0]
        self.accecn_count = -1
        self.accecn_e1_first = False
        self.ecn = self.gso_size = 0
        self.sport = self.dport = self.seq = self.ack = self.flags = self.wnd = self.up = 0
        self.end_seq = self.auth = self.auth_at = 0
        self.data = self.length = 0
        self._clear_options()

    def parse(self, packet: Packet) -> cython.bint:
        """Read the header at packet.l4. False: too short for itself. Malformed options end the options."""
        p: cython.p_const_uchar = packet.buf
        at: cython.Py_ssize_t = packet.l4
        room: cython.Py_ssize_t = packet.tail - at
        size: cython.Py_ssize_t
        flags: cython.uint
        if room < HEADER_LEN:
            return False
        size = (p[at + 12] >> 4) * 4
        if size < HEADER_LEN or size > room:
            return False
        flags = ((p[at + 12] & 1) << 8) | p[at + 13]
        self.sport = (p[at] << 8) | p[at + 1]
        self.dport = (p[at + 2] << 8) | p[at + 3]
        self.seq = (p[at + 4] << 24) | (p[at + 5] << 16) | (p[at + 6] << 8) | p[at + 7]
        self.ack = (p[at + 8] << 24) | (p[at + 9] << 16) | (p[at + 10] << 8) | p[at + 11]
        self.flags = flags
        self.ecn = packet.tos & 3
        self.gso_size = packet.gso_size
        self.wnd = (p[at + 14] << 8) | p[at + 15]
        self.up = (p[at + 18] << 8) | p[at + 19]
        self.data = at + size
        self.length = room - size + packet.frags_len
        self.end_seq = seq_after(self.seq, self.length, flags)
        self.ts_ok = False
        self.sack_count = 0
        self.auth = 0
        self.accecn_count = -1
        if flags & SYN_BIT:
            self._clear_options()
        if size == 32 and p[at + 20] == 1 and p[at + 21] == 1 and p[at + 22] == 8 and p[at + 23] == 10:
            # NOP NOP TS, which nearly every segment carries.
            self.ts_ok = True
            self.tsval = (p[at + 24] << 24) | (p[at + 25] << 16) | (p[at + 26] << 8) | p[at + 27]
            self.tsecr = (p[at + 28] << 24) | (p[at + 29] << 16) | (p[at + 30] << 8) | p[at + 31]
        elif size > HEADER_LEN:
            self._parse_options(packet.buf, at + HEADER_LEN, at + size)
        return True

    def _clear_options(self) -> None:
        self.ts_ok = self.sack_permitted = False
        self.tsval = self.tsecr = self.mss = 0
        self.wscale = -1
        self.sack_count = 0
        self.fastopen: bytes | None = None
        self.fastopen_exp = False

    def _parse_options(self, buf: bytearray, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
        p: cython.p_const_uchar = buf
        kind: cython.uint
        size: cython.Py_ssize_t
        while at < end:
            kind = p[at]
            if kind == OPT_EOL:
                return
            if kind == OPT_NOP:
                at += 1
                continue
            if at + 1 >= end:
                return
            size = p[at + 1]
            if size < 2 or at + size > end:
                return
            if kind == OPT_TIMESTAMPS:
                if size == 10:
                    self.ts_ok = True
                    self.tsval = (p[at + 2] << 24) | (p[at + 3] << 16) | (p[at + 4] << 8) | p[at + 5]
                    self.tsecr = (p[at + 6] << 24) | (p[at + 7] << 16) | (p[at + 8] << 8) | p[at + 9]
            elif kind == OPT_SACK:
                if size >= 10 and (size - 2) % 8 == 0:
                    self._parse_sack(buf, at + 2, (size - 2) // 8)
            elif kind == OPT_MD5:
                self.auth = kind if self.auth == 0 and size == 18 else AUTH_BAD
                self.auth_at = at
            elif kind == OPT_AO:
                self.auth = kind if self.auth == 0 and size > 4 else AUTH_BAD
                self.auth_at = at
            elif kind in (OPT_ACCECN1, OPT_ACCECN0):
                self.accecn_e1_first = kind == OPT_ACCECN1
                self._parse_accecn(buf, at + 2, (size - 2) // ACCECN_FIELD_LEN)
            elif self.flags & SYN_BIT:
                self._parse_syn_option(buf, at, kind, size)
            at += size

    def _parse_sack(self, buf: bytearray, at: cython.Py_ssize_t, count: cython.Py_ssize_t) -> None:
        p: cython.p_const_uchar = buf
        i: cython.Py_ssize_t = 0
        if count > MAX_SACK_BLOCKS:
            count = MAX_SACK_BLOCKS
        while i < count:
            self.sack_left[i] = (p[at] << 24) | (p[at + 1] << 16) | (p[at + 2] << 8) | p[at + 3]
            self.sack_right[i] = (p[at + 4] << 24) | (p[at + 5] << 16) | (p[at + 6] << 8) | p[at + 7]
            at += 8
            i += 1
        self.sack_count = count

    def _parse_accecn(self, buf: bytearray, at: cython.Py_ssize_t, count: cython.Py_ssize_t) -> None:
        # RFC 9768 3.2.3: whole fields of an option of any length are used, the rest of it is padding.
        p: cython.p_const_uchar = buf
        i: cython.Py_ssize_t = 0
        if count > ACCECN_FIELDS:
            count = ACCECN_FIELDS
        while i < count:
            self.accecn[i] = (p[at] << 16) | (p[at + 1] << 8) | p[at + 2]
            at += ACCECN_FIELD_LEN
            i += 1
        self.accecn_count = count

    def _parse_syn_option(
        self, buf: bytearray, at: cython.Py_ssize_t, kind: cython.uint, size: cython.Py_ssize_t
    ) -> None:
        # These mean something on a SYN only.
        p: cython.p_const_uchar = buf
        if kind == OPT_MSS and size == 4:
            self.mss = (p[at + 2] << 8) | p[at + 3]
        elif kind == OPT_WSCALE and size == 3:
            # RFC 7323 2.3: a shift over 14 is taken as 14.
            self.wscale = p[at + 2] if p[at + 2] < 14 else 14
        elif kind == OPT_SACK_PERMITTED and size == 2:
            self.sack_permitted = True
        elif kind == OPT_FASTOPEN:
            self._parse_cookie(bytes(buf[at + 2 : at + size]), False)
        elif kind == OPT_EXPERIMENT and size >= 4 and (p[at + 2] << 8) | p[at + 3] == FASTOPEN_MAGIC:
            self._parse_cookie(bytes(buf[at + 4 : at + size]), True)

    def _parse_cookie(self, cookie: bytes, experimental: cython.bint) -> None:
        # One of odd length is no option at all, one of a wrong length takes back what came before it (Linux).
        size: cython.Py_ssize_t = len(cookie)
        if size & 1:
            return
        self.fastopen = cookie if size == 0 or COOKIE_MIN <= size <= COOKIE_MAX else None
        self.fastopen_exp = experimental


def flag_letters(flags: int) -> str:
    """Control bits as tcpdump prints them."""
    return "".join([letter for i, letter in enumerate(FLAG_LETTERS) if flags >> i & 1])


def seq_after(seq: cython.uint, length: cython.Py_ssize_t, flags: cython.uint) -> cython.uint:
    """The number after a segment: text, SYN and FIN counted."""
    return (seq + length + ((flags >> 1) & 1) + (flags & 1)) & MASK32


def write_u32(buf: bytearray, at: cython.Py_ssize_t, value: cython.uint) -> None:
    """Four octets in network order."""
    p: cython.p_uchar = buf
    p[at] = value >> 24
    p[at + 1] = (value >> 16) & 0xFF
    p[at + 2] = (value >> 8) & 0xFF
    p[at + 3] = value & 0xFF


def write_header(
    buf: bytearray,
    at: cython.Py_ssize_t,
    sport: cython.uint,
    dport: cython.uint,
    seq: cython.uint,
    ack: cython.uint,
    size: cython.uint,
    flags: cython.uint,
    wnd: cython.uint,
    check: cython.uint,
) -> None:
    """The fixed header; ``size`` is the header length with options, a multiple of 4, ``flags`` nine bits."""
    p: cython.p_uchar = buf
    p[at] = sport >> 8
    p[at + 1] = sport & 0xFF
    p[at + 2] = dport >> 8
    p[at + 3] = dport & 0xFF
    p[at + 4] = seq >> 24
    p[at + 5] = (seq >> 16) & 0xFF
    p[at + 6] = (seq >> 8) & 0xFF
    p[at + 7] = seq & 0xFF
    p[at + 8] = ack >> 24
    p[at + 9] = (ack >> 16) & 0xFF
    p[at + 10] = (ack >> 8) & 0xFF
    p[at + 11] = ack & 0xFF
    p[at + 12] = (size << 2) | (flags >> 8)
    p[at + 13] = flags & 0xFF
    p[at + 14] = wnd >> 8
    p[at + 15] = wnd & 0xFF
    p[at + 16] = check >> 8
    p[at + 17] = check & 0xFF
    p[at + 18] = 0
    p[at + 19] = 0


def write_timestamps(buf: bytearray, at: cython.Py_ssize_t, tsval: cython.uint, tsecr: cython.uint) -> None:
    """NOP NOP TS, 12 octets (RFC 7323 appendix A)."""
    p: cython.p_uchar = buf
    p[at] = OPT_NOP
    p[at + 1] = OPT_NOP
    p[at + 2] = OPT_TIMESTAMPS
    p[at + 3] = 10
    write_u32(buf, at + 4, tsval)
    write_u32(buf, at + 8, tsecr)


def write_sack_header(buf: bytearray, at: cython.Py_ssize_t, count: cython.uint) -> None:
    """NOP NOP SACK and its length; count blocks of two write_u32 follow (RFC 2018 3)."""
    p: cython.p_uchar = buf
    p[at] = OPT_NOP
    p[at + 1] = OPT_NOP
    p[at + 2] = OPT_SACK
    p[at + 3] = 2 + 8 * count


def write_accecn(
    buf: bytearray, at: cython.Py_ssize_t, fields: cython.int, e1: cython.uint, ce: cython.uint, e0: cython.uint
) -> cython.Py_ssize_t:
    """An AccECN option of order 1 with its first ``fields`` counters (RFC 9768 3.2.3); returns where it ends."""
    p: cython.p_uchar = buf
    p[at] = OPT_ACCECN1
    p[at + 1] = 2 + ACCECN_FIELD_LEN * fields
    at += 2
    if fields > 0:
        at = _write_u24(buf, at, e1)
    if fields > 1:
        at = _write_u24(buf, at, ce)
    if fields > 2:
        at = _write_u24(buf, at, e0)
    return at


def _write_u24(buf: bytearray, at: cython.Py_ssize_t, value: cython.uint) -> cython.Py_ssize_t:
    p: cython.p_uchar = buf
    p[at] = (value >> 16) & 0xFF
    p[at + 1] = (value >> 8) & 0xFF
    p[at + 2] = value & 0xFF
    return at + 3


def accecn_option(counters: list[int], *, e1_first: bool = True) -> bytes:
    """An AccECN option with up to three counters, the least significant 24 bits of each, in the order given."""
    out = bytes((OPT_ACCECN1 if e1_first else OPT_ACCECN0, 2 + ACCECN_FIELD_LEN * len(counters)))
    return out + b"".join((counter & 0xFFFFFF).to_bytes(3, "big") for counter in counters)


def timestamp_option(tsval: int, tsecr: int) -> bytes:
    """The 12 octets of a timestamp option behind its two NOPs."""
    buf = bytearray(12)
    write_timestamps(buf, 0, tsval, tsecr)
    return bytes(buf)


def syn_options_len(
    wscale: cython.int, sack_permitted: cython.bint, ts_ok: cython.bint, accecn: cython.bint
) -> cython.uint:
    """How many octets write_syn_options writes."""
    size: cython.uint = 4
    if ts_ok:
        size += 12
    elif sack_permitted:
        size += 4
    if accecn:
        size += 12
    return size + 4 if wscale >= 0 else size


def write_syn_options(
    buf: bytearray,
    at: cython.Py_ssize_t,
    mss: cython.uint,
    wscale: cython.int,
    sack_permitted: cython.bint,
    ts_ok: cython.bint,
    tsval: cython.uint,
    tsecr: cython.uint,
    accecn: cython.bint,
) -> None:
    """Options of a SYN, in Linux's order; ``wscale`` -1 leaves it out, ``accecn`` is for a SYN,ACK (RFC 9768)."""
    p: cython.p_uchar = buf
    p[at] = OPT_MSS
    p[at + 1] = 4
    p[at + 2] = mss >> 8
    p[at + 3] = mss & 0xFF
    at += 4
    if ts_ok:
        write_timestamps(buf, at, tsval, tsecr)
        if sack_permitted:
            # In the place of the two NOPs.
            p[at] = OPT_SACK_PERMITTED
            p[at + 1] = 2
        at += 12
    if accecn:
        at = write_accecn(buf, at, ACCECN_FIELDS, 1, 0, 1)
        p[at] = OPT_NOP
        at += 1
    if sack_permitted and not ts_ok:
        p[at] = OPT_NOP
        p[at + 1] = OPT_NOP
        p[at + 2] = OPT_SACK_PERMITTED
        p[at + 3] = 2
        at += 4
    if wscale >= 0:
        p[at] = OPT_NOP
        p[at + 1] = OPT_WSCALE
        p[at + 2] = 3
        p[at + 3] = wscale


def syn_options(
    mss: int, wscale: int, sack_permitted: bool, timestamps: tuple[int, int] | None, *, accecn: bool = False
) -> bytes:
    """The octets of write_syn_options; ``timestamps`` are TSval and TSecr, None for none."""
    ts_ok = timestamps is not None
    tsval, tsecr = timestamps or (0, 0)
    buf = bytearray(syn_options_len(wscale, sack_permitted, ts_ok, accecn))
    write_syn_options(buf, 0, mss, wscale, sack_permitted, ts_ok, tsval, tsecr, accecn)
    return bytes(buf)


def fastopen_option(cookie: bytes, experimental: bool) -> bytes:
    """A Fast Open cookie, or the request for one when it is empty; NOPs fill it up (RFC 7413 4.1.1)."""
    if experimental:
        out = bytes((OPT_EXPERIMENT, 4 + len(cookie))) + FASTOPEN_MAGIC.to_bytes(2, "big") + cookie
    else:
        out = bytes((OPT_FASTOPEN, 2 + len(cookie))) + cookie
    return out + bytes((OPT_NOP,)) * ((4 - len(out) % 4) % 4)  # in C, -2 % 4 is -2


def sack_option(blocks: list[tuple[int, int]]) -> bytes:
    """NOP NOP SACK with up to four blocks."""
    out = bytes((OPT_NOP, OPT_NOP, OPT_SACK, 2 + 8 * len(blocks)))
    for left, right in blocks:
        out += left.to_bytes(4, "big") + right.to_bytes(4, "big")
    return out


def emit(
    sport: int, dport: int, seq: int, ack: int, flags: int, wnd: int, options: bytes = b"", payload: bytes = b""
) -> bytes:
    """A whole segment with its checksum field 0; options are padded with EOL to a multiple of 4."""
    options += bytes((4 - len(options) % 4) % 4)
    out = bytearray(HEADER_LEN)
    write_header(out, 0, sport, dport, seq, ack, HEADER_LEN + len(options), flags, wnd, 0)
    return bytes(out) + options + payload
