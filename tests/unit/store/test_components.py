"""Components: the parts of a record that are needed come in one statement; a row that is missing begins by itself."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, select

from gameserver.errors import Retryable
from gameserver.modules.combat.entities import Health
from gameserver.modules.combat.hooks import HURT_ZONES
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Register
from gameserver.modules.trade.entities import Purse
from gameserver.modules.trade.events import Give
from gameserver.rules.needs import Needs, count, ids, near, newest, portion, values, where
from gameserver.store import Store
from gameserver.store.statements import Rows
from gameserver.store.tables import tables_of
from gameserver.testing.two_zones import WORLD, player, put_in
from tests.unit.processing.workshop import ADA, BOB, COINS, EVE, Workshop, entrance, replies, reply, walk

AROUND: Callable[[Any], Any] = lambda body: (body.zone, 0, 0, 99, 99)  # noqa: E731


@pytest.fixture
def workshop(migrated_url: str) -> Iterator[Workshop]:
    shop = Workshop(migrated_url)
    shop.enter(ADA, BOB, EVE)
    yield shop
    shop.store.close()


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []
    with monkeypatch.context() as patched:
        for name in ("run", "many"):
            real = getattr(Rows, name)

            def noted(self: Any, statement: Any, *args: Any, real: Any = real, **values: Any) -> None:
                asked.append(str(statement.compile(dialect=self._dialect)))
                real(self, statement, *args, **values)

            patched.setattr(Rows, name, noted)
        yield asked


def about(asked: list[str], *tables: str) -> list[str]:
    """The first words of what was asked of these tables."""
    return [sql.split()[0] for sql in asked if any(re.search(rf"\b{table}\b", sql) for table in tables)]


def without_purses(workshop: Workshop, *names: str) -> None:
    """What a module finds that is added to a world which is played."""
    with workshop.store._engine.begin() as connection:
        table = tables_of(Purse)[0]
        connection.execute(delete(table).where(table.c.id.in_(names)) if names else delete(table))


def purses(workshop: Workshop) -> dict[str, int]:
    with workshop.store._engine.connect() as connection:
        table = tables_of(Purse)[0]
        return dict(connection.execute(select(table.c.id, table.c.coins)).all())


def load(workshop: Workshop, *needs: Any) -> Any:
    wanted: Needs = needs
    with workshop.store.transaction() as transaction:
        return transaction.load([wanted])


def gifts(workshop: Workshop, *seqs: int) -> list[Any]:
    return [workshop.tell(ADA, Give(to="bob", coins=10, seq=seq)) for seq in seqs]


def test_what_a_batch_needs_of_a_record_is_one_statement_and_only_what_changed_is_written(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements(monkeypatch) as asked:
        workshop.apply(*gifts(workshop, 1, 2))
    assert about(asked, "players", "purses", "whereabouts") == ["SELECT", "UPDATE", "UPDATE"]
    assert purses(workshop) == {"ada": COINS - 20, "bob": COINS + 20, "eve": COINS}


def test_a_batch_of_moves_reads_and_locks_no_purse(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    with statements(monkeypatch) as asked:
        workshop.apply(*walk(workshop, ADA, 1), *walk(workshop, BOB, 1))
    assert about(asked, "players", "whereabouts") == ["SELECT", "UPDATE"]
    assert about(asked, "purses") == []


def test_who_is_new_is_made_whole(workshop: Workshop) -> None:
    workshop.apply(entrance(workshop, Register(name="Zoe", password="long enough", seq=1), "Zoe"))
    assert purses(workshop)["zoe"] == COINS


def test_a_component_that_is_missing_begins_by_itself(workshop: Workshop) -> None:
    without_purses(workshop)
    assert workshop.store.get(Purse, "ada") == Purse(id="ada")
    assert workshop.store.get(Purse, "nobody") is None
    assert replies(workshop.apply(*gifts(workshop, 1)))[1]["data"] == {"coins": COINS - 10}
    assert purses(workshop) == {"ada": COINS - 10, "bob": COINS + 10}


def test_what_is_there_stays_as_it_is_when_others_are_missing(workshop: Workshop) -> None:
    workshop.apply(*gifts(workshop, 1))
    without_purses(workshop, "bob")
    workshop.apply(*gifts(workshop, 2))
    assert purses(workshop) == {"ada": COINS - 20, "bob": COINS + 10, "eve": COINS}


SELECTIONS: dict[str, Any] = {
    "by id": ids(Purse, "ada", "bob", "nobody"),
    "by id, read only": ids(Purse, "ada", "bob", "nobody", look=True),
    "by a field of its owner": where(Purse, gateway="g1"),
    "under a condition of its owner": where(Purse, when="present", gateway="g1", look=True),
    "with its owner": where(Player, components=(Purse,), when="present", gateway="g1"),
    "with its owner, read only": where(Player, components=(Purse,), gateway="g1", look=True),
    "with another component": where(Body, components=(Purse,), when="present", zone="meadow"),
    "with another component, read only": where(Body, components=(Purse,), zone="meadow", look=True),
    "around, read only": near(Body, "ada", (Body, Purse), AROUND),
    "around, locked": near(Body, "ada", (Body, Purse), AROUND, lock_most=9),
}


@pytest.mark.parametrize("missing", [(), ("bob",), ("ada", "bob", "eve")], ids=["none", "one", "all"])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_each_selection_finds_those_that_are_missing_too(
    workshop: Workshop, selection: str, missing: tuple[str, ...]
) -> None:
    if missing:
        without_purses(workshop, *missing)
    viewer = [ids(Body, "ada")] if "around, read" in selection else []
    found = load(workshop, SELECTIONS[selection], *viewer).of(Purse)
    assert found == {"ada": Purse(id="ada"), "bob": Purse(id="bob")}


def test_all_are_counted_and_listed_whether_they_are_there_or_not(workshop: Workshop) -> None:
    without_purses(workshop, "bob")
    everyone, all_ids, first = count(Purse), values(Player, "id", 9), portion(Purse, 2)
    state = load(workshop, everyone, all_ids, first)
    assert (state.count(everyone), state.found(first)) == (3, (Purse(id="ada"), Purse(id="bob")))
    assert workshop.store.portion(Purse, "ada", 9) == [Purse(id="bob"), Purse(id="eve")]


def test_by_its_own_fields_only_what_is_there_is_found(workshop: Workshop) -> None:
    without_purses(workshop, "bob")
    rich = newest(Purse, 9, "coins")
    assert {purse.id for purse in load(workshop, rich).found(rich)} == {"ada", "eve"}
    assert set(load(workshop, where(Purse, coins=COINS, look=True)).of(Purse)) == {"ada", "eve"}


def test_of_two_who_make_the_same_component_none_overwrites_the_others(workshop: Workshop, migrated_url: str) -> None:
    """Ada and Eve give to Bob at once, over connections of their own, and nobody has a purse yet."""
    without_purses(workshop)
    other = Workshop(migrated_url)
    threads = [
        threading.Thread(target=lambda s=s, b=b: [give_until_done(s, b, seq) for seq in range(1, 9)])
        for s, b in ((workshop, ADA), (other, EVE))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert purses(workshop) == {"ada": COINS - 8, "bob": COINS + 16, "eve": COINS - 8}
    other.store.close()


def give_until_done(workshop: Workshop, giver: Any, seq: int) -> None:
    """As a process does: who is told to give way tries again."""
    for _ in range(20):
        try:
            workshop.apply(workshop.tell(giver, Give(to="bob", coins=1, seq=seq)))
        except Retryable:
            continue
        return
    raise AssertionError("it was never done")


def test_a_purse_is_locked_and_its_owner_is_not(workshop: Workshop, migrated_url: str) -> None:
    """Who holds a purse keeps nobody from walking, where rows are locked."""
    other = Store(migrated_url, WORLD)
    if other._engine.dialect.name == "sqlite":
        other.close()
        pytest.skip("SQLite locks no rows")
    with other.transaction() as transaction:
        transaction.load([(ids(Purse, "ada"),)])
        assert replies(workshop.apply(*walk(workshop, ADA, 1)))[1]["type"] == "ok"
    other.close()


def test_who_goes_takes_its_components_along(workshop: Workshop) -> None:
    with workshop.store.transaction() as transaction:
        transaction.load([(ids(Player, "eve"),)])
        put_in(transaction, [], [EVE])
    assert set(purses(workshop)) == {"ada", "bob"}
    assert workshop.store.get(Purse, "eve") is None


def test_a_component_of_who_is_new_may_be_put_with_it(workshop: Workshop) -> None:
    with workshop.store.transaction() as transaction:
        transaction.load([(ids(Player, "zoe"), ids(Purse, "zoe"))])
        put_in(transaction, [Purse(id="zoe", coins=7), player("Zoe")], [])
    assert purses(workshop)["zoe"] == 7


def test_a_refused_gift_to_nobody_makes_nothing(workshop: Workshop) -> None:
    nobody = workshop.tell(ADA, Give(to="nobody", coins=1, seq=1))
    assert reply(workshop.apply(nobody))["code"] == "no_such_player"
    assert set(purses(workshop)) == {"ada", "bob", "eve"}


def test_fields_that_stand_in_the_same_rows_select_each_other(workshop: Workshop) -> None:
    workshop.put(replace(BOB, hp=1), replace(EVE, hp=1))
    assert sorted(load(workshop, HURT_ZONES).values(HURT_ZONES)) == ["meadow", "town"]
    assert set(load(workshop, where(Health, zone="meadow", when="hurt")).of(Health)) == {"bob"}
    with pytest.raises(TypeError, match="not by 'zone'"):
        where(Purse, zone="meadow")
