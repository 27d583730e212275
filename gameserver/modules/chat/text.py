"""Chat in words."""

from gameserver.game import Sight, answered, command, gmcp, styled, told
from gameserver.modules.chat.events import Heard, Join, Joined, Leave, Online, Say, Shout, Talk, Whisper, Who

command("say <text...>", Say, also=("'<text...>", '"<text...>'))
command("shout <text...>", Shout, also=("yell <text...>",))
command("tell <to> <text...>", Whisper, also=("whisper <to> <text...>",))
command("who", Who)
command("join <channel>", Join)
command("leave <channel>", Leave)
command("talk <channel> <text...>", Talk, also=("#<channel> <text...>",))

SAID = {"say": ("say", "says"), "shout": ("shout", "shouts"), "whisper": ("whisper", "whispers")}


@told(Heard)
def heard(notice: Heard, sight: Sight) -> str:
    """Say who said what."""
    mine = notice.by == sight.me.get("name")
    if notice.channel:
        return f"{styled('faint', f'[{notice.channel}]')} {styled('name', notice.by)}: {notice.text}"
    verb = SAID.get(notice.how, ("say", "says"))[not mine]
    to_me = " to you" if notice.how == "whisper" else ""
    return f"{'You' if mine else styled('name', notice.by)} {verb}{to_me}: {styled('speech', notice.text)}"


@answered(Say, Shout, Talk)
def spoke(data: None, event: Say | Shout | Talk, sight: Sight) -> str:
    """One hears oneself."""
    return ""


@answered(Whisper)
def whispered(data: None, event: Whisper, sight: Sight) -> str:
    """Say what was whispered to whom."""
    return f"You whisper to {styled('name', event.to)}: {styled('speech', event.text)}"


@answered(Who)
def who(data: Online, event: Who, sight: Sight) -> str:
    """Say who is in the world."""
    more = data.count - len(data.names)
    return f"{data.count} in the world: {', '.join(data.names)}{f' and {more} more' if more else ''}."


@answered(Join)
def joined(data: Joined, event: Join, sight: Sight) -> str:
    """Tell what was said there."""
    lines = [f"{styled('name', line.by)}: {line.text}" for line in data.history]
    return "\n".join([f"You have joined {event.channel}.", *lines])


@answered(Leave)
def left(data: None, event: Leave, sight: Sight) -> str:
    """Say what was left."""
    return f"You have left {event.channel}."


@gmcp("Comm.Channel.Text", Heard)
def channel_text(notice: Heard, sight: Sight) -> dict[str, str]:
    """Who said what where."""
    return {"channel": notice.channel or notice.how, "talker": notice.by, "text": notice.text}
