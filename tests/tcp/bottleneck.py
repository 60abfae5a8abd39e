"""Bulk flows through one bottleneck, in virtual time: what they carry, what they leave in the queue."""

from usernet.core.const import MS, SECOND
from usernet.tcp.settings import Settings
from usernet.testing.peer import Owner
from usernet.testing.wire import A, B, Pair

CHUNK = bytes(64 * 1024)


class Bulk:
    """A sender that never runs dry and a reader that takes everything."""

    def __init__(self, client, server, began):
        self.client, self.server, self.began = client, server, began
        self.read = 0

    def write(self, now):
        while self.client.send(CHUNK, now) > 0:
            pass

    def take(self, now):
        if self.server.available():
            self.read += len(self.server.recv(1 << 20, False, now))


class Bottleneck:
    """A link of ``rate`` octets a second with a queue of ``queue`` octets; ``delay_ms`` one way."""

    def __init__(self, *, rate, delay_ms=20, queue, whole=False, **kw):
        self.pair = Pair(rate=rate, delay_ms=delay_ms, queue=queue, whole=whole, pool=256 << 20, **kw)
        self.rate = rate
        self.flows = []
        self.queues = []
        for context in self.pair.contexts.values():
            context.sysctl.set("net.ipv4.tcp_wmem", (4096, 262144, 8 << 20))
            context.sysctl.set("net.ipv4.tcp_rmem", (4096, 540000, 15 << 20))
        self.listener = self.pair.b.listen(Owner(), self.pair.b.bind(b"", 80, 4, 1), 16, Settings())

    def flow(self, congestion):
        """One more flow."""
        settings = Settings()
        settings.congestion = congestion
        pair = self.pair
        # The receiver's control decides how it answers marks (RFC 8257 3.2).
        pair.contexts[B].sysctl.set("net.ipv4.tcp_congestion_control", congestion)
        client = pair.a.connect(Owner(), None, B, 80, settings, pair.now)
        server = None
        while server is None or client.state != 1:
            self.run(ms=10)
            server = server or self.listener.accept(pair.now)
        server.owner = Owner()
        flow = Bulk(client, server, pair.now)
        self.flows.append(flow)
        return flow

    def queue(self):
        """Octets waiting at the bottleneck."""
        return max(0, self.pair.busy_until[B] - self.pair.now) * self.rate // SECOND

    def run(self, *, s=0.0, ms=0.0):
        """Let time pass, flows kept busy; the queue is noted every 5 ms."""
        end = self.pair.now + int(s * SECOND + ms * MS)
        while self.pair.now < end:
            until = min(end, self.pair.now + 5 * MS)
            while self.pair.step(until):
                # A reader that is late would hold back ACKs, and they would come in lumps.
                for flow in self.flows:
                    flow.take(self.pair.now)
            for flow in self.flows:
                flow.write(self.pair.now)
            self.queues.append(self.queue())

    def measure(self, s):
        """Octets a second of each flow in the next seconds, and the mean queue in octets."""
        before = [flow.read for flow in self.flows]
        self.queues.clear()
        self.run(s=s)
        mean = sum(self.queues) / len(self.queues)
        return [(flow.read - was) / s for flow, was in zip(self.flows, before, strict=True)], mean


__all__ = ["A", "B", "Bottleneck", "Bulk"]
