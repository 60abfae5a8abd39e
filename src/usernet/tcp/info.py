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
OPT_ECN = 8
OPT_ECN_SEEN = 16
OPT_SYN_DATA = 32
OPT_TFO_CHILD = 128
NO_RTT = 0xFFFFFFFF
NO_RATE = 0xFFFFFFFFFFFFFFFF


def tcp_info(tcb: Tcb, now: int) -> dict[str, int | str]:
    """Every field whose subject exists here; ``congestion`` is the algorithm's name."""
    found = _synchronized(tcb, now)
    if tcb.state == SYN_SENT:
        found.update(_of_syn(tcb))
        found.update(snd_mss=mss_of(tcb, tcb.path.mtu), options=OPT_ECN * (tcb.ecn is not None), rcv_wscale=0)
    elif tcb.state == SYN_RECEIVED and not (tcb.fastopen is not None and tcb.fastopen.is_child):
        found.update(_of_syn(tcb))
    elif tcb.is_unproved():
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
    return {
        "state": tcb.state,
        "congestion": tcb.cc.name,
        **_agreed(tcb),
        **_of_windows(tcb),
        **_of_recovery(tcb),
        **_of_rates(tcb),
        **_of_instants(tcb, now),
        **_counted(tcb),
        **_of_ecn(tcb.ecn if tcb.ecn is not None else Ecn(ECN_NONE)),
    }


def _agreed(tcb: Tcb) -> dict[str, int]:
    # What was agreed upon, and what a segment holds.
    fast = tcb.fastopen
    return {
        "options": _options(tcb),
        "snd_wscale": tcb.snd_wscale,
        "rcv_wscale": tcb.rcv_wscale,
        "fastopen_client_fail": fast.client_fail if fast is not None else 0,
        "snd_mss": bounded_mss(tcb, tcb.mss),
        "rcv_mss": tcb.rcv_mss,
        "advmss": tcb.advmss,
        "pmtu": tcb.path.mtu,
        "rehash": 0,  # no path here depends on the flow's hash
    }


def _options(tcb: Tcb) -> int:
    options = OPT_TIMESTAMPS * tcb.ts_ok | OPT_SACK * tcb.sack_ok | OPT_WSCALE * tcb.wscale_ok
    if tcb.fastopen is not None:
        options |= OPT_SYN_DATA * tcb.fastopen.syn_data_acked | OPT_TFO_CHILD * tcb.fastopen.is_child
    if tcb.ecn is not None:
        options |= OPT_ECN * bool(tcb.ecn.mode) | OPT_ECN_SEEN * tcb.ecn.seen
    return options


def _of_windows(tcb: Tcb) -> dict[str, int]:
    return {
        "snd_wnd": tcb.snd_wnd,
        "rcv_wnd": tcb.rcv_wnd,
        "rcv_ssthresh": tcb.space.ssthresh,
        "rcv_rtt": tcb.space.rtt // US,
        "rcv_space": tcb.space.target,
        "notsent_bytes": max(tcb.unsent(), 0) + (tcb.fin_queued and not tcb.fin_sent),
        "probes": tcb.probes_out,
        "probing": int(tcb.rtx_kind == RTX_PROBE),
        "ato": tcb.ato // US,
    }


def _of_recovery(tcb: Tcb) -> dict[str, int]:
    board, rtt, cc = tcb.board, tcb.rtt, tcb.cc
    # Probes of a shut window wait longer and longer, but are no timeouts: RFC 6298 does not back off for them.
    rto = rtt.rto if tcb.rtx_kind == RTX_PROBE else current_rto(tcb)
    return {
        "ca_state": tcb.ca_state,
        "retransmits": tcb.retransmits,
        "backoff": tcb.backoff,
        "rto": rto // US,
        "unacked": board.packets_out,
        "sacked": board.sacked_out,
        "lost": board.lost_out,
        "retrans": board.retrans_out,
        "fackets": 0,
        "rtt": rtt.srtt // US,
        "rttvar": rtt.mdev // US,  # Linux too reports the mean deviation, not rttvar with its floor
        "min_rtt": rtt.min_rtt // US if rtt.min_rtt != NEVER else NO_RTT,
        "snd_ssthresh": cc.ssthresh,
        "snd_cwnd": cc.cwnd,
        "reordering": tcb.reordering,
        "reord_seen": tcb.rack.reord_seen,
    }


def _of_rates(tcb: Tcb) -> dict[str, int]:
    mss = bounded_mss(tcb, tcb.mss)
    return {
        "pacing_rate": _pacing_rate(tcb, mss),
        "max_pacing_rate": _rate(tcb.pacer.max_rate),
        "delivery_rate": tcb.rate.bandwidth(mss),
        "delivery_rate_app_limited": int(tcb.rate.latest_app_limited),
    }


def _of_instants(tcb: Tcb, now: int) -> dict[str, int]:
    chrono = tcb.chrono
    busy, rwnd_limited, sndbuf_limited = chrono.spans(now)
    current = max(now - chrono.timeout_since, 0) if chrono.timeout_since else 0
    return {
        "last_data_sent_at": max(tcb.lsnd_at, 0),
        "last_data_recv_at": tcb.lrcv_at,
        "last_ack_recv_at": tcb.rcv_at,
        "busy_time": busy // US,
        "rwnd_limited": rwnd_limited // US,
        "sndbuf_limited": sndbuf_limited // US,
        "total_rto": chrono.timeouts,
        "total_rto_recoveries": chrono.timeout_recoveries,
        "total_rto_time": (chrono.timeout_span + current) // MS,
    }


def _counted(tcb: Tcb) -> dict[str, int]:
    # Ever.
    return {
        "bytes_acked": tcb.bytes_acked,
        "bytes_received": tcb.bytes_received + tcb.rcv_fin,  # the FIN counts as an octet (Linux)
        "bytes_sent": tcb.bytes_sent,
        "bytes_retrans": tcb.bytes_retrans,
        "segs_out": tcb.segs_out,
        "segs_in": tcb.segs_in,
        "data_segs_out": tcb.data_segs_out,
        "data_segs_in": tcb.data_segs_in,
        "delivered": tcb.rate.delivered,
        "delivered_ce": tcb.rate.delivered_ce,
        "total_retrans": tcb.total_retrans,
        "dsack_dups": tcb.dsack_dups,
        "rcv_ooopack": tcb.rcv_ooopack,
    }


def _of_ecn(ecn: Ecn) -> dict[str, int]:
    return {
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
    }


def _pacing_rate(tcb: Tcb, mss: int) -> int:
    if tcb.pacer.is_on:
        return _rate(tcb.pacer.rate)
    rate = tcb.pacer.window_rate(tcb.cc, tcb.board.packets_out)
    return _rate(rate * mss // tcb.cc.mss if rate < NEVER else rate)


def _rate(octets: int) -> int:
    return octets if octets < NEVER else NO_RATE
