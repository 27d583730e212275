import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameserver.errors import NotNow, Rejected
from gameserver.modules.chat.entities import ChatLine, Membership
from gameserver.modules.chat.events import Heard, Join, Joined, Leave, Line, Online, Say, Shout, Talk, Whisper, Who
from gameserver.modules.chat.rules import CHANNELS_MAX, ONLINE_COUNT, ONLINE_NAMES, clean, history
from gameserver.rules.outcome import MAIL_MAX
from gameserver.testing.two_zones import NOW_MS, absent, circumstances, play, player, state

ADA = player()
DIRECTING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
EVERY_EVENT = [
    Say(text="x"),
    Shout(text="x"),
    Whisper(to="bob", text="x"),
    Join(channel="trade"),
    Leave(channel="trade"),
    Talk(channel="trade", text="x"),
    Who(),
]


def member(channel: str, of: str = "ada") -> Membership:
    return Membership(id=f"{channel}/{of}", channel=channel, player=of)


def refusal(event: Any, world: Any) -> str:
    with pytest.raises(Rejected) as refused:
        play(event, world, circumstances(ADA))
    return refused.value.code


# Cleaning.


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_nothing_survives_that_breaks_a_terminal_or_turns_a_line_around(text: str) -> None:
    try:
        kept = clean(text)
    except Rejected:
        return
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in kept)
    assert not set(kept) & set(DIRECTING)
    assert len(kept.splitlines()) == 1
    assert kept == kept.strip()
    assert clean(kept) == kept


# Unicode's default-ignorable letters and marks, and the empty pattern of braille.
BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180f\u2800\u3164\ufe00\ufe0f\uffa0\U000e0100\U000e01ef"


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S")), max_size=40))
def test_letters_numbers_marks_and_symbols_of_all_languages_are_kept(text: str) -> None:
    assert clean(text + "x") == text + "x"


@pytest.mark.parametrize(
    "text", ["grüße", "日本語", "שלום עולם", "👩‍👩‍👧 family", "e\u0301", "नमस्ते", "می‌خواهم", "🏳️‍🌈", "a  b"]
)
def test_what_people_write_is_kept_as_they_wrote_it(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\nb", "ab"),
        ("\x1b[31mred", "[31mred"),
        ("\u202eevil\u202c", "evil"),
        ("a\u2028b\x85c\x00", "abc"),
        ("  spaced  ", "spaced"),
        ("a\tb", "ab"),
    ],
)
def test_what_could_do_harm_is_left_out(text: str, kept: str) -> None:
    assert clean(text) == kept


@pytest.mark.parametrize("text", ["", " ", "\n", "\x00\x1b", DIRECTING, " \u202e ", "\u3000"])
@pytest.mark.parametrize("event", [Say, Shout], ids=["say", "shout"])
def test_nothing_to_say_is_not_said(event: Any, text: str) -> None:
    assert refusal(event(text=text), state(ADA)) == "empty_text"


@pytest.mark.parametrize("text", ["\u200b", "\u200d\ufeff", "\u2060 \u200b", *BLANKS, BLANKS])
def test_a_line_that_nobody_can_see_is_nothing_to_say(text: str) -> None:
    assert refusal(Say(text=text), state(ADA)) == "empty_text"


# Speaking.


@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: event.spec.name)
def test_who_is_not_in_the_world_is_told_so_and_may_try_again(event: Any) -> None:
    for world in (state(absent(ADA), member("trade")), state(member("trade"))):
        with pytest.raises(NotNow, match="not_here"):
            play(event, world, circumstances(ADA))


def test_the_dead_may_speak() -> None:
    assert play(Say(text="boo"), state(player(dead_until_ms=9)), circumstances(ADA)).notifications


def test_what_is_said_is_heard_by_those_who_see_the_speaker() -> None:
    (tell,) = play(Say(text="hi\n"), state(ADA), circumstances(ADA)).notifications
    assert tell.notice == Heard(how="say", by="Ada", text="hi", at_ms=NOW_MS)
    assert (tell.to, tell.unless, tell.player) == (("zone.meadow/1.1",), (), "")


def test_what_is_shouted_is_heard_in_the_zone() -> None:
    (tell,) = play(Shout(text="hi"), state(ADA), circumstances(ADA)).notifications
    assert tell.notice == Heard(how="shout", by="Ada", text="hi", at_ms=NOW_MS)
    assert tell.to == ("zone.meadow",)


