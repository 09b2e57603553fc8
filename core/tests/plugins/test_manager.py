"""Plugins load one at a time: each kind of failure is one problem, and the others go on."""

from __future__ import annotations

import pytest

from inference_models.errors import PluginLoadError
from inference_models.plugins import LoadedPlugins, PluginProblem, load_plugins

GOOD = """
    from inference_models.developer_tools import LazyClass, ModelSpec, hookimpl

    @hookimpl
    def im_models():
        return ModelSpec(
            architectures="goodnet", task_type="classification", backends="onnx", target=LazyClass("nowhere", "Nothing")
        )
"""

HOOK = "from inference_models.developer_tools import hookimpl\n"


def problem_of(loaded: LoadedPlugins, distribution: str) -> PluginProblem:
    [problem] = [problem for problem in loaded.problems if problem.plugin.distribution == distribution]
    return problem


def architectures(loaded: LoadedPlugins) -> list[str]:
    return [name for plugin in loaded.plugins for spec in plugin.declared["im_models"] for name in spec.architectures]


BROKEN = {
    "import": ("raise RuntimeError('the disk is made of cheese')", "RuntimeError: the disk is made of cheese"),
    "import missing": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "import exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "import panic": ("class Panic(BaseException): pass\nraise Panic('in Rust')", "Panic: in Rust"),
    "import syntax": ("def :", "SyntaxError"),
    "register": (HOOK + "@hookimpl\ndef im_models(config): return []", "config"),
    "declare raises": (HOOK + "@hookimpl\ndef im_models(): raise KeyError('boxes')", "im_models: KeyError: 'boxes'"),
    "declare panic": (
        HOOK + "class Panic(BaseException): pass\n@hookimpl\ndef im_models(): raise Panic('in Rust')",
        "im_models: Panic: in Rust",
    ),
    "declare later": (
        HOOK + "@hookimpl\ndef im_models():\n  yield from []\n  raise ValueError('late')",
        "ValueError: late",
    ),
    "declare other": (HOOK + "@hookimpl\ndef im_models(): return ['yolov8']", "returned 'str' where ModelSpec belongs"),
    "declare number": (HOOK + "@hookimpl\ndef im_backends(): return 7", "im_backends: TypeError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_one_problem_and_the_others_work(install_plugin, case: str) -> None:
    source, expected = BROKEN[case]
    install_plugin("aaa-broken", source)
    install_plugin("good", GOOD)
    install_plugin("zzz-broken", source)
    loaded = load_plugins()
    problem = problem_of(loaded, "aaa-broken")
    assert problem.stage == case.split(maxsplit=1)[0]
    assert expected in str(problem)
    assert "aaa-broken 1.0" in str(problem)
    assert "goodnet" in architectures(loaded)


def test_good_specs_beside_a_bad_one_are_kept(install_plugin) -> None:
    install_plugin("mixed", GOOD.replace("return ModelSpec(", "return 'nonsense', ModelSpec("))
    loaded = load_plugins()
    assert problem_of(loaded, "mixed").stage == "declare"
    assert "goodnet" in architectures(loaded)


def test_an_unknown_hook_is_reported_and_the_rest_of_the_plugin_works(install_plugin) -> None:
    install_plugin("typo", GOOD + "\n    @hookimpl\n    def im_modles():\n        return []\n")
    loaded = load_plugins()
    assert "im_modles" in problem_of(loaded, "typo").message
    assert "goodnet" in architectures(loaded)


def test_another_api_version_is_not_imported(install_plugin) -> None:
    install_plugin("future", "raise AssertionError('imported')", group="inference_models.v2")
    problem = problem_of(load_plugins(), "future")
    assert problem.stage == "version"
    assert "plugin API 2" in problem.message
    assert "speaks 1" in problem.message


def test_a_disabled_plugin_is_not_imported(install_plugin, monkeypatch) -> None:
    install_plugin("off", "raise AssertionError('imported')")
    monkeypatch.setenv("INFERENCE_MODELS_DISABLE_PLUGINS", "off")
    loaded = load_plugins()
    assert not [problem for problem in loaded.problems if problem.plugin.distribution == "off"]
    assert "off" in {plugin.distribution for plugin in loaded.found}


def test_strict_raises_with_every_problem_and_the_first_as_its_cause(install_plugin, monkeypatch) -> None:
    install_plugin("bad-one", "raise RuntimeError('first')")
    install_plugin("bad-two", "raise RuntimeError('second')")
    monkeypatch.setenv("INFERENCE_MODELS_STRICT_PLUGINS", "1")
    with pytest.raises(PluginLoadError, match=r"(?s)bad-one 1\.0.*first.*bad-two 1\.0.*second") as caught:
        load_plugins()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_interrupt_is_not_swallowed(install_plugin) -> None:
    install_plugin("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_two_entry_points_of_one_name_are_both_loaded(install_plugin) -> None:
    install_plugin("one", GOOD.replace("goodnet", "net-one"), entry_point="models")
    install_plugin("two", GOOD.replace("goodnet", "net-two"), entry_point="models")
    assert {"net-one", "net-two"} <= set(architectures(load_plugins()))


def test_a_plugin_may_be_an_object_instead_of_a_module(install_plugin) -> None:
    source = GOOD.replace(
        "    @hookimpl\n    def im_models():", "    class Plugin:\n     @hookimpl\n     def im_models(self):"
    )
    source = source.replace("        return ModelSpec(", "      return ModelSpec(") + "\n    plugin = Plugin()\n"
    directory = install_plugin("objectlike", source)
    entry_points = directory / "objectlike-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[inference_models.v1]\nobjectlike = objectlike:plugin\n", "utf-8")
    loaded = load_plugins()
    assert "objectlike" in {plugin.info.distribution for plugin in loaded.plugins}
    assert "goodnet" in architectures(loaded)


def test_damaged_metadata_is_a_problem_that_says_where_it_lies(install_plugin) -> None:
    directory = install_plugin("bad", GOOD)
    (directory / "bad-1.0.dist-info" / "entry_points.txt").write_text(
        "[inference_models.v1]\nno equals sign\n", "utf-8"
    )
    problem = problem_of(load_plugins(), "bad")
    assert problem.stage == "find"
    assert str(directory) in problem.message


@pytest.mark.parametrize("name", ["roboflow", "Local"])
def test_a_reserved_provider_is_the_cores_own(install_plugin, name: str) -> None:
    source = "from inference_models.developer_tools import WeightsProviderSpec, hookimpl\n"
    source += f"@hookimpl\ndef im_weights_providers(): return WeightsProviderSpec(name={name!r}, target=print)\n"
    install_plugin("grabber", source)
    loaded = load_plugins()
    assert f"{name!r}, a name that is reserved" in problem_of(loaded, "grabber").message
    owners = {plugin.info.distribution for plugin in loaded.plugins if plugin.declared["im_weights_providers"]}
    assert "grabber" not in owners
