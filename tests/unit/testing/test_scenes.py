"""The scenes of ten machines can be set up, and leave everything as it was; ``python -m tests.machines`` plays them."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.clocks import library, set_clock, settable
from tests.machines.scenes import LAN_S, MACHINES, SCENES, WRONG_S
from tests.machines.switch import Rules

TOLERANCE_S = 60.0


class FakeFarm:
    """Ten machines on which nothing runs; it knows in which state they are."""

    def __init__(self, folder: Path) -> None:
        self.net = self
        self.rules: tuple[Any, ...] = ()
        self.obey(LAN_S)
        self.environments: dict[str, dict[str, str]] = {name: {} for name in MACHINES}
        self.dead: set[str] = set()
        self.settings: list[str] = []
        self._folder = folder

    def obey(self, latency_s: float = 0.0, loss: float = 0.0, cut: Any = ()) -> None:
        assert {name for pair in cut for name in pair} <= {*MACHINES, "*"}
        self.rules = latency_s, loss, tuple(cut)

    def again(self, name: str, env: dict[str, str] | None = None) -> None:
        self.environments[name] = dict(env or {})

    def database_again(self, env: dict[str, str] | None = None) -> None:
        self.again("database", env)

    def clock_file(self, name: str) -> Path:
        return self._folder / f"{name}.clock"

    def kill(self, name: str) -> None:
        self.dead.add(name)

    def begin(self, name: str) -> None:
        self.dead.remove(name)

    def database(self, *statements: str) -> None:
        self.settings += [each for each in statements if " SET " in each]
        if any(" RESET " in each for each in statements):
            self.settings.clear()

    def is_well(self) -> bool:
        clocks = {float(file.read_text()) for file in self._folder.glob("*.clock")}
        skewed = [env for env in self.environments.values() if "FAKETIME" in env]
        return self.rules == (LAN_S, 0.0, ()) and not (self.dead or self.settings or skewed) and clocks <= {0.0}


@pytest.fixture
def faketime() -> None:
    try:
        library()
    except AssertionError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.usefixtures("faketime")
def test_a_scene_is_set_up_and_leaves_everything_as_it_was(name: str, tmp_path: Path) -> None:
    farm: Any = FakeFarm(tmp_path)
    with SCENES[name](farm):
        assert farm.is_well() == name.startswith("nothing")
    assert farm.is_well()
    assert Rules(*farm.rules) == Rules(LAN_S)


@pytest.mark.usefixtures("faketime")
def test_a_clock_is_set_while_its_process_runs(tmp_path: Path) -> None:
    program = "import sys, time\nfor line in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
    file = tmp_path / "clock"
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=settable(file), stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for skew_s in (0, WRONG_S, -WRONG_S, 0):
            set_clock(file, skew_s)
            process.stdin.write("\n")
            process.stdin.flush()
            shown_s, monotonic_s = map(float, process.stdout.readline().split())
            assert abs(shown_s - time.time() - skew_s) < TOLERANCE_S
            assert abs(monotonic_s - time.monotonic()) < TOLERANCE_S
        process.stdin.close()
