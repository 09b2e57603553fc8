"""Networks that say what they are told to, RF-DETR networks of a few thousand weights, and packages of both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from im_rfdetr.sizes import SIZES, Encoder, Size
from inference_models import AutoModel
from inference_models.testing import write_package

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CONFIG: dict[str, Any] = {
    "network_input": {
        "training_input_size": {"height": 64, "width": 64},
        "dynamic_spatial_size_supported": False,
        "color_mode": "rgb",
        "resize_mode": "stretch",
        "input_channels": 3,
        "scaling_factor": 255,
        "normalization": [list(MEAN), list(DEVIATION)],
    },
}
NAMES = ("cat", "dog", "owl")
TINY = Size(
    resolution=64,
    patch=16,
    windows=2,
    decoder_layers=2,
    queries=12,
    position_cells=4,
    encoder=Encoder(width=24, heads=2, layers=4),
    width=32,
    self_heads=4,
    cross_heads=4,
    points=2,
    stages=(1, 2, 3, 4),
)


class Bench:
    """Makes pictures, packages and networks. A conftest cannot be imported, so tests get all of it from a fixture."""

    CONFIG, NAMES, TINY, MEAN, DEVIATION = CONFIG, NAMES, TINY, MEAN, DEVIATION

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def picture(self, height: int = 90, width: int = 140, seed: int = 0) -> npt.NDArray[np.uint8]:
        """Return smooth colours with noise."""
        rng = np.random.default_rng(seed)
        image = cv2.resize(rng.integers(0, 256, (4, 6, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        noisy = image.astype(np.int16) + rng.integers(-30, 31, image.shape)
        picture: npt.NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
        return picture

    def saying(self, size: int = 64, **outputs: npt.NDArray[Any]) -> onnx.ModelProto:
        """Return a network that says `outputs`, without the batch axis, about every image."""
        nodes = [
            helper.make_node("ReduceMax", ["images"], ["brightest"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Mul", ["brightest", "zero"], ["zeros"]),
        ]
        constants: dict[str, npt.NDArray[Any]] = {"zero": np.zeros((), np.float32)}
        described = []
        for name, output in outputs.items():
            nodes.append(helper.make_node("Unsqueeze", ["zeros", f"axes_{name}"], [f"column_{name}"]))
            nodes.append(helper.make_node("Add", [f"column_{name}", f"said_{name}"], [name]))
            constants |= {f"said_{name}": output.astype(np.float32), f"axes_{name}": np.arange(1, output.ndim + 1)}
            described.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *output.shape]))
        images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, size, size])
        initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
        graph = helper.make_graph(nodes, "saying", [images], described, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def package(
        self,
        task: str = "object-detection",
        *,
        backend: str = "onnx",
        names: tuple[str, ...] = NAMES,
        files: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        network: onnx.ModelProto | None = None,
        **config: Any,
    ) -> Path:
        """Write a package with further `files`, which are JSON unless bytes; `config` is laid over `CONFIG`."""
        sections = {
            key: {**CONFIG.get(key, {}), **value} if isinstance(value, dict) else value for key, value in config.items()
        }
        weights = {} if network is None else {"weights.onnx": network.SerializeToString()}
        return write_package(
            self.directory,
            architecture="rfdetr",
            task_type=task,
            backend=backend,
            class_names=names,
            inference_config={**CONFIG, **sections},
            files={**(files or {}), **weights},
            model_features=dict(features or {}),
        )

    def load(self, *arguments: Any, **options: Any) -> Any:
        """Write a package and load it as users do."""
        return AutoModel.from_pretrained(self.package(*arguments, **options), device="cpu")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "package")


# What rf-detr calls the weights that transformers calls so. Written down apart from the plugin's own table.
_OLD_NAMES = (
    (
        r"model\.backbone\.backbone\.encoder\.layer\.(\d+)\.attention\.q_proj\.",
        r"E.encoder.layer.\1.attention.attention.query.",
    ),
    (
        r"model\.backbone\.backbone\.encoder\.layer\.(\d+)\.attention\.k_proj\.",
        r"E.encoder.layer.\1.attention.attention.key.",
    ),
    (
        r"model\.backbone\.backbone\.encoder\.layer\.(\d+)\.attention\.v_proj\.",
        r"E.encoder.layer.\1.attention.attention.value.",
    ),
    (
        r"model\.backbone\.backbone\.encoder\.layer\.(\d+)\.attention\.o_proj\.",
        r"E.encoder.layer.\1.attention.output.dense.",
    ),
    (r"model\.backbone\.backbone\.", r"E."),
    (r"^E\.", "backbone.0.encoder.encoder."),
    (r"model\.backbone\.projector\.layer_norm\.", "backbone.0.projector.stages.0.1."),
    (r"model\.backbone\.projector\.projector_layer\.bottlenecks\.(\d)\.conv(\d)\.", r"P.m.\1.cv\2."),
    (r"model\.backbone\.projector\.projector_layer\.conv(\d)\.", r"P.cv\1."),
    (r"^P\.(.*)\.norm\.", r"P.\1.bn."),
    (r"^P\.", "backbone.0.projector.stages.0.0."),
    (r"model\.reference_point_embed\.", "refpoint_embed."),
    (r"model\.query_feat\.", "query_feat."),
    (r"self_attn\.o_proj\.", "self_attn.out_proj."),
    (r"self_attn_layer_norm\.", "norm1."),
    (r"cross_attn_layer_norm\.", "norm2."),
    (r"(model\.decoder\.layers\.\d+)\.layer_norm\.", r"\1.norm3."),
    (r"(model\.decoder\.layers\.\d+)\.mlp\.fc(\d)\.", r"\1.linear\2."),
    (r"model\.decoder\.layernorm\.", "model.decoder.norm."),
    (r"^model\.", "transformer."),
)
_OLD_MASK_NAMES = (
    (r"^segmentation_bias$", "bias"),
    (r"depthwise_conv", "dwconv"),
    (r"(blocks\.\d+)\.layernorm", r"\1.norm"),
    (r"pointwise_conv", "pwconv1"),
    (r"query_features_block\.norm\.", "query_features_block.norm_in."),
    (r"query_features_block\.mlp\.fc1", "query_features_block.layers.0"),
    (r"query_features_block\.mlp\.fc2", "query_features_block.layers.2"),
)


class TorchBench:
    """Small networks of transformers with seeded weights, and checkpoints as the rf-detr project would save them."""

    def __init__(self) -> None:
        import torch
        import transformers

        self.torch, self.transformers = torch, transformers

    def network(self, size: Size = TINY, *, classes: int = 4, groups: int = 3, seed: int = 0) -> Any:
        """Return transformers' network, built by hand."""
        torch, transformers = self.torch, self.transformers
        config = transformers.RfDetrConfig(
            backbone_config=transformers.RfDetrDinov2Config(
                hidden_size=size.encoder.width,
                num_hidden_layers=size.encoder.layers,
                num_attention_heads=size.encoder.heads,
                patch_size=size.patch,
                image_size=size.position_cells * size.patch,
                num_windows=size.windows,
                out_features=[f"stage{stage}" for stage in size.stages],
            ),
            d_model=size.width,
            decoder_layers=size.decoder_layers,
            decoder_self_attention_heads=size.self_heads,
            decoder_cross_attention_heads=size.cross_heads,
            decoder_n_points=size.points,
            decoder_ffn_dim=2048 if size.width == 256 else 48,
            num_queries=size.queries,
            group_detr=groups,
            num_labels=classes,
            layer_norm_eps=1e-6,
            intermediate_size=1024 if size.width == 256 else 40,
        )
        kind = "InstanceSegmentation" if size.has_masks else "ObjectDetection"
        generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = getattr(transformers, f"RfDetrFor{kind}")(config).eval()
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if "class_embed" in name:  # they begin so that nothing is found
                    weight.zero_()
            for name, weight in network.named_parameters():
                # Layer scales and norms begin as constants, which would hide a mix-up.
                noise = torch.randn(weight.shape, generator=generator)
                weight.add_(noise * (0.3 if weight.ndim == 1 or "embed" in name else 0.05))
        return network

    def old_weights(self, network: Any) -> dict[str, Any]:
        """Return the weights under the names of the rf-detr project."""
        old: dict[str, Any] = {}
        outer = "model." if hasattr(network, "segmentation_bias") else ""
        for name, tensor in network.state_dict().items():
            if outer and not name.startswith("model."):
                old["segmentation_head." + _renamed(name, _OLD_MASK_NAMES)] = tensor
            else:
                old[_renamed(name.removeprefix(outer), _OLD_NAMES)] = tensor
        for layer in {match[0] for name in old if (match := re.match(r"transformer\.decoder\.layers\.\d+", name))}:
            for kind in ("weight", "bias"):
                parts = [old.pop(f"{layer}.self_attn.{key}_proj.{kind}") for key in "qkv"]
                old[f"{layer}.self_attn.in_proj_{kind}"] = self.torch.cat(parts)
        return old

    def export(self, network: Any, edge: int, names: list[str], path: Path) -> None:
        """Write a network as an ONNX file, or as TorchScript if the path says so, with torch's own exporters."""
        torch = self.torch

        class Plain(torch.nn.Module):  # type: ignore[name-defined, misc]
            def __init__(self) -> None:
                super().__init__()
                self.network = network

            def forward(self, images: Any) -> Any:
                outputs = self.network(images)
                return tuple(outputs[key] for key in ("pred_boxes", "logits", "pred_masks")[: len(names)])

        images = torch.zeros(1, 3, edge, edge)
        if path.suffix == ".torchscript":
            torch.jit.save(torch.jit.trace(Plain().eval(), images), path)
            return
        torch.onnx.export(
            Plain().eval(),
            (images,),
            path,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["input"],
            output_names=names,
        )

    def by_hand(self, network: Any, images: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return boxes, logits and masks, if any, of (N, 3, H, W) inputs."""
        with self.torch.inference_mode():
            outputs = network(self.torch.from_numpy(images))
        named = (outputs.pred_boxes, outputs.logits, getattr(outputs, "pred_masks", None))
        return [output.numpy() for output in named if output is not None]


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


@pytest.fixture(scope="session")
def torch_bench() -> TorchBench:
    pytest.importorskip("transformers")
    return TorchBench()


@pytest.fixture
def tiny_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make two sizes so small that a test builds them in no time."""
    from attrs import evolve

    monkeypatch.setitem(SIZES, "rfdetr-nano", TINY)
    monkeypatch.setitem(SIZES, "rfdetr-seg-nano", evolve(TINY, has_masks=True))
