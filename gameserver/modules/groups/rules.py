"""Groups: a member has a row of its own, so that a player is in one group at most; one alone is no group."""

from msgspec.structs import replace

from gameserver.game import (
    Context,
    Entity,
    Listing,
    Needs,
    Notification,
    Outcome,
    Passwords,
    Reader,
    Rejected,
    SessionUpdate,
    State,
    awaited,
    ids,
    portion,
    rule,
)
from gameserver.modules.chat.events import Heard
from gameserver.modules.chat.rules import clean
from gameserver.modules.combat.entities import Health
from gameserver.modules.groups import events
from gameserver.modules.groups.entities import Group, Invitation, Member
from gameserver.modules.groups.events import (
    AcceptInvite,
    Companion,
    Company,
    Declined,
    DeclineInvite,
    Grouped,
    GroupTalk,
    Invite,
    Invited,
    Kick,
    LeaveGroup,
    LookAfter,
    Muster,
    PassLead,
)
from gameserver.modules.groups.own_group import current, group_needs, group_of, own_group
from gameserver.modules.movement.entities import Body
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.players import actor, player_id

MEMBERS_MAX = 8
INVITED_MS = 60_000  # so long an invitation counts
LOOK_MS = 60_000  # so often it is looked whether a member is in the world
ABSENCES_MAX = 10  # looks in a row at which a member may be away: ten minutes
MUSTERED_MAX = 300  # in one turn; the rest comes with the next
PARTS: tuple[type[Entity], ...] = (Body, Health)


def group_topic(group: str) -> str:
    """What the members of a group watch."""
    return f"group.{group}"


def watch_group(group: str) -> SessionUpdate:
    """Let a connection hear this group and no other; "" for none."""
    return SessionUpdate(watch={"group": (group_topic(group),) if group else ()})


# Asking.


def _needs_invited(event: Invite, context: Context) -> Needs:
    to = player_id(event.to)
    return *group_needs(context.prepared, to, context.player), ids(Invitation, to)


@rule(prepare=own_group, needs=_needs_invited)
def invite(state: State, event: Invite, context: Context) -> Outcome:
    """The player is told, and may join for a minute. The last invitation counts."""
    me, invited = actor(state, context), _other(state, context.player, event.to)
    group = current(state, me.id, context.prepared)
    _check_lead(group, me)
    if not invited.present:
        raise Rejected("offline", f"{invited.name} is not in the world.")
    if invited.id in state.of(Member):
        raise Rejected("in_a_group", f"{invited.name} is in a group.")
    _check_room(group)
    asked = Invitation(id=invited.id, by=me.id, until_ms=context.now_ms + INVITED_MS)
    told = Invited(by=me.name, members=_names(state, group.players if group else []))
    return Outcome(put=(asked,), notifications=(_tell(invited, told),))


def _other(state: State, me: str, name: str) -> Player:
    found = state.get(Player, player_id(name))
    if found is None:
        raise Rejected("no_such_player", f"Nobody is called {name}.")
    if found.id == me:
        raise Rejected("no_such_player", "That is yourself.")
    return found


def _check_lead(group: Group | None, player: Player) -> None:
    if group is not None and group.players[0] != player.id:
        raise Rejected("not_lead", "Only who leads the group can do that.")


def _check_room(group: Group | None) -> None:
    if group is not None and len(group.players) >= MEMBERS_MAX:
        raise Rejected("group_full", f"A group has {MEMBERS_MAX} members at most.")


def _names(state: State, players: list[str]) -> list[str]:
    """Names of players who were loaded."""
    return [state.of(Player)[player].name for player in players]


def _tell(player: Player, told: Invited | Declined | Grouped, follow: SessionUpdate | None = None) -> Notification:
    """Tell a player who is in the world; nobody else hears of it."""
    return Notification(notice=told, conn=player.conn, gateway=player.gateway, follow=follow)


# Answering.


def _inviters(event: AcceptInvite, context: Context, reader: Reader, passwords: Passwords) -> Group | None:
    return group_of(reader, player_id(event.by))


def _needs_inviters(event: AcceptInvite, context: Context) -> Needs:
    everybody = (player_id(event.by), context.player)
    own = ids(Group, context.id), ids(Invitation, context.player)
    return *group_needs(context.prepared, *everybody, parts=PARTS), *own


