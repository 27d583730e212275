"""Some scenes on ten machines: nobody goes unanswered. All of them: ``python -m tests.machines``."""

from pathlib import Path

import pytest

from tests.machines.__main__ import played
from tests.machines.network import possible

SCENES = ["10 ms each way, between all", "1 % of all frames lost", "a worker's machine cut off from all"]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_whatever_the_network_does_everybody_is_answered(tmp_path: Path) -> None:
    if not possible():
        pytest.skip("network namespaces can't be made here: it takes root, and `ip`")
    found = played(tmp_path, SCENES)
    assert {name: each.unanswered for name, each in found.items()} == dict.fromkeys(SCENES, 0)
    assert all(each.sent > 1_000 for each in found.values())
    assert found[SCENES[0]].p50 >= 80  # four ways over the network, there and back
