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
)  # fmt: skip
_STRUCT: Final = struct.Struct("=" + "".join(code for _, code in _FIELDS))
_LIMIT: Final = {"B": 0xFF, "I": 0xFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}


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
            value = _number(info, "delivery_rate_app_limited") & 1
        elif name in _AGO:
            value = (now - _number(info, _AGO[name])) // MS if _AGO[name] in info else 0
        else:
            value = _number(info, name)
        values.append(min(max(value, 0), _LIMIT[code]))
    return _STRUCT.pack(*values)


def _number(info: Mapping[str, int | str], name: str) -> int:
    value = info.get(name, 0)
    return value if isinstance(value, int) else 0
