"""Sessions in words."""

from gameserver.game import Sight, answered, command, gmcp, styled
from gameserver.modules.sessions.events import Entered, Login, Logout, Register, Resume

command("quit", Logout, also=("logout",), what="Leave the world.")


@answered(Login, Register, Resume)
def entered(data: Entered, event: Login | Register | Resume, sight: Sight) -> str:
    """Say who and where the player is."""
    told = ("name", "zone", "x", "y", "hp", "hp_max", "xp")
    sight.me |= {"id": data.player, **{name: getattr(data, name) for name in told}}
    greeting = (
        f"Welcome, {styled('name', data.name)}." if isinstance(event, Register) else f"You are {data.name} again."
    )
    return f"{greeting} Type help to learn what you can do, quit to leave."


@gmcp("Char.Name", Entered)
def char_name(data: Entered, sight: Sight) -> dict[str, object]:
    """Who the player is."""
    return {"name": data.name, "fullname": data.name}


@gmcp("Char.Vitals", Entered)
def char_vitals(data: Entered, sight: Sight) -> dict[str, object]:
    """How the player is."""
    return {"hp": data.hp, "maxhp": data.hp_max}
