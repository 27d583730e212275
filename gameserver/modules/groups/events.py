"""Groups: asked, joined, left, and what their members see of each other."""

from gameserver.game import Event, Name, Notice, Result, Text, event, notice

MUSTER_S = 15.0


class Companion(Result):
    """A member of your group. ``present``: whether it is in the world; ``zone``, ``x``, ``y``: where it stands."""

    id: str
    name: str
    zone: str
    x: int
    y: int
    hp: int
    hp_max: int
    present: bool = True


class Company(Result):
    """Your group: its id ("" for none), and its members, the one who leads first."""

    group: str
    members: list[Companion]


@event(lane="group")
class Invite(Event):
    """Ask a player into your group, which you lead, or to found one with you."""

    to: Name


@event(lane="group", result=Company)
class AcceptInvite(Event):
    """Join the group of a player who has asked you."""

    by: Name


@event(lane="group")
class DeclineInvite(Event):
    """Say no to a player who has asked you into a group."""

    by: Name


@event(lane="group")
class LeaveGroup(Event):
    """Leave your group. Who came after you leads it, if you did; one player alone is no group."""


@event(lane="group")
class Kick(Event):
    """Put a player out of the group that you lead."""

    who: Name


@event(lane="group")
class PassLead(Event):
    """Let another player lead the group that you lead."""

    to: Name


@event(lane="group")
class GroupTalk(Event):
    """Speak to your group, wherever its members are."""

    text: Text


@event(lane="group", durable=False, numbered=False, stale_after_s=10.0, result=Company)
class Group(Event):
    """Ask who is in your group, where they are and how."""


@event(origin="server", durable=False, every_s=MUSTER_S)
class Muster(Event):
    """Find members of groups who were not looked after for a while."""

    n: int


@event(origin="server", durable=False, stale_after_s=60.0)
class LookAfter(Event):
    """Born of ``muster``: who is not in the world for too long leaves the group."""

    player: str


@notice()
class Invited(Notice):
    """A player asks you to join a group of ``members``, or (none) to found one: ``acceptinvite`` within a minute."""

    by: str
    members: list[str]


@notice()
class Declined(Notice):
    """A player whom you asked does not want to join."""

    by: str


@notice()
class Grouped(Notice):
    """Your group has changed: names of its members, the one who leads first; none when you are in no group any more.

    ``by`` has ``what``: joined, left, kicked (put out), leads, or absent (not in the world for too long).
    """

    members: list[str]
    by: str
    what: str
