"""Start a run on a LangFlow server and listen to it until it is over, by one of the ways that LangFlow has.

The next way is tried only where the server has not got one, so a run never begins twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from lfwidget.errors import EventError, GatewayError, InputRequiredError, LfwidgetError, ServerError
from lfwidget.model.log import RunLog
from lfwidget.runners.langflow.export import as_mapping
from lfwidget.runners.langflow.server.fold import Fold
from lfwidget.runners.langflow.server.http import Server, detail_of, is_missing, json_of, read_some
from lfwidget.runners.langflow.server.job import Job
from lfwidget.runners.langflow.server.plugin import follow
from lfwidget.runners.langflow.server.relay import Relay
from lfwidget.runners.langflow.server.vocabulary import KEPT, said
from lfwidget.runners.langflow.server.ways import CANNOT, ROUTES
from lfwidget.runners.langflow.server.wire import Frame, FrameTooLargeError, Parser

__all__ = ["DataRefusedError", "Drive", "WayMissingError"]

_PATIENCE_TO_STOP = 5.0
_PATIENCE_TO_BEGIN = 5.0
"""Seconds without a word of a run that goes on: it is in another process of the server than our socket is."""
_REFUSED = (400, 413, 422)
_LOST = (500, 502, 503, 504)
_FLOW_FAILED = 500
"""How /api/v1/run says that the flow failed."""


class WayMissingError(Exception):
    """The server has not got this way; nothing has begun."""


class DataRefusedError(Exception):
    """The server does not take what we added to the run; nothing has begun."""


class Drive:
    """One run on a server.

    Args:
        server: which.
        client: for this run alone.
        job: what is asked.
        fold: takes the events.
        log: for remarks.
        relay: takes what our plugin says, where the server has it.
    """

    def __init__(  # noqa: PLR0913 - it is made in one place
        self,
        server: Server,
        client: httpx.AsyncClient,
        job: Job,
        fold: Fold,
        log: RunLog,
        *,
        relay: Relay | None = None,
    ) -> None:
        self.over = False
        self._server = server
        self._client = client
        self._job = job
        self._fold: Fold | Relay = fold
        self._relay = relay
        self._log = log
        self._id = ""
        self._asked = False
        self._last_id = ""
        self._heard = 0
        self._unreadable = False
        self._way = ""

    @property
    def told(self) -> Fold | Relay:
        """What was told of the run."""
        return self._relay if self._relay is not None and self._relay.have else self._fold

    async def take(self, way: str) -> None:
        """Run it this way, to its end.

        Raises:
            WayMissingError: the server has not got this way.
            DataRefusedError: it refuses the taps or the stream switches.
            ServerError: it refuses the run, or is lost.
            InputRequiredError: a node asks a person.
        """
        self._way = way
        try:
            await self._WAYS[way](self)
        except httpx.HTTPError as error:
            raise self._server.unreachable(error) from error
        except FrameTooLargeError as error:
            raise ServerError(f"{self._server.url}: {error}", self._server.url) from error

    async def stop(self) -> None:
        """Stop the server's run, if it goes on without us: only one in the background does."""
        if not self._asked or self.over:
            return
        try:
            async with asyncio.timeout(_PATIENCE_TO_STOP):
                # Who left before the answer does not know the job: the same request tells it, by its key.
                self._id = self._id or await self._submit()
                answer = await self._client.post(self._url("/api/v2/workflows/stop"), json={"job_id": self._id})
            if not answer.is_success:
                raise self._server.refused(answer)
        except (TimeoutError, httpx.HTTPError, ServerError, WayMissingError, DataRefusedError) as error:
            why = str(error) or "it did not answer"
            self._remark("warning", f"the server could not be told to stop this run: {why}")

    # The ways

    async def _background(self) -> None:
        self._id = await self._submit()
        if self._relay is None or not await self._is_watched(self._relay):
            await self._listen_to_the_end()

    async def _is_watched(self, relay: Relay) -> bool:
        """Follow it over our plugin's socket to its end; False if nothing of it is heard there."""
        hearing = asyncio.create_task(follow(self._server, self._id, relay, self._line))
        try:
            while not hearing.done():
                await asyncio.wait({hearing}, timeout=None if relay.have else _PATIENCE_TO_BEGIN)
                if not (hearing.done() or relay.have or await self._is_queued()):
                    break
        finally:
            hearing.cancel()
            await asyncio.wait({hearing})
        trouble = None if hearing.cancelled() else hearing.exception()
        if not isinstance(trouble, GatewayError | EventError | None):
            raise trouble
        if not relay.have:
            words = trouble or "it says nothing"
            self._remark("info", f"the server's socket does not tell of this run ({words}): LangFlow's own events do")
            return False
        await self._conclude_watch(relay, trouble)
        return True

    async def _conclude_watch(self, relay: Relay, trouble: GatewayError | EventError | None) -> None:
        if relay.asks:
            raise _asks()
        # What the plugin no longer tells, because the server began anew, LangFlow may know.
        self._fold = relay
        if trouble is None:
            self.over = True
        elif not await self._is_over(cut=False):
            raise ServerError(
                f"{self._server.url}: the run can no longer be watched ({trouble}). It may still go on there, as job "
                f"{self._id}",
                self._server.url,
            ) from trouble

    async def _is_queued(self) -> bool:
        try:
            answer = await self._client.get(self._url("/api/v2/workflows"), params={"job_id": self._id})
        except httpx.HTTPError:
            return False
        return json_of(answer).get("status") == "queued"

    def _line(self, trouble: str) -> None:
        if trouble:
            self._remark("warning", f"the connection to the server was lost: reconnecting ({trouble})")
        else:
            self._remark("info", "connected again")

    async def _listen_to_the_end(self) -> None:
        """By LangFlow's own events, through all reconnects."""
        lost_at: float | None = None
        pause = self._server.patience.first_pause
        while True:
            heard, why = self._heard, await self._listen(again=lost_at is not None)
            if self._heard > heard:
                lost_at, pause = None, self._server.patience.first_pause
            if await self._is_over(cut=bool(why)):
                return
            now = asyncio.get_running_loop().time()
            if lost_at is None:
                lost_at = now
                self._remark(
                    "warning", f"the connection to the server was lost: reconnecting ({why or 'it was closed'})"
                )
            if now + pause - lost_at > self._server.patience.lost:
                raise ServerError(
                    f"{self._server.url}: the connection was lost and did not come back within "
                    f"{self._server.patience.lost:g} seconds. The run may still go on there, as job {self._id}",
                    self._server.url,
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._server.patience.longest_pause)

    async def _submit(self) -> str:
        """Queue the run. A request whose answer was lost is made again: its key keeps it from being a second run."""
        body, tries = self._job.workflow("background"), 3
        for left in reversed(range(tries)):
            try:
                self._asked = True
                answer = await self._client.post(self._url("/api/v2/workflows"), json=body)
                break
            except httpx.TransportError as error:
                if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    self._asked = False
                if not left or not self._asked:
                    raise
        if not answer.is_success:
            self._asked = False
            raise self._refusal(answer)
        job = self._server.read(answer)
        if not isinstance(job, Mapping) or not said(job.get("job_id")):
            raise ServerError(f"{self._server.url}: its API v2 began a run without a job to follow", self._server.url)
        self._begun()
        return said(job["job_id"])

    async def _listen(self, *, again: bool) -> str:
        """Take in the events of the job from where we are, until the stream ends.

        Returns:
            Why it ended too early; "" where the server closed it.
        """
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        try:
            path = f"/api/v2/workflows/{self._id}/events"
            async with self._open("GET", path, self._server.patience.keepalive, headers=headers) as answer:
                if answer.status_code in _LOST:
                    return f"status {answer.status_code}"
                await self._refuse(answer)
                if again:
                    self._remark("info", "connected again")
                await self._read(answer, resumable=True)
        except httpx.DecodingError:
            raise
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return ""

    async def _is_over(self, *, cut: bool) -> bool:
        """Ask how the job is; what the stream did not tell is taken from the answer.

        Args:
            cut: whether the stream broke off, so that the rest of it can still be read.
        """
        try:
            answer = await self._client.get(self._url("/api/v2/workflows"), params={"job_id": self._id})
        except httpx.HTTPError:
            return self._done(self._fold.ended)
        job = json_of(answer)
        detail = as_mapping(job.get("detail"))
        # That the flow failed is told as if the server had (500, JOB_FAILED).
        status = "failed" if detail.get("code") == "JOB_FAILED" else said(job.get("status"))
        if status:
            return self._done(self._conclude(status, job, cut=cut))
        if self._fold.ended or answer.status_code in _LOST:
            return self._done(self._fold.ended)
        raise self._server.refused(answer)

    def _conclude(self, status: str, job: Mapping[str, Any], *, cut: bool) -> bool:
        """Whether a job with this status is over, and all of it heard."""
        if status == "suspended":
            raise _asks()
        if status == "cancelled":
            self._fold.cancelled = True
        if self._fold.ended or self._fold.cancelled:
            return True
        if cut or status not in ("completed", "failed", "timed_out"):
            return False
        if status == "completed":
            for node, output in as_mapping(job.get("outputs")).items():
                self._fold.take({"event": "output", "data": {**as_mapping(output), "component_id": node}})
        elif self._fold.failure is None:
            detail = as_mapping(job.get("detail"))
            words = said(detail.get("error_detail")) or said(detail.get("message")) or f"the run is {status}"
            self._fold.take({"event": "error", "data": {"error": words}})
        return True

    def _done(self, over: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
        self.over = over
        return over

    def _begun(self) -> None:
        """The server took the run: say by which way."""
        level = "info" if CANNOT[self._way] else "debug"
        limits = f": {CANNOT[self._way]}" if CANNOT[self._way] else ""
        self._remark(level, f"run on {self._server.url} by {ROUTES[self._way]}{limits}")

    async def _stream(self) -> None:
        await self._once("/api/v2/workflows", self._job.workflow("stream"), self._server.patience.keepalive)

    async def _build(self) -> None:
        path = f"/api/v1/build/{self._job.flow}/flow?event_delivery=direct"
        await self._once(path, self._job.build(), self._server.patience.silence)

    async def _run_stream(self) -> None:
        path = f"/api/v1/run/{self._job.flow}?stream=true"
        await self._once(path, self._job.run(), self._server.patience.silence, self._job.headers)

    async def _run(self) -> None:
        timeout = httpx.Timeout(self._server.patience.silence, connect=self._server.patience.connect)
        url = self._url(f"/api/v1/run/{self._job.flow}?stream=false")
        answer = await self._client.post(url, json=self._job.run(), headers=self._job.headers, timeout=timeout)
        if answer.is_success or answer.status_code == _FLOW_FAILED:
            self._begun()
        if answer.status_code == _FLOW_FAILED:
            self._fold.take({"event": "error", "data": {"error": detail_of(answer.content)}})
        elif not answer.is_success:
            raise self._refusal(answer)
        else:
            self._fold.take({"event": "end", "data": {"result": self._server.read(answer)}})
        self.over = True

    async def _once(self, path: str, body: Any, silence: float, headers: Mapping[str, str] | None = None) -> None:
        """A run that lives as long as its connection."""
        async with self._open("POST", path, silence, json=body, headers=headers or {}) as answer:
            await self._refuse(answer)
            self._begun()
            await self._read(answer)
        if not self._fold.ended and self._fold.failure is None and not self._fold.cancelled:
            raise ServerError(
                f"{self._server.url}: the connection ended before the run did, and the server stops such a run",
                self._server.url,
            )
        self.over = True

    _WAYS: ClassVar[dict[str, Any]] = {
        "background": _background,
        "stream": _stream,
        "build": _build,
        "run_stream": _run_stream,
        "run": _run,
    }

    # The wire

    def _open(self, method: str, path: str, silence: float, **options: Any) -> Any:
        """A stream. It is not packed: a server that packs one holds tokens back until they are worth it."""
        options["headers"] = {"Accept-Encoding": "identity", **options.get("headers", {})}
        timeout = httpx.Timeout(silence, connect=self._server.patience.connect)
        return self._client.stream(method, self._url(path), timeout=timeout, **options)

    async def _read(self, answer: httpx.Response, *, resumable: bool = False) -> None:
        parser = Parser()
        async for chunk in answer.aiter_bytes():
            for frame in parser.feed(chunk):
                self._take(frame, resumable=resumable)
        for frame in parser.close():
            self._take(frame, resumable=resumable)

    def _take(self, frame: Frame, *, resumable: bool) -> None:
        if frame.data is None:
            if not self._unreadable:
                self._unreadable = True
                self._remark("warning", f"the server sent something that is no event: {frame.raw}")
            return
        if resumable and frame.id and self._is_known(frame):
            return
        self._heard += 1
        self._fold.take(frame.data)
        if self._fold.asks:
            raise _asks()

    def _is_known(self, frame: Frame) -> bool:
        """Whether it was heard before. What is not kept has the number of the event before it, so that says nothing."""
        number, last = frame.id or "", self._last_id
        kept = frame.data is not None and frame.data.get("event") in KEPT
        if kept and number.isdecimal() and last.isdecimal() and int(number) <= int(last):
            return True
        self._last_id = number
        return False

    async def _refuse(self, answer: httpx.Response) -> None:
        """Raise what a stream's answer says, if it is no stream of events."""
        if answer.is_success and "html" not in answer.headers.get("content-type", ""):
            return
        await read_some(answer)
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> Exception:
        """What a refused request means: nothing has begun."""
        if is_missing(answer):
            return WayMissingError(f"status {answer.status_code}")
        if answer.status_code in _REFUSED and not self._job.is_plain:
            return DataRefusedError(str(self._server.refused(answer)))
        return self._server.refused(answer)

    def _url(self, path: str) -> str:
        return f"{self._server.url}{path}"

    def _remark(self, level: str, message: str) -> None:
        self._log.append("log", level=level, message=message, source="server")


def _asks() -> LfwidgetError:
    return InputRequiredError(
        "a node of this flow asks a person, which LangFlow's server does not let us answer: run it in LangFlow itself"
    )
