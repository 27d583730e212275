"""What creatures are about: ways, fleeing, calls, bosses, lairs; and those that are players'."""

from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import Corrupt, NotNow, Rejected
from gameserver.maps.objects import Placed, World
from gameserver.modules.combat import creature_kinds
from gameserver.modules.combat.blows import OWNED_DEAD_MS
from gameserver.modules.combat.creature_kinds import KINDS, Phase
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.events import Attack, Reward
from gameserver.modules.creatures import lairs
from gameserver.modules.creatures.companions import COMPANIONS_MAX, companion_ids
from gameserver.modules.creatures.events import Heel, Order, Pets, Release, Roared, Tame
from gameserver.modules.creatures.lairs import Table, check_table, drawn_kind
from gameserver.modules.creatures.maps import CREATURES_MAX, Lair, no_zone_is_overrun, removed_or_kept, superfluous
from gameserver.modules.creatures.paths import NODES_MAX, tiles_between, way
from gameserver.modules.sessions.events import Login, Logout
from gameserver.modules.world.events import Stir
from gameserver.modules.world.rules import TICK_MS, TOLERANCE_TICKS
from gameserver.rules.outcome import State
from gameserver.testing.two_zones import (
    MEADOW,
    NOW_MS,
    WORLD,
    absent,
    account_of,
    circumstances,
    creature,
    fold,
    play,
    player,
    players,
    put,
    session_of,
    state,
    told,
)

ADA, BOB = player(), player("Bob", x=13)
NOW = NOW_MS // TICK_MS
PET = companion_ids("ada")[0]
RAT, WOLF = "meadow.rat.1", "meadow.wolf.2"


def pet(**changes: Any) -> Creature:
    given = {"kind": "wolf", "zone": "meadow", "x": 12, "y": 11, "hp": 35, "owner": "ada", "mood": "follow"}
    return Creature(**{"id": PET, **given, **changes})


def at_home() -> list[Creature]:
    return [creature(RAT, x=12, y=12), creature(WOLF, x=26, y=3)]


def stir(*things: Any, n: int = 1, zone: str = "meadow", **more: Any) -> Any:
    scene = state(*at_home(), *things, **more)
    return play(Stir(zone=zone, n=NOW + n), scene, circumstances(gateway="", rng=Random(n)))


def do(event: Any, *things: Any, who: Any = ADA, rng: Any = None) -> Any:
    return play(event, state(who, *things), circumstances(who, rng=rng or Random(1)))


def body(outcome: Any, id_: str) -> Creature:
    """A creature as an outcome leaves it."""
    return next(thing for thing in outcome.put if isinstance(thing, Creature) and thing.id == id_)


class Lucky(Random):
    """Dice that fall low."""

    def randint(self, a: int, b: int) -> int:
        return a


# Ways.

TILES = st.tuples(st.integers(0, 14), st.integers(0, 14))


@given(TILES, TILES, st.frozensets(TILES, max_size=80), st.integers(0, 2))
def test_a_way_is_steps_on_free_tiles_and_the_same_each_time(
    start: tuple[int, int], goal: tuple[int, int], walls: frozenset[tuple[int, int]], within: int
) -> None:
    looked: list[tuple[int, int]] = []

    def free(x: int, y: int) -> bool:
        looked.append((x, y))
        return 0 <= x < 15 and 0 <= y < 15 and (x, y) not in walls

    found = way(start, goal, free, within)
    assert all(tiles_between(a, b) == 1 for a, b in zip([start, *found], found, strict=False))
    assert all(tile not in walls for tile in found)
    assert len(looked) <= 8 * NODES_MAX
    assert tiles_between(found[-1] if found else start, goal) <= tiles_between(start, goal)
    assert found == way(start, goal, free, within)
    if not walls:
        assert len(found) == max(0, tiles_between(start, goal) - within)


def test_a_way_around_a_wall_is_found_and_where_there_is_none_one_comes_near() -> None:
    wall = {(5, y) for y in range(1, 10)}
    found = way((3, 5), (7, 5), lambda x, y: 0 <= x < 12 and 0 <= y < 12 and (x, y) not in wall)
    assert found[-1] == (7, 5)
    shut = wall | {(5, y) for y in range(-1, 14)}
    near = way((2, 5), (7, 5), lambda x, y: 0 <= x < 12 and 0 <= y < 12 and (x, y) not in shut)
    assert near[-1][0] == 4


# Moods.


