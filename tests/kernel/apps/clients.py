"""Ordinary clients, each asking one server for the same things.

usage: clients.py requests|httpx|httpx-async|aiohttp URL [CA]
"""

import asyncio
import hashlib
import ssl
import sys

BODY = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(BODY).hexdigest()


def with_requests(url: str, ca: str | None) -> None:
    import requests

    with requests.Session() as session:
        # Said at each call: REQUESTS_CA_BUNDLE in the environment would win over the session's.
        options = {"verify": ca or True, "timeout": 100}
        for _ in range(3):
            check(session.get(url, **options).text, session.put(f"{url}/upload", data=BODY, **options).json())


def with_httpx(url: str, ca: str | None) -> None:
    import httpx

    with httpx.Client(verify=trust(ca), timeout=100) as client:
        for _ in range(3):
            check(client.get(url).text, client.put(f"{url}/upload", content=BODY).json())


async def with_httpx_async(url: str, ca: str | None) -> None:
    import httpx

    async with httpx.AsyncClient(verify=trust(ca), timeout=100) as client:

        async def one() -> None:
            check((await client.get(url)).text, (await client.put(f"{url}/upload", content=BODY)).json())

        await asyncio.gather(*(one() for _ in range(5)))


async def with_aiohttp(url: str, ca: str | None) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust(ca))) as session:

        async def one() -> None:
            async with session.get(url) as got, session.put(f"{url}/upload", data=BODY) as put:
                check(await got.text(), await put.json())

        await asyncio.gather(*(one() for _ in range(5)))


def trust(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def check(text: str, uploaded: dict[str, object]) -> None:
    assert text.startswith("hello"), text
    assert uploaded == {"size": len(BODY), "sha256": DIGEST}, uploaded


def main(client: str, url: str, ca: str | None = None) -> None:
    if client == "requests":
        with_requests(url, ca)
    elif client == "httpx":
        with_httpx(url, ca)
    else:
        asyncio.run({"httpx-async": with_httpx_async, "aiohttp": with_aiohttp}[client](url, ca))
    print(f"{client} done")


if __name__ == "__main__":
    main(*sys.argv[1:])
