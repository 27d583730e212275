import os
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


def test_the_command_gives_the_secrets_to_their_user_or_says_who_could(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, int] = {}
    monkeypatch.setattr(os, "chown", lambda path, owner, group: given.update({Path(path).name: owner}))
    assert main(["secrets", str(tmp_path / "s"), "--owner", "10001", "--renew", "database"]) == 0
    assert given == dict.fromkeys(["s", *contents(tmp_path / "s")], 10001)

    def refuse(path: Path, owner: int, group: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(os, "chown", refuse)
    assert main(["secrets", str(tmp_path / "s"), "--owner", "10001"]) == 1
    assert "only root gives files to another user" in capsys.readouterr().err
