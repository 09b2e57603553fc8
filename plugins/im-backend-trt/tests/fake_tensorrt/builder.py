"""The half of the stand-in that builds engines."""

from __future__ import annotations

import time
from typing import Any

import onnx

from .common import Dims, ILogger, MisuseError, complain, serialize, shape_of, state  # type: ignore[import-not-found]


class IProgressMonitor:
    def __init__(self) -> None:
        self._made = True

    def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
        raise NotImplementedError

    def step_complete(self, phase_name: str, step: int) -> bool:
        raise NotImplementedError

    def phase_finish(self, phase_name: str) -> None:
        raise NotImplementedError


class ITensor:
    def __init__(self, value: Any) -> None:
        self.name = value.name
        self.shape = Dims(shape_of(value))


class INetworkDefinition:
    def __init__(self) -> None:
        self._model: Any = None

    @property
    def num_inputs(self) -> int:
        return len(self._model.graph.input)

    def get_input(self, index: int) -> ITensor:
        return ITensor(self._model.graph.input[index])


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, list[tuple[int, ...]]] = {}

    def set_shape(self, input: str, min: Any, opt: Any, max: Any) -> None:
        self._shapes[input] = [tuple(min), tuple(opt), tuple(max)]


class IBuilderConfig:
    def __init__(self) -> None:
        self.progress_monitor: Any = None
        self._profiles: list[IOptimizationProfile] = []

    def set_flag(self, flag: Any) -> None:
        state.flags.append(flag)

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self._profiles.append(profile)
        return len(self._profiles) - 1


class IHostMemory(bytes):
    """What the builder returns has the buffer protocol; in Python, a subclass of bytes has it."""

    @property
    def nbytes(self) -> int:
        return len(self)


class Builder:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        state.networks.append(flags)
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> Any:
        monitor, steps = config.progress_monitor, state.build_steps
        if not getattr(monitor, "_made", False):
            raise MisuseError("IProgressMonitor.__init__ was not called")
        monitor.phase_start("Building Engine", None, steps)
        for step in range(steps):
            monitor.phase_start("Timing", "Building Engine", 2)
            for inner in range(2):
                time.sleep(state.build_step_seconds)
                if not monitor.step_complete("Timing", inner):
                    return None
            monitor.phase_finish("Timing")
            if not monitor.step_complete("Building Engine", step):
                return None
        monitor.phase_finish("Building Engine")
        if state.say:
            complain(self._logger, "")
            return None
        shapes = {value.name: shape_of(value) for value in network._model.graph.input}
        open_inputs = {name for name, shape in shapes.items() if -1 in shape}
        given = [profile._shapes for profile in config._profiles]
        if open_inputs and any(open_inputs - set(profile) for profile in given or [{}]):
            raise MisuseError("an input with open sizes has no profile")
        profiles = [{name: [shapes[name]] * 3 for name in shapes} | profile for profile in given or [{}]]
        return IHostMemory(serialize(network._model, profiles))


class ParserError:
    def __init__(self, text: str) -> None:
        self._text = text

    def desc(self) -> str:
        return self._text

    def node(self) -> int:
        return 7


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        self._network = network
        self._errors: list[ParserError] = []

    def parse_from_file(self, model: str) -> bool:
        loaded = onnx.load(model)
        unknown = [node.op_type for node in loaded.graph.node if node.domain not in ("", "ai.onnx")]
        self._errors = [ParserError(f"No importer registered for op: {name}") for name in unknown]
        self._network._model = loaded
        return not self._errors

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return self._errors[index]
