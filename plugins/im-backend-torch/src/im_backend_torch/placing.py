"""Getting a module ready to run: its weights, and where and how they lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from inference_models import CorruptedModelPackageError, ModelLoadingError
from inference_models.developer_tools import explain_out_of_memory

_SHOWN = 5
_MISMATCH = re.compile(
    r"size mismatch for ([^:]+): copying a param with shape torch\.Size\(\[([\d, ]*)\]\) .*?\[([\d, ]*)\]"
)


def load_weights(torch: Any, module: Any, state_dict: Mapping[str, Any], ignore_unexpected: Iterable[str] = ()) -> None:
    """Copy weights into a module that has exactly these. See `TorchToolkit.load_weights`."""
    patterns = tuple(ignore_unexpected)
    # A module that was built on the device "meta" has no memory to copy into.
    assign = any(tensor.is_meta for tensor in module.state_dict().values())
    try:
        outcome = module.load_state_dict(dict(state_dict), strict=False, assign=assign)
    except RuntimeError as error:
        found = [f"{name}: ({given}) instead of ({wanted})" for name, given, wanted in _MISMATCH.findall(str(error))]
        raise _mismatch([_listed("of another shape", found or [str(error)])]) from error
    unexpected = [name for name in outcome.unexpected_keys if not any(fnmatchcase(name, one) for one in patterns)]
    problems = [_listed("missing", outcome.missing_keys), _listed("unexpected", unexpected)]
    if any(problems):
        raise _mismatch(problems)


def _mismatch(problems: Sequence[str]) -> CorruptedModelPackageError:
    return CorruptedModelPackageError(
        f"The weights are not those of this network: {'; '.join(filter(None, problems))}. Check that the package names "
        f"the right architecture and size, or export it again."
    )


def _listed(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{rest})"


def place(torch: Any, module: Any, device: str, dtype: Any) -> Any:
    """Make a module ready to run and return it. See `TorchToolkit.place`."""
    module.eval().requires_grad_(False)
    try:
        module.to(device=device, dtype=dtype)
    except RuntimeError as error:
        memory = explain_out_of_memory(torch, error, device)
        if memory is None:
            raise
        raise ModelLoadingError(f"The network does not fit on the device: {memory}") from error
    if _gains_from_channels_last(torch, module, device, dtype):
        torch.nn.utils.convert_conv2d_weight_memory_format(module, torch.channels_last)
    return module


def _gains_from_channels_last(torch: Any, module: Any, device: str, dtype: Any) -> bool:
    """Tell whether most of the weights are convolutions' and the device is faster when channels lie side by side.

    A GPU's units for half precision want them so; a CPU's kernels save a conversion around each convolution.
    """
    if not (device == "cpu" or (device.startswith("cuda") and dtype == torch.float16)):
        return False
    total = sum(parameter.numel() for parameter in module.parameters())
    kernels = sum(one.weight.numel() for one in module.modules() if isinstance(one, torch.nn.Conv2d))
    return bool(kernels * 2 > total)
