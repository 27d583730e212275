from collections.abc import Iterator

import pytest

from gameserver.cli import main
from gameserver.modules.building.entities import Builder
from gameserver.modules.building.events import BuildWall
from tests.unit.processing.workshop import ADA, Workshop, reply


@pytest.fixture
def ada_plays(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    workshop = Workshop(migrated_url)
    workshop.enter(ADA)
    yield workshop
    workshop.store.close()


def test_a_role_counts_from_the_next_event_on(ada_plays: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    def builds(seq: int) -> str:
        told = reply(ada_plays.apply(ada_plays.tell(ADA, BuildWall(zone="meadow", x=20, y=seq + 5, seq=seq))))
        return str(told.get("code", "ok"))

    assert builds(1) == "no_builder"
    assert main(["roles", "grant", "Ada", "builder"]) == 0
    assert "Ada has the role builder." in capsys.readouterr().out
    assert ada_plays.store.get(Builder, "ada") == Builder(id="ada", may_build=1)
    assert builds(2) == "ok"
    assert main(["roles", "revoke", "ada", "builder"]) == 0
    assert builds(3) == "no_builder"


def test_roles_are_listed_and_who_or_what_is_not_there_is_named(
    ada_plays: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["roles", "list"]) == 0
    assert "builder  places and removes walls" in capsys.readouterr().out
    assert main(["roles", "grant", "Nobody", "builder"]) == 1
    assert "Nobody is called Nobody." in capsys.readouterr().err
    assert main(["roles", "grant", "Ada", "king"]) == 1
    assert "no role king; it has: builder." in capsys.readouterr().err
