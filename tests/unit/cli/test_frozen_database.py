"""Commands on PostgreSQL that stops answering in the middle: each ends with a sentence, however long it may take."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from gameserver.cli import commands, common, main, player_roles
from gameserver.errors import GameError
from gameserver.store import engine
from gameserver.store.engine import answers, open_engine
from tests.databases import Cluster
from tests.deployments import write_world

SOON_S = 3.0


@pytest.fixture
def cluster(
    postgresql_cluster: Cluster, postgresql_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[Cluster]:
    """A server that answers, and whose database the commands are told; they are less patient than elsewhere."""
    monkeypatch.setenv("DATABASE_URL", postgresql_url)
    monkeypatch.setenv("GAMESERVER_HOME", str(tmp_path))
    monkeypatch.setenv("GAMESERVER_WORLD", str(write_world(tmp_path, "####", "#s.#", "####")))
    monkeypatch.setattr(common, "ASK_EVERY_S", 0.1)
    monkeypatch.setattr(player_roles, "ANSWER_S_MAX", SOON_S)
    monkeypatch.setitem(engine.POSTGRESQL_CONNECTION, "connect_timeout", 2)  # libpq's least
    yield postgresql_cluster
    postgresql_cluster.thaw()


@pytest.mark.parametrize(
    ("when", "command"),
    [
        ("before", "migrate"),
        ("before", "roles grant Ada builder"),
        ("meanwhile", "migrate"),
        ("meanwhile", "copy --to sqlite:///copied.sqlite"),
        ("meanwhile", "world check"),
        ("meanwhile", "world save"),
        ("meanwhile", "world apply"),
        ("meanwhile", "roles grant Ada builder"),
    ],
)
@pytest.mark.timeout(60)
def test_a_database_that_freezes_ends_a_command_with_a_sentence(
    cluster: Cluster,
    when: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ping = engine._ping

    def ping_and_freeze(*given: Any) -> None:
        ping(*given)
        cluster.freeze()  # what is asked next is never answered

    if when == "before":
        cluster.freeze()
    else:
        monkeypatch.setattr(engine, "_ping", ping_and_freeze)
    status = main(command.split())
    cluster.thaw()
    said = capsys.readouterr().err
    assert status == 1, said
    assert said.startswith("gameserver: "), said
    assert said.count("\n") == 1, said


def test_what_takes_long_may_as_long_as_the_database_answers_others(
    cluster: Cluster, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks many times while a statement runs, and is always answered."""
    asked = threading.Semaphore(0)

    def asking(url: str) -> bool:
        asked.release()
        return answers(url)

    monkeypatch.setattr(common, "answers", asking)
    database = open_engine(postgresql_url)
    with common.while_database_answers(postgresql_url), database.connect() as connection:
        connection.execute(text("SELECT pg_sleep(1)"))
        for _ in range(2 * common.MISSED_MAX):
            assert asked.acquire(timeout=SOON_S)
    database.dispose()


def test_a_database_that_is_gone_or_refuses_has_answered(cluster: Cluster, postgresql_url: str) -> None:
    """Whoever waits for it hears of that, too."""
    assert answers(postgresql_url)
    assert answers(postgresql_url.replace("/migrated", "/nothing"))
    assert answers("postgresql://nobody@127.0.0.1:1/nothing")
    assert answers("sqlite:///nowhere")
    cluster.freeze()
    assert not answers(postgresql_url)


def test_waiting_too_long_is_ended_again_when_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done at the end of a command may wait for the same database."""
    monkeypatch.setattr(commands, "AGAIN_S", 0.05)
    with pytest.raises(GameError, match=r"within 0\.05 s"), commands.within(0.05):
        _wait_and_clean_up(threading.Event())


def _wait_and_clean_up(forever: threading.Event) -> None:
    try:
        forever.wait(60)
    finally:
        forever.wait(60)
