"""Where the API is, by which way it is asked, and what may be added to a request."""

from __future__ import annotations

import pytest

from inference_models.errors import InvalidEnvVariable, InvalidParameterError
from inference_models.weights_providers.roboflow_request import Server, WeightsRequest

VARIABLES = ("API_HOST", "ENVIRONMENT", "REGION")


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch) -> None:
    for name in (*(f"ROBOFLOW_{name}" for name in VARIABLES), "SECURE_GATEWAY", "LICENSE_SERVER"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("region", "environment", "host"),
    [
        (None, None, "https://api.roboflow.com"),
        ("us", "STAGING", "https://api.roboflow.one"),
        ("EU", "prod", "https://api.roboflow.eu"),
        ("eu", "staging", "https://api.roboflow-eu.one"),
    ],
)
def test_hosts(monkeypatch, region, environment, host) -> None:
    for name, value in (("ROBOFLOW_REGION", region), ("ROBOFLOW_ENVIRONMENT", environment)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Server.from_configuration() == Server(host)


@pytest.mark.parametrize(
    ("text", "api"),
    [
        ("https://api.example.com/", "https://api.example.com"),
        ("api.example.com:8443/base/", "https://api.example.com:8443/base"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("", "https://api.roboflow.com"),
    ],
)
def test_a_host_of_ones_own(monkeypatch, text, api) -> None:
    monkeypatch.setenv("ROBOFLOW_API_HOST", text)
    assert Server.from_configuration().api == api


@pytest.mark.parametrize(
    "text",
    ["https://", "ftp://a", "https://me:secret@a", "https://a?key=secret", "https://a:x", "https://[", "https://a:0"],
)
@pytest.mark.parametrize("name", ["ROBOFLOW_API_HOST", "SECURE_GATEWAY", "LICENSE_SERVER"])
def test_what_is_no_address(monkeypatch, name, text) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidEnvVariable, match=name) as caught:
        Server.from_configuration()
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("name", ["ROBOFLOW_REGION", "ROBOFLOW_ENVIRONMENT"])
def test_what_is_no_region_or_environment(monkeypatch, name) -> None:
    monkeypatch.setenv(name, "moon")
    with pytest.raises(InvalidEnvVariable, match=name):
        Server.from_configuration()


def test_the_gateway_is_named_by_either_variable(monkeypatch) -> None:
    monkeypatch.setenv("LICENSE_SERVER", "10.0.0.5:9001")
    assert Server.from_configuration().gateway == "http://10.0.0.5:9001"
    monkeypatch.setenv("SECURE_GATEWAY", "https://gate.example/base/")
    assert Server.from_configuration().gateway == "https://gate.example/base"


def test_an_address_goes_through_the_gateway_once() -> None:
    server = Server("https://api.example", "https://gate.example/base")
    wrapped = server.through_gateway("https://files.example/a b?sig=1&x=2")
    assert wrapped == "https://gate.example/base/proxy?url=https%3A%2F%2Ffiles.example%2Fa%20b%3Fsig%3D1%26x%3D2"
    assert server.through_gateway(wrapped) == wrapped
    assert Server("https://api.example").through_gateway("https://files.example/a") == "https://files.example/a"


def test_what_is_asked() -> None:
    request = WeightsRequest(model_id="ws/ü & proj/3", server=Server("https://api.example/v0"), api_key="k")
    assert request.url() == "https://api.example/v0/models/v1/external/weights?modelId=ws%2F%C3%BC+%26+proj%2F3"
    assert request.url("a=b").endswith("&startAfter=a%3Db")
    assert request.headers() == {"Authorization": "Bearer k"}


@pytest.mark.parametrize("extra", [{"tag": ["a", "b"], "x": "1"}, [("tag", "a"), ("tag", "b"), ("x", "1")]])
def test_additions_to_the_query(extra) -> None:
    request = WeightsRequest(model_id="m", server=Server("https://a"), extra_query_params=extra)
    assert request.url().endswith("weights?modelId=m&tag=a&tag=b&x=1")


def test_additions_replace_nothing() -> None:
    request = WeightsRequest(
        model_id="m",
        server=Server("https://a"),
        extra_query_params={"modelId": "x", "startAfter": "x"},
        extra_headers={"Host": "x", "X-A": "1", "authorization": "Basic y"},
    )
    assert request.url().endswith("weights?modelId=m")
    assert request.headers() == {"X-A": "1", "authorization": "Basic y"}, "there is no key of ours to replace"


@pytest.mark.parametrize("extra", [7, ["tag"], {"tag": 7}, {7: "secret"}, [("a", "secret", "c")], {"tag": ["a", None]}])
def test_a_query_that_cannot_be_sent(extra) -> None:
    with pytest.raises(InvalidParameterError, match="weights_provider_extra_query_params") as caught:
        WeightsRequest(model_id="m", server=Server("https://a"), extra_query_params=extra)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "extra",
    [
        7,
        [("a", "secret")],
        {"a": 7},
        {"a\n": "secret"},
        {"": "secret"},
        {"a": "secret\r\nb: c"},
        {"a": "ü"},
        {"ä": "a"},
    ],
)
def test_headers_that_cannot_be_sent(extra) -> None:
    with pytest.raises(InvalidParameterError, match="weights_provider_extra_headers") as caught:
        WeightsRequest(model_id="m", server=Server("https://a"), extra_headers=extra)
    assert "secret" not in caught.value.message


def test_secrets_do_not_show() -> None:
    request = WeightsRequest(
        model_id="m",
        server=Server("https://a"),
        api_key="canary/1",
        extra_headers={"X": "canary 2"},
        extra_query_params={"y": "canary+3"},
    )
    assert "canary" not in repr(request)
    assert {"canary/1", "canary%2F1", "canary 2", "canary%202", "canary+3", "canary%2B3"} <= set(request.secrets())
