"""A gateway as a process, which can be killed and started again."""

import subprocess
import sys
import time
import urllib.error
import urllib.request

from doubles import HANG
from redis_server import free_port


class GatewayProcess:
    """`python -m lfwidget.gateway`.

    Args:
        environment: says what it serves.
        output: file for what it prints.
    """

    def __init__(self, environment, output):
        self._environment, self._output = environment, output
        self._process = None
        self.port = free_port()

    def start(self):
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lfwidget.gateway", "--port", str(self.port)],
                env=self._environment,
                stdout=output,
                stderr=output,
            )

    def wait_until_ready(self):
        deadline = time.monotonic() + HANG
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz"):
                    return
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError(self._output.read_text()) from None
                time.sleep(0.02)

    def kill(self):
        """As `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def printed(self):
        return self._output.read_text()
