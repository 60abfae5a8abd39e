"""ss's tables, against what iproute2 6.1 printed for the same sockets."""

from __future__ import annotations

from typing import Any

import pytest

from usernet.cli.format import ss


def row(
    state: str, local: str, peer: str, recv_q: int = 0, send_q: int = 0, netid: str = "tcp", **more: Any
) -> dict[str, Any]:
    ends = [(text.rpartition(":")[0], int(text.rpartition(":")[2])) for text in (local, peer)]
    return {
        "netid": netid,
        "state": state,
        "recv_q": recv_q,
        "send_q": send_q,
        "local": ends[0][0],
        "local_port": ends[0][1],
        "peer": ends[1][0],
        "peer_port": ends[1][1],
        **more,
    }


ROWS = [
    row("LISTEN", "0.0.0.0:18081", "0.0.0.0:0", 0, 128),
    row("LISTEN", "127.0.0.1:18080", "0.0.0.0:0", 0, 128),
    row(
        "TIME-WAIT",
        "127.0.0.1:41424",
        "127.0.0.1:18080",
        timer={"name": "timewait", "expires_ms": 50_300, "retrans": 0},
    ),
    row("ESTAB", "127.0.0.1:52072", "127.0.0.1:18080"),
    row("ESTAB", "127.0.0.1:18080", "127.0.0.1:52072"),
]

# width -> what `ss -tan` wrote; None is a pipe
TABLES = {
    None: """\
State     Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN    0      128          0.0.0.0:18081      0.0.0.0:*
LISTEN    0      128        127.0.0.1:18080      0.0.0.0:*
TIME-WAIT 0      0          127.0.0.1:41424    127.0.0.1:18080
ESTAB     0      0          127.0.0.1:52072    127.0.0.1:18080
ESTAB     0      0          127.0.0.1:18080    127.0.0.1:52072
""",
    80: """\
State      Recv-Q  Send-Q   Local Address:Port     Peer Address:Port   Process
LISTEN     0       128            0.0.0.0:18081         0.0.0.0:*
LISTEN     0       128          127.0.0.1:18080         0.0.0.0:*
TIME-WAIT  0       0            127.0.0.1:41424       127.0.0.1:18080
ESTAB      0       0            127.0.0.1:52072       127.0.0.1:18080
ESTAB      0       0            127.0.0.1:18080       127.0.0.1:52072
""",
    100: """\
State        Recv-Q     Send-Q         Local Address:Port          Peer Address:Port     Process
LISTEN       0          128                  0.0.0.0:18081              0.0.0.0:*
LISTEN       0          128                127.0.0.1:18080              0.0.0.0:*
TIME-WAIT    0          0                  127.0.0.1:41424            127.0.0.1:18080
ESTAB        0          0                  127.0.0.1:52072            127.0.0.1:18080
ESTAB        0          0                  127.0.0.1:18080            127.0.0.1:52072
""",
    60: """\
State     Recv-Q Send-Q  Local Address:Port    Peer Address:Port                         Process
LISTEN    0      128           0.0.0.0:18081        0.0.0.0:*
LISTEN    0      128         127.0.0.1:18080        0.0.0.0:*
TIME-WAIT 0      0           127.0.0.1:41424      127.0.0.1:18080
ESTAB     0      0           127.0.0.1:52072      127.0.0.1:18080
ESTAB     0      0           127.0.0.1:18080      127.0.0.1:52072
""",
}


@pytest.mark.parametrize("width", TABLES)
def test_the_columns_of_ss_tan_are_spread_over_the_screen_as_ss_spreads_them(width: int | None) -> None:
    assert ss.render(ROWS, ss.Options(numeric=True, width=width)) == TABLES[width]


def test_two_protocols_bring_the_netid_column() -> None:
    rows = [row("UNCONN", "0.0.0.0:15353", "0.0.0.0:0", netid="udp"), *ROWS[:1]]
    assert ss.render(rows, ss.Options(numeric=True, netid=True)) == (
        "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\n"
        "udp   UNCONN 0      0            0.0.0.0:15353      0.0.0.0:*\n"
        "tcp   LISTEN 0      128          0.0.0.0:18081      0.0.0.0:*\n"
    )


def test_o_and_upper_o_put_the_timer_on_the_same_line() -> None:
    text = ss.render(ROWS[2:4], ss.Options(numeric=True, timer=True, oneline=True, width=100))
    assert text.splitlines()[1:] == [
        "TIME-WAIT  0       0             127.0.0.1:41424        127.0.0.1:18080   timer:(timewait,50sec,0)",
        "ESTAB      0       0             127.0.0.1:52072        127.0.0.1:18080",
    ]


def test_no_header_drops_the_heading_and_its_widths() -> None:
    assert ss.render(ROWS[3:4], ss.Options(numeric=True, header=False)) == "ESTAB 0 0 127.0.0.1:52072 127.0.0.1:18080\n"


