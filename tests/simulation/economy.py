"""What players of an economy do, with things that lie, are carried, and are kept by bank, post and market.

A player knows what the database holds: what it does is likely to be something that may be done, or just may not.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from gameserver.declare.entity import Entity
from gameserver.maps.objects import Placed
from gameserver.modules.achievements.achievement_kinds import ACHIEVEMENTS
from gameserver.modules.achievements.entities import Deeds
from gameserver.modules.achievements.rules import counts_of, earned_of
from gameserver.modules.bank import maps as bank_maps
from gameserver.modules.bank.rules import in_bank, in_chest
from gameserver.modules.barter.entities import Side
from gameserver.modules.crafting.maps import Workshop
from gameserver.modules.crafting.recipes import RECIPES, WORKSHOPS
from gameserver.modules.items.entities import Item
from gameserver.modules.items.kinds import KINDS
from gameserver.modules.items.things import inside, worn_by
from gameserver.modules.market.entities import Lot
from gameserver.modules.market.maps import Stall
from gameserver.modules.market.rules import in_lot
from gameserver.modules.post.entities import Letter
from gameserver.modules.post.rules import WAITS_MS, mail_of
from gameserver.modules.quests.quest_kinds import QUESTS, Quest
from gameserver.modules.shops.goods import SHOPS, Wanted
from gameserver.modules.shops.maps import Shop
from gameserver.testing.effect_log import Entry

CHEST = "field.chest.2"
OBJECTS = (
    Placed("field.counter.1", 1, 1, bank_maps.Counter()),
    Placed(CHEST, 4, 3, bank_maps.Chest(holds=3)),
    Placed("field.stall.3", 1, 2, Stall()),
    Placed("field.shop.4", 1, 3, Shop(shop="store")),
    Placed("field.shop.5", 1, 4, Shop(shop="smithy")),
    *(Placed(f"field.workshop.{n}", 2, n, Workshop(kind=kind)) for n, kind in enumerate(WORKSHOPS, 1)),
)
# What its rules say no with.
CODES = frozenset(
    {
        "bid_too_low",
        "collect_first",
        "has_bids",
        "holds_things",
        "no_bids",
        "no_container",
        "no_offer",
        "no_price",
        "no_such_letter",
        "no_such_lot",
        "no_such_recipe",
        "no_such_thing",
        "not_alive",
        "not_bought",
        "not_sold",
        "not_wearable",
        "not_yours",
        "offer_changed",
        "offline",
        "own_lot",
        "sold_out",
        "taken",
        "too_few_things",
        "too_many_bids",
        "too_many_letters",
        "too_many_lots",
        "too_many_things",
        "unhurt",
        "useless",
    }
)
STACKS = {"apple": 9, "wood": 10, "coal": 5, "iron_ore": 6}
LOT_S, LETTER_S = 40, 20  # so long after the beginning the first lot closes, and the first letter goes back


def furnish(names: list[str], zone: str, now_ms: int) -> list[Entity]:
    """What is there when the story begins."""
    things: list[Entity] = []
    for kind, count in STACKS.items():
        things += [Item(id=f"{name}'s {kind}", kind=kind, count=count, holder=name) for name in names]
    things += [Item(id=f"{name}'s {kind}", kind=kind, holder=name) for name in names for kind in ("knife", "pouch")]
    things += [Item(id=f"lost {n}", kind="short_sword", zone=zone, x=4, y=4) for n in range(3)]
    things += [
        Item(id="lotted", kind="axe", holder=in_lot(f"{names[0]}/first")),
        Lot(
            id=f"{names[0]}/first",
            seller=names[0],
            thing="lotted",
            kind="axe",
            price=90,
            least=1,
            until_ms=now_ms + LOT_S * 1000,
        ),
        Item(id="mailed", kind="club", holder=mail_of(names[1])),
        Letter(
            id="old",
            receiver=names[1],
            sender=names[2],
            text="x",
            things='["mailed"]',
            at_ms=now_ms + LETTER_S * 1000 - WAITS_MS,
        ),
    ]
    return things


class Trader:
    """Chooses what a player does next, of what ``store`` holds."""

    def __init__(self, rng: Random, store: Any, name: str, others: list[str]) -> None:
        self._rng = rng
        self._store = store
        self._name = name
        self._others = others
        self._deeds: list[Callable[[], dict[str, Any]]] = [
            *(lambda: self._thing("take", ""),) * 2,
            lambda: self._thing("drop", self._name),
            lambda: self._thing("use", self._name),
            lambda: self._thing("equip", self._name),
            lambda: self._thing("unequip", worn_by(self._name)),
            lambda: {**self._thing("split", self._name), "count": self._rng.randint(1, 3)},
            lambda: {**self._thing("giveitem", self._name), "to": self._other()},
            lambda: {**self._thing("stow", self._name), "into": self._pouch},
            lambda: {**self._thing("fetch", inside(self._pouch)), "out_of": self._pouch},
            *(self._offer,) * 4,
            *(self._accept,) * 5,
            lambda: {"type": "retract", "to": self._other()},
            lambda: {"type": "deposit", "coins": self._rng.randint(1, 40)},
            lambda: {"type": "withdraw", "coins": self._rng.randint(1, 40)},
            lambda: self._thing("store", self._name),
            lambda: self._thing("retrieve", in_bank(self._name)),
            lambda: {**self._thing("putin", self._name), "chest": CHEST},
            *(lambda: {**self._thing("takeout", in_chest(CHEST)), "chest": CHEST},) * 2,
            *(self._post,) * 2,
            *(lambda: {"type": "openletter", "letter": self._letter()},) * 2,
            lambda: {**self._thing("sell", self._name), "price": self._rng.randint(0, 30), "least": 1},
            lambda: {"type": "buy", "lot": self._lot()},
            *(lambda: {"type": "bid", "lot": self._lot(), "coins": self._rng.randint(1, 30)},) * 3,
            lambda: {"type": "unlist", "lot": self._lot()},
            *(lambda: {"type": "collect"},) * 2,
            lambda: {"type": "craft", "recipe": self._rng.choice(("plank", "stick", "iron_bar", "x"))},
            lambda: {"type": "buyfrom", "shop": "store", "kind": "apple", "count": self._rng.randint(1, 4)},
            lambda: {**self._thing("sellto", self._name), "shop": "store"},
        ]

    def choose(self) -> tuple[str, dict[str, Any]]:
        """The next event and its fields."""
        fields = self._rng.choice(self._deeds)()
        return fields.pop("type"), fields

    @property
    def _pouch(self) -> str:
        return f"{self._name}'s pouch"

    def _other(self) -> str:
        return self._rng.choice(self._others)

    def _ids(self, kind: type[Entity], **equal: Any) -> list[str]:
        found = self._store.things[kind].values()
        return sorted(one.id for one in found if all(getattr(one, name) == value for name, value in equal.items()))

    def _one(self, ids: list[str]) -> str:
        return self._rng.choice(ids) if ids else "nothing"

    def _thing(self, event: str, holder: str) -> dict[str, Any]:
        return {"type": event, "thing": self._one(self._ids(Item, holder=holder))}

    def _letter(self) -> str:
        return self._one(self._ids(Letter, receiver=self._name))

    def _lot(self) -> str:
        return self._one(self._ids(Lot))

    def _some(self) -> list[str]:
        mine = self._ids(Item, holder=self._name)
        return self._rng.sample(mine, min(len(mine), self._rng.randint(0, 2)))

    def _offer(self) -> dict[str, Any]:
        wooer = self._one(self._ids(Side, partner=self._name))  # who offers me something gets an answer
        to = wooer if wooer in self._others else self._other()
        return {"type": "offer", "to": to, "things": self._some(), "coins": self._rng.randint(0, 20)}

    def _accept(self) -> dict[str, Any]:
        side = self._store.things[Side].get(self._one(self._ids(Side, partner=self._name)))
        if side is None:
            return self._offer()
        return {"type": "accept", "to": side.id, "version": max(1, side.version)}

    def _post(self) -> dict[str, Any]:
        enclosed = {"things": self._some(), "coins": self._rng.randint(0, 20)}
        return {"type": "post", "to": self._other(), "text": "x", **enclosed}


def unpaid(entries: Iterable[Entry]) -> Iterator[str]:
    """Find what was made without what it takes: by crafting, and in shops.

    Conservation lets sources make and sinks destroy; that they do so at the rates of the data files is to be seen here.
    """
    for entry in entries:
        rates = RATES.get(entry.task)
        if rates is not None and _rate(entry) not in rates:
            yield f"{entry.id}: {entry.task} changed {entry.changes}, which is no rate of its data file"


def _rate(entry: Entry) -> frozenset[tuple[str, int]]:
    """What an event made and destroyed: coins, stacks by their kinds, other things by their number."""
    found: Counter[str] = Counter()
    for name, which, n in entry.changes:
        found[which if name == "stacks" else name] += n
    return frozenset((name, n) for name, n in found.items() if n)


def _changes(coins: int, kinds: dict[str, int]) -> frozenset[tuple[str, int]]:
    found = Counter({"coins": coins})
    for kind, n in kinds.items():
        found[kind if KINDS[kind].stacks else "things"] += n
    return frozenset((name, n) for name, n in found.items() if n)


def _prices(wanted: Wanted) -> Iterator[frozenset[tuple[str, int]]]:
    """What a shop may pay for a stack of a kind, or for a thing that was used so often."""
    kind = KINDS[wanted.item]
    if kind.stacks:
        yield from (_changes(wanted.price * n, {kind.name: -n}) for n in range(1, kind.stack + 1))
    else:
        uses = kind.uses or 1
        yield from (_changes(wanted.price * left // uses, {kind.name: -1}) for left in range(1, uses + 1))


def _paid(quest: Quest) -> frozenset[tuple[str, int]]:
    """What a quest makes and destroys, of a kind that it both takes and pays what is left."""
    kinds = Counter(quest.items)
    kinds.subtract(quest.brings)
    paid = _changes(quest.coins, dict(kinds))
    return paid | {("experience", quest.xp)} if quest.xp else paid


RATES = {
    "quests.turnin": {_paid(quest) for quest in QUESTS.values()},
    "crafting.craft": {
        _changes(0, {recipe.makes: recipe.count, **{kind: -n for kind, n in recipe.needs.items()}})
        for recipe in RECIPES.values()
    },
    "shops.buyfrom": {
        _changes(-ware.price * n, {ware.item: n})
        for shop in SHOPS.values()
        for ware in shop.sells
        for n in range(1, KINDS[ware.item].stack + 1)
    },
    "shops.sellto": {rate for shop in SHOPS.values() for wanted in shop.buys for rate in _prices(wanted)},
    # One piece of a stack, the last use of a thing, or one of its uses.
    "items.use": {frozenset(), *(_changes(0, {kind.name: -1}) for kind in KINDS.values() if kind.is_used)},
}


# Deeds of which each is counted, by the event that is one. Of what nothing is left to earn nothing is counted any more.
COUNTED = {
    "crafted": "crafting.craft",
    "quests": "quests.turnin",
    "bought": "shops.buyfrom",
    "sold": "shops.sellto",
    "letters": "post.post",
}


def miscounted(entries: Iterable[Entry], deeds: Iterable[Deeds]) -> Iterator[str]:
    """Find deeds that are counted otherwise than they were done."""
    done = Counter(task for task, _ in {(entry.task, entry.id) for entry in entries})
    of_each = list(deeds)
    for deed, task in COUNTED.items():
        due = [one for one in ACHIEVEMENTS.values() if one.counts == deed and not one.of]
        if not due or any(earned_of(one).keys() >= {each.name for each in due} for one in of_each):
            continue
        counted = sum(counts_of(one).get(deed, 0) for one in of_each)
        if counted != done[task]:
            yield f"{task} was done {done[task]} times, and counted {counted} times"
