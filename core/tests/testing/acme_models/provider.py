"""A provider that asks a server whether it is there, and knows two models."""

from __future__ import annotations

import logging
import os
import socket

from inference_models import ModelNotFoundError, OfflineModeError, RetryError, UnauthorizedModelAccessError
from inference_models.developer_tools import FileDownloadSpecs, ModelMetadata, ModelPackageMetadata

logger = logging.getLogger(__name__)
KEY = "open-sesame-1234"


def list_models():
    return ["bolts", "nuts"]


def get_model(model_id, api_key=None):
    greet_server()
    if model_id not in list_models():
        raise ModelNotFoundError(f"There is no model {model_id!r}.")
    key = api_key or os.environ.get("ACME_KEY")
    logger.debug("asked for %s", model_id)
    if key != KEY:
        raise UnauthorizedModelAccessError("The key is not accepted. Set ACME_KEY.")
    packages = [ModelPackageMetadata("small", "acme-npu", [make_file(model_id)], trusted_source=True)]
    return ModelMetadata(model_id, "acmenet", packages, task_type="regression")


def greet_server():
    if os.environ.get("INFERENCE_MODELS_OFFLINE"):
        raise OfflineModeError("The network is switched off. Unset INFERENCE_MODELS_OFFLINE.")
    try:
        socket.create_connection(("127.0.0.1", int(os.environ["ACME_PORT"])), timeout=10).close()
    except OSError as error:
        raise RetryError("The server does not answer. Try again later.") from error


def make_file(model_id):
    return FileDownloadSpecs(
        f"https://files.example.invalid/{model_id}/network.json?signature={os.urandom(8).hex()}",
        "network.json",
        sha256_hash="ab" * 32,
        size=27,
        headers={"Authorization": "Bearer of-this-file"},
        refresh=lambda: make_file(model_id),
    )
