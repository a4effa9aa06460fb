"""One real LangFlow server for all tests of the folder, and a model server that its models are asked of."""

import flows as small
import pytest
from langflow_server import LangFlowServer
from servers.openai_server import OpenAIServer, Script
from servers.tcp_proxy import TcpProxy


@pytest.fixture(scope="session")
def models_of_session():
    server = OpenAIServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def langflow(models_of_session, tmp_path_factory):
    server = LangFlowServer(tmp_path_factory.mktemp("langflow"), models_of_session.url)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def flows(langflow):
    """Ids of the flows on the server, by name."""
    return small.added_to(langflow)


@pytest.fixture
def models(models_of_session):
    """The model server, as if it were new."""
    server = models_of_session
    server.script, server.sent = Script(), 0
    server.requests.clear()
    for event in (server.disconnected, server.holding, server._released):
        event.clear()
    yield server
    server.release()


@pytest.fixture
def line(langflow):
    """A line to the server that can be cut."""
    with TcpProxy(langflow.port).running() as proxy:
        yield proxy
