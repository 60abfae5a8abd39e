"""The scoreboard under random SACKs, losses and retransmissions: its counts equal a recount, its orders hold."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from usernet.core.counters import TcpExtMib
from usernet.tcp.acked import Acked
from usernet.tcp.const import R_LOST, R_RETRANS, R_SACKED
from usernet.tcp.rack import Rack
from usernet.tcp.rate import DeliveryRate
from usernet.tcp.record import make_record
from usernet.tcp.scoreboard import Scoreboard

M = 100
ISN = 0xFFFFFF00
MAX_RECORDS = 16384


def in_order(board):
    record, out = board.order.oldest, []
    while record is not None:
        out.append(record)
        record = record.later
    return out


def check(board, una, nxt):
    records = [board.record(i) for i in range(board.count())]
    for flag, count in ((R_SACKED, board.sacked_out), (R_LOST, board.lost_out), (R_RETRANS, board.retrans_out)):
        assert sum(r.segs for r in records if r.flags & flag) == count
    assert sum(r.segs for r in records) == board.packets_out
    assert sum(r.segs for r in records if r.flags & (R_LOST | R_RETRANS) == R_LOST) == board.to_send
    assert all(a.end == b.start for a, b in itertools.pairwise(records))
    assert not records or (records[0].start, records[-1].end) == (una, nxt)
    listed = in_order(board)
    assert all(a.nth <= b.nth for a, b in itertools.pairwise(listed))
    assert {id(r) for r in listed} == {id(r) for r in records if r.is_out}
    for r in records:
        assert r.is_out == (not r.flags & R_SACKED and r.flags & (R_LOST | R_RETRANS) != R_LOST)
    suspect = board.order.suspect
    assert suspect is None or (suspect.is_out and board.rack.sent_before(suspect))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "sack", "ack", "lose", "count", "again", "timeout", "unmark", "probe"]),
        st.integers(0, 30),
        st.integers(1, 12),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_counts_equal_a_recount_and_the_orders_hold(steps):
    board, acked = Scoreboard(DeliveryRate(), Rack(), TcpExtMib()), Acked()
    una = nxt = ISN
    now = 1
    for what, a, b in steps:
        now += 1000
        acked.begin(nxt, nxt, 500, now)
        if what == "send":
            end = (nxt + b * M) & 0xFFFFFFFF
            board.add(make_record(nxt, end, b, M, now))
            nxt = end
        elif what == "ack":
            octets = min(a * M + b * 7, (nxt - una) & 0xFFFFFFFF)
            una = (una + octets) & 0xFFFFFFFF
            board.acknowledge(una, False, acked)
        elif not board.count():
            continue
        elif what == "sack":
            left, right = una + 1 + a * 60, una + 1 + a * 60 + b * 70
            if right - una <= (nxt - una) & 0xFFFFFFFF:
                board.sack(left & 0xFFFFFFFF, right & 0xFFFFFFFF, acked)
        elif what == "lose":
            board.mark_lost(board.record(a % board.count()))
        elif what == "count":
            board.mark_lost_above(3)
        elif what == "timeout":
            board.mark_late(now - 2500, a % 7 == 0)
        elif what == "unmark":
            board.unmark_lost()
        elif what == "probe":
            last = board.at(board.last())
            if not last.flags & (R_SACKED | R_LOST):
                board.probed(last, now)
        else:
            i = board.next_lost()
            if i >= 0:
                if board.at(i).segs > 1 and a % 2:
                    board.split(i, (board.at(i).start + M) & 0xFFFFFFFF)
                board.retransmitted(board.at(i), now)
        check(board, una, nxt)


def test_a_full_board_counts_the_splits_it_refuses_and_nothing_else():
    ext = TcpExtMib()
    board, acked = Scoreboard(DeliveryRate(), Rack(), ext), Acked()
    for i in range(MAX_RECORDS):
        board.add(make_record(i * 2 * M, (i + 1) * 2 * M, 2, M, i + 1))
    end = MAX_RECORDS * 2 * M
    acked.begin(0, end, 0, MAX_RECORDS + 1)
    board.highest_sacked = 0
    board.sack(end - 2 * M, end, acked)
    assert ext.TCPWqueueTooBig == 0 and board.sacked_out == 2
    board.sack(3 * M, 4 * M, acked)
    assert ext.TCPWqueueTooBig == 1 and board.sacked_out == 2
