"""What the playground's buttons do, without a server."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from gameserver.declare import catalogue
from gameserver.errors import Corrupt
from gateway.web import playground
from tests.nodes import JAVASCRIPT, node


def test_the_gateway_kills_itself_when_its_answer_was_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *what: killed.append(what))
    clock = Clock()
    assert "killed" in playground.acts(clock, tmp_path)["/playground/kill/gateway"]()
    assert killed == []
    clock.advance(playground.LAST_WORDS_S)
    assert killed == [(os.getpid(), signal.SIGKILL)]


class FakeControl:
    """A supervisord that runs two workers and a gateway."""

    asked: list[tuple[str, ...]] = []

    @classmethod
    def of(cls, folder: Path) -> "FakeControl":
        return cls()

    def ask(self, method: str, *args: str) -> Any:
        if method == "getAllProcessInfo":
            return [{"group": "main", "name": name} for name in ("worker-chat", "gateway", "worker-trade")]
        self.asked.append((method, *args))
        return True


def test_workers_are_killed_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(playground, "Control", FakeControl)
    assert playground.acts(Clock(), tmp_path)["/playground/kill/worker"]() == "Killed: worker-chat, worker-trade."
    assert FakeControl.asked == [("signalProcess", f"main:worker-{name}", "KILL") for name in ("chat", "trade")]


def test_without_a_supervisor_it_is_said_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="gameserver up"):
        playground.acts(Clock(), tmp_path)["/playground/kill/worker"]()


def test_the_forms_are_made_of_todays_catalogue() -> None:
    served = playground.pages()
    assert b"<h1>Playground</h1>" in served["/playground"]().body
    document = json.loads(served["/playground/catalogue.json"]().body)
    assert set(catalogue.client_events()) <= set(document["x-events"])


def test_no_packet_overtakes_another_however_the_delay_changes() -> None:
    done = subprocess.run([node(), str(JAVASCRIPT / "line.mjs")], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    put = ["at 0", "at 10", "at 20", "at 60", "at 200"]
    assert [text for way, text, _ in seen if way == "sent"] == put
    assert [text for way, text, _ in seen if way == "received"] == [*put, "goodbye", "closed"]
    at_ms = {text: ms for way, text, ms in seen if way == "received"}
    assert (at_ms["at 0"], at_ms["at 200"]) == (100, 200)  # the delay of then, and none
    assert at_ms["at 10"] in range(100, 110)  # its own would be over at 30
    assert at_ms["goodbye"] == 230