def kind_as(monkeypatch: pytest.MonkeyPatch, name: str, **changes: Any) -> None:
    monkeypatch.setitem(creature_kinds.KINDS, name, replace(KINDS[name], **changes))


def test_who_is_hurt_flees_and_heals_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", flees_below=30)
    hurt = creature(WOLF, x=26, y=3, hp=5)
    fled = body(stir(hurt, player(x=25, y=3)), WOLF)
    assert (fled.mood, fled.x) == ("flee", 27)
    calm = state(creature(RAT, x=12, y=12), replace(fled, act_due_ms=0), player(x=2, y=18))
    for n in range(4, 80, 4):
        outcome = play(
            Stir(zone="meadow", n=NOW // 4 * 4 + n),
            calm,
            circumstances(gateway="", rng=Random(n), now_ms=NOW_MS + n * 2_000),
        )
        fold(calm, outcome)
    well = calm.of(Creature)[WOLF]
    assert (well.mood, well.hp, well.wounds) == ("", KINDS["wolf"].hp_max, "")


def test_the_timid_flee_from_whom_they_see_and_strike_when_cornered(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "rat", flees_below=100)
    assert put(stir(creature(RAT, x=12, y=12), player(x=11, y=11)), RAT).mood == "flee"
    walls = frozenset((x, y) for x in (10, 11, 12) for y in (10, 11, 12)) - {(11, 11), (10, 11)}
    hole = World(zones={"meadow": replace(MEADOW, walls=walls), "town": WORLD.zones["town"]}, start="meadow")
    cornered = stir(creature(RAT, x=11, y=11), player(x=10, y=11), world=hole)
    assert put(cornered, "ada").hp < 100


def test_kin_in_earshot_come_and_strangers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", calls=6)
    later = NOW_MS + 900
    near = creature("meadow.wolf.8", x=22, y=8, act_due_ms=later)
    far, rat = replace(near, id="meadow.wolf.9", x=5, y=18), creature("meadow.rat.9", x=21, y=9, act_due_ms=later)
    outcome = stir(creature("meadow.wolf.7", x=20, y=10), near, far, rat, player(x=19))
    assert put(outcome, near.id).prey == "ada"
    assert not [thing for thing in outcome.put if thing.id in (far.id, rat.id)]


def test_who_chased_too_far_goes_home(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", leash=5)
    outcome = stir(creature(WOLF, x=20, y=10, mood="chase", prey="ada"), player(x=17))
    assert (put(outcome, WOLF).mood, put(outcome, WOLF).prey) == ("return", "")


def test_a_wide_blow_of_a_creature_strikes_all_near(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", sweeps=2)
    outcome = stir(creature(WOLF, x=20, y=10), player(x=19), player("Bob", x=21, y=11), player("Eve", x=24))
    assert all(put(outcome, name).hp < 100 for name in ("ada", "bob"))
    assert not [thing for thing in outcome.put if thing.id == "eve"]


# Bosses.

PHASES = [
    Phase(below=66, summons={"rat": 2}, says="Rise!"),
    Phase(below=33, blow=20, radius=3, faster=50),
]


def test_a_boss_has_its_phases_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", phases=PHASES)
    boss = creature(WOLF, x=20, y=10, hp=20)
    outcome = stir(boss, player(x=19))
    summoned = [thing for thing in outcome.put if isinstance(thing, Creature) and "+" in thing.id]
    assert [one.id for one in summoned] == [f"{WOLF}+1", f"{WOLF}+2"]
    assert Roared(who=WOLF, text="Rise!") in told(outcome)
    assert put(outcome, WOLF).phase == 1
    again = stir(replace(boss, phase=1), *summoned, player(x=19))
    assert not [notice for notice in told(again) if isinstance(notice, Roared)]


def test_the_last_phase_strikes_all_around_and_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", phases=PHASES)
    boss = creature(WOLF, x=20, y=10, hp=2, phase=1)
    outcome = stir(boss, player(x=19), player("Bob", x=22))
    assert put(outcome, "bob").hp < 100
    assert put(outcome, WOLF).act_due_ms == NOW_MS + KINDS["wolf"].act_every_ms // 2


def test_who_was_summoned_goes_with_the_boss(monkeypatch: pytest.MonkeyPatch) -> None:
    kind_as(monkeypatch, "wolf", phases=PHASES)
    minion = creature("meadow.rat.1", x=15, y=15)
    minion = replace(minion, id=f"{WOLF}+1")
    assert stir(creature(WOLF, x=20, y=10, hp=20, phase=1), minion).drop == ()
    assert stir(minion).drop == (minion,)  # its summoner is well again
    assert stir(creature(WOLF, hp=0, dead_until_ms=NOW_MS + 9), minion).drop == (minion,)


# Lairs.

DEN = Table(name="den", kinds={"rat": 3, "wolf": 1}, number=3, respawn_s=10, respawn_most_s=20)


def test_a_lair_brings_its_number_of_its_kinds_each_on_a_tile_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lairs.TABLES, "den", DEN)
    lair = Placed("meadow.den.9", 15, 15, Lair(lair="den"))
    world = World(zones={"meadow": replace(MEADOW, objects=(*MEADOW.objects, lair))}, start="meadow")
    outcome = stir(world=world)
    born = [thing for thing in outcome.put if isinstance(thing, Creature) and thing.id.startswith("meadow.den")]
    assert [one.id for one in born] == ["meadow.den.9", "meadow.den.9.2", "meadow.den.9.3"]
    assert len({(one.x, one.y) for one in born}) == 3
    assert all(one.kind in DEN.kinds and 10_000 <= one.respawn_ms <= 20_000 for one in born)


def test_kinds_come_by_their_weights() -> None:
    drawn = [drawn_kind(DEN, Random(n)) for n in range(400)]
    assert 60 < drawn.count("wolf") < 140


@pytest.mark.parametrize(
    ("lair", "sentence"),
    [
        (Lair(), "needs a kind, or else a lair"),
        (Lair(kind="rat", lair="rats"), "needs a kind, or else a lair"),
        (Lair(lair="nest"), "names a lair 'nest' that lairs.json does not have"),
    ],
)
def test_a_lair_that_names_what_is_not_there_is_refused(lair: Lair, sentence: str) -> None:
    assert lair.problem() == sentence


def test_a_table_that_names_what_is_not_there_is_refused() -> None:
    with pytest.raises(Corrupt, match="x: kinds: there is no creature 'dragon'"):
        check_table(Table(name="x", kinds={"dragon": 1}))
    assert Table(name="x", kinds={}).problem() == "kinds: nothing comes from it"
    assert Table(name="x", kinds={"rat": 1}, respawn_s=9, respawn_most_s=3).problem()


def test_a_zone_bears_so_many_creatures() -> None:
    crowd = tuple(Placed(f"meadow.rat.{n}", 9, 9, Lair(kind="rat")) for n in range(CREATURES_MAX + 1))
    world = World(zones={"meadow": replace(MEADOW, objects=crowd)}, start="meadow")
    assert list(no_zone_is_overrun(world)) == [("meadow", "has 61 creatures, and 60 are the most")]


# Ticks that come twice, late, in disorder.


def lived(numbers: list[int]) -> Any:
    """The zone after ticks with these numbers; those that are refused change nothing."""
    scene = state(*at_home(), player(x=22, y=4), pet(x=21, y=5))
    for number in numbers:
        context = circumstances(gateway="", rng=Random(number), now_ms=NOW_MS + number * TICK_MS, id=f"s{number}")
        try:
            fold(scene, play(Stir(zone="meadow", n=NOW + number), scene, context))
        except Rejected:
            continue
    return {kind: dict(things) for kind, things in scene.things.items()}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, TOLERANCE_TICKS), max_size=4), min_size=20, max_size=20))
