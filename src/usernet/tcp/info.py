"""STATUS (RFC 9293 3.10.6) as Linux's struct tcp_info has it: fields without the prefix, spans in microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS, NEVER, US
from .accecn import Ecn
from .const import CE, CLOSED, ECN_NONE, ECT_0, ECT_1, RTX_PROBE

if TYPE_CHECKING:
    from .tcb import Tcb

OPT_TIMESTAMPS = 1
OPT_SACK = 2
OPT_WSCALE = 4
NO_RATE = 0xFFFFFFFFFFFFFFFF
OPT_SYN_DATA = 32
OPT_TFO_CHILD = 128
OPT_ECN = 8
OPT_ECN_SEEN = 16


def tcp_info(tcb: Tcb, now: int) -> dict[str, int | str]:
    """Every field whose subject exists here; ``congestion`` is the algorithm's name."""
    board = tcb.board
    rtt = tcb.rtt
    cc = tcb.cc
    chrono = tcb.chrono
    busy, rwnd_limited, sndbuf_limited = chrono.spans(now)
    current = max(now - chrono.timeout_since, 0) if chrono.timeout_since else 0
    rto = min(rtt.rto << tcb.backoff, rtt.rto_max)
    ecn = tcb.ecn if tcb.ecn is not None else Ecn(ECN_NONE)
    options = OPT_TIMESTAMPS * tcb.ts_ok | OPT_SACK * tcb.sack_ok | OPT_WSCALE * bool(tcb.rcv_wscale or tcb.snd_wscale)
    fast = tcb.fastopen
    if fast is not None:
        options |= OPT_SYN_DATA * fast.syn_data_acked | OPT_TFO_CHILD * fast.is_child
    options |= OPT_ECN * bool(ecn.mode) | OPT_ECN_SEEN * ecn.seen
    return {
        "state": tcb.state,
        "ca_state": tcb.ca_state,
        "retransmits": tcb.retransmits,
        "probes": tcb.probes_out,
        "backoff": tcb.backoff,
        "options": options,
        "snd_wscale": tcb.snd_wscale,
        "rcv_wscale": tcb.rcv_wscale,
        "fastopen_client_fail": fast.client_fail if fast is not None else 0,
        "delivery_rate_app_limited": int(tcb.rate.latest_app_limited),
        "rto": rto // US,
        "ato": tcb.ato // US,
        "snd_mss": tcb.mss,
        "rcv_mss": tcb.rcv_mss,
        "unacked": board.packets_out,
        "sacked": board.sacked_out,
        "lost": board.lost_out,
        "retrans": board.retrans_out,
        "fackets": 0,
        "last_data_sent_at": tcb.lsnd_at,
        "last_data_recv_at": tcb.lrcv_at,
        "last_ack_recv_at": tcb.rcv_at,
        "pmtu": tcb.path.mtu,
        "rcv_ssthresh": tcb.space.ssthresh,
        "rtt": rtt.srtt // US,
        "rttvar": rtt.mdev // US,  # Linux too reports the mean deviation, not rttvar with its floor
        "snd_ssthresh": cc.ssthresh,
        "snd_cwnd": cc.cwnd,
        "advmss": tcb.advmss,
        "reordering": tcb.reordering,
        "rcv_rtt": tcb.space.rtt // US,
        "rcv_space": tcb.space.target,
        "total_retrans": tcb.total_retrans,
        "pacing_rate": _rate(tcb.pacer.rate if tcb.pacer.is_on else tcb.pacer.window_rate(cc, board.packets_out)),
        "max_pacing_rate": _rate(tcb.pacer.max_rate),
        "bytes_acked": tcb.bytes_acked,
        "bytes_received": tcb.bytes_received,
        "segs_out": tcb.segs_out,
        "segs_in": tcb.segs_in,
        "notsent_bytes": tcb.unsent() if tcb.state != CLOSED else 0,
        "min_rtt": rtt.min_rtt // US if rtt.min_rtt != NEVER else 0xFFFFFFFF,
        "data_segs_in": tcb.data_segs_in,
        "data_segs_out": tcb.data_segs_out,
        "delivery_rate": tcb.rate.bandwidth(tcb.mss),
        "busy_time": busy // US,
        "rwnd_limited": rwnd_limited // US,
        "sndbuf_limited": sndbuf_limited // US,
        "delivered": tcb.rate.delivered,
        "bytes_sent": tcb.bytes_sent,
        "bytes_retrans": tcb.bytes_retrans,
        "dsack_dups": tcb.dsack_dups,
        "reord_seen": tcb.rack.reord_seen,
        "snd_wnd": tcb.snd_wnd,
        "rcv_wnd": tcb.rcv_wnd,
        "rcv_ooopack": tcb.rcv_ooopack,
        "rehash": 0,  # no path here depends on the flow's hash
        "total_rto": chrono.timeouts,
        "total_rto_recoveries": chrono.timeout_recoveries,
        "total_rto_time": (chrono.timeout_span + current) // MS,
        "probing": int(tcb.rtx_kind == RTX_PROBE),
        "delivered_ce": tcb.rate.delivered_ce,
        "received_ce": ecn.received_ce,
        "delivered_e1_bytes": ecn.delivered_bytes[ECT_1 - 1],
        "delivered_e0_bytes": ecn.delivered_bytes[ECT_0 - 1],
        "delivered_ce_bytes": ecn.delivered_bytes[CE - 1],
        "received_e1_bytes": ecn.received_bytes[ECT_1 - 1],
        "received_e0_bytes": ecn.received_bytes[ECT_0 - 1],
        "received_ce_bytes": ecn.received_bytes[CE - 1],
        "ecn_mode": ecn.mode,
        "accecn_opt_seen": ecn.option_seen,
        "accecn_fail_mode": ecn.fail,
        "congestion": cc.name,
    }


def _rate(octets: int) -> int:
    return octets if octets < NEVER else NO_RATE
