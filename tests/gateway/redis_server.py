"""A real Redis on loopback."""

import shutil
import socket
import subprocess
import time

import pytest
import redis
from doubles import HANG


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class RedisServer:
    """`redis-server`, without any file unless the options say so.

    Args:
        folder: where it may write.
        options: of its command line.
    """

    def __init__(self, folder, *options):
        if shutil.which("redis-server") is None:
            pytest.fail("redis-server is needed: apt install redis-server")
        self._folder, self._options = folder, options
        self._process = None
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._folder), *self._options], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + HANG
        with redis.Redis(port=self.port, retry=None) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
                else:
                    return

    def stop(self):
        """At once, as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def empty(self):
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def ask(self, *command):
        with redis.Redis(port=self.port) as client:
            return client.execute_command(*command)
