"""The scoreboard under random SACKs, losses and retransmissions: its counts equal a recount, its orders hold."""

import itertools
import subprocess
import sys

from hypothesis import example, given, settings
from hypothesis import strategies as st

from usernet.core.bytequeue import SendQueue
from usernet.core.counters import TcpExtMib
from usernet.core.packet import new_packet
from usernet.core.seq import seq_lt
from usernet.tcp.acked import Acked
from usernet.tcp.const import R_FIN, R_LOST, R_RETRANS, R_SACKED
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
    assert all(a.nth <= a.turn <= b.turn for a, b in itertools.pairwise([*listed, *listed[-1:]]))
    below = sum(r.segs for r in records if r.flags & R_SACKED and seq_lt(r.start, board.lost_hint))
    assert below == board.sacked_below
    assert {id(r) for r in listed} == {id(r) for r in records if r.is_out}
    for r in records:
        assert r.is_out == (not r.flags & R_SACKED and r.flags & (R_LOST | R_RETRANS) != R_LOST)
    suspects = [r for r in listed if board.rack.sent_before(r)]
    assert suspects == listed[: len(suspects)]
    assert board.order.suspect is (suspects[-1] if suspects else None)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "sack", "ack", "lose", "count", "again", "timeout", "unmark", "probe"]),
        st.integers(0, 30),
        st.integers(1, 12),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(STEPS)
@example([("send", 0, 3), ("ack", 1, 1), ("sack", 0, 1)])  # the rest of a record that was acknowledged in part is split
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
            board.mark_lost(board.record(a % board.count()), now)
        elif what == "count":
            board.mark_lost_above(3, now)
            above = board.sacked_out
            for record in [board.record(i) for i in range(board.count())]:
                if record.flags & R_SACKED:
                    above -= record.segs
                else:
                    assert above < 3 or record.flags & R_LOST
        elif what == "timeout":
            board.mark_late(now - 2500, a % 7 == 0, now)
        elif what == "unmark":
            board.unmark_lost()
        elif what == "probe":
            board.probed(board.at(board.last()), now)
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


def board_of(n):
    """A scoreboard with n records of one segment in flight, sent a nanosecond apart, and what its ACKs fill."""
    board, acked = Scoreboard(DeliveryRate(), Rack(), TcpExtMib()), Acked()
    for i in range(n):
        board.add(make_record(i * M, (i + 1) * M, 1, M, i + 1))
    acked.begin(0, n * M, 500, 10**6)
    return board, acked


def test_a_probe_of_what_arrived_is_no_longer_judged_by_time():
    board, acked = board_of(3)
    board.sack(2 * M, 3 * M, acked)
    board.probed(board.at(board.last()), 10**6)
    assert [r.start for r in in_order(board)] == [0, M]
    board.sack(M, 2 * M, acked)
    assert board.count() == 2 and [r.start for r in in_order(board)] == [0]
    board.acknowledge(3 * M, False, acked)
    assert board.count() == 0 and board.order.oldest is None


def test_a_fin_does_not_make_a_segment_longer_than_the_path_takes():
    board, _ = board_of(0)
    board.add(make_record(0, M, 1, M, 1))
    last = make_record(M, 2 * M + 1, 1, M, 2)
    last.flags = R_FIN
    board.add(last)
    board.mark_longer(M, 0)
    assert board.lost_out == 0
    board.mark_longer(M - 1, 0)
    assert board.lost_out == 2


def test_an_undo_does_not_change_what_was_sent_last():
    board, acked = board_of(4)
    board.mark_lost(board.record(0), 0)
    board.unmark_lost()
    assert [r.start for r in in_order(board)] == [M, 2 * M, 3 * M, 0]
    board.acknowledge(4 * M, False, acked)
    assert acked.newest is not None and acked.newest.start == 3 * M


def test_what_a_timeout_gave_up_stands_where_it_stood_after_an_undo():
    board, acked = board_of(6)
    board.mark_late(5, False, 0)
    board.retransmitted(board.record(0), 100)
    board.probed(board.record(4), 101)
    assert [r.start for r in in_order(board)] == [5 * M, 0, 4 * M]
    board.sack(3 * M, 4 * M, acked)
    board.unmark_lost()
    assert [r.start for r in in_order(board)] == [M, 2 * M, 5 * M, 0, 4 * M]
    assert board.order.suspect is not None and board.order.suspect.start == 2 * M


