"""A good backend passes every check; one that is broken in one way fails the check that is about it, and no other."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference_models.testing import write_package
from inference_models.testing.checks import backend, contracts
from inference_models.testing.checks.backend_subject import BackendSubject

acme = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("acme.py"))))
Change = tuple[str, str]

FACTS = 'return {"version": "1.0", "warnings": []}'
VERDICT = "from inference_models import BackendUnavailable\n    raise BackendUnavailable"
CHECK = "    if request.device not in"
ANSWER = '        return {"y": x * network[0] + network[1]}'
MIXED_UP = "        self.x = x\n        time.sleep(0.002)\n        return {'y': self.x * network[0] + network[1]}"
REMEMBERED = "        return {'y': MEMORY.setdefault(x.tobytes(), x * network[0] + network[1])}"
AT_IMPORT = ("import json\n", "import json\nimport time\n\nMEMORY = {}\n")
DTYPE = " or x.dtype != np.float32"
CLOSE = "        self.network = None\n"
READS = (
    '        network = json.loads((Path(directory) / "network.json").read_text("utf-8"))\n',
    '        network = {"scale": 2, "shift": 1}\n',
)

# the check, the file, what is changed in it, words of the finding
BROKEN: list[tuple[str, str, Change, str]] = [
    ("detect_answers", "detection.py", (FACTS, "raise RuntimeError('broken')"), "RuntimeError: broken"),
    ("detect_answers", "detection.py", (FACTS, "return ['1.0']"), "returns list"),
    ("detect_answers", "detection.py", ('"warnings": []', '"warnings": "none"'), "Return a list of texts"),
    ("detect_answers", "detection.py", (FACTS, f"{VERDICT}('')"), "without a reason"),
    ("detect_answers", "detection.py", (FACTS, f"{VERDICT}('not here', '')"), "gives the fix"),
    ("detect_is_cheap", "detection.py", (FACTS, f"import numpy\n    {FACTS}"), "imports numpy"),
    (
        "detect_is_cheap",
        "detection.py",
        (FACTS, f"__import__('os').system('true')\n    {FACTS}"),
        "started the program",
    ),
    ("check_is_pure", "detection.py", (CHECK, f"    request.acme\n{CHECK}"), "AttributeError"),
    ("check_is_pure", "detection.py", ("    return None", "    return False"), "returns False"),
    ("check_is_pure", "detection.py", ("    return None", "    return 'never'"), "refuses the package"),
    ("check_is_pure", "detection.py", ("return None", "return str(__import__('time').time_ns())"), "Make it pure"),
    ("describes_its_network", "session.py", ('        self.runtime = {"backend": "acme-npu"}\n', ""), "has no runtime"),
    ("describes_its_network", "session.py", ('TensorInfo("x", (None, 3)', 'TensorInfo("x", [None, 3]'), "no tuple"),
    ("round_trip", "session.py", ('TensorInfo("y"', 'TensorInfo("z"'), "describes ['z']"),
    ("round_trip", "session.py", ('"y", (None, 3)', '"y", (None, 4)'), "is float32 (2, 3)"),
    ("round_trip", "session.py", ('"y", (None, 3), "float32"', '"y", (None, 3), "float16"'), "described as float16"),
    ("round_trip", "session.py", (ANSWER, ANSWER.replace("+", "-")), "not what is expected"),
    ("arrays_belong_to_the_caller", "session.py", (ANSWER, REMEMBERED), "its outputs were written to"),
    ("wrong_feeds_are_refused", "session.py", (DTYPE, ""), "answers all the same"),
    ("wrong_feeds_are_refused", "session.py", ("raise ModelRuntimeError(f", "raise TypeError(f"), "TypeError"),
    ("threads_get_what_one_gets", "session.py", (ANSWER, MIXED_UP), "8 threads at once"),
    ("device_is_a_real_one", "session.py", ("    use(device)\n    try", "    try"), "runs on cpu"),
    ("device_is_a_real_one", "session.py", ('    device = "cpu"', '    device = "the fast one"'), "'the fast one'"),
    ("device_is_a_real_one", "session.py", ('    device = "cpu"', '    device = "cuda:0"'), "the backend refuses"),
    ("toolkit_is_made_for_the_device", "session.py", ("    use(device)\n    return", "    return"), "runs on cpu"),
    ("toolkit_is_made_for_the_device", "session.py", ('SimpleNamespace(device="cpu")', "None"), "returns None"),
    ("closes_twice", "session.py", (CLOSE, f"        self.network[0]\n{CLOSE}"), "TypeError"),
    ("is_of_no_use_after_close", "session.py", (CLOSE, "        pass\n"), "still runs"),
    ("broken_packages_are_refused", "session.py", ("OSError, ValueError", "OSError"), "JSONDecodeError"),
    ("broken_packages_are_refused", "session.py", READS, "Read the network in `open_session`"),
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A network that doubles and adds one."""
    network = {"scale": 2, "shift": 1, "made by": "nobody in particular"}
    return write_package(tmp_path / "tiny", architecture="acmenet", backend="acme-npu", files={"network.json": network})


def expected(feeds: Mapping[str, Any]) -> dict[str, Any]:
    return {"y": feeds["x"] * 2 + 1}


def test_a_good_backend_passes(tmp_path: Path, package: Path) -> None:
    with acme.installed(tmp_path / "site"):
        subject = BackendSubject(name="acme-npu", package=package, expected=expected)
        outcomes = acme.outcomes(contracts.BACKEND, subject)
        subject.close()
    assert {name: (one.state, one.reason) for name, one in outcomes.items()} == dict.fromkeys(
        contracts.BACKEND, ("passed", None)
    )


@pytest.mark.parametrize(("check", "file", "change", "words"), BROKEN)
def test_a_broken_backend_fails_one_check(
    tmp_path: Path, package: Path, check: str, file: str, change: Change, words: str
) -> None:
    with acme.installed(tmp_path / "site", {file: change}, top={"session.py": AT_IMPORT}):
        failures = acme.failures(contracts.BACKEND, BackendSubject(name="acme-npu", package=package, expected=expected))
    assert list(failures) == [check], failures
    assert words in failures[check]


def test_every_check_is_broken_above() -> None:
    assert {check for check, *_ in BROKEN} == set(contracts.BACKEND)


def test_what_costs_too_much_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "TIME_BUDGET", 1e-6)
    with acme.installed(tmp_path / "site"):
        failures = acme.failures(contracts.BACKEND, BackendSubject(name="acme-npu"))
    assert list(failures) == ["detect_is_cheap"]
    assert "CPU time" in failures["detect_is_cheap"]


def test_without_a_package_what_needs_none_is_checked(tmp_path: Path) -> None:
    with acme.installed(tmp_path / "site"):
        outcomes = acme.outcomes(contracts.BACKEND, BackendSubject(name="acme-npu"))
    assert tuple(name for name, one in outcomes.items() if one.state == "passed") == contracts.WITHOUT_PACKAGE
    assert {one.reason for one in outcomes.values()} == {None, "there is no package to open"}


def test_a_backend_that_is_not_here_is_skipped(tmp_path: Path, package: Path) -> None:
    with acme.installed(tmp_path / "site", {"detection.py": (FACTS, f"{VERDICT}('no card', 'buy one')")}):
        outcomes = acme.outcomes(contracts.BACKEND, BackendSubject(name="acme-npu", package=package))
    assert {name for name, one in outcomes.items() if one.state == "passed"} == {"detect_answers", "detect_is_cheap"}
    assert {one.reason for one in outcomes.values()} == {None, "the backend 'acme-npu' cannot be used here: no card"}