def test_doubled_and_late_ticks_harm_nothing(late: list[list[int]]) -> None:
    """After each tick it comes again, and some that are past: the world is the same as without them.

    What is older than the tolerance never comes here: it is stale.
    """
    plain = list(range(10, 30))
    disturbed = [number for n, past in zip(plain, late, strict=True) for number in (n, n, *(n - by for by in past))]
    assert lived(disturbed) == lived(plain)


# Those of players.


def test_a_weakened_creature_is_tamed_and_its_lair_is_empty_for_a_while() -> None:
    wild = creature("meadow.wolf.2", x=13, hp=10)
    outcome = do(Tame(target=wild.id), wild, rng=Lucky())
    tamed, gone = put(outcome, PET), put(outcome, wild.id)
    assert outcome.result.done
    assert [one.id for one in outcome.result.companions] == [PET]
    assert (tamed.owner, tamed.kind, tamed.mood, tamed.hp, tamed.x) == ("ada", "wolf", "follow", 10, 13)
    assert gone.dead_until_ms == NOW_MS + KINDS["wolf"].respawn_s * 1_000
    assert outcome.events == ()


def test_who_is_not_tamed_is_angry() -> None:
    class Unlucky(Random):
        def randint(self, a: int, b: int) -> int:
            return b

    outcome = do(Tame(target=WOLF), creature(WOLF, x=13, hp=10), rng=Unlucky())
    assert not outcome.result.done
    assert put(outcome, WOLF).prey == "ada"


