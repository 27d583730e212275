"""Roles: what some players may do that others may not. An operator gives and takes them (``gameserver roles``).

A role is an integer field of a component of the player, 1 for those who have it. A rule asks for the component, as for
any other. A module says in its ``entities.py``:

    role("builder", Builder, "may_build", "place and remove walls and objects")
"""

import msgspec

from gameserver.declare.entity import Entity, kinds
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt


class Role(msgspec.Struct, frozen=True):
    """A role, as it is declared. ``what``: what it is good for; ``at``: where it stands, file and line."""

    name: str
    component: type[Entity]
    field: str
    what: str
    at: str


DECLARED: list[Role] = []


def role(name: str, component: type[Entity], field: str, what: str) -> None:
    """Declare a role. Raises ``Corrupt`` ``bad_declaration`` where the field is none that can hold it."""
    at = caller()
    if component.spec.of is None or component.spec.types.get(field) is not int:
        raise Corrupt("bad_declaration", f"{at}: the role {name} is an integer field of a component of the player.")
    DECLARED.append(Role(name, component, field, what, at))


@once_per_reading
def roles() -> dict[str, Role]:
    """The roles of the game's modules by name. Raises ``Corrupt`` ``one_name_twice``."""
    found: dict[str, Role] = {}
    for one in (one for one in DECLARED if one.component in kinds()):
        first = found.setdefault(one.name, one)
        if first is not one:
            raise Corrupt("one_name_twice", f"Two roles are called {one.name}: {first.at} and {one.at}; rename one.")
    return found
