from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from gameserver.declare.entity import beginning
from gameserver.declare.session_events import UNHEARD_MS, Heartbeat, Lost, Rejoin
from gameserver.errors import NotNow, Rejected
from gameserver.modules.chat.entities import Membership
from gameserver.modules.combat.entities import Health
from gameserver.modules.movement.events import Appeared, Vanished
from gameserver.modules.movement.maps import spawns
from gameserver.modules.movement.view import cell_of, view_topics
from gameserver.modules.sessions.entities import CALM, EARS, Account, Gateway, Player, Session
from gameserver.modules.sessions.events import Ack, Entered, Login, Logout, Register, Resume
from gameserver.modules.sessions.rules import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, SESSION_MS, Found
from gameserver.rules.book import rules
from gameserver.rules.outcome import Waiting
from gameserver.rules.watermarks import NO_MARKS
from gameserver.server_time import CLOCK_TOLERANCE_MS
from gameserver.testing.two_zones import (
    MEADOW,
    NOW_MS,
    QuickPasswords,
    absent,
    account_of,
    circumstances,
    cut_off,
    fold,
    play,
    player,
    put,
    replied,
    session_of,
    state,
    told,
)

ADA = player()
HOME = absent(ADA)
PASSWORD = "long enough"
REGISTER = Register(name="Ada", password=PASSWORD, seq=1)
LOGIN = Login(name="Ada", password=PASSWORD, seq=1)
NEW = {"conn": "c9", "gateway": "g2", "token": "#t9"}  # a connection that nobody plays over yet
CHANNEL = Membership(id="trade/ada", channel="trade", player="ada")
MAIL = Waiting("m1", "mail", "ada", b"packet")


def enter(event: Any, world: Any, **changes: Any) -> Any:
    return play(event, world, circumstances(**{**NEW, **changes}))


def refusal(event: Any, world: Any, **changes: Any) -> str:
    with pytest.raises(Rejected) as refused:
        enter(event, world, **changes)
    assert not isinstance(refused.value, NotNow)
    return refused.value.code


def session(outcome: Any) -> Session:
    (held,) = [thing for thing in outcome.put if isinstance(thing, Session)]
    return held


def closed(outcome: Any) -> list[tuple[str, str, str]]:
    """The connections that are closed, by gateway, with the code."""
    return [(t.gateway, t.conn, t.follow.close) for t in outcome.notifications if t.follow is not None]


# Registering.


def test_who_registers_has_an_account_and_stands_at_a_spawn_of_the_first_zone() -> None:
    outcome = enter(REGISTER, state())
    account, who, held, gateway, _ = outcome.put
    body = put(replace(outcome, put=(beginning(Health, "ada"), *outcome.put[1:])), "ada")
    assert account == Account(id="ada", name="Ada", password_hash=f"hashed {PASSWORD}", created_ms=NOW_MS)
    assert isinstance(who, Player)
    assert (body.id, body.name, body.zone, body.hp) == ("ada", "Ada", "meadow", body.hp_max)
    assert (body.x, body.y) in spawns(MEADOW)
    assert (body.gateway, body.conn, body.session) == ("g2", "c9", "c9")
    assert held == Session(id="c9", player="ada", gateway="g2", conn="c9", token="#t9", since_ms=NOW_MS)
    assert gateway == Gateway(id="g2", seen_ms=NOW_MS, sessions=1)
    assert isinstance(outcome.result, Entered)
    assert (outcome.result.player, outcome.result.session, outcome.result.seq) == ("ada", "c9", 0)
    assert (replied(outcome).x, replied(outcome).y) == (body.x, body.y)


def test_who_registers_appears_and_looks_around() -> None:
    outcome = enter(REGISTER, state())
    (appeared,) = told(outcome)
    assert isinstance(appeared, Appeared)
    follow = outcome.follow
    assert (follow.session, follow.player, follow.then) == ("c9", "ada", "look")
    assert follow.watch == {"view": view_topics(put(outcome, "ada")), "channels": ()}
    assert follow.own_cell == cell_of(put(outcome, "ada"))


def test_every_spawn_is_used() -> None:
    places = {
        (put(enter(REGISTER, state(), rng=Random(n)), "ada").x, put(enter(REGISTER, state(), rng=Random(n)), "ada").y)
        for n in range(20)
    }
    assert places == set(spawns(MEADOW))


@pytest.mark.parametrize("name", ["Ada", "ada", "ADA"])
def test_a_name_is_taken_however_it_is_written(name: str) -> None:
    assert refusal(Register(name=name, password=PASSWORD), state(account_of(ADA), HOME)) == "name_taken"


