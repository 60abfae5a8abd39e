"""An aiohttp application that takes uploads; nothing in it knows of usernet.

usernet run --publish 8080:80 -- python examples/upload_app.py
curl --upload-file FILE http://127.0.0.1:8080/upload
"""

import hashlib

from aiohttp import web


async def upload(request: web.Request) -> web.Response:
    """Answer with the size and sha256 of what came."""
    digest, size = hashlib.sha256(), 0
    async for chunk in request.content.iter_chunked(1 << 16):
        digest.update(chunk)
        size += len(chunk)
    return web.json_response({"octets": size, "sha256": digest.hexdigest()})


if __name__ == "__main__":
    app = web.Application(client_max_size=1 << 32)
    app.add_routes([web.put("/upload", upload), web.post("/upload", upload)])
    web.run_app(app, port=80)
