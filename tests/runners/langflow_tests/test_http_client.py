"""What a server or the way to it does wrong is told in words, and the key is never in them."""

import gzip
import json
import socket
import ssl

import pytest
import trustme
from langflow_double import FLOW, KEY, LIST, MODEL, READ, Answer, FakeLangFlow, chunks
from ran import HASTY, find, ran

from lfwidget.errors import InputError, ServerError, UnknownNameError
from lfwidget.runners.langflow.server.http import Patience, Server, refusal


@pytest.fixture
def fake():
    with FakeLangFlow().running() as server:
        yield server


def error_of(fake):
    with pytest.raises(ServerError) as caught:
        find(fake)
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value)
    assert caught.value.url.startswith(fake.url)
    return caught.value


HTML = "<html><head><title>Sign in &amp; go</title></head><body>...</body></html>"
MISSING = [{"loc": ["query", "get_all"], "msg": "Input should be a valid boolean", "type": "bool"}]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"detail": "Missing API key"}, "refuses the API key: Missing API key. Make a new API key"),
        (403, {"detail": "Invalid API key"}, "the server refuses this: Invalid API key. Make a new API key"),
        (404, {"detail": "Not Found"}, "no such thing: Not Found"),
        (422, {"detail": MISSING}, "query.get_all: Input should be a valid boolean"),
        (429, {}, "the server has too much to do"),
        (500, {"detail": {"message": "the database is gone", "code": "X"}}, "failed (500): the database is gone"),
        (503, {"detail": "starting"}, "cannot answer now (503): starting"),
        (418, {"detail": "teapot"}, "cannot be used (418): teapot"),
    ],
)
def test_a_refusal_is_told_in_words(fake, status, body, words):
    fake.says(LIST, Answer(body, status))
    error = error_of(fake)
    assert words in str(error)
    assert error.status == status


def test_an_error_that_repeats_the_key_does_not_tell_it(fake):
    fake.says(LIST, Answer({"detail": f"bad key {KEY}"}, 403))
    assert "bad key •••" in str(error_of(fake))


@pytest.mark.parametrize("status", [200, 502])
def test_a_web_page_is_told_as_one(fake, status):
    fake.says(LIST, Answer([HTML.encode()], status, "text/html; charset=utf-8"))
    assert "a web page (Sign in & go) came instead of an answer" in str(error_of(fake))


def test_a_redirect_is_told_and_not_followed(fake):
    fake.says(LIST, Answer(b"", 307, "text/plain", {"Location": "https://elsewhere.example/login?to=x"}))
    assert "sends us on to https://elsewhere.example/login:" in str(error_of(fake))
    assert len(fake.requests) == 1


def test_an_answer_may_be_packed(fake):
    packed = gzip.compress(json.dumps(fake.flow).encode())
    fake.says(READ, Answer([packed], kind="application/octet-stream", headers={"Content-Encoding": "gzip"}))
    assert find(fake).name == "Basic"


def test_an_answer_that_cannot_be_unpacked_is_told(fake):
    fake.says(READ, Answer([b"no gzip"], kind="text/plain", headers={"Content-Encoding": "gzip"}))
    assert "cannot be unpacked" in str(error_of(fake))


def test_nobody_at_the_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(
            ServerError, match=r"no server answers there .*Does LangFlow run, and at this port"
        ) as caught:
            Server.at(url, KEY, HASTY).get("/api/v1/flows/")
    assert caught.value.status is None


def test_a_server_that_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServerError, match="did not answer in time"):
            Server.at(url, KEY, Patience(answer=0.05)).get("/api/v1/flows/")


def test_the_key_goes_in_its_header_and_nowhere_else(fake):
    find(fake)
    for request in fake.requests:
        assert request.headers["x-api-key"] == KEY
        assert KEY not in request.query


def test_the_key_may_come_from_the_environment(fake, monkeypatch):
    monkeypatch.setenv("LANGFLOW_API_KEY", " sk-of-the-environment\n")
    Server.at(fake.url, patience=HASTY).get("/api/v1/flows/")
    assert fake.requests[0].headers["x-api-key"] == "sk-of-the-environment"


