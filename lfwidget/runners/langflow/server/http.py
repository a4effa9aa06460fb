"""How we talk to a LangFlow server: addresses, keys, patience, and what went wrong, in words. No event is read here."""

from __future__ import annotations

import html
import ipaddress
import json
import os
import re
import ssl
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from lfwidget.errors import InputError, ServerError
from lfwidget.model.redact import MASK
from lfwidget.runners.langflow.export import as_mapping
from lfwidget.runners.langflow.server.vocabulary import said

__all__ = ["Patience", "Server", "detail_of", "is_missing", "json_of", "read_some", "refusal"]

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_LONGEST = 600
_GATEWAY = (502, 503, 504)
_MISSING = (405, 501)
_HOW_TO_TRUST = (
    "If you trust it, save its certificate, or that of the authority that signed it, as a .pem file and name that file "
    "in the environment: SSL_CERT_FILE=/path/to/ca.pem"
)
_OF_THIS_VERSION = {"mode", "stream_protocol", "idempotency_key", "input_value"}
"""Fields of API v2 in 1.13; a server that complains of one has another version of it."""
_LARGEST_PAGE = 65_536


@dataclass(frozen=True)
class Patience:
    """How long is waited, in seconds.

    Args:
        connect: for a connection.
        answer: for the answer to a short request.
        keepalive: for anything, on a stream that says something every 15 seconds.
        silence: for anything, on a stream that is silent while a model thinks. The server itself gives up after 300.
        lost: for the server to come back, in a run whose connection was lost.
        first_pause: between two attempts, the first time; doubled each time.
        longest_pause: between two attempts at most.
    """

    connect: float = 10.0
    answer: float = 60.0
    keepalive: float = 45.0
    silence: float = 330.0
    lost: float = 60.0
    first_pause: float = 0.2
    longest_pause: float = 5.0


