from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import Rejected
from gameserver.maps.objects import World
from gameserver.modules.combat.blows import DEAD_MS
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.events import Died, Fall, Respawned, Struck
from gameserver.modules.combat.hooks import HEAL_TICKS, HURT_ZONES
from gameserver.modules.combat.zone_tick import HEAL_HP, REST_MS
from gameserver.modules.creatures.hooks import BUSY_ZONES, IDLE_TICKS
from gameserver.modules.creatures.maps import Lair
from gameserver.modules.creatures.moods import WANDER_TILES
from gameserver.modules.movement.events import Appeared, Moved, Vanished
from gameserver.modules.movement.maps import Portal, spawns
from gameserver.modules.movement.view import cell_of, distance, view_topics
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.events import Stir, Tick
from gameserver.modules.world.rules import TICK_MS, TOLERANCE_TICKS
from gameserver.testing.two_zones import (
    MEADOW,
    NOW_MS,
    WORLD,
    absent,
    circumstances,
    creature,
    fold,
    play,
    player,
    put,
    state,
    told,
)

NOW = NOW_MS // TICK_MS
N = NOW + 1  # a tick on which nobody heals
WOLF_ID = "meadow.wolf.2"
RESTS_MS = min(KINDS[kind].act_every_ms for kind in ("rat", "wolf"))


class Calm:
    """Dice that let no creature wander."""

    def __init__(self, seed: int) -> None:
        dice = Random(seed)
        self.randint, self.choice = dice.randint, dice.choice

    def random(self) -> float:
        return 1.0


def population() -> list[Creature]:
    """The meadow's creatures at home, resting for so long that they do nothing by themselves."""
    return [
        creature("meadow.rat.1", x=12, y=12, act_due_ms=NOW_MS + RESTS_MS),
        creature(WOLF_ID, x=26, y=3, act_due_ms=NOW_MS + RESTS_MS),
    ]


def stir(*things: Any, n: int = N, zone: str = "meadow", rng: Any = None, now_ms: int = NOW_MS) -> Any:
    world = state(*population(), *things)
    return play(Stir(zone=zone, n=n), world, circumstances(gateway="", rng=rng or Calm(1), now_ms=now_ms))


def changed(outcome: Any) -> set[str]:
    """The ids of the bodies that an outcome changes."""
    return {thing.id for thing in outcome.put if not isinstance(thing, ZoneClock)}


# Ticks.


WILD = World(zones={f"zone{n}": replace(MEADOW, name=f"zone{n}") for n in range(200)}, start="zone0")
BARE = World(zones={name: replace(zone, objects=()) for name, zone in WILD.zones.items()}, start="zone0")


def tick(
    n: int, *things: Any, now: int | None = None, world: World = WORLD, busy: Any = frozenset(), hurt: Any = frozenset()
) -> Any:
    """``now``: the number that server time gives, if it is another than the tick's."""
    found = state(*things, world=world, results={BUSY_ZONES: tuple(busy), HURT_ZONES: tuple(hurt)})
    return play(Tick(n=n), found, circumstances(gateway="", now_ms=(n if now is None else now) * TICK_MS))


def test_a_pulse_stirs_the_zones_where_players_and_creatures_are() -> None:
    outcome = tick(N, ZoneClock(id=PULSE, tick=N - 1), busy=frozenset({"meadow"}))
    assert outcome.events == (Stir(zone="meadow", n=N),)
    assert outcome.put == (ZoneClock(id=PULSE, tick=N),)


@pytest.mark.parametrize("skew", [-1_200, -TOLERANCE_TICKS - 1, TOLERANCE_TICKS + 1, 80, 1_200])
def test_a_tick_of_a_beat_whose_clock_is_wrong_is_a_pulse_of_now(skew: int) -> None:
    outcome = tick(N + skew, ZoneClock(id=PULSE, tick=N - 1), now=N, busy=frozenset({"meadow"}))
    assert outcome.events == (Stir(zone="meadow", n=N),)
    assert outcome.put == (ZoneClock(id=PULSE, tick=N),)


@pytest.mark.parametrize("skew", [-1_200, 80])
def test_of_two_beats_one_of_which_is_wrong_each_pulse_counts_once(skew: int) -> None:
    with pytest.raises(Rejected, match="already"):
        tick(N + skew, ZoneClock(id=PULSE, tick=N), now=N)


@pytest.mark.parametrize("skew", [-TOLERANCE_TICKS, TOLERANCE_TICKS])
def test_within_the_tolerance_a_beat_is_believed(skew: int) -> None:
    assert tick(N + skew, ZoneClock(id=PULSE, tick=N + skew - 1), now=N).put == (ZoneClock(id=PULSE, tick=N + skew),)


