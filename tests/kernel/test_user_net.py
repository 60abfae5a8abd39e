"""The same programs with no privilege: user-mode NAT and published ports, as the user nobody."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from .conftest import Content
from .ground import APPS, Ground, Program, capture_is_clean, unprivileged

pytestmark = pytest.mark.kernel

LOCAL = "127.0.0.1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory of nobody's own, below directories it may pass."""
    directory = tmp_path / "home"
    directory.mkdir()
    for above in (directory, *directory.parents):
        if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    os.chown(directory, 65534, 65534)
    return directory


def as_nobody(ground: Ground, home: Path, *words: str, options: tuple[str, ...] = ()) -> Program:
    environment = os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TMPDIR": str(home)}
    command = [sys.executable, "-m", "usernet", "run", *options, "--", *words]
    return ground.start(*unprivileged(), *command, env=environment)


def published(port: int, inner: int) -> tuple[str, ...]:
    return "--net", "user:", "--publish", f"{port}:{inner}"


def test_nobody_serves_a_large_file_through_a_published_port(ground: Ground, large: Content, home: Path) -> None:
    large.path.chmod(0o644)
    pcap = home / "run.pcapng"
    server = as_nobody(
        ground, home, "python", "-m", "http.server", "80", options=(*published(8080, 80), "--pcap", str(pcap))
    )
    ground.serves(f"http://{LOCAL}:8080/", server)
    ground.curl(f"http://{LOCAL}:8080/{large.path.name}", "-o", "got.bin")
    assert ground.run("sha256sum", "got.bin").stdout.split()[0] == large.sha256
    server.stop()
    capture_is_clean(pcap)


def test_nobody_takes_a_large_upload_through_a_published_port(ground: Ground, large: Content, home: Path) -> None:
    server = as_nobody(ground, home, "python", str(APPS / "aiohttp_app.py"), "8000", options=published(8080, 8000))
    ground.serves(f"http://{LOCAL}:8080/", server)
    said = json.loads(ground.curl(f"http://{LOCAL}:8080/upload", "-T", str(large.path)))
    assert said == {"size": large.size, "sha256": large.sha256}


@pytest.mark.parametrize("client", ["requests", "httpx", "httpx-async", "aiohttp"])
def test_nobodys_client_reaches_the_machine_at_the_gateway(ground: Ground, home: Path, client: str) -> None:
    server = ground.start(sys.executable, str(APPS / "aiohttp_app.py"), "8000")
    ground.answers(8000, LOCAL, server)
    program = as_nobody(ground, home, "python", str(APPS / "clients.py"), client, "http://10.0.2.2:8000")
    program.says(f"{client} done")
    assert program.ends() == 0


def test_nobody_serves_uvicorn_and_starlette(ground: Ground, home: Path) -> None:
    words = ["uvicorn", "--app-dir", str(APPS), "starlette_app:app", "--host", "0.0.0.0", "--port", "8000"]
    server = as_nobody(ground, home, "python", "-m", *words, options=published(8080, 8000))
    ground.serves(f"http://{LOCAL}:8080/", server)
    assert ground.curl(f"http://{LOCAL}:8080/").startswith("hello")
    ground.run(sys.executable, str(APPS / "clients.py"), "aiohttp", f"http://{LOCAL}:8080")


def test_fifty_connections_at_once_through_a_published_port_and_a_lossy_wire(
    ground: Ground, home: Path, small: Content
) -> None:
    lossy = ("--impair", "delay 20ms 5ms loss 2% reorder 1% corrupt 0.1%")
    server = as_nobody(
        ground, home, "python", str(APPS / "aiohttp_app.py"), "8000", options=(*published(8080, 8000), *lossy)
    )
    ground.serves(f"http://{LOCAL}:8080/", server)
    url = f"http://{LOCAL}:8080/stream?size={small.size}"
    names = [f"got-{number}" for number in range(50)]
    words = [word for name in names for word in ("-o", name, url)]
    ground.run("curl", "-sS", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", "50", *words)
    wanted = (bytes(range(256)) * (small.size // 256 + 1))[: small.size]
    assert [name for name in names if (ground.directory / name).read_bytes() != wanted] == []
