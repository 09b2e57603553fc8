"""What every family does with a session that takes images: what goes in, how many at once, and where."""

from __future__ import annotations

from typing import Self

from attrs import frozen

from inference_models.metadata import ModelPackageMetadata
from inference_models.sessions import (
    Array,
    BatchRun,
    Session,
    TensorInfo,
    batch_limits,
    join_batches,
    run_in_batches,
)
from inference_models.vision import (
    BatchSizes,
    ImagePreProcessor,
    InferenceConfig,
    agreed_input_size,
    as_kind,
    choose_batch_sizes,
    find_image_input,
    processing_device,
    stated_input_size,
)

__all__ = ["ImageNetwork"]


@frozen(eq=False)
class ImageNetwork:
    """A network whose only input are images. It can be run from several threads at once, as its session can.

    Attributes:
        session: the network, opened. Whoever opened it closes it.
        input: its input, (batch, channels, height, width) as far as its backend knows the shape.
        batch_sizes: how many images go through at once.
    """

    session: Session
    input: TensorInfo
    batch_sizes: BatchSizes

    @classmethod
    def from_session(
        cls, session: Session, config: InferenceConfig, package: ModelPackageMetadata | None = None
    ) -> Self:
        """Return the network of a session, once it fits what is said about it.

        Args:
            session: the network, opened; it is not closed when an error is raised.
            config: the package's inference config.
            package: what the weights provider says about the package; None: nothing.

        Raises:
            CorruptedModelPackageError: the network does not take images as the config says, or config, metadata and
                network contradict each other about batches.
        """
        network_input = find_image_input(session.inputs, config)
        return cls(session, network_input, choose_batch_sizes(batch_limits(session), config.forward_pass, package))

    @property
    def device(self) -> str | None:
        """Where images are prepared and outputs are read, as torch names it; None: on the host, with arrays."""
        return processing_device(self.session.array_kind, self.session.device)

    def make_pre_processor(self, config: InferenceConfig) -> ImagePreProcessor:
        """Return what makes this network's input as `config` describes it.

        Raises:
            ModelLoadingError: the config asks for what is not supported, or the network takes a dtype that is not.
            CorruptedModelPackageError: network and config contradict each other about the size of the input, or nobody
                says how large it is.
        """
        return ImagePreProcessor.from_config(
            config,
            size=agreed_input_size(self.input, config),
            dtype=self.input.dtype,
            dynamic_size=None in stated_input_size(self.input),
        )

    def run(self, images: Array) -> dict[str, Array]:
        """Run the network on any number of images, in as many batches as it needs.

        Args:
            images: (N, channels, height, width) of the input's dtype, an array or a tensor on any device.

        Returns:
            An array for each output, of the session's kind, the first axis N long.

        Raises:
            SessionClosedError: the session was closed.
            ModelRuntimeError: the backend failed, or outputs of several batches have no batch axis to be joined along.
        """
        return join_batches(self.run_in_batches(images))

    def run_in_batches(self, images: Array) -> list[BatchRun]:
        """Run the network as `run` does, and return the runs one by one: for outputs without a batch axis."""
        session, sizes = self.session, self.batch_sizes
        return run_in_batches(
            session,
            {self.input.name: as_kind(images, session.array_kind, session.device)},
            min_batch_size=sizes.smallest,
            max_batch_size=sizes.largest,
        )
