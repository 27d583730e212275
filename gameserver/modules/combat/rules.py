"""Combat: a blow needs reach, a rested arm and a place where fighting is allowed.

``blow`` is the one formula for all fights; creatures strike with it too, on their zone's ticks (see ``scene``).
"""

from msgspec.structs import replace

from gameserver.game import (
    Context,
    Dice,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    awaited,
    has_room_for_mail,
    ids,
    mail_count,
    rule,
)
from gameserver.modules.combat.entities import Creature, Strength
from gameserver.modules.combat.events import Attack, Died, Hit, Reward, Rewarded, Struck
from gameserver.modules.combat.fighters import PARTS, Fighter, fighter_needs, living_actor, present_fighter
from gameserver.modules.combat.kinds import kind_of
from gameserver.modules.combat.maps import is_safe
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.view import cell_of, distance, vanishes
from gameserver.modules.sessions.entities import Player

REACH = 1
COOLDOWN_MS = 1_000
DEAD_MS = 5_000
SPREAD = 3
XP_PER_ATTACK = 100


def blow(rng: Dice, attack: int, defence: int) -> int:
    """Damage of a blow: attack less defence, give or take ``SPREAD``, at least 1."""
    return max(1, attack - defence + rng.randint(-SPREAD, SPREAD))


def _needs_target(event: Attack, context: Context) -> Needs:
    return *fighter_needs(event.target), ids(Creature, event.target)


@rule(needs=_needs_target, components=PARTS)
def attack(state: State, event: Attack, context: Context) -> Outcome:
    """Strike someone within reach."""
    attacker = living_actor(state, context)
    target = _target(state, event.target)
    _check(state, attacker, target, context.now_ms)
    rests = replace(attacker.strength, attack_due_ms=context.now_ms + COOLDOWN_MS)
    if isinstance(target, Creature):
        return _strike_creature(rests, target, context)
    return _strike_player(rests, target, context)


def _target(state: State, target: str) -> Fighter | Creature:
    found = present_fighter(state, target) or state.get(Creature, target)
    if found is None or found.dead:
        raise Rejected("no_such_target", "There is nobody of that name to strike.")
    return found


def _check(state: State, attacker: Fighter, target: Fighter | Creature, now_ms: int) -> None:
    if target.id == attacker.id:
        raise Rejected("no_such_target", "You can't strike yourself.")
    here, there = attacker.body, target.body if isinstance(target, Fighter) else target
    if is_safe(state.zone(here.zone)):
        raise Rejected("safe_zone", "Nobody fights here.")
    if here.zone != there.zone or distance(here, there) > REACH:
        raise Rejected("out_of_reach", "Too far away.")
    if awaited(attacker.strength.attack_due_ms, now_ms, COOLDOWN_MS):
        raise Rejected("cooldown", "Your arm needs a rest.")


def _strike_creature(attacker: Strength, creature: Creature, context: Context) -> Outcome:
    kind = kind_of(creature.kind)
    damage = blow(context.rng, attacker.attack, kind.defence)
    hurt = replace(creature, hp=max(0, creature.hp - damage), prey=attacker.id, v=creature.v + 1)
    result = Hit(target=creature.id, damage=damage, hp=hurt.hp)
    struck = _struck(attacker.id, hurt, hurt.hp, damage)
    if hurt.hp:
        return Outcome(result=result, put=(attacker, hurt), notifications=(struck,))
    dead = replace(hurt, prey="", dead_until_ms=context.now_ms + kind.respawn_s * 1000)
    reward = Reward(player=attacker.id, xp=kind.xp, slain=creature.kind)
    return Outcome(
        result=result, put=(attacker, dead), notifications=(struck, *_death(dead, attacker.id)), events=(reward,)
    )


def _strike_player(attacker: Strength, player: Fighter, context: Context) -> Outcome:
    damage = blow(context.rng, attacker.attack, player.strength.defence)
    hurt, notifications = strike_player(attacker.id, player, damage, context.now_ms)
    result = Hit(target=player.id, damage=damage, hp=hurt.health.hp)
    return Outcome(result=result, put=(attacker, *hurt.parts), notifications=notifications)


def strike_player(by: str, player: Fighter, damage: int, now_ms: int) -> tuple[Fighter, tuple[Notification, ...]]:
    """A player who was struck, and what is seen of it; at no health dead until ``DEAD_MS`` later."""
    hp = max(0, player.health.hp - damage)
    dead_until_ms = 0 if hp else now_ms + DEAD_MS
    hurt = player.changed(hp=hp, hit_ms=now_ms, dead_until_ms=dead_until_ms)
    struck = _struck(by, hurt.body, hp, damage)
    return hurt, (struck,) if hp else (struck, *_death(hurt.body, by))


def _struck(by: str, target: Body | Creature, hp: int, damage: int) -> Notification:
    return Notification(notice=Struck(by=by, target=target.id, damage=damage, hp=hp, v=target.v), to=(cell_of(target),))


def _death(body: Body | Creature, by: str) -> tuple[Notification, ...]:
    return (Notification(notice=Died(who=body.id, by=by), to=(cell_of(body),)), vanishes(body))


@rule(needs=lambda event, context: (ids(Player, event.player), ids(Strength, event.player), mail_count(event.player)))
def reward(state: State, event: Reward, context: Context) -> Outcome:
    """The slayer gains experience, and grows a little stronger with every hundred points.

    Whose mailbox is full gains it all the same, and is not told.
    """
    before = state.get(Strength, event.player)
    if before is None:
        return Outcome()
    after = grown(before, event.xp)
    told = Notification(notice=Rewarded(xp=event.xp, total=after.xp, slain=event.slain), player=before.id)
    return Outcome(put=(after,), notifications=(told,) if has_room_for_mail(state, before.id) else ())


def grown(before: Strength, xp: int) -> Strength:
    """The strength of who gains experience."""
    total = before.xp + xp
    stronger = total // XP_PER_ATTACK - before.xp // XP_PER_ATTACK
    return replace(before, xp=total, attack=before.attack + stronger)
