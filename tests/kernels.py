"""A real Jupyter kernel, driven as a notebook page drives it."""

from __future__ import annotations

import json
import queue
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from doubles import HANG
from jupyter_client.manager import start_new_kernel

VIEW = "application/vnd.jupyter.widget-view+json"
TESTS = Path(__file__).parent
NOT_OURS = "Kernel is running over TCP without encryption"
"""What every kernel of this kind says when it starts."""


@dataclass
class Cell:
    """What one cell led to, up to the moment the kernel was idle again."""

    seconds: float = 0.0
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    shown: list[dict] = field(default_factory=list)

    @property
    def text(self):
        """The plain text of what it displayed last."""
        return self.shown[-1]["text/plain"]

    @property
    def value(self):
        """What its last line is, where that has a literal form."""
        return eval(self.text, {})


class Comms:
    """What a page hears from the kernel's widgets, in order."""

    def __init__(self):
        self.opened = {}
        self.messages = []

    def take(self, message):
        content = message["content"]
        if message["msg_type"] == "comm_open":
            self.opened[content["comm_id"]] = content["data"]["state"]
        elif message["msg_type"] == "comm_msg":
            data = content["data"]
            if message["buffers"] and data.get("method") == "custom":
                text = bytes(message["buffers"][0]).decode()
                is_frame = data["content"]["kind"] == "frame"
                data["content"].update({"events": json.loads(text)} if is_frame else {"code": text})
            self.messages.append((content["comm_id"], data))

    def widgets(self):
        """Ids of our own, the newest last."""
        return [comm for comm, state in self.opened.items() if state.get("_model_module") == "anywidget"]

    def said(self, comm, kind=None):
        """The custom messages of a widget."""
        all_of_it = [
            data["content"] for sender, data in self.messages if sender == comm and data.get("method") == "custom"
        ]
        return [message for message in all_of_it if kind in (None, message["kind"])]

    def states(self, comm, trait):
        """The values a trait took."""
        first = self.opened[comm].get(trait)
        later = [
            data["state"][trait]
            for sender, data in self.messages
            if sender == comm and data.get("method") == "update" and trait in data["state"]
        ]
        return [first, *later]


class Kernel:
    """A kernel in a process of its own.

    Args:
        batch: whether cells run as nbclient runs them: nobody can be asked for input.
    """

    def __init__(self, *, batch=False):
        self.batch = batch
        self.comms = Comms()
        self.outputs = {}
        self._stderr = Path(tempfile.mkstemp(suffix=".stderr")[1])
        with self._stderr.open("w") as stderr:
            self._manager, self._client = start_new_kernel(kernel_name="python3", stderr=stderr, cwd=str(TESTS))
        # Small real things for the cells, as the tests have them.
        self.run(f"import sys; sys.path.insert(0, {str(TESTS)!r})")

    def execute(self, code):
        """Send a cell, without waiting for it."""
        return self._client.execute(code, allow_stdin=not self.batch)

    def run(self, code):
        """Run a cell to its end."""
        return self.finish(self.execute(code))

    def finish(self, request):
        """Hear everything up to the moment in which the kernel is done with a request."""
        cell, begun = Cell(), time.monotonic()
        self.hear(lambda message: self._ends(message, request, cell))
        cell.seconds = time.monotonic() - begun
        return cell

    def hear(self, until: Callable[[dict], bool]):
        """Take messages until one is what is waited for."""
        deadline = time.monotonic() + HANG
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"the kernel said nothing of the kind for {HANG} s:\n{self.stderr}") from None
            self.comms.take(message)
            self._place(message)
            if until(message):
                return message

    def hear_from(self, comm, condition):
        """Wait until the custom messages of a widget fulfil a condition, and give them."""
        self.until(lambda: condition(self.comms.said(comm)))
        return self.comms.said(comm)

    def until(self, condition: Callable[[], bool]):
        """Take messages until they have brought about a condition, which those before may have done."""
        if not condition():
            self.hear(lambda _message: condition())

    def say(self, comm, content, subshell=None):
        """What a page sends to a widget, by a subshell if it has one."""
        self._comm_message(comm, {"method": "custom", "content": content}, subshell)

    def set_trait(self, comm, **state):
        self._comm_message(comm, {"method": "update", "state": state, "buffer_paths": []})

    def open_subshell(self):
        """What a page makes for its widgets; its id."""
        return self._control("create_subshell_request", {})["subshell_id"]

    def close_subshell(self, subshell):
        self._control("delete_subshell_request", {"subshell_id": subshell})

    def answer_input(self, text):
        """Wait for `input()` and type an answer."""
        message = self._client.get_stdin_msg(timeout=HANG)
        self._client.input(text)
        return message["content"]["prompt"]

    def interrupt(self):
        self._manager.interrupt_kernel()

    @property
    def stderr(self):
        """What the process complained about, which a page shows nobody."""
        lines = self._stderr.read_text().splitlines()
        return "\n".join(line for line in lines if NOT_OURS not in line)

    def close(self):
        """Shut down as a server does, and wait for the end of the process."""
        self._client.stop_channels()
        self._manager.shutdown_kernel()

    def _comm_message(self, comm, data, subshell=None):
        message = self._client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if subshell:
            message["header"]["subshell_id"] = subshell
        self._client.shell_channel.send(message)

    def _control(self, kind, content):
        message = self._client.session.msg(kind, content)
        self._client.control_channel.send(message)
        reply = self._client.control_channel.get_msg(timeout=HANG)
        assert reply["parent_header"]["msg_id"] == message["header"]["msg_id"]
        assert reply["content"]["status"] == "ok"
        return reply["content"]

    def _place(self, message):
        """What stands in the notebook: an output that has an id can be filled again."""
        name = message["content"].get("transient", {}).get("display_id")
        if name:
            self.outputs[name] = message["content"]["data"]

    @property
    def displayed(self):
        """The outputs that can be filled again, as they are now, in the order they were put up."""
        return list(self.outputs.values())

    @staticmethod
    def _ends(message, request, cell):
        if message["parent_header"].get("msg_id") != request:
            return False
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            setattr(cell, content["name"], getattr(cell, content["name"]) + content["text"])
        elif kind == "error":
            cell.error = f"{content['ename']}: {content['evalue']}"
        elif kind in ("execute_result", "display_data") and any(content["data"].values()):
            # A flow's own display has room for a record below it, which is empty at first.
            cell.shown.append(content["data"])
        return kind == "status" and content["execution_state"] == "idle"
