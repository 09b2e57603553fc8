"""What plugins that run PyTorch share. Each function is given the module `torch`: the core never imports it."""

from inference_models.torch_support.devices import KINDS as TORCH_DEVICE_KINDS
from inference_models.torch_support.devices import TorchDevice, choose_torch_device, parse_torch_device
from inference_models.torch_support.memory import explain_out_of_memory
from inference_models.torch_support.weights import load_torch_checkpoint, load_torch_weights

__all__ = [
    "TORCH_DEVICE_KINDS",
    "TorchDevice",
    "choose_torch_device",
    "explain_out_of_memory",
    "load_torch_checkpoint",
    "load_torch_weights",
    "parse_torch_device",
]
