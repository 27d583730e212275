"""Entities are declared soundly, or refused with file and line."""

import re
from pathlib import Path
from typing import Any

import pytest

from gameserver.declare.entity import (
    DECLARED,
    Entity,
    Index,
    Keep,
    Often,
    Place,
    actor_kind,
    begun,
    entity,
    kinds,
    refuse_doubles,
)
from gameserver.declare.field_conditions import Field, Ids, all_of, any_of, meets, test
from gameserver.declare.game_package import Game
from gameserver.errors import Corrupt
from gameserver.modules.combat.entities import Health
from gameserver.modules.sessions.entities import Gateway, Player
from gameserver.modules.trade.entities import Purse
from gameserver.rules.needs import count, ids, matching, near, where
from tests.pantry.items.entities import Item


@pytest.fixture(autouse=True)
def forgotten() -> Any:
    """What a test declares is forgotten after it."""
    before = list(DECLARED)
    yield
    DECLARED[:] = before


def chest(**declared: Any) -> Any:
    """Declare an entity with these arguments."""

    @entity(**declared)
    class OakChest(Entity, frozen=True):
        """A chest."""

        id: str
        zone: str
        x: int
        y: int
        gold: int = 0
        later: str = ""

    return OakChest


BAD: dict[str, dict[str, Any]] = {
    "silver is no field of it": {"indexes": ("silver",)},
    "full is no condition of it": {"indexes": (Index(("zone",), when="full"),)},
    "the engine has a table outbox of its own": {"table": "outbox"},
    "often names its own table again": {"table": "a", "often": Often("a", ("x",))},
    "often can't hold the id": {"often": Often("a", ("id",))},
    "a place is a text and two numbers": {"place": Place("x", "zone", "y")},
    "newest needs per": {"keep": Keep(by="gold", newest=3)},
    "an actor has a text session": {"actor": True},
    "x was added and needs a default": {"added": ("x",)},
    "zone needs a default": {"of": Player},
    "what stands within its owner's rows needs an owner: of=...": {"within": True},
    "Item has a field zone in the same row": {"of": Item, "within": True},
    "Gateway has no table oak_chests": {"of": Gateway, "within": True, "table": "oak_chests"},
    "Purse is a component itself": {"of": Purse},
    "a component is no actor and no session, and is kept and written as its owner is": {
        "of": Player,
        "first_come": True,
    },
    "an index can't reach x, which changes often": {"often": Often("a", ("x",)), "indexes": ("x",)},
}


@pytest.mark.parametrize("fault", BAD)
def test_a_contradiction_is_refused_with_file_and_line(fault: str) -> None:
    with pytest.raises(Corrupt) as refusal:
        chest(**BAD[fault])
    assert refusal.value.code == "bad_declaration"
    assert re.search(r"tests/unit/declare/test_entity\.py:\d+: OakChest: " + re.escape(fault), str(refusal.value))


def test_an_entity_has_an_id_first_a_docstring_and_columns_that_databases_take() -> None:
    class Nothing(Entity, frozen=True):
        """It has no id."""

        name: str

    class Silent(Entity, frozen=True):
        id: str

    class Odd(Entity, frozen=True):
        """It has a list."""

        id: str
        parts: list[str]

    class Loose(Entity, frozen=False):  # type: ignore[misc]
        """It changes."""

        id: str

    class Shadowed(Entity, frozen=True):
        """It has a field that selections take."""

        id: str
        when: str

    for kind, fault in (
        (Nothing, "first field"),
        (Silent, "docstring"),
        (Odd, "parts is list"),
        (Loose, "frozen"),
        (Shadowed, "called when"),
    ):
        with pytest.raises(Corrupt, match=fault):
            entity()(kind)


def test_its_table_is_named_after_it() -> None:
    assert chest().spec.table == "oak_chests"
    assert chest(often=Often("steps", ("x", "y"))).spec.tables == {
        "oak_chests": ("id", "zone", "gold", "later"),
        "steps": ("id", "x", "y"),
    }


def test_two_entities_of_one_name_or_table_are_refused() -> None:
    with pytest.raises(Corrupt, match="Two entities have the name OakChest"):
        refuse_doubles(_two_of_a_name())
    with pytest.raises(Corrupt, match="Two entities have the table players"):
        refuse_doubles([Player, chest(table="players")])


