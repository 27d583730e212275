"""The rule book: which rule answers which event. A rule is found by its name, in the module of its event's family."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import FunctionType
from typing import Any

from gameserver.declare import catalogue
from gameserver.declare.base import Spec
from gameserver.declare.conserved import quantities
from gameserver.declare.entity import actor_kind, are_entities, begun, kinds, strangers
from gameserver.declare.game_package import family_of, modules, parts, place_in_game
from gameserver.declare.hooks import hooks
from gameserver.declare.importing import exists, imported
from gameserver.declare.source_locations import place_of
from gameserver.errors import Corrupt
from gameserver.rules.hooked import HookedRule
from gameserver.rules.outcome import Rule, components_of


@cache
def rules() -> dict[str, Rule]:
    """The rules by event name.

    Those of events that have hooks run them too.
    Raises ``Corrupt``: ``no_rule`` for a declaration without a rule, ``no_event`` for a rule without a declaration,
    ``bad_module`` for a module that cannot be imported, ``bad_declaration`` for a hook that fits no event, for an
    entity that contradicts itself, and for what is conserved of entities or by events that there are not.
    """
    kinds()  # its entities are sound
    quantities()  # and what it declares as conserved
    actor_kind()  # and who acts
    begun()  # and with what a player begins
    found = {spec.name: _find(spec) for spec in catalogue.specs()}
    _refuse_strays(found)
    hooked = {spec.name: hooks()[spec.task] for spec in catalogue.specs() if spec.task in hooks()}
    for rule in found.values():  # after the hooks: they say which module is missing, where components only miss a part
        _refuse_components(rule)
    return found | {name: HookedRule(found[name], around) for name, around in hooked.items()}


def _refuse_components(rule: Any) -> None:
    """Raise ``Corrupt`` where a rule names what no player has. Some are found out of what modules declare."""
    components = components_of(rule)
    faults = strangers(components) if are_entities(components) else ["components is a tuple of entities"]
    for fault in faults:
        raise Corrupt("bad_declaration", f"{place_of(rule.__code__)}: the rule {rule.__name__}: {fault}.")


def _find(spec: Spec) -> Rule:
    module = _answering(spec)
    written = f"{module}.rules"
    found: Rule | None = getattr(imported(written), spec.name, None) if exists(written) else None
    if found is None or not _is_rule(found):
        raise Corrupt(
            "no_rule", f"{spec.at}: {spec.task} has no rule: write {written}.{spec.name}, marked with @rule()."
        )
    return found


def _answering(spec: Spec) -> str:
    """Return the module whose rules answer an event."""
    for module in modules():
        if family_of(module) == spec.family:
            return module
    cure = f"take gameserver.modules.{spec.family}, or write a module {spec.family}"
    raise Corrupt("no_rule", f"{place_in_game('modules')}: {spec.task}, which gateways send, has no rule: {cure}.")


def _refuse_strays(known: Mapping[str, Rule]) -> None:
    answering = set(known.values())
    for stray in (rule for rule in _written() if rule not in answering):
        module, event = stray.__module__.rpartition(".")[0], stray.__name__.capitalize()
        cure = f"declare {event} in {module}.events"
        raise Corrupt("no_event", f"{place_of(stray.__code__)}: the rule {stray.__name__} answers no event: {cure}.")


def _written() -> Iterator[FunctionType]:
    """Every rule of the modules of rules."""
    for module in parts("rules"):
        own = (value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__)
        yield from (value for value in own if isinstance(value, FunctionType) and _is_rule(value))


def _is_rule(value: Any) -> bool:
    return hasattr(value, "needs") and hasattr(value, "prepare")
