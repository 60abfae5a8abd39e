"""Tools that know nothing of us: ping, nmap, iperf3, and what they conclude."""

from __future__ import annotations

import json
import sys

import pytest

from .ground import APPS, KERNEL, OURS, Ground, capture_is_clean, missing

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def strangers() -> None:
    reason = missing("nmap", "iperf3")
    if reason:
        pytest.skip(reason)


def test_ping_gets_every_answer(ground: Ground) -> None:
    server = ground.usernet("python", "-m", "http.server", "80", options=["--pcap", "run.pcapng"])
    ground.answers(80, program=server)
    # ping waits for the last answer as long as between two requests: so that is a minute, and all are sent at once.
    for count, size in (("5", "0"), ("5", "56"), ("5", "1472"), ("5", "1473"), ("5", "8000"), ("300", "56")):
        said = ground.run("ping", "-n", "-c", count, "-l", count, "-i", "60", "-s", size, OURS).stdout
        assert f"{count} received, 0% packet loss" in said, said
    server.stop()
    capture_is_clean(ground.directory / "run.pcapng")


def scanned(ground: Ground, found: tuple[str, ...], *words: str) -> str:
    """What nmap says once it has found all this: it takes who answers late for silent, and is taught patience."""
    said = ""
    for patience in ("100ms", "1s", "5s"):
        said = ground.run("nmap", "-n", "--min-rtt-timeout", patience, *words, OURS).stdout
        if all(text in said for text in found):
            return said
    raise AssertionError(f"not {found}, but: {said}")


def test_nmap_finds_what_is_open_and_what_is_closed(ground: Ground, strangers: None) -> None:
    server = ground.usernet("python", "-m", "http.server", "80")
    ground.answers(80, program=server)
    ports = ("-oG", "-", "-p", "79-81")
    for kind in ("-sS", "-sT"):
        scanned(ground, ("80/open/tcp", "79/closed/tcp", "81/closed/tcp"), kind, *ports)
    # RFC 9293 3.10.7.1 and 3.10.7.2: a closed port answers with a RST, an open one is silent to what has no SYN or ACK.
    for kind in ("-sF", "-sN", "-sX"):
        scanned(ground, ("79/closed/tcp", "81/closed/tcp", "80/open|filtered/tcp"), kind, *ports)
    scanned(ground, ("79/unfiltered/tcp", "80/unfiltered/tcp", "81/unfiltered/tcp"), "-sA", *ports)
    scanned(ground, ("9/closed/udp",), "-sU", "-oG", "-", "-p", "9")
    assert ground.curl(f"http://{OURS}/").startswith("<!DOCTYPE")


def test_nmap_os_detection_and_sequence_probes_do_no_harm(ground: Ground, strangers: None) -> None:
    server = ground.usernet("python", "-m", "http.server", "80")
    ground.answers(80, program=server)
    words = ("-O", "--osscan-limit", "--max-os-tries", "1", "-p", "79,80", "-v")
    said = scanned(ground, ("80/tcp open",), *words)
    # RFC 6528: the next initial sequence number cannot be told from the ones before. nmap takes eight times the binary
    # logarithm of the spread of five differences: some 260 for six random numbers, below 200 once in 10^8 scans.
    if "TCP Sequence Prediction" in said:
        difficulty = int(said.split("TCP Sequence Prediction: Difficulty=")[1].split()[0])
        assert difficulty >= 200, said
    assert server.alive()
    assert ground.curl(f"http://{OURS}/").startswith("<!DOCTYPE")


ECHO = """
import socket
listener = socket.create_server(("", 7))
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        while octets := connection.recv(65536):
            connection.sendall(octets)
"""


def test_a_half_closed_client_still_gets_everything_back(ground: Ground) -> None:
    script = ground.directory / "echo.py"
    script.write_text(ECHO)
    server = ground.usernet("python", str(script))
    server.says("ready")
    client = (
        "import socket, threading\n"
        f"s = socket.create_connection(({OURS!r}, 7))\n"
        "octets = bytes(range(256)) * 20000\n"
        "threading.Thread(target=lambda: (s.sendall(octets), s.shutdown(socket.SHUT_WR))).start()\n"
        "got = bytearray()\n"
        "while piece := s.recv(1 << 16): got += piece\n"
        "assert got == octets, (len(got), len(octets))\n"
    )
    ground.run(sys.executable, "-c", client)


RELAY = f"""
import asyncio

async def pump(reader, writer):
    try:
        while octets := await reader.read(1 << 16):
            writer.write(octets)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()

async def relay(reader, writer):
    onward_reader, onward_writer = await asyncio.open_connection({KERNEL!r}, 5201)
    await asyncio.gather(pump(reader, onward_writer), pump(onward_reader, writer))
    writer.close()
    onward_writer.close()

async def main():
    server = await asyncio.start_server(relay, port=5201)
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@pytest.mark.parametrize("options", [(), ("-R",), ("--bidir",)], ids=["up", "down", "both"])
def test_iperf3_runs_through_a_relay_on_our_stack(ground: Ground, strangers: None, options: tuple[str, ...]) -> None:
    ground.start("iperf3", "-s", "--forceflush", "-B", KERNEL).says("listening")
    script = ground.directory / "relay.py"
    script.write_text(RELAY)
    ground.usernet("python", str(script)).says("ready")
    got = 0
    for seconds in ("1", "10", "60"):
        said = json.loads(ground.run("iperf3", "-c", OURS, "-t", seconds, "-P", "4", "-J", *options).stdout)
        assert "error" not in said
        got = said["end"]["sum_received"]["bytes"]
        if got > 1_000_000:
            break
    assert got > 1_000_000


def test_uploads_by_a_kernel_peer_that_vanishes_end_in_an_error(ground: Ground) -> None:
    server = ground.usernet("python", str(APPS / "aiohttp_app.py"), "8080")
    ground.answers(8080, program=server)
    vanish = (
        "import socket, struct\n"
        f"s = socket.create_connection(({OURS!r}, 8080))\n"
        "s.sendall(b'PUT /upload HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000000\\r\\n\\r\\n' + bytes(5000))\n"
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n"
        "s.close()\n"
    )
    for _ in range(20):
        ground.run(sys.executable, "-c", vanish)
    assert ground.curl(f"http://{OURS}:8080/") == f"hello from {OURS}"