def test_no_zone_sleeps_until_the_time_that_another_clock_has_written_is_reached() -> None:
    far = 2 * TOLERANCE_TICKS + 1
    assert tick(N, ZoneClock(id=PULSE, tick=N + far), busy=frozenset({"meadow"})).events
    assert stir(ZoneClock(id="meadow", tick=N + far)).put == (ZoneClock(id="meadow", tick=N),)


def test_the_turn_of_a_zone_whose_number_was_left_out_comes_with_the_next() -> None:
    ((first, _),) = [(n, now) for n, now in zip(stirs("town"), [N], strict=False)]
    due = first + IDLE_TICKS
    assert [stir.zone for stir in tick(due + 1, ZoneClock(id=PULSE, tick=due - 1)).events] == ["town"]
    assert [stir.zone for stir in tick(due + 1, ZoneClock(id=PULSE, tick=due)).events] == []


def stirs(zone: str, **found: Any) -> list[int]:
    """The ticks on which a zone stirs."""
    return [n for n in range(N, N + 5 * IDLE_TICKS) if zone in [stir.zone for stir in tick(n, **found).events]]


def test_idle_zones_stir_now_and_then() -> None:
    ticks = stirs("town")
    assert len(ticks) == 5
    assert {b - a for a, b in pairwise(ticks)} == {IDLE_TICKS}


def test_idle_zones_do_not_stir_all_at_once() -> None:
    counts = [len(tick(n, world=WILD).events) for n in range(N, N + IDLE_TICKS)]
    assert sum(counts) == len(WILD.zones)
    assert max(counts) < 3 * len(WILD.zones) / IDLE_TICKS


@pytest.mark.parametrize("busy", [set(), {"zone7"}], ids=["nobody", "players"])
def test_where_no_creatures_are_nothing_stirs(busy: set[str]) -> None:
    assert stirs("zone7", world=BARE, busy=busy) == []


def test_where_players_are_hurt_it_stirs_even_without_creatures() -> None:
    assert len(stirs("zone7", world=BARE, busy={"zone7"}, hurt={"zone7"})) == 5 * IDLE_TICKS


@pytest.mark.parametrize("n", [N, N - 1, 0])
def test_a_pulse_that_comes_twice_or_late_does_nothing_and_does_not_count(n: int) -> None:
    with pytest.raises(Rejected) as refusal:
        tick(n, ZoneClock(id=PULSE, tick=N), now=N, busy=frozenset({"meadow"}))
    assert refusal.value.code == "repeated"


@pytest.mark.parametrize("n", [N, N - 1])
def test_a_zones_tick_that_comes_twice_or_late_does_nothing(n: int) -> None:
    with pytest.raises(Rejected, match="already"):
        stir(player(hp=1), ZoneClock(id="meadow", tick=N), n=n)


def test_a_zone_keeps_the_tick_it_lived_through() -> None:
    assert stir().put == (ZoneClock(id="meadow", tick=N),)
    assert stir(ZoneClock(id="meadow", tick=N - 3)).put == (ZoneClock(id="meadow", tick=N),)


# Life and death.


def test_creatures_appear_at_their_spawns_when_a_zone_first_stirs() -> None:
    outcome = play(Stir(zone="meadow", n=N), state(), circumstances(rng=Calm(1)))
    born = [thing for thing in outcome.put if isinstance(thing, Creature)]
    assert {(c.id, c.kind, c.x, c.y, c.hp) for c in born} == {
        (lair.id, what.kind, lair.x, lair.y, KINDS[what.kind].hp_max) for lair, what in MEADOW.placed(Lair)
    }
    assert [type(notice) for notice in told(outcome)] == [Appeared, Appeared]


@pytest.mark.parametrize(("due_in_ms", "back"), [(0, True), (-1, True), (1, False), (3_600_000, True)])
def test_a_dead_creature_returns_home_when_its_time_has_come(due_in_ms: int, back: bool) -> None:
    dead = creature(x=1, y=1, hp=0, v=7, dead_until_ms=NOW_MS + due_in_ms)
    outcome = stir(dead)
    if not back:
        assert changed(outcome) == set()
        return
    alive = put(outcome, dead.id)
    assert (alive.x, alive.y, alive.hp, alive.dead_until_ms, alive.v) == (12, 12, KINDS["rat"].hp_max, 0, 8)
    assert [type(notice) for notice in told(outcome)] == [Appeared]


def test_a_dead_player_returns_at_a_spawn_and_looks_around() -> None:
    dead = player(x=20, y=15, hp=0, dead_until_ms=NOW_MS)
    outcome = stir(dead)
    alive = put(outcome, "ada")
    assert (alive.hp, alive.dead_until_ms, alive.v) == (100, 0, dead.v + 1)
    assert (alive.x, alive.y) in spawns(MEADOW)
    appeared, respawned = outcome.notifications
    assert isinstance(appeared.notice, Appeared)
    assert respawned.notice == Respawned(zone="meadow", x=alive.x, y=alive.y, hp=100)
    assert (respawned.conn, respawned.gateway) == ("c-ada", "g1")
    assert (respawned.follow.watch, respawned.follow.then) == ({"view": view_topics(alive)}, "look")
    assert respawned.follow.own_cell == cell_of(alive)