def test_a_name_that_was_taken_meanwhile_is_taken() -> None:
    class Early(QuickPasswords):
        """While this hashes, someone else registers."""

        def hash(self, password: str) -> str:
            world.put([account_of(ADA, "another"), *HOME.parts])
            return super().hash(password)

    world = state()
    with pytest.raises(Rejected, match="name_taken"):
        play(REGISTER, world, circumstances(**NEW), Early())


@pytest.mark.parametrize("length", [1, PASSWORD_CHARS_MIN - 1, PASSWORD_CHARS_MAX + 1])
def test_a_password_is_neither_too_short_nor_too_long(length: int) -> None:
    assert refusal(Register(name="Ada", password="x" * length), state()) == "bad_password"


@pytest.mark.parametrize("length", [PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX])
def test_a_password_may_be_as_short_and_as_long_as_the_limits(length: int) -> None:
    assert enter(Register(name="Ada", password="x" * length), state()).result


def test_no_work_is_done_for_a_registration_that_fails_anyway() -> None:
    passwords = QuickPasswords()
    for event, world in ((REGISTER, state(account_of(ADA), HOME)), (Register(name="Bob", password="x"), state())):
        with pytest.raises(Rejected):
            play(event, world, circumstances(**NEW), passwords)
    assert passwords.work == []


def test_a_registration_that_comes_twice_is_answered_alike() -> None:
    world = state()
    first = enter(REGISTER, world)
    fold(world, first)
    again = enter(REGISTER, world)
    assert (again.result, again.follow) == (first.result, first.follow)
    assert (again.put, again.drop, again.notifications) == ((), (), ())


# Logging in.


def test_who_logs_in_stands_where_they_left() -> None:
    outcome = enter(LOGIN, state(account_of(ADA), replace(HOME, x=7, y=8, hp=55, xp=3)))
    body = put(outcome, "ada")
    assert (body.x, body.y, body.gateway, body.conn, body.v) == (7, 8, "g2", "c9", HOME.v + 1)
    assert session(outcome).token == "#t9"
    assert (replied(outcome).x, replied(outcome).hp, replied(outcome).xp) == (7, 55, 3)
    assert [type(notice) for notice in told(outcome)] == [Appeared]


@pytest.mark.parametrize("name", ["ada", "ADA"])
def test_capitals_do_not_matter_to_a_login(name: str) -> None:
    assert enter(Login(name=name, password=PASSWORD), state(account_of(ADA), HOME)).result.name == "Ada"


def test_a_wrong_password_and_an_unknown_name_sound_the_same() -> None:
    world = state(account_of(ADA), HOME)
    assert refusal(Login(name="Ada", password="wrong"), world) == "bad_login"
    assert refusal(Login(name="Bob", password=PASSWORD), world) == "bad_login"


def test_a_wrong_password_and_an_unknown_name_are_as_much_work() -> None:
    for name in ("Ada", "Bob"):
        passwords = QuickPasswords()
        with pytest.raises(Rejected):
            play(Login(name=name, password="wrong"), state(account_of(ADA), HOME), circumstances(**NEW), passwords)
        assert len(passwords.work) == 1


def test_a_password_that_was_changed_meanwhile_opens_nothing() -> None:
    class Late(QuickPasswords):
        def verify(self, password_hash: str, password: str) -> bool:
            world.put([account_of(ADA, "another")])
            return super().verify(password_hash, password)

    world = state(account_of(ADA), HOME)
    with pytest.raises(Rejected, match="bad_login"):
        play(LOGIN, world, circumstances(**NEW), Late())


def test_an_older_session_ends_and_its_connection_is_closed() -> None:
    old = session_of(ADA)
    outcome = enter(LOGIN, state(account_of(ADA), ADA, old, session_of(player("Bob"))))
    assert outcome.drop == (old,)
    assert closed(outcome) == [("g1", "c-ada", "taken_over")]
    assert put(outcome, "ada").session == session(outcome).id == "c9"


def test_a_new_session_has_watermarks_of_its_own() -> None:
    outcome = enter(LOGIN, state(account_of(ADA), replace(ADA, marks='{"act":[40,0]}'), session_of(ADA)))
    assert put(outcome, "ada").marks == NO_MARKS
    assert (outcome.result.seq, outcome.follow.seq) == (0, 0)


def test_a_session_without_a_connection_ends_quietly() -> None:
    old = session_of(ADA, gateway="", conn="", expires_ms=NOW_MS + 5)
    outcome = enter(LOGIN, state(account_of(ADA), HOME, old))
    assert (outcome.drop, closed(outcome)) == ((old,), [])


