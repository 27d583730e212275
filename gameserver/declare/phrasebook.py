"""What the played game's modules declare for people at a terminal: lines into events, notices and replies into prose.

What no module declares has a plain form: an event is typed by its name and fields in their order, a notice reads as its
type and its fields.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event, Notice
from gameserver.declare.field_descriptions import hints, type_of
from gameserver.declare.game_package import parts
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.phrases import DECLARED, Command, Prose, Sight, name_of, read_form, styled
from gameserver.declare.session_events import Entrance, Leaving
from gameserver.errors import Corrupt

log = logging.getLogger(__name__)

LINE_CHARS_MAX = 1_000
SAID_ONCE = ("told", "answered", "picture")
_NAMES = re.compile(r"\(\?P<\w+>")


class Phrasebook:
    """The declared forms and prose, in the order of the game's modules."""

    def __init__(self, commands: Sequence[Command], prose: Iterable[Prose]) -> None:
        self.commands = commands
        found = tuple(prose)
        self._told = {each.of: each.function for each in found if each.kind == "told"}
        self._answered = {each.of: each.function for each in found if each.kind == "answered"}
        self._status = [each.function for each in found if each.kind == "status"]
        self._details = [(each.of, each.function) for each in found if each.kind == "detail"]
        self._picture = next((each.function for each in found if each.kind == "picture"), None)
        self._gmcp: dict[str, list[Prose]] = {}
        for each in found:
            if each.kind == "gmcp":
                self._gmcp.setdefault(each.of, []).append(each)

    # What is typed.

    def read(self, line: str, sight: Sight) -> Event | str:
        """The event that a line means; or what to say to it at once."""
        verb, rest = _split(line[:LINE_CHARS_MAX])
        if verb == "help":
            return self.help(rest)
        known = self._known(verb)
        if not known:
            return f"I don't know the word {verb!r}. Type help."
        faults: list[str] = []  # of forms that look so, and mean nothing here
        for command in known:
            match = command.pattern.fullmatch(rest)
            try:
                if match:
                    return _made(command, match.groupdict(), sight)
            except _Unmeant as fault:
                faults.append(str(fault))
        return faults[-1] if faults else self._usage(known[0].verb)

    def _known(self, verb: str) -> list[Command]:
        """The commands of a verb; of an abbreviation those that it may mean, in the order of declaring.

        Nobody leaves the world by an abbreviation.
        """
        exact = [command for command in self.commands if command.verb == verb]
        return exact or [command for command in self.commands if command.verb.startswith(verb) and not _leaves(command)]

    def _usage(self, verb: str) -> str:
        forms = [command.form for command in self.commands if command.verb == verb]
        return f"Type {' or '.join(forms)}."

    def help(self, words: str = "") -> str:
        """What can be typed; of one word how, and what it does."""
        if not words:
            verbs = ", ".join(dict.fromkeys(command.verb for command in self.commands if command.main))
            return f"You can type: {verbs}. A word may be cut short. Type help and a word to learn more of it."
        known = self._known(words.split()[0].lower())
        if not known:
            return f"I don't know the word {words.split()[0]!r}."
        verb = known[0].verb
        rows = [f"{styled('title', each.form)}  {each.what}" for each in self.commands if each.verb == verb]
        return "\n".join(rows)

    def completions(self, text: str, sight: Sight) -> list[str]:
        """The lines that this one may become."""
        verb, space, rest = text.partition(" ")
        if not space:
            return list(dict.fromkeys(each.verb for each in self.commands if each.verb.startswith(verb) and verb))
        groups = {group for each in self._known(verb.lower()) for group in each.groups.values()}
        named = dict.fromkeys(group for each in sorted(groups) for group in each.split(","))
        names = [name_of(thing) for group in named for thing in sight.things[group].values()]
        before, _, last = rest.rpartition(" ")
        stem = f"{verb} {before} " if before else f"{verb} "
        return [stem + name for name in dict.fromkeys(names) if name.casefold().startswith(last.casefold())]

    # What is read.

    def tell(self, notice: Notice, sight: Sight) -> str:
        """How a notice reads; "" says nothing."""
        name = notice.notice.name
        return _said(self._told.get(name), (notice, sight), name, notice)

    def answer(self, event: Event, data: Any, sight: Sight) -> str:
        """How the reply to an event reads; "" says nothing."""
        name = event.spec.name
        return _said(self._answered.get(name), (data, event, sight), name, data)

    def status(self, sight: Sight) -> str:
        """What stands before what is typed."""
        return " ".join(part for function in self._status if (part := tried(function, sight)))

    def details(self, group: str, thing: Any, sight: Sight) -> list[str]:
        """What modules say of something that is looked at closely."""
        said = (tried(function, thing, sight) for of, function in self._details if of == group)
        return [str(text) for text in said if text]

    def picture(self, sight: Sight, columns: int, rows: int) -> str:
        """What is around the player, so large."""
        return str((self._picture and tried(self._picture, sight, columns, rows)) or "")

    def gmcp(self, told: Any, sight: Sight) -> list[tuple[str, Any]]:
        """What programs are told in GMCP of a notice, or of a reply's data: packages with their data."""
        found = ((each.package, tried(each.function, told, sight)) for each in self._gmcp.get(type(told).__name__, ()))
        return [(package, data) for package, data in found if data is not None]


