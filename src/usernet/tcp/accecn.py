"""Accurate ECN: the counters of both half-connections, and how they are written and read (RFC 9768 3.2).

The receiver counts marked packets (r.cep) and octets by codepoint (r.ceb, r.e0b, r.e1b) and shows the low three bits of
r.cep in the ACE field, the low 24 of the others in an option. The sender follows with s.cep and its like; here both
begin at 0, and what RFC 9768 3.2.1 has them begin at is added on the wire. Where RFC 9768 leaves a choice, it is
Linux's. Nothing here knows a connection; see ecn.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..wire.tcp import Segment, write_accecn
from .const import (
    ACE_MASK,
    AE,
    CE,
    CWR,
    ECE,
    ECN_ACCURATE,
    ECT_0,
    ECT_1,
    FAIL_OPTION_RECEIVE,
    FIRST_CEP,
    NOT_ECT,
    OPTION_COUNTERS,
    OPTION_EMPTY,
    OPTION_NONE,
    OPTION_ZEROED,
)  # fmt: skip

if TYPE_CHECKING:
    import cython

FIRST_E0B = 1
FIRST_E1B = 1
# What an option's counter holds; a jump over its half is a step back.
MASK24 = 0xFFFFFF
SIGN24 = 0x800000
WRAP24 = 0x1000000

# So many octets sent without an option back, and a first one could not be told from a wrapped one any more.
OPTION_TOO_LATE = (1 << 23) - 1
# One option at least for so many octets in any counter (RFC 9768 3.2.3.3).
REPEAT_SHIFT = 22
# The mean of the segments an ACK acknowledges, in 64ths: over 4 the path thins ACKs, and a jump is no overflow (Linux).
EWMA_SHIFT = 6
THINNED = 4 << EWMA_SHIFT
PENDING_MAX = 15


class Ecn:
    """What one connection knows of ECN; ``mode`` is an ECN_ constant.

    Octet counters lie at the codepoint less one. The segment being built is described by ``codepoint``, its ECN field,
    ``fields``, the counters in its option (-1: no option), ``octets`` that the option adds, and ``sacks``, the SACK
    blocks left beside it.
    """

    __slots__ = (
        "acked_mean",
        "ce_state",
        "codepoint",
        "deaf",
        "delivered_bytes",
        "fail",
        "fields",
        "guess",
        "last_ecn",
        "min_fields",
        "mode",
        "must_cwr",
        "must_echo",
        "octets",
        "option_at",
        "option_demand",
        "option_seen",
        "option_with_dsack",
        "peer_ace",
        "pending_ce",
        "received_bytes",
        "received_ce",
        "reflects",
        "sacks",
        "seen",
        "syn_ect_received",
        "syn_ect_sent",
        "ts_recent",
    )

    def __init__(self, mode: cython.int) -> None:
        self.mode = mode
        self.fail = 0
        # RFC 3168: the receiver's ECE until CWR comes, the sender's CWR; an ECT or CE came; DCTCP.CE of RFC 8257.
        self.must_echo = self.must_cwr = self.seen = self.ce_state = False
        self.syn_ect_sent = self.syn_ect_received = 0
        self.reflects = False
        # The peer seems not to count at all: what its flags say means nothing.
        self.deaf = False
        self.peer_ace = 0
        self.ts_recent = 0
        # The receiver.
        self.received_ce = self.pending_ce = 0
        self.received_bytes = [0, 0, 0]
        self.last_ecn = NOT_ECT
        # The sender.
        self.delivered_bytes = [0, 0, 0]
        self.guess = 0
        self.acked_mean = 0
        # The option.
        self.option_seen = OPTION_NONE
        self.option_demand = self.min_fields = 0
        self.option_at = 0
        self.option_with_dsack = False
        self.codepoint = NOT_ECT
        self.fields = -1
        self.octets = self.sacks = 0

    # The receiver.

    def count(self, ecn: cython.uint, segs: cython.uint, octets: cython.uint) -> cython.bint:
        """An acceptable (super-)segment came with this ECN field. True: another than the one before it."""
        before: cython.uint
        after: cython.uint
        edge: cython.bint = ecn != self.last_ecn
        if ecn != NOT_ECT:
            if self.mode == ECN_ACCURATE:
                self.seen = True
            if ecn == CE:
                self.received_ce += segs
                self.pending_ce += segs
                if self.pending_ce > PENDING_MAX:
                    self.pending_ce = PENDING_MAX
            if octets > 0:
                before = self.received_bytes[ecn - 1]
                after = (before + octets) & MASK32
                self.received_bytes[ecn - 1] = after
                if fields_for(ecn) > self.min_fields:
                    self.min_fields = fields_for(ecn)
                if (before >> REPEAT_SHIFT) != (after >> REPEAT_SHIFT) and self.option_demand == 0:
                    self.option_demand = 1
        if edge or ecn == CE:
            self.last_ecn = ecn
            # In two ACKs: from the second the sender knows which counter goes on counting.
            self.option_demand = 2
        return edge

    def ace(self) -> cython.uint:
        """The flags that show r.cep (RFC 9768 3.2.2); every mark counted so far is reported by them."""
        self.pending_ce = 0
        return flags_of((self.received_ce + FIRST_CEP) & ACE_MASK)

    # The option, outgoing.

    def fit(self, room: cython.int, sacks: cython.int) -> None:
        """Lay out an option and so many SACK blocks in ``room`` octets: the most counters that fit.

        Counters that changed since the last option must all fit, or there is none; for them SACK blocks give way, but
        never the first two (RFC 9768 3.2.3.3). Two octets fit where the SACK option is padded.
        """
        fields: cython.int = 3
        kept: cython.int = sacks
        size: cython.int
        self.fields = -1
        self.octets = 0
        self.sacks = sacks
        while fields >= self.min_fields:
            size = 2 + 3 * fields
            size = size & ~3 if kept > 0 and size & 3 <= 2 else (size + 3) & ~3
            if size + sack_octets(kept) <= room:
                self.fields = fields
                self.octets = size
                self.sacks = kept
                return
            if fields == self.min_fields and fields > 0 and kept > 2:
                kept -= 1
                fields = 3
            else:
                fields -= 1

    def write(self, buf: bytearray, at: cython.Py_ssize_t, now: cython.longlong, dsack: cython.bint) -> None:
        """The option of fit(), if any; it may end over NOPs of the SACK option behind. ``dsack``: one goes with it."""
        p: cython.p_uchar = buf
        end: cython.Py_ssize_t = at + self.octets
        e1: cython.uint = self.received_bytes[ECT_1 - 1] + FIRST_E1B
        e0: cython.uint = self.received_bytes[ECT_0 - 1] + FIRST_E0B
        self.option_with_dsack = dsack and self.fields >= 0
        if self.fields < 0:
            return
        at = write_accecn(buf, at, self.fields, e1 & MASK24, self.received_bytes[CE - 1] & MASK24, e0 & MASK24)
        while at < end:
            p[at] = 1
            at += 1
        self.min_fields = 0
        self.option_at = now
        if self.option_demand > 0:
            self.option_demand -= 1

    # The sender.

    def first_option(self, seg: Segment) -> None:
        """Look at an option while none with counters came: its first counters cannot be 0 (RFC 9768 3.2.3.2.4)."""
        if seg.accecn_count < 0 or self.option_seen >= OPTION_COUNTERS:
            return
        if seg.accecn_count == 0:
            self.option_seen = OPTION_EMPTY
        elif seg.accecn[0] == 0 or (seg.accecn_count == 3 and seg.accecn[2] == 0):
            self.option_seen = OPTION_ZEROED
            self.fail |= FAIL_OPTION_RECEIVE
        else:
            self.option_seen = OPTION_COUNTERS

    def take_option(self, seg: Segment, delivered: cython.uint, sent: cython.ulonglong) -> cython.bint:
        """Follow the peer's octet counters. True: what they grew by is known for this ACK.

        ``delivered`` octets are newly acknowledged. Without an option they are booked where the last ones were.
        """
        i: cython.int = 0
        ecn: cython.uint
        known: cython.bint = self.guess != 0
        changed: cython.bint = False
        ambiguous: cython.bint = False
        delta: cython.int
        guess: cython.uint = self.guess
        if self.fail & FAIL_OPTION_RECEIVE:
            return False
        if seg.accecn_count < 0:
            if self.option_seen == OPTION_NONE:
                if sent >= OPTION_TOO_LATE:
                    self.option_seen = OPTION_ZEROED
                    self.fail |= FAIL_OPTION_RECEIVE
                return False
            if not known:
                return False
            self.delivered_bytes[guess - 1] = (self.delivered_bytes[guess - 1] + delivered) & MASK32
            return True
        # What it grew by since the last option is what this ACK tells; of the first one nobody knows since when.
        known = known or (self.option_seen == OPTION_COUNTERS and seg.accecn_count > 1)
        self.first_option(seg)
        if self.fail & FAIL_OPTION_RECEIVE:
            return False
        while i < seg.accecn_count:
            ecn = codepoint_of(i, seg.accecn_e1_first)
            delta = (seg.accecn[i] - first_value(ecn) - self.delivered_bytes[ecn - 1]) & MASK24
            if delta & SIGN24:
                delta -= WRAP24
                known = False
                ambiguous = True
            if delta != 0:
                self.delivered_bytes[ecn - 1] = (self.delivered_bytes[ecn - 1] + delta) & MASK32
                if changed:
                    known = known and seg.accecn_count > 1
                    ambiguous = True
                self.guess = ecn
                changed = True
            i += 1
        if ambiguous:
            self.guess = 0
        return known

    def note_acked(self, segs: cython.uint) -> None:
        """So many segments were delivered by one ACK: the mean tells whether ACKs are thinned."""
        mean: cython.uint = self.acked_mean
        if segs == 0:
            return
        if mean == 0:
            mean = segs << EWMA_SHIFT
        else:
            mean = ((mean << EWMA_SHIFT) - mean + (segs << EWMA_SHIFT)) >> EWMA_SHIFT
        self.acked_mean = mean if mean < 0xFFFF else 0xFFFF

    def marked(
        self,
        delta: cython.uint,
        segs: cython.uint,
        octets: cython.uint,
        known: cython.bint,
        ce_octets: cython.uint,
        mss: cython.uint,
        exact: cython.bint,
    ) -> cython.uint:
        """Segments newly reported as CE-marked where the ACE field grew by ``delta``, or by that and some eights.

        This is RFC 9768 3.2.2.5.2's safety, by appendix A.2. The ACK delivered ``segs`` segments, ``octets`` octets; of
        these ``ce_octets`` were marked, if ``known``. ``exact``: these numbers can be relied on, there is SACK or no
        recovery.
        """
        safe: cython.uint
        likely: cython.ulonglong
        if segs <= ACE_MASK:
            return delta
        # The most that may have been marked and shows the same three bits.
        safe = segs - ((segs - delta) & ACE_MASK)
        if not known:
            return delta if self.acked_mean > THINNED else safe
        if ce_octets == 0:
            return delta
        if segs >= 2 * (ACE_MASK + 1) and exact:
            if octets <= ce_octets:
                return safe
            likely = ce_octets
            likely = (likely * segs + octets - 1) // octets
            likely = delta + (likely & ~7)
            return likely if likely < safe else safe
        return safe if ce_octets > delta * mss else delta


# Codes of the three flags and of the option.


def flags_of(ace: cython.uint) -> cython.uint:
    """The header flags of an ACE value."""
    return ace << 6


def ace_of(flags: cython.uint) -> cython.uint:
    """The ACE value of header flags."""
    return (flags >> 6) & ACE_MASK


def handshake_flags(ecn: cython.uint) -> cython.uint:
    """The flags that tell which ECN field a SYN or SYN,ACK came with (RFC 9768 tables 2 and 3)."""
    if ecn == NOT_ECT:
        return CWR
    if ecn == ECT_1:
        return CWR | ECE
    return AE if ecn == ECT_0 else AE | CWR


def handshake_ecn(ace: cython.uint) -> cython.uint:
    """The ECN field told by an ACE value of 2, 3, 4 or 6 in the handshake (RFC 9768 tables 2 and 4)."""
    if ace == 2:
        return NOT_ECT
    if ace == 4:
        return ECT_0
    return CE if ace == 6 else ECT_1


def is_plausible(sent: cython.uint, received: cython.uint) -> cython.bint:
    """Whether a network may turn one ECN field into the other (RFC 3168 18; RFC 9768 3.2.2.3)."""
    if sent == received:
        return True
    return sent != NOT_ECT and received != NOT_ECT and sent != CE


def fields_for(ecn: cython.uint) -> cython.int:
    """How many counters an option of order 1 needs to show this codepoint's."""
    if ecn == ECT_1:
        return 1
    return 2 if ecn == CE else 3


def codepoint_of(i: cython.int, e1_first: cython.bint) -> cython.uint:
    """Whose counter is the i-th of an option (RFC 9768 table 5)."""
    if i == 1:
        return CE
    return ECT_1 if (i == 0) == e1_first else ECT_0


def first_value(ecn: cython.uint) -> cython.uint:
    """What a counter of octets begins at on the wire."""
    return 0 if ecn == CE else FIRST_E0B


def sack_octets(blocks: cython.int) -> cython.int:
    """The SACK option with its two NOPs."""
    return 4 + 8 * blocks if blocks > 0 else 0