@pytest.mark.parametrize("dead", [player(hp=0, dead_until_ms=NOW_MS + 1), absent(player(hp=0, dead_until_ms=NOW_MS))])
def test_who_is_absent_or_not_due_stays_dead(dead: Any) -> None:
    assert changed(stir(dead)) == set()


@pytest.mark.parametrize(
    ("body", "healed"),
    [
        (player(hp=50), 50 + HEAL_HP),
        (player(hp=99), 100),
        (player(hp=100), None),
        (player(hp=50, hit_ms=NOW_MS - REST_MS + 1), None),
        (player(hp=50, hit_ms=NOW_MS - REST_MS), 50 + HEAL_HP),
        (player(hp=50, hit_ms=NOW_MS + 600_000), 50 + HEAL_HP),  # by a clock that was ahead
        (player(hp=0, dead_until_ms=NOW_MS + 1), None),
        (absent(player(hp=50)), None),
        (player(hp=50, zone="town", x=4, y=4), None),
    ],
)
def test_the_wounded_heal_when_they_were_left_in_peace(body: Any, healed: int | None) -> None:
    outcome = stir(body, n=HEAL_TICKS * 100)
    assert changed(outcome) == (set() if healed is None else {"ada"})
    if healed is not None:
        assert (put(outcome, "ada").hp, put(outcome, "ada").v) == (healed, body.v + 1)
        assert [type(notice) for notice in told(outcome)] == [Appeared]


def test_healing_takes_its_ticks() -> None:
    healed = [n for n in range(N, N + 3 * HEAL_TICKS) if changed(stir(player(hp=50), n=n))]
    assert len(healed) == 3


# Creatures that act.


def wolf(**changes: Any) -> Creature:
    return creature(WOLF_ID, **{"x": 20, "y": 10, **changes})


def test_an_aggressive_creature_walks_towards_whom_it_sees() -> None:
    beast = wolf()
    outcome = stir(beast, player(x=16, y=12))
    moved = put(outcome, WOLF_ID)
    assert (moved.x, moved.y, moved.prey, moved.v) == (19, 11, "ada", beast.v + 1)
    assert moved.act_due_ms == NOW_MS + KINDS["wolf"].act_every_ms
    assert told(outcome) == [Moved(who=WOLF_ID, x=19, y=11, v=moved.v)]


def test_a_creature_that_rests_does_nothing() -> None:
    assert changed(stir(wolf(act_due_ms=NOW_MS + 1), player(x=19))) == set()


def test_a_creature_does_not_rest_until_a_time_that_another_clock_has_written() -> None:
    assert WOLF_ID in changed(stir(wolf(act_due_ms=NOW_MS + 600_000), player(x=19)))


def test_a_creature_sees_so_far_and_no_farther() -> None:
    sight = KINDS["wolf"].sight
    assert put(stir(wolf(), player(x=20 - sight, y=10)), WOLF_ID).prey == "ada"
    assert put(stir(wolf(), player(x=20 - sight - 1, y=10)), WOLF_ID).prey == ""


@pytest.mark.parametrize(
    "victim",
    [
        player(x=19, dead_until_ms=NOW_MS + 1),
        absent(player(x=19)),
        player(zone="town", x=4, y=4),
    ],
    ids=["dead", "absent", "elsewhere"],
)
def test_who_is_dead_or_not_there_is_no_prey(victim: Any) -> None:
    assert changed(stir(wolf(x=26, y=3), replace(victim, x=25, y=3))) == set()


def test_a_peaceful_creature_strikes_back_only() -> None:
    rat = creature(x=13, y=10)
    assert changed(stir(rat, player())) == set()
    assert changed(stir(replace(rat, prey="ada"), player())) == {rat.id, "ada"}


def test_nobody_is_prey_where_fighting_is_forbidden() -> None:
    rat = creature("town.rat.1", x=5, y=4, prey="ada")
    outcome = stir(rat, player(zone="town", x=4, y=4), zone="town")
    assert changed(outcome) == {rat.id}
    assert put(outcome, rat.id).prey == ""


def test_the_nearest_is_prey_but_first_of_all_who_struck_it() -> None:
    near, far = player("Bob", x=18), player("Ada", x=16)
    assert put(stir(wolf(), near, far), WOLF_ID).prey == "bob"
    assert put(stir(wolf(prey="ada"), near, far), WOLF_ID).prey == "ada"
    assert put(stir(wolf(), player("Bob", x=18), player("Ada", x=18)), WOLF_ID).prey == "ada"


