"""The codec of people at terminals: lines of text are events, and packets are prose.

One codec belongs to one connection, because prose depends on who reads it. It asks for a name and a password, numbers
the player's events itself, and acknowledges what was told with the next line that is typed: then somebody was there.
What can be typed and how notices read is declared by the game's modules (``gameserver.declare.phrases``).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import Any

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.base import Event, Notice
from gameserver.declare.game_package import package
from gameserver.declare.once_per_reading import once_per_reading
from gameserver.declare.phrasebook import phrasebook
from gameserver.declare.phrases import Sight, styled
from gameserver.declare.session_events import Entrance, Resumption
from gameserver.wire import packets
from gameserver.wire.codecs import TalkingCodec
from gameserver.wire.dialogue import RESUME, Dialogue
from gameserver.wire.packets import Bye, Error, FromClient, FromServer, Ok, Token, Unavailable, Welcome
from gameserver.wire.telnet import (
    ARE_YOU_THERE,
    MARKS,
    NOTHING,
    UTF8,
    Command,
    Compression,
    Option,
    Options,
    TelnetFraming,
    subnegotiation,
)
from gameserver.wire.terminal import Terminal

ACKS_MAX = 100  # ids in one acknowledgement
READ_KEPT_MAX = 400  # ids of notices that were told and are not acknowledged
COLOUR_WORDS = {f"{word} {state}": state == "on" for word in ("colour", "color") for state in ("on", "off")}
COLOURS = ("xterm", "ansi", "color", "linux", "screen", "tmux", "rxvt")  # in the types of terminals that show colours
MTTS_ANSI, MTTS_UTF8 = 1, 4
# What a client wants by GMCP, of what it wanted before and what it names.
_SUPPORTS: dict[bytes, Callable[[frozenset[str], frozenset[str]], frozenset[str]]] = {
    b"core.supports.set": lambda before, named: named,
    b"core.supports.add": frozenset.union,
    b"core.supports.remove": frozenset.difference,
}


class TextCodec(TalkingCodec):
    """How one client at a terminal speaks. ``about``: what MSSP tells of the server.

    ``say`` takes bytes for the client that answer what it sent; whoever owns the codec sets it.
    """

    are_you_there = ARE_YOU_THERE

    def __init__(self, about: Callable[[], Mapping[str, str]]) -> None:
        super().__init__("telnet", TelnetFraming, _never, _never, self._framed)
        self.say: Callable[[bytes], None] = _never
        self._about = about
        self._options = Options()
        self._terminal = Terminal()
        self._compression = Compression()
        self._sight = Sight()
        self._dialogue = Dialogue()
        self._hidden = False  # whether the client was told not to show what is typed
        self._number = 0
        self._code = ""  # with which the session is taken up after a lost connection
        self._asked: dict[int, tuple[Event, bool]] = {}  # events without an answer, and whether it is to be shown
        self._read: dict[str, None] = {}  # durable notices that were told
        self._supports: frozenset[str] = frozenset()  # the packages of GMCP that the client's programs want
        self._spoke = False  # whether text was made since the last write
        self._at_prompt = False  # whether the cursor stands behind a prompt

    # What comes from the client.

    def decode(self, raw: bytes, depth_max: int) -> FromClient | Event | None:
        """The event that a line means; ``None`` for what is answered here, through ``say``."""
        if raw[:1] == b"\xff" and raw[1:2] != b"\xff":
            self._negotiate(raw)
            return None
        self._at_prompt = self._hidden  # the client has not shown the end of a line that it did not show
        return self._take(self._terminal.read(raw))

    def count_on(self, seq: int) -> None:
        """Number what is typed from now on above this: the session has used numbers on earlier connections."""
        self._number = max(self._number, seq)

    def errands(self) -> list[Event]:
        """What goes with what was typed: acknowledgements, and what prose has wished for."""
        if not self._dialogue.is_playing:
            return []
        wishes = [self._numbered(event, shown=False) for event in self._sight.take_wishes()]
        ids, acknowledge = list(self._read)[:ACKS_MAX], catalogue.client_events().get("ack")
        if ids and acknowledge is not None:
            for id_ in ids:
                del self._read[id_]
            wishes.append(self._numbered(acknowledge(ids=ids), shown=False))  # type: ignore[call-arg]
        return wishes

    def _negotiate(self, frame: bytes) -> None:
        if frame[1] == Command.SB and frame[2] == Option.GMCP:
            self._take_gmcp(frame[3:-2].replace(b"\xff\xff", b"\xff"))
            return
        answer = self._options.take(frame, self._about())
        if answer:
            self.say(answer)
        self._terminal.resize(self._options.size[0])
        if self._options.charset:
            self._terminal.agree(utf8=self._options.charset == UTF8)
        if self._options.types:
            self._fit_terminal()

    def _fit_terminal(self) -> None:
        types = " ".join(self._options.types).lower()
        self._terminal.colour |= bool(self._options.mtts & MTTS_ANSI) or any(word in types for word in COLOURS)
        if self._options.mtts and not self._options.charset:
            self._terminal.agree(utf8=bool(self._options.mtts & MTTS_UTF8))

    def _take_gmcp(self, data: bytes) -> None:
        name, _, text = data.partition(b" ")
        if name.lower() == b"core.ping":
            self.say(_gmcp("Core.Ping"))
        elif name.lower() in _SUPPORTS:
            try:
                wanted = msgspec.json.decode(text, type=list[str])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return
            found = frozenset(word.split()[0].lower() for word in wanted[:READ_KEPT_MAX] if word.strip())
            supports = _SUPPORTS[name.lower()](self._supports, found)
            self._supports = supports if len(supports) <= READ_KEPT_MAX else found

    # What people type.

    def _take(self, line: str) -> Event | None:
        meant = self._meant(line.strip()) if self._dialogue.is_playing else self._dialogue.take(line)
        if isinstance(meant, str):
            self._say(meant)
            return None
        if not self._dialogue.is_playing:
            self._say("")  # from here on what is typed is shown again
        return self._numbered(meant, shown=True)

    def _meant(self, line: str) -> Event | str:
        """What a player's line means: an event, or what to say to it."""
        if line.lower() in COLOUR_WORDS:
            self._terminal.colour = COLOUR_WORDS[line.lower()]
            return "Colours are on." if self._terminal.colour else "Colours are off."
        if line.lower() == RESUME:
            return self._how_to_resume()
        return phrasebook().read(line, self._sight) if line else ""

    def _how_to_resume(self) -> str:
        return (
            "Should the connection be lost, connect again and give this in the place of your name:\n"
            f"{RESUME} {self._code}\n"
            "It is good for an hour, and for whoever has it: keep it to yourself."
        )

    def _say(self, text: str) -> None:
        """Say something beside the prompt, and have what is typed next shown or not."""
        self._spoke = True
        data = self._terminal.show(text) + b"\r\n" if text else NOTHING  # a prompt needs something before it
        self.say(data + self._typing())

    def _typing(self) -> bytes:
        hidden = self._dialogue.is_hidden
        if hidden == self._hidden:
            return b""
        self._hidden = hidden
        return self._options.show_typing(not hidden)

    def _numbered(self, event: Event, *, shown: bool) -> Event:
        self._number += 1
        event = msgspec.structs.replace(event, seq=self._number)
        self._asked[self._number] = (event if not event.spec.secrets else _without_secrets(event), shown)
        return event

    # What goes to the client.

    def _framed(self, packed: bytes) -> bytes:
        packet = _unpacked(_decoder(), packed)
        if packet is None:
            return b""
        text, told = self._prose(packet)
        data = b""
        if text:
            data = self._terminal.show(text) + b"\r\n"
            self._spoke = True
        if isinstance(packet, Welcome):
            data += self._begin()
        return data + self._programs(told)

    def _programs(self, told: Any) -> bytes:
        """What programs are told of the same."""
        if told is None or Option.GMCP not in self._options.on or not self._supports:
            return b""
        said = phrasebook().gmcp(told, self._sight)
        return b"".join(_gmcp(name, data) for name, data in said if self._wants(name))

    def _wants(self, name: str) -> bool:
        name = name.lower()
        return any(name == each or name.startswith(f"{each}.") for each in self._supports)

    def _begin(self) -> bytes:
        self._spoke = True
        return self._options.begin()

    def _prose(self, packet: Any) -> tuple[str, Any]:
        """What a packet says to people, and what of it may concern their programs."""
        if isinstance(packet, Notice):
            if packet.id and not self._note_read(packet.id):
                return "", None
            return phrasebook().tell(packet, self._sight), packet
        if isinstance(packet, Ok):
            return self._answered(packet)
        if isinstance(packet, Error):
            return self._refused(packet), None
        if isinstance(packet, Token):
            self._code = packet.token
            return "", None
        if isinstance(packet, Welcome):
            return f"{styled('title', title())}\n", None
        if isinstance(packet, Bye):
            return packet.message, None
        if isinstance(packet, Unavailable):
            there = "can be done again" if packet.back else "can't be done at the moment"
            return f"What belongs to {packet.family} {there}.", None
        return "", None

    def _note_read(self, id_: str) -> bool:
        """Keep what was told until it is acknowledged. Returns whether it is new."""
        new = id_ not in self._read
        if len(self._read) < READ_KEPT_MAX:
            self._read[id_] = None
        return new

    def _answered(self, ok: Ok) -> tuple[str, Any]:
        event, shown = self._asked.pop(ok.re, (None, False))
        if event is None:
            return "", None
        if isinstance(event, Entrance):
            self._dialogue.note_answer(let_in=True)
        if event.spec.name == "ack":
            return "", None
        data = _read_data(event, ok)
        text = phrasebook().answer(event, data, self._sight)
        if isinstance(event, Resumption):
            text = f"{text}\n{self._how_to_resume()}"  # with another code than before
        return (text if shown else ""), data

    def _refused(self, error: Error) -> str:
        event, shown = self._asked.pop(error.re, (None, True))
        if isinstance(event, Entrance):
            self._dialogue.note_answer(let_in=False)
        if event is not None and event.spec.name == "ack":
            self._read.update(dict.fromkeys(event.ids))  # type: ignore[attr-defined]
        return error.message if shown else ""

    def outgoing(self, data: bytes) -> bytes:
        """What is written of all that is told at a time: a prompt behind it, and compressed if that was agreed."""
        if self._spoke:
            self._spoke = False
            start = b"\r\n" if self._at_prompt else b""
            data = start + data + self._prompt()
        return self._compression.feed(data)

    def _prompt(self) -> bytes:
        text = self._dialogue.step.value
        if self._dialogue.is_playing:
            text = f"{phrasebook().status(self._sight)}{text}"
        self._at_prompt = bool(text)
        return self._terminal.show(text) + MARKS[Option.EOR in self._options.on] if text else b""


