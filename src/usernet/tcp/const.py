"""Numbers of the TCP floor. Never compiled: a hot module declares the C type of what it imports.

States are numbered as Linux's tcp_states.h, which is what ``ss`` and ``tcp_info`` print.
"""

from __future__ import annotations

from typing import Final

from ..core.const import MS, SECOND

# Control bits (RFC 9293 3.1).
FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80
AE: Final = 0x100  # RFC 9768 3.1
ACE: Final = AE | CWR | ECE

# Codepoints of the IP header's ECN field (RFC 3168 5), and how a connection gives feedback about them.
NOT_ECT: Final = 0
ECT_1: Final = 1
ECT_0: Final = 2
CE: Final = 3
ECN_NONE: Final = 0
ECN_CLASSIC: Final = 1  # RFC 3168
ECN_ACCURATE: Final = 2  # RFC 9768
ECN_ASKED: Final = 3  # our SYN asks for accurate ECN
# Accurate ECN: r.cep on the wire is three bits, and begins at what no zeroing middlebox can imitate (RFC 9768 3.2.1).
ACE_MASK: Final = 7
FIRST_CEP: Final = 5
# What of its feedback does not get through, in either direction (bits), and the best of the options that came.
FAIL_ACE_SEND: Final = 1
FAIL_ACE_RECEIVE: Final = 2
FAIL_OPTION_SEND: Final = 4
FAIL_OPTION_RECEIVE: Final = 8
OPTION_NONE: Final = 0
OPTION_EMPTY: Final = 1
OPTION_COUNTERS: Final = 2
OPTION_ZEROED: Final = 3

# States (RFC 9293 3.3.2).
ESTABLISHED: Final = 1
SYN_SENT: Final = 2
SYN_RECEIVED: Final = 3
FIN_WAIT_1: Final = 4
FIN_WAIT_2: Final = 5
TIME_WAIT: Final = 6
CLOSED: Final = 7
CLOSE_WAIT: Final = 8
LAST_ACK: Final = 9
LISTEN: Final = 10
CLOSING: Final = 11

# What a demultiplexed endpoint is.
KIND_TCB: Final = 1
KIND_REQUEST: Final = 2
KIND_TIME_WAIT: Final = 3
KIND_FORWARD: Final = 4

# Congestion states, as Linux's enum tcp_ca_state.
CA_OPEN: Final = 0
CA_DISORDER: Final = 1
CA_CWR: Final = 2
CA_RECOVERY: Final = 3
CA_LOSS: Final = 4

# What an acknowledgment did, as Linux's FLAG_* in tcp_input.c.
A_DATA: Final = 0x01  # it carried data
A_WIN_UPDATE: Final = 0x02
A_DATA_ACKED: Final = 0x04
A_RETRANS_ACKED: Final = 0x08
A_DATA_SACKED: Final = 0x20
A_ECE: Final = 0x40  # it told of congestion marks
A_LOST_RETRANS: Final = 0x80
A_ORIG_ACKED: Final = 0x200  # something sent once, before the loss was met, was delivered
A_UNA_ADVANCED: Final = 0x400
A_DSACK: Final = 0x800
A_SET_TIMER: Final = 0x1000
A_RENEGED: Final = 0x2000
A_DSACK_PROBE: Final = 0x20000  # the D-SACK is of a loss probe
A_SEND_LOST: Final = 0x40000  # what is lost may be sent again
A_SEND_NEW: Final = 0x80000  # new data first, to see whether the timeout was spurious
A_NOT_DUP: Final = A_DATA | A_WIN_UPDATE | A_DATA_ACKED
A_CA_ALERT: Final = A_DATA_SACKED | A_DSACK | A_ECE

# Bits of net.ipv4.tcp_recovery: RACK, with a window for reordering that does not adapt, that duplicates do not close.
RACK_ON: Final = 1
RACK_STATIC: Final = 2
RACK_NO_DUPTHRESH: Final = 4
# RFC 8985 6.2 step 4: so many recoveries without a D-SACK, and the window for reordering is small again.
RACK_PERSIST: Final = 16

# Marks of a sent record.
R_SACKED: Final = 1
R_LOST: Final = 2
R_RETRANS: Final = 4  # a retransmission of it is in flight
R_EVER_RETRANS: Final = 8
R_FIN: Final = 16  # its last sequence number is the FIN
R_PUSHED: Final = 32  # a write ended with its last octet: PSH, also when it is sent again
R_TIMED_OUT: Final = 64  # given up because a timer ran out, not because something sent later arrived

# Timers of a TCB, and what the retransmission timer stands for.
T_RETRANSMIT: Final = 1
T_DELACK: Final = 2
T_KEEP: Final = 3
T_REQUEST: Final = 4
T_TIME_WAIT: Final = 5
T_PACE: Final = 6
T_COMPRESS: Final = 7
T_TX_DELAY: Final = 8
RTX_NONE: Final = 0
RTX_RETRANSMIT: Final = 1
RTX_PROBE: Final = 2  # of the window
RTX_REORDER: Final = 3
RTX_TAIL: Final = 4  # a loss probe

# Which halves are shut (shutdown(2)).
RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2