def _two_of_a_name() -> list[Any]:
    first = chest(table="a")

    @entity(table="b")
    class OakChest(Entity, frozen=True):
        """Another."""

        id: str

    return [first, OakChest]


def test_the_games_entities_are_gathered_in_the_order_of_locking() -> None:
    names = [kind.__name__ for kind in kinds()]
    assert names == [
        "ZoneClock",
        "Account",
        "Session",
        "Gateway",
        "Player",
        "Body",
        "Membership",
        "ChatLine",
        "Health",
        "Strength",
        "Duel",
        "Creature",
        "Purse",
        "SharedPlace",
        "Item",
        "Side",
        "Vault",
        "Letter",
        "Lot",
        "Owed",
        "Shelf",
        "Group",
        "Member",
        "Invitation",
        "Journal",
        "Deeds",
        "Opening",
        "Instance",
        "Builder",
        "Drawing",
        "Change",
    ]
    assert actor_kind() is Player


@pytest.mark.parametrize(
    ("select", "fault"),
    [
        (lambda: ids(Player, 7), "Player.id is str, not int"),  # type: ignore[arg-type]
        (lambda: where(Player, strength=7), "not by 'strength'"),
        (lambda: where(Player, name="a", conn="b"), "selected by one field"),
        (lambda: where(Player, when="asleep", name="a"), "no condition 'asleep'"),
        (lambda: count(Health, hp="many"), "Health.hp is int, not str"),
        (lambda: near(Player, "ada", (kinds()[1],), lambda body: ("a", 0, 0, 0, 0)), "Account has no place"),
        (lambda: matching(Player, test("name", "==", "a"), 9, session=kinds()[2]), "Session is locked before Player"),
        (lambda: ids(object, "a"), "is not declared with @entity"),  # type: ignore[type-var]
        (lambda: test("zone", "like", "a"), "'like' is none of"),  # type: ignore[arg-type]
    ],
)
def test_a_selection_that_cannot_be_is_refused_where_it_is_made(select: Any, fault: str) -> None:
    with pytest.raises(TypeError, match=re.escape(fault)):
        select()


def test_conditions_are_evaluated_as_they_are_written() -> None:
    kind = chest()
    full = kind(id="a", zone="z", x=1, y=1, gold=9)
    others = {kind: [full, kind(id="b", zone="w", x=2, y=1)]}.__getitem__
    for condition, true in (
        (test("x", ">=", Field("y")), True),
        (test("x", ">", Field("y")), False),
        (all_of(test("gold", "<=", 9), test("zone", "starts with", "z")), True),
        (any_of(test("gold", "<", 9), test("zone", "!=", "z")), False),
        (test("id", "not in", Ids(kind, test("zone", "==", "w"))), True),
        (test("id", "not in", Ids(kind, test("zone", "==", "z"))), False),
    ):
        assert meets(condition, full, others) == true


def test_a_component_whose_owner_the_game_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [kind for kind in DECLARED if kind is not Player]
    monkeypatch.setattr("gameserver.declare.entity.DECLARED", there)
    with pytest.raises(
        Corrupt, match=r"bad_game: \S*movement/entities\.py:\d+: Body is a component of Player, which this"
    ):
        kinds.__wrapped__()


def test_a_game_says_once_how_a_component_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = Game(modules=(), world=Path(), begins=(Purse(id="", coins=1), Purse(id="", coins=2)))
    monkeypatch.setattr("gameserver.declare.entity.game", lambda: twice)
    with pytest.raises(Corrupt, match="begins names Purse twice"):
        begun.__wrapped__()


def test_what_a_game_begins_with_must_be_components_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Game(modules=(), world=Path(), begins=(Player(id="", name=""),))
    monkeypatch.setattr("gameserver.declare.entity.game", lambda: odd)
    with pytest.raises(Corrupt, match=r"bad_game: .*: begins names Player.*, which is no component of this game"):
        begun.__wrapped__()
    monkeypatch.setattr(
        "gameserver.declare.entity.game", lambda: Game(modules=(), world=Path(), begins=(Purse(id=""),))
    )
    assert begun.__wrapped__() == {Purse: Purse(id="")}
