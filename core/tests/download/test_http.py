from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_models.download.addresses import checked_url
from inference_models.download.http import MAX_REDIRECTS, get, open_session, read_body
from inference_models.errors import ModelRetrievalError

if TYPE_CHECKING:
    from core.tests.download.fault_server import FaultServer

SECRET = "canary-5eb1"


def download(url: str, headers: dict[str, str] | None = None) -> bytes:
    with open_session() as session, get(session, url, headers) as response:
        return b"".join(read_body(response))


def texts_of(error: BaseException | None) -> str:
    """All that a log or traceback of `error` could show."""
    texts = []
    while error is not None:
        texts.append(f"{error!s} {error!r}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def test_bytes_come_as_they_are(server: FaultServer) -> None:
    body = bytes(range(256)) * 8_192  # two chunks

    assert download(server.serve("/weights", body)) == body
    [(_, headers)] = server.requests
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/weights",
        "http://10.0.0.1/weights",
        "http://0.0.0.0/weights",
        "http://localhost.example.com/weights",
        "http://127.0.0.1.example.com/weights",
        "http://[::ffff:10.0.0.1]/weights",
    ],
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(ModelRetrievalError, match=r"plain http.*Use the https address"):
        download(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "weights.onnx",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://host/weights",
        "https://",
        "https:///weights",
        "https://host:99999/weights",
        "https://host:port/weights",
        "https://[::1/weights",
        "https://host\\@127.0.0.1/weights",
        "http://127.0.0.1\\.example.com/weights",
        "https://ho\nst/weights",
        "https://host/\x00",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ModelRetrievalError, match="not a valid http or https URL"):
        download(url)


def test_a_password_in_the_address_is_refused_and_not_shown(server: FaultServer) -> None:
    with pytest.raises(ModelRetrievalError, match="headers") as caught:
        download(server.url("/weights").replace("//", f"//user:{SECRET}@"))

    assert SECRET not in texts_of(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "API key"),
        (403, "may have expired"),
        (404, "out of date"),
        (429, "wait"),
        (500, "Try again later"),
        (503, "Try again later"),
        (204, "Tell the provider"),
        (206, "Tell the provider"),
        (304, "Tell the provider"),
    ],
)
def test_only_200_is_a_file(server: FaultServer, status: int, advice: str) -> None:
    url = server.serve("/weights", b"", status=status)

    with pytest.raises(ModelRetrievalError, match=f"status {status}.*{advice}") as caught:
        download(f"{url}?signature={SECRET}")

    assert SECRET not in texts_of(caught.value)


def test_redirects_are_followed_and_headers_stay_with_their_origin(
    server: FaultServer, other_server: FaultServer
) -> None:
    far = other_server.serve("/weights", b"content")
    server.serve("/moved", b"", status=302, headers={"Location": far})
    near = server.serve("/start", b"", status=307, headers={"Location": "/moved"})

    assert download(near, {"X-Api-Key": SECRET, "Authorization": f"Bearer {SECRET}"}) == b"content"

    assert [path for path, _ in server.requests] == ["/start", "/moved"]
    assert all(headers["x-api-key"] == SECRET for _, headers in server.requests)
    [(_, leaked)] = other_server.requests
    assert SECRET not in str(leaked)


def test_headers_do_not_return_by_way_of_another_origin(server: FaultServer, other_server: FaultServer) -> None:
    server.serve("/weights", b"content")
    back = other_server.serve("/back", b"", status=302, headers={"Location": server.url("/weights")})
    start = server.serve("/start", b"", status=302, headers={"Location": back})

    assert download(start, {"X-Api-Key": SECRET}) == b"content"
    assert "x-api-key" not in server.requests[-1][1]


def test_another_name_of_the_same_host_is_another_origin(server: FaultServer) -> None:
    server.serve("/weights", b"content")
    start = server.serve("/start", b"", status=302, headers={"Location": server.url("/weights", host="localhost")})

    assert download(start, {"X-Api-Key": SECRET}) == b"content"
    assert "x-api-key" not in server.requests[-1][1]


def test_redirects_end(server: FaultServer) -> None:
    url = server.serve("/loop", b"", status=302, headers={"Location": "/loop"})

    with pytest.raises(ModelRetrievalError, match=f"more than {MAX_REDIRECTS} times"):
        download(url)
    assert server.count("/loop") == MAX_REDIRECTS + 1


def test_the_body_of_a_redirect_is_not_read(server: FaultServer) -> None:
    server.serve("/weights", b"content")
    url = server.serve("/start", b"some", length=1 << 40, status=302, headers={"Location": "/weights"})

    assert download(url) == b"content"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://example.com/weights", "plain http"),
        ("file:///etc/passwd", "not a valid http or https URL"),
        ("//[broken", "not a valid http or https URL"),
        (f"http://user:{SECRET}@127.0.0.1/", "user name or password"),
    ],
)
def test_a_redirect_cannot_lead_where_a_url_may_not(server: FaultServer, location: str, reason: str) -> None:
    url = server.serve("/start", b"", status=302, headers={"Location": location})

    with pytest.raises(ModelRetrievalError, match=reason) as caught:
        download(f"{url}?signature={SECRET}")
    assert SECRET not in texts_of(caught.value)


def test_a_redirect_without_a_target_is_an_error(server: FaultServer) -> None:
    with pytest.raises(ModelRetrievalError, match="leads nowhere"):
        download(server.serve("/start", b"", status=302))


