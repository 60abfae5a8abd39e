"""aiohttp, server and client, clear and TLS, a websocket, many requests at once."""

import asyncio
import ssl

import aiohttp
import trustme
from aiohttp import web

ca = trustme.CA()
server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ca.issue_cert("localhost").configure_cert(server_context)
client_context = ssl.create_default_context()
ca.configure_trust(client_context)
BODY = b"y" * 500000


async def get(request):
    return web.Response(body=BODY)


async def post(request):
    return web.Response(text=str(len(await request.read())))


async def socket(request):
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        await ws.send_str(message.data.upper())
    return ws


async def main():
    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.get("/", get), web.post("/", post), web.get("/ws", socket)])
    runner = web.AppRunner(app)
    await runner.setup()
    plain = web.TCPSite(runner, "127.0.0.1", 0)
    secure = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context)
    await plain.start()
    await secure.start()
    ports = [address[1] for address in runner.addresses]
    async with aiohttp.ClientSession() as session:
        for url, kwargs in (
            (f"http://localhost:{ports[0]}/", {}),
            (f"https://localhost:{ports[1]}/", {"ssl": client_context}),
        ):

            async def one(url=url, kwargs=kwargs):
                async with session.get(url, **kwargs) as response:
                    assert await response.read() == BODY
                async with session.post(url, data=BODY, **kwargs) as response:
                    assert await response.text() == str(len(BODY))

            await asyncio.gather(*(one() for _ in range(10)))
            async with session.ws_connect(url + "ws", **kwargs) as ws:
                await ws.send_str("hello")
                assert (await ws.receive_str()) == "HELLO"
    await runner.cleanup()


asyncio.run(main())
print("ok")
