"""What bots do that play all of the game."""

from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest

from gameserver.client.bots.profile import AttentiveBehaviour, profile
from gameserver.declare import catalogue
from gameserver.declare.game_package import game
from gameserver.errors import Corrupt
from gameserver.games.millbrook.bots_mixed import (
    CHESTS,
    CONTAINERS,
    GATES,
    POUCH,
    RECIPES,
    SHOPS,
    TAMEABLE,
    WARES,
    Trader,
)
from gameserver.maps.world import load_world
from gameserver.modules.bank.maps import Chest
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.crafting.recipes import RECIPES as ALL_RECIPES
from gameserver.modules.instances.maps import Gate
from gameserver.modules.items.kinds import KINDS as THINGS
from gameserver.modules.shops.goods import SHOPS as ALL_SHOPS
from gameserver.modules.shops.goods import ware_of
from gameserver.wire.codecs import msgpack_codec

ME = {"id": "bot0", "zone": "town", "x": 5, "y": 5, "hp": 100}
FAMILIES = {
    "items",
    "barter",
    "bank",
    "post",
    "market",
    "crafting",
    "shops",
    "groups",
    "quests",
    "achievements",
    "instances",
    "combat",
    "creatures",
}
THING = {"id": "a thing", "kind": "apple", "title": "Apple", "count": 2}
POUCH_CARRIED = {"id": "a pouch", "kind": "pouch", "title": "Pouch", "count": 0}
# What the client's library sends by itself, and what only game masters may do, which bots are not.
OF_THE_LIBRARY = {"register", "login", "resume", "logout", "ack", "chart"}
OF_GAME_MASTERS = {"buildwall", "placeobject", "removeobject", "survey"}


def trader(seed: int = 1) -> Trader:
    bot = Trader(Random(seed), 0, 10, "bot", set())
    bot.learn_data({"type": "inventory"}, {"things": [THING, POUCH_CARRIED], "worn": [THING]})
    bot.learn_data({"type": "letters"}, {"letters": [{"id": "a letter"}]})
    bot.learn_data({"type": "lots"}, {"lots": [{"id": "bot1/lot"}]})
    bot.learn_data({"type": "quests"}, {"quests": [{"quest": "wood"}], "offers": [{"quest": "rats"}]})
    bot.hear({"type": "ground", "things": [{"id": "lies"}]})
    bot.hear({"type": "proposed", "by": "Bot3", "version": 4, "things": [], "coins": 0})
    return bot


def choices(bot: Trader, times: int) -> list[dict[str, Any]]:
    return [bot.choose(ME, {}) for _ in range(times)]


def test_they_do_of_everything_a_little_and_all_they_send_stands_in_the_catalogue() -> None:
    done: Counter[str] = Counter()
    for seq, event in enumerate(choices(trader(), 5_000), 1):
        decoded = msgpack_codec().decode(msgspec.msgpack.encode(event | {"seq": seq}), 8)
        done[decoded.spec.family] += 1
    assert done.keys() >= FAMILIES
    assert done["movement"] > 1_500


def test_every_event_of_the_game_is_sent_by_some_bot() -> None:
    """What no bot sends is seen by no chaos and no load."""
    company = {
        "town.reeve.1": {"id": "town.reeve.1", "name": "Reeve", "kind": "person", "x": 5, "y": 6, "hp": 1},
        "town.rat.1": {"id": "town.rat.1", "name": "Rat", "kind": "rat", "x": 5, "y": 6, "hp": 1},
    }
    bot, sent = trader(), Counter[str]()
    bot.learn_data({"type": "vault"}, {"things": [THING]})
    bot.learn_data({"type": "peekin"}, {"things": [THING]})
    bot.learn_data({"type": "rummage", "thing": "a pouch"}, {"things": [THING]})
    for n in range(20_000):
        event = bot.choose(ME | {"hp": 0 if n % 100 == 0 else 100}, company)
        sent[event["type"]] += 1
        bot.learn(event, "", "town")
        if n % 50 == 0:
            bot.hear({"type": "invited", "by": "Bot2", "members": []})
    due = {name for name, cls in catalogue.events().items() if cls.spec.origin == "client"}
    assert due - sent.keys() == OF_THE_LIBRARY | OF_GAME_MASTERS
    assert min(sent.values()) > 5, "and none of them is a rarity"


