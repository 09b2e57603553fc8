"""From an id to detections, over real sockets: signatures that expire on the way, and without a network."""

from __future__ import annotations

import numpy as np
import pytest

from inference_models import AutoModel, ForbiddenModelAccessError, ModelRetrievalError, OfflineModeError
from inference_models.developer_tools import get_model_from_provider

MODEL = "acme://line-7/defects@4"
LARGE = 300_000


@pytest.fixture
def large(acme, package, tmp_path, networks):
    """Version 5, whose weights come with enough ballast that a connection can break off several times on the way."""
    import onnx

    directory = networks.write_package(tmp_path / "large")
    network = onnx.load(directory / "weights.onnx")
    ballast = np.random.default_rng(0).bytes(LARGE).hex()
    network.metadata_props.append(onnx.StringStringEntryProto(key="ballast", value=ballast))
    onnx.save(network, directory / "weights.onnx")
    acme.publish("line-7/defects", 5, directory)
    return "acme://line-7/defects@5"


def check(model, networks) -> None:
    [found] = model(networks.part_with_defects())
    assert sorted(zip(found.names, found.xyxy.round().tolist(), strict=True)) == [
        ("scratch", [64, 96, 96, 128]),
        ("stain", [192, 160, 224, 192]),
    ]
    assert found.confidence == pytest.approx(200 / 255, abs=1e-3)


def test_a_model_by_its_id(acme, networks) -> None:
    with AutoModel.from_pretrained(MODEL) as model:
        check(model, networks)


def test_again_without_a_network_and_without_a_token(acme, networks, monkeypatch) -> None:
    AutoModel.from_pretrained("acme://line-7/defects").close()
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    monkeypatch.delenv("ACME_TOKEN")
    asked = len(acme.requests), len(acme.files.requests)
    for name in (MODEL, "acme://line-7/defects"):
        with AutoModel.from_pretrained(name) as model:
            check(model, networks)
    assert (len(acme.requests), len(acme.files.requests)) == asked
    with pytest.raises(OfflineModeError, match="acme://line-7/defects@3"):
        AutoModel.from_pretrained("acme://line-7/defects@3")


def test_offline_the_newest_is_what_was_newest_when_it_was_fetched(acme, package, networks, monkeypatch) -> None:
    for version in (9, 10):
        acme.publish("line-7/defects", version, package)
        AutoModel.from_pretrained("acme://line-7/defects", use_auto_resolution_cache=False).close()
    monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
    assert AutoModel.explain("acme://line-7/defects").metadata.model_id == "line-7/defects@10"


def test_again_while_the_index_is_down(acme, networks, monkeypatch) -> None:
    AutoModel.from_pretrained(MODEL).close()
    acme.close()
    monkeypatch.setenv("API_CALLS_MAX_TRIES", "1")
    with AutoModel.from_pretrained(MODEL, use_auto_resolution_cache=False) as model:
        check(model, networks)


def test_a_download_outlives_its_signatures(acme, large, networks) -> None:
    """The connection breaks off three times, each time for longer than a signature is good."""
    acme.files.stalls = [(100_000, 120), (100_000, 120), (100_000, 120)]
    with AutoModel.from_pretrained(large) as model:
        check(model, networks)
    assert acme.files.stalls == []
    assert [status for _, _, status in acme.files.requests].count(403) >= 3
    assert sum("/files/weights.onnx" in path for path, _, _ in acme.requests) == 3
    resumed = [headers["range"] for _, headers, status in acme.files.requests if status == 206]
    assert {text.partition("-")[0] for text in resumed} > {"bytes=0"}, "it goes on, and does not begin again"


def test_addresses_that_expired_before_the_first_byte(acme, networks) -> None:
    [package] = get_model_from_provider(MODEL).model_packages
    acme.files.clock += 120
    fresh = [file.refresh() for file in package.package_artefacts]
    assert [file.download_url for file in fresh] != [file.download_url for file in package.package_artefacts]
    assert fresh == [file.refresh() for file in fresh]


def test_a_token_that_is_withdrawn_half_way(acme, large) -> None:
    acme.files.stalls = [(100_000, 120)]
    answer = acme.answer
    acme.answer = lambda path, headers: (401, b"", {}) if "/files/" in path else answer(path, headers)
    with pytest.raises(ModelRetrievalError, match="wrong or has expired"):
        AutoModel.from_pretrained(large)


def test_another_file_under_a_fresh_address_is_refused(acme, large) -> None:
    """What counts is the hash that was stated first."""
    acme.files.stalls = [(100_000, 120)]
    answer, other = acme.answer, acme.files.contents
    [path] = [path for path, content in other.items() if len(content) > LARGE]

    def swap(target: str, headers: dict[str, str]):
        if "/files/" in target:
            other[path] = other[path][:-1] + b"!"
        return answer(target, headers)

    acme.answer = swap
    with pytest.raises(ModelRetrievalError, match=r"not the one that was promised|changes while"):
        AutoModel.from_pretrained(large)


def test_what_is_not_for_this_customer_is_not_loaded(acme) -> None:
    acme.hidden.add("line-7/defects")
    with pytest.raises(ForbiddenModelAccessError):
        AutoModel.from_pretrained(MODEL)
    assert acme.files.requests == []


def test_an_unreleased_model_needs_consent(acme, package, networks) -> None:
    acme.publish("line-7/defects", 6, package, released=False)
    with pytest.raises(Exception, match="allow_untrusted_packages"):
        AutoModel.from_pretrained("acme://line-7/defects@6")
    with AutoModel.from_pretrained("acme://line-7/defects@6", allow_untrusted_packages=True) as model:
        check(model, networks)
