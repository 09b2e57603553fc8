"""What specs point at, and how each of it is called."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from inference_models.specs import BackendSpec, LazyClass, ModelSpec, PipelineSpec, Target, WeightsProviderSpec

_SESSION = ("device", "package", "options")
# What `from_pretrained` is given if its signature names it.
_OFFERED = (
    "backend",
    "device",
    "model_dependencies",
    "model_features",
    "model_type",
    "open_session",
    "package",
    "recommended_parameters",
    "toolkit",
)


@frozen(kw_only=True)
class Call:
    """How the core calls something.

    Attributes:
        positional: what it is given by position.
        keywords: what it is given by name.
        offered: what it is given by name if its signature has the name.
        method: which method of it is called; None: itself.
    """

    positional: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    method: str | None = None

    def __str__(self) -> str:
        arguments = ", ".join([*self.positional, *(f"{name}=..." for name in self.keywords)])
        return f"{'.' + self.method if self.method else ''}({arguments})"

    def problem(self, found: Any) -> str | None:
        """Return why `found` cannot be called so; None when it can, or when that cannot be told."""
        function = found if self.method is None else getattr(found, self.method, None)
        if not callable(function):
            return f"{'it' if self.method is None else f'its {self.method!r}'} is {type(function).__name__}"
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # a builtin without a signature
            return None
        try:
            wanted = [name for name in self.offered if name in signature.parameters]
            signature.bind(*self.positional, **dict.fromkeys([*self.keywords, *wanted]))
        except TypeError as error:
            return f"its signature is {signature}: {error}"
        return None


_CALLS: Mapping[type, Mapping[str, Call]] = MappingProxyType(
    {
        WeightsProviderSpec: {"target": Call(positional=("model_id", "api_key")), "list_models": Call()},
        BackendSpec: {
            "detect": Call(),
            "check": Call(positional=("package", "environment", "request")),
            "check_options": Call(positional=("options", "environment")),
            "rank": Call(positional=("package", "environment", "request")),
            "open_session": Call(positional=("directory",), keywords=_SESSION),
            "toolkit": Call(keywords=_SESSION),
            "compile": Call(positional=("directory", "output"), keywords=("package", "options", "progress")),
        },
        ModelSpec: {"target": Call(positional=("directory",), offered=_OFFERED, method="from_pretrained")},
        PipelineSpec: {"target": Call(positional=("models",), method="with_models")},
    }
)


@frozen
class Pointer:
    """One thing that a spec points at.

    Attributes:
        spec: of a plugin.
        name: of the field.
        target: what the field holds.
        call: how the core calls it.
    """

    spec: Any
    name: str
    target: Target
    call: Call = field(eq=False)

    def __str__(self) -> str:
        return f"{self.name} of {called(self.spec)}"

    @property
    def needs_runtime(self) -> bool:
        """Whether it may need what the backend runs on. What says whether a backend works here may not."""
        return not isinstance(self.spec, BackendSpec) or self.name in {"open_session", "toolkit", "compile"}


def pointers(spec: Any) -> Iterator[Pointer]:
    """Yield what a spec points at."""
    for name, call in _CALLS.get(type(spec), {}).items():
        target = getattr(spec, name)
        if target is not None:
            yield Pointer(spec, name, target, call)
    for kind, parser in getattr(spec, "manifest_parsers", {}).items():
        yield Pointer(spec, f"manifest_parsers[{kind!r}]", parser, Call(positional=("manifest",)))


def called(spec: Any) -> str:
    """Return what messages call a spec: "the backend 'onnx'"."""
    if isinstance(spec, WeightsProviderSpec):
        return f"the weights provider {spec.name!r}"
    if isinstance(spec, BackendSpec):
        return f"the backend {spec.name!r}"
    if isinstance(spec, ModelSpec):
        return f"the model {'/'.join(spec.architectures)} {spec.task_type} on {'/'.join(spec.backends)}"
    return f"the pipeline {spec.id!r}" if isinstance(spec, PipelineSpec) else repr(spec)


def top_module(target: Target) -> str:
    """Return the package that a target lies in."""
    return where(target).partition(":")[0].partition(".")[0]


def where(target: Target) -> str:
    """Return where a target lies: "package.module:name"."""
    if isinstance(target, LazyClass):
        return str(target)
    return f"{getattr(target, '__module__', '?')}:{getattr(target, '__qualname__', type(target).__name__)}"
