"""Run by ``tests/unit/store/test_entities.py`` in a process of its own, whose game is this one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import inspect

from gameserver.declare.entity import kinds
from gameserver.errors import Corrupt
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import sight
from gameserver.modules.sessions.events import Register
from gameserver.rules.book import rules
from gameserver.rules.needs import Needs, count, distinct, ids, near, newest, portion, values, where
from gameserver.rules.outcome import Outcome
from gameserver.rules.outcome import rule as rule_
from gameserver.store import Store
from gameserver.store import statements as rows_module
from gameserver.store.copy_database import copy
from gameserver.store.engine import open_engine
from gameserver.store.migrate import migrate
from gameserver.store.tables import metadata
from gameserver.testing.two_zones import NOW_MS, WORLD, circumstances, play, put_in, state
from tests.pantry.items.entities import Item, Jar, Label, Shelved, Wear
from tests.pantry.items.events import Eat, Pour, Shelve, Snatch, Take
from tests.simulation.memory_store import MemoryStore
from tests.unit.processing.workshop import ADA, BOB, Workshop, entrance, replies

FLOUR, MORE_FLOUR = Jar(id="flour", kind="flour", grams=500), Jar(id="more", kind="flour", grams=200)
APPLE, BREAD, CHEESE = (
    Item(id="apple", kind="fruit", zone="meadow", x=13, y=10),
    Item(id="bread", kind="loaf", holder="bob"),
    Item(id="cheese", kind="loaf", zone="meadow", x=31, y=19),
)
ALL = {item.id: item for item in (APPLE, BREAD, CHEESE)}


def with_tables(url: str) -> str:
    """The database with the tables for which there is no migration."""
    engine = open_engine(url)
    metadata().create_all(engine)
    engine.dispose()
    return url


@pytest.fixture
def url(migrated_url: str) -> str:
    return with_tables(migrated_url)


@pytest.fixture
def workshop(url: str) -> Iterator[Workshop]:
    shop = Workshop(url)
    shop.enter(ADA, BOB)
    shop.put(*ALL.values())
    yield shop
    shop.store.close()


def load(store: Any, *needs: Any) -> Any:
    wanted: Needs = needs
    with store.transaction() as transaction:
        return transaction.load([wanted])


def test_its_table_has_a_column_for_each_field_and_its_indexes(url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection:
        columns = [column["name"] for column in inspect(connection).get_columns("items")]
        indexes = {str(index["name"]) for index in inspect(connection).get_indexes("items")}
    engine.dispose()
    assert columns == ["id", "kind", "holder", "zone", "x", "y", "text"]
    assert indexes == {"items_holder", "items_zone"}
    assert kinds()[-5:] == (Item, Label, Wear, Shelved, Jar), (
        "a game's own modules come after those that it takes from elsewhere"
    )


def test_each_selection_finds_what_it_says(workshop: Workshop) -> None:
    check_selections(workshop.store)


def test_each_selection_finds_the_same_in_the_simulations_store() -> None:
    store = MemoryStore(WORLD)
    with store.transaction() as transaction:
        put_in(transaction, [ADA, BOB, *ALL.values()], [])
    check_selections(store)


def check_selections(store: Any) -> None:
    assert load(store, ids(Item, "apple", "none")).of(Item) == {"apple": APPLE}
    assert load(store, ids(Item, "apple", look=True)).of(Item) == {"apple": APPLE}
    assert load(store, where(Item, holder="bob")).of(Item) == {"bread": BREAD}
    assert load(store, where(Item, when="lying", kind="loaf")).of(Item) == {"cheese": CHEESE}
    around = near(Body, "ada", (Item,), sight)
    assert load(store, ids(Body, "ada"), around).of(Item) == {"apple": APPLE}
    assert load(store, near(Body, "ada", (Item,), sight, lock_most=3)).of(Item) == {"apple": APPLE}
    loaves, kinds_of_items = count(Item, kind="loaf"), distinct(Item, "kind")
    first, last = values(Item, "kind", 2), newest(Item, 1, "id", kind="loaf")
    lying, after = count(Item, when="lying"), portion(Item, 1, "id", "apple")
    state = load(store, loaves, kinds_of_items, first, last, lying, after)
    assert (state.count(loaves), state.count(lying)) == (2, 2)
    assert (set(state.values(kinds_of_items)), state.values(first)) == ({"fruit", "loaf"}, ("fruit", "loaf"))
    assert (state.found(last), state.found(after)) == ((CHEESE,), (BREAD,))
    assert state.of(Item) == {}


def test_of_two_who_take_it_one_gets_it_and_only_what_changed_is_written(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    real = rows_module.Rows.change

    def change(self: Any, table: Any, columns: tuple[str, ...], rows: Any) -> None:
        written.append((table.name, columns, list(rows)))
        real(self, table, columns, rows)

    monkeypatch.setattr(rows_module.Rows, "change", change)
    takes = [workshop.tell(body, Take(item="apple", seq=n)) for n, body in ((1, ADA), (2, BOB))]
    answers = replies(workshop.apply(*takes))
    assert answers[1]["data"] == {"items": ["apple"]}
    assert answers[2]["code"] == "no_such_item"
    assert [of for of in written if of[0] == "items"] == [("items", ("holder",), [("ada", "apple")])]
    assert workshop.store.get(Item, "apple") == replace(APPLE, holder="ada")


def test_what_was_only_looked_at_is_not_written(workshop: Workshop) -> None:
    (held,) = workshop.apply(workshop.tell(ADA, Snatch(item="apple", seq=1))).held
    assert str(held.cause).startswith("not_locked: Item 'apple' is to be written and was not locked")
    assert workshop.store.get(Item, "apple") == APPLE


def test_it_is_dropped_made_anew_and_copied_to_another_database(workshop: Workshop, url: str, tmp_path: Path) -> None:
    with workshop.store.transaction() as transaction:
        transaction.load([(ids(Item, "apple", "new"),)])
        transaction.save([Item(id="new", kind="fruit")], [APPLE])
    workshop.store.close()
    other = f"sqlite:///{tmp_path / 'other.sqlite'}"
    migrate(other)
    with_tables(other)
    tables: dict[str, int] = {}
    copy(url, other, NOW_MS, lambda copied: tables.update({copied.table: copied.rows}))
    assert tables["items"] == len(ALL)
    moved = Store(other, WORLD)
    assert moved.get(Item, "apple") is None
    assert moved.get(Item, "new") == Item(id="new", kind="fruit")
    moved.close()


SHELVED, POURED = Shelve(item="bread"), Pour(jar="flour", into="more")


def played(event: Any, rule: Any = None) -> Outcome:
    """Play an event of Bob's by the book, or by another rule."""
    with pytest.MonkeyPatch.context() as patch:
        if rule is not None:
            patch.setitem(rules(), event.spec.name, rule_(needs=lambda event, context: ())(rule))
        return play(event, state(BOB, BREAD, FLOUR, MORE_FLOUR), circumstances(BOB))


