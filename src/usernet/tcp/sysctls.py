"""net.ipv4.tcp_* and their like: names, defaults and ranges are Linux 6.18's (Documentation/networking/ip-sysctl.rst).

Narrower only where a value would mean nothing: switches are 0 or 1, counts are not negative. What Linux works out from
the machine's memory is a fixed number here; tests/kernel/test_sysctls.py has the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..core.const import MS, SECOND

if TYPE_CHECKING:
    import cython

    from ..core.sysctl import SysctlRegistry, Value

INT_MAX: Final = 0x7FFFFFFF

# Settings that are one number: name, field, default, nanoseconds (or 1) in its unit, least, largest, what it does.
# One line each, in order of name.
NUMBERS: Final = (
    ("net.core.optmem_max", "optmem_max", 131072, 1, 0, INT_MAX, "Bookkeeping of zero-copy sends, octets."),
    ("net.core.somaxconn", "somaxconn", 4096, 1, 0, INT_MAX, "Upper bound of listen()'s backlog."),
    ("net.ipv4.ip_unprivileged_port_start", "unprivileged_port_start", 1024, 1, 0, 65535, "First port for anyone."),
    ("net.ipv4.tcp_abort_on_overflow", "abort_on_overflow", 0, 1, 0, 1, "RST when the accept queue is full."),
    ("net.ipv4.tcp_base_mss", "base_mss", 1024, 1, 0, 65535, "Where the search for the path MTU begins."),
    ("net.ipv4.tcp_challenge_ack_limit", "challenge_ack_limit", INT_MAX, 1, 0, INT_MAX, "Challenge ACKs a second."),
    ("net.ipv4.tcp_comp_sack_delay_ns", "comp_sack_delay_ns", 1_000_000, 1, 0, INT_MAX, "How long an ACK is held."),
    ("net.ipv4.tcp_comp_sack_nr", "comp_sack_nr", 44, 1, 0, 255, "ACKs held back at most; 0: each is sent."),
    ("net.ipv4.tcp_comp_sack_rtt_percent", "comp_sack_rtt_percent", 33, 1, 1, 1000, "Hold of an ACK in % of the RTT."),
    ("net.ipv4.tcp_dsack", "dsack", 1, 1, 0, 1, "Report duplicates in SACK blocks (RFC 2883)."),
    ("net.ipv4.tcp_ecn", "ecn", 2, 1, 0, 5, "ECN: 1 ask, 2 grant; accurate ECN: 3 ask, 4 grant and ask ECN, 5 grant."),
    ("net.ipv4.tcp_ecn_fallback", "ecn_fallback", 1, 1, 0, 1, "Do without where ECN seems to be blocked or mangled."),
    ("net.ipv4.tcp_ecn_option", "ecn_option", 2, 1, 0, 3, "AccECN option: 1 when needed, 2 always, 3 even if lost."),
    ("net.ipv4.tcp_ecn_option_beacon", "ecn_option_beacon", 3, 1, 0, 3, "AccECN options a round trip at least."),
    ("net.ipv4.tcp_early_retrans", "early_retrans", 3, 1, 0, 4, "3 or 4: tail loss probes (RFC 8985 7)."),
    ("net.ipv4.tcp_fastopen", "fastopen", 1, 1, 0, INT_MAX, "Bits: 1 client, 2 server, 4, 0x200, 0x400 (RFC 7413)."),
    ("net.ipv4.tcp_fastopen_blackhole_timeout_sec", "fastopen_blackhole_ns", 0, SECOND, 0, INT_MAX, "Pause when lost."),
    ("net.ipv4.tcp_fin_timeout", "fin_timeout_ns", 60, SECOND, 0, INT_MAX, "Seconds an orphan stays in FIN-WAIT-2."),
    ("net.ipv4.tcp_frto", "frto", 2, 1, 0, 2, "Doubt timeouts (RFC 5682)."),
    ("net.ipv4.tcp_invalid_ratelimit", "invalid_ratelimit_ns", 500, MS, 0, INT_MAX, "Least ms between duplicate ACKs."),
    ("net.ipv4.tcp_keepalive_intvl", "keepalive_intvl_ns", 75, SECOND, 0, INT_MAX, "Seconds between probes."),
    ("net.ipv4.tcp_keepalive_probes", "keepalive_probes", 9, 1, 0, 255, "Unanswered probes that end it."),
    ("net.ipv4.tcp_keepalive_time", "keepalive_time_ns", 7200, SECOND, 0, INT_MAX, "Idle seconds before a probe."),
    ("net.ipv4.tcp_max_orphans", "max_orphans", 16384, 1, 0, INT_MAX, "Closed connections still sending."),
    ("net.ipv4.tcp_max_reordering", "max_reordering", 300, 1, 1, INT_MAX, "Most reordering assumed, in segments."),
    ("net.ipv4.tcp_max_syn_backlog", "max_syn_backlog", 4096, 1, 0, INT_MAX, "Half-open connections of a listener."),
    ("net.ipv4.tcp_max_tw_buckets", "max_tw_buckets", 65536, 1, 0, INT_MAX, "TIME-WAIT connections kept."),
    ("net.ipv4.tcp_min_snd_mss", "min_snd_mss", 48, 1, 48, 65535, "Smallest MSS, options included."),
    ("net.ipv4.tcp_min_tso_segs", "min_tso_segs", 2, 1, 1, 255, "Least segments of a super-segment."),
    ("net.ipv4.tcp_moderate_rcvbuf", "moderate_rcvbuf", 1, 1, 0, 1, "Grow the receive buffer as needed."),
    ("net.ipv4.tcp_mtu_probe_floor", "mtu_probe_floor", 48, 1, 48, 65535, "Least MSS a black hole brings about."),
    ("net.ipv4.tcp_mtu_probing", "mtu_probing", 0, 1, 0, 2, "Probe the path MTU; 1: once a black hole shows."),
    ("net.ipv4.tcp_no_metrics_save", "no_metrics_save", 0, 1, 0, 1, "Connections that end teach nothing."),
    ("net.ipv4.tcp_no_ssthresh_metrics_save", "no_ssthresh_metrics_save", 1, 1, 0, 1, "Never remember ssthresh."),
    ("net.ipv4.tcp_notsent_lowat", "notsent_lowat", 0xFFFFFFFF, 1, 0, 0xFFFFFFFF, "Unsent octets a writer may leave."),
    ("net.ipv4.tcp_orphan_retries", "orphan_retries", 0, 1, 0, 255, "Retransmissions of an orphan; 0 means 8."),
    ("net.ipv4.tcp_pacing_ca_ratio", "pacing_ca_ratio", 120, 1, 0, 1000, "Pacing rate in percent of cwnd / RTT."),
    ("net.ipv4.tcp_pacing_ss_ratio", "pacing_ss_ratio", 200, 1, 0, 1000, "In slow start, percent of cwnd / RTT."),
    ("net.ipv4.tcp_pingpong_thresh", "pingpong_thresh", 1, 1, 1, 255, "Quick replies that make a dialogue."),
    ("net.ipv4.tcp_probe_interval", "probe_interval_ns", 600, SECOND, 1, INT_MAX, "Seconds between MTU searches."),
    ("net.ipv4.tcp_probe_threshold", "probe_threshold", 8, 1, 0, INT_MAX, "An MTU search this narrow has ended."),
    ("net.ipv4.tcp_rcvbuf_low_rtt", "rcvbuf_low_rtt_ns", 1000, 1000, 0, INT_MAX, "Buffers grow less below it (us)."),
    ("net.ipv4.tcp_recovery", "recovery", 1, 1, 0, 255, "1: RACK; 2: its window is fixed; 4: no DupThresh."),
    ("net.ipv4.tcp_reflect_tos", "reflect_tos", 0, 1, 0, 1, "Answer a SYN with its own type of service."),
    ("net.ipv4.tcp_reordering", "reordering", 3, 1, 1, 300, "Initial reordering degree (DupThresh)."),
    ("net.ipv4.tcp_retries1", "retries1", 3, 1, 0, 255, "Retransmissions after which the route is doubted."),
    ("net.ipv4.tcp_retries2", "retries2", 15, 1, 0, 255, "Retransmissions after which a connection ends."),
    ("net.ipv4.tcp_rfc1337", "rfc1337", 0, 1, 0, 1, "Ignore RST in TIME-WAIT."),
    ("net.ipv4.tcp_rfc7661", "rfc7661", 0, 1, 0, 1, "Validate cwnd as RFC 7661, not as Linux (RFC 2861)."),
    ("net.ipv4.tcp_rto_max_ms", "rto_max_ns", 120_000, MS, 1000, 120_000, "Largest RTO."),
    ("net.ipv4.tcp_rto_min_us", "rto_min_ns", 200_000, 1000, 1, INT_MAX, "Least variance allowed for in the RTO."),
    ("net.ipv4.tcp_sack", "sack", 1, 1, 0, 1, "Offer selective acknowledgment (RFC 2018)."),
    ("net.ipv4.tcp_shrink_window", "shrink_window", 0, 1, 0, 1, "A window may be taken back when memory is short."),
    ("net.ipv4.tcp_slow_start_after_idle", "slow_start_after_idle", 1, 1, 0, 1, "Restart cwnd when idle."),
    ("net.ipv4.tcp_stdurg", "stdurg", 0, 1, 0, 1, "The urgent pointer points at the urgent octet."),
    ("net.ipv4.tcp_syn_linear_timeouts", "syn_linear_timeouts", 4, 1, 0, 127, "SYNs again before the RTO doubles."),
    ("net.ipv4.tcp_syn_retries", "syn_retries", 6, 1, 1, 127, "Retransmissions of a SYN."),
    ("net.ipv4.tcp_synack_retries", "synack_retries", 5, 1, 0, 255, "Retransmissions of a SYN-ACK."),
    ("net.ipv4.tcp_syncookies", "syncookies", 1, 1, 0, 2, "SYN cookies: 0 never, 1 when the queue is full, 2 always."),
    ("net.ipv4.tcp_thin_linear_timeouts", "thin_linear_timeouts", 0, 1, 0, 1, "Little data: six RTOs alike."),
    ("net.ipv4.tcp_timestamps", "timestamps", 1, 1, 0, 2, "Offer timestamps (RFC 7323); 2: no random offset."),
    ("net.ipv4.tcp_tso_rtt_log", "tso_rtt_log", 9, 1, 0, 31, "Super-segments grow where RTT < 2**n us; 0: nowhere."),
    ("net.ipv4.tcp_tso_win_divisor", "tso_win_divisor", 3, 1, 1, 255, "Part of a window worth sending by itself."),
    ("net.ipv4.tcp_tw_reuse", "tw_reuse", 2, 1, 0, 2, "connect() reuses TIME-WAIT (RFC 6191); 2: loopback."),
    ("net.ipv4.tcp_tw_reuse_delay", "tw_reuse_delay_ns", 1000, MS, 1, 60_000, "Least ms in TIME-WAIT before reuse."),
    ("net.ipv4.tcp_window_scaling", "window_scaling", 1, 1, 0, 1, "Offer window scaling (RFC 7323)."),
)  # fmt: skip


class Sysctls:
    """The settings of one stack's TCP, cached in C fields; spans in nanoseconds."""

    __slots__ = (
        "abort_on_overflow",
        "base_mss",
        "challenge_ack_limit",
        "comp_sack_delay_ns",
        "comp_sack_nr",
        "comp_sack_rtt_percent",
        "dsack",
        "early_retrans",
        "ecn",
        "ecn_fallback",
        "ecn_option",
        "ecn_option_beacon",
        "fastopen",
        "fastopen_blackhole_ns",
        "fin_timeout_ns",
        "frto",
        "invalid_ratelimit_ns",
        "is_fq",
        "keepalive_intvl_ns",
        "keepalive_probes",
        "keepalive_time_ns",
        "max_orphans",
        "max_reordering",
        "max_syn_backlog",
        "max_tw_buckets",
        "min_snd_mss",
        "min_tso_segs",
        "moderate_rcvbuf",
        "mtu_probe_floor",
        "mtu_probing",
        "no_metrics_save",
        "no_ssthresh_metrics_save",
        "notsent_lowat",
        "optmem_max",
        "orphan_retries",
        "pacing_ca_ratio",
        "pacing_ss_ratio",
        "pingpong_thresh",
        "port_high",
        "port_low",
        "probe_interval_ns",
        "probe_threshold",
        "rcvbuf_low_rtt_ns",
        "recovery",
        "reflect_tos",
        "reordering",
        "retries1",
        "retries2",
        "rfc1337",
        "rfc7661",
        "rmem_default",
        "rmem_max",
        "rmem_min",
        "rto_max_ns",
        "rto_min_ns",
        "sack",
        "shrink_window",
        "slow_start_after_idle",
        "somaxconn",
        "stdurg",
        "syn_linear_timeouts",
        "syn_retries",
        "synack_retries",
        "syncookies",
        "thin_linear_timeouts",
        "timestamps",
        "tso_rtt_log",
        "tso_win_divisor",
        "tw_reuse",
        "tw_reuse_delay_ns",
        "unprivileged_port_start",
        "window_scaling",
        "wmem_default",
        "wmem_max",
        "wmem_min",
    )

    def __init__(self, registry: SysctlRegistry) -> None:
        # Filled in by the registry, which calls back with each value now and whenever it changes.
        self.abort_on_overflow: cython.bint
        self.base_mss: cython.int
        self.challenge_ack_limit: cython.int
        self.comp_sack_delay_ns: cython.longlong
        self.comp_sack_nr: cython.int
        self.comp_sack_rtt_percent: cython.int
        self.dsack: cython.bint
        self.ecn: cython.int
        self.ecn_fallback: cython.bint
        self.ecn_option: cython.int
        self.ecn_option_beacon: cython.int
        self.early_retrans: cython.int
        self.fastopen: cython.int
        self.fastopen_blackhole_ns: cython.longlong
        self.fin_timeout_ns: cython.longlong
        self.frto: cython.int
        self.invalid_ratelimit_ns: cython.longlong
        self.is_fq: cython.bint
        self.keepalive_intvl_ns: cython.longlong
        self.keepalive_probes: cython.int
        self.keepalive_time_ns: cython.longlong
        self.max_orphans: cython.int
        self.max_reordering: cython.int
        self.max_syn_backlog: cython.int
        self.max_tw_buckets: cython.int
        self.min_snd_mss: cython.int
        self.min_tso_segs: cython.int
        self.moderate_rcvbuf: cython.bint
        self.mtu_probe_floor: cython.int
        self.mtu_probing: cython.int
        self.no_metrics_save: cython.bint
        self.no_ssthresh_metrics_save: cython.bint
        self.notsent_lowat: cython.longlong
        self.optmem_max: cython.longlong
        self.orphan_retries: cython.int
        self.pacing_ca_ratio: cython.int
        self.pacing_ss_ratio: cython.int
        self.pingpong_thresh: cython.int
        self.port_high: cython.int
        self.port_low: cython.int
        self.probe_interval_ns: cython.longlong
        self.probe_threshold: cython.int
        self.rcvbuf_low_rtt_ns: cython.longlong
        self.recovery: cython.int
        self.reflect_tos: cython.bint
        self.reordering: cython.int
        self.retries1: cython.int
        self.retries2: cython.int
        self.rfc1337: cython.bint
        self.rfc7661: cython.bint
        self.rmem_default: cython.longlong
        self.rmem_max: cython.longlong
        self.rmem_min: cython.longlong
        self.rto_max_ns: cython.longlong
        self.rto_min_ns: cython.longlong
        self.sack: cython.bint
        self.shrink_window: cython.bint
        self.slow_start_after_idle: cython.bint
        self.somaxconn: cython.int
        self.stdurg: cython.bint
        self.syn_linear_timeouts: cython.int
        self.syn_retries: cython.int
        self.synack_retries: cython.int
        self.syncookies: cython.int
        self.thin_linear_timeouts: cython.bint
        self.timestamps: cython.int
        self.tso_rtt_log: cython.int
        self.tso_win_divisor: cython.int
        self.tw_reuse: cython.int
        self.tw_reuse_delay_ns: cython.longlong
        self.unprivileged_port_start: cython.int
        self.window_scaling: cython.bint
        self.wmem_default: cython.longlong
        self.wmem_max: cython.longlong
        self.wmem_min: cython.longlong
        for name, field, default, unit, low, high, text in NUMBERS:
            self._number(registry, name, field, default, unit, text, low, high)
        self._buffers(registry)
        registry.declare(
            "net.core.default_qdisc", "pfifo_fast", "fq paces every new connection, as Linux's sch_fq does.",
            choices=("pfifo_fast", "fq"), on_change=self._qdisc_changed,
        )  # fmt: skip

    def _number(
        self,
        registry: SysctlRegistry,
        name: str,
        field: str,
        default: int,
        unit: int,
        text: str,
        low: int,
        high: int,
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

        rsizes = (4096, 131072, 33554432)
        wsizes = (4096, 16384, 4194304)
        registry.declare("net.ipv4.tcp_rmem", rsizes, "Least, initial, largest receive buffer.", on_change=rmem)
        registry.declare("net.ipv4.tcp_wmem", wsizes, "Least, initial, largest send buffer.", on_change=wmem)
        registry.declare(
            "net.ipv4.ip_local_port_range", (32768, 60999), "Ephemeral ports.", low=1, high=65535, on_change=ports
        )

    def _qdisc_changed(self, value: Value) -> None:
        self.is_fq = value == "fq"


def _numbers(value: Value) -> tuple[int, ...]:
    assert isinstance(value, tuple)
    return value
