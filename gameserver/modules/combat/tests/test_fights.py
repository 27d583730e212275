"""What combat has beside plain blows: reach, wide blows, elements, effects, shares, levels, what death costs, duels."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gameserver.errors import NotNow, Rejected
from gameserver.modules.combat import effects
from gameserver.modules.combat.blows import DEAD_MS
from gameserver.modules.combat.creature_kinds import KINDS, Kind, Phase, check_kind
from gameserver.modules.combat.duels import CHALLENGE_MS, DUEL_MS
from gameserver.modules.combat.effects import EFFECTS, EFFECTS_MAX, Effect, EffectKind, afflicted, effects_in, pulsed
from gameserver.modules.combat.elements import resisted
from gameserver.modules.combat.entities import Creature, Duel, Health, Strength
from gameserver.modules.combat.events import (
    AcceptDuel,
    Attack,
    Challenge,
    Cleave,
    DeclineDuel,
    DuelBegan,
    DuelEnded,
    Fall,
    Fallen,
    Felt,
    Forfeit,
    Levelled,
    Reward,
    Score,
)
from gameserver.modules.combat.gear import Gear, gear_in, written
from gameserver.modules.combat.levels import LEVELS, left_after_death, level_of
from gameserver.modules.combat.wounds import SHARERS_MAX, noted, shared, wounds_in
from gameserver.modules.world.events import Stir
from gameserver.modules.world.rules import TICK_MS
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, creature, fold, play, player, put, state, told

ADA, BOB = player(), player("Bob", x=13)
NOW = NOW_MS // TICK_MS
VENOM = EFFECTS["venom"]


def armed(body: Any, **gear: Any) -> Any:
    return replace(body, gear=written(Gear(**gear)))


def refused(event: Any, *things: Any, who: Any = ADA, now_ms: int = NOW_MS) -> str:
    with pytest.raises(Rejected) as refusal:
        play(event, state(*(thing for thing in (who, *things))), circumstances(who, now_ms=now_ms))
    return refusal.value.code


# Reach, and wide blows.


@pytest.mark.parametrize(("reach", "away", "strikes"), [(1, 1, True), (1, 2, False), (6, 6, True), (6, 7, False)])
def test_a_weapon_reaches_so_far(reach: int, away: int, strikes: bool) -> None:
    archer, boar = armed(ADA, reach=reach), creature("meadow.boar.9", x=ADA.x + away)
    if strikes:
        assert play(Attack(target=boar.id), state(archer, boar), circumstances(archer)).result.damage
    else:
        assert refused(Attack(target=boar.id), boar, who=archer) == "out_of_reach"


def test_a_wide_blow_strikes_all_creatures_near_but_ones_own_and_no_player() -> None:
    sweeper = armed(ADA, sweeps=1)
    near = [creature(f"meadow.boar.{n}", x=11 + n % 3, y=9 if n < 3 else 11) for n in range(6)]
    far, own = creature("meadow.boar.8", x=14), creature("meadow.boar.9", x=11, owner="ada")
    outcome = play(Cleave(), state(sweeper, BOB, *near, far, own), circumstances(sweeper))
    assert [hit.target for hit in outcome.result.hits] == [boar.id for boar in near]
    assert all(put(outcome, boar.id).prey == "ada" for boar in near)
    assert {thing.id for thing in outcome.put} == {"ada", *(boar.id for boar in near)}


CLEAVES = {
    "a plain weapon": ("no_sweep", ADA, [creature()]),
    "nobody near": ("no_such_target", armed(ADA, sweeps=1), [creature(x=20)]),
    "a safe place": ("safe_zone", armed(player(zone="town", x=4, y=4), sweeps=1), [creature("town.rat.1", x=5, y=4)]),
    "a tired arm": ("cooldown", replace(armed(ADA, sweeps=1), attack_due_ms=NOW_MS + 2_900), [creature()]),
    "the dead": ("dead", replace(armed(ADA, sweeps=1), dead_until_ms=9), [creature()]),
}


@pytest.mark.parametrize("why", CLEAVES)
def test_a_wide_blow_is_refused(why: str) -> None:
    code, who, things = CLEAVES[why]
    assert refused(Cleave(), *things, who=who) == code


def test_nobody_strikes_a_creature_of_ones_own() -> None:
    own = creature(owner="ada")
    assert refused(Attack(target=own.id), own) == "your_own"


# Elements.


@given(st.integers(0, 500), st.sampled_from(["", "fire", "cold"]), st.integers(-100, 100))
def test_resistance_takes_its_percent_and_only_all_of_it_leaves_nothing(
    damage: int, element: str, percent: int
) -> None:
    left = resisted(damage, element, {element or "blow": percent})
    assert 0 <= left <= 2 * damage
    assert (left == 0) == (damage == 0 or percent == 100)
    assert resisted(damage, element, {"light": percent}) == damage


def test_armour_keeps_off_its_part_and_never_more_than_three_quarters() -> None:
    burning = armed(replace(ADA, attack=103), element="fire")
    hit = [
        play(Attack(target="bob"), state(burning, bob), circumstances(burning)).result.damage
        for bob in (replace(BOB, hp=999), armed(replace(BOB, hp=999), resists={"fire": 200}))
    ]
    assert hit[1] == hit[0] * 25 // 100


# Effects.


def stir(scene: Any, n: int, now_ms: int) -> Any:
    return play(Stir(zone="meadow", n=n), scene, circumstances(gateway="", now_ms=now_ms, rng=Random(n)))


def resting() -> list[Creature]:
    return [creature("meadow.rat.1", x=12, y=12), creature("meadow.wolf.2", x=26, y=3)]


def poisoned(body: Any, by: str = "bob") -> Any:
    return replace(body, effects=afflicted("", "venom", by, NOW_MS))


def test_a_poisoned_weapon_leaves_its_effect_in_who_is_struck() -> None:
    assassin = armed(ADA, inflicts="venom", inflicts_permille=1_000)
    boar = creature("meadow.boar.9")
    outcome = play(Attack(target=boar.id), state(assassin, boar), circumstances(assassin))
    assert effects_in(put(outcome, boar.id).effects) == (Effect("venom", VENOM.pulses, NOW_MS + VENOM.every_ms, "ada"),)
    outcome = play(Attack(target="bob"), state(assassin, BOB), circumstances(assassin))
    assert [effect.kind for effect in effects_in(put(outcome, "bob").effects)] == ["venom"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 70), min_size=40, max_size=40), st.randoms(use_true_random=False))
def test_poison_acts_as_often_as_it_says_whatever_ticks_come_late_twice_or_in_disorder(
    numbers: list[int], dice: Random
) -> None:
    """Ticks with numbers at random, doubled; the database keeps the last, so that each is lived through once."""
    scene = state(poisoned(replace(ADA, hit_ms=NOW_MS + 10**6)), *resting())
    lost, now_ms = 0, NOW_MS
    for number in (*numbers, *range(71, 100)):
        now_ms += dice.choice((0, 100, 500, 2_000)) if number <= 70 else 1_000
        for _ in range(dice.choice((1, 2))):
            try:
                outcome = stir(scene, NOW + number, now_ms)
            except Rejected:
                continue
            lost -= sum(notice.change for notice in told(outcome) if isinstance(notice, Felt))
            fold(scene, outcome)
    assert lost == VENOM.pulses * VENOM.harm
    assert scene.of(Strength)["ada"].effects == ""


def test_who_dies_of_poison_was_killed_by_who_gave_it_and_is_rid_of_it() -> None:
    scene = state(poisoned(replace(ADA, hp=1)), *resting())
    outcome = stir(scene, NOW + 1, NOW_MS + VENOM.every_ms)
    assert put(outcome, "ada").dead_until_ms == NOW_MS + VENOM.every_ms + DEAD_MS
    assert put(outcome, "ada").effects == ""
    assert outcome.events == (Fall(player="ada", by="bob", zone="meadow", x=12, y=10),)


def test_a_creature_that_dies_of_poison_rewards_who_gave_it() -> None:
    rat = replace(creature(x=12, y=12, hp=2), effects=afflicted("", "venom", "ada", NOW_MS))
    outcome = stir(state(ADA, rat), NOW + 1, NOW_MS + VENOM.every_ms)
    assert outcome.events[0] == Reward(player="ada", xp=KINDS["rat"].xp, slain="rat")


def test_an_effect_begins_anew_and_so_many_act_at_once() -> None:
    twice = afflicted(afflicted("", "venom", "bob", NOW_MS), "venom", "eve", NOW_MS + 500)
    assert effects_in(twice) == (Effect("venom", VENOM.pulses, NOW_MS + 500 + VENOM.every_ms, "eve"),)
    full = effects.written([Effect(f"kind{n}", 1, 1) for n in range(EFFECTS_MAX)])
    assert afflicted(full, "venom", "bob", NOW_MS) == full
    assert afflicted("", "nonsense", "bob", NOW_MS) == ""
    assert pulsed(full, NOW_MS) == ("", [])  # kinds that another version has
    assert effects.cured(twice, "poison") == ""
    assert effects.cured(twice, "fire") == twice


def test_an_effect_does_not_wait_for_a_time_of_another_clock() -> None:
    ahead = effects.written([Effect("venom", 2, NOW_MS + 10**7)])
    assert len(pulsed(ahead, NOW_MS)[1]) == 1


# Shares and levels.


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 500)), max_size=40),
    st.integers(0, 10_000),
)
def test_shares_add_up_to_what_there_is_and_go_by_damage(blows: list[tuple[int, int]], xp: int) -> None:
    text = ""
    for who, damage in blows:
        text = noted(text, f"p{who}", damage)
    done = wounds_in(text)
    assert len(done) <= SHARERS_MAX
    last = f"p{blows[-1][0]}" if blows else "p0"
    shares = shared(text, xp, last)
    assert sum(shares.values()) == xp
    assert min(shares.values()) >= 0
    assert shares.keys() == (done.keys() or {last})
    rest = last if last in shares else next(iter(shares))
    ranked = sorted((who for who in shares if who != rest), key=lambda who: done.get(who, 0))
    assert [shares[who] for who in ranked] == sorted(shares[who] for who in ranked)


def test_all_who_took_part_are_rewarded_once_by_damage_done() -> None:
    boar = creature("meadow.boar.9", hp=1, wounds=noted(noted("", "bob", 29), "eve", 10))
    outcome = play(Attack(target=boar.id), state(ADA, boar), circumstances(ADA))
    rewards = [event for event in outcome.events if isinstance(event, Reward)]
    assert [(one.player, one.xp) for one in rewards] == [("bob", 10), ("eve", 3), ("ada", 2)]
    assert sum(one.xp for one in rewards) == KINDS["boar"].xp


def test_what_is_somebodys_is_worth_nothing() -> None:
    pet = creature(hp=1, owner="bob")
    assert play(Attack(target=pet.id), state(ADA, pet), circumstances(ADA)).events == ()


def test_levels_begin_where_the_table_says() -> None:
    assert list(LEVELS) == sorted(set(LEVELS))
    assert [level_of(xp) for xp in (0, 99, 100, 199, 200, LEVELS[-1], 10**9)] == [1, 1, 2, 2, 3, 20, 20]


def test_a_level_brings_health_and_attack() -> None:
    outcome = play(Reward(player="ada", xp=250, slain="x"), state(replace(ADA, xp=90, hp=50)), circumstances())
    grown = put(outcome, "ada")
    assert (grown.xp, grown.attack, grown.hp_max, grown.hp) == (340, 13, 115, 65)
    assert Levelled(level=4, hp=65, hp_max=115, attack=13) in told(outcome)


@given(st.integers(0, 50_000))
def test_death_costs_experience_but_never_a_level(xp: int) -> None:
    left = left_after_death(xp)
    assert 0 <= left <= xp
    assert level_of(left) == level_of(xp)


def test_who_falls_loses_a_tenth_of_its_level_and_is_told() -> None:
    outcome = play(Fall(player="ada", by="x", zone="meadow", x=1, y=1), state(replace(ADA, xp=180)), circumstances())
    assert put(outcome, "ada").xp == 172
    assert Fallen(xp=8, total=172) in told(outcome)
    assert play(Fall(player="zoe", by="x", zone="meadow", x=1, y=1), state(), circumstances()).put == ()


def test_one_may_ask_how_one_is() -> None:
    who = poisoned(armed(replace(ADA, xp=120, hp=70), reach=4, resists={"cold": 90}))
    result = play(Score(), state(who), circumstances(who)).result
    assert (result.level, result.next_xp, result.reach, result.effects) == (2, 200, 4, ["Venom"])
    assert result.resists == {"cold": 75}


# Duels.


def fighting(until_ms: int = NOW_MS + DUEL_MS, zone: str = "meadow") -> tuple[Any, Any]:
    ada = replace(ADA, rival="bob", rival_until_ms=until_ms, duel_zone=zone)
    return ada, replace(BOB, rival="ada", rival_until_ms=until_ms, duel_zone=zone)


def test_a_duel_begins_when_both_agree() -> None:
    scene = state(ADA, BOB)
    fold(scene, play(Challenge(to="Bob"), scene, circumstances(ADA)))
    began = play(AcceptDuel(to="Ada"), scene, circumstances(BOB))
    fold(scene, began)
    duels = scene.of(Duel)
    assert (duels["ada"].rival, duels["bob"].rival, duels["ada"].duel_zone) == ("bob", "ada", "meadow")
    assert [type(notice) for notice in told(began)] == [DuelBegan, DuelBegan]


def test_a_duel_is_fought_where_it_is_safe_and_ends_before_anybody_dies() -> None:
    ada, bob = (replace(body, zone="town", x=4 + n, y=4) for n, body in enumerate(fighting(zone="town")))
    outcome = play(Attack(target="bob"), state(ada, replace(bob, hp=2)), circumstances(ada))
    assert (put(outcome, "bob").hp, put(outcome, "bob").dead_until_ms, outcome.events) == (1, 0, ())
    assert DuelEnded(players=["Ada", "Bob"], winner="Ada", why="won") in told(outcome)
    assert {(thing.id, thing.rival) for thing in outcome.put if isinstance(thing, Duel)} == {("ada", ""), ("bob", "")}


def test_no_poison_is_left_by_a_duel() -> None:
    ada, bob = fighting()
    outcome = play(
        Attack(target="bob"), state(armed(ada, inflicts="venom", inflicts_permille=1_000), bob), circumstances(ada)
    )
    assert not [thing for thing in outcome.put if thing.id == "bob" and isinstance(thing, Strength)]


@pytest.mark.parametrize(
    "left", [absent, lambda bob: replace(bob, zone="town", x=4, y=4)], ids=["the world", "the zone"]
)
def test_who_leaves_has_lost(left: Any) -> None:
    ada, bob = fighting()
    outcome = stir(state(ada, left(bob), *resting()), NOW + 1, NOW_MS)
    assert DuelEnded(players=["Ada", "Bob"], winner="Ada", why="forfeited") in told(outcome)
    assert {thing.id for thing in outcome.put if isinstance(thing, Duel)} == {"ada", "bob"}


def test_who_gives_up_has_lost_and_the_next_tick_tells_the_other() -> None:
    ada, bob = fighting()
    scene = state(ada, bob, *resting())
    fold(scene, play(Forfeit(), scene, circumstances(ada)))
    outcome = stir(scene, NOW + 1, NOW_MS)
    assert [notice.winner for notice in told(outcome) if isinstance(notice, DuelEnded)] == ["Bob"]
    fold(scene, outcome)
    assert {duel.rival for duel in scene.of(Duel).values()} == {""}


def test_a_duel_that_takes_too_long_has_no_winner() -> None:
    ada, bob = fighting(until_ms=NOW_MS)
    outcome = stir(state(ada, bob, *resting()), NOW + 1, NOW_MS)
    assert [notice.winner for notice in told(outcome) if isinstance(notice, DuelEnded)] == ["", ""]


CHALLENGED = replace(BOB, rival="ada", rival_until_ms=NOW_MS + CHALLENGE_MS)
REFUSED: dict[str, tuple[str, Any, list[Any]]] = {
    "challenge nobody": ("no_such_player", Challenge(to="Zoe"), []),
    "challenge oneself": ("no_such_player", Challenge(to="ADA"), []),
    "challenge who is offline": ("offline", Challenge(to="Bob"), [absent(BOB)]),
    "challenge the dead": ("not_alive", Challenge(to="Bob"), [replace(BOB, dead_until_ms=9)]),
    "challenge from afar": ("out_of_reach", Challenge(to="Bob"), [replace(BOB, x=30)]),
    "challenge into another zone": ("out_of_reach", Challenge(to="Bob"), [replace(BOB, zone="town")]),
    "challenge who fights": ("in_a_duel", Challenge(to="Bob"), [replace(fighting()[1], rival="eve")]),
    "accept what was not offered": ("not_challenged", AcceptDuel(to="Bob"), [BOB]),
    "accept what was offered another": ("not_challenged", AcceptDuel(to="Bob"), [replace(CHALLENGED, rival="eve")]),
    "accept too late": ("not_challenged", AcceptDuel(to="Bob"), [replace(CHALLENGED, rival_until_ms=NOW_MS)]),
    "accept from afar": ("out_of_reach", AcceptDuel(to="Bob"), [replace(CHALLENGED, x=30)]),
    "decline what is not": ("not_challenged", DeclineDuel(to="Bob"), [BOB]),
    "decline to nobody": ("not_challenged", DeclineDuel(to="Zoe"), []),
    "give up no duel": ("no_duel", Forfeit(), []),
}


@pytest.mark.parametrize("deed", REFUSED)
def test_bad_input_has_a_code_and_a_sentence_and_changes_nothing(deed: str) -> None:
    code, event, things = REFUSED[deed]
    assert refused(event, *things) == code


@pytest.mark.parametrize("event", [Challenge(to="Bob"), AcceptDuel(to="Bob"), Cleave()], ids=lambda e: e.spec.name)
def test_the_dead_and_the_absent_fight_nobody(event: Any) -> None:
    assert refused(event, CHALLENGED, who=replace(ADA, dead_until_ms=9)) == "dead"
    with pytest.raises(NotNow, match="not_here"):
        play(event, state(absent(ADA), CHALLENGED), circumstances(absent(ADA)))


DEEDS = st.one_of(
    st.builds(Challenge, to=st.sampled_from(["Ada", "Bob"])),
    st.builds(AcceptDuel, to=st.sampled_from(["Ada", "Bob"])),
    st.builds(DeclineDuel, to=st.sampled_from(["Ada", "Bob"])),
    st.builds(Attack, target=st.sampled_from(["ada", "bob"])),
    st.sampled_from([Forfeit(), Stir(zone="town", n=0)]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), DEEDS), max_size=60))
def test_in_a_safe_zone_nobody_ever_dies_and_a_duel_has_two_sides(deeds: list[tuple[bool, Any]]) -> None:
    ada, bob = player(zone="town", x=4, y=4, hp=20), player("Bob", zone="town", x=5, y=4, hp=20)
    scene = state(ada, bob)
    for n, (first, event) in enumerate(deeds):
        now_ms = NOW_MS + n * 2_000
        event = replace(event, n=NOW + n) if isinstance(event, Stir) else event
        who = ada if first else bob
        try:
            fold(scene, play(event, scene, circumstances(who, id=f"e{n}", now_ms=now_ms)))
        except Rejected:
            continue
        sides = [duel for duel in scene.of(Duel).values() if duel.duel_zone]
        if isinstance(event, Stir):
            assert len(sides) in (0, 2)
    assert all(health.dead_until_ms == 0 for health in scene.of(Health).values())


# Data files.

WRONG: dict[str, tuple[Any, dict[str, Any]]] = {
    "respawn_most_s: it is less than respawn_s": (Kind, {"respawn_most_s": 1}),
    "phases: each is below the one before": (Kind, {"phases": [Phase(below=30), Phase(below=60)]}),
    "phases.summons: too many at once": (Kind, {"phases": [Phase(below=30, summons={"rat": 8, "wolf": 1})]}),
    "element: there is no 'mud', expected one of fire, cold, poison, light": (Kind, {"element": "mud"}),
    "resists: there is no 'mud', expected one of blow, fire, cold, poison, light": (Kind, {"resists": {"mud": 1}}),
    "harm: an effect does harm, or heals": (EffectKind, {"harm": 1, "heals": 1}),
}
PLAIN: dict[Any, dict[str, Any]] = {
    Kind: {name: getattr(KINDS["rat"], name) for name in KINDS["rat"].__struct_fields__},
    EffectKind: {"name": "x", "title": "X", "every_ms": 1_000, "pulses": 1},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_contradicts_itself_is_refused(sentence: str) -> None:
    kind, fields = WRONG[sentence]
    assert kind(**{**PLAIN[kind], **fields}).problem() == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"inflicts": "hiccups"}, "rat: inflicts: there is no effect 'hiccups'."),
        ({"phases": [Phase(below=9, summons={"dragon": 1})]}, "rat: phases.summons: there is no creature 'dragon'."),
    ],
)
def test_what_names_what_is_not_there_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        check_kind(replace(KINDS["rat"], **fields))


def test_gear_is_kept_as_text_and_nothing_is_nothing() -> None:
    gear = Gear(reach=3, sweeps=1, element="fire", resists={"cold": 5})
    assert gear_in(written(gear)) == gear
    assert written(Gear()) == ""
