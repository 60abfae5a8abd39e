"""Any sequence of writes, flags and reads over a bad wire: every octet once, in order, and every mark kept."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_simulation import connect, pattern

from usernet.core.const import SECOND
from usernet.tcp.const import MSG_EOR, MSG_MORE, MSG_OOB, MSG_ZEROCOPY, SEND_COPIED
from usernet.tcp.marks import OPT_ID, OPT_TSONLY, TX_ACK, TX_SCHED, TX_SOFTWARE
from usernet.tcp.settings import Settings
from usernet.testing.wire import Pair

FLAGS = (0, MSG_MORE, MSG_EOR, MSG_ZEROCOPY, MSG_ZEROCOPY | SEND_COPIED, MSG_MORE | MSG_ZEROCOPY, MSG_OOB)


@given(
    st.lists(st.tuples(st.sampled_from(FLAGS), st.integers(1, 30_000)), min_size=1, max_size=25),
    st.sampled_from((0, 0.02, 0.1)),
    st.sampled_from((0, 6_000, 40_000)),
    st.sampled_from((0, 4_000)),
    st.booleans(),
    st.binary(min_size=4, max_size=4),
)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_what_is_written_arrives_with_its_marks(writes, loss, rcvbuf, lowat, stamps, seed):
    pair = Pair(seed=seed, loss=loss, reorder=loss / 2)
    ours, theirs = Settings(), Settings()
    theirs.oobinline = True
    theirs.rcvbuf = rcvbuf
    ours.notsent_lowat = lowat
    client, server, _listener, _ = connect(pair, client_settings=ours, server_settings=theirs)
    if stamps:
        client.settings.timestamping = TX_SCHED | TX_SOFTWARE | TX_ACK | OPT_ID | OPT_TSONLY
    data = pattern(sum(size for _, size in writes))
    written, got, zerocopies = 0, bytearray(), 0
    end = pair.now + 3600 * SECOND
    queue = list(writes)
    completed, acked = [], []

    def read_errors():
        while client.errors is not None and (report := client.errors.take()) is not None:
            if report.origin == 5:
                completed.extend(range(report.info, report.data + 1))
            elif report.info == 2:
                acked.append(report.data)

    while len(got) < len(data):
        read_errors()
        while queue:
            flags, size = queue[0]
            taken = client.send(data[written : written + size], pair.now, flags)
            assert taken >= 0
            if taken == 0:
                break
            zerocopies += flags & MSG_ZEROCOPY != 0
            written += taken
            if taken < size:
                queue[0] = (flags, size - taken)
            else:
                queue.pop(0)
        while (octets := server.recv(7_000, False, pair.now)) is not None:
            got += octets
        if len(got) < len(data):
            assert pair.step(end), (len(got), written, len(data))
    assert bytes(got) == data
    pair.run(s=100)
    assert client.outq() == 0
    info = client.info(pair.now)
    assert info["busy_time"] >= info["rwnd_limited"] + info["sndbuf_limited"]
    read_errors()
    assert completed == list(range(zerocopies))
    if stamps:
        assert acked == sorted(acked) and acked[-1] == len(data) - 1
    for tcb in (client, server):
        tcb.close(pair.now)
    pair.run(s=200)
    assert pair.a.context.pool.used == pair.b.context.pool.used == 0
