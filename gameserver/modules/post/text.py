"""Letters in words."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.items.text import carry, listed
from gameserver.modules.post.events import Letters, Mailbag, Opened, OpenLetter, Post, Posted, Sent, Unopened

command("post <to> <text...>", Post, also=("write <to> <text...>",), what="Send a letter.", things=[], coins=0)
command("enclose <things:carried> to <to> <text...>", Post, what="Send a letter with a thing.", coins=0)
command("letters", Letters, also=("mail",))
command("openletter <letter>", OpenLetter, what="Take what is in a letter.")


@answered(Post)
def sent(data: Sent, event: Post, sight: Sight) -> str:
    """Say that it is on its way."""
    for thing in event.things:
        sight.things["carried"].pop(thing, None)
    return f"Your letter to {styled('name', event.to)} is posted; you have {data.coins} coins."


@answered(Letters)
def mailbag(data: Mailbag, event: Letters, sight: Sight) -> str:
    """List the letters."""
    return "\n".join(map(_line, data.letters)) if data.letters else "No letter waits for you."


def _line(letter: Unopened) -> str:
    inside = f", with {listed(letter.things)}" if letter.things else ""
    coins = f", and {letter.coins} coins" if letter.coins else ""
    back = " (it came back)" if letter.returned else ""
    return f"{letter.id}  {styled('name', letter.by)}{back}: {styled('speech', letter.text)}{inside}{coins}"


@answered(OpenLetter)
def opened(data: Opened, event: OpenLetter, sight: Sight) -> str:
    """Say what was in it."""
    for thing in data.things:
        carry(sight, thing)
    return f"In it was {listed(data.things)}; you have {data.coins} coins."


@told(Posted)
def posted(notice: Posted, sight: Sight) -> str:
    """Say that letters came."""
    many = "A letter came" if notice.letters == 1 else f"{notice.letters} letters came, the last"
    return styled("good", f"{many} from {notice.by}. Type letters to read.")
