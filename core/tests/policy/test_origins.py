"""Patterns of origins cover what they say and nothing that merely looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from inference_models.download.addresses import checked_url
from inference_models.errors import ModelRetrievalError
from inference_models.policy import OriginPattern

API = "https://api.example.com"


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        (API, "https://api.example.com/v1/models?a=b#c"),
        (API, "https://api.example.com:443/"),
        (API, "HTTPS://API.EXAMPLE.COM/"),
        (API, "https://api.example.com./"),
        (API, "https://api%2eexample.com/"),  # as it is sent, the dot is one
        ("HTTPS://Api.Example.COM:443/", "https://api.example.com/"),
        ("https://api.example.com.", "https://api.example.com/"),
        ("https://*.example.com", "https://a.example.com/"),
        ("https://*.example.com", "https://a.b.example.com/"),
        ("https://*.example.com:8443", "https://a.example.com:8443/"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8080/x"),
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/x"),
        ("https://xn--bcher-kva.example", "https://bücher.example/"),
        ("https://xn--bcher-kva.example", "https://BÜCHER.example/"),
        ("https://my_bucket.s3.example", "https://my_bucket.s3.example/"),
    ],
)
def test_what_a_pattern_covers(pattern: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_MODELS_ALLOWED_HTTP_ORIGINS", "http://10.0.0.5:8080")
    assert OriginPattern.parse(pattern).allows(checked_url(url))


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        (API, "http://api.example.com/"),
        (API, "http://api.example.com:443/"),
        (API, "https://api.example.com:8443/"),
        (API, "https://api.example.com:80/"),
        (API, "https://example.com/"),
        (API, "https://xapi.example.com/"),
        (API, "https://a.api.example.com/"),
        (API, "https://api.example.com.evil.example/"),
        (API, "https://api.example.com@evil.example/"),
        (API, "https://evil.example/https://api.example.com/"),
        (API, "https://evil.example#@api.example.com/"),
        (API, "https://evil.example?@api.example.com/"),
        (API, "https://evil.example\\@api.example.com/"),
        (API, "https://evil.example%2f@api.example.com/"),
        (API, "https://user:secret@api.example.com/"),
        (API, "https://api.example.com../"),
        (API, "https://\u0430pi.example.com/"),  # its first letter is Cyrillic
        (API, "ftp://api.example.com/"),
        (API, "file:///api.example.com"),
        (API, "//api.example.com/"),
        (API, "https:///api.example.com/"),
        (API, "https://api.example.com:99999/"),
        (API, ""),
        ("https://*.example.com", "https://example.com/"),
        ("https://*.example.com", "https://.example.com/"),
        ("https://*.example.com", "https://evilexample.com/"),
        ("https://*.example.com", "https://a.example.com:8443/"),
        ("https://*.example.com", "https://evil.example/.example.com"),
        ("http://127.0.0.1:80", "http://2130706433/"),
        ("http://127.0.0.1:80", "http://0x7f000001/"),
        ("http://127.0.0.1:80", "http://127.1/"),
        ("http://127.0.0.1:80", "http://[::ffff:127.0.0.1]/"),
        ("http://127.0.0.1:80", "http://localhost/"),
    ],
)
def test_what_it_does_not(pattern: str, url: str) -> None:
    covers = OriginPattern.parse(pattern).allows
    assert not covers(url)
    try:
        sent = checked_url(url)
    except ModelRetrievalError:
        return  # it is refused for what it is
    assert not covers(sent)


PIECES = ("api.example.com", "evil.example", "@", ":", "/", "\\", "?", "#", ".", "%2e", "%40", "%2f", "443", "80", "//")
MORE = (
    "https:",
    "HTTPS:",
    "http:",
    "user",
    "[::1]",
    "[",
    "]",
    "%00",
    " ",
    "\t",
    "\u3002",
    "\uff0e",
    "xn--",
    "API.Example.COM",
)


@given(st.lists(st.sampled_from(PIECES + MORE), max_size=9).map("".join))
def test_what_is_covered_goes_to_that_host(rest: str) -> None:
    """urllib3 opens the connections, so what it takes for the host is what counts."""
    try:
        sent = checked_url(f"https://{rest}")
    except ModelRetrievalError:
        return
    if OriginPattern.parse(API).allows(sent):
        parsed = parse_url(sent)
        assert (parsed.scheme, parsed.auth) == ("https", None)
        assert str(parsed.host).removesuffix(".") == "api.example.com"
        assert parsed.port in {None, 443}


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://*",
        "https://*.*.example.com",
        "https://api.*.com",
        "https://*example.com",
        "https://api.example.com/v1",
        "https://api.example.com?x",
        "https://user@api.example.com",
        "https://api.example.com:0",
        "https://api.example.com:70000",
        "https://api.example.com:*",
        "https://bücher.example",
        "https://api..example.com",
        "https://-api.example.com",
        "https://*.10.0.0.5",
        "https://[::g]",
        "ftp://api.example.com",
        "api.example.com",
        "",
    ],
)
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="origins"):
        OriginPattern.parse(text)


@pytest.mark.parametrize("text", [API, "https://*.example.com:8443", "http://[::1]:8080", "http://10.0.0.5"])
def test_a_pattern_is_written_as_it_was_read(text: str) -> None:
    assert str(OriginPattern.parse(text)) == text
    assert OriginPattern.parse(str(OriginPattern.parse(text))) == OriginPattern.parse(text)
