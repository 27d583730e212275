"""Making things."""

from typing import Annotated

import msgspec

from gameserver.game import Event, Result, event
from gameserver.modules.items.events import Thing

RecipeName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,64}\Z", description="name of a recipe")]


class Crafted(Result):
    """What was made: the thing as it is now, or (``gone``) what was joined to another stack."""

    thing: Thing
    gone: bool = False


class Method(Result):
    """A recipe. ``needs``: how many of which kinds; ``at``: the workshop that it takes, "" for none."""

    name: str
    title: str
    needs: dict[str, int]
    makes: str
    count: int
    at: str = ""


class Cookbook(Result):
    """All recipes."""

    recipes: list[Method]


@event(lane="act", result=Crafted)
class Craft(Event):
    """Make a thing of what you carry."""

    recipe: RecipeName


@event(lane="act", durable=False, stale_after_s=30.0, result=Cookbook)
class Recipes(Event):
    """Ask what can be made, and of what."""
