"""Fixtures of all tests."""

import pytest
from servers.openai_server import OpenAIServer


@pytest.fixture
def openai_server():
    """A server of OpenAI's API on loopback, for one test; see `servers/openai_server.py`."""
    server = OpenAIServer()
    server.start()
    yield server
    server.stop()
