"""A cache that the administrator provides, used by somebody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from inference_models import AutoModel

MODEL_ID = "workspace/shapes/3"
NOBODY = 65534
# It loads first as the administrator, because the other user may not be able to read this environment.
LOAD = """
import os, sys
from inference_models import AutoModel

user = int(sys.argv[2])
AutoModel.from_pretrained(sys.argv[1])
os.setgroups([])
os.setgid(user)
os.setuid(user)
print(os.geteuid(), AutoModel.from_pretrained(sys.argv[1]).class_names[0])
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_another_user_loads_without_a_network_what_the_administrator_provides(
    api, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o022)
    try:
        AutoModel.from_pretrained(MODEL_ID)
    finally:
        os.umask(before)
    api.close()
    # Not below pytest's directory, through which nobody else can go.
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        shutil.copytree(home, Path(place, "home"))
        monkeypatch.setenv("INFERENCE_HOME", str(Path(place, "home")))
        monkeypatch.setenv("INFERENCE_MODELS_OFFLINE", "1")
        command = [sys.executable, "-c", LOAD, MODEL_ID, str(NOBODY)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.split() == [str(NOBODY), "circle"], run.stderr
