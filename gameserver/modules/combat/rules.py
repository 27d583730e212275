"""Combat: a blow needs reach, a rested arm and a place where fighting is allowed, or a duel by consent.

What a blow does stands in ``blows``; creatures strike with it too, on their zone's ticks. Duels have rules of their own
(``duels``).
"""

from msgspec.structs import replace

from gameserver.game import (
    Box,
    Context,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    awaited,
    has_room_for_mail,
    ids,
    mail_count,
    near,
    rule,
)
from gameserver.modules.combat.blows import (
    Hurt,
    blow_of_player,
    resists_of,
    strike_creature,
    strike_player,
)
from gameserver.modules.combat.duels import (
    DUEL_PARTS,
    LEFT_HP,
    acceptduel,
    are_fighting,
    challenge,
    declineduel,
    duelists,
    forfeit,
    over,
)
from gameserver.modules.combat.effects import EFFECTS, effects_in
from gameserver.modules.combat.entities import Creature, Duel, Health, Strength
from gameserver.modules.combat.events import (
    Attack,
    Cleave,
    Condition,
    Fall,
    Fallen,
    Hit,
    Reward,
    Rewarded,
    Score,
    Slain,
    Swept,
)
from gameserver.modules.combat.fighters import (
    PARTS,
    Fighter,
    changed_parts,
    fighter_needs,
    fighter_of,
    living_actor,
    present_fighter,
)
from gameserver.modules.combat.gear import REACH, gear_in
from gameserver.modules.combat.growth import grown, level_told
from gameserver.modules.combat.levels import LEVELS, left_after_death, level_of
from gameserver.modules.combat.maps import is_safe
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import distance
from gameserver.modules.sessions.entities import Player

__all__ = ["REACH", "acceptduel", "challenge", "declineduel", "forfeit"]

COOLDOWN_MS = 1_000
CLEAVE_MS = 3_000  # a wide blow takes longer
CLEFT_MAX = 8  # creatures that one blow strikes, the nearest
SWEEPS_MAX = 3  # tiles
ARM_MS = max(COOLDOWN_MS, CLEAVE_MS)  # an arm never rests for longer


def _needs_target(event: Attack, context: Context) -> Needs:
    return *duelists(event.target), ids(Creature, event.target)


@rule(needs=_needs_target, components=DUEL_PARTS)
def attack(state: State, event: Attack, context: Context) -> Outcome:
    """Strike someone within reach."""
    attacker = living_actor(state, context)
    target = _target(state, event.target)
    _check(state, attacker, target, context.now_ms)
    rests = _rested(attacker, context.now_ms, COOLDOWN_MS)
    if isinstance(target, Creature):
        return _on_creature(rests, strike_creature(blow_of_player(attacker), target, context.now_ms, context.rng))
    return _on_player(state, rests, attacker, target, context)


def _target(state: State, target: str) -> Fighter | Creature:
    found = present_fighter(state, target) or state.get(Creature, target)
    if found is None or found.dead:
        raise Rejected("no_such_target", "There is nobody of that name to strike.")
    return found


def _check(state: State, attacker: Fighter, target: Fighter | Creature, now_ms: int) -> None:
    if target.id == attacker.id:
        raise Rejected("no_such_target", "You can't strike yourself.")
    if isinstance(target, Creature) and target.owner == attacker.id:
        raise Rejected("your_own", "It is yours.")
    here, there = attacker.body, target.body if isinstance(target, Fighter) else target
    if is_safe(state.zone(here.zone)) and not _is_duel(state, attacker.id, target.id, now_ms):
        raise Rejected("safe_zone", "Nobody fights here.")
    if here.zone != there.zone or distance(here, there) > gear_in(attacker.strength.gear).reach:
        raise Rejected("out_of_reach", "Too far away.")
    _check_rested(attacker, now_ms)


def _check_rested(attacker: Fighter, now_ms: int) -> None:
    if awaited(attacker.strength.attack_due_ms, now_ms, ARM_MS):
        raise Rejected("cooldown", "Your arm needs a rest.")


def _is_duel(state: State, player: str, other: str, now_ms: int) -> bool:
    ours, theirs = state.get(Duel, player), state.get(Duel, other)
    return ours is not None and theirs is not None and are_fighting(ours, theirs, now_ms)


def _rested(attacker: Fighter, now_ms: int, after_ms: int) -> Strength:
    return replace(attacker.strength, attack_due_ms=now_ms + after_ms)


def _on_creature(attacker: Strength, felt: Hurt[Creature]) -> Outcome:
    creature = felt.struck
    return Outcome(
        result=Hit(target=creature.id, damage=felt.damage, hp=creature.hp),
        put=(attacker, creature),
        notifications=felt.notifications,
        events=felt.events,
    )


