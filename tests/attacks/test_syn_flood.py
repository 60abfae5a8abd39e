"""RFC 4987: SYNs from spoofed sources cost a server no memory, its connections little, and real hosts still get in."""

from .syn_flood import Battlefield, run


def test_a_flood_leaves_nothing_behind_and_honest_hosts_get_in():
    figures = run(1500, 1)
    assert figures.sources >= 1500 and figures.honest == 10
    # The SYN queue, the accepted ones on their way out, the listener and the connection: whatever the flood.
    assert figures.requests == 129 and figures.endpoints <= figures.requests + 12
    assert figures.cookies >= figures.sources - figures.requests and figures.pool == 0


def test_the_established_connection_keeps_its_rate_on_a_link_of_its_own():
    # In virtual time a connection is as fast as the answers to it: none may wait for, or be lost to, the flood.
    field = Battlefield()
    try:
        rates = []
        for syns in (0, 20):
            start = field.host.now()
            field.carry(3 << 20, syns)
            rates.append((3 << 20) / (field.host.now() - start))
        assert rates[1] >= 0.8 * rates[0]
    finally:
        field.close()


def test_a_flood_of_closed_ports_keeps_no_path():
    field = Battlefield()
    try:
        paths = field.server.ip._paths if hasattr(field.server.ip, "_paths") else None
        before = 0 if paths is None else len(paths)
        template = bytearray(field.syn)
        template[52:54] = (81).to_bytes(2, "big")
        field.syn = bytes(template)
        field.carry(1, 500)
        assert field.server.context.counters.tcp.OutRsts == 500
        assert paths is None or len(paths) == before
        assert sum(1 for _ in field.server.tcp.tcbs()) == 2
    finally:
        field.close()
