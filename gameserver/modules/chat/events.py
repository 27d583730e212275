"""Chat: say, shout, whisper, channels."""

from gameserver.game import ChannelName, Event, Name, Notice, Result, Text, event, notice


class Line(Result):
    """A line of talk. ``at_ms``: milliseconds since 1970."""

    by: str
    text: str
    at_ms: int


class Joined(Result):
    """The channel's last lines, oldest first."""

    channel: str
    history: list[Line]


class Online(Result):
    """Names of players who are in the world (at most 200), and how many there are in all."""

    names: list[str]
    count: int


@event(lane="talk")
class Say(Event):
    """Speak to those who see you."""

    text: Text


@event(lane="talk")
class Shout(Event):
    """Speak to all in your zone."""

    text: Text


@event(lane="talk")
class Whisper(Event):
    """Speak to one player, who is told at the next login if not in the world now."""

    to: Name
    text: Text


@event(lane="talk", result=Joined)
class Join(Event):
    """Join a channel, and hear its last 50 lines."""

    channel: ChannelName


@event(lane="talk")
class Leave(Event):
    """Leave a channel."""

    channel: ChannelName


@event(lane="talk")
class Talk(Event):
    """Speak to a channel that you have joined."""

    channel: ChannelName
    text: Text


@event(lane="talk", durable=False, stale_after_s=30.0, numbered=False, result=Online)
class Who(Event):
    """Ask who is in the world."""


@notice(durable=True)
class Heard(Notice):
    """Someone spoke. ``how``: say, shout, whisper, channel, or group for your group alone."""

    how: str
    by: str
    text: str
    at_ms: int
    channel: str = ""
