"""Every environment variable of the core: name, default, meaning. Read when used, never at import.

A plugin declares its own variables with the same `Variable`; `im doctor` shows those that are set.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from attrs import frozen

from inference_models.errors import InvalidEnvVariable
from inference_models.parsing import (
    parse_choice,
    parse_count,
    parse_device_or_none,
    parse_flag,
    parse_home,
    parse_http_origins,
    parse_names,
    parse_pairs,
    parse_policy,
    parse_positive_float,
    parse_positive_size,
    parse_statuses,
)

T_co = TypeVar("T_co", covariant=True)


@frozen(kw_only=True)
class Variable(Generic[T_co]):
    """One environment variable.

    Attributes:
        name: as it stands in the environment.
        default: the value when it is unset.
        parse: turns the text into a value; raises ValueError with what would have been accepted.
        description: one plain sentence for the reference page.
        secret: reports must not show its value.
    """

    name: str
    default: T_co
    parse: Callable[[str], T_co]
    description: str
    secret: bool = False

    def get(self) -> T_co:
        """Return the value now. Raises: InvalidEnvVariable when the text cannot be used."""
        text = os.environ.get(self.name)
        if text is None:
            return self.default
        try:
            return self.parse(text.strip())
        except ValueError as error:
            shown = "its value" if self.secret else repr(text)
            raise InvalidEnvVariable(
                f"Environment variable {self.name} cannot be used: {shown} is not valid, expected {error}. "
                f"Correct it or unset it."
            ) from None

    @property
    def is_set(self) -> bool:
        """Whether the variable stands in the environment."""
        return self.name in os.environ


DISABLE_PLUGINS = Variable[tuple[str, ...]](
    name="INFERENCE_MODELS_DISABLE_PLUGINS",
    default=(),
    parse=parse_names,
    description="Plugins that are not loaded: distribution or entry-point names, comma-separated; * is all.",
)
ONLY_PLUGINS = Variable[tuple[str, ...] | None](
    name="INFERENCE_MODELS_ONLY_PLUGINS",
    default=None,
    parse=parse_names,
    description="The only plugins that are loaded, named as above. Set but empty: none.",
)
STRICT_PLUGINS = Variable(
    name="INFERENCE_MODELS_STRICT_PLUGINS",
    default=False,
    parse=parse_flag,
    description="Raise when a plugin does not load, instead of reporting it and going on.",
)
PREFER = Variable[tuple[tuple[str, str], ...]](
    name="INFERENCE_MODELS_PREFER",
    default=(),
    parse=parse_pairs,
    description="Which distribution serves a key that two declare: key=distribution pairs, comma-separated.",
)
POLICY = Variable[Path | None](
    name="INFERENCE_MODELS_POLICY",
    default=None,
    parse=parse_policy,
    description="A file of rules that no argument and no other variable can loosen.",
)
BACKEND_ORDER = Variable[tuple[str, ...]](
    name="INFERENCE_MODELS_BACKEND_ORDER",
    default=(),
    parse=parse_names,
    description="Backends from most to least preferred; those not named follow in their own order.",
)
DEFAULT_DEVICE = Variable[str | None](
    name="DEFAULT_DEVICE",
    default=None,
    parse=parse_device_or_none,
    description="As if device= were given where it is not: cpu, cuda, cuda:1, mps. Unset: the backend chooses.",
)
INFERENCE_HOME = Variable[Path | None](
    name="INFERENCE_HOME",
    default=None,
    parse=parse_home,
    description="Root of the cache. Unset: inference-models in the user's cache directory.",
)
RUNNING_ON_JETSON = Variable[bool | None](
    name="RUNNING_ON_JETSON",
    default=None,
    parse=parse_flag,
    description="Whether this is a Jetson module. Unset: its release files tell.",
)
L4T_VERSION = Variable[str | None](
    name="L4T_VERSION",
    default=None,
    parse=lambda text: text or None,
    description="The release of Jetson Linux, for example 36.4.3, for containers that hide its release file.",
)
JETSON_MODULE = Variable[str | None](
    name="JETSON_MODULE",
    default=None,
    parse=lambda text: text or None,
    description="The Jetson module, for example nvidia-jetson-orin-nx. Unset: the board's name tells.",
)
PROBE_TIMEOUT = Variable(
    name="INFERENCE_MODELS_PROBE_TIMEOUT",
    default=10.0,
    parse=parse_positive_float,
    description="Seconds for which the driver of a GPU, or a disk, may keep silent before it is reported as hanging.",
)
OFFLINE = Variable(
    name="INFERENCE_MODELS_OFFLINE",
    default=False,
    parse=parse_flag,
    description="Open no connection at all; load what is on disk.",
)
OFFLINE_MODE = Variable(
    name="OFFLINE_MODE",
    default=False,
    parse=parse_flag,
    description="The same under the name that Roboflow's library gives it.",
)
AUTO_LOADER_CACHE_EXPIRATION_MINUTES = Variable(
    name="AUTO_LOADER_CACHE_EXPIRATION_MINUTES",
    default=1440,
    parse=parse_count,
    description="Minutes for which it is remembered which package of a model was chosen.",
)
API_CALLS_TIMEOUT = Variable(
    name="API_CALLS_TIMEOUT",
    default=30.0,
    parse=parse_positive_float,
    description="Seconds that a server may stay silent before a request fails.",
)
FILE_LOCK_ACQUIRE_TIMEOUT = Variable(
    name="INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT",
    default=120.0,
    parse=parse_positive_float,
    description="Seconds without any progress after which a process that fetches a package is no longer waited for.",
)

API_CALLS_MAX_TRIES = Variable(
    name="API_CALLS_MAX_TRIES",
    default=3,
    parse=parse_count,
    description="How often a request is sent before a server that keeps failing is given up.",
)
IDEMPOTENT_API_REQUEST_CODES_TO_RETRY = Variable(
    name="IDEMPOTENT_API_REQUEST_CODES_TO_RETRY",
    default=frozenset({408, 429, 500, 502, 503, 504}),
    parse=parse_statuses,
    description="HTTP status codes after which a request is sent again, comma-separated.",
)
ALLOWED_HTTP_ORIGINS = Variable[frozenset[str]](
    name="INFERENCE_MODELS_ALLOWED_HTTP_ORIGINS",
    default=frozenset(),
    parse=parse_http_origins,
    description="Origins that plain http is used for, comma-separated; all others must have https, but for loopback.",
)
DOWNLOAD_MINIMUM_RATE = Variable(
    name="INFERENCE_MODELS_DOWNLOAD_MINIMUM_RATE",
    default=1000.0,
    parse=parse_positive_float,
    description="Bytes per second that a server must send on average; one that sends more slowly is given up.",
)
DOWNLOAD_DEADLINE = Variable(
    name="INFERENCE_MODELS_DOWNLOAD_DEADLINE",
    default=43_200.0,
    parse=parse_positive_float,
    description="Seconds that fetching the files of a package may take in all.",
)
DOWNLOAD_MAX_FILE_SIZE = Variable(
    name="INFERENCE_MODELS_DOWNLOAD_MAX_FILE_SIZE",
    default=16 << 30,
    parse=parse_positive_size,
    description="The most bytes that a file which is fetched may have, for example 20GB.",
)
ROBOFLOW_API_KEY = Variable[str | None](
    name="ROBOFLOW_API_KEY",
    default=None,
    parse=lambda text: text or None,
    description="The key for Roboflow's API, used when api_key= is not given.",
    secret=True,
)
ROBOFLOW_API_HOST = Variable[str | None](
    name="ROBOFLOW_API_HOST",
    default=None,
    parse=lambda text: text or None,
    description="Address of Roboflow's API. Unset: it follows from the environment and the region below.",
)
ROBOFLOW_ENVIRONMENT = Variable(
    name="ROBOFLOW_ENVIRONMENT",
    default="prod",
    parse=parse_choice("prod", "staging"),
    description="Which of Roboflow's platforms is asked: prod or staging.",
)
ROBOFLOW_REGION = Variable(
    name="ROBOFLOW_REGION",
    default="us",
    parse=parse_choice("us", "eu"),
    description="Where the platform that is asked stands: us or eu.",
)
SECURE_GATEWAY = Variable[str | None](
    name="SECURE_GATEWAY",
    default=None,
    parse=lambda text: text or None,
    description="Address of a Roboflow Secure Gateway that all requests of the provider roboflow go through.",
)
LICENSE_SERVER = Variable[str | None](
    name="LICENSE_SERVER",
    default=None,
    parse=lambda text: text or None,
    description="The older name of SECURE_GATEWAY, used when that is not set.",
)
AUTO_CUDA_GRAPHS = Variable(
    name="ENABLE_AUTO_CUDA_GRAPHS_FOR_TRT_BACKEND",
    default=False,
    parse=parse_flag,
    description="Whether models of the backend trt record CUDA graphs without being asked to.",
)

VARIABLES: tuple[Variable[object], ...] = (
    DISABLE_PLUGINS,
    ONLY_PLUGINS,
    STRICT_PLUGINS,
    PREFER,
    POLICY,
    BACKEND_ORDER,
    DEFAULT_DEVICE,
    RUNNING_ON_JETSON,
    L4T_VERSION,
    JETSON_MODULE,
    PROBE_TIMEOUT,
    INFERENCE_HOME,
    OFFLINE,
    OFFLINE_MODE,
    AUTO_LOADER_CACHE_EXPIRATION_MINUTES,
    API_CALLS_TIMEOUT,
    API_CALLS_MAX_TRIES,
    IDEMPOTENT_API_REQUEST_CODES_TO_RETRY,
    ALLOWED_HTTP_ORIGINS,
    DOWNLOAD_MINIMUM_RATE,
    DOWNLOAD_DEADLINE,
    DOWNLOAD_MAX_FILE_SIZE,
    ROBOFLOW_API_KEY,
    ROBOFLOW_API_HOST,
    ROBOFLOW_ENVIRONMENT,
    ROBOFLOW_REGION,
    SECURE_GATEWAY,
    LICENSE_SERVER,
    FILE_LOCK_ACQUIRE_TIMEOUT,
    AUTO_CUDA_GRAPHS,
)
"""All of the core's variables, in the order in which the reference page shows them."""


def is_offline() -> bool:
    """Return whether the network is switched off. Raises: InvalidEnvVariable."""
    return OFFLINE.get() or OFFLINE_MODE.get()


def names_in_environment() -> frozenset[str]:
    """Return the names of all environment variables that are set, ours and others'."""
    return frozenset(os.environ)
