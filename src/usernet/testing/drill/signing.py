"""TCP-AO and TCP-MD5 in scripts (RFC 5925, RFC 2385): MACs of packets, which depend on numbers that only the run knows.

``<ao 100 101>`` has KeyID, RNextKeyID and the right MAC under the key of that id, which setsockopt() gave; and
``<md5 mac>`` the right digest under the key it gave last.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from ...core.const import HEADROOM
from ...ip.address import parse_ip
from ...sockets.options_auth import MAX_KEYLEN, SET_CURRENT, SET_RNEXT
from ...tcp.ao import DEFAULT_MACLEN, MasterKey
from ...tcp.const import ACK, SYN
from ...tcp.md5 import digest
from ...wire.tcp_const import OPT_AO, OPT_MD5
from .connection import Connection
from .errors import Unsupported
from .live import IPV4, Live, write
from .script import BLANK_MAC, BLANK_MD5, Struct, TcpOption

_ADD: Final = struct.Struct("=H2x4s120s64siIHBBBBBB80s")
_INFO: Final = struct.Struct("=IHBB40x")
_MD5SIG: Final = struct.Struct("=H2x4s122xHi80s")


def _numbers(given: Struct, *names: str) -> list[int]:
    numbers = [number for name in names if isinstance(number := given.get(name, 0), int) and 0 <= number <= 255]
    if len(numbers) < len(names):
        raise Unsupported(f"{', '.join(names)} are numbers of 0 to 255")
    return numbers


class Signer:
    """The keys of a run."""

    def __init__(self) -> None:
        self._keys: list[MasterKey] = []
        self._md5_key = b""

    def key_struct(self, given: Struct, remote_ip: str) -> bytes:
        """``{sndid=100, rcvid=101, key="secret"}`` as struct tcp_ao_add for the remote address; learned as well."""
        sndid, rcvid, current, rnext = _numbers(given, "sndid", "rcvid", "set_current", "set_rnext")
        secret = _secret(given)
        address = parse_ip(remote_ip)
        self._keys.append(MasterKey(address, 32, sndid, rcvid, secret))
        bits = SET_CURRENT * bool(current) | SET_RNEXT * bool(rnext)
        return _ADD.pack(
            2, address, b"", b"hmac(sha1)", 0, bits, 0, 32, sndid, rcvid, DEFAULT_MACLEN, 0, len(secret), secret
        )

    def md5_struct(self, given: Struct, remote_ip: str) -> bytes:
        """``{key="secret"}`` as struct tcp_md5sig for the remote address; learned as well, unless it is empty."""
        secret = _secret(given)
        self._md5_key = secret or self._md5_key
        return _MD5SIG.pack(2, parse_ip(remote_ip), len(secret), 0, secret)

    def sign(self, conn: Connection, live: Live) -> None:
        """A packet to us gets its MAC."""
        self._digest(live, BLANK_MD5)
        self._seal(conn, live, next((k for k in self._keys if k.rcvid == _key_id(live)), None), False)

    def check(self, conn: Connection, live: Live) -> None:
        """A packet of ours loses its MAC when it is right; a wrong one stays, and will differ from the script's."""
        self._digest(live)
        self._seal(conn, live, next((k for k in self._keys if k.sndid == _key_id(live)), None), True)

    def _digest(self, live: Live, blank: bytes | None = None) -> None:
        # To us, ``blank`` becomes the digest; of ours, the digest becomes blank.
        options = live.options or []
        at = next((i for i, option in enumerate(options) if option.kind == OPT_MD5), -1)
        if at < 0 or len(options[at].body) != len(BLANK_MD5):
            return
        packet = write(live)
        packet.l4 = HEADROOM + IPV4
        right = digest(packet, live.src + live.dst, self._md5_key)
        if options[at].body == (right if blank is None else blank):
            body = BLANK_MD5 if blank is None else right
            live.options = [*options[:at], TcpOption(OPT_MD5, body), *options[at + 1 :]]

    def _seal(self, conn: Connection, live: Live, key: MasterKey | None, outward: bool) -> None:
        options = live.options or []
        at = next((i for i, option in enumerate(options) if option.kind == OPT_AO), -1)
        if key is None or len(options[at].body) != 2 + DEFAULT_MACLEN:
            return
        lead, said = options[at].body[:2], options[at].body[2:]
        packet = write(replace(live, options=[*options[:at], TcpOption(OPT_AO, lead + BLANK_MAC), *options[at + 1 :]]))
        packet.l4 = HEADROOM + IPV4
        before = sum(len(option.octets()) for option in options[:at])
        ours, theirs = conn.live_iss, conn.live_irs
        if live.flags & (SYN | ACK) == SYN:
            ours, theirs = (live.seq, 0) if outward else (0, live.seq)
        isns = (ours, theirs) if outward else (theirs, ours)
        ends = live.src + live.dst + struct.pack("!HHII", live.sport, live.dport, *isns)
        mac = key.mac(key.traffic_key(ends), 0, live.src + live.dst, packet, packet.l4 + 20 + before)
        if outward:
            mac = BLANK_MAC if mac == said else said
        elif said != BLANK_MAC:
            return
        live.options = [*options[:at], TcpOption(OPT_AO, lead + mac), *options[at + 1 :]]


def _secret(given: Struct) -> bytes:
    secret = given.get("key")
    if not isinstance(secret, bytes) or len(secret) > MAX_KEYLEN:
        raise Unsupported(f"a key is a text of {MAX_KEYLEN} octets at most")
    return secret


def _key_id(live: Live) -> int:
    body = next((option.body for option in live.options or () if option.kind == OPT_AO), b"")
    return body[0] if body else -1


def info_struct(given: Struct) -> bytes:
    """``{current_key=100, rnext=101}`` as struct tcp_ao_info_opt that chooses them."""
    current, rnext = _numbers(given, "current_key", "rnext")
    bits = SET_CURRENT * ("current_key" in given.names()) | SET_RNEXT * ("rnext" in given.names())
    return _INFO.pack(bits, 0, current, rnext)
