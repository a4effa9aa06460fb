import subprocess
import sys

import httpx
import pytest

from lfwidget.gateway.__main__ import main
from lfwidget.gateway.gateway import Gateway
from lfwidget.gateway.serve import BackgroundServer
from lfwidget.gateway.settings import Settings
from lfwidget.gateway.tokens import Signer

SECRET = "0123456789abcdef" * 4


def test_help_says_how_to_begin():
    done = subprocess.run(
        [sys.executable, "-m", "lfwidget.gateway", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    for words in ("--redis", "--tls-cert", "LFWIDGET_GATEWAY_SECRET", "token --expires 30d"):
        assert words in done.stdout


def test_a_token_is_one_of_that_secret(capsys, monkeypatch):
    monkeypatch.setenv("LFWIDGET_GATEWAY_SECRET", SECRET)
    assert main(["token", "--for", "ada", "--expires", "2h"]) == 0
    grant = Signer(SECRET).check(capsys.readouterr().out.strip())
    assert (grant.scope, grant.right, grant.subject) == ("*", "publish", "ada")


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["token"], {}, "LFWIDGET_GATEWAY_SECRET is not set"),
        (["token", "--expires", "soon"], {"LFWIDGET_GATEWAY_SECRET": SECRET}, "--expires is a number and a unit"),
        (["--host", "0.0.0.0"], {}, "--insecure"),
        ([], {"LFWIDGET_GATEWAY_SECRET": "short"}, "at least 32 characters"),
        ([], {"LFWIDGET_GATEWAY_IDLE": "long"}, "LFWIDGET_GATEWAY_IDLE is a number"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(arguments, environment, words, monkeypatch, capsys):
    monkeypatch.delenv("LFWIDGET_GATEWAY_SECRET", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_settings_come_from_the_environment():
    settings = Settings.from_environment(
        {"LFWIDGET_GATEWAY_ORIGINS": "https://a.example, https://b.example", "LFWIDGET_GATEWAY_IDLE": "60"}
    )
    assert settings.origins == ("https://a.example", "https://b.example")
    assert settings.idle == 60.0
    assert settings.lease == Settings().lease


def test_it_can_be_served_under_a_prefix():
    server = BackgroundServer(Gateway(Settings(prefix="/services/lfwidget/")))
    try:
        address = f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{address}/services/lfwidget/healthz").json() == {"ok": True}
        assert httpx.get(f"{address}/services/lfwidget/runs/a").status_code == 200
        assert httpx.get(f"{address}/services/lfwidget/runs/a/events").status_code == 401
        assert httpx.get(f"{address}/runs/a").status_code == 404
    finally:
        server.stop()
