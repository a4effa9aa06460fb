"""What the tests of the gateway share: a real Redis, gateways on threads and gateways as processes."""

import os

import pytest
from gateway_process import GatewayProcess
from redis_server import RedisServer

from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.serve import BackgroundServer
from lfwidget.gateway.settings import Settings

SECRET = "a secret for tests, which is long enough"


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(shared_redis):
    """An empty one."""
    shared_redis.empty()
    return shared_redis


@pytest.fixture
def own_redis(tmp_path):
    """One that the test may stop, with whatever options: `own_redis("--appendonly", "yes")`."""
    servers = []

    def start(*options):
        servers.append(RedisServer(tmp_path, *options))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def serve():
    """Gateways on threads: `serve(idle=1.0)` gives one with these settings; `config=` is for its server."""
    servers = []

    def start(*, config=(), store=None, **settings):
        gateway = Gateway(Settings(**{"secret": SECRET, **settings}), store)
        server = BackgroundServer(gateway, **dict(config))
        server.gateway = gateway
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def gateways(tmp_path):
    """Gateways as processes, that can be killed: `gateways(redis, 2)`."""
    processes = []

    def start(redis, count, **settings):
        environment = {
            **os.environ,
            "LFWIDGET_GATEWAY_SECRET": SECRET,
            "LFWIDGET_GATEWAY_REDIS": redis.url,
            **{f"LFWIDGET_GATEWAY_{name.upper()}": str(value) for name, value in settings.items()},
        }
        made = [GatewayProcess(environment, tmp_path / f"gateway-{number}.log") for number in range(count)]
        processes.extend(made)
        for process in made:
            process.start()
        for process in made:
            process.wait_until_ready()
        return made

    yield start
    for process in processes:
        process.kill()
