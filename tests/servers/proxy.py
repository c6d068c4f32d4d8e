"""A proxy between a client and a server, which counts what passes and lets it go wrong on demand."""

import contextlib
import http.client
import re
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@attrs.frozen
class Status:
    """The server does not see the request; the proxy answers in its place."""

    status: int
    headers: dict[str, str] = attrs.field(factory=dict[str, str])
    body: bytes = b""


@attrs.frozen
class LostAnswer:
    """The server does what it was asked; the client never hears of it."""


@attrs.frozen
class Reset:
    """The connection is reset after half of the body of the answer."""


@attrs.frozen
class Slow:
    """The answer takes a while."""

    seconds: float


@attrs.frozen
class Ignored:
    """The server does not see a header or parameter: it does as if it did not know of it."""

    name: str


@attrs.define
class Rule:
    """What happens to the next requests of a kind."""

    request: re.Pattern[str]
    fault: Status | LostAnswer | Reset | Slow | Ignored
    times: int


class Proxy:
    """Forwards HTTP from a free port of loopback to a server; `requests` is what has passed."""

    def __init__(self, host, port):
        self.upstream = host, port
        self.rules: list[Rule] = []
        self.requests: list[str] = []
        self.mutex = threading.Lock()
        handler = type("BoundHandler", (Handler,), {"proxy": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def fail(self, request, fault, times=1):
        """Let the next `times` requests that match, such as ``"PUT .*commits"``, go wrong."""
        self.rules.append(Rule(re.compile(request), fault, times))

    def reset(self):
        self.rules.clear()
        self.requests.clear()

    def next_fault(self, request):
        with self.mutex:
            self.requests.append(request)
            for rule in self.rules:
                if rule.times and rule.request.search(request):
                    rule.times -= 1
                    return rule.fault
        return None

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, *_args):
        """Say nothing."""

    def handle(self):
        with contextlib.suppress(ConnectionError):
            super().handle()

    def relay(self):
        body = self.read_body()
        fault = self.proxy.next_fault(f"{self.command} {self.path}")
        if isinstance(fault, Status):
            self.answer(fault.status, fault.headers, fault.body)
            return
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        ignored = fault.name.lower() if isinstance(fault, Ignored) else ""
        path = re.sub(f"{ignored}=[^&]*&?", "", self.path, flags=re.IGNORECASE) if ignored else self.path
        connection = http.client.HTTPConnection(*self.proxy.upstream, timeout=30)
        try:
            dropped = {*HOP_BY_HOP, ignored}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            connection.request(self.command, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if isinstance(fault, LostAnswer):
            self.hang_up()
            return
        headers = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        length = response.getheader("content-length") if self.command == "HEAD" else None
        if isinstance(fault, Reset):
            self.send_head(response.status, headers, len(content))
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.hang_up()
            return
        self.answer(response.status, headers, content, length)

    def __getattr__(self, name):
        """Treat all methods alike."""
        if name.startswith("do_"):
            return self.relay
        raise AttributeError(name)

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status, headers, body, length=None):
        self.send_head(status, headers, len(body) if length is None else length)
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_head(self, status, headers, length):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def hang_up(self):
        """End the connection with a reset, as a crash or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
