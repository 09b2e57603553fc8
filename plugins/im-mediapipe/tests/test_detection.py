from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path
from typing import Any

import pytest

from im_mediapipe.detection import detect
from im_mediapipe.system_libraries import how_to_install, missing_libraries
from inference_models import BackendUnavailable

DEBIAN = {"ID": "debian"}
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def refusal(installation: Any, platform: str = "linux") -> BackendUnavailable:
    with pytest.raises(BackendUnavailable) as caught:
        detect(installation.path, platform, installation.root)
    return caught.value


def test_a_whole_installation(installation) -> None:
    facts = detect(installation.path, "linux", installation.root)
    assert (facts["version"], facts["opencv_build"]) == ("1.2.2", "with a screen")
    assert facts["opencv"] == {"opencv-contrib-python": "5.0.0.93"}
    assert facts["warnings"] == []
    assert "play.googleapis.com" in facts["sends"]


def test_a_missing_mediapipe_says_how_to_install_it(nothing) -> None:
    error = refusal(nothing)
    assert (error.reason, error.fix) == ("mediapipe is not installed", 'pip install "im-mediapipe[mediapipe]"')


def test_an_old_mediapipe_is_refused(installation) -> None:
    shutil.rmtree(installation.site / "mediapipe-1.2.2.dist-info")
    installation.add_distribution("mediapipe", "0.10.35")
    error = refusal(installation)
    assert "mediapipe 0.10.35 is too old" in error.reason
    assert error.fix == 'pip install "mediapipe>=1.2,<2"'


def test_what_an_uninstall_left_behind_is_not_an_installation(installation) -> None:
    shutil.rmtree(installation.site / "mediapipe/tasks")
    assert "installed incompletely" in refusal(installation).reason


def test_a_package_that_an_installation_without_dependencies_lacks_is_named(installation) -> None:
    for name in ("certifi", "matplotlib"):
        shutil.rmtree(installation.site / name)
    error = refusal(installation)
    assert error.reason == "mediapipe is installed without certifi and matplotlib, which it imports"
    assert error.fix == "pip install certifi matplotlib"


def test_opencv_is_needed(installation) -> None:
    shutil.rmtree(installation.site / "cv2")
    assert refusal(installation).reason == "mediapipe imports OpenCV, and none is installed"


def test_an_opencv_that_lost_its_library_is_named(installation) -> None:
    (installation.site / "cv2/cv2.abi3.so").unlink()
    error = refusal(installation)
    assert "OpenCV is installed incompletely" in error.reason
    assert error.fix == "pip uninstall opencv-contrib-python, then pip install one of them"


@pytest.mark.parametrize(("headless", "files"), [(True, "one without a screen"), (False, "one with a screen")])
def test_two_opencvs_over_each_other_are_reported_with_whose_files_are_there(installation, headless, files) -> None:
    installation.add_opencv("opencv-python-headless", headless=headless)
    (warning,) = detect(installation.path, "linux", installation.root)["warnings"]
    assert warning.startswith("opencv-contrib-python and opencv-python-headless are installed over each other")
    assert files in warning
    assert "uninstall all, then install one" in warning


@pytest.mark.parametrize(
    ("system", "fix"),
    [
        (DEBIAN, "apt-get install libegl1 libgles2 libgl1 libglib2.0-0"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get install libegl1 libgles2 libgl1 libglib2.0-0"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "apt-get install libegl1 libgles2 libgl1 libglib2.0-0"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "dnf install libglvnd-egl libglvnd-gles libglvnd-glx glib2"),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "zypper install libEGL1 libGLESv2-2 libGL1 libgthread-2"),
        ({"ID": "arch"}, "pacman -S libglvnd glib2"),
        ({"ID": "nixos"}, "install the system packages that hold libEGL.so.1, libGLESv2.so.2, libGL.so.1, libgthread"),
        ({}, "install the system packages that hold"),
    ],
)
def test_missing_libraries_come_with_the_command_of_the_system(installation, system, fix) -> None:
    shutil.rmtree(installation.root / "usr")
    installation.add_system(**system)
    error = refusal(installation)
    assert "missing: libEGL.so.1, libGLESv2.so.2, libGL.so.1, libgthread-2.0.so.0" in error.reason
    assert str(error.fix).startswith(fix)


def test_without_the_libraries_of_a_screen_a_headless_opencv_is_the_other_way(installation) -> None:
    installation.add_system(**DEBIAN)
    (installation.root / LIBRARIES / "libGL.so.1").unlink()
    error = refusal(installation)
    assert error.reason.endswith("missing: libGL.so.1")
    assert str(error.fix).startswith("apt-get install libgl1, or put opencv-python-headless in the place of")


def test_a_headless_opencv_needs_no_libraries_of_a_screen(installation) -> None:
    for library in ("libGL.so.1", "libgthread-2.0.so.0"):
        (installation.root / LIBRARIES / library).unlink()
    installation.add_opencv("opencv-python-headless", headless=True)
    assert detect(installation.path, "linux", installation.root)["opencv_build"] == "headless"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_bring_their_libraries(installation, platform: str) -> None:
    shutil.rmtree(installation.root / "usr")
    assert detect(installation.path, platform, installation.root)["version"] == "1.2.2"


def test_libraries_are_found_through_the_cache_of_the_loader(nothing) -> None:
    nothing.add_library("libEGL.so.1", "opt/vendor")
    (nothing.root / "etc").mkdir()
    entries = [b"libEGL.so.1\0/opt/vendor/libEGL.so.1\0", b"libGL.so.1\0/opt/gone/libGL.so.1\0"]
    (nothing.root / "etc/ld.so.cache").write_bytes(b"glibc-ld.so.cache1.1\0\x02\0" + b"".join(entries))
    assert missing_libraries(["libEGL.so.1", "libGL.so.1"], nothing.root) == ["libGL.so.1"]


def test_libraries_are_found_through_the_environment(nothing, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/libGL.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/does/not/exist:{tmp_path / 'mine'}")
    assert missing_libraries(["libGL.so.1"], nothing.root) == []


def test_a_system_without_a_name_gets_the_names_of_the_files(nothing) -> None:
    assert how_to_install(["libGL.so.1"], nothing.root) == "install the system packages that hold libGL.so.1"


def test_the_installation_here_is_found_as_it_is() -> None:
    pytest.importorskip("mediapipe", reason="needs mediapipe, in an environment of its own: make test-mediapipe")
    facts = detect()
    assert facts["version"] == importlib.metadata.version("mediapipe")
    assert facts["opencv"] == {name: importlib.metadata.version(name) for name in facts["opencv"]} != {}
