"""Hooks: what a module or a game adds to the rules of other modules, without editing them.

A hook is a pure function in the ``hooks.py`` of a module (or of the game's own package), marked with
``@before("chat.say")`` or ``@after("trade.give")``. It runs in the transaction of the event. It may refuse the event,
change it (before) or add to its outcome (after): a word filter, a tax, an achievement. ``gameserver.rules.hooked`` runs
it.
"""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Spec
from gameserver.declare.entity import are_entities, kinds, strangers
from gameserver.declare.game_package import beside, family_of, modules, package, parts
from gameserver.declare.importing import exists, imported
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.signatures import misfits, misfits_of_options
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt

When = Literal["rewrite", "before", "after"]
PARAMETERS: dict[When, tuple[str, ...]] = {
    "rewrite": ("event",),
    "before": ("state", "event", "context"),
    "after": ("state", "event", "context", "outcome"),
}
STEPS: tuple[When, ...] = tuple(PARAMETERS)
NEEDS = ("event", "context")
NEARLY = 0.75  # a name as like another as this is a slip

F = TypeVar("F", bound=Callable[..., Any])


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A hook, as it is declared.

    ``event``: the event's task, "chat.say". ``when``: "rewrite" for a before-hook that reads no state. ``needs``: the
    rows it wants beside those that the rule needs; ``components``: those of the player. ``optional``: it is left out of
    games without the event's module, or without that of a component. ``only``: says of which outcomes it runs. ``at``:
    where it is declared, file and line.
    """

    function: Callable[..., Any]
    event: str
    when: When
    order: int
    needs: Callable[[Any, Any], Any] | None
    components: tuple[type, ...] = ()
    optional: bool = False
    only: Callable[..., bool] | None = None
    at: str

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self.function, "__name__", repr(self.function)))

    @property
    def file(self) -> str:
        """The module of Python in which it stands."""
        return self.function.__module__

    @property
    def module(self) -> str:
        """The package of the module (or game) that adds it."""
        return self.file.rpartition(".")[0]


# Every hook that was declared, in the order of declaring: a file that declares a name twice keeps the last one only.
DECLARED: list[Hook] = []


def before(
    event: str,
    *,
    order: int = 0,
    needs: Callable[[Any, Any], Any] | None = None,
    components: tuple[type, ...] = (),
    reads_state: bool = True,
    optional: bool = False,
) -> Callable[[F], F]:
    """Run a function before the rule of an event; it returns a changed event, or ``None``. It may raise ``Rejected``.

    ``event``: family and name, "chat.say". ``order``: the lower runs first. ``needs``: the rows that the function
    wants, a function of event and context as a rule's; ``components``: those of the player whose event it is, as a
    rule's too. The function takes ``(state, event, context)``, and may change no field that decides which rows are
    needed: these are locked already. With ``reads_state=False`` it takes ``(event)`` alone, runs before anything is
    loaded, and may change every field but ``seq``. ``optional``: a game without the event's module, or without that of
    one of the components, leaves it out.
    Raises ``Corrupt`` ``bad_declaration`` where the declaration contradicts itself.
    """
    return _declare(event, "before" if reads_state else "rewrite", order, needs, components, optional, caller())


def after(
    event: str,
    *,
    order: int = 0,
    needs: Callable[[Any, Any], Any] | None = None,
    components: tuple[type, ...] = (),
    optional: bool = False,
    only: Callable[..., bool] | None = None,
) -> Callable[[F], F]:
    """Run a function after the rule of an event; it returns an ``Outcome`` to be added to the rule's, or ``None``.

    It takes ``(state, event, context, outcome)``; ``state`` holds what the rule and the hooks before it put already,
    and ``state.before`` is the state that the rule was given.
    It may raise ``Rejected``, and then nothing of the event happens. Options and faults are those of ``before``.

    ``only``: a function of the same arguments that says whether it runs; it is given the state as it was before the
    rule, because to make the one after it costs as much as a step. Hooks after frequent events say so of which of them
    concern them.
    """
    return _declare(event, "after", order, needs, components, optional, caller(), only)


def _declare(
    event: str,
    when: When,
    order: int,
    needs: Callable[[Any, Any], Any] | None,
    components: tuple[type, ...],
    optional: bool,
    at: str,
    only: Callable[..., bool] | None = None,
) -> Callable[[F], F]:
    if type(event) is not str:
        raise Corrupt("bad_declaration", f'{at}: name the event of a hook, as in @before("chat.say").')

    def mark(function: F) -> F:
        hook = Hook(
            function=function,
            event=event,
            when=when,
            order=order,
            needs=needs,
            components=components,
            optional=optional,
            only=only,
            at=at,
        )
        _refuse(hook, _contradictions(hook))
        DECLARED.append(hook)
        return function

    return mark


def _contradictions(hook: Hook) -> dict[str, bool]:
    parameters = PARAMETERS[hook.when]
    return {
        "order is an integer": type(hook.order) is not int,
        "components is a tuple of entities": not are_entities(hook.components),
        "what reads no state needs no rows": hook.when == "rewrite" and bool(hook.needs or hook.components),
        **misfits_of_options({"needs": (hook.needs, NEEDS), "only": (hook.only, parameters)}),
        **misfits("the function", hook.function, parameters),
    }


def _refuse(hook: Hook, faults: dict[str, bool]) -> None:
    for fault, true in faults.items():
        if true:
            raise Corrupt("bad_declaration", f"{hook.at}: the hook {hook.name} of {hook.event}: {fault}.")


@once_per_reading
def hooks() -> dict[str, tuple[Hook, ...]]:
    """The hooks by the event's task, in the order in which they run; only events that have any.

    Rewriting ones run first, then those before the rule, then those after it; of each the lower ``order`` first, then
    by the game's order of modules (the game's own last), then by name.
    Raises ``Corrupt``: ``bad_declaration``, ``bad_module``.
    """
    places = hook_files()
    families = catalogue.families()
    found = [hook for hook in DECLARED if hook.function.__module__ in places]
    specs = {spec.task: spec for spec in catalogue.specs()}
    for hook in (hook for hook in found if hook.optional):
        _refuse(hook, _unmeant(hook, specs))
    found = [hook for hook in found if not hook.optional or _finds_all(hook, families)]
    for hook in found:
        _refuse(hook, _misplaced(hook, specs))
    _refuse_doubles(found)
    found.sort(key=lambda h: (STEPS.index(h.when), h.order, places[h.function.__module__], h.name))
    return {task: tuple(h for h in found if h.event == task) for task in specs if any(h.event == task for h in found)}


def _finds_all(hook: Hook, families: Collection[str]) -> bool:
    """Whether the game has the module of a hook's event, and those of the components that it asks for."""
    return hook.event.partition(".")[0] in families and all(kind in kinds() for kind in hook.components)


