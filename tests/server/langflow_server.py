"""A real LangFlow server on loopback, in a temporary folder of its own, whose models are asked of our model server.

It comes from the environment that $LFWIDGET_SERVER_ENV names, or `.venv-server` (`make test-server` makes it).
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

__all__ = ["LangFlowServer", "environment"]

START = 300.0
"""Seconds to wait for the server at most: it imports hundreds of packages. A bound on hanging, not on speed."""
END = 30.0
_USER, _PASSWORD = "tester", secrets.token_urlsafe(16)


def environment() -> Path:
    """The folder of the environment that LangFlow is installed in."""
    default = Path(__file__).parent.parent.parent / ".venv-server"
    return Path(os.environ.get("LFWIDGET_SERVER_ENV", default))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LangFlowServer:
    """The server: with a login, an API key, and the variables that lead its models to a server of ours.

    Args:
        folder: for its database and its log.
        models: address of the model server: "http://127.0.0.1:1234/v1".
        extra: more of its environment.
    """

    def __init__(self, folder: Path, models: str, **extra: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api_key = ""
        self._models = models
        self._extra = extra
        self._log = folder / "langflow.log"

    def start(self) -> None:
        """Start it, wait until it answers, and make the key and the variables."""
        program = environment() / "bin" / "langflow"
        if not program.exists():
            raise FileNotFoundError(f"{program}: install LangFlow there, or set LFWIDGET_SERVER_ENV (make test-server)")
        command = [program, "run", "--backend-only", "--host", "127.0.0.1", "--port", str(self.port)]
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "--no-open-browser"],
                env=self._environment(),
                cwd=self.folder,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._wait_until_it_answers()
        self._prepare()

    def stop(self) -> None:
        """Ask it to end, and end it if it does not: an open stream can hold it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(END)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def add(self, flow: dict[str, Any]) -> str:
        """Save a flow on the server.

        Returns:
            Its id.
        """
        with self._client() as client:
            return str(client.post("/api/v1/flows/", json=flow).raise_for_status().json()["id"])

    def add_user(self, name: str) -> str:
        """Another user.

        Returns:
            An API key of his.
        """
        login = {"username": name, "password": secrets.token_urlsafe(16)}
        with self._client() as client:
            user = client.post("/api/v1/users/", json=login).raise_for_status().json()["id"]
            client.patch(f"/api/v1/users/{user}", json={"is_active": True}).raise_for_status()
        return self._key(login)

    def access_token(self) -> str:
        """What LangFlow's own page has after a login."""
        return self._token({"username": _USER, "password": _PASSWORD})

    def starters(self) -> dict[str, dict[str, Any]]:
        """The flows that LangFlow ships, by name."""
        with self._client() as client:
            flows = client.get("/api/v1/flows/basic_examples/").raise_for_status().json()
        return {flow["name"]: flow for flow in flows}

    def components(self) -> dict[str, Any]:
        """The definitions of all components, by type."""
        with self._client() as client:
            kinds = client.get("/api/v1/all").raise_for_status().json()
        return {name: each for kind in kinds.values() if isinstance(kind, dict) for name, each in kind.items()}

    def log(self) -> str:
        """What it printed."""
        return self._log.read_text("utf-8", "replace")

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"x-api-key": self.api_key}, timeout=60, trust_env=False)

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return inherited | {
            "HOME": str(self.folder),
            "DO_NOT_TRACK": "true",
            "LANGFLOW_CONFIG_DIR": str(self.folder / "config"),
            "LANGFLOW_DATABASE_URL": f"sqlite:///{self.folder / 'langflow.db'}",
            "LANGFLOW_AUTO_LOGIN": "false",
            "LANGFLOW_SUPERUSER": _USER,
            "LANGFLOW_SUPERUSER_PASSWORD": _PASSWORD,
            "LANGFLOW_STORE": "false",
            "LANGFLOW_DEACTIVATE_TRACING": "true",
            # With pretty logs the `end_vertex` of a failed node comes 10 to 46 seconds after its error.
            "LANGFLOW_PRETTY_LOGS": "false",
            # The guard against requests to inner networks would keep it from our model server.
            "LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.0/8",
            **self._extra,
        }

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"LangFlow ended with {self._process.returncode}:\n{self.log()[-4000:]}")
            try:
                if httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise TimeoutError(f"LangFlow did not answer:\n{self.log()[-4000:]}")

    def _prepare(self) -> None:
        self.api_key = self._key({"username": _USER, "password": _PASSWORD})
        with self._client() as client:
            # "127.0.0.1" would be rewritten to the gateway's address where this runs in a container.
            base = self._models.replace("127.0.0.1", "127.1")
            for name, value, kind in (
                ("OPENAI_API_KEY", "not-a-key", "Credential"),
                ("OPENAI_BASE_URL", base, "Generic"),
            ):
                body = {"name": name, "value": value, "type": kind, "default_fields": []}
                client.post("/api/v1/variables/", json=body).raise_for_status()

    def _token(self, login: dict[str, str]) -> str:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            return str(client.post("/api/v1/login", data=login).raise_for_status().json()["access_token"])

    def _key(self, login: dict[str, str]) -> str:
        headers = {"Authorization": f"Bearer {self._token(login)}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False) as client:
            return str(client.post("/api/v1/api_key/", json={"name": "tests"}).raise_for_status().json()["api_key"])
