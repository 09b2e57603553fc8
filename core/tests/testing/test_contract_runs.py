"""The contracts in the hands of pytest, as a third party runs them: what is collected, skipped, failed and said."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference_models.testing.checks import contracts

pytest_plugins = ["pytester"]

acme = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("acme.py"))))

COUNT = len(contracts.PLUGIN) + len(contracts.PROVIDER) + len(contracts.BACKEND)
TESTS = """
    from pathlib import Path

    import pytest

    from inference_models.testing import BackendContract, PluginContract, ProviderContract, write_package


    class TestPlugin(PluginContract):
        distribution = "acme-models"


    class TestProvider(ProviderContract):
        provider = "acme"
        model_id = "bolts"
        api_key = "open-sesame-1234"


    class TestBackend(BackendContract):
        backend = "acme-npu"

        @pytest.fixture
        def package(self, tmp_path):
            network = {"network.json": {"scale": 2, "shift": 1, "made by": "nobody in particular"}}
            return write_package(tmp_path / "tiny", architecture="acmenet", backend="acme-npu", files=network)

        def expected(self, feeds):
            return {"y": feeds["x"] * 2 + 1}
"""


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ACME_KEY", raising=False)
    with acme.listening() as port:
        monkeypatch.setenv("ACME_PORT", str(port))
        yield


def test_a_good_plugin(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(TESTS)
    with acme.installed(tmp_path / "site"):
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=COUNT)


def test_a_finding_says_what_to_change_and_shows_no_code_of_the_kit(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(TESTS)
    changes = {"provider.py": ('f"There is no model {model_id!r}."', '"There is no such model."')}
    with acme.installed(tmp_path / "site", changes):
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", "unknown_ids")
    result.assert_outcomes(failed=1, deselected=COUNT - 1)
    result.stdout.fnmatch_lines(
        [
            "*The ModelNotFoundError of the provider 'acme' does not name the id 'no-such-model-4c1f'*",
            "To fix it: Say in the message which model was asked for.",
        ]
    )
    result.stdout.no_fnmatch_line("*run_check*")


def test_an_override_fails_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from inference_models.testing import PluginContract

        class TestPlugin(PluginContract):
            distribution = "acme-models"
            test_import_is_light = None
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*TestPlugin removes test_import_is_light, a test of the contract.*"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("TestPlugin.test_import_is_light = None", "*removes test_import_is_light*"),
        ("pytest.mark.skip(PluginContract.test_import_is_light)", "*test_import_is_light: * was marked skip*"),
        ("pytest.mark.skip(TestPlugin)", "* is marked skip without a reason*"),
        ("pytest.mark.xfail(TestPlugin)", "* is marked xfail without a reason*"),
    ],
)
def test_a_later_change_fails_the_run(pytester: pytest.Pytester, change: str, said: str) -> None:
    pytester.makepyfile(
        f"""
        import pytest
        from inference_models.testing import PluginContract

        class TestPlugin(PluginContract):
            distribution = "acme-models"

        {change}
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-k", "licence"
    )  # a mark would stay in this process
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*ContractRuleError: TestPlugin{said}"])


def test_an_xfail_with_a_reason_is_reported(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(
        """
        import pytest
        from inference_models.testing import PluginContract

        class TestPlugin(PluginContract):
            distribution = "acme-models"

            @pytest.mark.xfail(reason="the lawyers think about it")
            def test_states_its_licence(self, plugin):
                super().test_states_its_licence(plugin)
        """
    )
    with acme.installed(tmp_path / "site", {"METADATA": ("License-Expression: MIT\n", "")}):
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rx")
    result.assert_outcomes(passed=len(contracts.PLUGIN) - 1, xfailed=1)
    result.stdout.fnmatch_lines(["*the lawyers think about it*"])


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        ("PluginContract", "states no `distribution`"),
        ("ProviderContract", "states no `provider`"),
        ("BackendContract", "states no `backend`"),
        ("ModelContract", "fixture 'model' not found"),
    ],
)
def test_a_class_that_states_nothing(pytester: pytest.Pytester, contract: str, said: str) -> None:
    pytester.makepyfile(
        f"""
        from inference_models.testing import {contract}

        class TestNothing({contract}):
            pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-x")
    assert result.ret != 0
    result.stdout.fnmatch_lines([f"*{said}*"])


@pytest.mark.parametrize(
    ("contract", "attributes", "said"),
    [
        ("ProviderContract", "provider, model_id = 'acmee', 'bolts'", "*declares the weights provider 'acmee'*"),
        ("BackendContract", "backend = 'acme-npux'", "*declares the backend 'acme-npux'*"),
    ],
)
def test_a_name_that_nothing_declares(pytester: pytest.Pytester, contract: str, attributes: str, said: str) -> None:
    pytester.makepyfile(
        f"""
        from inference_models.testing import {contract}

        class TestMisspelt({contract}):
            {attributes}
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-x")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said, "To fix it: Correct `*` in TestMisspelt, or install the plugin *"])
