"""The balance that the kinds promise, as duels with a fresh player: 100 hp, attack 10, defence 2, a blow a second."""

import math

import pytest

from gameserver.modules.combat.creature_kinds import KINDS, Kind

PLAYER_HP, PLAYER_ATTACK, PLAYER_DEFENCE = 100, 10, 2

CHAMPION_XP = 150  # who earns so much is not for one who has just begun
VETERAN_ATTACK, VETERAN_DEFENCE = PLAYER_ATTACK + 10, PLAYER_DEFENCE + 10  # with the best that can be worn

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def blows_to_kill(kind: Kind, attack: int) -> int:
    return math.ceil(kind.hp_max / max(1, attack - kind.defence))


def damage_taken(kind: Kind, attack: int = PLAYER_ATTACK, defence: int = PLAYER_DEFENCE) -> float:
    """What the kind deals to the player, on average, until it is dead."""
    return blows_to_kill(kind, attack) * 1000 / kind.act_every_ms * max(1, kind.attack - defence)


def champions() -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.xp >= CHAMPION_XP]


def test_kinds_are_filed_under_their_names() -> None:
    assert len(KINDS) >= 6
    assert all(name == kind.name for name, kind in KINDS.items())
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)


@every_kind
def test_names_fit_into_ids(kind: Kind) -> None:
    assert kind.name.isidentifier()
    assert kind.name.islower()


@every_kind
def test_a_kind_can_live_hurt_and_return(kind: Kind) -> None:
    assert kind.hp_max > 0
    assert kind.attack > PLAYER_DEFENCE
    assert 0 <= kind.defence < PLAYER_ATTACK
    assert kind.xp > 0
    assert kind.act_every_ms > 0
    assert kind.respawn_s > 0


@every_kind
def test_a_kind_sees_farther_than_it_reaches(kind: Kind) -> None:
    assert 1 <= kind.reach < kind.sight


@every_kind
def test_a_fresh_player_survives_a_duel_but_with_champions(kind: Kind) -> None:
    assert (damage_taken(kind) < PLAYER_HP) == (kind not in champions())


def test_the_strongest_kind_below_them_is_a_close_call() -> None:
    assert max(damage_taken(kind) for kind in KINDS.values() if kind not in champions()) > PLAYER_HP * 0.75


def test_a_veteran_survives_a_duel_with_every_champion_but_the_king() -> None:
    lost = [k.name for k in champions() if damage_taken(k, VETERAN_ATTACK, VETERAN_DEFENCE) >= PLAYER_HP]
    assert lost == ["barrow_king"]


def test_some_kinds_hunt_and_some_only_strike_back() -> None:
    hunters = [kind for kind in KINDS.values() if kind.aggressive]
    assert 0 < len(hunters) < len(KINDS)


def test_more_dangerous_kinds_earn_more_and_return_later() -> None:
    by_xp = sorted(KINDS.values(), key=lambda kind: kind.xp)
    assert [kind.respawn_s for kind in by_xp] == sorted(kind.respawn_s for kind in by_xp)
    assert damage_taken(by_xp[0]) == min(map(damage_taken, by_xp))
    assert damage_taken(by_xp[-1]) == max(map(damage_taken, by_xp))
