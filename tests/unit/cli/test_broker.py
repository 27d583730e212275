import re

import pytest

from gameserver.broker.permissions import users
from gameserver.cli import main

USERS = [user.name for user in users(["gateway1", "gateway2"])]


def test_the_command_says_who_may_do_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["broker-users", "--gateways", "g7"]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"^(\S+)", said, flags=re.MULTILINE) == ["g7", *(name for name in USERS if "gateway" not in name)]
    assert "monitor (monitoring)" in said
    assert main(["broker-users", "--gateways", "worker"]) == 1