@rule(prepare=_inviters, needs=_needs_inviters)
def acceptinvite(state: State, event: AcceptInvite, context: Context) -> Outcome:
    """The player is a member; with the first one who comes the group is founded."""
    me = actor(state, context)
    by, asked = _asked(state, event, context)
    if me.id in state.of(Member):
        raise Rejected("in_a_group", "You are in a group. Leave it first.")
    group = current(state, by.id, context.prepared)
    _check_room(group)
    if group is not None and group.players[0] != by.id:
        raise Rejected("no_invitation", f"{by.name} does not lead that group any more.")
    if group is None and not by.present:
        raise Rejected("offline", f"{by.name} is not in the world.")
    return _joined(state, group or _founded(context.id, by), me, asked, context.now_ms)


def _asked(state: State, event: AcceptInvite | DeclineInvite, context: Context) -> tuple[Player, Invitation]:
    """Who has asked a player, and the invitation. Raises ``Rejected``: ``no_such_player``, ``no_invitation``."""
    by = _other(state, context.player, event.by)
    found = state.get(Invitation, context.player)
    if found is None or found.by != by.id or not awaited(found.until_ms, context.now_ms, INVITED_MS):
        raise Rejected("no_invitation", f"{by.name} does not ask you into a group, or not any more.")
    return by, found


def _founded(id_: str, by: Player) -> Group:
    return Group(id=id_, members="").of([by.id])


def _joined(state: State, group: Group, me: Player, asked: Invitation, now_ms: int) -> Outcome:
    """A player comes into a group. Who founds it is a member from now on too, and hears it."""
    with_me = group.of([*group.players, me.id])
    new = [player for player in with_me.players if player not in state.of(Member)]
    put = [Member(id=player, in_group=group.id, look_ms=now_ms + LOOK_MS) for player in new]
    told = Grouped(members=_names(state, with_me.players), by=me.name, what="joined")
    others = [state.of(Player)[player] for player in group.players]
    return Outcome(
        result=_company(state, with_me),
        put=(with_me, *put),
        drop=(asked,),
        notifications=tuple(_tell(player, told, watch_group(group.id)) for player in others),
        follow=watch_group(group.id),
    )


def _company(state: State, group: Group | None) -> Company:
    if group is None:
        return Company(group="", members=[])
    return Company(group=group.id, members=[_companion(state, player) for player in group.players])


def _companion(state: State, id_: str) -> Companion:
    player, body, health = state.of(Player)[id_], state.of(Body)[id_], state.of(Health)[id_]
    return Companion(
        id=id_,
        name=player.name,
        zone=body.zone,
        x=body.x,
        y=body.y,
        hp=health.hp,
        hp_max=health.hp_max,
        present=player.present,
    )


def _needs_invitation(event: DeclineInvite, context: Context) -> Needs:
    return ids(Player, player_id(event.by)), ids(Invitation, context.player)


@rule(needs=_needs_invitation)
def declineinvite(state: State, event: DeclineInvite, context: Context) -> Outcome:
    """Nothing is asked any more, and who asked is told."""
    me = actor(state, context)
    by, asked = _asked(state, event, context)
    return Outcome(drop=(asked,), notifications=(_tell(by, Declined(by=me.name)),))


# Leaving, and being led.


def _needs_group(event: LeaveGroup | Kick | PassLead, context: Context) -> Needs:
    return group_needs(context.prepared, context.player)


def _mine(state: State, context: Context) -> tuple[Player, Group]:
    """The player whose event it is, and its group. Raises ``Rejected``: ``no_group``, ``group_changed``."""
    me = actor(state, context)
    group = current(state, me.id, context.prepared)
    if group is None:
        raise Rejected("no_group", "You are in no group.")
    return me, group


@rule(prepare=own_group, needs=_needs_group)
def leavegroup(state: State, event: LeaveGroup, context: Context) -> Outcome:
    """The others go on, or if only one is left, that one is alone too."""
    me, group = _mine(state, context)
    return without(state, group, me.id, "left")


@rule(prepare=own_group, needs=_needs_group)
def kick(state: State, event: Kick, context: Context) -> Outcome:
    """The player is in the group no longer."""
    me, group = _mine(state, context)
    _check_lead(group, me)
    return without(state, group, _fellow(group, me, event.who), "kicked")


