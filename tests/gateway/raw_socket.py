"""A client that speaks WebSocket byte by byte, so that it can say what no client would."""

import base64
import os
import socket
import struct

from doubles import HANG
from watching import token

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", *, final=True, reserved=0, masked=True, length=None):  # noqa: PLR0913 - all that can be wrong
    """A frame, right or wrong. `length` is what it says of its payload."""
    said = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    mask = 0x80 if masked else 0
    if said < 126:
        head += bytes([mask | said])
    elif said < 65_536:
        head += bytes([mask | 126]) + struct.pack("!H", said)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", said)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def request(path="/runs/run-1/stream", **headers):
    """The head of a handshake; a header that is None is left out."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        "Authorization": f"Bearer {token()}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode()


class RawSocket:
    """A connection.

    Args:
        port: of the gateway.
        small: whether hardly anything is buffered on the way here.
    """

    def __init__(self, port, *, small=False):
        self._socket = socket.socket()
        if small:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(HANG)
        self._socket.connect(("127.0.0.1", port))

    def handshake(self, path="/runs/run-1/stream", **headers):
        """As a client does it; what the answer says."""
        self.send(request(path, **headers))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._read(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return answer

    def send(self, data):
        self._socket.sendall(data)

    def drip(self, data):
        """Byte by byte, until the other side has had enough of it."""
        self._socket.settimeout(0.05)
        for byte in data:
            try:
                self._socket.sendall(bytes([byte]))
                if not self._socket.recv(1):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("it listened to all of it")

    def frames(self):
        """What comes until the other side hangs up: pairs of opcode and payload."""
        while True:
            try:
                first, second = self._read(2)
                length = second & 0x7F
                if length > 125:
                    length = struct.unpack("!H" if length == 126 else "!Q", self._read(2 if length == 126 else 8))[0]
                yield first & 0x0F, self._read(length)
            except (EOFError, ConnectionError):
                return

    def closed_with(self):
        """The code of the goodbye that comes before the other side hangs up; None if there is none."""
        code = None
        for opcode, payload in self.frames():
            if opcode == CLOSE and payload:
                code = struct.unpack("!H", payload[:2])[0]
        return code

    def rest(self):
        """All that comes until the other side hangs up."""
        found = b""
        while True:
            try:
                data = self._socket.recv(65_536)
            except ConnectionError:
                return found
            if not data:
                return found
            found += data

    def hang_up(self, *, rudely=False):
        if rudely:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _read(self, count):
        found = b""
        while len(found) < count:
            data = self._socket.recv(count - len(found))
            if not data:
                raise EOFError
            found += data
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()
