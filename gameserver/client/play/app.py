"""The screen of ``gameserver play``: a map, who the player is, what was said, and a line to type. Made with Textual.

While nothing is typed the arrow keys walk. Tab completes, up and down go through what was typed before.
"""

from collections.abc import Callable
from typing import Any, ClassVar, get_args

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Label, RichLog, Static

from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.play.terminal_game import TerminalGame
from gameserver.declare.phrases import LETTERS, STYLED, Style

LOOKS: dict[Style, str] = {
    "name": "bold cyan",
    "title": "bold",
    "speech": "yellow",
    "good": "green",
    "bad": "bold red",
    "faint": "dim",
    "wall": "blue",
    "gate": "bold magenta",
    "you": "bold black on yellow",
}
_BY_LETTER = {LETTERS[style]: LOOKS[style] for style in get_args(Style)}
WAYS = {"up": "north", "down": "south", "left": "west", "right": "east"}
DRAWN_EVERY_S = 0.05  # while things move
LINES_MAX = 2_000  # of what was said


def rich(prose: str) -> Text:
    """Prose as Textual shows it."""
    text, look, at = Text(), "", 0
    for match in STYLED.finditer(prose):
        text.append(prose[at : match.start()], look)
        look, at = _BY_LETTER.get(match[1] or "", ""), match.end()
    return text.append(prose[at:], look)


class Words(Suggester):
    """Completes what is typed, by what the game knows."""

    def __init__(self, game: TerminalGame) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._game = game

    async def get_suggestion(self, value: str) -> str | None:
        """The rest of the line that this may become."""
        return next((line for line in self._game.completions(value) if line.startswith(value)), None)


class Line(Input):
    """The line that is typed. While it is empty the arrow keys walk."""

    class Walked(Message):
        """An arrow key was pressed. ``way``: north, ..."""

        def __init__(self, way: str) -> None:
            super().__init__()
            self.way = way

    class Typed(Message):
        """Enter was pressed. ``line``: what was typed before."""

        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    def __init__(self, history: Callable[[], list[str]], **options: Any) -> None:
        super().__init__(**options)
        self._history = history
        self._back = 0  # how far back in what was typed before

    def on_key(self, event: Key) -> None:
        """Walk, send, complete, or go through what was typed; every other key is the line's own.

        (Here, and not by a binding: keys that are pressed quickly behind Enter belong to the next line.)
        """
        do = self._meant(event.key)
        if do is not None:
            do()
            event.prevent_default()
            event.stop()

    def _meant(self, key: str) -> Callable[[], object] | None:
        if key in WAYS and not self.value:
            return lambda: self.post_message(self.Walked(WAYS[key]))
        keys = {
            "enter": self._send,
            "tab": self.action_cursor_right,  # at the end it takes the completion
            "up": lambda: self._recall(1),
            "down": lambda: self._recall(-1),
        }
        return keys.get(key)

    def _send(self) -> None:
        self.post_message(self.Typed(self.value))
        self.value = ""
        self._back = 0

    def _recall(self, step: int) -> None:
        typed = self._history()
        self._back = min(max(self._back + step, 0), len(typed))
        self.value = typed[-self._back] if self._back else ""
        self.cursor_position = len(self.value)


