"""Options that set the keys of TCP-MD5 and TCP-AO, in Linux's structs (linux/tcp.h; tcp(7), RFC 2385, RFC 5925)."""

from __future__ import annotations

import struct
from errno import E2BIG, EBUSY, EINVAL, EISCONN, EKEYREJECTED, EMSGSIZE, ENOENT, EPERM
from typing import Any, Final

from ..core.const import IPPROTO_TCP
from ..tcp.ao import DEFAULT_MACLEN, MAX_MACLEN, AoAuth, MasterKey, by_rcvid, by_sndid
from ..tcp.const import CLOSED, LISTEN
from ..tcp.keys import KeyRing, covers
from ..tcp.repair import in_repair
from . import const as so
from .const import AF_INET
from .errors import os_error
from .option import Option

TCP: Final = (IPPROTO_TCP,)
STORAGE: Final = 128
MAX_KEYLEN: Final = 80
MD5_FLAG_PREFIX: Final = 1
KEYF_EXCLUDE_OPT: Final = 2

# Behind the address: flags, prefix length, key length, interface, key.
_MD5SIG: Final = struct.Struct("=128sBBHi80s")
# algorithm, interface, set_current and set_rnext, padding, prefix, SendID, RecvID, MAC length, flags, key.
_AO_ADD: Final = struct.Struct("=128s64siIHBBBBBB80s")
# interface, set_current, set_rnext and del_async, padding, prefix, SendID, RecvID, current, rnext, flags; to 8 octets.
_AO_DEL: Final = struct.Struct("=128siIHBBBBBB")
_AO_INFO: Final = struct.Struct("=IHBBQQQQQ")
_AO_GET: Final = struct.Struct("=128s64s80sIHBBBBBBiQQ")
# struct tcp_ao_repair: both ISNs in network order, both SNEs in ours.
_ISNS: Final = struct.Struct("!II")
_SNES: Final = struct.Struct("=II")
AO_REPAIR_SIZE: Final = 16

SET_CURRENT: Final = 1
SET_RNEXT: Final = 2
AO_REQUIRED: Final = 4
SET_COUNTERS: Final = 8
ACCEPT_ICMPS: Final = 16
INFO_BITS: Final = 31


def _ring(sock: Any) -> KeyRing:
    ring: KeyRing | None = sock.settings.keys
    if ring is None:
        ring = sock.settings.keys = KeyRing()
    return ring


def _unpack(layout: struct.Struct, octets: bytes) -> tuple[Any, ...]:
    if len(octets) < layout.size:
        raise os_error(EINVAL)
    return layout.unpack_from(octets)


def _address(sock: Any, storage: bytes) -> bytes:
    # A struct sockaddr of the socket's own family.
    family = int.from_bytes(storage[:2], "little")
    if family != sock.family:
        raise os_error(EINVAL)
    if family == AF_INET:
        return storage[4:8]
    address = storage[8:24]
    return address[12:] if address[:12] == bytes(10) + b"\xff\xff" else address


def _storage(sock: Any, address: bytes) -> bytes:
    head = int(sock.family).to_bytes(2, "little")
    if sock.family == AF_INET:
        return (head + bytes(2) + address).ljust(STORAGE, b"\0")
    if len(address) == 4:
        address = bytes(10) + b"\xff\xff" + address
    return (head + bytes(6) + address).ljust(STORAGE, b"\0")


def _prefixed(address: bytes, prefixlen: int) -> bytes:
    size = 8 * len(address)
    if prefixlen > size:
        raise os_error(EINVAL)
    number = int.from_bytes(address, "big") >> (size - prefixlen) << (size - prefixlen)
    return number.to_bytes(len(address), "big")


# TCP-MD5.


def _set_md5(sock: Any, octets: bytes, *, extended: bool = False) -> None:
    storage, flags, prefixlen, keylen, _, key = _unpack(_MD5SIG, octets)
    address = _address(sock, storage)
    if not (extended and flags & MD5_FLAG_PREFIX):
        prefixlen = 8 * len(address)
    address = _prefixed(address, prefixlen)
    if keylen > MAX_KEYLEN:
        raise os_error(EINVAL)
    ring = _ring(sock)
    if keylen == 0:
        ring.drop_md5(address, prefixlen)
    else:
        ring.set_md5(address, prefixlen, key[:keylen])
    sock.settings_changed()


def _set_md5_ext(sock: Any, octets: bytes) -> None:
    _set_md5(sock, octets, extended=True)


