from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.errors import NotNow, Rejected
from gameserver.modules.combat.blows import DEAD_MS, SPREAD, blow
from gameserver.modules.combat.creature_kinds import KINDS
from gameserver.modules.combat.entities import Creature
from gameserver.modules.combat.events import Attack, Died, Fall, Hit, Levelled, Reward, Rewarded, Slain, Struck
from gameserver.modules.combat.rules import COOLDOWN_MS, REACH
from gameserver.modules.movement.events import Appeared, Vanished
from gameserver.rules.outcome import MAIL_MAX
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, creature, play, player, put, state, told

ADA = player()
BOB = player("Bob", x=13)
RAT = creature()


def strike(target: str, *bodies: Any, attacker: Any = ADA, **changes: Any) -> Any:
    return play(Attack(target=target, seq=1), state(attacker, *bodies), circumstances(attacker, **changes))


def refusal(target: str, *bodies: Any, attacker: Any = ADA) -> str:
    with pytest.raises(Rejected) as refused:
        strike(target, *bodies, attacker=attacker)
    assert not isinstance(refused.value, NotNow)
    return refused.value.code


@given(st.integers(0, 60), st.integers(0, 60), st.integers())
def test_a_blow_hurts_by_attack_less_defence_give_or_take_and_always_a_little(
    attack: int, defence: int, seed: int
) -> None:
    damage = blow(Random(seed), attack, defence)
    assert damage >= 1
    assert attack - defence - SPREAD <= damage <= max(1, attack - defence + SPREAD)


def test_the_dice_decide_within_the_spread() -> None:
    assert {blow(Random(seed), 10, 0) for seed in range(200)} == set(range(10 - SPREAD, 10 + SPREAD + 1))


def test_a_blow_hurts_a_creature_which_remembers_who_struck_it() -> None:
    boar = creature("meadow.boar.9")
    outcome = strike(boar.id, boar)
    hurt = put(outcome, boar.id)
    damage = boar.hp - hurt.hp
    assert damage >= 1
    assert (hurt.prey, hurt.v, hurt.dead_until_ms) == ("ada", boar.v + 1, 0)
    assert outcome.result == Hit(target=boar.id, damage=damage, hp=hurt.hp)
    assert told(outcome) == [Struck(by="ada", target=boar.id, damage=damage, hp=hurt.hp, v=hurt.v)]
    assert outcome.notifications[0].to == ("zone.meadow/1.1",)
    assert outcome.events == ()


def test_a_creature_that_dies_vanishes_and_its_slayer_is_to_be_rewarded() -> None:
    weak = creature(hp=1, prey="bob")
    outcome = strike(weak.id, weak)
    dead = put(outcome, weak.id)
    assert (dead.hp, dead.prey) == (0, "")
    assert dead.dead_until_ms == NOW_MS + KINDS["rat"].respawn_s * 1000
    reward = Reward(player="ada", xp=KINDS["rat"].xp, slain="rat")
    assert outcome.events == (reward, Slain(kind="rat", zone="meadow", x=weak.x, y=weak.y))
    struck, died, vanished = told(outcome)
    assert (struck.hp, died, vanished) == (0, Died(who=weak.id, by="ada"), Vanished(who=weak.id, v=dead.v))  # type: ignore[attr-defined]


def test_players_may_strike_players() -> None:
    outcome = strike("bob", BOB)
    hurt = put(outcome, "bob")
    assert hurt.hp < BOB.hp
    assert (hurt.hit_ms, hurt.v, hurt.dead_until_ms) == (NOW_MS, BOB.v + 1, 0)
    assert outcome.result == Hit(target="bob", damage=BOB.hp - hurt.hp, hp=hurt.hp)
    assert outcome.events == ()


def test_a_player_who_dies_is_dead_for_a_while_which_costs_something_and_nobody_is_rewarded() -> None:
    outcome = strike("bob", player("Bob", x=13, hp=1))
    dead = put(outcome, "bob")
    assert (dead.hp, dead.dead_until_ms) == (0, NOW_MS + DEAD_MS)
    assert [type(notice) for notice in told(outcome)] == [Struck, Died, Vanished]
    assert outcome.events == (Fall(player="bob", by="ada", zone="meadow", x=13, y=10),)


def test_an_arm_needs_rest() -> None:
    rested = put(strike("bob", BOB), "ada")
    assert rested.attack_due_ms == NOW_MS + COOLDOWN_MS
    assert refusal("bob", BOB, attacker=player(attack_due_ms=NOW_MS + 1)) == "cooldown"
    assert strike("bob", BOB, attacker=player(attack_due_ms=NOW_MS)).result
    assert strike("bob", BOB, attacker=player(attack_due_ms=NOW_MS + 600_000)).result  # by a clock that was ahead


