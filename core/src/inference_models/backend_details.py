"""What only a backend's own plugin understands about a package, for backends whose packages many providers list."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import and_, ge, instance_of, min_len, optional

_TEXT = optional(and_(instance_of(str), min_len(1)))


@frozen(kw_only=True)
class TRTPackageDetails:
    """What a TensorRT engine was built for. None where the provider does not say.

    Attributes:
        trt_version: of the TensorRT that built it, for example "10.12.0.36".
        device_name: of the GPU, in lower case with dashes, for example "nvidia-l4".
        compute_capability: of the GPU, for example "8.9".
        cuda_version: of CUDA at build time, for example "12.6".
        driver_version: of the NVIDIA driver at build time.
        os_version: of a server, for example "ubuntu-22.04".
        l4t_version: of Jetson Linux, for example "36.4.0"; None unless it was built on a Jetson.
        jetson_module: for example "nvidia-jetson-orin-nx"; likewise.
        same_cc_compatible: it runs on every GPU of the same compute capability.
        trt_forward_compatible: it runs on later versions of TensorRT, too.
        trt_lean_runtime_excluded: such an engine does not bring the runtime that this needs.
        opt_dynamic_batch_size: the batch size that it was tuned for, when its batch size is dynamic.
    """

    trt_version: str | None = field(default=None, validator=_TEXT)
    device_name: str | None = field(default=None, validator=_TEXT)
    compute_capability: str | None = field(default=None, validator=_TEXT)
    cuda_version: str | None = field(default=None, validator=_TEXT)
    driver_version: str | None = field(default=None, validator=_TEXT)
    os_version: str | None = field(default=None, validator=_TEXT)
    l4t_version: str | None = field(default=None, validator=_TEXT)
    jetson_module: str | None = field(default=None, validator=_TEXT)
    same_cc_compatible: bool = field(default=False, validator=instance_of(bool))
    trt_forward_compatible: bool = field(default=False, validator=instance_of(bool))
    trt_lean_runtime_excluded: bool = field(default=False, validator=instance_of(bool))
    opt_dynamic_batch_size: int | None = field(default=None, validator=optional(and_(instance_of(int), ge(1))))