def test_no_key_is_asked_for_in_words(fake, monkeypatch):
    monkeypatch.delenv("LANGFLOW_API_KEY", raising=False)
    fake.says(LIST, Answer({}, 403))
    with pytest.raises(ServerError, match=r"Give an API key .*LANGFLOW_API_KEY"):
        Server.at(fake.url, patience=HASTY).get("/api/v1/flows/")
    assert "x-api-key" not in fake.requests[0].headers


@pytest.mark.parametrize("url", ["localhost:7860", "", "ftp://x", "http://", None, "nonsense"])
def test_an_address_that_is_none(url):
    with pytest.raises(InputError, match="http://localhost:7860"):
        Server.at(url)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_not_repeated(key):
    with pytest.raises(InputError) as caught:
        Server.at("http://localhost:7860", key)
    assert key not in str(caught.value)


def test_an_open_line_to_another_machine_is_warned_of():
    with pytest.warns(UserWarning, match="http://langflow.example is no https address: the API key and all that"):
        Server.at("http://langflow.example", KEY)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://x.example"])
def test_no_warning_where_nobody_listens(url):
    assert Server.at(url, KEY).url == url


def test_credentials_and_queries_are_not_part_of_the_address():
    server = Server.at("https://user:pass-word@x.example/lang/?key=1#part", KEY)
    assert server.url == "https://x.example/lang"
    assert server.secrets == {KEY, "pass-word"}
    assert "pass" not in repr(server)
    assert KEY not in repr(server)


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """An authority that nobody knows; `pem` is the file of its certificate."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    made = trustme.CA()
    made.pem = tmp_path / "ca.pem"
    made.cert_pem.write_to_path(made.pem)
    return made


def secured(authority, *names):
    """A server with a certificate of that authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(tls)
    return FakeLangFlow().running(tls)


def test_a_certificate_that_nobody_knows_is_refused_and_it_is_said_what_to_do(authority):
    with secured(authority) as fake:
        error = error_of(fake)
    assert "certificate cannot be verified" in str(error)
    assert "SSL_CERT_FILE=/path/to/ca.pem" in str(error)
    assert not fake.requests


async def test_an_authority_that_the_environment_names_is_believed(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    with secured(authority) as fake:
        run = await ran(fake.in_background(chunks("10_v2_bg_langflow_basic_attach")))
    assert run.error is None
    assert len(run.streamed(MODEL)) == 20


def test_a_certificate_for_another_machine_is_refused(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    with secured(authority, "elsewhere.example") as fake:
        error = error_of(fake)
    assert "mismatch" in str(error)
    assert not fake.requests


def test_a_file_of_certificates_that_is_none_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "no.pem"))
    with pytest.raises(InputError, match=r"no certificates can be read from '.*no\.pem'"):
        Server.at("https://127.0.0.1:1", KEY, HASTY).get("/api/v1/flows/")


def test_a_server_that_speaks_no_https(fake, authority):
    with pytest.raises(ServerError, match="Does the server speak https, and at this port"):
        Server.at(fake.url.replace("http:", "https:"), KEY, HASTY).get("/api/v1/flows/")


def test_errors_wrapped_in_text_are_unwrapped():
    inner = json.dumps({"message": "Error running graph: no key"})
    assert refusal(500, "application/json", json.dumps({"detail": inner}).encode()).endswith("graph: no key")


def test_flows_are_found_by_id_name_and_endpoint(fake):
    for name in (FLOW, "Basic", "basic-end"):
        assert find(fake, name).name == "Basic"


def test_a_flow_that_is_not_there_names_the_nearest(fake):
    with pytest.raises(UnknownNameError, match="Did you mean 'Basic'") as caught:
        find(fake, "Basics")
    assert caught.value.known == ("Basic", "basic-end")
    with pytest.raises(UnknownNameError, match="There are: 'Basic', 'basic-end'"):
        find(fake, None)


def test_several_flows_of_one_name_are_told_apart_by_id(fake):
    fake.says(
        LIST, Answer([{"id": "1", "name": "Twin"}, {"id": "2", "name": "Twin"}, {"id": "3", "is_component": True}])
    )
    with pytest.raises(InputError, match="2 flows are called 'Twin': give the id of one, 1 or 2"):
        find(fake, "Twin")


async def test_a_flow_is_found_while_a_loop_runs(fake):
    assert find(fake).graph["nodes"]
