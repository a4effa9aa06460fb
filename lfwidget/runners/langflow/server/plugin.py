"""The socket that a LangFlow server has where our plugin is switched on there (`lfwidget/gateway/langflow_plugin/`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx

from lfwidget.runners.langflow.server.http import Server, json_of
from lfwidget.runners.langflow.server.relay import Relay
from lfwidget.runners.socket.address import Address
from lfwidget.runners.socket.client import Client

__all__ = ["follow", "is_there"]


async def is_there(server: Server, client: httpx.AsyncClient) -> bool | None:
    """Whether the server has the plugin; None if it did not say. One that has a page in its place has not.

    Args:
        server: which.
        client: of a run.
    """
    if server.login is not None:  # which takes the place in which the key would be sent
        return False
    try:
        answer = await client.get(f"{server.url}/runs")
    except httpx.HTTPError:
        return None
    return answer.is_success and isinstance(json_of(answer).get("lfwidget"), Mapping)


async def follow(server: Server, run: str, relay: Relay, lost: Callable[[str], None]) -> None:
    """Take in a run to its end, or until a node asks a person.

    Args:
        server: which.
        run: id of the job.
        relay: takes what is said.
        lost: is called with words when the connection is lost, and with "" when it is there again.

    Raises:
        GatewayError: the plugin does not know this run, or was away for too long.
        EventError: it says what it should not.
    """
    address = Address(f"{server.url}/runs/{run}", "runs", run, server.api_key)
    messages = Client(address, lambda: relay.position, lost, server.patience.lost).messages()
    try:
        async for message in messages:
            relay.hear(message)
            if relay.ended or relay.asks:
                return
    finally:
        await messages.aclose()
