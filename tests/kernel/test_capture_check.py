"""What tools/pcapcheck.py makes of a capture hangs on our TCP, not on the number of a client's port."""

from __future__ import annotations

from pathlib import Path

import pytest

import usernet
from usernet.core.const import SECOND
from usernet.link.pcapng import PcapngTap
from usernet.link.veth import veth_pair

from .ground import capture_is_clean

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("port", [34980, 57000])
def test_a_port_that_wireshark_knows_is_a_clients_all_the_same(machine: None, tmp_path: Path, port: int) -> None:
    # EtherCAT and IRC, says Wireshark.
    host = usernet.Host("sim", seed=1)
    client, server = usernet.Stack("client", host), usernet.Stack("server", host)
    left, right = veth_pair("left", "right")
    client.attach(left, "10.7.0.1/24")
    server.attach(right, "10.7.0.2/24")
    tap = PcapngTap(tmp_path / "run.pcapng")
    tap.attach(left)
    with server:
        listener = usernet.socket.create_server(("10.7.0.2", 8000))
    with client:
        asking = usernet.socket.create_connection(("10.7.0.2", 8000), source_address=("10.7.0.1", port))
    answering, _ = listener.accept()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5120\r\n\r\n" + bytes(range(256)) * 20
    asking.sendall(b"GET / HTTP/1.1\r\nHost: 10.7.0.2:8000\r\n\r\n")
    answering.sendall(answer)
    host.run_for(SECOND)
    for sock in (asking, answering, listener):
        sock.close()
    host.close()
    tap.close()
    capture_is_clean(tmp_path / "run.pcapng")
