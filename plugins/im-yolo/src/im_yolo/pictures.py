"""Pre-processing: the same for every task whose results lie in the picture."""

from __future__ import annotations

from im_yolo.heads import Floats
from im_yolo.package import YOLOPackage
from inference_models import ColorFormat, Model, PreProcessingOverrides
from inference_models.developer_tools import Images, PreProcessingMetadata


class PictureStages(Model):
    """What models of these tasks share; name it before the task's base class, which declares the stages."""

    _package: YOLOPackage

    def pre_process(
        self,
        images: Images,
        *,
        input_color_format: ColorFormat | None = None,
        image_size: int | tuple[int, int] | None = None,
        pre_processing_overrides: PreProcessingOverrides | None = None,
    ) -> tuple[Floats, list[PreProcessingMetadata]]:
        """Return the network's input for `images`, and how to get back from it.

        Args:
            images: one image, a list of them of any sizes, an array (N, H, W, 3) or a tensor (N, 3, H, W). An image
                is a numpy array (H, W, 3) uint8, or a torch tensor (3, H, W) of uint8 values or floats in 0 to 1.
            input_color_format: the order of the images' colours; default "bgr" for numpy, as OpenCV reads them, and
                "rgb" for torch.
            image_size: width and height of the network's input for this call, or one number for both, rounded up to
                what the network takes; only for packages that support it. Default: the package's.
            pre_processing_overrides: single steps to leave out.

        Returns:
            A new array (N, channels, height, width) float32 (float16 if the network takes that); a tensor on the
            network's device where that is a GPU's. And N metadata.

        Raises:
            ModelInputError: an image cannot be used.
            InvalidParameterError: an option has a value that does not exist.
        """
        return self._package.pre_processor(
            images,
            input_color_format=input_color_format,
            overrides=pre_processing_overrides,
            image_size=image_size,
            device=self._package.device,
        )