def test_a_login_that_comes_twice_is_answered_alike() -> None:
    world = state(account_of(ADA), HOME, CHANNEL)
    first = enter(LOGIN, world)
    fold(world, first)
    again = enter(LOGIN, world)
    assert (again.result, again.follow) == (first.result, first.follow)
    assert (again.put, again.drop, again.notifications) == ((), (), ())


def test_who_enters_hears_their_channels_and_gets_their_mail() -> None:
    world = state(account_of(ADA), HOME, CHANNEL, mail={"ada": (MAIL,)})
    outcome = enter(LOGIN, world)
    assert outcome.follow.watch["channels"] == ("channel.trade",)
    assert outcome.again == (MAIL,)


def test_who_is_dead_does_not_appear() -> None:
    assert told(enter(LOGIN, state(account_of(ADA), replace(HOME, dead_until_ms=NOW_MS + 9)))) == []


# Resuming.


def resume(world: Any, with_token: str = "t-ada", attempt: int = 0, **changes: Any) -> Any:
    return enter(Resume(token=with_token, attempt=attempt, seq=1), world, **changes)


def test_a_session_is_taken_up_by_another_connection() -> None:
    walked = replace(ADA, marks='{"act":[40,0],"talk":[9,9]}')
    outcome = resume(state(walked, session_of(ADA), CHANNEL, mail={"ada": (MAIL,)}))
    held = session(outcome)
    assert (held.id, held.gateway, held.conn) == ("s-ada", "g2", "c9")
    assert (held.token, held.token_before, held.expires_ms) == ("#t9", "#t-ada", 0)
    body = put(outcome, "ada")
    assert (body.gateway, body.conn, body.session, body.marks) == ("g2", "c9", "s-ada", walked.marks)
    assert (outcome.result.session, outcome.result.seq, outcome.follow.seq) == ("s-ada", 40, 40)
    assert outcome.follow.watch["channels"] == ("channel.trade",)
    assert closed(outcome) == [("g1", "c-ada", "taken_over")]
    assert outcome.again == (MAIL,)
    assert outcome.drop == ()


def test_who_was_cut_off_comes_back() -> None:
    waits = session_of(ADA, gateway="", conn="", expires_ms=NOW_MS + 1)
    outcome = resume(state(cut_off(ADA), waits))
    assert (closed(outcome), session(outcome).expires_ms) == ([], 0)
    assert [type(notice) for notice in told(outcome)] == [Appeared]


def test_the_token_before_stays_good_until_the_new_one_is_used() -> None:
    world = state(ADA, session_of(ADA))
    fold(world, resume(world))
    fold(world, resume(world, "t-ada", conn="c10", token="#t10"))
    held = world.of(Session)["s-ada"]
    assert (held.conn, held.token, held.token_before) == ("c10", "#t10", "#t-ada")
    fold(world, resume(world, "t10", conn="c11", token="#t11"))
    assert refusal(Resume(token="t-ada"), world, conn="c12") == "bad_token"


def test_an_entrance_that_was_overtaken_on_its_way_throws_nobody_out() -> None:
    world = state(ADA, session_of(ADA), account_of(ADA))
    fold(world, resume(world, conn="c10", token="#t10", now_ms=NOW_MS + 5))
    late = {"conn": "c9", "token": "#t9", "now_ms": NOW_MS}
    assert refusal(Resume(token="t-ada"), world, **late) == "busy"
    assert refusal(LOGIN, world, **late) == "busy"
    assert world.of(Session)["s-ada"].conn == "c10"


@pytest.mark.parametrize("ahead_ms", [0, 5, 600_000], ids=["right", "a little ahead", "far ahead"])
def test_a_resume_that_was_overtaken_is_known_by_the_clients_count_whatever_its_gateways_clock_says(ahead_ms: int):
    world = state(ADA, session_of(ADA))
    fold(world, resume(world, conn="c10", token="#t10", attempt=2))
    assert refusal(Resume(token="t-ada", attempt=1), world, conn="c9", now_ms=NOW_MS + ahead_ms) == "busy"
    fold(world, resume(world, "t-ada", conn="c11", token="#t11", attempt=3, now_ms=NOW_MS - 10))
    assert (world.of(Session)["s-ada"].conn, world.of(Session)["s-ada"].attempt) == ("c11", 3)