def test_they_fill_a_pouch_and_empty_it() -> None:
    bot = trader()
    assert {"type": "stow", "thing": "a thing", "into": "a pouch"} in choices(bot, 1_000)
    bot.learn_data({"type": "stow", "thing": "a thing", "into": "a pouch"}, {"thing": THING})
    fetch = {"type": "fetch", "thing": "a thing", "out_of": "a pouch"}
    assert fetch in choices(bot, 1_000)
    bot.learn_data(fetch, {"thing": THING})
    later = choices(bot, 1_000)
    assert fetch not in later
    assert {"type": "rummage", "thing": "a pouch"} in later
    newcomer, buys = Trader(Random(1), 0, 10, "b", set()), {"type": "buyfrom", "shop": "store", "kind": "pouch"}
    assert buys in choices(newcomer, 1_000)
    newcomer.learn_data(buys, {"thing": POUCH_CARRIED})
    assert {"type": "rummage", "thing": "a pouch"} in choices(newcomer, 1_000)


def test_they_accept_what_they_were_offered() -> None:
    assert {"type": "accept", "to": "Bot3", "version": 4} in choices(trader(), 500)
    bot = trader()
    bot.hear({"type": "lifted", "thing": "lies", "v": 1})
    assert {"type": "take", "thing": "lies"} not in choices(bot, 500)
    bot.hear({"type": "laid", "thing": {"id": "new"}})
    assert {"type": "take", "thing": "new"} in choices(bot, 500)


def test_they_fight_duels_and_have_companions() -> None:
    bot = trader()
    bot.hear({"type": "challenged", "by": "Bot4", "until_ms": 1})
    bot.learn_data({"type": "pets"}, {"companions": [{"id": "bot0.companion.1"}]})
    weak = {"meadow.wolf.7": {"id": "meadow.wolf.7", "name": "Wolf", "kind": "wolf", "x": 6, "y": 5, "hp": 3}}
    chosen = [bot.choose(ME, weak) for _ in range(2_000)]
    assert {"type": "acceptduel", "to": "Bot4"} in chosen
    assert {"type": "tame", "target": "meadow.wolf.7"} in chosen
    assert {"type": "order", "creature": "bot0.companion.1", "what": "guard"} in chosen
    assert {kind for kind in KINDS if KINDS[kind].tameable} == TAMEABLE


def test_the_same_seed_makes_the_same_choices() -> None:
    assert choices(trader(7), 300) == choices(trader(7), 300)
    assert choices(trader(7), 300) != choices(trader(8), 300)


def test_what_they_name_is_there() -> None:
    assert set(RECIPES) <= ALL_RECIPES.keys()
    assert set(SHOPS) <= ALL_SHOPS.keys()
    assert all(ware_of(ALL_SHOPS[shop], kind) for shop, kind in (*WARES, POUCH))
    assert {kind.name for kind in THINGS.values() if kind.holds} == CONTAINERS
    world = load_world(game().world)
    chests = {placed.id for zone in world.zones.values() for placed, _ in zone.placed(Chest)}
    assert chests >= set(CHESTS)
    gates = {(name, gate.template) for name, zone in world.zones.items() for _, gate in zone.placed(Gate)}
    assert gates == set(GATES.items()), "they enter every instance that there is"


def test_their_refusals_are_codes_of_the_game() -> None:
    assert profile("mixed").refusals > profile().refusals
    assert isinstance(trader(), AttentiveBehaviour)
    assert not isinstance(profile().behaviour(Random(1), 0, 1, "bot", set()), AttentiveBehaviour)
    assert set(catalogue.families()) >= FAMILIES


def test_a_way_to_play_that_there_is_not_is_refused() -> None:
    with pytest.raises(Corrupt, match=r"no way to play that is called 'moon': there is no .*bots_moon"):
        profile("moon")