def _on_player(state: State, rests: Strength, attacker: Fighter, target: Fighter, context: Context) -> Outcome:
    dueling = _is_duel(state, attacker.id, target.id, context.now_ms)
    felt = strike_player(blow_of_player(attacker), target, context.now_ms, context.rng, spares=dueling)
    hurt = felt.struck
    ended = dueling and hurt.health.hp <= LEFT_HP
    sides = state.of(Duel)
    end = over(state, sides[attacker.id], sides[hurt.id], winner=attacker.id, why="won") if ended else Outcome()
    return Outcome(
        result=Hit(target=hurt.id, damage=felt.damage, hp=hurt.health.hp),
        put=(rests, *changed_parts(state, hurt), *end.put),
        notifications=(*felt.notifications, *end.notifications),
        events=felt.events,
    )


def cleft_box(body: Body) -> Box:
    """The tiles that a blow may strike which sweeps as far as any does."""
    return body.zone, body.x - SWEEPS_MAX, body.y - SWEEPS_MAX, body.x + SWEEPS_MAX, body.y + SWEEPS_MAX


@rule(
    needs=lambda event, context: (near(Body, context.player, (Creature,), cleft_box, lock_most=CLEFT_MAX),),
    components=PARTS,
)
def cleave(state: State, event: Cleave, context: Context) -> Outcome:
    """Strike all creatures within the weapon's sweep, but one's own."""
    attacker = living_actor(state, context)
    sweeps = gear_in(attacker.strength.gear).sweeps
    if not sweeps:
        raise Rejected("no_sweep", "Your weapon does not strike so wide.")
    if is_safe(state.zone(attacker.body.zone)):
        raise Rejected("safe_zone", "Nobody fights here.")
    _check_rested(attacker, context.now_ms)
    struck = cleft(state, attacker, sweeps)
    if not struck:
        raise Rejected("no_such_target", "There is nothing near to strike.")
    blow = blow_of_player(attacker)
    felts = [strike_creature(blow, creature, context.now_ms, context.rng) for creature in struck]
    return Outcome(
        result=Swept(hits=[Hit(target=f.struck.id, damage=f.damage, hp=f.struck.hp) for f in felts]),
        put=(_rested(attacker, context.now_ms, CLEAVE_MS), *(felt.struck for felt in felts)),
        notifications=tuple(one for felt in felts for one in felt.notifications),
        events=tuple(one for felt in felts for one in felt.events),
    )


def cleft(state: State, attacker: Fighter, sweeps: int) -> list[Creature]:
    """The creatures that a wide blow strikes, the nearest first."""
    body = attacker.body
    there = [c for c in state.of(Creature).values() if c.zone == body.zone and not c.dead and c.owner != attacker.id]
    near_ = sorted((distance(body, c), c.id) for c in there if distance(body, c) <= sweeps)
    return [state.of(Creature)[id_] for _, id_ in near_[:CLEFT_MAX]]


def _needs_rewarded(event: Reward, context: Context) -> Needs:
    return *fighter_needs(event.player), mail_count(event.player)


@rule(needs=_needs_rewarded)
def reward(state: State, event: Reward, context: Context) -> Outcome:
    """Who took part gains experience, and with each level health and attack.

    Whose mailbox is full gains it all the same, and is not told.
    """
    if state.get(Player, event.player) is None:
        return Outcome()
    before = fighter_of(state, event.player)
    after = grown(before, event.xp)
    told = Rewarded(xp=event.xp, total=after.strength.xp, slain=event.slain)
    mail = (Notification(notice=told, player=before.id),) if has_room_for_mail(state, before.id) else ()
    return Outcome(put=changed_parts(state, after), notifications=(*mail, *level_told(state, before, after)))


@rule()
def slain(state: State, event: Slain, context: Context) -> Outcome:
    """A creature has died. What it leaves behind other modules say, by hooks."""
    return Outcome()


@rule(needs=lambda event, context: (ids(Player, event.player), ids(Strength, event.player)))
def fall(state: State, event: Fall, context: Context) -> Outcome:
    """Death costs experience, but never a level. What else it costs other modules say, by hooks."""
    before = state.get(Strength, event.player)
    if before is None:
        return Outcome()
    left = left_after_death(before.xp)
    told = Notification(notice=Fallen(xp=before.xp - left, total=left), player=before.id)
    return Outcome(put=(replace(before, xp=left),), notifications=(told,))


def _condition(state: State, event: Score, context: Context) -> Outcome:
    health, strength = state.of(Health)[context.player], state.of(Strength)[context.player]
    level = level_of(strength.xp)
    acting = [EFFECTS[effect.kind].title for effect in effects_in(strength.effects) if effect.kind in EFFECTS]
    condition = Condition(
        hp=health.hp,
        hp_max=health.hp_max,
        level=level,
        xp=strength.xp,
        next_xp=LEVELS[level] if level < len(LEVELS) else 0,
        attack=strength.attack,
        defence=strength.defence,
        reach=gear_in(strength.gear).reach,
        effects=acting,
        resists=dict(resists_of(strength)),
    )
    return Outcome(result=condition)


@rule(repeat=_condition, components=PARTS)
def score(state: State, event: Score, context: Context) -> Outcome:
    """How a player is, dead or alive."""
    return _condition(state, event, context)
