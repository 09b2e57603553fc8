"""The source of a plugin for the backend `optimised`: ONNX Runtime with its graph optimisations done beforehand."""

from __future__ import annotations

PLUGIN = """
from inference_models.developer_tools import BackendSpec, LazyClass, hookimpl

@hookimpl
def im_backends():
    return BackendSpec(
        name="optimised",
        priority=650,
        detect=lambda: {"version": "1.0"},
        check=LazyClass("optimiser", "check"),
        open_session=LazyClass("im_backend_onnx.session", "open_session"),
        manifest_parsers={"optimised-package-v1": LazyClass("optimiser", "parse")},
        compile=LazyClass("optimiser", "compile_package"),
        compiles={"onnx"},
    )
"""

COMPILER = '''
import shutil
import time

import onnx
import onnxruntime
from onnx.tools import update_model_dims

from inference_models import ModelCompilationError
from inference_models.developer_tools import ONNXPackageDetails, Quantization


def compile_package(directory, output, *, package, options, progress):
    """Fix the batch size, let ONNX Runtime optimise the network, and write it as a package."""
    if options.quantization is Quantization.FP16:
        (output / "half-done").write_text("")
        raise ModelCompilationError("this optimiser knows no half precision")
    smallest, usual, largest = options.batch_size or (1, 1, 1)
    if largest == 76:
        raise ZeroDivisionError("a bug")
    if largest == 77:
        (output / "half-done").write_text("")
        progress("sleeping")
        time.sleep(60)
    progress("optimising", 0.5)
    model = onnx.load(directory / "weights.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = usual
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    settings.optimized_model_filepath = str(output / "weights.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    for name in ("class_names.txt", "inference_config.json"):
        shutil.copy(directory / name, output / name)
    return {
        "type": "optimised-package-v1", "opset": 17, "batch": usual, "builtWith": onnxruntime.__version__,
        "quantization": package.quantization.value,
    }


def parse(manifest):
    if manifest["batch"] == 75:
        raise ValueError("75 is no batch size")
    return {
        "static_batch_size": manifest["batch"],
        "quantization": manifest["quantization"],
        "backend_details": ONNXPackageDetails(manifest["opset"]),
    }


def check(package, environment, request):
    if not isinstance(package.backend_details, ONNXPackageDetails):
        return "nobody said what it was made with"
    return "it is for one image" if request.options.get("picky") else None
'''