class Entrance(ModalScreen[None]):
    """Asks for a name and a password."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "app.quit", "Quit")]

    def __init__(self, game: TerminalGame, name: str) -> None:
        super().__init__()
        self._game = game
        self._player = name

    def compose(self) -> ComposeResult:
        """A form."""
        with Vertical(id="entrance"):
            yield Label("Who are you?", id="question")
            yield Input(self._player, placeholder="name", id="name")
            yield Input(placeholder="password (8 characters or more)", password=True, id="password")
            with Horizontal(id="ways"):
                yield Button("Enter", variant="primary", id="enter")
                yield Button("Make a new player", id="new")
            yield Label("", id="refusal")

    def on_mount(self) -> None:
        """Begin with what is missing."""
        self.query_one("#password" if self._player else "#name").focus()

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Go on to the password, and then enter."""
        if event.input.id == "name":
            self.query_one("#password").focus()
        else:
            self._enter(new=False)

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Enter as someone known or new."""
        self._enter(new=event.button.id == "new")

    @work(exclusive=True)
    async def _enter(self, *, new: bool) -> None:
        name, password = self.query_one("#name", Input).value, self.query_one("#password", Input).value
        try:
            await self._game.enter(name.strip(), password, new=new)
        except (Refused, ConnectionLost) as fault:
            self.query_one("#refusal", Label).update(Text(fault.message))
        else:
            self.dismiss()


class PlayApp(App[int]):
    """The client. ``addresses``: gateways, tried in turn; ``name``: of the player, if it is known."""

    TITLE = "gameserver play"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+q", "quit", "Quit"), ("ctrl+c", "quit", "Quit")]
    CSS = """
    #map { height: 1fr; border: round $primary; content-align: center middle; }
    #log { height: 11; border: round $primary; scrollbar-size-vertical: 1; }
    #status { height: 1; padding: 0 1; }
    #line { border: round $accent; height: 3; }
    Entrance { align: center middle; }
    #entrance { width: 56; height: auto; border: round $primary; padding: 1 2; background: $surface; }
    #ways { height: auto; margin-top: 1; }
    #ways Button { margin-right: 2; }
    #refusal { color: $error; margin-top: 1; }
    """

    def __init__(self, addresses: list[tuple[str, int]], name: str = "", **options: Any) -> None:
        super().__init__()
        self.game = TerminalGame(addresses, say=self.say, changed=self._change, **options)
        self._player = name
        self._is_drawn = True
        self._is_over = False
        self._shown_status = Text()
        # (Asked for by its id a widget is looked for on the screen in front, which may be the entrance.)
        self._map, self._status = Static(id="map"), Static(id="status")
        self._said = RichLog(id="log", wrap=True, max_lines=LINES_MAX, min_width=0)
        hint = "type help, or walk with the arrow keys"
        words = Words(self.game)
        self._line = Line(lambda: self.game.history, id="line", suggester=words, placeholder=hint)

    def compose(self) -> ComposeResult:
        """The map, the status, what was said, and the line."""
        yield self._map
        yield self._status
        yield self._said
        yield self._line

    async def on_mount(self) -> None:
        """Connect, and ask who it is."""
        self.set_interval(DRAWN_EVERY_S, self._draw)
        self._said.can_focus = False
        try:
            await self.game.client.open()
        except ConnectionLost as lost:
            self.exit(1, message=lost.message)
            return
        await self.push_screen(Entrance(self.game, self._player), lambda _: self._begin())

    def _begin(self) -> None:
        self._line.focus()

    async def on_unmount(self) -> None:
        """Hang up."""
        await self.game.close()

    def say(self, prose: str) -> None:
        """Show prose below what was said before."""
        self._said.write(rich(prose))

    @on(Line.Typed)
    def typed(self, event: Line.Typed) -> None:
        """Do what was typed."""
        self.game.type(event.line)

    @on(Line.Walked)
    def walked(self, event: Line.Walked) -> None:
        """Walk."""
        self.game.type(event.way)

    def _change(self) -> None:
        self._is_drawn = False

    def _draw(self) -> None:
        """Draw what has changed, and nothing else: this may go over a slow line. End when the game has."""
        if self.game.client.end is not None and not self._is_over:
            self._end(self.game.client.end)
        self._show_status()
        if self._is_drawn:
            return
        self._is_drawn = True
        size = self._map.content_size
        self._map.update(rich(self.game.picture(size.width, size.height)))
        self._map.border_title = str(self.game.sight.me.get("place", ""))

    def _show_status(self) -> None:
        text = rich(self.game.status)
        if not self.game.is_connected:
            text.append("  the connection is lost: trying again", LOOKS["bad"])
        if text != self._shown_status:
            self._shown_status = text
            self._status.update(text)

    def _end(self, lost: ConnectionLost) -> None:
        self._is_over = True
        self.exit(0 if lost.code in ("logged_out", "closed") else 1, message=lost.message)
