"""The TCP Authentication Option (RFC 5925) with the algorithms of RFC 5926; see RFC 9235 for worked examples.

A master key names two key ids and an algorithm; of it each connection derives traffic keys of its own, one for its SYN
and one for all else, in each direction. The sequence number extension makes an old segment useless after a wrap.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from errno import ENOENT
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.const import MASK32
from ..core.counters import TcpExtMib
from ..core.packet import Packet
from ..wire.tcp import Segment
from ..wire.tcp_const import OPT_AO, OPT_MD5
from .auth import Auth, pseudo_header, text_of
from .const import ACK, SYN

if TYPE_CHECKING:
    import cython

Pieces = Iterable[bytes | bytearray | memoryview]
Mac = Callable[[bytes, Pieces], bytes]

# Kind, length, KeyID, RNextKeyID.
FIXED = 4
NOP = b"\1"
AES_KEY = 16
# RFC 5925 7.8: what might end a connection is not believed. ICMP type and codes by the length of addresses: protocol
# and port unreachable and fragmentation needed; for IPv6 prohibited and port unreachable.
IGNORED_ICMP = {4: (3, (2, 3, 4)), 16: (1, (1, 4))}
DEFAULT_MACLEN = 12
# Of 40 octets of options a SYN needs 20 for MSS, timestamps, SACK-permitted and window scale.
MAX_MACLEN = 16


class Algorithm(NamedTuple):
    """A MAC with its key derivation, and how many octets both give; ``prepare`` makes a master key fit the MAC."""

    name: str
    size: int
    mac: Mac
    prepare: Callable[[bytes], bytes]


def _hmac(digest: str) -> Mac:
    def mac(key: bytes, pieces: Pieces) -> bytes:
        made = hmac.new(key, digestmod=digest)
        for piece in pieces:
            made.update(piece)
        return made.digest()

    return mac


def _cmac(key: bytes, pieces: Pieces) -> bytes:
    ciphers, cmac = _primitives()
    made = cmac.CMAC(ciphers.AES(key))
    for piece in pieces:
        made.update(bytes(piece))
    return bytes(made.finalize())


def _primitives() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import cmac
        from cryptography.hazmat.primitives.ciphers import algorithms
    except ImportError as error:
        raise OSError(ENOENT, "cmac(aes128) needs the package cryptography: install usernet[ao]") from error
    return algorithms, cmac


def _aes_key(secret: bytes) -> bytes:
    # RFC 5926 3.1.1.2: a key of another length is extracted to one of 128 bits.
    return secret if len(secret) == AES_KEY else _cmac(bytes(AES_KEY), (secret,))


def _as_is(secret: bytes) -> bytes:
    return secret


# Linux's names.
ALGORITHMS = {
    "hmac(sha1)": Algorithm("hmac(sha1)", 20, _hmac("sha1"), _as_is),
    "hmac(sha256)": Algorithm("hmac(sha256)", 32, _hmac("sha256"), _as_is),
    "cmac(aes128)": Algorithm("cmac(aes128)", 16, _cmac, _aes_key),
}


class MasterKey:
    """A Master Key Tuple (RFC 5925 3.1). ``address`` and ``prefixlen`` say which peers it is for.

    Raises OSError(ENOENT) for an algorithm there is not.
    """

    __slots__ = (
        "address", "algorithm", "bad", "exclude_options", "good", "keyflags", "maclen", "prefixlen", "rcvid", "secret",
        "sndid",
    )  # fmt: skip

    def __init__(
        self, address: bytes, prefixlen: int, sndid: int, rcvid: int, secret: bytes, *,
        algorithm: str = "hmac(sha1)", maclen: int = DEFAULT_MACLEN, exclude_options: bool = False,
    ) -> None:  # fmt: skip
        known = ALGORITHMS.get(algorithm)
        if known is None:
            raise OSError(ENOENT, f"no such algorithm: {algorithm}")
        if known.mac is _cmac:
            _primitives()
        self.address = address
        self.prefixlen = prefixlen
        self.sndid = sndid
        self.rcvid = rcvid
        self.secret = secret
        self.algorithm = known
        self.maclen = maclen
        self.exclude_options = exclude_options
        self.good = self.bad = 0

    @property
    def room(self) -> int:
        """Octets of options it takes."""
        return (FIXED + self.maclen + 3) & ~3

    def traffic_key(self, context: bytes) -> bytes:
        """RFC 5926 3.1.1: the key for one connection and direction."""
        known = self.algorithm
        bits = (known.size * 8).to_bytes(2, "big")
        return known.mac(known.prepare(self.secret), (b"\1TCP-AO", context, bits))

    def mac(self, traffic_key: bytes, sne: int, addresses: bytes, packet: Packet, option_at: int) -> bytes:
        """RFC 5925 5.1: the MAC of a segment whose AO option begins at ``option_at``."""
        at = packet.l4
        buf = packet.buf
        data = at + (buf[at + 12] >> 4) * 4
        fixed = buf[at : at + 16] + b"\0\0" + buf[at + 18 : at + 20]
        blank = buf[option_at : option_at + FIXED] + bytes(self.maclen)
        if self.exclude_options:
            options = blank
        else:
            options = buf[at + 20 : option_at] + blank + buf[option_at + len(blank) : data]
        pseudo = pseudo_header(addresses, packet.tail - at + packet.frags_len)
        # The SNE is counted in 32 bits, too (RFC 5925 6.2).
        pieces = [(sne & MASK32).to_bytes(4, "big"), pseudo, fixed, options, *text_of(packet, data)]
        return self.algorithm.mac(traffic_key, pieces)[: self.maclen]


class AoCounts:
    """What a socket counts (tcp_ao_info_opt)."""

    __slots__ = ("bad", "dropped_icmp", "good", "key_not_found", "required")

    def __init__(self) -> None:
        self.good = self.bad = self.key_not_found = self.required = self.dropped_icmp = 0


class AoAuth(Auth):
    """One connection's keys and its state: ``current`` signs, ``rnext`` is what the peer is asked to sign with.

    ``iss`` and ``irs`` are taken from the SYNs as they pass by. ``keys`` are shared with the socket's key ring.
    """

    __slots__ = (
        "_heard", "_met", "_said", "_traffic", "accept_icmps", "counts", "current", "irs", "iss", "keys", "local_port",
        "remote_port", "rnext",
    )  # fmt: skip

    def __init__(
        self, ext: TcpExtMib, local: bytes, remote: bytes, local_port: int, remote_port: int, keys: list[MasterKey],
        current: MasterKey | None, rnext: MasterKey | None, counts: AoCounts, accept_icmps: bool,
    ) -> None:  # fmt: skip
        super().__init__(ext, local, remote)
        self.local_port = local_port
        self.remote_port = remote_port
        self.keys = keys
        self.current = current or keys[0]
        self.rnext = rnext or self.current
        self.counts = counts
        self.accept_icmps = accept_icmps
        self.iss = self.irs = 0
        self.room = self.current.room
        # The last sequence numbers each way, counted on past 32 bits.
        self._said = self._heard = 0
        self._met = False
        self._traffic: dict[tuple[MasterKey, bool], bytes] = {}

    def use(self, key: MasterKey) -> None:
        """Sign with this one from now on."""
        self.current = key
        self.room = key.room

    def standing(self, snd_una: int, rcv_nxt: int) -> tuple[int, int, int, int]:
        """What a connection that is taken elsewhere needs beside its keys: ISS, IRS, both directions' SNEs."""
        snd_sne, rcv_sne = _extend(self._said, snd_una) >> 32, _extend(self._heard, rcv_nxt) >> 32
        return self.iss, self.irs, snd_sne & MASK32, rcv_sne & MASK32

    def resume(self, iss: int, irs: int, snd_sne: int, rcv_sne: int, snd_una: int, rcv_nxt: int) -> None:
        """What ``standing`` gave, in the place the connection was taken to."""
        self.iss, self.irs = iss, irs
        self._said, self._heard = snd_sne << 32 | snd_una, rcv_sne << 32 | rcv_nxt
        self._met = True
        self._traffic.clear()

    def sign(self, packet: Packet) -> None:
        """See Auth."""
        buf = packet.buf
        at = packet.l4
        key = self.current
        seq = int.from_bytes(buf[at + 4 : at + 8], "big")
        flags = buf[at + 13]
        if flags & SYN:
            self.iss = self._said = seq
        said = _extend(self._said, seq)
        self._said = max(self._said, said)
        lead = bytes((OPT_AO, FIXED + key.maclen, key.sndid, self.rnext.rcvid))
        pad = key.room - FIXED - key.maclen
        buf[at + 20 : at + 20 + key.room] = lead + bytes(key.maclen) + NOP * pad
        if flags & (SYN | ACK) == SYN:
            traffic = key.traffic_key(self._context(True, seq, 0))
        else:
            traffic = self._traffic_key(key, True)
        mac = key.mac(traffic, said >> 32, self.local + self.remote, packet, at + 20)
        buf[at + 20 + FIXED : at + 20 + FIXED + key.maclen] = mac

    def accepts(self, packet: Packet, seg: Segment) -> cython.bint:
        """See Auth. What is heard of a segment that is not genuine changes nothing."""
        if seg.auth != OPT_AO:
            if seg.auth == OPT_MD5:
                self.ext.TCPMD5Unexpected += 1
            else:
                self.ext.TCPAORequired += 1
                self.counts.required += 1
            return False
        at = seg.auth_at
        buf = packet.buf
        key = by_rcvid(self.keys, buf[at + 2])
        if key is None:
            self.ext.TCPAOKeyNotFound += 1
            self.counts.key_not_found += 1
            return False
        heard = seg.seq if seg.flags & SYN else _extend(self._heard, seg.seq)
        if buf[at + 1] != FIXED + key.maclen or not self._is_genuine(key, heard >> 32, packet, seg):
            self.ext.TCPAOBad += 1
            self.counts.bad += 1
            key.bad += 1
            return False
        if not seg.flags & SYN:
            self._heard = max(self._heard, heard)
        elif not self._met:
            # Once: the SYN of an earlier connection is genuine too, and may be played again.
            self._met = True
            self.irs = self._heard = seg.seq
            self._traffic.clear()
        self.ext.TCPAOGood += 1
        self.counts.good += 1
        key.good += 1
        self._rotate(buf[at + 3])
        return True

    def ignores_icmp(self, kind: cython.int, code: cython.int) -> cython.bint:
        """See Auth."""
        unreachable, codes = IGNORED_ICMP[len(self.local)]
        if self.accept_icmps or kind != unreachable or code not in codes:
            return False
        self.ext.TCPAODroppedIcmps += 1
        self.counts.dropped_icmp += 1
        return True

    def _rotate(self, rnext_id: int) -> None:
        # RFC 5925 7.5: the peer says what it wants to be signed with.
        if rnext_id != self.current.sndid:
            wanted = by_sndid(self.keys, rnext_id)
            if wanted is not None:
                self.use(wanted)

    def _is_genuine(self, key: MasterKey, sne: int, packet: Packet, seg: Segment) -> bool:
        at = seg.auth_at
        if seg.flags & (SYN | ACK) == SYN:
            traffic = key.traffic_key(self._context(False, seg.seq, 0))
        elif seg.flags & SYN:
            traffic = key.traffic_key(self._context(False, seg.seq, self.iss))
        else:
            traffic = self._traffic_key(key, False)
        mac = key.mac(traffic, sne, self.remote + self.local, packet, at)
        return hmac.compare_digest(mac, packet.buf[at + FIXED : at + FIXED + key.maclen])

    def _traffic_key(self, key: MasterKey, outward: bool) -> bytes:
        traffic = self._traffic.get((key, outward))
        if traffic is None:
            sisn, disn = (self.iss, self.irs) if outward else (self.irs, self.iss)
            traffic = self._traffic[key, outward] = key.traffic_key(self._context(outward, sisn, disn))
        return traffic

    def _context(self, outward: bool, sisn: int, disn: int) -> bytes:
        # RFC 5925 5.2.
        ours, theirs = self.local_port.to_bytes(2, "big"), self.remote_port.to_bytes(2, "big")
        if outward:
            ends = self.local + self.remote + ours + theirs
        else:
            ends = self.remote + self.local + theirs + ours
        return ends + sisn.to_bytes(4, "big") + disn.to_bytes(4, "big")


def by_rcvid(keys: list[MasterKey], rcvid: int) -> MasterKey | None:
    """The key with this RecvID."""
    return next((key for key in keys if key.rcvid == rcvid), None)


def by_sndid(keys: list[MasterKey], sndid: int) -> MasterKey | None:
    """The key with this SendID."""
    return next((key for key in keys if key.sndid == sndid), None)


def _extend(last: int, seq: int) -> int:
    # RFC 5925 6.2: of the numbers that end in seq the one nearest to the last one. The high half is the SNE.
    ahead = (seq - last) & MASK32
    return max(last + ahead - ((ahead >> 31) << 32), seq)
