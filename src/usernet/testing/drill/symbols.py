"""Names in scripts and Linux's numbers for them (asm-generic, include/uapi/linux)."""

from __future__ import annotations

import errno
from typing import Final

from .errors import Unsupported, nearest
from .script import Call, Either, Expression, More, Struct, Word

SYMBOLS: Final[dict[str, int]] = {
    "NULL": 0,
    # socket(2)
    "AF_UNSPEC": 0, "AF_INET": 2, "AF_INET6": 10, "PF_INET": 2, "PF_INET6": 10,
    "SOCK_STREAM": 1, "SOCK_DGRAM": 2, "SOCK_RAW": 3, "SOCK_NONBLOCK": 0o4000, "SOCK_CLOEXEC": 0o2000000,
    "IPPROTO_IP": 0, "IPPROTO_ICMP": 1, "IPPROTO_TCP": 6, "IPPROTO_UDP": 17, "IPPROTO_IPV6": 41, "IPPROTO_ICMPV6": 58,
    "IPPROTO_MPTCP": 262,
    "SOL_SOCKET": 1, "SOL_IP": 0, "SOL_TCP": 6, "SOL_UDP": 17, "SOL_IPV6": 41, "INADDR_ANY": 0,
    "SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2, "SOMAXCONN": 4096,
    # SOL_SOCKET
    "SO_DEBUG": 1, "SO_REUSEADDR": 2, "SO_TYPE": 3, "SO_ERROR": 4, "SO_DONTROUTE": 5, "SO_BROADCAST": 6, "SO_SNDBUF": 7,
    "SO_RCVBUF": 8, "SO_KEEPALIVE": 9, "SO_OOBINLINE": 10, "SO_NO_CHECK": 11, "SO_PRIORITY": 12, "SO_LINGER": 13,
    "SO_BSDCOMPAT": 14, "SO_REUSEPORT": 15, "SO_RCVLOWAT": 18, "SO_SNDLOWAT": 19, "SO_RCVTIMEO": 20, "SO_SNDTIMEO": 21,
    "SO_BINDTODEVICE": 25, "SO_TIMESTAMP": 29, "SO_ACCEPTCONN": 30, "SO_SNDBUFFORCE": 32, "SO_RCVBUFFORCE": 33,
    "SO_TIMESTAMPNS": 35, "SO_MARK": 36, "SO_TIMESTAMPING": 37, "SO_PROTOCOL": 38, "SO_DOMAIN": 39, "SO_RXQ_OVFL": 40,
    "SO_PEEK_OFF": 42, "SO_BUSY_POLL": 46, "SO_MAX_PACING_RATE": 47, "SO_INCOMING_CPU": 49, "SO_MEMINFO": 55,
    "SO_COOKIE": 57, "SO_ZEROCOPY": 60, "SO_TXTIME": 61, "SO_NETNS_COOKIE": 71, "SO_BUF_LOCK": 72, "SO_TXREHASH": 74,
    "SCM_TIMESTAMP": 29, "SCM_TIMESTAMPNS": 35, "SCM_TIMESTAMPING": 37, "SCM_TIMESTAMPING_OPT_STATS": 54,
    # SOL_IP, SOL_IPV6
    "IP_TOS": 1, "IP_TTL": 2, "IP_OPTIONS": 4, "IP_RECVOPTS": 6, "IP_PKTINFO": 8, "IP_MTU_DISCOVER": 10,
    "IP_RECVERR": 11, "IP_RECVTTL": 12, "IP_RECVTOS": 13, "IP_MTU": 14, "IP_FREEBIND": 15, "IP_TRANSPARENT": 19,
    "IP_MINTTL": 21, "IP_BIND_ADDRESS_NO_PORT": 24, "IP_LOCAL_PORT_RANGE": 51,
    "IP_PMTUDISC_DONT": 0, "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2, "IP_PMTUDISC_PROBE": 3,
    "IP_PMTUDISC_INTERFACE": 4, "IP_PMTUDISC_OMIT": 5,
    "IPV6_MTU_DISCOVER": 23, "IPV6_MTU": 24, "IPV6_RECVERR": 25, "IPV6_V6ONLY": 26, "IPV6_TCLASS": 67,
    # SOL_TCP
    "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6,
    "TCP_SYNCNT": 7, "TCP_LINGER2": 8, "TCP_DEFER_ACCEPT": 9, "TCP_WINDOW_CLAMP": 10, "TCP_INFO": 11,
    "TCP_QUICKACK": 12, "TCP_CONGESTION": 13, "TCP_MD5SIG": 14, "TCP_THIN_LINEAR_TIMEOUTS": 16, "TCP_THIN_DUPACK": 17,
    "TCP_USER_TIMEOUT": 18, "TCP_REPAIR": 19, "TCP_REPAIR_QUEUE": 20, "TCP_QUEUE_SEQ": 21, "TCP_REPAIR_OPTIONS": 22,
    "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24, "TCP_NOTSENT_LOWAT": 25, "TCP_CC_INFO": 26, "TCP_SAVE_SYN": 27,
    "TCP_SAVED_SYN": 28, "TCP_REPAIR_WINDOW": 29, "TCP_FASTOPEN_CONNECT": 30, "TCP_ULP": 31, "TCP_MD5SIG_EXT": 32,
    "TCP_FASTOPEN_KEY": 33, "TCP_FASTOPEN_NO_COOKIE": 34, "TCP_ZEROCOPY_RECEIVE": 35, "TCP_INQ": 36, "TCP_CM_INQ": 36,
    "TCP_TX_DELAY": 37, "TCP_AO_ADD_KEY": 38, "TCP_AO_DEL_KEY": 39, "TCP_AO_INFO": 40, "TCP_AO_GET_KEYS": 41,
    "TCP_IS_MPTCP": 43, "TCP_RTO_MAX_MS": 44, "TCP_RTO_MIN_US": 45, "TCP_DELACK_MAX_US": 46,
    # send(2), recv(2)
    "MSG_OOB": 0x1, "MSG_PEEK": 0x2, "MSG_DONTROUTE": 0x4, "MSG_CTRUNC": 0x8, "MSG_TRUNC": 0x20, "MSG_DONTWAIT": 0x40,
    "MSG_EOR": 0x80, "MSG_WAITALL": 0x100, "MSG_CONFIRM": 0x800, "MSG_ERRQUEUE": 0x2000, "MSG_NOSIGNAL": 0x4000,
    "MSG_MORE": 0x8000, "MSG_ZEROCOPY": 0x4000000, "MSG_FASTOPEN": 0x20000000, "MSG_CMSG_CLOEXEC": 0x40000000,
    # Error queue, timestamps
    "SO_EE_ORIGIN_NONE": 0, "SO_EE_ORIGIN_LOCAL": 1, "SO_EE_ORIGIN_ICMP": 2, "SO_EE_ORIGIN_ICMP6": 3,
    "SO_EE_ORIGIN_TXSTATUS": 4, "SO_EE_ORIGIN_TIMESTAMPING": 4, "SO_EE_ORIGIN_ZEROCOPY": 5, "SO_EE_ORIGIN_TXTIME": 6,
    "SO_EE_CODE_ZEROCOPY_COPIED": 1,
    "SCM_TSTAMP_SND": 0, "SCM_TSTAMP_SCHED": 1, "SCM_TSTAMP_ACK": 2,
    "SOF_TIMESTAMPING_TX_HARDWARE": 1, "SOF_TIMESTAMPING_TX_SOFTWARE": 2, "SOF_TIMESTAMPING_RX_HARDWARE": 4,
    "SOF_TIMESTAMPING_RX_SOFTWARE": 8, "SOF_TIMESTAMPING_SOFTWARE": 16, "SOF_TIMESTAMPING_SYS_HARDWARE": 32,
    "SOF_TIMESTAMPING_RAW_HARDWARE": 64, "SOF_TIMESTAMPING_OPT_ID": 128, "SOF_TIMESTAMPING_TX_SCHED": 256,
    "SOF_TIMESTAMPING_TX_ACK": 512, "SOF_TIMESTAMPING_OPT_CMSG": 1024, "SOF_TIMESTAMPING_OPT_TSONLY": 2048,
    "SOF_TIMESTAMPING_OPT_STATS": 4096, "SOF_TIMESTAMPING_OPT_PKTINFO": 8192, "SOF_TIMESTAMPING_OPT_TX_SWHW": 16384,
    "SOF_TIMESTAMPING_BIND_PHC": 32768, "SOF_TIMESTAMPING_OPT_ID_TCP": 65536,
    "TCP_NLA_PAD": 0, "TCP_NLA_BUSY": 1, "TCP_NLA_RWND_LIMITED": 2, "TCP_NLA_SNDBUF_LIMITED": 3,
    "TCP_NLA_DATA_SEGS_OUT": 4, "TCP_NLA_TOTAL_RETRANS": 5, "TCP_NLA_PACING_RATE": 6, "TCP_NLA_DELIVERY_RATE": 7,
    "TCP_NLA_SND_CWND": 8, "TCP_NLA_REORDERING": 9, "TCP_NLA_MIN_RTT": 10, "TCP_NLA_RECUR_RETRANS": 11,
    "TCP_NLA_DELIVERY_RATE_APP_LMT": 12, "TCP_NLA_SNDQ_SIZE": 13, "TCP_NLA_CA_STATE": 14, "TCP_NLA_SND_SSTHRESH": 15,
    "TCP_NLA_DELIVERED": 16, "TCP_NLA_DELIVERED_CE": 17, "TCP_NLA_BYTES_SENT": 18, "TCP_NLA_BYTES_RETRANS": 19,
    "TCP_NLA_DSACK_DUPS": 20, "TCP_NLA_REORD_SEEN": 21, "TCP_NLA_SRTT": 22, "TCP_NLA_TIMEOUT_REHASH": 23,
    "TCP_NLA_BYTES_NOTSENT": 24, "TCP_NLA_EDT": 25, "TCP_NLA_TTL": 26, "TCP_NLA_REHASH": 27,
    # poll(2), epoll(7)
    "POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 0x10, "POLLNVAL": 0x20, "POLLRDNORM": 0x40,
    "POLLRDBAND": 0x80, "POLLWRNORM": 0x100, "POLLWRBAND": 0x200, "POLLMSG": 0x400, "POLLRDHUP": 0x2000,
    "EPOLLIN": 1, "EPOLLPRI": 2, "EPOLLOUT": 4, "EPOLLERR": 8, "EPOLLHUP": 0x10, "EPOLLRDNORM": 0x40,
    "EPOLLRDBAND": 0x80, "EPOLLWRNORM": 0x100, "EPOLLWRBAND": 0x200, "EPOLLMSG": 0x400, "EPOLLRDHUP": 0x2000,
    "EPOLLONESHOT": 1 << 30, "EPOLLET": 1 << 31, "EPOLLEXCLUSIVE": 1 << 28,
    "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3,
    # fcntl(2), ioctl(2), open(2), splice(2)
    "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_SETFL": 4, "FD_CLOEXEC": 1,
    "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_CREAT": 0o100, "O_TRUNC": 0o1000, "O_NONBLOCK": 0o4000,
    "FIONREAD": 0x541B, "SIOCINQ": 0x541B, "SIOCOUTQ": 0x5411, "TIOCOUTQ": 0x5411, "SIOCOUTQNSD": 0x894B,
    "SIOCATMARK": 0x8905, "SPLICE_F_MOVE": 1, "SPLICE_F_NONBLOCK": 2, "SPLICE_F_MORE": 4, "SPLICE_F_GIFT": 8,
    "F_DUPFD": 0, "F_GETLK": 5, "F_SETLK": 6, "F_SETLKW": 7, "F_SETOWN": 8, "F_GETOWN": 9, "F_DUPFD_CLOEXEC": 1030,
    "O_ACCMODE": 3, "O_EXCL": 0o200, "O_NOCTTY": 0o400, "O_APPEND": 0o2000, "SEEK_SET": 0, "SEEK_CUR": 1, "SEEK_END": 2,
    "TCP_CA_OPEN": 0, "TCP_CA_DISORDER": 1, "TCP_CA_CWR": 2, "TCP_CA_RECOVERY": 3, "TCP_CA_LOSS": 4,
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF, "IPV6_HOPLIMIT": 52,
    # Capabilities
    "CAP_EFFECTIVE": 0, "CAP_PERMITTED": 1, "CAP_INHERITABLE": 2, "CAP_CLEAR": 0, "CAP_SET": 1,
    "CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13,
}  # fmt: skip

