"""Tables of the reference pages have a row for what the code has: spec fields, package keys, contract checks."""

from __future__ import annotations

import re

import pytest
from attrs import fields

from inference_models.developer_tools import (
    BackendSpec,
    ModelPackageMetadata,
    ModelSpec,
    PipelineSpec,
    TorchToolkit,
    TransformersToolkit,
    WeightsProviderSpec,
)
from inference_models.negotiation.filters import FILTERS
from inference_models.stated import stated_fields
from inference_models.testing.checks import contracts
from inference_models.vision import inference_config
from workspace import ROOT


def first_cells(page: str, heading: str | None = None) -> list[str]:
    """Return what stands in the first column of the tables of a page, or of the section below a heading of it."""
    text = (ROOT / "docs/reference" / page).read_text(encoding="utf-8")
    if heading is not None:
        level = heading.partition(" ")[0]
        _, _, text = text.partition(f"\n{heading}")
        text = re.split(rf"^#{{1,{len(level)}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return [
        name for cell in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for name in re.findall(r"`([\w.-]+)", cell)
    ]


@pytest.mark.parametrize("spec", [WeightsProviderSpec, BackendSpec, ModelSpec, PipelineSpec])
def test_fields_of_specs(spec: type) -> None:
    heading = {
        WeightsProviderSpec: "## `im_weights_providers()",
        BackendSpec: "## `im_backends()",
        ModelSpec: "## `im_models()",
        PipelineSpec: "## `im_pipelines()",
    }[spec]
    names = [field.name for field in fields(spec)]
    assert sorted(name for name in first_cells("hooks.md", heading) if name in names) == sorted(names)


@pytest.mark.parametrize("toolkit", [TorchToolkit, TransformersToolkit])
def test_members_of_toolkits(toolkit: type) -> None:
    members = {name for name in dir(toolkit) if not name.startswith("_")}
    assert members - set(first_cells("hooks.md", "### Toolkits")) == set()


def test_keys_of_packages() -> None:
    documented = set(first_cells("package-format.md", "## model_config.json"))
    assert set(stated_fields(ModelPackageMetadata)) <= documented


@pytest.mark.parametrize(
    "part",
    [
        inference_config.InferenceConfig,
        inference_config.NetworkInput,
        inference_config.ForwardPass,
        inference_config.PostProcessing,
        inference_config.NMSParameters,
        inference_config.ImagePreProcessing,
    ],
)
def test_keys_of_inference_config(part: type) -> None:
    text = (ROOT / "docs/reference/package-format.md").read_text(encoding="utf-8")
    kebab = part is inference_config.ImagePreProcessing
    names = [field.name.replace("_", "-") if kebab else field.name for field in fields(part)]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("heading", "checks"),
    [
        ("## Plugins", contracts.PLUGIN),
        ("## Weights providers", contracts.PROVIDER),
        ("## Backends", contracts.BACKEND),
        ("## Models", contracts.MODEL),
    ],
)
def test_checks_of_contracts(heading: str, checks: dict[str, object]) -> None:
    assert first_cells("conformance.md", heading) == list(checks), "in the order of the code"


def test_filters_of_negotiation() -> None:
    text = (ROOT / "docs/explanation/negotiation.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    names = [question.__name__ for question in FILTERS]
    assert [name for name in documented if name in names] == names, "in the order of the code"
