"""uvicorn serving starlette in a thread, asked by httpx; its loop setting is the default, auto."""

import threading
import time

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route


async def index(request):
    return PlainTextResponse("hello from starlette")


async def stream(request):
    async def pieces():
        for i in range(100):
            yield f"{i:04}" * 1000

    return StreamingResponse(pieces())


config = uvicorn.Config(
    Starlette(routes=[Route("/", index), Route("/stream", stream)]), host="127.0.0.1", port=8000, log_level="error"
)
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
    assert thread.is_alive()
with httpx.Client(trust_env=False, timeout=100) as client:
    assert client.get("http://127.0.0.1:8000/").text == "hello from starlette"
    assert len(client.get("http://127.0.0.1:8000/stream").text) == 400000
server.should_exit = True
thread.join()
print("ok")
