"""One of each event of groups, for tests that go through the whole catalogue."""

from gameserver.modules.groups.entities import Group, Invitation, Member
from gameserver.modules.groups.events import (
    AcceptInvite,
    DeclineInvite,
    GroupTalk,
    Invite,
    Kick,
    LeaveGroup,
    LookAfter,
    Muster,
    PassLead,
)
from gameserver.modules.groups.events import Group as AskGroup
from gameserver.testing.two_zones import NOW_MS

NAMES = ("Ada", "Bob", "Eve")
PLAYED = {
    "group": lambda n: AskGroup(seq=n),
    "invite": lambda n: Invite(to=NAMES[n % 3], seq=n),
    "acceptinvite": lambda n: AcceptInvite(by=NAMES[n % 3], seq=n),
    "declineinvite": lambda n: DeclineInvite(by=NAMES[n % 3], seq=n),
    "leavegroup": lambda n: LeaveGroup(seq=n),
    "kick": lambda n: Kick(who=NAMES[n % 3], seq=n),
    "passlead": lambda n: PassLead(to=NAMES[n % 3], seq=n),
    "grouptalk": lambda n: GroupTalk(text="x", seq=n),
}
TENDED = {"muster": lambda n: Muster(n=n)}
BORN = {"lookafter": lambda n: LookAfter(player=NAMES[n % 3].lower())}
THINGS = [
    Group(id="g", members='["ada","bob"]'),
    Member(id="ada", in_group="g", look_ms=1),
    Member(id="bob", in_group="g", look_ms=1),
    Invitation(id="eve", by="ada", until_ms=NOW_MS + 1),
]
