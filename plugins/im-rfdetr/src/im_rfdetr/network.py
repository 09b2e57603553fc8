"""RF-DETR as a torch module: transformers' own classes, built as an `Architecture` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from im_rfdetr.architecture import Architecture

if TYPE_CHECKING:
    import torch

__all__ = ["build_network", "with_plain_outputs"]

# The rf-detr project's; transformers' default of 1e-5 changes which queries are best.
_EPSILON = 1e-6


def build_network(architecture: Architecture) -> torch.nn.Module:
    """Return transformers' network without weights: its parameters lie on the device "meta"."""
    import torch
    from transformers import RfDetrForInstanceSegmentation, RfDetrForObjectDetection

    network_class = RfDetrForInstanceSegmentation if architecture.size.has_masks else RfDetrForObjectDetection
    with torch.device("meta"):
        network: torch.nn.Module = network_class(_config(architecture))
    return network


def with_plain_outputs(network: torch.nn.Module) -> torch.nn.Module:
    """Return a module around transformers' network that gives a tuple: boxes, scores and, of a segmenter, masks."""
    import torch

    class PlainOutputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            outputs = self.network(images)
            masks = getattr(outputs, "pred_masks", None)
            return (outputs.pred_boxes, outputs.logits, *(() if masks is None else (masks,)))

    return PlainOutputs().eval()


def _config(architecture: Architecture) -> Any:
    from transformers import RfDetrConfig

    size = architecture.size
    masks = {} if architecture.mask_width is None else {"intermediate_size": architecture.mask_width}
    return RfDetrConfig(
        backbone_config={
            "model_type": "rf_detr_dinov2",
            "hidden_size": size.encoder.width,
            "num_hidden_layers": size.encoder.layers,
            "num_attention_heads": size.encoder.heads,
            "patch_size": size.patch,
            "image_size": size.position_cells * size.patch,
            "num_windows": size.windows,
            "out_features": [f"stage{stage}" for stage in size.stages],
        },
        num_labels=architecture.classes,
        d_model=size.width,
        decoder_layers=size.decoder_layers,
        decoder_ffn_dim=architecture.feed_forward,
        decoder_self_attention_heads=size.self_heads,
        decoder_cross_attention_heads=size.cross_heads,
        decoder_n_points=size.points,
        num_queries=size.queries,
        group_detr=architecture.groups,
        mask_downsample_ratio=architecture.mask_downsample,
        layer_norm_eps=_EPSILON,
        **masks,
    )