TCP_STATES: Final = {
    "TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4, "TCP_FIN_WAIT2": 5,
    "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8, "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11,
}  # fmt: skip


def errno_of(name: str) -> int:
    """The number of an errno, 0 for "". Raises Unsupported for a name that is none."""
    number = getattr(errno, name, None) if name else 0
    if not isinstance(number, int):
        raise Unsupported(f"no errno is called {name}" + nearest(name, errno.errorcode.values()))
    return number


def value_of(expression: Expression) -> Expression:
    """The expression with every name in it looked up. Raises Unsupported for a name nobody knows."""
    if isinstance(expression, Word):
        return _look_up(expression)
    if isinstance(expression, Either):
        total = 0
        for part in expression.parts:
            number = value_of(part)
            if not isinstance(number, int):
                raise Unsupported("only numbers are joined by |")
            total |= number
        return total
    if isinstance(expression, Call):
        return _call(expression)
    if isinstance(expression, Struct):
        return Struct(tuple((name, value_of(value)) for name, value in expression.fields))
    if isinstance(expression, list):
        return [value_of(item) for item in expression]
    return expression


def _look_up(word: Word) -> int:
    number = SYMBOLS.get(word, TCP_STATES.get(word))
    if number is None:
        number = getattr(errno, word, None)
    if not isinstance(number, int):
        known = {**SYMBOLS, **TCP_STATES}
        raise Unsupported(f"no constant is called {word}" + nearest(word, known))
    return number


def _call(call: Call) -> Expression:
    given = [value_of(argument) for argument in call.arguments]
    if len(given) == 1 and call.name in ("htons", "htonl", "inet_addr", "inet6_addr"):
        # Structures here hold numbers and text as they are said, not as they lie in memory.
        return given[0]
    raise Unsupported(f"{call.name}() is not known in expressions")


def names_of(mask: int, prefix: str) -> str:
    """Flags by the names that begin so, for a message."""
    named = {name: bit for name, bit in SYMBOLS.items() if name.startswith(prefix) and "_" not in name[len(prefix) :]}
    return "|".join(name for name, bit in named.items() if mask & bit) or "0"


def is_open(expression: Expression) -> bool:
    """True for ``...``."""
    return isinstance(expression, More)
