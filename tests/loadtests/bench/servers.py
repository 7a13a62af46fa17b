"""A small threaded HTTP server for the tests of this folder: what stands where a target stands.

Promises: answers every request of a connection with what a function says. Never: parses more than it must.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

Respond = Callable[[bytes], tuple[int, bytes]]
"""From the bytes of a request head to a status and a body."""
CLOSE = b"Connection: close\r\n"


@contextmanager
def serving(respond: Respond, *, obeys_close: bool = True) -> Iterator[int]:
    """A server on a port of its own, gone at the end of the block."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                while head := self._head():
                    status, body = respond(head)
                    closing = obeys_close and CLOSE in head
                    fields = b"Content-Length: %d\r\n%s" % (len(body), CLOSE if closing else b"")
                    self.wfile.write(b"HTTP/1.1 %d X\r\n%s\r\n%s" % (status, fields, body))
                    if closing:
                        return

        def _head(self) -> bytes:
            """The next head with its blank line; nothing at the end of the connection."""
            lines = [self.rfile.readline()]
            while lines[-1] not in (b"\r\n", b""):
                lines.append(self.rfile.readline())
            return b"".join(lines)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