@once_per_reading
def phrasebook() -> Phrasebook:
    """The phrasebook of the game that is played. Raises ``Corrupt`` ``bad_module``, ``bad_declaration``."""
    ranks = {module.__name__: rank for rank, module in enumerate(parts("text"))}
    found = sorted((each for each in DECLARED if each.file in ranks), key=lambda each: ranks[each.file])
    commands = [each for each in found if isinstance(each, Command)]
    _refuse_unreachable(commands)
    prose = [each for each in found if isinstance(each, Prose)]
    _refuse_unsaid(prose)
    typed = {command.event.spec.name for command in commands if command.event is not None}
    plain = [
        _plain_command(cls) for name, cls in catalogue.client_events().items() if name not in typed and _has_form(cls)
    ]
    return Phrasebook([*commands, *plain], prose)


def _refuse_unsaid(prose: Iterable[Prose]) -> None:
    """Raise ``Corrupt`` where a file says twice how something reads: only one is said. Others may say it anew."""
    known: dict[tuple[str, str, str], Prose] = {}
    for one in (each for each in prose if each.kind in SAID_ONCE):
        first = known.setdefault((one.file, one.kind, one.of), one)
        if first is not one:
            what = f"@{one.kind} of {one.of}" if one.of else f"@{one.kind}"
            raise Corrupt("bad_declaration", f"{one.at}: {what}: {first.at} says it already.")


def _refuse_unreachable(commands: Iterable[Command]) -> None:
    """Raise ``Corrupt`` where two forms are typed alike: the second would never be meant. Or its event is not there."""
    known: dict[tuple[str, str, tuple[str, ...]], Command] = {}
    for one in commands:
        first = known.setdefault((one.verb, _NAMES.sub("(?:", one.pattern.pattern), tuple(one.groups.values())), one)
        absent = one.event is not None and one.event not in catalogue.events().values()
        faults = {f"{first.at} has it already": first is not one, "this game has not the event that it sends": absent}
        for fault in (sentence for sentence, true in faults.items() if true):
            raise Corrupt("bad_declaration", f"{one.at}: the form {one.form!r}: {fault}.")


def details(group: str, thing: Any, sight: Sight) -> list[str]:
    """Return what the game's modules say of something that is looked at closely (``detail``), in their order."""
    return phrasebook().details(group, thing, sight)


def _has_form(cls: type[Event]) -> bool:
    """Whether an event that no module has a form for can be typed: no entrance, no list, no secret among its fields."""
    simple = all(f.name == "seq" or isinstance(f.type, type) or _is_plain(f.type) for f in msgspec.structs.fields(cls))
    return simple and not issubclass(cls, Entrance) and not cls.spec.secrets


def _is_plain(hint: Any) -> bool:
    kind = getattr(hint, "__origin__", hint)
    return kind in (str, int, float, bool) or str(kind).endswith("Literal")


def _plain_command(cls: type[Event]) -> Command:
    names = [field.name for field in msgspec.structs.fields(cls) if field.name != "seq" and field.required]
    places = [f"<{name}>" for name in names[:-1]] + [f"<{name}...>" for name in names[-1:]]
    form = " ".join([cls.spec.name, *places])
    verb, pattern, groups = read_form(form)
    said = "Leave the world." if issubclass(cls, Leaving) else (cls.__doc__ or "").split("\n\n")[0].strip()
    return Command(
        form=form,
        main=True,
        verb=verb,
        pattern=pattern,
        groups=groups,
        event=cls,
        fields={},
        answer=None,
        first=None,
        what=said,
        file=cls.__module__,
        at=cls.spec.at,
    )


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is list or any(_is_list(part) for part in get_args(hint)[:1])


def _leaves(command: Command) -> bool:
    return command.event is not None and issubclass(command.event, Leaving)


def _said(function: Any, about: tuple[Any, ...], name: str, what: Any) -> str:
    """What a function says, in the plain form where there is none or it fails."""
    said = tried(function, *about) if function else None
    return _plain(name, what) if said is None else str(said)


def tried(function: Any, *arguments: Any, **named: Any) -> Any:
    """What a game's function returns; ``None`` where it fails: that must cost nobody a connection. Told once."""
    try:
        return function(*arguments, **named)
    except Exception:
        if function not in _FAILED:
            _FAILED.add(function)
            log.exception("what %s.%s should say is not said", function.__module__, function.__name__)
        return None


_FAILED: set[Any] = set()


def _plain(name: str, what: Any) -> str:
    if what is None:
        return "Done."
    fields = msgspec.to_builtins(what)
    shown = [f"{key} {value}" for key, value in fields.items() if key not in ("type", "id")]
    return f"{name}: {', '.join(shown)}" if shown else f"{name}."


def _split(line: str) -> tuple[str, str]:
    """The first word, or the sign with which a line begins; and the rest."""
    line = line.strip()
    if line and not line[0].isalnum():
        return line[0], line[1:].strip()
    verb, _, rest = line.partition(" ")
    return verb.lower(), rest.strip()


class _Unmeant(Exception):
    """A line that has a command's form, and words in it that the command can't have."""


def _made(command: Command, words: dict[str, str], sight: Sight) -> Event | str:
    for field, group in command.groups.items():
        found = sight.find(group, words[field])
        if not found:
            raise _Unmeant(f"You see no {words[field]!r} here.")
        words[field] = found
    if command.answer is not None:
        return str(tried(command.answer, sight, **words) or "")
    return _event(command, {**words, **command.fields}, sight)


def _event(command: Command, fields: dict[str, Any], sight: Sight) -> Event:
    cls: Any = command.event
    for name, value in fields.items():
        several = [value] if _is_list(hints(cls)[name]) and isinstance(value, str) else value
        try:
            fields[name] = msgspec.convert(several, hints(cls)[name], strict=False)
        except msgspec.ValidationError:
            raise _Unmeant(f"{name}: {type_of(hints(cls)[name])}.") from None
    if command.first is not None:
        tried(command.first, sight)
    made: Event = cls(**fields)
    return made