def test_no_entrance_is_overtaken_by_one_from_the_future() -> None:
    """The gateway that wrote it was 10 minutes ahead; those who come through others are let in."""
    ahead = session_of(ADA, since_ms=NOW_MS + 600_000)
    world = state(account_of(ADA), ADA, ahead)
    assert session(enter(LOGIN, world)).conn == NEW["conn"]
    assert session(enter(Resume(token="t-ada"), world)).conn == NEW["conn"]


@pytest.mark.parametrize("token", ["wrong", "t-bob"])
def test_a_wrong_token_opens_nothing(token: str) -> None:
    assert refusal(Resume(token=token), state(ADA, session_of(ADA))) == "bad_token"


def test_a_session_that_has_expired_is_over() -> None:
    waits = session_of(ADA, gateway="", conn="", expires_ms=NOW_MS - 1)
    assert refusal(Resume(token="t-ada"), state(cut_off(ADA), waits)) == "bad_token"


def test_a_token_that_was_used_up_meanwhile_opens_nothing() -> None:
    world = state(ADA, session_of(ADA))
    context = circumstances(**NEW, prepared=Found("#t-ada", session_of(ADA)))
    world.put([session_of(ADA, token="#t8", token_before="#t7")])
    with pytest.raises(Rejected, match="bad_token"):
        rules()["resume"](world, Resume(token="t-ada"), context)
    del world.things[Session][session_of(ADA).id]
    with pytest.raises(Rejected, match="bad_token"):
        rules()["resume"](world, Resume(token="t-ada"), context)


def test_a_stolen_hash_opens_nothing() -> None:
    assert refusal(Resume(token="#t-ada"), state(ADA, session_of(ADA))) == "bad_token"


def test_a_resume_that_comes_twice_is_answered_alike() -> None:
    world = state(replace(ADA, marks='{"act":[7,0]}'), session_of(ADA))
    first = resume(world)
    fold(world, first)
    again = resume(world)
    assert (again.result, again.follow) == (first.result, first.follow)
    assert (again.put, again.notifications) == ((), ())


# Leaving.


def test_who_logs_out_leaves_the_world_and_the_session_ends() -> None:
    outcome = play(Logout(seq=5), state(ADA, session_of(ADA)), circumstances(ADA))
    body = put(outcome, "ada")
    assert not body.present
    assert (body.session, body.conn, body.x, body.y) == ("", "", ADA.x, ADA.y)
    assert told(outcome) == [Vanished(who="ada", v=ADA.v + 1)]
    assert outcome.drop == (session_of(ADA),)
    assert outcome.follow is not None
    assert outcome.follow.close == "logged_out"


@pytest.mark.parametrize("world", [state(ADA), state(ADA, session_of(ADA, conn="c9"))], ids=["over", "taken over"])
def test_a_logout_of_a_session_that_is_over_or_taken_over_only_closes(world: Any) -> None:
    outcome = play(Logout(seq=5), world, circumstances(ADA))
    assert (outcome.put, outcome.drop, outcome.notifications) == ((), (), ())
    assert outcome.follow is not None
    assert outcome.follow.close == "logged_out"


def test_who_is_cut_off_leaves_the_world_and_the_session_waits_with_its_watermarks() -> None:
    walked = replace(ADA, marks='{"act":[7,0]}')
    outcome = play(Lost(), state(walked, session_of(ADA)), circumstances(ADA))
    held = session(outcome)
    assert (held.id, held.gateway, held.conn, held.expires_ms) == ("s-ada", "", "", NOW_MS + SESSION_MS)
    assert held.token == "#t-ada"
    left = put(outcome, "ada")
    assert (left.session, left.present, left.marks, left.v) == (ADA.session, False, walked.marks, ADA.v + 1)
    assert told(outcome) == [Vanished(who="ada", v=ADA.v + 1)]


def test_who_was_cut_off_is_not_seen_to_leave_again() -> None:
    outcome = play(Lost(), state(cut_off(ADA), session_of(ADA)), circumstances(ADA))
    assert [type(thing) for thing in outcome.put] == [Session]
    assert outcome.notifications == ()


@pytest.mark.parametrize("world", [state(ADA), state(ADA, session_of(ADA, conn="c9"))], ids=["over", "taken over"])
def test_the_loss_of_a_connection_that_was_taken_over_is_nothing(world: Any) -> None:
    outcome = play(Lost(), world, circumstances(ADA))
    assert (outcome.put, outcome.drop, outcome.notifications, outcome.follow) == ((), (), (), None)


def test_the_loss_of_an_old_session_takes_no_player_out_who_plays_in_another() -> None:
    other = session_of(ADA, id="s-old")
    outcome = play(Lost(), state(ADA, other), circumstances(ADA, session="s-old"))
    assert [type(thing) for thing in outcome.put] == [Session]
    assert outcome.notifications == ()


