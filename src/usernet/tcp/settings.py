"""Settings of one connection: its socket options. Those of all of a stack's are in sysctls.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import PMTUDISC_WANT, RCVBUF_LOCK, SNDBUF_LOCK
from .fastopen import FastOpenKeys
from .sysctls import Sysctls

if TYPE_CHECKING:
    import cython

    from .keys import KeyRing


class Settings:
    """Socket options that shape a connection. 0 means what the sysctl says, unless noted."""

    __slots__ = (
        "congestion",
        "cork",
        "defer_accept",
        "delack_max_ns",
        "fastopen_connect",
        "fastopen_keys",
        "fastopen_limit",
        "fastopen_no_cookie",
        "keepalive",
        "keepcnt",
        "keepidle_ns",
        "keepintvl_ns",
        "keys",
        "linger2_ns",
        "mark",
        "max_pacing_rate",
        "maxseg",
        "min_ttl",
        "nodelay",
        "notsent_lowat",
        "oif",
        "oobinline",
        "pmtudisc",
        "port_range",
        "quickack",
        "rcvbuf",
        "rcvlowat",
        "recverr",
        "rto_max_ns",
        "rto_min_ns",
        "save_syn",
        "sndbuf",
        "stamps_arrivals",
        "syncnt",
        "thin_linear",
        "timestamping",
        "tos",
        "ttl",
        "tx_delay_ns",
        "unlocked",
        "user_timeout_ns",
        "window_clamp",
    )

    def __init__(self) -> None:
        self.nodelay = False
        self.cork = False
        self.keepalive = False
        self.keepidle_ns = self.keepintvl_ns = 0
        self.keepcnt = self.syncnt = 0
        self.user_timeout_ns = 0
        self.maxseg = 0
        self.rto_max_ns = self.rto_min_ns = self.delack_max_ns = 0
        self.thin_linear = False
        self.linger2_ns = 0  # negative: no FIN-WAIT-2 for an orphan
        self.defer_accept = 0
        # A socket's own, not handed on to what it accepts.
        self.fastopen_connect = self.fastopen_no_cookie = False
        self.fastopen_limit = 0  # 0: no Fast Open for this listener
        self.fastopen_keys: FastOpenKeys | None = None
        self.oif = 0  # SO_BINDTODEVICE: the only interface, by its index
        self.save_syn = 0  # 1: from the IP header on; 2: from the link's
        self.window_clamp = 0
        self.quickack = True
        self.notsent_lowat = 0
        self.oobinline = self.recverr = False
        self.timestamping = 0
        self.stamps_arrivals = False  # somebody asks when text came
        self.rcvbuf = self.sndbuf = 0
        self.unlocked = 0  # SO_BUF_LOCK's bits of those that were set and may grow again
        self.rcvlowat = 1
        self.tos = self.ttl = self.mark = 0
        self.min_ttl = 0  # IP_MINTTL: what came from farther away is dropped
        self.port_range = 0  # IP_LOCAL_PORT_RANGE: lowest port, and the highest 16 bits above it
        self.pmtudisc = PMTUDISC_WANT
        self.congestion = ""
        self.tx_delay_ns = 0
        self.max_pacing_rate = -1  # octets a second; -1: no limit, and 0 paces nothing (Linux)
        self.keys: KeyRing | None = None

    def copy(self) -> Settings:
        """An independent copy, as an accepted connection inherits them."""
        twin: Settings = Settings()
        twin.nodelay = self.nodelay
        twin.cork = self.cork
        twin.keepalive = self.keepalive
        twin.keepidle_ns = self.keepidle_ns
        twin.keepintvl_ns = self.keepintvl_ns
        twin.keepcnt = self.keepcnt
        twin.syncnt = self.syncnt
        twin.user_timeout_ns = self.user_timeout_ns
        twin.maxseg = self.maxseg
        twin.rto_max_ns = self.rto_max_ns
        twin.rto_min_ns = self.rto_min_ns
        twin.delack_max_ns = self.delack_max_ns
        twin.thin_linear = self.thin_linear
        twin.linger2_ns = self.linger2_ns
        twin.defer_accept = self.defer_accept
        twin.window_clamp = self.window_clamp
        twin.quickack = self.quickack
        twin.notsent_lowat = self.notsent_lowat
        twin.oobinline = self.oobinline
        twin.recverr = self.recverr
        twin.timestamping = self.timestamping
        twin.stamps_arrivals = self.stamps_arrivals
        twin.rcvbuf = self.rcvbuf
        twin.rcvlowat = self.rcvlowat
        twin.sndbuf = self.sndbuf
        twin.unlocked = self.unlocked
        twin.oif = self.oif
        twin.tos = self.tos
        twin.ttl = self.ttl
        twin.mark = self.mark
        twin.min_ttl = self.min_ttl
        twin.port_range = self.port_range
        twin.pmtudisc = self.pmtudisc
        twin.congestion = self.congestion
        twin.tx_delay_ns = self.tx_delay_ns
        twin.max_pacing_rate = self.max_pacing_rate
        twin.keys = self.keys
        return twin


def buffer_locks(settings: Settings) -> cython.uint:
    """Which buffers stay as large as they were set (SO_BUF_LOCK)."""
    locks: cython.uint = 0
    if settings.sndbuf > 0:
        locks |= SNDBUF_LOCK
    if settings.rcvbuf > 0:
        locks |= RCVBUF_LOCK
    return locks & ~settings.unlocked


def keepidle(settings: Settings, sysctls: Sysctls) -> cython.longlong:
    """Idle time before the first keep-alive probe."""
    return settings.keepidle_ns or sysctls.keepalive_time_ns


def keepintvl(settings: Settings, sysctls: Sysctls) -> cython.longlong:
    """Time between keep-alive probes."""
    return settings.keepintvl_ns or sysctls.keepalive_intvl_ns
