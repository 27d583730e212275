"""What has room for so many holds no more, when two come at the same moment: on each database, by real transactions.

PostgreSQL looks for rows before it waits for those that another transaction has locked, and so misses what came
meanwhile. Each place is therefore guarded by a row that is locked before what is in it is selected.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event as Flag
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from gameserver.declare.base import Event
from gameserver.declare.entity import Entity
from gameserver.errors import Retryable
from gameserver.game import Needs, where
from gameserver.maps.objects import Placed, World, instance_name
from gameserver.modules.bank.events import PutIn, Store
from gameserver.modules.bank.maps import Chest, Counter
from gameserver.modules.bank.rules import STORED_MAX, in_bank, in_chest
from gameserver.modules.groups.entities import Group, Invitation, Member
from gameserver.modules.groups.events import AcceptInvite
from gameserver.modules.groups.rules import MEMBERS_MAX
from gameserver.modules.instances.entities import ALL, Instance, Opening
from gameserver.modules.instances.events import Enter
from gameserver.modules.instances.maps import Gate, Stay
from gameserver.modules.items.entities import Item, SharedPlace
from gameserver.modules.items.events import GiveItem, Stow, Take
from gameserver.modules.items.tests.worlds import on_ground, thing
from gameserver.modules.items.things import CARRIED_MAX, inside
from gameserver.modules.market.entities import Lot
from gameserver.modules.market.events import Sell
from gameserver.modules.market.maps import Stall
from gameserver.modules.market.rules import LOTS_MAX
from gameserver.modules.post.entities import Letter
from gameserver.modules.post.events import LETTERS_MAX, Post
from gameserver.rules.outcome import rule
from gameserver.testing.two_zones import MEADOW, NOW_MS, TOWN, player
from tests.unit.processing import workshop
from tests.unit.processing.workshop import ADA, BOB, Workshop, replies
from tests.unit.store.test_locks import WAIT_S_MAX, someone_waits, wait_until

CHEST = "meadow.chest.9"
DEN = replace(TOWN, name="den", objects=(TOWN.objects[1],), properties=(Stay(visitors_max=1),))
OBJECTS = (
    Placed(CHEST, 12, 12, Chest(holds=3)),
    Placed("meadow.counter.8", 1, 1, Counter()),
    Placed("meadow.stall.7", 1, 2, Stall()),
    Placed("meadow.gate.6", 12, 11, Gate("den")),
)
ROOMY = World(
    zones={"meadow": replace(MEADOW, objects=(*MEADOW.objects, *OBJECTS)), "town": TOWN},
    start="meadow",
    templates={"den": DEN},
)
EVE = player("Eve", x=11)
OTHERS = [player(f"P{n}", x=n) for n in range(MEMBERS_MAX - 2)]
OF_ADA, OF_BOB = thing("axe", "axe"), thing("club", "club", "bob")


class Room(NamedTuple):
    """``things``: what is there before; ``needs`` selects what counts of it; ``first``, ``second``: whose event."""

    most: int
    needs: Needs
    things: list[Entity]
    first: tuple[Any, Event]
    second: tuple[Any, Event]
    counts: Callable[[Any], int] = lambda rows: len(rows)


def sticks(holder: str, count: int) -> list[Entity]:
    return [thing(f"stick{n:02}", "stick", holder) for n in range(count)]


def full_group() -> list[Entity]:
    names = ["ada", *(one.id for one in OTHERS)]
    members = [Member(id=name, in_group="g:1", look_ms=2**50) for name in names]
    asked = [Invitation(id=name, by="ada", until_ms=NOW_MS + 1000) for name in ("bob", "eve")]
    return [Group(id="g:1", members="").of(names), *members, *asked]


def den(*, is_open: bool) -> list[Entity]:
    group = Group(id="g:1", members="").of(["ada", "bob"])
    members = [Member(id=name, in_group="g:1", look_ms=2**50) for name in ("ada", "bob")]
    opened = Instance(
        id=instance_name("den", 1), template="den", owner="g:1", gate_zone="meadow", gate_x=1, gate_y=1, ends_ms=2**50
    )
    return [group, *members, Opening(id=ALL, last=1), *([opened] if is_open else [])]


def puts_in(who: Any, id_: str) -> tuple[Any, Event]:
    return who, PutIn(thing=id_, chest=CHEST, seq=1)


BOTH_IN_CHEST = (puts_in(ADA, "axe"), puts_in(BOB, "club"))
ROOMS: dict[str, Room] = {
    "a chest": Room(
        3,
        where(Item, holder=in_chest(CHEST)),
        [*sticks(in_chest(CHEST), 2), SharedPlace(id=CHEST, turn=1), OF_ADA, OF_BOB],
        *BOTH_IN_CHEST,
    ),
    "a chest that nobody has used": Room(
        3, where(Item, holder=in_chest(CHEST)), [*sticks(in_chest(CHEST), 2), OF_ADA, OF_BOB], *BOTH_IN_CHEST
    ),
    "the hands of a third": Room(
        CARRIED_MAX,
        where(Item, holder="eve"),
        [*sticks("eve", CARRIED_MAX - 1), OF_ADA, OF_BOB],
        (ADA, GiveItem(thing="axe", to="Eve", seq=1)),
        (BOB, GiveItem(thing="club", to="Eve", seq=1)),
    ),
    "one's own hands": Room(
        CARRIED_MAX,
        where(Item, holder="eve"),
        [*sticks("eve", CARRIED_MAX - 1), OF_ADA, on_ground("sword")],
        (ADA, GiveItem(thing="axe", to="Eve", seq=1)),
        (EVE, Take(thing="sword", seq=1)),
    ),
    "a pouch": Room(
        6,
        where(Item, holder=inside("pouch")),
        [thing("pouch", "pouch"), *sticks(inside("pouch"), 5), OF_ADA, thing("club", "club")],
        (ADA, Stow(thing="axe", into="pouch", seq=1)),
        (ADA, Stow(thing="club", into="pouch", seq=2)),
    ),
    "the bank": Room(
        STORED_MAX,
        where(Item, holder=in_bank("ada")),
        [*sticks(in_bank("ada"), STORED_MAX - 1), OF_ADA, thing("club", "club")],
        (ADA, Store(thing="axe", seq=1)),
        (ADA, Store(thing="club", seq=2)),
    ),
    "a mailbox": Room(
        LETTERS_MAX,
        where(Letter, receiver="eve"),
        [Letter(id=f"l{n}", receiver="eve", sender="Bob", text="") for n in range(LETTERS_MAX - 1)],
        (ADA, Post(to="Eve", text="x", seq=1)),
        (BOB, Post(to="Eve", text="x", seq=1)),
    ),
    "the market": Room(
        LOTS_MAX,
        where(Lot, seller="ada"),
        [
            *(
                Lot(id=f"ada/{n}", seller="ada", thing=f"stick{n:02}", kind="stick", until_ms=2**50)
                for n in range(LOTS_MAX - 1)
            ),
            OF_ADA,
            thing("club", "club"),
        ],
        (ADA, Sell(thing="axe", price=1, least=0, hours=1, seq=1)),
        (ADA, Sell(thing="club", price=1, least=0, hours=1, seq=2)),
    ),
    "a group": Room(
        MEMBERS_MAX,
        where(Member, in_group="g:1"),
        full_group(),
        (BOB, AcceptInvite(by="Ada", seq=1)),
        (EVE, AcceptInvite(by="Ada", seq=1)),
    ),
    "an instance": Room(
        1,
        where(Instance, template="den"),
        den(is_open=True),
        (ADA, Enter(template="den", seq=1)),
        (BOB, Enter(template="den", seq=1)),
        lambda rows: max(len(one.came_from) for one in rows),
    ),
    "an instance that nobody has opened": Room(
        1,
        where(Instance, template="den"),
        den(is_open=False),
        (ADA, Enter(template="den", seq=1)),
        (BOB, Enter(template="den", seq=1)),
        lambda rows: sum(len(one.came_from) for one in rows),
    ),
}


@pytest.fixture
def shops(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workshop, Workshop]]:
    """Two processes on one database."""
    monkeypatch.setattr(workshop, "WORLD", ROOMY)
    made = Workshop(migrated_url), Workshop(migrated_url)
    yield made
    for one in made:
        one.store.close()


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def stops_after(shop: Workshop, name: str) -> tuple[Flag, Flag]:
    """Let a process stop when its rule has decided, before anything is written. Returns "it has", and "go on"."""
    decided, go_on = Flag(), Flag()
    real: Any = shop.rules[name]

    @rule(needs=real.needs, prepare=real.prepare, components=real.components)
    def stopping(state: Any, event: Any, context: Any) -> Any:
        outcome = real(state, event, context)
        decided.set()
        assert go_on.wait(WAIT_S_MAX)
        return outcome

    shop.rules[name] = stopping
    return decided, go_on


def answer(shop: Workshop, who: Any, event: Event) -> str:
    """Do it, again after a conflict, as workers do. Gives "ok" or the code of the refusal."""
    while True:
        try:
            (reply,) = replies(shop.apply(shop.tell(who, event))).values()
        except Retryable:
            continue
        return str(reply.get("code", "ok"))


def waits_or_is_over(shop: Workshop, other: Future[Any]) -> bool:
    """Whether the second one has come as far as it can. SQLite's writers wait where nobody sees it."""
    return other.done() or shop.store._engine.dialect.name == "sqlite" or someone_waits(shop.store)


@pytest.mark.parametrize("place", ROOMS)
def test_of_two_for_whom_one_has_room_one_comes_in(
    shops: tuple[Workshop, Workshop], beside: ThreadPoolExecutor, place: str
) -> None:
    room = ROOMS[place]
    one, other = shops
    one.enter(ADA, BOB, EVE, *OTHERS)
    one.put(*room.things)
    decided, go_on = stops_after(one, room.first[1].spec.name)
    first = beside.submit(answer, one, *room.first)
    wait_until(lambda: decided.is_set() or first.done())
    second = beside.submit(answer, other, *room.second)
    wait_until(lambda: waits_or_is_over(other, second))
    go_on.set()
    answers = [first.result(WAIT_S_MAX), second.result(WAIT_S_MAX)]
    assert answers.count("ok") == 1, answers
    with one.store.transaction() as transaction:
        rows = list(transaction.load([(room.needs,)]).of(room.needs.kind).values())
    assert room.counts(rows) == room.most