# A gateway that was cut off from the queue.


def test_whose_session_waited_is_in_the_world_again() -> None:
    waits = session_of(ADA, gateway="", conn="", expires_ms=NOW_MS + 1)
    away = replace(cut_off(ADA), marks='{"act":[7,0]}')
    outcome = play(Rejoin(), state(away, waits, CHANNEL, mail={"ada": (MAIL,)}), circumstances(ADA))
    assert put(outcome, "ada").present
    assert put(outcome, "ada").marks == away.marks
    assert (session(outcome).conn, session(outcome).expires_ms) == ("c-ada", 0)
    assert [type(notice) for notice in told(outcome)] == [Appeared]
    assert outcome.again == (MAIL,)
    assert outcome.follow is not None
    assert (outcome.follow.session, outcome.follow.player, outcome.follow.then) == ("s-ada", "ada", "look")
    assert outcome.follow.rejoined
    assert outcome.follow.watch["channels"] == ("channel.trade",)


def test_who_was_never_taken_out_stays_as_they_are() -> None:
    outcome = play(Rejoin(), state(ADA, session_of(ADA)), circumstances(ADA))
    assert {*ADA.parts[:2]} <= {*outcome.put}


@pytest.mark.parametrize("world", [state(ADA), state(ADA, session_of(ADA, conn="c9"))], ids=["over", "taken over"])
def test_whose_session_was_taken_up_elsewhere_is_sent_away(world: Any) -> None:
    outcome = play(Rejoin(), world, circumstances(ADA))
    assert (outcome.put, outcome.notifications) == ((), ())
    assert outcome.follow is not None
    assert outcome.follow.close == "taken_over"


# Mail and signs of life.


def test_what_has_arrived_waits_no_longer() -> None:
    waiting = tuple(Waiting(id_, "mail", "ada", b"") for id_ in ("m1", "m2", "m3"))
    outcome = play(Ack(ids=["m3", "m1", "of another"]), state(mail={"ada": waiting}), circumstances(ADA))
    assert outcome.done == ("m1", "m3")


def test_nobody_acknowledges_anothers_mail() -> None:
    others = Waiting("m1", "mail", "bob", b"")
    assert play(Ack(ids=["m1"]), state(mail={"bob": (others,)}), circumstances(ADA)).done == ()


def test_a_gateway_that_beats_lives() -> None:
    outcome = play(Heartbeat(sessions=7), state(), circumstances(gateway="g3"))
    heard = {gateway.id: gateway for gateway in outcome.put}
    assert heard["g3"] == Gateway(id="g3", seen_ms=NOW_MS, sessions=7)
    assert heard[EARS].seen_ms == NOW_MS


@pytest.mark.parametrize(
    ("heard_ms", "calm_ms", "anew"),
    [
        (None, None, True),
        (NOW_MS - UNHEARD_MS, 1, False),
        (NOW_MS - UNHEARD_MS - 1, 1, True),
        (NOW_MS + CLOCK_TOLERANCE_MS + 1, 1, True),  # the clock was set back meanwhile
        (NOW_MS, NOW_MS + 1, True),
    ],
)
def test_the_calm_begins_anew_with_the_first_who_is_heard_after_nobody_was(
    heard_ms: int | None, calm_ms: int | None, anew: bool
) -> None:
    known = [Gateway(id=i, seen_ms=ms, sessions=0) for i, ms in ((EARS, heard_ms), (CALM, calm_ms)) if ms is not None]
    outcome = play(Heartbeat(sessions=7), state(*known), circumstances(gateway="g3"))
    begun = [gateway.seen_ms for gateway in outcome.put if gateway.id == CALM]
    assert begun == ([NOW_MS] if anew else [])


@pytest.mark.parametrize(("age_ms", "seen"), [(0, False), (UNHEARD_MS, False), (UNHEARD_MS + 1, True)])
def test_a_gateway_that_lets_someone_in_is_alive_whenever_it_last_beat(age_ms: int, seen: bool) -> None:
    known = Gateway(id="g2", seen_ms=NOW_MS - age_ms, sessions=40)
    for event in (LOGIN, Resume(token="t-ada", seq=1)):
        outcome = enter(event, state(account_of(ADA), ADA, session_of(ADA), known))
        beats = [thing for thing in outcome.put if isinstance(thing, Gateway)]
        assert beats == ([Gateway(id="g2", seen_ms=NOW_MS, sessions=1)] if seen else [])