def test_https_is_never_left() -> None:
    # The rule itself: a test server with a certificate would show no more.
    import requests

    from inference_models.download.http import _redirect_target

    response = requests.Response()
    response.status_code = 302
    response.headers["Location"] = f"http://127.0.0.1/weights?signature={SECRET}"
    with pytest.raises(ModelRetrievalError, match="from https to plain http") as caught:
        _redirect_target(response, "https://example.com/start")
    assert SECRET not in texts_of(caught.value)


def test_cookies_are_not_kept(server: FaultServer) -> None:
    server.serve("/weights", b"content")
    url = server.serve("/start", b"", status=302, headers={"Location": "/weights", "Set-Cookie": "a=b; Path=/"})

    assert download(url) == b"content"
    assert "cookie" not in server.requests[-1][1]


def test_passwords_of_netrc_are_not_sent(server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login user password {SECRET}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    download(server.serve("/weights", b"content"))

    assert "authorization" not in server.requests[-1][1]


def test_a_proxy_is_used_for_other_machines_only(
    server: FaultServer, other_server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other_server.url(""))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert download(server.serve("/weights", b"content")) == b"content"
    assert other_server.requests == []
    with pytest.raises(ModelRetrievalError, match="Connection refused"):
        download("https://example.com/weights")


@pytest.mark.parametrize("announced", [11, 5_000_000])
def test_a_body_cut_short_is_an_error(server: FaultServer, announced: int) -> None:
    url = server.serve("/weights", b"0123456789", length=announced)

    with pytest.raises(ModelRetrievalError, match="10 bytes") as caught:
        download(f"{url}?signature={SECRET}")
    assert SECRET not in texts_of(caught.value)


def test_a_length_that_no_file_has_is_as_if_none_were_announced(server: FaultServer) -> None:
    assert download(server.serve("/weights", b"0123456789", length="9" * 5000)) == b"0123456789"


def test_more_than_announced_is_not_taken(server: FaultServer) -> None:
    # With chunked encoding the announced length does not bound what HTTP libraries read.
    chunks = b"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"
    url = server.serve("/weights", chunks, length=7, headers={"Transfer-Encoding": "chunked"})

    with pytest.raises(ModelRetrievalError, match="announced 7 bytes and sent more"):
        download(url)


def test_chunks_are_taken(server: FaultServer) -> None:
    chunks = b"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"
    url = server.serve("/weights", chunks, length=None, headers={"Transfer-Encoding": "chunked"})

    assert download(url) == b"0123456789"


def test_chunks_cut_short_are_an_error(server: FaultServer) -> None:
    url = server.serve("/weights", b"5\r\n012", length=None, headers={"Transfer-Encoding": "chunked"})

    with pytest.raises(ModelRetrievalError, match="broke off"):
        download(url)


def test_without_a_length_the_body_ends_with_the_connection(server: FaultServer) -> None:
    assert download(server.serve("/weights", b"0123456789", length=None)) == b"0123456789"


def test_a_compressed_body_is_refused(server: FaultServer) -> None:
    url = server.serve("/weights", b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    with pytest.raises(ModelRetrievalError, match="compressed"):
        download(url)


def test_a_silent_server_is_given_up(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_CALLS_TIMEOUT", "0.2")
    released = threading.Event()
    url = server.route("/weights", lambda handler: released.wait(5))
    try:
        with pytest.raises(ModelRetrievalError, match="silent") as caught:
            download(f"{url}?signature={SECRET}")
    finally:
        released.set()
    assert SECRET not in texts_of(caught.value)


def test_a_server_that_is_not_there_is_named_without_secrets(server: FaultServer) -> None:
    url = server.url("/weights")
    server.close()

    with pytest.raises(ModelRetrievalError, match="Connection refused") as caught:
        download(f"{url}?signature={SECRET}")
    assert url in str(caught.value)
    assert SECRET not in texts_of(caught.value)


def test_an_unknown_host_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(
        ModelRetrievalError, match=r"https://host\.example/weights cannot be reached: Name or"
    ) as caught:
        download(f"https://host.example/weights?signature={SECRET}")
    assert SECRET not in texts_of(caught.value)


def test_a_server_that_speaks_no_tls_is_an_error_of_ours(server: FaultServer) -> None:
    with pytest.raises(ModelRetrievalError, match="the secure connection failed") as caught:
        download(server.url(f"/weights?signature={SECRET}").replace("http:", "https:"))
    assert SECRET not in texts_of(caught.value)


def test_a_host_name_that_cannot_exist_is_an_error_of_ours() -> None:
    with pytest.raises(ModelRetrievalError, match="the host name is not valid"):
        download("https://" + "a" * 300 + "/weights")


@pytest.mark.parametrize("value", [f"Bearer {SECRET}\n", f"Bearer {SECRET}\u20ac", f" {SECRET}"])
def test_a_header_that_cannot_be_sent_is_called_that_and_not_shown(server: FaultServer, value: str) -> None:
    with pytest.raises(ModelRetrievalError, match="a header holds what no header can") as caught:
        download(server.url("/weights"), headers={"Authorization": value})
    assert SECRET not in texts_of(caught.value)


def test_plain_http_is_used_for_origins_that_the_configuration_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ALLOWED_HTTP_ORIGINS", "http://models.example:8080, http://other.example")

    assert checked_url("http://MODELS.example:8080/a") == "http://models.example:8080/a"
    assert checked_url("http://other.example:80/a?b") == "http://other.example:80/a?b"
    for refused in ("http://models.example/a", "http://models.example:8081/a", "http://x.other.example/a"):
        with pytest.raises(ModelRetrievalError, match="INFERENCE_MODELS_ALLOWED_HTTP_ORIGINS"):
            checked_url(refused)
