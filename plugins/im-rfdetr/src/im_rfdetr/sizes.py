"""The sizes of RF-DETR: what users name in `model_type=`, and how each network is built. One table, no code."""

from __future__ import annotations

from attrs import frozen

__all__ = ["SIZES", "Encoder", "Size"]


@frozen
class Encoder:
    """A vision transformer (DINOv2) that looks at the picture.

    Attributes:
        width: length of a patch's feature.
        heads: of its attention.
        layers: how many.
    """

    width: int
    heads: int
    layers: int = 12


SMALL, BASE = Encoder(384, 6), Encoder(768, 12)


@frozen(kw_only=True)
class Size:
    """How the network of a size is built. What is the same for many sizes has it as default.

    Attributes:
        resolution: height and width of the input in pixels.
        patch: height and width of a patch in pixels.
        windows: the picture's rows and columns of windows, in which most of the encoder's layers look.
        decoder_layers: how many.
        queries: the most objects it finds.
        position_cells: rows and columns of the position embedding.
        encoder: what looks at the picture.
        width: length of a query's feature.
        self_heads: heads of the attention among queries.
        cross_heads: heads of the attention to the picture.
        points: places of the picture that each of them looks at.
        stages: the encoder's layers whose output the decoder sees, from 1.
        has_masks: whether it segments.
    """

    resolution: int
    patch: int
    windows: int
    decoder_layers: int
    queries: int = 300
    position_cells: int
    encoder: Encoder = SMALL
    width: int = 256
    self_heads: int = 8
    cross_heads: int = 16
    points: int = 2
    stages: tuple[int, ...] = (3, 6, 9, 12)
    has_masks: bool = False


def _detector(resolution: int, windows: int, decoder_layers: int) -> Size:
    return Size(
        resolution=resolution,
        patch=16,
        windows=windows,
        decoder_layers=decoder_layers,
        position_cells=resolution // 16,
    )


def _large_detector(resolution: int, windows: int) -> Size:
    return Size(
        resolution=resolution,
        patch=20,
        windows=windows,
        decoder_layers=5,
        position_cells=resolution // 20,
        encoder=BASE,
        width=512,
        self_heads=16,
        cross_heads=32,
        points=4,
    )


def _segmenter(resolution: int, decoder_layers: int, queries: int, windows: int = 2) -> Size:
    return Size(
        resolution=resolution,
        patch=12,
        windows=windows,
        decoder_layers=decoder_layers,
        queries=queries,
        position_cells=resolution // 12,
        has_masks=True,
    )


SIZES: dict[str, Size] = {
    "rfdetr-nano": _detector(384, windows=2, decoder_layers=2),
    "rfdetr-small": _detector(512, windows=2, decoder_layers=3),
    # Its position embedding is DINOv2's own, of pictures of 518 pixels.
    "rfdetr-base": Size(resolution=560, patch=14, windows=4, decoder_layers=3, position_cells=37, stages=(2, 5, 8, 11)),
    "rfdetr-medium": _detector(576, windows=2, decoder_layers=4),
    "rfdetr-large": _detector(704, windows=2, decoder_layers=4),
    "rfdetr-xlarge": _large_detector(700, windows=1),
    "rfdetr-2xlarge": _large_detector(880, windows=2),
    "rfdetr-seg-preview": _segmenter(432, decoder_layers=4, queries=200),
    "rfdetr-seg-nano": _segmenter(312, decoder_layers=4, queries=100, windows=1),
    "rfdetr-seg-small": _segmenter(384, decoder_layers=4, queries=100),
    "rfdetr-seg-medium": _segmenter(432, decoder_layers=5, queries=200),
    "rfdetr-seg-large": _segmenter(504, decoder_layers=5, queries=200),
    "rfdetr-seg-xlarge": _segmenter(624, decoder_layers=6, queries=300),
    "rfdetr-seg-2xlarge": _segmenter(768, decoder_layers=6, queries=300),
    "rfdetr-seg-xxlarge": _segmenter(768, decoder_layers=6, queries=300),
}
