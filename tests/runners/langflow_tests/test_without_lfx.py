"""What is left of running a flow where lfx is not installed."""

import pytest
from exports import chat

from lfwidget.errors import MissingExtraError
from lfwidget.loading import load_flow


def test_without_lfx_a_flow_is_drawn_and_not_run():
    flow = load_flow(chat())
    assert {node["id"] for node in flow.graph.nodes} >= {"ChatInput-a", "ChatOutput-d"}
    with pytest.raises(MissingExtraError, match=r'pip install "lfwidget\[lfx\]"'):
        flow.run()