@pytest.mark.parametrize("hearer", [player("Bob"), absent(player("Bob"))], ids=["present", "absent"])
@pytest.mark.parametrize("called", ["bob", "Bob", "BOB"])
def test_a_whisper_is_for_one_player_however_the_name_is_written(hearer: Any, called: str) -> None:
    (tell,) = play(Whisper(to=called, text="psst"), state(ADA, hearer), circumstances(ADA)).notifications
    assert tell.notice == Heard(how="whisper", by="Ada", text="psst", at_ms=NOW_MS)
    assert (tell.player, tell.to, tell.conn) == ("bob", (), "")


@pytest.mark.parametrize("name", ["ada", "ADA"])
def test_a_whisper_to_oneself_is_refused(name: str) -> None:
    assert refusal(Whisper(to=name, text="psst"), state(ADA)) == "no_such_player"


def test_a_whisper_to_nobody_is_refused() -> None:
    assert refusal(Whisper(to="bob", text="psst"), state(ADA)) == "no_such_player"


def test_a_full_mailbox_takes_no_more() -> None:
    whisper = Whisper(to="bob", text="psst")
    assert refusal(whisper, state(ADA, player("Bob"), mail_counts={"bob": MAIL_MAX})) == "mailbox_full"
    assert play(whisper, state(ADA, player("Bob"), mail_counts={"bob": MAIL_MAX - 1}), circumstances(ADA)).notifications


@pytest.mark.parametrize("event", [Whisper(to="bob", text="\n"), Talk(channel="trade", text="\n")])
def test_an_empty_whisper_or_line_is_refused(event: Any) -> None:
    assert refusal(event, state(ADA, player("Bob"), member("trade"))) == "empty_text"


# Channels.


def test_who_joins_hears_the_last_lines_and_watches_the_channel() -> None:
    line = ChatLine(id="e0", channel="trade", by="Bob", text="wool!", at_ms=5)
    world = state(ADA, member("news"), member("other", "bob"), results={history("trade"): (line,)})
    outcome = play(Join(channel="trade"), world, circumstances(ADA))
    assert outcome.result == Joined(channel="trade", history=[Line(by="Bob", text="wool!", at_ms=5)])
    assert outcome.put == (member("trade"),)
    assert outcome.follow is not None
    assert outcome.follow.watch == {"channels": ("channel.news", "channel.trade")}


def test_joining_twice_is_joining() -> None:
    world = state(ADA, *(member(f"c{n}") for n in range(CHANNELS_MAX)))
    assert play(Join(channel="c0"), world, circumstances(ADA)).put == (member("c0"),)


def test_nobody_is_in_too_many_channels() -> None:
    world = state(ADA, *(member(f"c{n}") for n in range(CHANNELS_MAX)))
    assert refusal(Join(channel="trade"), world) == "too_many_channels"


def test_who_leaves_watches_the_others_only() -> None:
    world = state(ADA, member("news"), member("trade"), member("trade", "bob"))
    outcome = play(Leave(channel="trade"), world, circumstances(ADA))
    assert outcome.drop == (member("trade"),)
    assert outcome.follow is not None
    assert outcome.follow.watch == {"channels": ("channel.news",)}


@pytest.mark.parametrize("event", [Leave(channel="trade"), Talk(channel="trade", text="x")])
def test_who_is_not_in_a_channel_neither_leaves_nor_speaks(event: Any) -> None:
    assert refusal(event, state(ADA, member("news"), member("trade", "bob"))) == "not_a_member"


def test_what_is_said_in_a_channel_is_heard_there_and_kept() -> None:
    outcome = play(Talk(channel="trade", text="wo\nol"), state(ADA, member("trade")), circumstances(ADA, id="e7"))
    assert outcome.put == (ChatLine(id="e7", channel="trade", by="Ada", text="wool", at_ms=NOW_MS),)
    (tell,) = outcome.notifications
    assert tell.notice == Heard(how="channel", channel="trade", by="Ada", text="wool", at_ms=NOW_MS)
    assert tell.to == ("channel.trade",)


def test_who_is_in_the_world_is_told_to_whoever_asks() -> None:
    world = state(ADA, results={ONLINE_NAMES: ("Ada", "Bob"), ONLINE_COUNT: 7})
    assert play(Who(), world, circumstances(ADA)).result == Online(names=["Ada", "Bob"], count=7)