def test_a_creature_within_reach_strikes() -> None:
    victim = player(x=19)
    outcome = stir(wolf(), victim)
    hurt, beast = put(outcome, "ada"), put(outcome, WOLF_ID)
    assert hurt.hp < victim.hp
    assert hurt.hit_ms == NOW_MS
    assert (beast.x, beast.prey, beast.act_due_ms) == (20, "ada", NOW_MS + KINDS["wolf"].act_every_ms)
    (struck,) = told(outcome)
    assert struck == Struck(by=WOLF_ID, target="ada", damage=victim.hp - hurt.hp, hp=hurt.hp, v=hurt.v)


def test_a_player_may_be_killed_by_a_creature() -> None:
    outcome = stir(wolf(), player(x=19, hp=1))
    assert put(outcome, "ada").dead_until_ms == NOW_MS + DEAD_MS
    assert [type(notice) for notice in told(outcome)] == [Struck, Died, Vanished]
    assert outcome.events == (Fall(player="ada", by=WOLF_ID, zone="meadow", x=19, y=10),)


def test_two_creatures_strike_one_after_the_other_and_not_the_dead() -> None:
    pack = [wolf(), creature(x=19, y=11, prey="ada")]
    both = stir(*pack, player(x=19))
    assert put(both, "ada").v == player().v + 2
    assert [type(notice) for notice in told(both)] == [Struck, Struck]
    once = stir(*pack, player(x=19, hp=1))
    assert [type(notice) for notice in told(once)] == [Struck, Died, Vanished, Moved]  # the second goes home


@given(st.integers())
@settings(max_examples=30)
def test_wherever_creatures_wander_they_stand_on_free_ground_near_home(seed: int) -> None:
    """A small crowd in a corner with walls, edges and the portal, for a while."""
    dice = Random(seed)
    homes = {"meadow.rat.1": (12, 12), WOLF_ID: (26, 3)}
    world = state(
        creature("meadow.rat.1", x=12, y=12),
        creature(WOLF_ID, x=26, y=3),
        creature("meadow.boar.7", x=30, y=10),
        creature("meadow.boar.8", x=6, y=6),
        creature("meadow.boar.9", x=6, y=4),
    )
    for n in range(N, N + 60):
        now_ms = NOW_MS + (n - N) * TICK_MS * 4
        outcome = play(Stir(zone="meadow", n=n), world, circumstances(rng=dice, now_ms=now_ms))
        before = dict(world.of(Creature))
        fold(world, outcome)
        places = [(c.x, c.y) for c in world.of(Creature).values()]
        assert len(set(places)) == len(places)
        assert all(MEADOW.walkable(x, y) and MEADOW.on(Portal, x, y) is None for x, y in places)
        assert all(distance(old, world.of(Creature)[id_]) <= 1 for id_, old in before.items())
        for id_, (x, y) in homes.items():
            body = world.of(Creature)[id_]
            assert max(abs(body.x - x), abs(body.y - y)) <= WANDER_TILES


@given(st.integers(), st.integers(18, 30), st.integers(1, 18))
@settings(max_examples=20)
def test_who_was_led_astray_goes_home_and_stays_there(seed: int, x: int, y: int) -> None:
    world = state(creature(x=x, y=y))
    dice = Random(seed)
    for n in range(N, N + 30):
        now_ms = NOW_MS + (n - N) * 2_000
        fold(world, play(Stir(zone="meadow", n=n), world, circumstances(rng=dice, now_ms=now_ms)))
    rat = world.of(Creature)["meadow.rat.1"]
    assert max(abs(rat.x - 12), abs(rat.y - 12)) <= WANDER_TILES


def test_creatures_do_wander() -> None:
    rat = creature(x=12, y=12)
    moves = sum(bool(changed(stir(rat, rng=Random(seed)))) for seed in range(100))
    assert 5 < moves < 50


def test_creatures_chase_around_walls_and_each_other_and_never_onto_portals() -> None:
    around_a_wall = put(stir(wolf(x=8, y=5), player(x=4, y=5)), WOLF_ID)
    assert (around_a_wall.x, abs(around_a_wall.y - 5)) == (7, 1)
    onto_the_portal = stir(wolf(x=30, y=11), player(x=31, y=8))
    assert all((b.x, b.y) != (31, 10) for b in onto_the_portal.put if isinstance(b, Creature))
    in_the_way = stir(wolf(), creature(x=19, y=10, act_due_ms=NOW_MS + RESTS_MS), player(x=16, y=10))
    assert (put(in_the_way, WOLF_ID).x, abs(put(in_the_way, WOLF_ID).y - 10)) == (19, 1)


def test_the_same_dice_fall_alike() -> None:
    scene = (wolf(), creature(x=12, y=12), player(x=19))
    assert stir(*scene, rng=Random(3)) == stir(*scene, rng=Random(3))