# TCP-AO.


def _ao_auth(sock: Any) -> AoAuth | None:
    auth = sock.tcb.auth if sock.tcb is not None else None
    return auth if isinstance(auth, AoAuth) else None


def _check_state(sock: Any) -> None:
    # AO cannot begin in the middle of a connection, unless it is put together just now (Linux).
    if sock.tcb is None or sock.tcb.state in (CLOSED, LISTEN) or in_repair(sock.repair):
        return
    if _ao_auth(sock) is None:
        raise os_error(EISCONN)


def _add_ao(sock: Any, octets: bytes) -> None:
    _check_state(sock)
    fields = _unpack(_AO_ADD, octets)
    storage, name, _, bits, pad, prefixlen, sndid, rcvid, maclen, keyflags, keylen, secret = fields
    if pad or bits & ~(SET_CURRENT | SET_RNEXT) or keylen > MAX_KEYLEN or keyflags & ~(KEYF_EXCLUDE_OPT | 1):
        raise os_error(EINVAL)
    if bits and sock.listener is not None:
        raise os_error(EINVAL)
    address = _address(sock, storage)
    if (prefixlen == 0) != (not any(address)) or address != _prefixed(address, prefixlen) or any(storage[2:4]):
        # Keys are for no port alone, and of an address only the prefix may be there (Linux).
        raise os_error(EINVAL)
    key = MasterKey(
        address, prefixlen, sndid, rcvid, secret[:keylen], algorithm=name.split(b"\0")[0].decode("ascii", "replace"),
        maclen=maclen or DEFAULT_MACLEN, exclude_options=bool(keyflags & KEYF_EXCLUDE_OPT),
    )  # fmt: skip
    if key.maclen > key.algorithm.size:
        raise os_error(EINVAL)
    if key.maclen > MAX_MACLEN:
        raise os_error(EMSGSIZE)
    if _ao_auth(sock) is not None and not covers(key, sock.tcb.remote):
        raise os_error(EINVAL)
    ring = _ring(sock)
    ring.add_ao(key)
    _choose(sock, ring, key if bits & SET_CURRENT else None, key if bits & SET_RNEXT else None)


def _choose(sock: Any, ring: KeyRing, current: MasterKey | None, rnext: MasterKey | None) -> None:
    # What was chosen before must not come back over what the peer has asked for since.
    ring.current, ring.rnext = (current, rnext) if _ao_auth(sock) else (current or ring.current, rnext or ring.rnext)
    sock.settings_changed()


def _delete_ao(sock: Any, octets: bytes) -> None:
    _check_state(sock)
    storage, _, bits, pad, prefixlen, sndid, rcvid, current_id, rnext_id, _ = _unpack(_AO_DEL, octets)
    if pad or bits & ~7 or (bits & 4 and sock.listener is None):
        raise os_error(EINVAL)
    if bits & (SET_CURRENT | SET_RNEXT) and sock.listener is not None:
        raise os_error(EINVAL)
    ring = _ring(sock)
    current, rnext = _named(ring, bits, current_id, rnext_id)
    address = _address(sock, storage)
    for key in ring.ao:
        if (key.address, key.prefixlen, key.sndid, key.rcvid) == (address, prefixlen, sndid, rcvid):
            break
    else:
        raise os_error(ENOENT)
    auth = _ao_auth(sock)
    now_current = current or (auth.current if auth else ring.current)
    now_rnext = rnext or (auth.rnext if auth else ring.rnext)
    if sock.listener is None and key in (now_current, now_rnext):
        raise os_error(EBUSY)
    ring.ao.remove(key)
    _choose(sock, ring, current, rnext)


def _named(ring: KeyRing, bits: int, current_id: int, rnext_id: int) -> tuple[MasterKey | None, MasterKey | None]:
    current = by_sndid(ring.ao, current_id) if bits & SET_CURRENT else None
    rnext = by_rcvid(ring.ao, rnext_id) if bits & SET_RNEXT else None
    if (bits & SET_CURRENT and current is None) or (bits & SET_RNEXT and rnext is None):
        raise os_error(ENOENT)
    return current, rnext


