"""The keys of a socket, TCP-MD5's and TCP-AO's, and which of them a connection gets (RFC 2385, RFC 5925 3.1).

Rules and errno are Linux's: a peer has keys of one kind; the longest prefix decides between MD5 keys; a listener's
connections inherit what fits their peer.
"""

from __future__ import annotations

from errno import EEXIST, EKEYREJECTED, ENOENT
from typing import TYPE_CHECKING

from ..core.const import MASK32
from ..core.counters import TcpExtMib
from ..core.packet import Packet
from ..core.sender import Path
from ..wire.tcp import Segment
from .ao import AoAuth, AoCounts, MasterKey, by_rcvid, by_sndid
from .auth import Auth, unexpected
from .const import CLOSED, SYN
from .md5 import Md5Auth

if TYPE_CHECKING:
    import cython

    from .tcb import Tcb


class Md5Key:
    """A key for the peers in one prefix."""

    __slots__ = ("address", "prefixlen", "secret")

    def __init__(self, address: bytes, prefixlen: int, secret: bytes) -> None:
        self.address = address
        self.prefixlen = prefixlen
        self.secret = secret


def covers(key: Md5Key | MasterKey, address: bytes) -> bool:
    """Is the key for this peer?"""
    size = 8 * len(address)
    if len(key.address) != len(address):
        return False
    mine = int.from_bytes(key.address, "big")
    return (mine ^ int.from_bytes(address, "big")) >> (size - key.prefixlen) == 0


class KeyRing:
    """All keys of one socket. ``current`` and ``rnext`` are what a connection yet to be made begins with."""

    __slots__ = ("accept_icmps", "ao", "ao_required", "counts", "current", "md5", "rnext")

    def __init__(self) -> None:
        self.md5: list[Md5Key] = []
        self.ao: list[MasterKey] = []
        self.current: MasterKey | None = None
        self.rnext: MasterKey | None = None
        self.ao_required = False
        self.accept_icmps = False
        self.counts = AoCounts()

    # MD5.

    def md5_for(self, address: bytes) -> Md5Key | None:
        """The key for a peer; the longest prefix wins."""
        fitting = [key for key in self.md5 if covers(key, address)]
        return max(fitting, key=lambda key: key.prefixlen, default=None)

    def set_md5(self, address: bytes, prefixlen: int, secret: bytes) -> None:
        """Add or replace a key. Raises OSError(EKEYREJECTED) for a peer that has AO keys."""
        if self.ao_required or self.ao_for(address):
            raise OSError(EKEYREJECTED, "Key was rejected by service")
        for key in self.md5:
            if key.address == address and key.prefixlen == prefixlen:
                key.secret = secret
                return
        self.md5.append(Md5Key(address, prefixlen, secret))

    def drop_md5(self, address: bytes, prefixlen: int) -> None:
        """Forget a key. Raises OSError(ENOENT)."""
        for key in self.md5:
            if key.address == address and key.prefixlen == prefixlen:
                self.md5.remove(key)
                return
        raise OSError(ENOENT, "No such file or directory")

    # AO.

    def ao_for(self, address: bytes) -> list[MasterKey]:
        """The AO keys for a peer."""
        return [key for key in self.ao if covers(key, address)]

    def add_ao(self, key: MasterKey) -> None:
        """Add a key. Raises OSError: EKEYREJECTED for a peer that has an MD5 key, EEXIST when an id is taken."""
        if self.md5_for(key.address) is not None:
            raise OSError(EKEYREJECTED, "Key was rejected by service")
        for other in self.ao:
            overlap = covers(other, key.address) or covers(key, other.address)
            if overlap and (other.sndid == key.sndid or other.rcvid == key.rcvid):
                raise OSError(EEXIST, "File exists")
        self.ao.append(key)

    # Connections.

    def check_connect(self, remote: bytes) -> None:
        """As Linux's tcp_connect. Raises OSError(EKEYREJECTED) where AO keys are there and none is for this peer, or
        keys of both kinds are.
        """
        needs_ao = bool(self.ao_for(remote))
        needs_md5 = self.md5_for(remote) is not None
        if needs_md5 and (needs_ao or self.ao_required):
            raise OSError(EKEYREJECTED, "Key was rejected by service")
        if (self.ao or self.ao_required) and not needs_ao and not needs_md5:
            raise OSError(EKEYREJECTED, "Key was rejected by service")

    def auth_for(self, ext: TcpExtMib, local: bytes, remote: bytes, local_port: int, remote_port: int) -> Auth | None:
        """What signs a connection with this peer; None for a plain one."""
        keys = self.ao_for(remote)
        if keys:
            current = self.current if self.current in keys else None
            rnext = self.rnext if self.rnext in keys else None
            return AoAuth(
                ext, local, remote, local_port, remote_port, keys, current, rnext, self.counts, self.accept_icmps
            )
        key = self.md5_for(remote)
        return Md5Auth(ext, local, remote, key.secret) if key is not None else None

    def inherited(self, auth: Auth | None, remote: bytes) -> KeyRing:
        """The ring of an accepted connection: the keys for its peer."""
        child = KeyRing()
        child.accept_icmps = self.accept_icmps
        child.ao_required = self.ao_required
        key = self.md5_for(remote)
        if key is not None:
            child.md5 = [Md5Key(remote, 8 * len(remote), key.secret)]
        if isinstance(auth, AoAuth):
            child.ao = auth.keys
            child.counts = auth.counts
        return child


