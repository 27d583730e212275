from pathlib import Path

import pytest

from gameserver.cli import main
from tests.unit.security.test_provisioning import contents


def test_the_command_says_what_it_made_but_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", str(tmp_path / "s"), "--gateways", "g1,g2"]) == 0
    said = capsys.readouterr().out
    assert "broker_g1, broker_g2, broker_worker" in said
    assert not any(word in said for word in contents(tmp_path / "s").values())
    assert main(["secrets", str(tmp_path / "s"), "--gateways", "g1,g2"]) == 0
    assert "made nothing" in capsys.readouterr().out
