"""Two network stacks in one process, joined by a cable: an asyncio server on one, a blocking client on the other.

python examples/echo.py
"""

import asyncio
import threading

import usernet
from usernet.link.veth import veth_pair


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send every line back."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


def serve(stack: usernet.Stack, ready: threading.Event) -> None:
    """Run an asyncio server on this stack until its first client leaves."""

    async def main() -> None:
        done = asyncio.Event()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await echo(reader, writer)
            done.set()

        async with await asyncio.start_server(client, "10.7.0.1", 7):
            ready.set()
            await done.wait()

    with stack, asyncio.Runner(loop_factory=usernet.new_event_loop) as runner:
        runner.run(main())


def main() -> None:
    """Lay the cable, start the server, talk to it."""
    host = usernet.Host("realtime")
    server, client = usernet.Stack("server", host), usernet.Stack("client", host)
    left, right = veth_pair("eth0", "eth0")
    server.attach(left, address="10.7.0.1/24")
    client.attach(right, address="10.7.0.2/24")

    ready = threading.Event()
    thread = threading.Thread(target=serve, args=(server, ready))
    thread.start()
    ready.wait()

    with client:
        connection = usernet.socket.create_connection(("10.7.0.1", 7))
    with connection, connection.makefile("rwb", buffering=0) as lines:
        for word in ("hello", "from", "the", "other", "stack"):
            lines.write(f"{word}\n".encode())
            print(lines.readline().decode(), end="")
    thread.join()
    host.close()


if __name__ == "__main__":
    main()
