"""Unmodified web servers on our TCP over a TAP, and the kernel's curl as their client."""

from __future__ import annotations

import concurrent.futures
import json
import signal
from pathlib import Path

import pytest

from .conftest import Content
from .ground import APPS, OURS, Ground, capture_is_clean, wait_until

pytestmark = pytest.mark.kernel

LOSSY = "delay 20ms 5ms loss 2% reorder 1% corrupt 0.1%"


def sha256(ground: Ground, file: str) -> str:
    return ground.run("sha256sum", file).stdout.split()[0]


def test_curl_fetches_a_large_file_from_http_server(ground: Ground, large: Content) -> None:
    server = ground.usernet("python", "-m", "http.server", "80", options=["--pcap", "run.pcapng"])
    ground.answers(80, program=server)
    ground.curl(f"http://{OURS}/{large.path.name}", "-o", "got.bin")
    assert sha256(ground, "got.bin") == large.sha256
    assert server.stop() in (0, 130, -signal.SIGINT), server.output
    capture_is_clean(ground.directory / "run.pcapng")


def test_curl_uploads_a_large_file_to_aiohttp(ground: Ground, large: Content) -> None:
    server = ground.usernet("python", str(APPS / "aiohttp_app.py"), "8080", options=["--pcap", "run.pcapng"])
    ground.answers(8080, program=server)
    said = ground.curl(f"http://{OURS}:8080/upload", "-T", str(large.path))
    assert json.loads(said) == {"size": large.size, "sha256": large.sha256}
    server.stop()
    capture_is_clean(ground.directory / "run.pcapng")


def fetch_and_upload_fifty(ground: Ground, small: Content) -> None:
    def fetch(number: int) -> str:
        name = f"got-{number}.bin"
        ground.curl(f"http://{OURS}:8080/stream?size={small.size}", "-o", name)
        octets = (ground.directory / name).read_bytes()
        return (
            "" if octets == (bytes(range(256)) * (small.size // 256 + 1))[: small.size] else f"fetch {number} differs"
        )

    def upload(number: int) -> str:
        said = json.loads(ground.curl(f"http://{OURS}:8080/upload", "-T", str(small.path)))
        return "" if said == {"size": small.size, "sha256": small.sha256} else f"upload {number}: {said}"

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        jobs = [pool.submit(fetch if number % 2 else upload, number) for number in range(50)]
        assert [job.result() for job in jobs] == [""] * 50


def test_fifty_connections_at_once_through_loss_delay_reordering_and_corruption(ground: Ground, small: Content) -> None:
    server = ground.usernet(
        "python", str(APPS / "aiohttp_app.py"), "8080", options=["--impair", LOSSY, "--pcap", "run.pcapng"]
    )
    ground.answers(8080, program=server)
    fetch_and_upload_fifty(ground, small)
    server.stop()
    capture_is_clean(ground.directory / "run.pcapng")


def test_fifty_connections_at_once_on_a_clean_wire(ground: Ground, small: Content) -> None:
    server = ground.usernet("python", str(APPS / "aiohttp_app.py"), "8080", options=["--pcap", "run.pcapng"])
    ground.answers(8080, program=server)
    fetch_and_upload_fifty(ground, small)
    server.stop()
    capture_is_clean(ground.directory / "run.pcapng")


def test_the_kernel_holds_no_connection_after_the_server_closed(ground: Ground, small: Content) -> None:
    server = ground.usernet("python", "-m", "http.server", "80")
    ground.answers(80, program=server)
    for _ in range(5):
        ground.curl(f"http://{OURS}/{small.path.name}", "-o", "got.bin")
        assert sha256(ground, "got.bin") == small.sha256
    wait_until("the last acknowledgment", lambda: not ground.sockets())


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_as_it_ends_any_other(ground: Ground, end: signal.Signals, tmp_path: Path) -> None:
    server = ground.usernet("python", str(APPS / "aiohttp_app.py"), "8080")
    ground.answers(8080, program=server)
    # aiohttp's run_app turns both into an orderly end.
    assert server.stop(end) == 0, server.output
