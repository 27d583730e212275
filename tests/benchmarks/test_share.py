import subprocess
import sys
import time

import pytest

from gameserver.testing.processes import eventually
from tests.benchmarks import machine, share

PART = 0.2
BURNT_S = 0.4


@pytest.fixture
def burner():
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_process_gets_its_part_of_a_processor_and_then_all_again(burner):
    home = share.group_of(burner.pid)
    try:
        with share.limited(burner.pid, PART):
            began_s, before_s = time.monotonic(), _burnt_s(burner)
            eventually(lambda: _burnt_s(burner) > before_s + BURNT_S, "it worked for so long")
            assert time.monotonic() - began_s > 0.5 * BURNT_S / PART  # half: the quota of a whole period may go at once
            assert share.group_of(burner.pid) != home
    except OSError as error:
        pytest.skip(f"no control groups to write to: {error}")
    assert share.group_of(burner.pid) == home
    assert not [*share.ROOT.glob(f"benchmark-{burner.pid}"), *share.OLD.glob(f"benchmark-{burner.pid}")]


def test_without_a_bound_nothing_is_done(burner):
    home = share.group_of(burner.pid)
    with share.limited(burner.pid, 0.0):
        assert share.group_of(burner.pid) == home


def _burnt_s(process: subprocess.Popen[bytes]) -> float:
    return machine.cpu_s({"it": [process.pid]})["it"]
