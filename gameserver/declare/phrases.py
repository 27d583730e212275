"""What people type and read at a terminal, as a module's ``text.py`` declares it.

    command("give <coins> coins to <to>", Give, also=("give <to> <coins>",))

    @told(Received)
    def received(notice: Received, sight: Sight) -> str:
        return f"{notice.by} gave you {notice.coins} coins."

    @answered(Purse)
    def purse(data: Given, event: Purse, sight: Sight) -> str:
        return f"You have {data.coins} coins."

``gameserver.declare.phrasebook`` looks these up. What a module does not declare has a plain form of its own: the
event's name and its fields in order, the notice's type and its fields.

A *form* is what is typed: a word, and after it words and fields. ``<to>`` takes one word, ``<text...>`` all that is
left, ``<target:being>`` the name of something in sight, whose id goes into the field; it may be of several groups
(``<thing:carried,ground>``). A form may begin with a sign
(``'<text...>``).
"""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args

import msgspec

from gameserver.declare.base import Event, Notice, Result
from gameserver.declare.field_descriptions import fits, hints
from gameserver.declare.signatures import is_called_with, misfits, misfits_of_options
from gameserver.declare.source_locations import caller
from gameserver.errors import Corrupt

# What a piece of prose is: terminals show it by a colour, if they want colours.
Style = Literal["name", "title", "speech", "good", "bad", "faint", "wall", "gate", "you"]

# A styled piece begins with one of two signs that no text of a player can hold, and a letter; it ends with the other.
BEGIN, END = "\x0e", "\x0f"
LETTERS: dict[Style, str] = {style: chr(ord("a") + n) for n, style in enumerate(get_args(Style))}
STYLED = re.compile(f"{BEGIN}([a-z])|{END}")

_FIELD = re.compile(r"<([a-z_]+)(\.\.\.|:[a-z_,]+)?>")
_PLACES = {None: r"(?P<{}>\S+)", "...": r"(?P<{}>.+)"}
_THING = r"(?P<{}>.+?)"

F = TypeVar("F", bound=Callable[..., Any])


def styled(style: Style, text: str) -> str:
    """Mark a piece of prose, which must not have marked pieces within."""
    return f"{BEGIN}{LETTERS[style]}{text}{END}"


class Sight:
    """What one player at a terminal knows, as far as prose needs it: the modules' prose keeps it.

    ``me``: about the player, by name (``id``, ``name``, ``hp``, ...). ``things``: what can be named, by the group in
    which it is and its id; each has a ``name``, or a ``title``. ``notes``: whatever else a module remembers.
    """

    def __init__(self) -> None:
        self.me: dict[str, Any] = {}
        self.things: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self.notes: dict[str, Any] = {}
        self._wishes: list[Event] = []

    def name_of(self, group: str, id_: str) -> str:
        """The name of something, by its id; the id where it is not known."""
        if id_ == self.me.get("id"):
            return str(self.me.get("name", id_))
        thing = self.things[group].get(id_)
        return id_ if thing is None else name_of(thing)

    def is_me(self, id_: str) -> bool:
        """Whether this is the player's own id."""
        return bool(id_) and id_ == self.me.get("id")

    def find(self, groups: str, words: str) -> str:
        """The id of what is meant by these words, in the first of these groups (with commas) in which there is one.

        The nearest comes first; ``2.rat`` is the second one. "" if nothing is meant.
        """
        return next((found for group in groups.split(",") if (found := self._find(group, words))), "")

    def _find(self, group: str, words: str) -> str:
        number, _, name = words.rpartition(".")
        wanted = int(number) if number.isdecimal() and len(number) < 4 else 1
        name = " ".join((name if number.isdecimal() else words).casefold().split())
        found = [id_ for id_, thing in self._nearest(group) if _is_meant(name, id_, name_of(thing))]
        return found[wanted - 1] if 0 < wanted <= len(found) else ""

    def wish(self, event: Event) -> None:
        """Have an event sent for the player with what is typed next, once however often it is wished for."""
        if event not in self._wishes:
            self._wishes.append(event)

    def take_wishes(self) -> list[Event]:
        """What was wished for since the last call."""
        wishes, self._wishes = self._wishes, []
        return wishes

    def _nearest(self, group: str) -> list[tuple[str, Any]]:
        return sorted(self.things[group].items(), key=lambda item: self._distance(item[1]))

    def _distance(self, thing: Any) -> int:
        if "x" not in self.me or not hasattr(thing, "x"):
            return 0
        distance: int = max(abs(thing.x - self.me["x"]), abs(thing.y - self.me["y"]))
        return distance