@pytest.mark.parametrize(("dx", "dy"), [(x, y) for x in (-2, -1, 0, 1, 2) for y in (-2, -1, 0, 1, 2)])
def test_a_blow_reaches_the_next_tile_in_all_directions(dx: int, dy: int) -> None:
    bob = player("Bob", x=ADA.x + dx, y=ADA.y + dy)
    if max(abs(dx), abs(dy)) <= REACH:
        assert strike("bob", bob).result
    else:
        assert refusal("bob", bob) == "out_of_reach"


def test_nobody_strikes_into_another_zone() -> None:
    assert refusal("bob", player("Bob", zone="town", x=ADA.x, y=ADA.y)) == "out_of_reach"


def test_nobody_fights_where_it_is_safe() -> None:
    here = player(zone="town", x=4, y=4)
    assert refusal("bob", player("Bob", zone="town", x=5, y=4), attacker=here) == "safe_zone"


@pytest.mark.parametrize(
    "others",
    [(), (absent(BOB),), (player("Bob", x=13, dead_until_ms=5),), (creature("meadow.rat.3"),)],
    ids=["nobody", "absent", "dead", "another"],
)
def test_who_is_not_there_is_not_struck(others: Any) -> None:
    assert refusal("bob", *others) == "no_such_target"


def test_a_dead_creature_is_not_struck() -> None:
    assert refusal(RAT.id, creature(dead_until_ms=5)) == "no_such_target"


def test_nobody_strikes_oneself() -> None:
    assert refusal("ada") == "no_such_target"


def test_the_dead_and_the_absent_do_not_strike() -> None:
    assert refusal("bob", BOB, attacker=player(dead_until_ms=NOW_MS + 1)) == "dead"
    with pytest.raises(NotNow, match="not_here"):
        strike("bob", BOB, attacker=absent(ADA))


def test_the_same_dice_fall_alike() -> None:
    assert strike("bob", BOB, rng=Random(5)) == strike("bob", BOB, rng=Random(5))


@given(st.integers(), st.integers(1, 200))
def test_health_never_falls_below_nothing(seed: int, hp: int) -> None:
    for victim in (player("Bob", x=13, hp=hp), creature(hp=hp)):
        outcome = strike(victim.id, victim, rng=Random(seed))
        hurt = put(outcome, victim.id)
        assert 0 <= hurt.hp < victim.hp
        assert (hurt.hp == 0) == bool(hurt.dead_until_ms)
        died = [Reward, Slain] if isinstance(victim, Creature) else [Fall]
        assert [type(event) for event in outcome.events] == (died if hurt.hp == 0 else [])


# Rewards.


def reward(*bodies: Any, xp: int = 30) -> Any:
    return play(Reward(player="ada", xp=xp, slain="rat"), state(*bodies), circumstances())


@pytest.mark.parametrize(("before", "xp", "total", "attack"), [(0, 30, 30, 10), (80, 30, 110, 11), (990, 30, 1020, 20)])
def test_a_slayer_gains_experience_and_grows(before: int, xp: int, total: int, attack: int) -> None:
    outcome = reward(player(xp=before, attack=10 + before // 100), xp=xp)
    grown = put(outcome, "ada")
    assert (grown.xp, grown.attack) == (total, attack)
    tell, *others = outcome.notifications  # what achievements tell comes after
    levelled = [type(one.notice) for one in others if isinstance(one.notice, Levelled | Appeared)]
    assert levelled == ([Levelled, Appeared] if attack > 10 + before // 100 else [])
    assert tell.notice == Rewarded(xp=xp, total=total, slain="rat")
    assert tell.player == "ada"


def test_an_absent_slayer_is_rewarded_all_the_same() -> None:
    assert put(reward(absent(ADA)), "ada").xp == 30


def test_a_slayer_whose_mailbox_is_full_is_rewarded_and_not_told() -> None:
    full = state(ADA, mail_counts={"ada": MAIL_MAX})
    outcome = play(Reward(player="ada", xp=30, slain="rat"), full, circumstances())
    assert put(outcome, "ada").xp == 30
    assert outcome.notifications == ()


def test_a_slayer_who_is_no_more_gains_nothing() -> None:
    outcome = reward()
    assert (outcome.put, outcome.notifications) == ((), ())