@dataclass(frozen=True)
class Server:
    """A LangFlow server, and the right to use it.

    Args:
        url: its address, without credentials.
        api_key: sent as `x-api-key`, the one form that all of LangFlow's routes take; "" for none.
        login: user and password for a proxy in front of it, where they stood in the address.
        patience: how long is waited.
    """

    url: str
    api_key: str = field(default="", repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    patience: Patience = field(default_factory=Patience, repr=False)

    @classmethod
    def at(cls, url: str, api_key: str | None = None, patience: Patience | None = None) -> Server:
        """The server at an address that somebody typed.

        Args:
            url: "http://localhost:7860"; a path in front of `/api` is kept.
            api_key: by default the environment's LANGFLOW_API_KEY.
            patience: how long is waited.

        Raises:
            InputError: the address or the key cannot be one.
        """
        try:
            parsed = httpx.URL(url.strip())
        except (httpx.InvalidURL, TypeError, AttributeError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InputError("url= is the address of a LangFlow server, as in 'http://localhost:7860'")
        key = (api_key if api_key is not None else os.environ.get("LANGFLOW_API_KEY", "")).strip()
        if key and not _PRINTABLE.fullmatch(key):
            raise InputError("api_key= has a character that no key has: was it copied whole, and alone?")
        login = (parsed.username, parsed.password) if parsed.username else None
        plain = str(parsed.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        server = cls(plain, key, login, patience or Patience())
        server._warn_of_open_line()
        return server

    @property
    def secrets(self) -> set[str]:
        """What must not be seen."""
        return {secret for secret in (self.api_key, *(self.login or ())[1:]) if secret}

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        host = httpx.URL(self.url).host
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def _options(self) -> dict[str, Any]:
        """Those of an httpx client. Redirects are not followed: the key would go along to wherever they lead."""
        return {
            "headers": {"x-api-key": self.api_key} if self.api_key else {},
            "auth": self.login,
            "timeout": httpx.Timeout(self.patience.answer, connect=self.patience.connect),
            # A proxy for the world is none for this machine; httpx would ask it all the same.
            "trust_env": not self.is_here,
            # Which httpx, too, takes from the environment, but not together with its proxies left aside.
            "verify": _trusted() if self.url.startswith("https:") else True,
        }

    def get(self, path: str, **params: str) -> Any:
        """Ask for JSON, in synchronous code, whether a loop runs or not.

        Raises:
            ServerError: no answer, or another one than JSON.
        """
        try:
            with httpx.Client(**self._options) as client:
                return self.read(client.get(f"{self.url}{path}", params=params))
        except httpx.HTTPError as error:
            raise self.unreachable(error, path) from error

    async def ask(self, client: httpx.AsyncClient, path: str) -> Any:
        """Ask for JSON, with the client of a run.

        Raises:
            ServerError: no answer, or another one than JSON.
        """
        try:
            return self.read(await client.get(f"{self.url}{path}"))
        except httpx.HTTPError as error:
            raise self.unreachable(error, path) from error

    def client(self) -> httpx.AsyncClient:
        """A client for one run, on the loop of that run."""
        return httpx.AsyncClient(**self._options)

    def read(self, response: httpx.Response) -> Any:
        """The JSON of an answer that was read.

        Raises:
            ServerError: it is a refusal, or no JSON.
        """
        if not response.is_success:
            raise self.refused(response)
        try:
            return response.json()
        except ValueError as error:
            raise self.refused(response) from error

    def refused(self, response: httpx.Response) -> ServerError:
        """An answer that was read and is no good, in words."""
        kind = response.headers.get("content-type", "")
        words = refusal(response.status_code, kind, response.content, response.headers.get("location", ""))
        if response.status_code in (401, 403):
            words += self._about_key()
        return self._error(words, response.request.url.path, response.status_code)

    def unreachable(self, error: httpx.HTTPError, path: str = "") -> ServerError:
        """That there was no answer, in words."""
        if isinstance(error, httpx.ConnectTimeout):
            words = f"no server answered within {self.patience.connect:g} seconds"
        elif isinstance(error, httpx.TimeoutException):
            words = "the server did not answer in time"
        elif "CERTIFICATE_VERIFY_FAILED" in str(error):
            how = "" if "mismatch" in str(error) or "expired" in str(error) else f". {_HOW_TO_TRUST}"
            words = f"the server's certificate cannot be verified ({error}){how}"
        elif "[SSL" in str(error):
            words = f"no secure connection comes about ({error}). Does the server speak https, and at this port?"
        elif isinstance(error, httpx.ConnectError):
            words = f"no server answers there ({error}). Does LangFlow run, and at this port?"
        elif isinstance(error, httpx.DecodingError):
            words = f"the server's answer cannot be unpacked ({error})"
        else:
            words = f"the connection to the server broke ({str(error) or type(error).__name__})"
        return self._error(words, path)

    def _error(self, words: str, path: str, status: int | None = None) -> ServerError:
        for secret in self.secrets:
            words = words.replace(secret, MASK)
        return ServerError(f"{self.url}: {words}", f"{self.url}{path}", status)

    def _about_key(self) -> str:
        if self.api_key:
            return ". Make a new API key in LangFlow's settings, and give it as connect(..., api_key=...)"
        return ". Give an API key of the server: connect(..., api_key=...), or set LANGFLOW_API_KEY"

    def _warn_of_open_line(self) -> None:
        if self.url.startswith("http://") and not self.is_here:
            what = "the API key and all that is said" if self.api_key else "all that is said"
            warnings.warn(f"{self.url} is no https address: {what} can be read on the way", UserWarning, stacklevel=5)


def _trusted() -> ssl.SSLContext | bool:
    """Whose certificates are believed: those of the file or folder that the environment names, or the public ones."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not (file or folder):
        return True
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except OSError as error:  # among them the errors of ssl
        words = f"no certificates can be read from {file or folder!r}, which the environment names: {error}"
        raise InputError(words) from error


def refusal(status: int, kind: str, body: bytes, location: str = "") -> str:
    """What an answer that is no good says, for people.

    Args:
        status: of HTTP.
        kind: its content type.
        body: all of it.
        location: where a redirect leads.
    """
    text = body.decode("utf-8", "replace").strip()
    if location and status in (301, 302, 303, 307, 308):
        return f"the server sends us on to {location.partition('?')[0]}: give that address, if it is LangFlow's"
    if "html" in kind or text[:1] == "<":
        title = _TITLE.search(text)
        named = f" ({' '.join(html.unescape(title[1]).split())})" if title else ""
        return f"a web page{named} came instead of an answer, with status {status}: is this LangFlow, or a proxy of it?"
    told = detail_of(body)
    known = {
        401: "the server refuses the API key" if told else "the server wants an API key",
        403: "the server refuses this",
        404: "the server has no such thing",
        408: "the server gave up: the run took too long",
        422: "the server does not take this",
        429: "the server has too much to do",
    }
    if status in _GATEWAY:
        words = f"the server cannot answer now ({status})"
    elif status >= 500:  # noqa: PLR2004 - as HTTP has it
        words = f"the server failed ({status})"
    else:
        words = known.get(status, f"the server's answer cannot be used ({status})")
    return f"{words}: {told}" if told else words


def detail_of(body: bytes) -> str:
    """What FastAPI, or LangFlow's own errors, say; or the beginning of the text.

    Args:
        body: of an answer.
    """
    return _detail(body.decode("utf-8", "replace").strip())


def _detail(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text[:_LONGEST]
    return _said(found)[:_LONGEST]


def _said(found: Any) -> str:
    if isinstance(found, str):
        # LangFlow's /run wraps its error in JSON text within JSON.
        return _detail(found) if found.startswith("{") else found
    if isinstance(found, list):
        return "; ".join(filter(None, map(_said, found)))
    if not isinstance(found, Mapping):
        return "" if found is None else str(found)
    if "loc" in found and "msg" in found:
        return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
    for name in ("detail", "message", "error"):
        if found.get(name):
            return _said(found[name])
    return json.dumps(found, ensure_ascii=False)


def is_missing(answer: httpx.Response) -> bool:
    """Whether the server has no such route, or no such mode of it; not whether it has no such flow.

    Args:
        answer: to a request that would have begun a run.
    """
    status, body = answer.status_code, json_of(answer)
    detail = body.get("detail")
    code = said(detail.get("code")) if isinstance(detail, Mapping) else ""
    if status in _MISSING:
        return True
    if status == 404:  # noqa: PLR2004 - as HTTP has it
        return detail in (None, "Not Found") and "error" not in body
    if status == 503:  # noqa: PLR2004
        return code == "QUEUE_SERVICE_UNAVAILABLE"
    if status == 403:  # noqa: PLR2004
        return "developer" in str(detail).lower()
    if status != 422:  # noqa: PLR2004
        return False
    return code.endswith("UNSUPPORTED_MODE") or bool(_refused_fields(detail) & _OF_THIS_VERSION)


def _refused_fields(detail: Any) -> set[str]:
    """Names in FastAPI's complaints about a body."""
    complaints = [as_mapping(each) for each in detail] if isinstance(detail, list) else []
    return {str(each["loc"][-1]) for each in complaints if each.get("loc")}


def json_of(answer: httpx.Response) -> Mapping[str, Any]:
    """The JSON object of an answer that was read; an empty one where it is something else."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


async def read_some(answer: httpx.Response) -> None:
    """Read an error's body, as far as anybody would."""
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_PAGE:
            break
    answer._content = body  # noqa: SLF001 - httpx has no other way to keep what was read of a stream
