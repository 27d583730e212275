"""A gateway process without sockets: what it does with what comes for it from the broker."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from twisted.internet.task import Clock

from gameserver import config
from gameserver.messages.outbound import BatchResult, Query
from gameserver.messages.process_reports import read_gateway_report
from gateway.service import RESTORE_S, Gateway


class Reactor(Clock):
    """Time that stands still, and no sockets."""

    def attend(self, fileno: int) -> None: ...


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    key = tmp_path / "secret.key"
    key.write_bytes(Fernet.generate_key())
    key.chmod(0o600)
    settings = config.load({"GAMESERVER_SECRET_KEY_FILE": str(key)})
    return Gateway(settings, Reactor())


def test_a_question_is_answered_and_counts_as_no_result(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[tuple[str, bytes]] = []
    monkeypatch.setattr(gateway.broker, "report", lambda key, body: answers.append((key, body)))
    gateway._receive(Query(reply_to="answers", event_id="e1"))
    ((key, body),) = answers
    assert key == "answers"
    assert read_gateway_report(body).gateway == gateway.name
    assert gateway.hub.meters.outbound == 0


def test_a_batchs_result_is_passed_on_and_not_answered(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[str] = []
    monkeypatch.setattr(gateway.broker, "report", lambda key, body: answers.append(key))
    gateway._receive(BatchResult(done="move"))
    assert gateway.hub.meters.outbound == 1
    assert answers == []


def test_what_is_watched_is_bound_again_now_and_then(gateway: Gateway) -> None:
    """A single binding that somebody removes by hand is missed by no process: no family falls silent."""
    assert (gateway.hub.restore, RESTORE_S) in [(loop.f, seconds) for loop, seconds in gateway._loops]
