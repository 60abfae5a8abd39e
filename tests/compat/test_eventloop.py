"""The asyncio loop of ours: the host's clock, and the loop's stack in worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

import usernet
from usernet import Host, Stack, current_stack


def run(stack: Stack, main: Coroutine[Any, Any, Any]) -> Any:
    with stack, asyncio.Runner(loop_factory=usernet.new_event_loop) as runner:
        return runner.run(main)


@pytest.mark.parametrize("mode", ["realtime", "sim"])
def test_streams_echo_on_lo(mode: str) -> None:
    async def main() -> bytes:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        server.close()
        return line

    host = Host(mode, seed=1)
    assert run(Stack("a", host), main()) == b"hello\n"
    host.close()


def test_an_hour_passes_at_once_in_a_simulation() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(3600)
        return loop.time() - before

    host = Host("sim", seed=1)
    assert run(Stack("a", host), main()) == pytest.approx(3600, abs=0.01)
    assert host.now() >= 3600 * 10**9
    host.close()


def test_worker_threads_have_the_stack_of_the_loop() -> None:
    async def main() -> object:
        return await asyncio.get_running_loop().run_in_executor(None, current_stack)

    host = Host("realtime")
    stack = Stack("a", host)
    assert run(stack, main()) is stack
    host.close()
