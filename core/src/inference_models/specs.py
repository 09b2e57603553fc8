"""What a plugin declares: frozen values that name things and point at code, and import none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, TypeAlias, TypeVar

from attrs import Attribute, field, frozen
from attrs.validators import deep_iterable, deep_mapping, instance_of, matches_re, min_len

from inference_models.entities import Quantization
from inference_models.errors import ModelImplementationNotFoundError

SESSION_BACKENDS = "any with sessions"
"""In `ModelSpec.backends`: every installed backend that opens sessions. No backend can have this name."""

_KEY = [instance_of(str), matches_re(r"[A-Za-z0-9][A-Za-z0-9._+-]*")]
_KEYS = deep_iterable(matches_re(r"[A-Za-z0-9][A-Za-z0-9._+-]*"), instance_of(tuple))
_BACKENDS = deep_iterable(matches_re(rf"[A-Za-z0-9][A-Za-z0-9._+-]*|{SESSION_BACKENDS}"), instance_of(tuple))


@frozen
class LazyClass:
    """A class or function by name. Its module is imported when it is chosen, not before.

    Attributes:
        module_name: dotted, importable wherever the plugin is installed.
        class_name: the attribute of the module.
    """

    module_name: str = field(validator=instance_of(str))
    class_name: str = field(validator=instance_of(str))

    def resolve(self) -> Any:
        """Import the module and return the object.

        Raises:
            ModelImplementationNotFoundError: the module does not import or lacks the name.
        """
        try:
            return getattr(import_module(self.module_name), self.class_name)
        except (ImportError, AttributeError) as error:
            raise ModelImplementationNotFoundError(
                f"{self} cannot be imported ({type(error).__name__}: {error}). If a package is missing, "
                f"install it; if the name is wrong, the plugin that declares it must be corrected."
            ) from error

    def __str__(self) -> str:
        return f"{self.module_name}:{self.class_name}"


Target: TypeAlias = LazyClass | Callable[..., Any]
"""What a spec points at: a `LazyClass`, or the function itself when its module is light."""


def _are_options(spec: BackendSpec, attribute: Attribute[Any], value: frozenset[str]) -> None:
    if unknown := value - spec.session_options:
        raise ValueError(f"{attribute.name} holds {min(unknown)!r}, which is not among session_options")


def _is_target(spec: object, attribute: Attribute[Any], value: object) -> None:
    may_lack = value is None and attribute.default is None
    if not (isinstance(value, LazyClass) or callable(value) or may_lack):
        what = f"{attribute.name} of {type(spec).__name__}"
        raise TypeError(f'{what} must be LazyClass("module", "name") or a function, not {value!r}')


def resolve(target: Target) -> Any:
    """Return the object that `target` points at, importing its module if need be."""
    return target.resolve() if isinstance(target, LazyClass) else target


# Named functions and not `frozenset` and `tuple` themselves: a generic class as converter leaves a type checker
# without an element type, and it would then reject every argument.
def _as_names(value: str | Iterable[str]) -> frozenset[str]:
    return frozenset((value,) if isinstance(value, str) else value)


def _as_models(value: Iterable[str | None]) -> tuple[str | None, ...]:
    return tuple(value)


def _to_quantizations(value: Mapping[str, Iterable[str]]) -> dict[str, frozenset[Quantization]]:
    return {device: frozenset(Quantization(name) for name in names) for device, names in value.items()}


@frozen(kw_only=True)
class WeightsProviderSpec:
    """Declares a source of models.

    Attributes:
        name: what users write in `name://model-id` or `weights_provider=`.
        target: `(model_id, api_key=None, **options) -> ModelMetadata`, see `GetModel`.
        list_models: `() -> Iterable[str]`, the ids it knows; None when it cannot list.
        api_key_variable: the environment variable that holds its key.
        works_offline: it never needs a network, because its models lie on this machine. It is asked also
            when the network is switched off, and each time: nothing that it says is remembered.
        settings: names of the environment variables that decide what it answers, such as the address of a server.
            What was remembered while they had other values is not used.
    """

    name: str = field(validator=_KEY)
    target: Target = field(validator=_is_target)
    list_models: Target | None = field(default=None, validator=_is_target)
    api_key_variable: str | None = None
    works_offline: bool = field(default=False, validator=instance_of(bool))
    settings: frozenset[str] = field(default=frozenset(), converter=_as_names)


@frozen(kw_only=True)
class BackendSpec:
    """Declares a runtime that executes packages.

    Attributes:
        name: what packages state as their backend.
        priority: which backend is preferred where several can run a model; higher first. The well-known
            ones use 700 (trt), 600 (onnx), 500 (torch), 400 (hugging-face), 300 (torch-script),
            200 (mediapipe).
        detect: `() -> Mapping[str, object]`: facts for the report, with "version" among them if there is
            one, and "warnings", a list of what is broken all the same; raises
            `BackendUnavailable(reason, fix)`. Must not import the runtime.
        check: `(package, environment, request) -> str | None`: the reason a package cannot run here.
        open_session: see `OpenSession`; None when families bring their own runtime.
        toolkit: see `MakeToolkit`; what it returns goes to implementations whose `from_pretrained` names `toolkit`.
            None when the backend has nothing to hand out.
        session_options: names of keyword arguments of `AutoModel.from_pretrained` meant for `open_session` and
            `toolkit`.
        selecting_options: those of them that ask for this very backend: who gives one, and no `backend=`, gets it.
        check_options: `(options, environment) -> None`: raises InvalidParameterError for values of `session_options`
            that make no sense, whichever backend is chosen then.
        manifest_parsers: by manifest type, `(manifest) -> Mapping[str, object]`: the fields of
            `ModelPackageMetadata` that the manifest states.
        rank: `(package, environment, request) -> tuple`: what makes one package of this backend better than
            another, smaller first; the core's own criteria come before it. It may hold numbers, text, None for
            what is not known (last), and tuples of these.
        default_quantizations: by device type ("cpu", "cuda", ...; "*" for the rest), what may be chosen
            when the user does not say.
        settings: names of the environment variables that decide how it works. `im doctor` shows those that are set, and
            which package was chosen while they had other values is not remembered.
        compile: makes a package of this backend from one of another, see `compiling.CompilePackage`; None when packages
            come ready-made only.
        compiles: the backends whose packages `compile` takes.
    """

    name: str = field(validator=_KEY, converter=str)
    priority: int = field(validator=instance_of(int))
    detect: Target = field(validator=_is_target)
    check: Target | None = field(default=None, validator=_is_target)
    open_session: Target | None = field(default=None, validator=_is_target)
    toolkit: Target | None = field(default=None, validator=_is_target)
    session_options: frozenset[str] = field(default=frozenset(), converter=_as_names)
    selecting_options: frozenset[str] = field(default=frozenset(), converter=_as_names, validator=_are_options)
    check_options: Target | None = field(default=None, validator=_is_target)
    manifest_parsers: Mapping[str, Target] = field(factory=dict)
    rank: Target | None = field(default=None, validator=_is_target)
    default_quantizations: Mapping[str, frozenset[Quantization]] = field(
        factory=dict,
        converter=_to_quantizations,
        validator=deep_mapping(instance_of(str), instance_of(frozenset)),
    )
    settings: frozenset[str] = field(default=frozenset(), converter=_as_names)
    compile: Target | None = field(default=None, validator=_is_target)
    compiles: frozenset[str] = field(default=frozenset(), converter=_as_names)


def _as_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    return (str(value),) if isinstance(value, str) else tuple(map(str, value))


@frozen
class RegistryEntry:
    """An implementation and the package features it copes with, as registry tables write it."""

    model_class: LazyClass
    supported_model_features: frozenset[str] = field(default=frozenset(), converter=_as_names)
    required_model_features: frozenset[str] = field(default=frozenset(), converter=_as_names)


@frozen(kw_only=True)
class ModelSpec:
    """Declares the implementation of a model family for a task on some backends.

    Attributes:
        architectures: names of the families it implements.
        task_type: what it does, for example "object-detection".
        backends: the backends it runs on. A family over sessions says `SESSION_BACKENDS`: it then runs on every
            installed backend that opens sessions, also on those that nobody has thought of yet.
        target: the class. Its `from_pretrained(directory, **options)` makes a model.
        supported_model_features: package features it copes with.
        required_model_features: package features it cannot do without.
        requires: distributions it needs besides its plugin's own dependencies, as pip takes them:
            "transformers>=5.5". Where one is missing, packages are rejected with the command that installs it.
        checkpoint_types: what users write in `model_type=` for a single file of a training program, which the class
            loads: its `from_pretrained` then gets the path of the file, and names `model_type`.
    """

    architectures: tuple[str, ...] = field(converter=_as_tuple, validator=_KEYS)
    task_type: str = field(validator=_KEY)
    backends: tuple[str, ...] = field(converter=_as_tuple, validator=_BACKENDS)
    target: Target = field(validator=_is_target)
    supported_model_features: frozenset[str] = field(default=frozenset(), converter=_as_names)
    required_model_features: frozenset[str] = field(default=frozenset(), converter=_as_names)
    requires: tuple[str, ...] = field(default=(), converter=_as_tuple)
    checkpoint_types: tuple[str, ...] = field(default=(), converter=_as_tuple, validator=_KEYS)

    @classmethod
    def from_registry(cls, registry: Mapping[tuple[str, str, str], LazyClass | RegistryEntry]) -> list[ModelSpec]:
        """Return specs for a table `{(architecture, task type, backend): class or entry}`."""
        return [
            cls(
                architectures=architecture,
                task_type=task_type,
                backends=backend,
                target=entry.model_class,
                supported_model_features=entry.supported_model_features,
                required_model_features=entry.required_model_features,
            )
            for (architecture, task_type, backend), row in registry.items()
            for entry in [row if isinstance(row, RegistryEntry) else RegistryEntry(row)]
        ]


@frozen(kw_only=True)
class PipelineSpec:
    """Declares models joined into one.

    Attributes:
        id: what users pass to `AutoModelPipeline.from_pretrained`.
        target: the class. Its `with_models(models, **options)` makes a pipeline.
        default_models: a model id for each place; None where the user must name one.
        places: what the model at each place is, in a word, for messages: ("detector", "classifier"). May be left out.
    """

    id: str = field(validator=_KEY)
    target: Target = field(validator=_is_target)
    default_models: tuple[str | None, ...] = field(default=(), converter=_as_models)
    places: tuple[str, ...] = field(default=(), converter=_as_tuple, validator=deep_iterable(min_len(1)))

    def __attrs_post_init__(self) -> None:
        if self.places and len(self.places) != len(self.default_models):
            raise ValueError(f"places {self.places} must be as many as default_models {self.default_models}.")


Spec = TypeVar("Spec", WeightsProviderSpec, BackendSpec, ModelSpec, PipelineSpec)