def test_what_a_timeout_gave_up_and_rack_again_has_time_after_an_undo():
    board, _ = board_of(3)
    board.mark_late(3, False, 0)
    board.retransmitted(board.record(0), 100)
    board.mark_lost(board.record(0), 200)
    board.unmark_lost()
    assert [r.start for r in in_order(board)] == [M, 2 * M, 0]


def test_what_an_undo_gave_time_is_judged_after_all_that_was_out():
    board, acked = board_of(4)
    board.mark_lost(board.record(0), 0)
    board.unmark_lost()
    board.add(make_record(4 * M, 5 * M, 1, M, 100))
    board.sack(4 * M, 5 * M, acked)  # sent after the undo, and ahead of all others
    assert board.order.suspect is not None and board.order.suspect.start == 0
    assert [r.start for r in in_order(board)] == [M, 2 * M, 3 * M, 0]


def test_one_block_over_many_records_makes_one_of_them():
    board, acked = board_of(1000)
    board.sack(10 * M, 990 * M, acked)
    assert board.count() == 21 and board.sacked_out == 980 and board.record(10).segs == 980
    board.sack(5 * M, 995 * M, acked)
    assert board.count() == 11 and board.record(5).segs == 990
    board.sack(0, 5 * M, acked)
    assert board.count() == 6 and board.record(0).end == 995 * M


def sent(board, queue, start, segs, size):
    """Octets of the queue leave as one record."""
    packet = new_packet(64)
    queue.gather(packet, start, segs * size)
    record = make_record(start, start + segs * size, segs, size, start + 1)
    record.chunk = queue.found()
    board.add(record)
    return record


def test_octets_are_let_go_of_when_they_are_acknowledged():
    board, acked = board_of(0)
    queue = SendQueue()
    pieces = [bytes([i]) * 600 for i in range(8)]
    unqueued = [sys.getrefcount(piece) for piece in pieces]
    for piece in pieces:
        queue.append(piece)
    del piece
    for start in range(0, 4800, 1200):
        record = sent(board, queue, start, 2, 600)
    acked.begin(0, 4800, 500, 10**6)
    for una, held in ((1200, 6), (2400, 4), (3000, 3)):
        queue.release(una)
        board.acknowledge(una, False, acked)
        assert [sys.getrefcount(piece) for piece in pieces] == unqueued[:-held] + [n + 1 for n in unqueued[-held:]]
    assert record.chunk is not None
    record = board.record(0)
    packet = new_packet(64)
    before = queue.look_at(record.chunk)
    queue.gather(packet, record.start, 600)
    queue.look_at(before)
    assert bytes(packet.frags[0].base) == pieces[5]


LONG = """if True:
    import threading
    from usernet.core.bytequeue import SendQueue
    from usernet.core.counters import TcpExtMib
    from usernet.core.packet import new_packet
    from usernet.tcp.acked import Acked
    from usernet.tcp.rack import Rack
    from usernet.tcp.rate import DeliveryRate
    from usernet.tcp.record import make_record
    from usernet.tcp.scoreboard import Scoreboard
    N, SIZE = 100_000, 600
    board, queue, acked = Scoreboard(DeliveryRate(), Rack(), TcpExtMib()), SendQueue(), Acked()
    octets = bytes(SIZE)
    for _ in range(N):
        queue.append(octets)
    for start, segs in ((0, 1), (SIZE, N - 2), ((N - 1) * SIZE, 1)):
        packet = new_packet(64)
        queue.gather(packet, start, SIZE)
        record = make_record(start, start + segs * SIZE, segs, SIZE, start + 1)
        record.chunk = queue.found()
        board.add(record)
    del record, packet
    acked.begin(0, N * SIZE, 500, 10**9)
    def arrive():
        for una in (SIZE, 2 * SIZE, (N - 2) * SIZE, (N - 1) * SIZE, N * SIZE):
            queue.release(una)
            board.acknowledge(una, False, acked)
    threading.stack_size(1 << 18)
    thread = threading.Thread(target=arrive)
    thread.start()
    thread.join()
    print(board.count(), len(queue))
"""


def test_a_long_queue_is_freed_node_by_node_however_it_is_acknowledged():
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "0 0\n"), done.stderr