def name_of(thing: Any) -> str:
    """What people call something: its ``name``, or else its ``title``."""
    return str(getattr(thing, "name", "") or getattr(thing, "title", ""))


def _is_meant(words: str, id_: str, name: str) -> bool:
    name = name.casefold()
    return bool(words) and (id_ == words or name.startswith(words) or any(w.startswith(words) for w in name.split()))


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One form of what people type.

    ``verb``: its first word. ``main``: whether it is no other form of a command. ``event``: what is sent, with
    ``fields`` beside those typed; or ``answer``: what is said at once. ``groups``: of fields that name something, the
    group. ``first``: called with the sight before it is sent.
    """

    form: str
    main: bool
    verb: str
    pattern: Any
    groups: Mapping[str, str]
    event: type[Event] | None
    fields: Mapping[str, Any]
    answer: Callable[..., str] | None
    first: Callable[[Sight], object] | None
    what: str
    file: str
    at: str

    @property
    def name(self) -> str:
        """The declaration's name, for whoever looks for it."""
        return self.form


class Prose(msgspec.Struct, frozen=True, kw_only=True):
    """A function that says something. ``kind``: "told", "answered", ...; ``of``: about what."""

    kind: Literal["told", "answered", "status", "detail", "picture", "gmcp"]
    of: str
    function: Callable[..., Any]
    package: str = ""
    file: str
    at: str


# What a piece of prose is called with.
SAYS = {
    "told": ("notice", "sight"),
    "answered": ("data", "event", "sight"),
    "status": ("sight",),
    "detail": ("thing", "sight"),
    "picture": ("sight", "columns", "rows"),
    "gmcp": ("told", "sight"),
}

# Everything that was declared, in the order of declaring.
DECLARED: list[Command | Prose] = []


def command(
    form: str,
    event: type[Event],
    *,
    also: Iterable[str] = (),
    first: Callable[[Sight], object] | None = None,
    what: str = "",
    **fields: Any,
) -> None:
    """Declare how an event is typed. ``also``: other forms of it. ``fields``: those of the event that are not typed.

    ``first`` is called when it is about to be sent. ``what``: one sentence, if the event's own does not tell it.
    Raises ``Corrupt`` ``bad_declaration``.
    """
    at, file = caller(), _file()
    said = what or (event.__doc__ or "").split("\n\n")[0].strip()
    for each in (form, *also):
        made = _command(
            each, each is form, event=event, fields=fields, answer=None, first=first, what=said, file=file, at=at
        )
        _refuse(at, each, _contradictions(made))
        DECLARED.append(made)


def _contradictions(made: Command) -> dict[str, bool]:
    event: Any = made.event
    if not (isinstance(event, type) and issubclass(event, Event)):
        return {"a command sends an event": True}
    typed = {*made.pattern.groupindex, *made.fields}
    needed = {field.name for field in msgspec.structs.fields(event) if field.required}
    given = {name: value for name, value in made.fields.items() if name in event.__struct_fields__}
    return {
        f"{event.__name__} has no such fields": not typed <= set(event.__struct_fields__),
        f"it says nothing of {', '.join(sorted(needed - typed))}": not needed <= typed,
        **{f"{n} cannot be {v!r:.40}": not fits(msgspec.to_builtins(v), hints(event)[n]) for n, v in given.items()},
        **misfits_of_options({"first": (made.first, ("sight",))}),
    }


def answers(*forms: str) -> Callable[[F], F]:
    """Declare what is answered at once to what is typed, by a function of the sight and the form's fields."""
    at, file = caller(), _file()

    def mark(function: F) -> F:
        said = (function.__doc__ or "").split("\n\n")[0].strip()
        for form in forms:
            made = _command(
                form,
                form is forms[0],
                event=None,
                fields={},
                answer=function,
                first=None,
                what=said,
                file=file,
                at=at,
            )
            fields = tuple(made.pattern.groupindex)
            takes = f"the function takes (sight{''.join(f', {name}' for name in fields)})"
            _refuse(at, form, {takes: not is_called_with(function, ("sight",), fields)})
            DECLARED.append(made)
        return function

    return mark