def _fellow(group: Group, me: Player, name: str) -> str:
    """The id of another member of one's group. Raises ``Rejected`` ``not_in_group``."""
    if player_id(name) == me.id or player_id(name) not in group.players:
        raise Rejected("not_in_group", f"Nobody else in your group is called {name}.")
    return player_id(name)


@rule(prepare=own_group, needs=_needs_group)
def passlead(state: State, event: PassLead, context: Context) -> Outcome:
    """Another one leads; the order is otherwise as it was."""
    me, group = _mine(state, context)
    _check_lead(group, me)
    lead = _fellow(group, me, event.to)
    led = group.of([lead, *(player for player in group.players if player != lead)])
    return Outcome(put=(led,), notifications=_changed(state, led.players, lead, "leads"))


def without(state: State, group: Group, gone: str, what: str) -> Outcome:
    """A member goes. A group that one alone would be left in is over."""
    left = [player for player in group.players if player != gone]
    over = len(left) < 2
    alone = group.players if over else [gone]
    gone_told = (*_changed(state, [], gone, what, told=alone),)
    return Outcome(
        put=() if over else (group.of(left),),
        drop=(*(state.of(Member)[player] for player in alone), *((group,) if over else ())),
        notifications=gone_told if over else (*gone_told, *_changed(state, left, gone, what)),
    )


def _changed(
    state: State, players: list[str], who: str, what: str, *, told: list[str] | None = None
) -> tuple[Notification, ...]:
    """Tell members what has changed. ``told``: who is in no group any more, and hears it no longer."""
    notice = Grouped(members=_names(state, players), by=state.of(Player)[who].name, what=what)
    follow = None if told is None else watch_group("")
    return tuple(_tell(state.of(Player)[player], notice, follow) for player in (players if told is None else told))


# Talking, and looking after each other.


@rule(needs=lambda event, context: (ids(Member, context.player),))
def grouptalk(state: State, event: GroupTalk, context: Context) -> Outcome:
    """Heard by all members who are in the world."""
    speaker, member = actor(state, context), state.get(Member, context.player)
    if member is None:
        raise Rejected("no_group", "You are in no group.")
    heard = Heard(how="group", by=speaker.name, text=clean(event.text), at_ms=context.now_ms, channel="group")
    return Outcome(notifications=(Notification(notice=heard, to=(group_topic(member.in_group),)),))


@rule(
    prepare=own_group,
    needs=lambda event, context: group_needs(context.prepared, context.player, parts=PARTS, look=True),
)
def group(state: State, event: events.Group, context: Context) -> Outcome:
    """Where the members are and how."""
    actor(state, context)
    return Outcome(result=_company(state, current(state, context.player, context.prepared)))


LONGEST_AGO: Listing[Member] = portion(Member, MUSTERED_MAX, "look_ms", 0)


@rule(needs=lambda event, context: (LONGEST_AGO,))
def muster(state: State, event: Muster, context: Context) -> Outcome:
    """Each member whose turn it is is looked after by an event of its own, which locks it."""
    due = [member for member in state.found(LONGEST_AGO) if _is_due(member, context.now_ms)]
    return Outcome(events=tuple(LookAfter(player=member.id) for member in due))


def _is_due(member: Member, now_ms: int) -> bool:
    return not awaited(member.look_ms, now_ms, LOOK_MS)


def _members(event: LookAfter, context: Context, reader: Reader, passwords: Passwords) -> Group | None:
    return group_of(reader, event.player)


@rule(prepare=_members, needs=lambda event, context: group_needs(context.prepared, event.player))
def lookafter(state: State, event: LookAfter, context: Context) -> Outcome:
    """Who is in the world stays; who was not at ten looks in a row leaves. A doubled one does nothing."""
    member = state.get(Member, event.player)
    if member is None or not _is_due(member, context.now_ms):
        return Outcome()
    absences = 0 if state.of(Player)[member.id].present else member.absences + 1
    group = current(state, member.id, context.prepared)
    if group is not None and absences >= ABSENCES_MAX:
        return without(state, group, member.id, "absent")
    return Outcome(put=(replace(member, look_ms=context.now_ms + LOOK_MS, absences=absences),))