def hook_files() -> dict[str, int]:
    """Import what may hold hooks. Return the modules of Python and their rank: the game's own package comes last."""
    parts("hooks")
    own = f"{package()}.hooks"
    if exists(own):
        imported(own)
    return {f"{module}.hooks": rank for rank, module in enumerate((*modules(), package()))}


def _unmeant(hook: Hook, specs: dict[str, Spec]) -> dict[str, bool]:
    """What an optional hook cannot mean: an event that its module lacks, or a module that is called nearly so.

    Modules that stand beside those of the game are looked at too: the hook shall be right in games that have them.
    """
    family = hook.event.partition(".")[0]
    known = {each.family for each in specs.values()} | {family_of(module) for module in beside()}
    if family not in known:
        near = get_close_matches(family, known, 1, NEARLY)
        return {
            'an event has the name of its module before its own, as in "chat.say"': hook.event.count(".") != 1,
            f"there is no module {family} (is it {''.join(near)}?)": bool(near),
        }
    declared = specs.keys() | {
        task for module in beside() if family_of(module) == family for task in catalogue.tasks_of(module)
    }
    return {_no_such(hook.event, declared): bool(declared) and hook.event not in declared}


def _no_such(event: str, known: Iterable[str]) -> str:
    near = get_close_matches(event, known, 1)
    return "there is no such event" + (f" (is it {near[0]}?)" if near else "")


def _misplaced(hook: Hook, specs: dict[str, Spec]) -> dict[str, bool]:
    return {
        _no_such(hook.event, specs): hook.event not in specs,
        **dict.fromkeys(strangers(hook.components), True),
    }


def _refuse_doubles(found: Iterable[Hook]) -> None:
    known: dict[tuple[str, str, int, str], Hook] = {}
    for hook in found:
        first = known.setdefault((hook.event, hook.when, hook.order, hook.name), hook)
        same = f"{first.at} declares one of this name and order; rename one, or give it another order"
        _refuse(hook, {same: first is not hook})