def welcome(
    keys: KeyRing | None, ext: TcpExtMib, key: bytes, packet: Packet, seg: Segment
) -> tuple[cython.bint, Auth | None]:
    """A SYN for a listener that has keys, or that is signed: (may it be looked at, what signs the connection).

    Also the ACK that brings a SYN cookie back, which tells both ISNs. ``key`` is its place in the table: remote and
    local address, then ports.
    """
    size = (len(key) - 4) >> 1
    remote, local = key[:size], key[size : 2 * size]
    ports = int.from_bytes(key[-2:], "big"), int.from_bytes(key[-4:-2], "big")
    auth = keys.auth_for(ext, local, remote, *ports) if keys is not None else None
    if auth is None:
        if seg.auth:
            unexpected(ext, seg)
            return False, None
        if keys is not None and keys.ao_required:
            ext.TCPAORequired += 1
            return False, None
        return True, None
    if isinstance(auth, AoAuth):
        # The connection counts for itself.
        auth.counts = AoCounts()
        if not seg.flags & SYN:
            iss, irs = (seg.ack - 1) & MASK32, (seg.seq - 1) & MASK32
            auth.resume(iss, irs, 0, 0, iss, irs)
    if not auth.accepts(packet, seg):
        return False, None
    if isinstance(auth, AoAuth):
        _answer_as_asked(auth, packet, seg)
    return True, auth


def _answer_as_asked(auth: AoAuth, packet: Packet, seg: Segment) -> None:
    # RFC 5925 7.5 at the start: sign with what the SYN asks for, and ask for what it was signed with.
    signed_with = by_rcvid(auth.keys, packet.buf[seg.auth_at + 2])
    asked_for = by_sndid(auth.keys, packet.buf[seg.auth_at + 3])
    auth.rnext = signed_with or auth.rnext
    auth.use(asked_for or signed_with or auth.current)


def closed_auth(
    keys: KeyRing | None, ext: TcpExtMib, path: Path, packet: Packet, seg: Segment
) -> tuple[cython.bint, Auth | None]:
    """For a segment that has no connection, where a listener has keys or it is signed: (may it be answered with a RST,
    what signs that). A listener's MD5 key that fits signs it; nothing can for AO (RFC 5925 7.7), nor is there an
    answer to what is not signed as it should be.
    """
    found = keys.md5_for(path.dst) if keys is not None else None
    if found is not None:
        auth = Md5Auth(ext, path.src, path.dst, found.secret)
        return auth.accepts(packet, seg), auth
    if seg.auth:
        unexpected(ext, seg)
        return False, None
    if keys is not None and (keys.ao_required or keys.ao_for(path.dst)):
        ext.TCPAORequired += 1
        return False, None
    return True, None


def attach(tcb: Tcb) -> None:
    """Give a connection what its socket's keys say; also each time they change."""
    keys = tcb.settings.keys
    assert keys is not None
    auth = tcb.auth
    if isinstance(auth, AoAuth):
        auth.keys = keys.ao_for(tcb.remote)
        auth.accept_icmps = keys.accept_icmps
        if keys.current in auth.keys:
            auth.use(keys.current)
        if keys.rnext in auth.keys:
            auth.rnext = keys.rnext
        return
    tcb.auth = keys.auth_for(tcb.engine.ext, tcb.local, tcb.remote, tcb.local_port, tcb.remote_port)
    if tcb.state == CLOSED and isinstance(tcb.auth, Md5Auth):
        # There is no room for timestamps in its SYN (Linux).
        tcb.ts_ok = False
