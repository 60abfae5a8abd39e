"""Ports, binding conflicts, demultiplexing, the state table."""

from collections import Counter
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL

import pytest

from usernet.core.packet import Packet
from usernet.tcp import state
from usernet.tcp.const import ACK, FIN, LISTEN, REUSEADDR, REUSEPORT, SYN
from usernet.tcp.isn import initial_sequence
from usernet.tcp.settings import Settings
from usernet.tcp.table import demux_key, make_key
from usernet.testing.peer import LOCAL, REMOTE, Owner, Scene

LOOPBACK = bytes((127, 0, 0, 1))


def refused(errno, call, *args):
    with pytest.raises(OSError) as error:
        call(*args)
    assert error.value.errno == errno


def test_bind_conflicts_by_address_and_port():
    tcp = Scene().tcp
    tcp.bind(LOCAL, 8080, 4, 0)
    refused(EADDRINUSE, tcp.bind, LOCAL, 8080, 4, 0)
    refused(EADDRINUSE, tcp.bind, b"", 8080, 4, 0)
    refused(EADDRINUSE, tcp.bind, bytes(4), 8080, 4, REUSEADDR)
    tcp.bind(LOOPBACK, 8080, 4, 0)
    tcp.bind(b"", 8080, 6, 0)


def test_reuseaddr_shares_until_somebody_listens():
    tcp = Scene().tcp
    one = tcp.bind(b"", 8080, 4, REUSEADDR)
    two = tcp.bind(b"", 8080, 4, REUSEADDR)
    tcp.listen(Owner(), one, 5, Settings())
    refused(EADDRINUSE, tcp.listen, Owner(), two, 5, Settings())
    refused(EADDRINUSE, tcp.bind, b"", 8080, 4, REUSEADDR)


def test_reuseport_lets_several_listen_and_one_peer_meets_one_listener():
    scene = Scene()
    listeners = []
    for _ in range(3):
        binding = scene.tcp.bind(b"", 80, 4, REUSEPORT)
        listeners.append(scene.tcp.listen(Owner(), binding, 128, Settings()))
    for port in range(41000, 41060):
        peer = scene.peer(remote_port=port, wrap=False)
        peer.send(SYN, mss=1460)
        peer.expect(SYN | ACK)
        peer.send(ACK, seq=1, ack=1)
    assert sum(len(x.accepted) for x in listeners) == 60 and all(len(x.accepted) > 5 for x in listeners)


def test_ports_are_given_back():
    tcp = Scene().tcp
    for _ in range(3):
        tcp.unbind(tcp.bind(LOCAL, 8080, 4, 0))


def test_connections_keep_the_port_until_time_wait_ends():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    tcb, _ = peer.open_passive(listener)
    listener.close(scene.now)
    scene.tcp.unbind(listener.binding)
    refused(EADDRINUSE, scene.tcp.bind, b"", 80, 4, 0)
    scene.tcp.unbind(scene.tcp.bind(b"", 80, 4, REUSEADDR))
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    refused(EADDRINUSE, scene.tcp.bind, b"", 80, 4, 0)
    scene.advance(s=61)
    scene.tcp.bind(b"", 80, 4, 0)


def test_wrong_use():
    tcp = Scene().tcp
    refused(EADDRNOTAVAIL, tcp.bind, bytes((8, 8, 8, 8)), 80, 4, 0)
    refused(EINVAL, tcp.bind, b"", 70000, 4, 0)
    tcp.net_bind_service = False
    refused(EACCES, tcp.bind, b"", 80, 4, 0)
    tcp.bind(b"", 1024, 4, 0)
    tcp.context.sysctl.set("net.ipv4.ip_unprivileged_port_start", 80)
    tcp.bind(b"", 80, 4, 0)


def test_rfc6056_ephemeral_ports_lie_in_the_range_and_are_hard_to_guess():
    tcp = Scene(ip_local_port_range="40000 40099").tcp
    ports = [tcp.bind(b"", 0, 4, 0).port for _ in range(100)]
    assert sorted(ports) == list(range(40000, 40100))
    refused(EADDRINUSE, tcp.bind, b"", 0, 4, 0)


def test_connect_shares_ports_between_destinations_and_exhausts_them_per_destination():
    scene = Scene(ip_local_port_range="40000 40009")
    ports = Counter()
    for last in (1, 2):
        for _ in range(10):
            tcb = scene.tcp.connect(Owner(), None, bytes((192, 0, 2, last)), 80, Settings(), scene.now)
            ports[tcb.local_port] += 1
        refused(EADDRNOTAVAIL, scene.tcp.connect, Owner(), None, bytes((192, 0, 2, last)), 80, Settings(), scene.now)
    assert all(n == 2 for n in ports.values()) and len(ports) == 10
    refused(EADDRINUSE, scene.tcp.bind, b"", 40000, 4, 0)


def test_connect_takes_other_ports_than_bound_ones():
    scene = Scene(ip_local_port_range="40000 40001")
    bound = scene.tcp.bind(b"", 40000, 4, 0)
    assert scene.tcp.connect(Owner(), None, REMOTE, 80, Settings(), scene.now).local_port == 40001
    assert bound.port == 40000


def test_connect_to_the_unspecified_address_means_this_host():
    scene = Scene()
    assert scene.tcp.connect(Owner(), None, bytes(4), 80, Settings(), scene.now).remote == LOOPBACK


