"""A client of AG-UI: refuses what https://docs.ag-ui.com/spec/1.0 forbids, and keeps messages and state as it says."""

import jsonpatch
from ag_ui.core import Event
from pydantic import TypeAdapter

EVENTS = TypeAdapter(Event)


class AguiClient:
    """What somebody has who got these events.

    Attributes:
        messages: by id, in the order in which they came.
        state: shared with the run.
        custom: the CUSTOM events, by name.
        last: the event that ended the run.
    """

    def __init__(self, events=()):
        self.messages, self.calls, self.answers = {}, {}, {}
        self.state, self.custom, self.last = None, [], None
        self.open = {"text": set(), "reasoning": set(), "span": set(), "call": set(), "step": set()}
        self.began = False
        for event in events:
            self.take(event)

    def take(self, event):
        known = EVENTS.validate_python(event)
        assert not known.model_extra, f"fields that AG-UI does not know: {known.model_extra}"
        assert self.began or event["type"] in ("RUN_STARTED", "RUN_ERROR")
        assert self.last is None, "the run has ended"
        getattr(self, f"_{event['type'].lower()}")(event)

    def text(self, span, role="assistant"):
        return "".join(
            message["content"]
            for message in self.messages.values()
            if message["role"] == role and message["metadata"]["span"] == span
        )

    def args(self, span):
        return [call["args"] for call in self.calls.values() if call["span"] == span and not call["dropped"]]

    def _opened(self, sort, name):
        assert name not in self.open[sort], f"{sort} {name} is open already"
        self.open[sort].add(name)

    def _closed(self, sort, name):
        assert name in self.open[sort], f"{sort} {name} is not open"
        self.open[sort].remove(name)

    def _run_started(self, event):
        assert not self.began
        self.began = True
        for message in event.get("input", {}).get("messages", []):
            self.messages[message["id"]] = dict(message)

    def _run_finished(self, event):
        assert not any(self.open.values()), f"still open: {self.open}"
        self.last = event

    _run_error = _run_finished

    def _state_snapshot(self, event):
        self.state = event["snapshot"]

    def _state_delta(self, event):
        self.state = jsonpatch.apply_patch(self.state, event["delta"])

    def _messages_snapshot(self, event):
        self.messages = {message["id"]: dict(message) for message in event["messages"]}
        told = {call["id"]: call for message in event["messages"] for call in message.get("toolCalls", [])}
        for name, call in self.calls.items():
            call["dropped"] = name not in told
            call["args"] = told[name]["function"]["arguments"] if name in told else ""

    def _step_started(self, event):
        self._opened("step", event["stepName"])

    def _step_finished(self, event):
        self._closed("step", event["stepName"])

    def _text_message_start(self, event):
        self._opened("text", event["messageId"])
        assert event["messageId"] not in self.messages
        self._begin(event)

    def _text_message_content(self, event):
        assert event["messageId"] in self.open["text"]
        assert event["delta"]
        self.messages[event["messageId"]]["content"] += event["delta"]

    def _text_message_end(self, event):
        self._closed("text", event["messageId"])

    def _reasoning_start(self, event):
        self._opened("span", event["messageId"])

    def _reasoning_message_start(self, event):
        self._opened("reasoning", event["messageId"])
        assert event["messageId"] not in self.messages
        self._begin(event)

    def _reasoning_message_content(self, event):
        assert event["messageId"] in self.open["reasoning"]
        self.messages[event["messageId"]]["content"] += event["delta"]

    def _reasoning_message_end(self, event):
        self._closed("reasoning", event["messageId"])

    def _reasoning_end(self, event):
        self._closed("span", event["messageId"])

    def _begin(self, event):
        fields = {key: event[key] for key in ("role", "metadata", "name") if key in event}
        self.messages[event["messageId"]] = {"id": event["messageId"], "content": "", **fields}

    def _tool_call_start(self, event):
        self._opened("call", event["toolCallId"])
        assert event["toolCallId"] not in self.calls
        if "parentMessageId" in event:
            assert event["parentMessageId"] in self.messages
        else:
            self._begin({**event, "messageId": event["toolCallId"], "role": "assistant"})
        span = event["metadata"]["span"]
        self.calls[event["toolCallId"]] = {"name": event["toolCallName"], "args": "", "span": span, "dropped": False}

    def _tool_call_args(self, event):
        assert event["toolCallId"] in self.open["call"]
        self.calls[event["toolCallId"]]["args"] += event["delta"]

    def _tool_call_end(self, event):
        self._closed("call", event["toolCallId"])

    def _tool_call_result(self, event):
        assert event["toolCallId"] in self.calls
        assert event["toolCallId"] not in self.open["call"]
        assert event["toolCallId"] not in self.answers
        assert event["messageId"] not in self.messages
        self.answers[event["toolCallId"]] = event["content"]
        content = {"role": "tool", "content": event["content"], "metadata": {"span": None}}
        self.messages[event["messageId"]] = {"id": event["messageId"], **content}

    def _custom(self, event):
        self.custom.append((event["name"], event["value"]))
