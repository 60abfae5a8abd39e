"""The eleven states and every transition between them, as data (RFC 9293 3.3.2, figure 5).

An event happens to a connection in a state; the table names the state it is in afterwards. What the event makes the
connection *do* (send a SYN, queue octets, start a timer) is said where the event is met: segment_arrives.py,
user_calls.py, timeouts.py. The table knows nothing of that, so the diagram in the documentation is drawn from it.

Three states have no TCB here. LISTEN is a Listener (listen.py). SYN_RECEIVED after a passive open is a Request, a few
dozen octets, so that a flood of SYNs costs little; it becomes a TCB in ESTABLISHED. SYN_RECEIVED with a TCB is met
in a simultaneous open and for a forwarded connection. TIME_WAIT is a TimeWait entry (table.py).

Two departures from the figure, both in RFC 9293's text. A FIN that carries the ACK of our FIN takes FIN_WAIT_1 through
FIN_WAIT_2 to TIME_WAIT in one segment: two events, the ACK first. And a RST in SYN_RECEIVED after a passive
open returns to LISTEN: the Request goes, the Listener was there all along, so for the connection it is CLOSED.

An (state, event) pair that is not in the table is not meaningful, and :func:`after` raises for it: that is a bug of
ours, never of a peer, because segment_arrives.py filters what cannot happen before it asks. Pairs where nothing
changes are listed all the same.
"""

from __future__ import annotations

from typing import Final

from .const import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
)  # fmt: skip

PASSIVE_OPEN: Final = 1
ACTIVE_OPEN: Final = 2
RCV_SYN: Final = 3
RCV_SYN_ACK: Final = 4  # a SYN that acknowledges ours
RCV_ACK_OF_SYN: Final = 5
CLOSE: Final = 6
RCV_FIN: Final = 7
RCV_ACK_OF_FIN: Final = 8
RCV_RST: Final = 9
ABORT: Final = 10
TIMEOUT: Final = 11  # user timeout, retransmissions used up, 2 MSL in TIME_WAIT

NAMES: Final = {
    ESTABLISHED: "ESTABLISHED",
    SYN_SENT: "SYN_SENT",
    SYN_RECEIVED: "SYN_RECEIVED",
    FIN_WAIT_1: "FIN_WAIT_1",
    FIN_WAIT_2: "FIN_WAIT_2",
    TIME_WAIT: "TIME_WAIT",
    CLOSED: "CLOSED",
    CLOSE_WAIT: "CLOSE_WAIT",
    LAST_ACK: "LAST_ACK",
    LISTEN: "LISTEN",
    CLOSING: "CLOSING",
}
EVENTS: Final = {
    PASSIVE_OPEN: "passive OPEN",
    ACTIVE_OPEN: "active OPEN",
    RCV_SYN: "rcv SYN",
    RCV_SYN_ACK: "rcv SYN,ACK",
    RCV_ACK_OF_SYN: "rcv ACK of SYN",
    CLOSE: "CLOSE",
    RCV_FIN: "rcv FIN",
    RCV_ACK_OF_FIN: "rcv ACK of FIN",
    RCV_RST: "rcv RST",
    ABORT: "ABORT",
    TIMEOUT: "timeout",
}

TRANSITIONS: Final = {
    (CLOSED, PASSIVE_OPEN): LISTEN,
    (CLOSED, ACTIVE_OPEN): SYN_SENT,
    (LISTEN, RCV_SYN): SYN_RECEIVED,
    (LISTEN, CLOSE): CLOSED,
    (SYN_SENT, RCV_SYN): SYN_RECEIVED,  # simultaneous open
    (SYN_SENT, RCV_SYN_ACK): ESTABLISHED,
    (SYN_SENT, CLOSE): CLOSED,
    (SYN_RECEIVED, RCV_ACK_OF_SYN): ESTABLISHED,
    (SYN_RECEIVED, CLOSE): FIN_WAIT_1,
    (ESTABLISHED, CLOSE): FIN_WAIT_1,
    (ESTABLISHED, RCV_FIN): CLOSE_WAIT,
    (CLOSE_WAIT, CLOSE): LAST_ACK,
    (FIN_WAIT_1, RCV_ACK_OF_FIN): FIN_WAIT_2,
    (FIN_WAIT_1, RCV_FIN): CLOSING,  # simultaneous close
    (FIN_WAIT_2, RCV_FIN): TIME_WAIT,
    (CLOSING, RCV_ACK_OF_FIN): TIME_WAIT,
    (LAST_ACK, RCV_ACK_OF_FIN): CLOSED,
    # Nothing changes.
    (FIN_WAIT_1, CLOSE): FIN_WAIT_1,
    (FIN_WAIT_2, CLOSE): FIN_WAIT_2,
    (CLOSING, CLOSE): CLOSING,
    (LAST_ACK, CLOSE): LAST_ACK,
    (TIME_WAIT, CLOSE): TIME_WAIT,
    (CLOSED, CLOSE): CLOSED,
    (CLOSE_WAIT, RCV_FIN): CLOSE_WAIT,
    (CLOSING, RCV_FIN): CLOSING,
    (LAST_ACK, RCV_FIN): LAST_ACK,
    (TIME_WAIT, RCV_FIN): TIME_WAIT,
    # The end, from anywhere.
    **{(state, event): CLOSED for state in NAMES for event in (RCV_RST, ABORT, TIMEOUT)},
}


def after(state: int, event: int) -> int:
    """The state an event leads to. Raises KeyError for a pair that has no meaning."""
    return TRANSITIONS[state, event]
