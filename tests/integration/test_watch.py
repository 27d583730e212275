"""The commands of operators, as processes, on a house that plays."""

import subprocess
import sys

from tests.acceptance.lines import LineClient
from tests.houses import ROOT, House, SharedHouse


def gameserver(house: House, *words: str) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "gameserver.cli", *words],
        env=house.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(text: str, first: str) -> list[str]:
    (found,) = (line.split() for line in text.splitlines() if line.startswith(first))
    return found


def test_status_is_one_screen_of_the_whole_house(shared_house: SharedHouse):
    with LineClient(shared_house.gateway.port) as ada, LineClient(shared_house.gateway.port):
        ada.register("Ada")
        text = gameserver(shared_house.house, "status")
    assert row(text, shared_house.gateway.id)[1:3] == ["2", "1"]
    assert row(text, "world")[-3:-1] == ["1", "1"]
    assert float(row(text, "world")[5]) > 0  # beat's ticks
    assert row(text, "all@")[1] == "1"
    assert "dead letters in the last hour: 0" in text


def test_advice_is_a_command_that_mends_what_is_wrong(house: House):
    house.gateway()
    house.worker("sessions", "world", "movement", "combat", "trade", name="others")
    told = gameserver(house, "advise")
    (command,) = (line for line in told.splitlines() if line.startswith("celery -A tasks worker"))
    assert command == "celery -A tasks worker -Q chat -n chat1@%h"
    house.worker("chat", name="chat1")
    assert "chat" not in gameserver(house, "advise")


def test_without_a_broker_status_is_a_sentence(house: House):
    house.environ["AMQP_URL"] = "amqp://127.0.0.1:1//"
    done = subprocess.run(
        [sys.executable, "-m", "gameserver.cli", "status"],
        env=house.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "The broker does not answer" in done.stderr
    assert "Traceback" not in done.stderr