FULL = [pet(id=id_) for id_ in companion_ids("ada")]
WEAK = creature(WOLF, x=13, hp=5)
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "tame nothing": ("no_such_target", Tame(target="x"), []),
    "tame the dead": ("no_such_target", Tame(target=WOLF), [replace(WEAK, dead_until_ms=9)]),
    "tame a strong one": ("too_strong", Tame(target=WOLF), [replace(WEAK, hp=35)]),
    "tame a spider": ("not_tameable", Tame(target="meadow.spider.3"), [creature("meadow.spider.3", x=13, hp=1)]),
    "tame another's": ("not_tameable", Tame(target=WOLF), [replace(WEAK, owner="bob")]),
    "tame from afar": ("out_of_reach", Tame(target=WOLF), [replace(WEAK, x=20)]),
    "tame from elsewhere": ("out_of_reach", Tame(target=WOLF), [replace(WEAK, zone="town")]),
    "tame too many": ("too_many_companions", Tame(target=WOLF), [WEAK, *FULL]),
    "order another's": ("not_yours", Order(creature=WOLF, what="guard"), [WEAK]),
    "order nothing": ("not_yours", Order(creature="x", what="guard"), []),
    "release a wild one": ("not_yours", Release(creature=WOLF), [WEAK]),
    "release another's": ("not_yours", Release(creature=companion_ids("bob")[0]), [pet(id=companion_ids("bob")[0])]),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    with pytest.raises(Rejected) as refusal:
        do(event, *things)
    assert refusal.value.code == code


def test_nobody_tames_where_it_is_safe() -> None:
    with pytest.raises(Rejected, match="safe_zone"):
        do(Tame(target="town.rat.1"), creature("town.rat.1", x=5, y=4, hp=1), who=player(zone="town", x=4, y=4))


@pytest.mark.parametrize("event", [Tame(target=WOLF), Order(creature=PET, what="guard")], ids=lambda e: e.spec.name)
def test_the_dead_and_the_absent_have_no_say(event: Any) -> None:
    with pytest.raises(Rejected, match="dead"):
        do(event, WEAK, pet(), who=replace(ADA, dead_until_ms=9))
    with pytest.raises(NotNow, match="not_here"):
        do(event, WEAK, pet(), who=absent(ADA))


def test_one_is_told_what_one_has_and_may_let_it_go() -> None:
    assert [one.id for one in do(Pets(), pet(), pet(id=companion_ids("bob")[0])).result.companions] == [PET]
    released = do(Release(creature=PET), pet())
    assert (released.drop, released.result.companions) == ((pet(),), [])
    assert put(do(Order(creature=PET, what="guard"), pet()), PET).mood == "guard"


def test_it_follows_and_fights_what_is_after_its_owner() -> None:
    followed = put(stir(pet(x=3, y=18), ADA), PET)
    assert tiles_between((followed.x, followed.y), (12, 10)) < tiles_between((3, 18), (12, 10))
    wolf = creature(WOLF, x=13, prey="ada", act_due_ms=NOW_MS + 900)
    outcome = stir(wolf, pet(), ADA)
    assert put(outcome, WOLF).hp < wolf.hp
    assert put(outcome, WOLF).prey == PET


def test_what_it_kills_is_its_owners_merit() -> None:
    outcome = stir(creature(WOLF, x=13, hp=1, prey="ada", act_due_ms=NOW_MS + 900), pet(), ADA)
    assert outcome.events[0] == Reward(player="ada", xp=KINDS["wolf"].xp, slain="wolf")


def test_a_guard_stays() -> None:
    assert not [thing for thing in stir(pet(mood="guard", x=20, y=10), ADA).put if thing.id == PET]


def test_it_is_never_lost_by_dying() -> None:
    struck = play(Attack(target=PET), state(BOB, pet(x=13, y=11, hp=1)), circumstances(BOB))
    dead = body(struck, PET)
    assert (dead.owner, dead.dead_until_ms, struck.events) == ("ada", NOW_MS + OWNED_DEAD_MS, ())
    back = put(stir(replace(dead, dead_until_ms=NOW_MS), ADA), PET)
    assert (back.hp, back.dead_until_ms) == (KINDS["wolf"].hp_max, 0)


