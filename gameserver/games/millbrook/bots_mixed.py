"""How bots play all of Millbrook, without I/O: they walk, fight and talk, and trade in every way that there is.

A bot knows what it was told: what lies near, what it carries, who offers it what, which letters and lots there are.
What it does not know it asks for now and then. It tries what may be refused, too: refusals are part of the game.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from gameserver.client.bots.profile import BotProfile
from gameserver.games.millbrook.bots import REFUSALS, Being, Wanderer

WANDERS = 0.4
GUESSES = 0.1  # how likely a bot names something that it does not know of, instead of asking
NEAR = 8  # tiles
TALKS = 3  # tiles
KNOWN_MAX = 50  # things, letters or lots that a bot keeps in mind
COINS_MAX = 12  # that it offers, bids or sends at once
CHESTS = ("town.chest.23", "harbour.chest.10")
# What is worth buying: shop and kind.
WARES = (("store", "apple"), ("store", "wood"), ("store", "thread"), ("smithy", "coal"), ("store", "stick"))
POUCH = ("store", "pouch")
SHOPS = ("store", "smithy", "fishmonger", "jeweller")
RECIPES = ("plank", "stick", "cloth", "club", "iron_bar", "bread")
GATES = {"town": "dungeon", "barrows": "barrow_hall"}  # which template one enters from a zone
CONTAINERS = frozenset({"pouch", "backpack", "sack", "quiver"})
PACKS = ("stow", "stow", "fetch", "fetch", "rummage")
UNKNOWN = "nothing"
QUEST_DEEDS = ("quests", *("talkto",) * 4, *("acceptquest",) * 4, *("turnin",) * 4, "abandonquest")
GROUP_DEEDS = ("invite", "invite", "invite", "group", "grouptalk", "leavegroup", "passlead", "kick")
ANSWERS = ("acceptinvite", "acceptinvite", "acceptinvite", "declineinvite")
DUELS = ("challenge", "acceptduel", "declineduel")
FIGHT_DEEDS = ("score", "pets", "cleave", *DUELS, "acceptduel", "forfeit", *("tame",) * 3, "order", "release")
# What tells what these events have to name.
ASKED_FOR = {
    "take": "look",
    "openletter": "letters",
    "buy": "lots",
    "bid": "lots",
    "unlist": "lots",
    "retrieve": "vault",
}
TAMEABLE = frozenset({"rat", "deer", "boar", "wolf", "ice_wolf"})
TAMES = 2  # tiles
FIGHT_REFUSALS = frozenset(
    {
        "in_a_duel",
        "no_duel",
        "no_sweep",
        "not_challenged",
        "not_tameable",
        "too_many_companions",
        "too_strong",
        "your_own",
    }
)
NO_DEAL = frozenset({"no_offer", "offer_changed", "out_of_reach", "offline", "not_alive", "no_such_player"})
GONE = frozenset({"not_yours", "no_such_thing"})
ASKS = ("inventory", "letters", "lots", "vault", "purse", "recipes", "who")

TRADE_REFUSALS = frozenset(
    {
        "already_accepted",
        "bid_too_low",
        "done_already",
        "no_such_person",
        "no_such_quest",
        "not_accepted",
        "not_offered",
        "person_elsewhere",
        "too_many_quests",
        "unfinished",
        "group_changed",
        "group_full",
        "in_a_group",
        "no_group",
        "no_invitation",
        "not_in_group",
        "not_lead",
        "collect_first",
        "has_bids",
        "holds_things",
        "instance_full",
        "no_bids",
        "no_container",
        "no_counter",
        "no_gate",
        "no_market",
        "no_offer",
        "no_price",
        "no_such_chest",
        "no_such_letter",
        "no_such_lot",
        "no_such_recipe",
        "no_such_shop",
        "no_such_thing",
        "no_workshop",
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
        "too_many_instances",
        "too_many_letters",
        "too_many_lots",
        "too_many_things",
        "unhurt",
        "useless",
    }
)
MIXED_REFUSALS = REFUSALS | TRADE_REFUSALS | FIGHT_REFUSALS

Event = dict[str, Any]


class Trader:
    """Chooses the events of a bot that also trades."""

    def __init__(self, rng: Random, number: int, count: int, prefix: str, safe_zones: set[str]) -> None:
        self._wanderer = Wanderer(rng, number, count, prefix, safe_zones)
        self._rng, self._number, self._count, self._prefix = rng, number, count, prefix
        self._carried: list[str] = []
        self._worn: list[str] = []
        self._containers: list[str] = []
        self._packed: dict[str, list[str]] = {}
        self._banked: list[str] = []
        self._lying: dict[str, None] = {}
        self._shared: list[str] = []
        self._letters: list[str] = []
        self._beasts: list[str] = []
        self._companions: list[str] = []
        self._challenger = ""
        self._lots: list[str] = []
        self._near: list[str] = []
        self._proposed: tuple[str, int] | None = None
        self._asked = ""
        self._zone = ""
        self._people: list[str] = []
        self._offered: list[str] = []
        self._undertaken: list[str] = []
        self._deeds: tuple[Callable[[], Event], ...] = (
            *(self._ask,) * 5,
            *(self._take,) * 2,
            *(self._buy_ware,) * 3,
            *(self._offer,) * 4,
            *(self._answer_offer,) * 5,
            *(self._post,) * 2,
            *(self._open_letter,) * 2,
            *(self._market,) * 5,
            *(self._bank,) * 4,
            *(self._share,) * 2,
            *(self._handle,) * 4,
            *(self._pack,) * 3,
            *(self._give,) * 2,
            *(self._craft,) * 2,
            *(self._group,) * 4,
            *(self._quest,) * 6,
            *(self._travel,) * 2,
            *(self._fight,) * 4,
            *(self._shop,) * 2,
            lambda: {"type": "leave", "channel": self._wanderer.channel},  # it joins again when it talks
        )

    def choose(self, me: Being, beings: dict[str, Being]) -> Event:
        """Choose the next event: half of the time what a wanderer would do."""
        if me.get("hp", 0) <= 0 or self._rng.random() < WANDERS:
            return self._wanderer.choose(me, beings)
        self._zone = me.get("zone", "")
        self._near = [one["name"] for one in beings.values() if one["kind"] == "player" and _distance(me, one) <= NEAR]
        self._people = [one["id"] for one in beings.values() if one["kind"] == "person" and _distance(me, one) <= TALKS]
        tame = [id_ for id_, one in beings.items() if one["kind"] in TAMEABLE and _distance(me, one) <= TAMES]
        self._beasts = [id_ for id_ in tame if id_ not in self._companions]
        return self._asked_first(self._rng.choice(self._deeds)())

    def _asked_first(self, event: Event) -> Event:
        """What is to be known first is asked for first, as a rule."""
        named = event.get("thing", event.get("letter", event.get("lot")))
        if named != UNKNOWN or self._rng.random() < GUESSES:
            return event
        return {"type": ASKED_FOR.get(event["type"], "inventory")}

    def learn(self, event: Event, code: str, zone: str) -> None:
        """Learn what a wanderer learns."""
        self._wanderer.learn(event, code, zone)
        if event["type"] in ("accept", "offer") and code in NO_DEAL:
            self._proposed = None
        if code in GONE and event.get("thing") in self._carried:
            self._carried.remove(event["thing"])

    def _learn_packed(self, event: Event, data: dict[str, Any]) -> None:
        """Keep in mind what was put into containers, taken out of them, and seen in them."""
        kind = event["type"]
        if kind == "inventory":
            self._containers = [one["id"] for one in data["things"] if one["kind"] in CONTAINERS]
        elif kind == "buyfrom" and event["kind"] in CONTAINERS:
            self._containers.append(data["thing"]["id"])
        elif kind == "rummage":
            self._packed[event["thing"]] = _ids(data["things"])
        elif kind == "stow":
            self._packed.setdefault(event["into"], []).append(data["thing"]["id"])
            self._carried = [id_ for id_ in self._carried if id_ != event["thing"]]
        elif kind == "fetch" and event["thing"] in self._packed.get(event["out_of"], ()):
            self._packed[event["out_of"]].remove(event["thing"])

    def hear(self, notice: dict[str, Any]) -> None:
        """Keep in mind what a notice tells."""
        kind = notice["type"]
        if kind == "proposed":
            self._proposed = (notice["by"], notice["version"])
        elif kind == "challenged":
            self._challenger = notice["by"]
        elif kind == "invited":
            self._asked = notice["by"]
        elif kind == "ground":
            self._lying = dict.fromkeys(thing["id"] for thing in notice["things"][:KNOWN_MAX])
        elif kind == "laid" and len(self._lying) < KNOWN_MAX:
            self._lying[notice["thing"]["id"]] = None
        elif kind == "lifted":
            self._lying.pop(notice["thing"], None)

    def learn_data(self, event: Event, data: dict[str, Any]) -> None:
        """Keep in mind what a reply tells."""
        kind = event["type"]
        self._learn_packed(event, data)
        if kind == "accept" and data["done"]:
            self._proposed = None
        elif kind in ("tame", "pets", "release"):
            self._companions = _ids(data["companions"])
        elif kind == "inventory":
            self._carried, self._worn = _ids(data["things"]), _ids(data["worn"])
        elif kind == "quests":
            self._undertaken = [one["quest"] for one in data["quests"]]
            self._offered = [one["quest"] for one in data["offers"]]
        elif kind == "talkto":
            self._offered = [one["quest"] for one in data["offers"]]
        elif kind == "vault":
            self._banked = _ids(data["things"])
        elif kind == "peekin":
            self._shared = _ids(data["things"])
        elif kind == "letters":
            self._letters = _ids(data["letters"])
        elif kind == "lots":
            self._lots = _ids(data["lots"])
        elif kind in ("take", "buyfrom", "fetch", "retrieve", "takeout", "buy") and len(self._carried) < KNOWN_MAX:
            self._carried.append(data["thing"]["id"])

    def _one(self, known: list[str]) -> str:
        return self._rng.choice(known) if known else UNKNOWN

    def _some(self) -> list[str]:
        return self._rng.sample(self._carried, min(len(self._carried), self._rng.randint(0, 2)))

    def _coins(self, least: int = 0) -> int:
        return self._rng.randint(least, COINS_MAX)

    def _neighbour(self) -> str:
        return self._rng.choice(self._near) if self._near else self._other()

    def _other(self) -> str:
        if self._count < 2:
            return "nobody"
        other = (self._number + self._rng.randrange(1, self._count)) % self._count
        return f"{self._prefix}{other}"

    def _ask(self) -> Event:
        return {"type": self._rng.choice(ASKS)}

    def _take(self) -> Event:
        return {"type": "take", "thing": self._one(list(self._lying))}

    def _buy_ware(self) -> Event:
        shop, kind = self._rng.choice(WARES)
        return {"type": "buyfrom", "shop": shop, "kind": kind}

    def _offer(self) -> Event:
        to = self._proposed[0] if self._proposed else self._neighbour()
        return {"type": "offer", "to": to, "things": self._some(), "coins": self._coins()}

    def _answer_offer(self) -> Event:
        if self._proposed is None:
            return self._offer()
        by, version = self._proposed
        if self._rng.random() < 0.1:
            return {"type": "retract", "to": by}
        return {"type": "accept", "to": by, "version": version}

    def _post(self) -> Event:
        return {"type": "post", "to": self._other(), "text": "For you.", "things": self._some(), "coins": self._coins()}

    def _open_letter(self) -> Event:
        return {"type": "openletter", "letter": self._one(self._letters)}

    def _market(self) -> Event:
        what = self._rng.choice(("sell", "buy", "bid", "bid", "unlist", "collect", "collect"))
        if what == "sell":
            return {"type": what, "thing": self._one(self._carried), "price": self._coins(1), "least": 1, "hours": 1}
        if what == "collect":
            return {"type": what}
        lot = {"type": what, "lot": self._one(self._lots)}
        return {**lot, "coins": self._coins(1)} if what == "bid" else lot

    def _bank(self) -> Event:
        what = self._rng.choice(("deposit", "withdraw", "store", "retrieve"))
        if what in ("deposit", "withdraw"):
            return {"type": what, "coins": self._coins(1)}
        return {"type": what, "thing": self._one(self._carried if what == "store" else self._banked)}

    def _share(self) -> Event:
        what = self._rng.choice(("putin", "takeout", "peekin"))
        known = self._carried if what == "putin" else self._shared
        chest = {"type": what if known else "peekin", "chest": self._rng.choice(CHESTS)}
        return chest if chest["type"] == "peekin" else {**chest, "thing": self._one(known)}

    def _handle(self) -> Event:
        what = self._rng.choice(("drop", "use", "equip", "unequip", "split", "giveitem", "examine"))
        event = {"type": what, "thing": self._one(self._worn if what == "unequip" else self._carried)}
        more: dict[str, Event] = {"split": {"count": 1}, "giveitem": {"to": self._neighbour()}}
        return {**event, **more.get(what, {})}

    def _pack(self) -> Event:
        """Put something into a container and take it out again; who has none buys one, or looks whether it has."""
        if not self._containers:
            buys: Event = {"type": "buyfrom", "shop": POUCH[0], "kind": POUCH[1]}
            return self._rng.choice((buys, {"type": "inventory"}))
        what, container = self._rng.choice(PACKS), self._rng.choice(self._containers)
        if what == "stow":
            return {"type": what, "thing": self._one(self._carried), "into": container}
        packed = self._packed.get(container)
        if what == "fetch" and packed:
            return {"type": what, "thing": self._rng.choice(packed), "out_of": container}
        return {"type": "rummage", "thing": container}

    def _give(self) -> Event:
        return {"type": "give", "to": self._other(), "coins": self._coins(1)}

    def _shop(self) -> Event:
        shop = self._rng.choice(SHOPS)
        if self._rng.random() < 0.3:
            return {"type": "wares", "shop": shop}
        return {"type": "sellto", "shop": shop, "thing": self._one(self._carried)}

    def _group(self) -> Event:
        if self._asked:
            by, self._asked = self._asked, ""
            return {"type": self._rng.choice(ANSWERS), "by": by}
        what = self._rng.choice(GROUP_DEEDS)
        more: dict[str, Event] = {
            "invite": {"to": self._neighbour()},
            "passlead": {"to": self._neighbour()},
            "kick": {"who": self._neighbour()},
            "grouptalk": {"text": "Where are you?"},
        }
        return {"type": what, **more.get(what, {})}

    def _quest(self) -> Event:
        """Talk to who stands near, take on what is offered, and try to bring it to an end."""
        what = self._rng.choice(QUEST_DEEDS)
        if what == "talkto" and self._people:
            return {"type": what, "person": self._rng.choice(self._people)}
        if what == "acceptquest" and self._offered:
            return {"type": what, "quest": self._rng.choice(self._offered)}
        if what in ("turnin", "abandonquest") and self._undertaken:
            return {"type": what, "quest": self._rng.choice(self._undertaken)}
        return {"type": self._rng.choice(("quests", "achievements"))}

    def _travel(self) -> Event:
        """Enter what the zone leads to, elsewhere the one or the other, or come out again."""
        template = GATES.get(self._zone) or self._rng.choice(tuple(GATES.values()))
        return self._rng.choice(({"type": "enter", "template": template}, {"type": "depart"}))

    def _fight(self) -> Event:
        what = self._rng.choice(FIGHT_DEEDS)
        to = self._challenger if what in ("acceptduel", "declineduel") and self._challenger else self._neighbour()
        named: dict[str, Event] = {
            **{duel: {"to": to} for duel in DUELS},
            "tame": {"target": self._one(self._beasts)},
            "release": {"creature": self._one(self._companions)},
            "order": {"creature": self._one(self._companions), "what": self._rng.choice(("follow", "guard"))},
        }
        return {"type": what, **named.get(what, {})}

    def _craft(self) -> Event:
        return {"type": "craft", "recipe": self._rng.choice(RECIPES)}


def _distance(a: Being, b: Being) -> int:
    return int(max(abs(a.get("x", 0) - b["x"]), abs(a.get("y", 0) - b["y"])))


def _ids(told: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in told[:KNOWN_MAX]]


BOTS = BotProfile(behaviour=Trader, refusals=MIXED_REFUSALS)
