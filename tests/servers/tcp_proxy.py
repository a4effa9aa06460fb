"""A line between a client and a server that can be cut, restored, and made to pass on only a few bytes at a time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

__all__ = ["TcpProxy"]

_CHUNK = 65_536


class TcpProxy:
    """Passes bytes on, both ways.

    Args:
        port: of the server on 127.0.0.1.

    Attributes:
        piece: bytes that the client gets at once, at most; None for as many as come.
        connections: how many there were.
    """

    def __init__(self, port: int) -> None:
        self.piece: int | None = None
        self.connections = 0
        self._target = port
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._whole = True

    @property
    def url(self) -> str:
        """Where the client goes."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Cut every connection; new ones are cut at once, until `restore()`."""
        self._whole = False
        with self._lock:
            sockets, self._open = self._open, set()
        for each in sockets:
            _end(each)

    def restore(self) -> None:
        """From now on connections hold."""
        self._whole = True

    @contextlib.contextmanager
    def running(self) -> Iterator[TcpProxy]:
        """Listen until the block ends."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            # Closing a socket does not wake the thread that accepts on it; a shutdown does.
            _end(self._listener)
            self.cut()
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if not self._whole:
                _end(client)
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            with self._lock:
                self._open |= {client, server}
            for source, to, piece in ((client, server, None), (server, client, self.piece)):
                threading.Thread(target=self._pump, args=(source, to, piece), daemon=True).start()

    def _pump(self, source: socket.socket, to: socket.socket, piece: int | None) -> None:
        try:
            while data := source.recv(_CHUNK):
                for at in range(0, len(data), piece or len(data)):
                    to.sendall(data[at : at + (piece or len(data))])
        except OSError:
            pass
        finally:
            for each in (source, to):
                with self._lock:
                    self._open.discard(each)
                _end(each)


def _end(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
