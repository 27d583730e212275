"""Who is told what of a saved file: workers, the gateway, or those who must be restarted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.local import development as module
from gameserver.local.development import Development, Watch
from gameserver.local.forked_reading import Reading
from gameserver.local.plan import Program

LIVE = Reading(families={"chat": ["chat"], "items": ["items"]}, declared="as it was", clock="as it was")


class Supervisor:
    """Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Callable[[Program], None]:
        return lambda program: self.asked.append(f"{name.removesuffix('_program')} {program.name}")


class Deployment:
    """A development of stand-ins. ``gateway``: what the gateway does with the file that it is offered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stamp, self.offered = folder / "stamp", folder / "offered"
        self.supervisor: Any = Supervisor()
        self.reading = LIVE
        self.served: list[str] = []
        self.gateway: Callable[[], object] = lambda: self.offered.replace(self.stamp)
        names = ("worker-chat", "worker-items", "beat", "gateway", "bots")
        self.development = Development(
            [folder],
            read=self._read,
            live=LIVE,
            stamp=self.stamp,
            offered=self.offered,
            cwd=folder,
            programs=[Program(name=name, command=(), stage=2) for name in names],
            worker=lambda family, queues: Program(name=f"worker-{family}", command=tuple(queues), stage=2),
        )

    def _read(self, served: list[str]) -> Reading:
        self.served = served
        return self.reading

    def wait_for(self, condition: Callable[[], bool], s_max: float) -> bool:
        if self.offered.exists():
            self.gateway()
        return condition()

    def save(self, file: str, **found: Any) -> bool:
        """A file was saved, and the game is read as that. Returns whether workers are to read it."""
        before = self.stamp.exists() and self.stamp.stat().st_mtime_ns
        self.reading = replace(LIVE, **found)
        self.development.take_up([self.folder / file], self.supervisor)
        assert not self.offered.exists()
        return self.stamp.exists() and self.stamp.stat().st_mtime_ns != before


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    made = Deployment(tmp_path)
    monkeypatch.setattr(module, "wait_for", made.wait_for)
    return made


def test_rules_are_for_the_workers_alone(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    deployment.gateway = lambda: pytest.fail("the gateway has nothing to do with it")
    assert deployment.save("items/rules.py")
    assert deployment.served == ["chat", "items"]
    assert deployment.supervisor.asked == []
    assert capsys.readouterr().out.startswith("  items/rules.py: live after 0.0 s.")


def test_declarations_are_taken_up_by_the_gateway_before_the_workers(deployment: Deployment) -> None:
    assert deployment.save("items/events.py", declared="another")
    assert deployment.supervisor.asked == []


def test_a_gateway_that_is_down_does_not_keep_workers_from_following(deployment: Deployment) -> None:
    deployment.gateway = lambda: None
    assert deployment.save("items/events.py", declared="another")


def test_a_gateway_that_cannot_read_it_keeps_all_as_it_was(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.gateway = deployment.offered.unlink
    assert not deployment.save("items/events.py", declared="another")
    assert "not taken up" in capsys.readouterr().out
    deployment.gateway = lambda: deployment.offered.replace(deployment.stamp)
    assert deployment.save("items/events.py", declared="another"), "it is still to be told"


def test_a_fault_is_shown_and_changes_nothing(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    assert not deployment.save("items/rules.py", fault="items/rules.py:7: SyntaxError: invalid syntax.", families={})
    assert deployment.supervisor.asked == []
    said = capsys.readouterr().out
    assert "items/rules.py: not taken up, the old code goes on." in said
    assert "items/rules.py:7: SyntaxError" in said


@pytest.mark.parametrize(
    ("file", "found", "asked"),
    [
        ("items/events.py", {"clock": "another"}, ["restart beat"]),
        ("bots.py", {}, ["restart bots"]),
        ("items/events.py", {"families": {"chat": ["chat"]}}, ["stop worker-items"]),
        ("new/events.py", {"families": {**LIVE.families, "new": ["new"]}}, ["add worker-new", "start worker-new"]),
    ],
)
def test_who_cannot_take_it_up_is_restarted_and_nobody_else(
    deployment: Deployment, file: str, found: dict[str, Any], asked: list[str]
) -> None:
    assert deployment.save(file, **found)
    assert deployment.supervisor.asked == asked


def test_a_family_that_comes_back_has_its_worker_again(deployment: Deployment) -> None:
    deployment.save("items/events.py", families={"chat": ["chat"]})
    deployment.save("items/events.py")
    assert deployment.supervisor.asked == ["stop worker-items", "start worker-items"]


def test_a_new_family_is_served_from_then_on(deployment: Deployment) -> None:
    new = {**LIVE.families, "new": ["new", "new.1"]}
    deployment.save("new/events.py", families=new)
    deployment.save("new/rules.py", families=new)
    assert deployment.supervisor.asked == ["add worker-new", "start worker-new"]
    assert deployment.served == ["chat", "items", "new"]


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("rules.py", True),
        ("maps/village.tmj", True),
        ("data/prices.csv", True),
        ("test_rules.py", False),
        ("tests/prices.csv", False),
        ("conftest.py", False),
        ("__pycache__/rules.cpython-311.pyc", False),
        (".rules.py.swp", False),
        ("rules.py~", False),
    ],
)
def test_a_file_of_the_game_counts_when_it_is_written_made_or_removed(tmp_path: Path, file: str, counts: bool) -> None:
    folder = tmp_path / "tests" / "isle"  # where it lies is the game's own affair
    folder.mkdir(parents=True)
    watch, path = Watch([folder]), folder / file
    path.parent.mkdir(exist_ok=True)
    changes = (path.touch, lambda: os.utime(path, ns=(1, 1)), path.unlink)
    for change in changes:
        change()
        assert watch.changed() == ([path] if counts else [])
        assert watch.changed() == []
