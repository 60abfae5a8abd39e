"""An aiohttp server as anybody writes it: echo, upload, a stream and a web socket.

usage: aiohttp_app.py PORT [CERT KEY]
"""

import hashlib
import ssl
import sys

from aiohttp import WSMsgType, web


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello from {request.transport.get_extra_info('sockname')[0]}")


async def upload(request: web.Request) -> web.Response:
    digest, size = hashlib.sha256(), 0
    async for chunk in request.content.iter_chunked(1 << 16):
        digest.update(chunk)
        size += len(chunk)
    return web.json_response({"size": size, "sha256": digest.hexdigest()})


async def stream(request: web.Request) -> web.StreamResponse:
    size = int(request.query["size"])
    response = web.StreamResponse()
    response.content_length = size
    await response.prepare(request)
    block = bytes(range(256)) * 256
    while size:
        part = block[: min(size, len(block))]
        await response.write(part)
        size -= len(part)
    return response


async def websocket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data[::-1])
    return socket


def main() -> None:
    app = web.Application(client_max_size=1 << 30)
    app.add_routes(
        [web.get("/", hello), web.put("/upload", upload), web.get("/stream", stream), web.get("/ws", websocket)]
    )
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    web.run_app(app, port=int(sys.argv[1]), ssl_context=context)


if __name__ == "__main__":
    main()