def test_what_goes_from_one_entity_to_another_is_conserved_and_what_is_eaten_may_go() -> None:
    assert played(SHELVED).put == (Shelved(id="bread", kind="loaf"),)
    assert played(POURED).put == (replace(FLOUR, grams=0), replace(MORE_FLOUR, grams=700))
    assert played(Eat(jar="flour")).put == (replace(FLOUR, grams=0),)


WRONG_RULES: dict[str, tuple[Any, Outcome]] = {
    "items.shelve made 1 of items 'bread', and is no source of it": (
        SHELVED,
        Outcome(put=(Shelved(id="bread", kind="loaf"),)),
    ),
    "items 'bread' is in 2 places": (SHELVED, Outcome(put=(Shelved(id="bread", kind="loaf"),))),
    "items.shelve destroyed 1 of items 'bread', and is no sink of it": (SHELVED, Outcome(drop=(BREAD,))),
    "items.shelve destroyed 500 of stocks 'flour'": (SHELVED, Outcome(put=(replace(FLOUR, grams=0),))),
    "items.pour made 500 of stocks 'flour'": (POURED, Outcome(put=(replace(MORE_FLOUR, grams=700),))),
    "items.pour destroyed 500 of stocks 'flour'": (POURED, Outcome(put=(replace(FLOUR, kind="sugar"),))),
    "items.pour made 500 of stocks 'sugar'": (POURED, Outcome(put=(replace(FLOUR, kind="sugar"),))),
    "there is less than nothing of stocks 'flour': -100": (POURED, Outcome(put=(replace(FLOUR, grams=-300),))),
    "items.eat made 1 of stocks 'flour', and is no source": (
        Eat(jar="flour"),
        Outcome(put=(replace(FLOUR, grams=501),)),
    ),
}


