"""Settings of one connection (its socket options) and of all of a stack's (its sysctls)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .congestion import names
from .const import MS, SECOND

if TYPE_CHECKING:
    import cython

    from ..core.sysctl import SysctlRegistry, Value


class Settings:
    """Socket options that shape a connection. 0 means what the sysctl says, unless noted."""

    __slots__ = (
        "congestion", "cork", "defer_accept", "keepalive", "keepcnt", "keepidle_ns", "keepintvl_ns", "linger2_ns",
        "mark", "maxseg", "nodelay", "quickack", "rcvbuf", "sndbuf", "syncnt", "tos", "ttl", "user_timeout_ns",
        "window_clamp",
    )  # fmt: skip

    def __init__(self) -> None:
        self.nodelay = False
        self.cork = False
        self.quickack = True
        self.keepalive = False
        self.keepidle_ns = self.keepintvl_ns = 0
        self.keepcnt = self.syncnt = 0
        self.user_timeout_ns = 0
        self.maxseg = 0
        self.linger2_ns = 0  # negative: no FIN-WAIT-2 for an orphan
        self.defer_accept = 0
        self.window_clamp = 0
        self.rcvbuf = self.sndbuf = 0
        self.tos = self.ttl = self.mark = 0
        self.congestion = ""

    def copy(self) -> Settings:
        """An independent copy, as an accepted connection inherits them."""
        twin: Settings = Settings()
        twin.nodelay = self.nodelay
        twin.cork = self.cork
        twin.quickack = self.quickack
        twin.keepalive = self.keepalive
        twin.keepidle_ns = self.keepidle_ns
        twin.keepintvl_ns = self.keepintvl_ns
        twin.keepcnt = self.keepcnt
        twin.syncnt = self.syncnt
        twin.user_timeout_ns = self.user_timeout_ns
        twin.maxseg = self.maxseg
        twin.linger2_ns = self.linger2_ns
        twin.defer_accept = self.defer_accept
        twin.window_clamp = self.window_clamp
        twin.rcvbuf = self.rcvbuf
        twin.sndbuf = self.sndbuf
        twin.tos = self.tos
        twin.ttl = self.ttl
        twin.mark = self.mark
        twin.congestion = self.congestion
        return twin


class Sysctls:
    """net.ipv4.tcp_* and their like, cached in C fields; spans in nanoseconds."""

    __slots__ = (
        "abort_on_overflow", "challenge_ack_limit", "congestion_control", "dsack", "fin_timeout_ns",
        "invalid_ratelimit_ns", "keepalive_intvl_ns", "keepalive_probes", "keepalive_time_ns", "max_orphans",
        "max_syn_backlog", "max_tw_buckets", "min_snd_mss", "moderate_rcvbuf", "orphan_retries", "port_high",
        "port_low", "reordering", "retries1", "retries2", "rfc1337", "rmem_default", "rmem_max", "rmem_min",
        "rto_max_ns", "rto_min_ns", "sack", "slow_start_after_idle", "somaxconn", "syn_retries", "synack_retries",
        "timestamps", "tw_reuse", "unprivileged_port_start", "window_scaling", "wmem_default", "wmem_max", "wmem_min",
    )  # fmt: skip

    def __init__(self, registry: SysctlRegistry) -> None:
        # Filled in by the registry, which calls back with each value now and whenever it changes.
        self.sack: cython.bint
        self.dsack: cython.bint
        self.window_scaling: cython.bint
        self.slow_start_after_idle: cython.bint
        self.abort_on_overflow: cython.bint
        self.rfc1337: cython.bint
        self.moderate_rcvbuf: cython.bint
        self.timestamps: cython.int
        self.tw_reuse: cython.int
        self.retries1: cython.int
        self.retries2: cython.int
        self.syn_retries: cython.int
        self.synack_retries: cython.int
        self.orphan_retries: cython.int
        self.keepalive_probes: cython.int
        self.max_syn_backlog: cython.int
        self.max_tw_buckets: cython.int
        self.max_orphans: cython.int
        self.challenge_ack_limit: cython.int
        self.reordering: cython.int
        self.somaxconn: cython.int
        self.unprivileged_port_start: cython.int
        self.port_low: cython.int
        self.port_high: cython.int
        self.min_snd_mss: cython.int
        self.fin_timeout_ns: cython.longlong
        self.keepalive_time_ns: cython.longlong
        self.keepalive_intvl_ns: cython.longlong
        self.invalid_ratelimit_ns: cython.longlong
        self.rto_min_ns: cython.longlong
        self.rto_max_ns: cython.longlong
        self.rmem_min: cython.longlong
        self.rmem_default: cython.longlong
        self.rmem_max: cython.longlong
        self.wmem_min: cython.longlong
        self.wmem_default: cython.longlong
        self.wmem_max: cython.longlong
        self.congestion_control: str
        number = self._number
        tcp = "net.ipv4.tcp_"
        number(registry, tcp + "sack", "sack", 1, 1, "Offer selective acknowledgment (RFC 2018).", 1)
        number(registry, tcp + "dsack", "dsack", 1, 1, "Report duplicates in SACK blocks (RFC 2883).", 1)
        number(registry, tcp + "timestamps", "timestamps", 1, 1, "Offer timestamps (RFC 7323); 2: no random offset.", 2)
        number(registry, tcp + "window_scaling", "window_scaling", 1, 1, "Offer window scaling (RFC 7323).", 1)
        number(registry, tcp + "retries1", "retries1", 3, 1, "Retransmissions after which the route is doubted.", 255)
        number(registry, tcp + "retries2", "retries2", 15, 1, "Retransmissions after which a connection ends.", 255)
        number(registry, tcp + "syn_retries", "syn_retries", 6, 1, "Retransmissions of a SYN.", 127)
        number(registry, tcp + "synack_retries", "synack_retries", 5, 1, "Retransmissions of a SYN-ACK.", 255)
        number(
            registry, tcp + "orphan_retries", "orphan_retries", 0, 1, "Retransmissions of an orphan; 0 means 8.", 255
        )
        number(registry, tcp + "fin_timeout", "fin_timeout_ns", 60, SECOND, "Seconds an orphan stays in FIN-WAIT-2.")
        number(registry, tcp + "keepalive_time", "keepalive_time_ns", 7200, SECOND, "Idle seconds before a probe.")
        number(registry, tcp + "keepalive_intvl", "keepalive_intvl_ns", 75, SECOND, "Seconds between probes.")
        number(registry, tcp + "keepalive_probes", "keepalive_probes", 9, 1, "Unanswered probes that end it.", 127)
        number(registry, tcp + "max_syn_backlog", "max_syn_backlog", 4096, 1, "Half-open connections of a listener.")
        number(registry, tcp + "max_tw_buckets", "max_tw_buckets", 65536, 1, "TIME-WAIT connections kept.")
        number(registry, tcp + "max_orphans", "max_orphans", 16384, 1, "Closed connections still sending.")
        number(registry, tcp + "challenge_ack_limit", "challenge_ack_limit", 1000, 1, "Challenge ACKs a second.")
        number(registry, tcp + "invalid_ratelimit", "invalid_ratelimit_ns", 500, MS, "Least ms between duplicate ACKs.")
        number(registry, tcp + "slow_start_after_idle", "slow_start_after_idle", 1, 1, "Restart cwnd when idle.", 1)
        number(registry, tcp + "reordering", "reordering", 3, 1, "Initial reordering degree (DupThresh).", 300)
        number(registry, tcp + "abort_on_overflow", "abort_on_overflow", 0, 1, "RST when the accept queue is full.", 1)
        number(registry, tcp + "rfc1337", "rfc1337", 0, 1, "Ignore RST in TIME-WAIT.", 1)
        number(registry, tcp + "tw_reuse", "tw_reuse", 2, 1, "connect() reuses TIME-WAIT (RFC 6191); 2: loopback.", 2)
        number(registry, tcp + "moderate_rcvbuf", "moderate_rcvbuf", 1, 1, "Grow the receive buffer as needed.", 1)
        number(registry, tcp + "min_snd_mss", "min_snd_mss", 48, 1, "Smallest MSS, options included.", 65535, 48)
        number(registry, tcp + "rto_min_us", "rto_min_ns", 200_000, 1000, "Least variance allowed for in the RTO.")
        number(registry, tcp + "rto_max_ms", "rto_max_ns", 120_000, MS, "Largest RTO.", 120_000)
        number(registry, "net.core.somaxconn", "somaxconn", 4096, 1, "Upper bound of listen()'s backlog.")
        port_start = "net.ipv4.ip_unprivileged_port_start"
        number(registry, port_start, "unprivileged_port_start", 1024, 1, "First port anyone may bind.", 65536)
        self._buffers(registry)
        registry.declare(
            tcp + "congestion_control", "cubic", "Congestion control of new connections.",
            choices=names(), on_change=self._congestion_changed,
        )  # fmt: skip

    def _number(
        self,
        registry: SysctlRegistry,
        name: str,
        field: str,
        default: int,
        unit: int,
        text: str,
        high: int = 0x7FFFFFFF,
        low: int = 0,
    ) -> None:
        def changed(value: Value) -> None:
            assert isinstance(value, int)
            setattr(self, field, value * unit)

        registry.declare(name, default, text, low=low, high=high, on_change=changed)

    def _buffers(self, registry: SysctlRegistry) -> None:
        def rmem(value: Value) -> None:
            self.rmem_min, self.rmem_default, self.rmem_max = _numbers(value)

        def wmem(value: Value) -> None:
            self.wmem_min, self.wmem_default, self.wmem_max = _numbers(value)

        def ports(value: Value) -> None:
            self.port_low, self.port_high = _numbers(value)

        rsizes = (4096, 131072, 6291456)
        wsizes = (4096, 16384, 4194304)
        registry.declare("net.ipv4.tcp_rmem", rsizes, "Least, initial, largest receive buffer.", on_change=rmem)
        registry.declare("net.ipv4.tcp_wmem", wsizes, "Least, initial, largest send buffer.", on_change=wmem)
        registry.declare(
            "net.ipv4.ip_local_port_range", (32768, 60999), "Ephemeral ports.", low=1, high=65535, on_change=ports
        )

    def _congestion_changed(self, value: Value) -> None:
        self.congestion_control = str(value)


def _numbers(value: Value) -> tuple[int, ...]:
    assert isinstance(value, tuple)
    return value


def keepidle(settings: Settings, sysctls: Sysctls) -> cython.longlong:
    """Idle time before the first keep-alive probe."""
    return settings.keepidle_ns or sysctls.keepalive_time_ns


def keepintvl(settings: Settings, sysctls: Sysctls) -> cython.longlong:
    """Time between keep-alive probes."""
    return settings.keepintvl_ns or sysctls.keepalive_intvl_ns