def test_it_follows_through_a_portal_and_waits_for_who_is_absent() -> None:
    there = player(zone="town", x=4, y=4)
    left = stir(pet(), there)
    assert left.events == (Heel(creature=PET, owner="ada"),)
    moved = play(left.events[0], state(pet(), there), circumstances())
    assert (put(moved, PET).zone, put(moved, PET).x) == ("town", 4)
    away = play(left.events[0], state(pet(), absent(there)), circumstances())
    assert put(away, PET).zone == ""


@pytest.mark.parametrize("stale", [pet(zone="town"), pet(owner="bob"), pet(mood="guard")])
def test_to_be_called_twice_or_late_does_nothing(stale: Creature) -> None:
    there = player(zone="town", x=4, y=4)
    assert play(Heel(creature=PET, owner="ada"), state(stale, there), circumstances()).put == ()


def test_who_waited_outside_of_the_world_comes_once_its_owner_is_there() -> None:
    called = Heel(creature=PET, owner="ada")
    there = player(zone="town", x=4, y=4)
    assert put(play(called, state(pet(zone=""), there), circumstances()), PET).zone == "town"
    assert play(called, state(pet(zone=""), absent(there)), circumstances()).put == ()


DEEDS = st.one_of(
    st.builds(Tame, target=st.sampled_from([WOLF, RAT, "meadow.wolf.7"])),
    st.builds(Release, creature=st.sampled_from(companion_ids("ada"))),
    st.builds(Order, creature=st.sampled_from(companion_ids("ada")), what=st.sampled_from(["follow", "guard"])),
    st.builds(Attack, target=st.sampled_from([WOLF, RAT, *companion_ids("ada")])),
    st.builds(Stir, zone=st.sampled_from(["meadow", "town"]), n=st.just(0)),
    st.builds(Heel, creature=st.sampled_from(companion_ids("ada")), owner=st.just("ada")),
    st.just(Logout()),
)


def _comes_or_goes(scene: State, name: str) -> None:
    """Who is in the world leaves it, by a packet, and who is not comes in: their creatures wait, and come along."""
    who, begun = players(scene)[name], ADA if name == "ada" else BOB
    if who.present:
        scene.put([session_of(who)])
        fold(scene, play(Logout(), scene, circumstances(who)))
    else:
        scene.put([account_of(who)])
        event, conn = (
            Login(name=who.name, password="long enough"),
            circumstances(conn=begun.conn, session=begun.session),
        )
        fold(scene, play(event, scene, conn))
    assert players(scene)[name].present is not who.present


LEFT_BEHIND = [("ada", Tame(target=WOLF)), ("ada", Logout()), ("ada", Heel(creature=PET, owner="ada"))]


@settings(max_examples=40, deadline=None)
@example([*LEFT_BEHIND, ("ada", Logout())])
@given(st.lists(st.tuples(st.sampled_from(["ada", "bob"]), DEEDS), max_size=40))
def test_whatever_is_done_companions_are_made_by_taming_alone_and_never_lost(deeds: list[Any]) -> None:
    """``play`` proves that nothing but its source makes one, and nothing but its sink destroys one."""
    weak = [creature(RAT, x=12, y=11, hp=2), creature(WOLF, x=13, y=11, hp=5), replace(WEAK, id="meadow.wolf.7", y=9)]
    scene = state(ADA, BOB, *weak)
    for n, (name, event) in enumerate(deeds):
        event = replace(event, n=NOW + n) if isinstance(event, Stir) else event
        who = ADA if name == "ada" else BOB
        if isinstance(event, Logout):
            _comes_or_goes(scene, name)
            continue
        try:
            context = circumstances(who, id=f"e{n}", now_ms=NOW_MS + n * 1_500, rng=Random(n))
            fold(scene, play(event, scene, context))
        except (Rejected, NotNow):
            continue
        owned = [one for one in scene.of(Creature).values() if one.owner]
        assert all(one.id in companion_ids(one.owner) for one in owned)
        assert len(owned) <= 2 * COMPANIONS_MAX


def test_other_maps_remove_no_companion() -> None:
    lost = pet(zone="gone")
    assert superfluous(WORLD, lost)
    outcome = removed_or_kept(state(), lost)
    assert (outcome.drop, put(outcome, PET).zone) == ((), "")
    assert superfluous(WORLD, pet()) == ""
    assert superfluous(WORLD, replace(creature(RAT), id=f"{RAT}+1")) == ""
