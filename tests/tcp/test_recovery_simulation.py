"""Recovery over whole transfers in virtual time: goodput where losing and reordering paths used to stall."""

import pytest
from test_simulation import pattern, transfer

from usernet.core.const import SECOND
from usernet.testing.wire import Pair


def goodput(octets, **path):
    pair = Pair(**path)
    start = pair.now
    took, (client, _) = transfer(pair, pattern(octets), b"")
    return octets * 8e-6 * SECOND / (took - start), client, pair.contexts[b"\x0a\0\0\1"].counters.tcp_ext


@pytest.mark.parametrize("seed", [b"a", b"b", b"c"])
def test_ten_in_a_hundred_lost_is_repaired_without_waiting_for_the_timer(seed):
    mbit, _, ext = goodput(600_000, seed=seed, loss=0.1, delay_ms=10)
    assert mbit > 0.7 and ext.TCPTimeouts < 15 and ext.TCPSackRecovery > 5


def test_a_path_that_reorders_is_filled_without_thousands_of_retransmissions():
    mbit, client, ext = goodput(3_000_000, seed=b"r", reorder=0.01, delay_ms=10)
    assert client["reord_seen"] > 0 and ext.TCPTimeouts == 0
    assert client["total_retrans"] < 100 and mbit > 20
