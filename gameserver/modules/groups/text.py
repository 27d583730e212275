"""Groups in words."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.groups.events import (
    AcceptInvite,
    Companion,
    Company,
    Declined,
    DeclineInvite,
    Group,
    Grouped,
    GroupTalk,
    Invite,
    Invited,
    Kick,
    LeaveGroup,
    PassLead,
)

command("invite <to>", Invite)
command("join group of <by>", AcceptInvite, also=("acceptinvite <by>",), what="Join the group of who has asked you.")
command("decline <by>", DeclineInvite, also=("declineinvite <by>",))
command("leave group", LeaveGroup, also=("leavegroup",), what="Leave your group.")
command("kick <who>", Kick)
command("lead <to>", PassLead, also=("passlead <to>",))
command("gtell <text...>", GroupTalk, also=("grouptalk <text...>",), what="Speak to your group.")
command("group", Group, what="See who is in your group, where they are and how.")

WHAT = {
    "joined": "has joined",
    "left": "has left",
    "kicked": "was put out of",
    "leads": "leads",
    "absent": "was away for too long, and has left",
}


@answered(Invite)
def asked(data: None, event: Invite, sight: Sight) -> str:
    """Say that the other has to answer."""
    return f"You ask {styled('name', event.to)} to come with you."


@told(Invited)
def invited(notice: Invited, sight: Sight) -> str:
    """Say who asks, and how to answer."""
    names = ", ".join(notice.members)
    with_whom = f" into the group of {names}" if names else " to found a group"
    return f"{styled('name', notice.by)} asks you{with_whom}. Type: join group of {notice.by}, or: decline {notice.by}"


@told(Declined)
def declined(notice: Declined, sight: Sight) -> str:
    """Say who does not want to."""
    return f"{styled('name', notice.by)} does not want to join."


@told(Grouped)
def grouped(notice: Grouped, sight: Sight) -> str:
    """Say what became of the group."""
    changed = f"{styled('name', notice.by)} {WHAT.get(notice.what, notice.what)} the group"
    if not notice.members:
        return f"{changed}. You are in no group now."
    return f"{changed}: {', '.join(notice.members)}."


@answered(AcceptInvite, Group)
def company(data: Company, event: AcceptInvite | Group, sight: Sight) -> str:
    """List who is in it."""
    return "\n".join(map(_line, data.members)) if data.members else "You are in no group."


def _line(one: Companion) -> str:
    where = f"{one.zone}, at {one.x}, {one.y}" if one.present else "not in the world"
    return f"{styled('name', one.name)}: {one.hp} of {one.hp_max} health, {where}"


@answered(DeclineInvite)
def declined_by_me(data: None, event: DeclineInvite, sight: Sight) -> str:
    """Say that it is answered."""
    return f"You say no to {styled('name', event.by)}."


@answered(LeaveGroup, Kick, PassLead, GroupTalk)
def told_by_a_notice(data: None, event: LeaveGroup | Kick | PassLead | GroupTalk, sight: Sight) -> str:
    """What came of it is told to all members alike."""
    return ""