def _set_ao_info(sock: Any, octets: bytes) -> None:
    _check_state(sock)
    bits, pad, current_id, rnext_id, good, bad, not_found, required, icmps = _unpack(_AO_INFO, octets)
    if pad or bits & ~INFO_BITS or (bits & (SET_CURRENT | SET_RNEXT) and sock.listener is not None):
        raise os_error(EINVAL)
    ring = _ring(sock)
    if bits & AO_REQUIRED and ring.md5:
        raise os_error(EKEYREJECTED)
    current, rnext = _named(ring, bits, current_id, rnext_id)
    ring.ao_required = bool(bits & AO_REQUIRED)
    ring.accept_icmps = bool(bits & ACCEPT_ICMPS)
    if bits & SET_COUNTERS:
        counts = ring.counts
        counts.good, counts.bad, counts.key_not_found = good, bad, not_found
        counts.required, counts.dropped_icmp = required, icmps
    _choose(sock, ring, current, rnext)


def _get_ao_info(sock: Any) -> bytes:
    ring = sock.settings.keys
    if ring is None or not (ring.ao or ring.ao_required):
        raise os_error(ENOENT)
    auth = _ao_auth(sock)
    current = auth.current if auth else ring.current
    rnext = auth.rnext if auth else ring.rnext
    bits = AO_REQUIRED * ring.ao_required | ACCEPT_ICMPS * ring.accept_icmps
    bits |= SET_CURRENT * (current is not None) | SET_RNEXT * (rnext is not None)
    counts = ring.counts
    return _AO_INFO.pack(
        bits, 0, current.sndid if current else 0, rnext.rcvid if rnext else 0, counts.good, counts.bad,
        counts.key_not_found, counts.required, counts.dropped_icmp,
    )  # fmt: skip


def _get_ao_keys(sock: Any) -> bytes:
    # Python's getsockopt() gives no request with it: all keys, as with get_all.
    ring = sock.settings.keys
    if ring is None or not ring.ao:
        raise os_error(ENOENT)
    auth = _ao_auth(sock)
    current = auth.current if auth else ring.current
    rnext = auth.rnext if auth else ring.rnext
    return b"".join(
        _AO_GET.pack(
            _storage(sock, key.address), key.algorithm.name.encode(), key.secret, len(ring.ao),
            (key is current) | (key is rnext) << 1 | 4, key.sndid, key.rcvid, key.prefixlen, key.maclen,
            KEYF_EXCLUDE_OPT * key.exclude_options, len(key.secret), 0, key.good, key.bad,
        )
        for key in ring.ao
    )  # fmt: skip


def _repaired_auth(sock: Any) -> AoAuth:
    if not in_repair(sock.repair):
        raise os_error(EPERM)
    auth = _ao_auth(sock)
    if auth is None:
        raise os_error(ENOENT)
    return auth


def _get_ao_repair(sock: Any) -> bytes:
    iss, irs, snd_sne, rcv_sne = _repaired_auth(sock).standing(sock.tcb.snd_una, sock.tcb.rcv_nxt)
    return _ISNS.pack(iss, irs) + _SNES.pack(snd_sne, rcv_sne)


def _set_ao_repair(sock: Any, octets: bytes) -> None:
    if len(octets) < AO_REPAIR_SIZE:
        raise os_error(EINVAL)
    if any(octets[AO_REPAIR_SIZE:]):
        raise os_error(E2BIG)
    auth = _repaired_auth(sock)
    iss, irs = _ISNS.unpack_from(octets)
    snd_sne, rcv_sne = _SNES.unpack_from(octets, _ISNS.size)
    auth.resume(iss, irs, snd_sne, rcv_sne, sock.tcb.snd_una, sock.tcb.rcv_nxt)


_TABLE: Final = {
    so.TCP_MD5SIG: Option(None, _set_md5, raw=True, kinds=TCP),
    so.TCP_MD5SIG_EXT: Option(None, _set_md5_ext, raw=True, kinds=TCP),
    so.TCP_AO_ADD_KEY: Option(None, _add_ao, raw=True, kinds=TCP),
    so.TCP_AO_DEL_KEY: Option(None, _delete_ao, raw=True, kinds=TCP),
    so.TCP_AO_INFO: Option(_get_ao_info, _set_ao_info, raw=True, kinds=TCP),
    so.TCP_AO_GET_KEYS: Option(_get_ao_keys, None, kinds=TCP),
    so.TCP_AO_REPAIR: Option(_get_ao_repair, _set_ao_repair, raw=True, kinds=TCP),
}
AUTH_OPTIONS: Final = {(IPPROTO_TCP, name): option for name, option in _TABLE.items()}