def test_known_ports_have_names_without_n() -> None:
    assert "0.0.0.0:http " in ss.render([row("LISTEN", "0.0.0.0:80", "0.0.0.0:0")], ss.Options())


def test_ipv6_addresses_stand_in_brackets() -> None:
    assert "[::1]:80 " in ss.render([row("LISTEN", "::1:80", ":::0")], ss.Options(numeric=True))


def test_p_and_e_name_process_descriptor_and_socket() -> None:
    users = [{"name": "python", "pid": 8929, "fd": 4}]
    text = ss.render(
        [row("ESTAB", "1.1.1.1:1", "2.2.2.2:2", users=users, ino=27509, sk=1)],
        ss.Options(True, processes=True, extended=True),
    )
    assert text.endswith(' users:(("python",pid=8929,fd=4)) ino:27509 sk:1\n')


# struct tcp_info of a connection, and the line ss made of it.
INFO = {
    "state": 1, "ca_name": "cubic", "ts": 1, "sack": 1, "wscale": 1, "snd_wscale": 10, "rcv_wscale": 7, "rto": 204000,
    "rtt": 37, "rttvar": 20, "ato": 40000, "snd_mss": 50176, "pmtu": 65535, "rcv_mss": 536, "advmss": 65483,
    "snd_cwnd": 11, "snd_ssthresh": 0x7FFFFFFF, "bytes_sent": 3000, "bytes_acked": 3001, "segs_out": 3, "segs_in": 2,
    "data_segs_out": 1, "last_data_sent": 140, "last_data_recv": 140, "last_ack_recv": 140,
    "pacing_rate": 22821572822, "delivery_rate": 4181333333, "delivered": 2, "delivery_rate_app_limited": 1,
    "rcv_space": 65495, "rcv_ssthresh": 65495, "min_rtt": 12, "snd_wnd": 100352,
}  # fmt: skip


def test_i_prints_the_tcp_info_line_word_for_word() -> None:
    assert ss.tcp_info(INFO, numeric=True) == (
        " ts sack cubic wscale:10,7 rto:204 rtt:0.037/0.02 ato:40 mss:50176 pmtu:65535 rcvmss:536 advmss:65483 cwnd:11"
        " bytes_sent:3000 bytes_acked:3001 segs_out:3 segs_in:2 data_segs_out:1 send 119337513514bps lastsnd:140"
        " lastrcv:140 lastack:140 pacing_rate 182572582576bps delivery_rate 33450666664bps delivered:2 app_limited"
        " rcv_space:65495 rcv_ssthresh:65495 minrtt:0.012 snd_wnd:100352"
    )


def test_i_shortens_rates_without_n() -> None:
    text = ss.tcp_info(INFO, numeric=False)
    assert "send 119Gbps" in text and "delivery_rate 33.5Gbps" in text


def test_i_tells_of_losses_only_when_there_were_some() -> None:
    assert "retrans" not in ss.tcp_info(INFO, numeric=True)
    lossy = {
        **INFO,
        "snd_ssthresh": 7,
        "retrans": 1,
        "total_retrans": 4,
        "lost": 2,
        "sacked": 3,
        "unacked": 10,
        "backoff": 1,
    }
    text = ss.tcp_info(lossy, numeric=True)
    assert (
        " ssthresh:7 " in text and " unacked:10 retrans:1/4 lost:2 sacked:3 " in text and " rto:204 backoff:1 " in text
    )


def test_i_and_m_stand_on_a_line_of_their_own() -> None:
    skmem = {"r": 0, "rb": 131072, "t": 0, "tb": 16384, "f": 0, "w": 0, "o": 0, "bl": 0, "d": 0}
    text = ss.render([row("LISTEN", "0.0.0.0:80", "0.0.0.0:0", skmem=skmem, info={"ca_name": "cubic", "snd_cwnd": 10})],
                     ss.Options(numeric=True, info=True, memory=True))  # fmt: skip
    assert text.splitlines()[2] == "\t skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0) cubic cwnd:10"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (204, "204ms"),
        (1200, "1.200ms"),
        (59_100, "59sec"),
        (90_000, "1min30sec"),
        (7_200_000, "120min"),
        (5_000, "5sec"),
    ],
)
def test_timers_are_written_as_print_ms_timer_writes_them(milliseconds: int, text: str) -> None:
    assert ss.timer_span(milliseconds) == text


def test_s_sums_up() -> None:
    counts = {"tcp": 5, "udp": 2, "raw": 0, "estab": 2, "closed": 0, "orphaned": 0, "timewait": 1}
    assert ss.summary(counts) == (
        "Total: 7\nTCP:   6 (estab 2, closed 1, orphaned 0, timewait 1)\n\n"
        "Transport Total     IP        IPv6\nRAW\t  0         0         0\nUDP\t  2         2         0\n"
        "TCP\t  5         5         0\nINET\t  7         7         0\nFRAG\t  0         0         0\n\n"
    )