def test_connect_reuses_time_wait_when_timestamps_tell_old_from_new():
    scene = Scene(tcp_tw_reuse=1)
    peer = scene.peer(local_port=5000)
    tcb, _ = peer.open_active(ts=(100, 0), sack_permitted=True)
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.drain()
    waiting = [x for x in scene.tcp.tcbs() if x.state == 6]
    assert len(waiting) == 1
    scene.advance(s=2)
    again = waiting[0].binding
    fresh = scene.tcp.connect(Owner(), again, REMOTE, peer.remote_port, Settings(), scene.now)
    assert (fresh.iss - waiting[0].snd_nxt) & 0xFFFFFFFF == 65537
    assert not [x for x in scene.tcp.tcbs() if x.state == 6]


def test_isns_differ_by_tuple_and_move_with_the_clock():
    scene = Scene()
    isns = []
    for port in (41000, 41001):
        tcb = scene.tcp.connect(Owner(), None, REMOTE, port, Settings(), scene.now)
        isns.append(tcb.iss)
    assert isns[0] != isns[1]
    key = bytes(12)
    assert (initial_sequence(scene.tcp, key, 64_000) - initial_sequence(scene.tcp, key, 0)) & 0xFFFFFFFF == 1000


def test_the_key_is_the_slice_of_the_packet_or_built_around_ip_options():
    key = make_key(REMOTE, LOCAL, 40000, 80)
    plain = Packet(bytearray(4) + key + bytes(16), 0, 32)
    plain.addr_off, plain.addr_len, plain.l4 = 4, 4, 12
    assert demux_key(plain) == key and type(demux_key(plain)) is bytes
    split = Packet(bytearray(4) + key[:8] + bytes(8) + key[8:] + bytes(16), 0, 40)
    split.addr_off, split.addr_len, split.l4 = 4, 4, 20
    assert demux_key(split) == key


def test_listing_names_every_state():
    scene = Scene()
    peer = scene.peer()
    listener = scene.listen()
    peer.open_passive(listener)
    other = scene.peer(remote_port=41000, wrap=False)
    other.send(SYN, mss=1460)
    assert sorted(x.state for x in scene.tcp.tcbs()) == [1, 3, LISTEN]
    half = next(x for x in scene.tcp.tcbs() if x.state == 3)
    assert (half.local, half.local_port, half.remote, half.remote_port) == (LOCAL, 80, REMOTE, 41000)


# The state table.


def test_every_transition_ends_in_a_state_and_starts_from_one():
    for (before, event), after in state.TRANSITIONS.items():
        assert before in state.NAMES and after in state.NAMES and event in state.EVENTS


def test_every_state_can_be_reached_and_left():
    reached = {7}
    while True:
        more = {after for (before, _), after in state.TRANSITIONS.items() if before in reached}
        if more <= reached:
            break
        reached |= more
    assert reached == set(state.NAMES)
    assert all(state.after(s, state.RCV_RST) == 7 for s in state.NAMES)


def test_a_meaningless_event_is_an_error():
    with pytest.raises(KeyError):
        state.after(LISTEN, state.RCV_FIN)


def test_info_has_linux_field_names():
    scene = Scene()
    tcb, _ = scene.peer().open_passive(scene.listen(), wscale=7, sack_permitted=True, ts=(1, 0))
    info = tcb.info()
    for name in (
        "state ca_state retransmits probes backoff options rto ato snd_mss rcv_mss unacked sacked lost retrans pmtu "
        "rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans bytes_acked bytes_received "
        "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out delivered bytes_sent bytes_retrans"
    ).split():
        assert name in info
    assert info["options"] == 7 and info["pmtu"] == 1500 and info["snd_mss"] == 1448 and info["state"] == 1


def test_a_connect_that_fails_gives_its_port_back():
    scene = Scene(ip_local_port_range="40000 40000")
    settings = Settings()
    settings.congestion = "none such"
    for _ in range(2):
        with pytest.raises(OSError):
            scene.tcp.connect(Owner(), None, REMOTE, 80, settings, scene.now)
    scene.tcp.bind(b"", 40000, 4, 0)


def test_connect_without_a_port_reuses_time_wait_as_well():
    scene = Scene(tcp_tw_reuse=1, ip_local_port_range="5000 5000")
    peer = scene.peer(local_port=5000)
    tcb = scene.tcp.connect(Owner(), None, REMOTE, peer.remote_port, Settings(), scene.now)
    peer.expect(SYN)
    peer.send(SYN | ACK, seq=0, ack=1, mss=1460, ts=(100, 0))
    peer.ts = 101
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    peer.drain()
    assert [x.state for x in scene.tcp.tcbs()] == [6]
    refused(EADDRNOTAVAIL, scene.tcp.connect, Owner(), None, REMOTE, peer.remote_port, Settings(), scene.now)
    scene.advance(s=2)
    assert scene.tcp.connect(Owner(), None, REMOTE, peer.remote_port, Settings(), scene.now).local_port == 5000
    assert len(list(scene.tcp.tcbs())) == 1


def test_a_port_taken_from_time_wait_stays_taken():
    scene = Scene(tcp_tw_reuse=1)
    peer = scene.peer(local_port=5000)
    tcb, _ = peer.open_active(ts=(100, 0))
    tcb.close(scene.now)
    peer.send(FIN | ACK, seq=1, ack=2)
    waiting = next(x for x in scene.tcp.tcbs() if x.state == 6)
    scene.advance(s=2)
    scene.tcp.connect(Owner(), waiting.binding, REMOTE, peer.remote_port, Settings(), scene.now)
    refused(EADDRINUSE, scene.tcp.bind, LOCAL, 5000, 4, 0)


def test_an_mss_without_room_for_text_cannot_be_asked_for():
    refused(EINVAL, Scene().context.sysctl.set, "net.ipv4.tcp_min_snd_mss", 12)
