"""Small real things that stand in for big ones."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

HANG = 30.0
"""Seconds after which something that should have happened never will. A bound on hanging, not on speed."""


async def within(awaitable):
    """The result, or TimeoutError instead of a test that hangs."""
    return await asyncio.wait_for(awaitable, HANG)


async def until(run, *kinds):
    """Follow a run up to the first event of one of these kinds."""
    async with asyncio.timeout(HANG):
        async for event in run:
            if event["kind"] in kinds:
                return event
    raise AssertionError(f"the run ended without any of {kinds}")


def node(node_id, title=None, **fields):
    return {"id": node_id, "title": title or node_id.title(), "type": "node", **fields}


def press_ctrl_c():
    """Press Ctrl-C in this process, as soon as something waits that is not torn apart by it."""

    def press():
        deadline = time.monotonic() + HANG
        while signal.getsignal(signal.SIGINT) is signal.default_int_handler and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()


TWO_NODES = (node("first"), node("second"))


class SmallRunner:
    """A runner that does what a test says: `body(execution)` is the flow."""

    name = "Small"

    def __init__(self, body, nodes=TWO_NODES, edges=()):
        self._body = body
        self.graph = {"nodes": list(nodes), "edges": list(edges)}
        self.form = {"kind": "text", "fields": [], "examples": []}

    def to_input(self, typed):
        return typed

    async def execute(self, execution):
        return await self._body(execution)


class Node:
    """One span of a node: started on entry, finished or failed on exit.

    Args:
        execution: of the run.
        node: its id.
        output: kept as the live object.
    """

    def __init__(self, execution, node, output=None, **fields):
        self.log, self.keep = execution.log, execution.keep
        self.node, self.span, self.output, self.fields = node, f"{node}-span", output, fields

    def say(self, *tokens):
        for token in tokens:
            self.log.delta(self.node, self.span, "text", token)

    async def __aenter__(self):
        self.log.append("node.started", node=self.node, span=self.span, attempt=1)
        return self

    async def __aexit__(self, kind, error, trace):
        where = {"node": self.node, "span": self.span}
        if error is None:
            self.keep(self.span, self.output)
            self.log.append("node.finished", **where, output=self.output, duration=0.5, **self.fields)
        elif isinstance(error, asyncio.CancelledError):
            self.log.append("node.cancelled", **where, reason="the run was cancelled")
        else:
            self.log.append("node.failed", **where, error={"type": kind.__name__, "message": str(error)})


async def echo(execution):
    """The simplest flow: one node that says its input back."""
    async with Node(execution, "first", output=execution.input) as first:
        first.say(*str(execution.input))
    return execution.input


class Gate:
    """A flow that waits until the test lets it go on, wherever it runs."""

    def __init__(self):
        self._loop = None
        self._open = None

    async def __call__(self, execution):
        self._loop, self._open = asyncio.get_running_loop(), asyncio.Event()
        async with Node(execution, "first"):
            await self._open.wait()
        return execution.input

    def open(self):
        self._loop.call_soon_threadsafe(self._open.set)