@pytest.mark.parametrize("sentence", WRONG_RULES)
def test_a_rule_that_forgets_or_destroys_is_found_by_its_scene(sentence: str) -> None:
    event, outcome = WRONG_RULES[sentence]
    with pytest.raises(AssertionError, match=re.escape(sentence)):
        played(event, lambda state, event, context: outcome)


LABEL, WEAR = Label(id="bread", text="fresh"), Wear(id="bread", uses=3)
PARTS = {
    "by id": (ids(Item, "bread"), ids(Label, "bread"), ids(Wear, "bread")),
    "by a field": (where(Item, components=(Label, Wear), holder="bob"),),
}


@pytest.mark.parametrize("selection", PARTS)
@pytest.mark.parametrize("memory", [False, True], ids=["database", "simulation"])
def test_what_stands_in_one_row_is_read_locked_and_written_as_entities_of_their_own(
    workshop: Workshop, memory: bool, selection: str
) -> None:
    store: Any = workshop.store
    if memory:
        store = MemoryStore(WORLD)
        with store.transaction() as transaction:
            transaction.save([BREAD], [])
    with store.transaction() as transaction:
        state = transaction.load([PARTS[selection]])
        assert (state.of(Label), state.of(Wear)) == ({"bread": Label(id="bread")}, {"bread": Wear(id="bread")})
        transaction.check_writable(LABEL)
        transaction.save([replace(BREAD, holder="eve"), LABEL, WEAR], [])
    with store.transaction() as transaction:
        transaction.load([(ids(Label, "bread"),)])
        transaction.save([replace(LABEL, text="old")], [])
    assert store.get(Item, "bread") == replace(BREAD, holder="eve")
    assert (store.get(Label, "bread"), store.get(Wear, "bread")) == (replace(LABEL, text="old"), WEAR)


def test_a_row_that_several_entities_share_is_written_once(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr(
        rows_module.Rows, "change", lambda self, table, names, rows: written.append((table.name, names, rows))
    )
    with workshop.store.transaction() as transaction:
        transaction.load([PARTS["by id"]])
        transaction.save([replace(BREAD, holder="eve"), LABEL], [])
    assert written == [("items", ("holder", "text"), [("eve", "fresh", "bread")])]


def test_of_a_row_whose_owner_was_not_loaded_only_the_components_fields_are_written(workshop: Workshop) -> None:
    with workshop.store.transaction() as transaction:
        assert "bread" not in transaction.load([(ids(Label, "bread"),)]).of(Item)
        with pytest.raises(Corrupt, match="not_locked"):
            transaction.check_writable(replace(BREAD, holder="eve"))
        transaction.save([LABEL], [])
    assert (workshop.store.get(Item, "bread"), workshop.store.get(Label, "bread")) == (BREAD, LABEL)


def test_what_stands_in_its_owners_row_goes_with_it_and_not_alone(workshop: Workshop) -> None:
    with workshop.store.transaction() as transaction:
        transaction.load([PARTS["by id"]])
        with pytest.raises(Corrupt, match="not_whole"):
            transaction.save([], [LABEL])
    with workshop.store.transaction() as transaction:
        transaction.load([PARTS["by id"]])
        transaction.save([], [BREAD])
    assert [workshop.store.get(kind, "bread") for kind in (Item, Label, Wear)] == [None] * 3


def test_a_player_begins_as_the_game_says(workshop: Workshop) -> None:
    workshop.apply(entrance(workshop, Register(name="Zoe", password="long enough", seq=1), "Zoe"))
    assert workshop.coins("zoe") == 7