# Pending acknowledgments.
ACK_SCHED: Final = 1  # something awaits an ACK
ACK_NOW: Final = 2  # at the end of this segment's processing
ACK_PUSHED: Final = 4
ACK_PUSHED2: Final = 8
ACK_NOMEM: Final = 16  # text was dropped for want of memory: offer nothing

# Where the peer's urgent octet stands.
URG_NONE: Final = 0
URG_NOT_YET: Final = 1  # the pointer came, its octet did not
URG_VALID: Final = 2
URG_READ: Final = 3
# What MSG_OOB reads at the end of the stream: neither an octet nor an errno.
URG_AT_END: Final = -(1 << 16)

# What a sender waits for; of two the higher counts.
WAIT_NONE: Final = 0
WAIT_BUSY: Final = 1
WAIT_RWND: Final = 2
WAIT_SNDBUF: Final = 3

# Flags of a write, as Linux numbers them, and one of our own: the user's buffer was copied.
MSG_OOB: Final = 0x1
MSG_EOR: Final = 0x80
MSG_MORE: Final = 0x8000
MSG_ZEROCOPY: Final = 0x4000000
SEND_COPIED: Final = 0x40000000

# binding flags
REUSEADDR: Final = 1
REUSEPORT: Final = 2
FREEBIND: Final = 0x200
FORCE_REUSE: Final = 0x400  # Linux's SK_FORCE_REUSE, of TCP_REPAIR: whoever else is bound there

ATO_MIN: Final = 40 * MS
DELACK_MAX: Final = 200 * MS
# What Linux adds to a timer shorter than the RTO, two ticks, lest it expire early.
TIMER_SLACK: Final = 2 * MS
RTO_INITIAL: Final = SECOND
RTO_FALLBACK: Final = 3 * SECOND
# Linux's least timer, two ticks.
TIMEOUT_MIN: Final = 2 * MS
TIME_WAIT_LEN: Final = 60 * SECOND
QUICK_ACKS: Final = 16
INIT_CWND: Final = 10
MAX_CWND: Final = 0x7FFFFFF
# When cwnd may grow: by Linux's rule, or by RFC 7661's two phases.
GROWS_AS_USED: Final = 0
GROWS: Final = 1
GROWS_WHEN_FULL: Final = 2
INFINITE_SSTHRESH: Final = 0x7FFFFFFF
# A timestamp older than this says nothing (RFC 7323 5.5).
PAWS_24DAYS: Final = 24 * 24 * 3600 * SECOND
PAWS_WINDOW: Final = 1
MIN_MSS: Final = 88
DEFAULT_MSS: Final = 536
MAX_WSCALE: Final = 14
MAX_HEADER: Final = 60
# SO_BUF_LOCK's bits.
SNDBUF_LOCK: Final = 1
RCVBUF_LOCK: Final = 2
# What a held out-of-order segment costs beside its text: its packet, headers and place in the list, as compiled.
HELD_OVERHEAD: Final = 512
# What a held packet may have of headers and room before them, and what each buffer coalesced into it costs.
HELD_HEADERS: Final = 192
HELD_BUFFER: Final = 256
# A binding made by connect(): shared by all connections from that port, closed to bind().
CONNECTED: Final = 0x100
# What TIME_WAIT says of a segment.
TW_DONE: Final = 0
TW_NEW_CONNECTION: Final = 1
# SYN cookies: for how many minutes begun one is believed, and how long after the last was given out any is looked at.
COOKIE_AGE: Final = 2
COOKIE_VALID: Final = 120 * SECOND
# The MSS values that most SYNs carry (Linux's tables). Few, because each makes a guess that much likelier to pass.
MSS4: Final = (536, 1300, 1440, 1460)
MSS6: Final = (1220, 1420, 1440, 8940)
# What the low bits of a timestamp say beside a SYN cookie; a shift of 15 is no window scaling.
STAMP_WSCALE: Final = 0x0F
STAMP_SACK: Final = 0x10
STAMP_ECN: Final = 0x20
# net.ipv4.tcp_fastopen.
TFO_CLIENT: Final = 0x1
TFO_SERVER: Final = 0x2
TFO_CLIENT_NO_COOKIE: Final = 0x4  # text in a SYN without a cookie
TFO_SERVER_NO_COOKIE: Final = 0x200  # taken without one
TFO_EVERY_LISTENER: Final = 0x400  # also where TCP_FASTOPEN was not set
# tcpi_fastopen_client_fail: why no text opened a connection.
TFO_COOKIE_UNAVAILABLE: Final = 1
TFO_DATA_NOT_ACKED: Final = 2
TFO_SYN_RETRANSMITTED: Final = 3  # without the text
# Options fit into this much of a header.
MAX_OPTIONS: Final = 40
SYN_ACCECN: Final = 12  # the AccECN option of a SYN,ACK, with its NOP

# IP_MTU_DISCOVER (include/uapi/linux/in.h).
PMTUDISC_DONT: Final = 0
PMTUDISC_WANT: Final = 1
PMTUDISC_DO: Final = 2
PMTUDISC_INTERFACE: Final = 4
PMTUDISC_OMIT: Final = 5
