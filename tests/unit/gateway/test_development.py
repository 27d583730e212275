"""A gateway takes up another catalogue while its clients stay, and no event of before is left without an answer."""

from pathlib import Path
from typing import Any, Literal

import pytest

from gameserver.declare import catalogue
from gameserver.declare.base import Event, event
from gameserver.messages.envelope import Envelope
from gateway import development as module
from gateway.development import ANSWERED_S_MAX, Development, is_outdated
from tests.unit.gateway.fakes import Stage

MOVE = catalogue.events()["move"]


def declared(lane: str = MOVE.spec.lane, **fields: Any) -> type[Event]:
    """A move of another form."""
    body = {"__module__": "elsewhere.movement.events", "__doc__": "Another move.", "__annotations__": fields}
    return event(lane=lane, durable=False)(type(Event)("Move", (Event,), body))


class Deployment:
    """A gateway that follows files, and what its game declares."""

    def __init__(self, stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.offered, self.stamp = folder / "offered", folder / "stamp"
        self.events = dict(catalogue.events())
        self.fault: Exception | None = None
        monkeypatch.setattr(module, "read_anew", self._read)
        self._patch = monkeypatch
        self.development = Development(stage.hub, self.offered, self.stamp, stage.clock.seconds, lambda: None)

    def _read(self) -> None:
        if self.fault is not None:
            raise self.fault
        self._patch.setattr(catalogue, "events", lambda: self.events)

    def save(self, **events: type[Event] | None) -> None:
        """Something was saved: these events are others, or are no more."""
        self.events = {name: cls for name, cls in {**self.events, **events}.items() if cls is not None}
        self.offered.touch()
        self.look()

    def look(self) -> None:
        self.development.look()
        self.stage.clock.advance(0)

    @property
    def is_live(self) -> bool:
        return self.stamp.exists() and not self.offered.exists()


@pytest.fixture
def deployment(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undeclared: None) -> Deployment:
    return Deployment(stage, tmp_path, monkeypatch)


@pytest.fixture
def undeclared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is forgotten after it."""
    monkeypatch.setattr("gameserver.declare.base.DECLARED", [])


def codes(player) -> dict[int, str]:
    return {packet["re"]: packet.get("code", "ok") for packet in player.heard("ok", "error")}


def test_where_what_is_in_flight_can_still_be_read_workers_follow_at_once(deployment: Deployment) -> None:
    ada = deployment.stage.player()
    ada.send(type="move", dir="n", seq=2)
    deployment.save(move=declared(dir=Literal["n", "s"]))
    assert deployment.is_live
    (task,) = deployment.stage.broker.take("move")
    deployment.stage.answer(task)
    assert codes(ada) == {2: "ok"}


def test_workers_follow_when_what_they_could_not_read_is_answered_and_what_waits_is_refused(
    deployment: Deployment,
) -> None:
    ada = deployment.stage.player()
    for seq in (2, 3):
        ada.send(type="move", dir="n", seq=seq)
    (task,) = deployment.stage.broker.take("move")
    assert task.seqs == [2]
    deployment.save(move=declared(where=str))
    assert not deployment.is_live
    assert codes(ada) == {3: "unavailable"}
    ada.send(type="say", text="hello", seq=4)
    assert deployment.stage.broker.take() == []  # until workers have read the game
    deployment.stage.answer(task)
    assert not deployment.stage.broker.take("say")
    deployment.look()
    assert deployment.is_live
    assert codes(ada) == {2: "ok"}
    (said,) = deployment.stage.broker.take("say")
    assert said.seqs == [4]


@pytest.mark.parametrize("is_removed", [True, False])
def test_what_is_not_answered_in_time_is_in_doubt_and_all_goes_on(deployment: Deployment, is_removed: bool) -> None:
    ada = deployment.stage.player()
    for seq in (2, 3):
        ada.send(type="move", dir="n", seq=seq)
    (task,) = deployment.stage.broker.take("move")
    deployment.save(move=None if is_removed else declared(where=str))
    deployment.stage.clock.advance(ANSWERED_S_MAX + 1)
    deployment.look()
    assert deployment.is_live
    assert codes(ada) == {2: "in_doubt", 3: "unavailable"}
    deployment.stage.answer(task)  # late
    assert codes(ada) == {}
    assert deployment.stage.hub.unanswered == 0


def test_what_cannot_be_read_is_not_taken_up(deployment: Deployment) -> None:
    deployment.fault = ValueError("broken")
    deployment.save()
    assert not deployment.stamp.exists()
    assert not deployment.offered.exists()
    ada = deployment.stage.player()
    ada.send(type="move", dir="n", seq=2)
    assert len(deployment.stage.broker.take("move")) == 1


@pytest.mark.usefixtures("undeclared")
@pytest.mark.parametrize(("lane", "outdated"), [(MOVE.spec.lane, False), ("other", True)])
def test_an_event_is_outdated_where_its_answer_would_not_find_its_lane(
    monkeypatch: pytest.MonkeyPatch, lane: str, outdated: bool
) -> None:
    now = declared(lane, dir=str)
    monkeypatch.setattr(catalogue, "events", lambda: {"move": now})
    assert is_outdated(Envelope(id="s:1", event=MOVE(dir="n", seq=1), at_ms=0)) == outdated
