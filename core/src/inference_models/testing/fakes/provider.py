"""A weights provider with files, for tests of model plugins and of programs that load models by id."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from inference_models.errors import ModelNotFoundError, UnauthorizedModelAccessError, describe_choices
from inference_models.metadata import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata
from inference_models.testing.fakes.server import FileServer
from inference_models.weights_providers import register_model_provider
from inference_models.weights_providers.local import get_model as describe_directory
from inference_models.weights_providers.registered import WEIGHTS_PROVIDERS


class FakeProvider:
    """A weights provider whose packages are directories. Inside a `with` block, `name://model-id` finds its models.

    Example:
        with FakeProvider("fake", served=True) as provider:
            provider.add("shapes", write_package(tmp_path / "onnx-fp32", architecture="yolov8", backend="onnx"))
            model = AutoModel.from_pretrained("fake://shapes")

    It is registered for this process only. Used as a function it is what `WeightsProviderSpec.target` points at.

    Attributes:
        name: what stands before `://`.
        api_key: that it asks for; None: for none.
        asked: the ids that it was asked for, in order.
    """

    def __init__(self, name: str = "fake", *, served: bool = False, api_key: str | None = None) -> None:
        """Make a provider without models.

        Args:
            name: what stands before `://`.
            served: whether files are fetched from a real HTTP server on the loopback interface, with their hashes, and
                stored; else the directories are used in place.
            api_key: that questions and, when served, requests for files must bring.
        """
        self.name = name
        self.api_key = api_key
        self.asked: list[str] = []
        self._server = FileServer(token=api_key) if served else None
        self._models: dict[str, ModelMetadata] = {}

    def add(self, model_id: str, *packages: Path, **described: Any) -> ModelMetadata:
        """Let the provider know a model, or know it otherwise.

        Args:
            model_id: without the scheme.
            *packages: directories with a model_config.json, at least one; their names are the packages' ids. When
                served, all their files are read now.
            **described: further fields of `ModelMetadata`, for example model_variant="yolov8n".

        Returns:
            What `name://model_id` answers from now on.

        Raises:
            CorruptedModelPackageError: a model_config.json cannot be used.
        """
        found = [describe_directory(str(directory)) for directory in packages]
        metadata = evolve(
            found[0],
            model_id=model_id,
            model_packages=[self._package(model_id, one.model_packages[0]) for one in found],
            **described,
        )
        self._models[model_id] = metadata
        return metadata

    def __call__(self, model_id: str, api_key: str | None = None, **options: Any) -> ModelMetadata:
        """Return what is known about a model.

        Raises:
            ModelNotFoundError: nothing was added under this id.
            UnauthorizedModelAccessError: it asks for another key.
        """
        self.asked.append(model_id)
        if self.api_key is not None and api_key != self.api_key:
            raise UnauthorizedModelAccessError(f"Provider {self.name!r} asks for another api_key.")
        if model_id not in self._models:
            raise ModelNotFoundError(
                f"Provider {self.name!r} has no model {model_id!r}. {describe_choices(model_id, self.list_models())}"
            )
        return self._models[model_id]

    @property
    def server(self) -> FileServer:
        """Where served files come from: `requests` has the paths that were asked for, `contents` may be changed.

        Raises:
            RuntimeError: files are used where they lie.
        """
        if self._server is None:
            raise RuntimeError("Files of this provider are used where they lie: make it with served=True.")
        return self._server

    def list_models(self) -> Sequence[str]:
        """Return the ids of all models, sorted."""
        return sorted(self._models)

    def __enter__(self) -> Self:
        if self._server is not None:
            self._server.__enter__()
        register_model_provider(self.name, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        WEIGHTS_PROVIDERS.pop(self.name, None)
        if self._server is not None:
            self._server.__exit__()

    def _package(self, model_id: str, package: ModelPackageMetadata) -> ModelPackageMetadata:
        directory = package.directory
        if self._server is None or directory is None:
            return package
        files = [self._file(model_id, directory, path) for path in sorted(directory.rglob("*")) if path.is_file()]
        return evolve(package, directory=None, package_artefacts=files)

    def _file(self, model_id: str, directory: Path, path: Path) -> FileDownloadSpecs:
        handle, content = path.relative_to(directory).as_posix(), path.read_bytes()
        address = f"/{model_id}/{directory.name}/{handle}"
        self.server.contents[address] = content
        return FileDownloadSpecs(
            f"{self.server.url}{address}",
            handle,
            hashlib.md5(content, usedforsecurity=False).hexdigest(),
            sha256_hash=hashlib.sha256(content).hexdigest(),
            size=len(content),
            headers={"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
        )
