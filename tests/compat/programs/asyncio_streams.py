"""asyncio: echo over streams, a subprocess, a Unix socket, a datagram endpoint and TLS, in one loop."""

import asyncio
import ssl
import tempfile

import trustme

ca = trustme.CA()
server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ca.issue_cert("localhost").configure_cert(server_context)
client_context = ssl.create_default_context()
ca.configure_trust(client_context)
BULK = b"0123456789abcdef" * 65536


served = []


async def echo(reader, writer):
    served.append(asyncio.current_task())
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def talk(port, **kwargs):
    reader, writer = await asyncio.open_connection("localhost", port, **kwargs)

    async def send():
        writer.write(BULK)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sender = asyncio.create_task(send())
    assert await reader.readexactly(len(BULK)) == BULK
    await sender
    writer.close()
    await writer.wait_closed()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer=None):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        if self.answer is None:
            self.transport.sendto(data[::-1], address)
        else:
            self.answer.set_result(data)


async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*(talk(port) for _ in range(4)))
    server.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*(talk(port, ssl=client_context, server_hostname="localhost") for _ in range(2)))
    server.close()

    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    assert await process.communicate(b"through a pipe") == (b"through a pipe", None)

    with tempfile.TemporaryDirectory() as folder:
        unix = await asyncio.start_unix_server(echo, folder + "/s")
        reader, writer = await asyncio.open_unix_connection(folder + "/s")
        writer.write(b"unix")
        assert await reader.readexactly(4) == b"unix"
        writer.close()
        unix.close()

    receiver, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    answer = loop.create_future()
    sender, _ = await loop.create_datagram_endpoint(
        lambda: Datagrams(answer), remote_addr=receiver.get_extra_info("sockname")
    )
    sender.sendto(b"abc")
    assert await asyncio.wait_for(answer, 100) == b"cba"
    sender.close()
    receiver.close()

    try:
        await asyncio.open_connection("127.0.0.1", 9)
    except ConnectionRefusedError:
        pass
    else:
        raise AssertionError("connected to a closed port")
    await asyncio.wait_for(asyncio.gather(*served), 100)


asyncio.run(main())
print("ok")
