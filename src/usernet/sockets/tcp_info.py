"""struct tcp_info as Linux lays it out (include/uapi/linux/tcp.h)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from ..core.const import MS

# Fields in order with their struct codes. The octets of the two bit-field bytes come as whole fields.
_FIELDS: Final = (
    ("state", "B"), ("ca_state", "B"), ("retransmits", "B"), ("probes", "B"), ("backoff", "B"), ("options", "B"),
    ("wscale", "B"), ("flags", "B"),
    ("rto", "I"), ("ato", "I"), ("snd_mss", "I"), ("rcv_mss", "I"),
    ("unacked", "I"), ("sacked", "I"), ("lost", "I"), ("retrans", "I"), ("fackets", "I"),
    ("last_data_sent", "I"), ("last_ack_sent", "I"), ("last_data_recv", "I"), ("last_ack_recv", "I"),
    ("pmtu", "I"), ("rcv_ssthresh", "I"), ("rtt", "I"), ("rttvar", "I"), ("snd_ssthresh", "I"), ("snd_cwnd", "I"),
    ("advmss", "I"), ("reordering", "I"), ("rcv_rtt", "I"), ("rcv_space", "I"), ("total_retrans", "I"),
    ("pacing_rate", "Q"), ("max_pacing_rate", "Q"), ("bytes_acked", "Q"), ("bytes_received", "Q"),
    ("segs_out", "I"), ("segs_in", "I"), ("notsent_bytes", "I"), ("min_rtt", "I"), ("data_segs_in", "I"),
    ("data_segs_out", "I"),
    ("delivery_rate", "Q"), ("busy_time", "Q"), ("rwnd_limited", "Q"), ("sndbuf_limited", "Q"),
    ("delivered", "I"), ("delivered_ce", "I"),
    ("bytes_sent", "Q"), ("bytes_retrans", "Q"),
    ("dsack_dups", "I"), ("reord_seen", "I"), ("rcv_ooopack", "I"), ("snd_wnd", "I"), ("rcv_wnd", "I"), ("rehash", "I"),
    ("total_rto", "H"), ("total_rto_recoveries", "H"), ("total_rto_time", "I"), ("received_ce", "I"),
    ("delivered_e1_bytes", "I"), ("delivered_e0_bytes", "I"), ("delivered_ce_bytes", "I"),
    ("received_e1_bytes", "I"), ("received_e0_bytes", "I"), ("received_ce_bytes", "I"),
    ("accecn", "I"),
)  # fmt: skip
_STRUCT: Final = struct.Struct("=" + "".join(code for _, code in _FIELDS))
_LIMIT: Final = {"B": 0xFF, "H": 0xFFFF, "I": 0xFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}


# Instants of Tcb.info() that the struct has as milliseconds ago.
_AGO: Final = {
    "last_data_sent": "last_data_sent_at",
    "last_data_recv": "last_data_recv_at",
    "last_ack_recv": "last_ack_recv_at",
}


def pack_tcp_info(info: Mapping[str, int | str], now: int) -> bytes:
    """The octets getsockopt(TCP_INFO) gives for ``Tcb.info()`` at this instant; what it does not know is 0."""
    values = []
    for name, code in _FIELDS:
        if name == "wscale":
            value = _number(info, "snd_wscale") & 15 | (_number(info, "rcv_wscale") & 15) << 4
        elif name == "flags":
            value = _number(info, "delivery_rate_app_limited") & 1 | (_number(info, "fastopen_client_fail") & 3) << 1
        elif name == "accecn":
            value = (
                _number(info, "ecn_mode") & 3
                | (_number(info, "accecn_opt_seen") & 3) << 2
                | (_number(info, "accecn_fail_mode") & 15) << 4
            )
        elif name in _AGO:
            value = (now - _number(info, _AGO[name])) // MS if _AGO[name] in info else 0
        else:
            value = _number(info, name)
        values.append(min(max(value, 0), _LIMIT[code]))
    return _STRUCT.pack(*values)


# union tcp_cc_info (include/uapi/linux/inet_diag.h): what comes first tells which member of it is meant.
_CC_INFO: Final = {
    "tcpv_enabled": (("tcpv_enabled", "tcpv_rttcnt", "tcpv_rtt", "tcpv_minrtt"), struct.Struct("=IIII")),
    "dctcp_enabled": (
        ("dctcp_enabled", "dctcp_ce_state", "dctcp_alpha", "dctcp_ab_ecn", "dctcp_ab_tot"),
        struct.Struct("=HHIII"),
    ),
    "bbr_bw_lo": (
        ("bbr_bw_lo", "bbr_bw_hi", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain"),
        struct.Struct("=IIIII"),
    ),
}


def pack_cc_info(info: Mapping[str, int]) -> bytes:
    """The octets getsockopt(TCP_CC_INFO) gives for ``CongestionControl.info()``, none where Linux has no struct."""
    for first, (fields, layout) in _CC_INFO.items():
        if first in info:
            return layout.pack(*(info[field] for field in fields))
    return b""


def _number(info: Mapping[str, int | str], name: str) -> int:
    value = info.get(name, 0)
    return value if isinstance(value, int) else 0
