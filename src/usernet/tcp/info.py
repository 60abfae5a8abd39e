"""STATUS (RFC 9293 3.10.6) as Linux's struct tcp_info has it: fields without the prefix, spans in microseconds.

Where each comes from is told field by field in docs/tcp-info.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import MS, NEVER, US
from .accecn import Ecn
from .const import (
    CA_LOSS,
    CE,
    DEFAULT_MSS,
    ECN_NONE,
    ECT_0,
    ECT_1,
    INFINITE_SSTHRESH,
    INIT_CWND,
    LISTEN,
    RTO_FALLBACK,
    RTO_INITIAL,
    RTX_PROBE,
    SYN_RECEIVED,
    SYN_SENT,
)  # fmt: skip
from .rtx_timer import current_rto
from .transmit import bounded_mss, mss_of

if TYPE_CHECKING:
    from .tcb import Tcb

OPT_TIMESTAMPS = 1
OPT_SACK = 2
OPT_WSCALE = 4
NO_RTT = 0xFFFFFFFF
NO_RATE = 0xFFFFFFFFFFFFFFFF
OPT_SYN_DATA = 32
OPT_TFO_CHILD = 128
OPT_ECN = 8
OPT_ECN_SEEN = 16


def tcp_info(tcb: Tcb, now: int) -> dict[str, int | str]:
    """Every field whose subject exists here; ``congestion`` is the algorithm's name."""
    found = _synchronized(tcb, now)
    if tcb.state == SYN_SENT:
        found.update(_of_syn(tcb))
        found.update(snd_mss=mss_of(tcb, tcb.path.mtu), options=0, rcv_wscale=0)
    elif tcb.state == SYN_RECEIVED and not (tcb.fastopen is not None and tcb.fastopen.is_child):
        found.update(_of_syn(tcb))
    elif tcb.fastopen is not None and tcb.fastopen.queue is not None:
        # Only the SYN came: no ACK, and no round trip, without which Linux is more cautious.
        found["last_ack_recv_at"] = 0
        found["rto"], found["rttvar"] = RTO_FALLBACK // US, RTO_FALLBACK // 4 // US
    return found


def _of_syn(tcb: Tcb) -> dict[str, int]:
    # Our SYN is in flight, which the scoreboard does not hold, and nothing was heard; what we offered is no option of
    # the connection's. Sent again it was lost (Linux).
    text = tcb.fastopen is not None and tcb.fastopen.text > 0
    found = {"unacked": 1 + text, "last_data_recv_at": 0, "last_ack_recv_at": 0, "bytes_acked": 0}
    found["rcv_ssthresh"] = tcb.rcv_wnd
    if tcb.retransmits > 0:
        found |= {"ca_state": CA_LOSS, "lost": 1, "retrans": 1, "snd_cwnd": 1}
    return found


def unconnected_info(state: int, reordering: int, max_pacing_rate: int) -> dict[str, int | str]:
    """The same of a socket that never had a connection; ``max_pacing_rate`` -1 is none."""
    found: dict[str, int | str] = {
        "state": state,
        "reordering": reordering,
        "snd_cwnd": INIT_CWND,
        "pacing_rate": NO_RATE,
        "max_pacing_rate": max_pacing_rate if max_pacing_rate >= 0 else NO_RATE,
    }
    if state == LISTEN:
        return found
    never = {"last_data_sent_at": 0, "last_data_recv_at": 0, "last_ack_recv_at": 0, "min_rtt": NO_RTT}
    begun = {"rto": RTO_INITIAL // US, "rttvar": RTO_INITIAL // 4 // US, "snd_mss": DEFAULT_MSS}
    return {**found, **never, **begun, "snd_ssthresh": INFINITE_SSTHRESH, "delivery_rate_app_limited": 1}


def cc_info(tcb: Tcb) -> dict[str, int]:
    """TCP_CC_INFO. A control that needs ECN and has none says so with zeros (Linux's dctcp_reno)."""
    found = tcb.cc.info()
    if tcb.cc.needs_ecn and (tcb.ecn is None or not tcb.ecn.mode):
        return dict.fromkeys(found, 0)
    if "dctcp_ce_state" in found and tcb.ecn is not None:
        found["dctcp_ce_state"] = int(tcb.ecn.ce_state)
    return found


def _synchronized(tcb: Tcb, now: int) -> dict[str, int | str]:
    board = tcb.board
    rtt = tcb.rtt
    cc = tcb.cc
    chrono = tcb.chrono
    mss = bounded_mss(tcb, tcb.mss)
    # Probes of a shut window wait longer and longer, but are no timeouts: RFC 6298 does not back off for them.
    rto = rtt.rto if tcb.rtx_kind == RTX_PROBE else current_rto(tcb)
    busy, rwnd_limited, sndbuf_limited = chrono.spans(now)
    current = max(now - chrono.timeout_since, 0) if chrono.timeout_since else 0
    ecn = tcb.ecn if tcb.ecn is not None else Ecn(ECN_NONE)
    options = OPT_TIMESTAMPS * tcb.ts_ok | OPT_SACK * tcb.sack_ok | OPT_WSCALE * tcb.wscale_ok
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
        "snd_mss": mss,
        "rcv_mss": tcb.rcv_mss,
        "unacked": board.packets_out,
        "sacked": board.sacked_out,
        "lost": board.lost_out,
        "retrans": board.retrans_out,
        "fackets": 0,
        "last_data_sent_at": max(tcb.lsnd_at, 0),
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
        "pacing_rate": _pacing_rate(tcb, mss),
        "max_pacing_rate": _rate(tcb.pacer.max_rate),
        "bytes_acked": tcb.bytes_acked,
        "bytes_received": tcb.bytes_received + tcb.rcv_fin,  # the FIN counts as an octet (Linux)
        "segs_out": tcb.segs_out,
        "segs_in": tcb.segs_in,
        "notsent_bytes": max(tcb.unsent(), 0),
        "min_rtt": rtt.min_rtt // US if rtt.min_rtt != NEVER else NO_RTT,
        "data_segs_in": tcb.data_segs_in,
        "data_segs_out": tcb.data_segs_out,
        "delivery_rate": tcb.rate.bandwidth(mss),
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


def _pacing_rate(tcb: Tcb, mss: int) -> int:
    if tcb.pacer.is_on:
        return _rate(tcb.pacer.rate)
    rate = tcb.pacer.window_rate(tcb.cc, tcb.board.packets_out)
    return _rate(rate * mss // tcb.cc.mss if rate < NEVER else rate)


def _rate(octets: int) -> int:
    return octets if octets < NEVER else NO_RATE