def told(notice: type[Notice]) -> Callable[[F], F]:
    """Declare how a notice reads: a function of the notice and the sight; "" says nothing."""
    at = caller()
    _refuse_others(at, "told", Notice, notice)
    return _prose("told", notice.__name__.lower(), at, _file())


def answered(*events: type[Event]) -> Callable[[F], F]:
    """Declare how the reply to events reads: a function of its data, the event and the sight; "" says nothing."""
    at, file = caller(), _file()
    _refuse_others(at, "answered", Event, *events)

    def mark(function: F) -> F:
        for event in events:
            _prose("answered", event.spec.name, at, file)(function)
        return function

    return mark


def status() -> Callable[[F], F]:
    """Declare a part of the line that stands before what is typed: a function of the sight; "" is left out."""
    return _prose("status", "", caller(), _file())


def detail(group: str) -> Callable[[F], F]:
    """Declare what is said of something that is looked at closely: a function of it and the sight; "" says nothing.

    ``group``: that in which it is among the sight's things. See ``details``.
    """
    return _prose("detail", group, caller(), _file())


def picture() -> Callable[[F], F]:
    """Declare a picture of what is around the player: a function of the sight, columns and rows; lines of prose.

    One module draws it; of several the first does, in the game's order.
    """
    return _prose("picture", "", caller(), _file())


def gmcp(package: str, *of: type[Notice | Result]) -> Callable[[F], F]:
    """Declare what programs of players are told in GMCP (a package and its data) after notices and replies of types.

    The function takes the notice or the data, and the sight; ``None`` says nothing. It is called after the prose.
    """
    at, file = caller(), _file()
    _refuse_others(at, "gmcp", Notice | Result, *of)

    def mark(function: F) -> F:
        for each in of:
            _prose("gmcp", each.__name__, at, file, package)(function)
        return function

    return mark


def _refuse_others(at: str, name: str, base: Any, *classes: Any) -> None:
    """Raise ``Corrupt`` ``bad_declaration`` for a class that is none of these."""
    for cls in classes:
        if not (isinstance(cls, type) and issubclass(cls, base)):
            of = getattr(base, "__name__", "Notice or Result")
            raise Corrupt("bad_declaration", f"{at}: @{name} names a class of {of}, and not {cls!r:.60}.")


def _prose(kind: Any, of: str, at: str, file: str, package: str = "") -> Callable[[F], F]:
    def mark(function: F) -> F:
        for fault, true in misfits("the function", function, SAYS[kind]).items():
            if true:
                raise Corrupt("bad_declaration", f"{at}: what says {kind} {of}: {fault}.")
        DECLARED.append(Prose(kind=kind, of=of, function=function, package=package, file=file, at=at))
        return function

    return mark


def _file() -> str:
    """The module of Python that calls the function which asks."""
    return str(sys._getframe(2).f_globals["__name__"])


def _command(form: str, main: bool, **more: Any) -> Command:
    verb, pattern, groups = read_form(form)
    faults = {
        "a form begins with a word in small letters, or a sign": not verb,
        "help is answered already": verb == "help",
        "a field is <name>, <name...> or <name:group>": any(sign in _FIELD.sub("", form) for sign in "<>"),
    }
    _refuse(more["at"], form, faults)
    return Command(form=form, main=main, verb=verb, pattern=pattern, groups=groups, **more)


def read_form(form: str) -> tuple[str, Any, dict[str, str]]:
    """A form's first word, the pattern of what follows it, and the groups of the fields that name something."""
    match = re.match(r"[a-z]+|[^\w\s<]", form)
    verb = match[0] if match else ""
    places = (_place(word) for word in form[len(verb) :].split())
    groups = {name: kind[1:] for name, kind in _FIELD.findall(form) if kind.startswith(":")}
    return verb, re.compile(r"\s+".join(places), re.IGNORECASE | re.DOTALL), groups


def _place(word: str) -> str:
    field = _FIELD.fullmatch(word)
    return _PLACES.get(field[2], _THING).format(field[1]) if field else re.escape(word)


def _refuse(at: str, form: str, faults: Mapping[str, bool]) -> None:
    for fault, true in faults.items():
        if true:
            raise Corrupt("bad_declaration", f"{at}: the form {form!r}: {fault}.")
