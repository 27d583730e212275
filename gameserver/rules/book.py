"""The rule book: which rule answers which event. A rule is found by its name, in the module of its event's family."""

from functools import cache
from importlib import import_module

from gameserver.errors import Corrupt
from gameserver.events import catalogue
from gameserver.rules.outcome import Rule


@cache
def rules() -> dict[str, Rule]:
    """The rules by event name. Raises ``Corrupt`` ``no_rule`` for a declaration without a rule."""
    return {spec.name: _find(spec.family, spec.name) for spec in catalogue.specs()}


def _find(family: str, name: str) -> Rule:
    found: Rule | None = getattr(import_module(f"gameserver.rules.{family}"), name, None)
    if found is None or not hasattr(found, "needs"):
        raise Corrupt("no_rule", f"Event {family}.{name} has no rule: write gameserver.rules.{family}.{name}.")
    return found
