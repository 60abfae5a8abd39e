"""aiohttp, uvicorn, requests and httpx on our stack, as servers and as clients, TLS included."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trustme

from .ground import APPS, KERNEL, OURS, Ground, capture_is_clean

pytestmark = pytest.mark.kernel

CLIENTS = ["requests", "httpx", "httpx-async", "aiohttp"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """Paths of an authority, a certificate for both ends of the wire, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert(OURS, KERNEL)
    paths = tuple(str(directory / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(paths[0])
    certificate.cert_chain_pems[0].write_to_path(paths[1])
    certificate.private_key_pem.write_to_path(paths[2])
    return paths


def server_command(kind: str, port: int, tls: tuple[str, str, str] | None) -> list[str]:
    if kind == "aiohttp":
        return [str(APPS / "aiohttp_app.py"), str(port), *(tls[1:] if tls else ())]
    keys = ["--ssl-certfile", tls[1], "--ssl-keyfile", tls[2]] if tls else []
    return [
        "-m",
        "uvicorn",
        "--app-dir",
        str(APPS),
        "starlette_app:app",
        "--host",
        "0.0.0.0",
        "--port",
        str(port),
        *keys,
    ]


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("kind", ["aiohttp", "uvicorn"])
def test_our_server_serves_kernel_clients(
    ground: Ground, kind: str, secure: bool, certificates: tuple[str, str, str]
) -> None:
    tls = certificates if secure else None
    server = ground.usernet("python", *server_command(kind, 8000, tls), options=["--pcap", "run.pcapng"])
    ground.answers(8000, program=server)
    url = f"{'https' if secure else 'http'}://{OURS}:8000"
    curl = ground.curl(url, *(["--cacert", certificates[0]] if secure else []))
    assert curl.startswith("hello")
    for client in CLIENTS:
        ground.run(sys.executable, str(APPS / "clients.py"), client, url, *(certificates[:1] if secure else ()))
    server.stop()
    capture_is_clean(ground.directory / "run.pcapng")


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
@pytest.mark.parametrize("client", CLIENTS)
def test_our_client_asks_a_kernel_server(
    ground: Ground, client: str, secure: bool, certificates: tuple[str, str, str]
) -> None:
    tls = certificates if secure else None
    server = ground.start(sys.executable, *server_command("aiohttp", 8000, tls))
    ground.answers(8000, KERNEL, server)
    url = f"{'https' if secure else 'http'}://{KERNEL}:8000"
    words = [str(APPS / "clients.py"), client, url, *(certificates[:1] if secure else ())]
    program = ground.usernet("python", *words, options=["--pcap", "run.pcapng"])
    program.says(f"{client} done")
    assert program.ends() == 0
    capture_is_clean(ground.directory / "run.pcapng")


def test_blocking_tls_through_http_client(ground: Ground, certificates: tuple[str, str, str]) -> None:
    server = ground.start(sys.executable, *server_command("aiohttp", 8000, certificates))
    ground.answers(8000, KERNEL, server)
    script = ground.directory / "fetch.py"
    script.write_text(
        "import ssl, urllib.request\n"
        f"context = ssl.create_default_context(cafile={certificates[0]!r})\n"
        f"print(urllib.request.urlopen('https://{KERNEL}:8000/', context=context).read().decode())\n"
        f"print(len(urllib.request.urlopen('https://{KERNEL}:8000/stream?size=3000000', context=context).read()))\n"
    )
    program = ground.usernet("python", str(script))
    program.says("3000000")
    assert program.ends() == 0


def test_a_web_socket_stays_open_both_ways(ground: Ground) -> None:
    server = ground.usernet("python", str(APPS / "aiohttp_app.py"), "8000")
    ground.answers(8000, program=server)
    script = Path(ground.directory / "talk.py")
    script.write_text(
        "import aiohttp, asyncio\n"
        "async def main():\n"
        "    async with aiohttp.ClientSession() as session:\n"
        f"        async with session.ws_connect('http://{OURS}:8000/ws') as socket:\n"
        "            for i in range(200):\n"
        "                await socket.send_str(f'{i}ab' * (i + 1))\n"
        "                assert (await socket.receive_str()) == (f'{i}ab' * (i + 1))[::-1]\n"
        "asyncio.run(main())\n"
    )
    ground.run(sys.executable, str(script))