def title() -> str:
    """The name of the game, as people read it."""
    return package().rpartition(".")[2].replace("_", " ").title()


def _read_data(event: Event, ok: Ok) -> Any:
    """A reply's data as its event declares it; as it came where a process of another version has made it."""
    if event.spec.result is None:
        return ok.data
    try:
        return msgspec.convert(ok.data or {}, catalogue.result_of(event.spec))
    except msgspec.ValidationError:
        return ok.data


def _gmcp(name: str, data: Any = None) -> bytes:
    text = name.encode() if data is None else name.encode() + b" " + msgspec.json.encode(data)
    return subnegotiation(Option.GMCP, text)


def _never(*_: Any) -> Any:
    raise NotImplementedError


def _without_secrets(event: Event) -> Event:
    return msgspec.structs.replace(event, **dict.fromkeys(event.spec.secrets, ""))


@once_per_reading
def _decoder() -> Any:
    own = [cls for cls in vars(packets).values() if isinstance(cls, type) and issubclass(cls, FromServer)]
    known = [cls for cls in own if cls is not FromServer] + list(catalogue.notices().values())
    return msgspec.msgpack.Decoder(reduce(or_, known))


@lru_cache(maxsize=256)
def _unpacked(decoder: Any, packed: bytes) -> Any:
    """A packet for clients; ``None`` for one of a newer version. What many are told is decoded once."""
    try:
        return decoder.decode(packed)
    except msgspec.ValidationError:
        return None
