"""Sessions: who may enter, where they were cut off, and what their gateway must know.

All of these are idempotent by the connection's id, which the gateway mints: the session that a connection begins is
named after it, so that a repeated login finds itself done. Tokens arrive hashed; passwords are checked before the
transaction begins, because a slow hash must not hold a lock.
"""

import msgspec
from msgspec.structs import replace

from gameserver.declare.session_events import UNHEARD_MS, Heartbeat, Lost, Rejoin
from gameserver.errors import Rejected
from gameserver.messages.outbound import Listed, SessionUpdate
from gameserver.modules.chat.entities import Membership
from gameserver.modules.movement.entities import Player
from gameserver.modules.movement.view import appears, channel_topic, looks_around, vanishes
from gameserver.modules.sessions.entities import CALM, EARS, Account, Gateway, Session
from gameserver.modules.sessions.events import Ack, Entered, Login, Logout, Register, Resume
from gameserver.rules.needs import Listing, Needs, count, ids, mail, portion, where
from gameserver.rules.outcome import (
    Context,
    Notification,
    Outcome,
    Passwords,
    Reader,
    State,
    rule,
)
from gameserver.rules.times import awaited, heard_lately
from gameserver.rules.watermarks import NO_MARKS, highest

PASSWORD_CHARS_MIN = 8
PASSWORD_CHARS_MAX = 128
SESSION_MS = 3_600_000
ROLL_ROWS_MAX = 500


def player_id(name: str) -> str:
    """Names that differ in capitals only are one player's."""
    return name.lower()


def _entering(player: str, context: Context) -> Needs:
    return (
        ids(Gateway, context.gateway),
        ids(Account, player),
        ids(Player, player),
        where(Session, player=player),
        where(Membership, player=player),
        mail(player),
    )


def _needs_named(event: Register | Login, context: Context) -> Needs:
    return _entering(player_id(event.name), context)


def _hash(event: Register, context: Context, reader: Reader, passwords: Passwords) -> str | None:
    if reader.get(Account, player_id(event.name)) is not None:
        return None
    if not PASSWORD_CHARS_MIN <= len(event.password) <= PASSWORD_CHARS_MAX:
        return None
    return passwords.hash(event.password)


@rule(needs=_needs_named, prepare=_hash)
def register(state: State, event: Register, context: Context) -> Outcome:
    """A new account, and its player at a spawn point of the first zone."""
    player = player_id(event.name)
    if context.conn in state.of(Session):
        return _again(state, context)
    if not PASSWORD_CHARS_MIN <= len(event.password) <= PASSWORD_CHARS_MAX:
        raise Rejected("bad_password", f"A password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters.")
    if player in state.of(Account) or context.prepared is None:
        raise Rejected("name_taken", "That name is taken.")
    account = Account(id=player, name=event.name, password_hash=context.prepared, created_ms=context.now_ms)
    x, y = context.rng.choice(state.zone(state.world.start).spawns)
    body = Player(id=player, name=event.name, zone=state.world.start, x=x, y=y)
    entered = _enter(state, context, body)
    return replace(entered, put=(account, *entered.put))


def _verify(event: Login, context: Context, reader: Reader, passwords: Passwords) -> str:
    """The hash that the password was good for, "" when it wasn't; as slow for a name that doesn't exist."""
    account = reader.get(Account, player_id(event.name))
    if account is None:
        passwords.hash(event.password)
        return ""
    return account.password_hash if passwords.verify(account.password_hash, event.password) else ""


@rule(needs=_needs_named, prepare=_verify)
def login(state: State, event: Login, context: Context) -> Outcome:
    """Enter with name and password; the player's older sessions end."""
    account = state.get(Account, player_id(event.name))
    if account is None or context.prepared != account.password_hash:
        raise Rejected("bad_login", "Name or password is wrong.")
    if context.conn in state.of(Session):
        return _again(state, context)
    return _enter(state, context, state.of(Player)[account.id])


def _enter(state: State, context: Context, body: Player) -> Outcome:
    session = Session(
        id=context.conn,
        player=body.id,
        gateway=context.gateway,
        conn=context.conn,
        token=context.token,
        since_ms=context.now_ms,
    )
    older = tuple(s for s in state.of(Session).values() if s.player == body.id)
    if any(_came_later(state, s, context) for s in older):
        raise _overtaken()
    present = _present(body, session)
    return Outcome(
        result=_entered(present, session),
        put=(present, session, *_seen(state, context)),
        drop=older,
        notifications=(*_displaced(older), *_arrives(body, present)),
        again=state.mail.get(body.id, ()),
        follow=_follow(state, present, session),
    )


def _came_later(state: State, session: Session, context: Context) -> bool:
    """Whether a later entrance than this one brought the session's connection.

    An entrance that was delivered twice, or waited with a worker that died, must not throw out who came after it. None
    came later than now, though: what says so was written by a gateway whose clock was ahead.
    """
    waited_ms = max(0, state.now_ms - context.now_ms)
    return awaited(session.since_ms, context.now_ms, waited_ms)


def _resumed_later(state: State, session: Session, event: Resume, context: Context) -> bool:
    """The same of a ``resume`` with the token before: by the client's own count where it keeps one."""
    if event.attempt and session.attempt:
        return event.attempt < session.attempt
    return _came_later(state, session, context)


def _overtaken() -> Rejected:
    """Said to a connection that is gone; where gateways' clocks differ someone may hear it, for as long as they do."""
    return Rejected("busy", "This player came in elsewhere a moment later. Try again in a moment.")


def _seen(state: State, context: Context) -> tuple[Gateway, ...]:
    """A gateway whose first players are quicker than its first heartbeat is alive all the same."""
    known = state.get(Gateway, context.gateway)
    fresh = known is not None and heard_lately(known.seen_ms, state.now_ms, UNHEARD_MS)
    return () if fresh else (Gateway(id=context.gateway, seen_ms=state.now_ms, sessions=1),)


def _again(state: State, context: Context) -> Outcome:
    """The same answer to a repeated entrance."""
    session = state.of(Session)[context.conn]
    body = state.of(Player)[session.player]
    return Outcome(result=_entered(body, session), follow=_follow(state, body, session))


class Found(msgspec.Struct, frozen=True):
    """What a token's hash led to before the transaction began."""

    digest: str
    session: Session | None


def _find(event: Resume, context: Context, reader: Reader, passwords: Passwords) -> Found:
    digest = passwords.digest(event.token)
    return Found(digest, reader.find(Session, ("token", "token_before"), digest))


def _needs_found(event: Resume, context: Context) -> Needs:
    found: Found = context.prepared
    return _entering(found.session.player, context) if found.session else ()


@rule(needs=_needs_found, prepare=_find)
def resume(state: State, event: Resume, context: Context) -> Outcome:
    """Take the session over to this connection. The token is changed; the one before stays good until then."""
    found: Found = context.prepared
    session = state.get(Session, found.session.id) if found.session else None
    if session is None or found.digest not in (session.token, session.token_before):
        raise Rejected("bad_token", "This session is over. Log in.")
    if session.conn == context.conn:
        return Outcome(
            result=_entered(state.of(Player)[session.player], session),
            follow=_follow(state, state.of(Player)[session.player], session),
        )
    if session.expires_ms and session.expires_ms < state.now_ms:
        raise Rejected("bad_token", "This session has expired. Log in.")
    if found.digest != session.token and _resumed_later(state, session, event, context):
        raise _overtaken()
    taken = replace(
        session,
        gateway=context.gateway,
        conn=context.conn,
        token=context.token,
        token_before=found.digest,
        expires_ms=0,
        since_ms=context.now_ms,
        attempt=event.attempt,
    )
    body = state.of(Player)[session.player]
    present = _present(body, taken)
    return Outcome(
        result=_entered(present, taken),
        put=(present, taken, *_seen(state, context)),
        notifications=(*_displaced((session,)), *_arrives(body, present)),
        again=state.mail.get(body.id, ()),
        follow=_follow(state, present, taken),
    )


def _present(body: Player, session: Session) -> Player:
    marks = body.marks if body.session == session.id else NO_MARKS
    return replace(body, gateway=session.gateway, session=session.id, conn=session.conn, v=body.v + 1, marks=marks)


def _entered(body: Player, session: Session) -> Entered:
    return Entered(
        player=body.id,
        name=body.name,
        session=session.id,
        zone=body.zone,
        x=body.x,
        y=body.y,
        hp=body.hp,
        hp_max=body.hp_max,
        xp=body.xp,
        seq=highest(body.marks),
    )


def _displaced(sessions: tuple[Session, ...]) -> tuple[Notification, ...]:
    """Connections that held a session until now are closed by their gateways."""
    held = [s for s in sessions if s.conn and s.gateway]
    return tuple(Notification(conn=s.conn, gateway=s.gateway, follow=SessionUpdate(close="taken_over")) for s in held)


def _arrives(before: Player, after: Player) -> tuple[Notification, ...]:
    return () if before.dead_until_ms else (appears(after),)


def _follow(state: State, body: Player, session: Session) -> SessionUpdate:
    channels = sorted(m.channel for m in state.of(Membership).values() if m.player == body.id)
    looks = looks_around(body)
    watch = {**looks.watch, "channels": tuple(channel_topic(c) for c in channels)}
    return replace(looks, session=session.id, player=body.id, seq=highest(body.marks), watch=watch)


def _needs_session(event: Logout | Lost, context: Context) -> Needs:
    return (ids(Session, context.session),)


@rule(needs=_needs_session)
def logout(state: State, event: Logout, context: Context) -> Outcome:
    """The session ends, and its player leaves the world."""
    session = state.get(Session, context.session)
    if session is None or session.conn != context.conn:
        return Outcome(follow=SessionUpdate(close="logged_out"))  # taken up elsewhere, or over
    left = leave(replace(state.of(Player)[context.player], session=""))
    return replace(left, drop=(session,), follow=SessionUpdate(close="logged_out"))


@rule(needs=_needs_session)
def lost(state: State, event: Lost, context: Context) -> Outcome:
    """The connection is gone: the player leaves the world, the session waits for a while."""
    session = state.get(Session, context.session)
    if session is None or session.conn != context.conn:
        return Outcome()  # resumed elsewhere, or over
    return orphaned(state, session, context.now_ms)


def orphaned(state: State, session: Session, now_ms: int) -> Outcome:
    """A session that no connection holds any more. Its watermarks stay with its player."""
    waits = replace(session, gateway="", conn="", expires_ms=now_ms + SESSION_MS)
    body = state.get(Player, session.player)
    gone = leave(body) if body is not None and body.present and body.session == session.id else Outcome()
    return replace(gone, put=(*gone.put, waits))


def leave(body: Player) -> Outcome:
    """A player leaves the world."""
    absent = replace(body, gateway="", conn="", v=body.v + 1)
    return Outcome(put=(absent,), notifications=(vanishes(absent),))


def _needs_rejoin(event: Rejoin, context: Context) -> Needs:
    return (
        ids(Gateway, context.gateway),
        ids(Session, context.session),
        where(Membership, player=context.player),
        mail(context.player),
    )


@rule(needs=_needs_rejoin)
def rejoin(state: State, event: Rejoin, context: Context) -> Outcome:
    """The player is in the world again, unless the session was taken up elsewhere meanwhile or is over."""
    session = state.get(Session, context.session)
    if session is None or session.conn not in ("", context.conn):
        return Outcome(follow=SessionUpdate(close="taken_over"))
    held = replace(session, gateway=context.gateway, conn=context.conn, expires_ms=0)
    body = state.of(Player)[session.player]
    present = body if body.conn == context.conn else _present(body, held)
    return Outcome(
        put=(present, held, *_seen(state, context)),
        notifications=_arrives(body, present),
        again=state.mail.get(body.id, ()),
        follow=replace(_follow(state, present, held), rejoined=True),
    )


@rule(needs=lambda event, context: (mail(context.player),))
def ack(state: State, event: Ack, context: Context) -> Outcome:
    """Durable notices have arrived; now there is room for those into which others were merged meanwhile."""
    ids, waiting = frozenset(event.ids), state.mail.get(context.player, ())
    return Outcome(
        done=tuple(w.id for w in waiting if w.id in ids and not w.untold), again=tuple(w for w in waiting if w.untold)
    )


def _needs_ears(event: Heartbeat, context: Context) -> Needs:
    roll = (_roll(event, context),) if event.after else ()
    return (ids(Gateway, EARS, CALM), count(Session, gateway=context.gateway), *roll)


def _roll(event: Heartbeat, context: Context) -> Listing[Session]:
    """The sessions that a gateway holds, from one connection on, a portion."""
    return portion(Session, ROLL_ROWS_MAX, "conn", event.after, gateway=context.gateway)


@rule(needs=_needs_ears)
def heartbeat(state: State, event: Heartbeat, context: Context) -> Outcome:
    """A gateway is alive, and its heartbeat was applied; if it heard nobody for a while, the calm begins anew.

    It hears how many sessions it holds, and which if it asks: those whose connections are gone it reports as lost.
    """
    alive = Gateway(id=context.gateway, seen_ms=context.now_ms, sessions=event.sessions)
    heard = replace(alive, id=EARS)
    calm = () if _has_ears(state, context.now_ms) else (replace(alive, id=CALM),)
    roll = state.found(_roll(event, context)) if event.after else None
    listed = None if roll is None else tuple(Listed(s.conn, s.id, s.player) for s in roll)
    told = SessionUpdate(held=state.count(count(Session, gateway=context.gateway)), roll=listed)
    return Outcome(put=(alive, heard, *calm), follow=told)


def _has_ears(state: State, now_ms: int) -> bool:
    """Whether heartbeats were applied without a pause until now; a calm that begins in the future never would."""
    ears, calm = state.get(Gateway, EARS), state.get(Gateway, CALM)
    ahead = calm is not None and calm.seen_ms > now_ms
    return ears is not None and heard_lately(ears.seen_ms, now_ms, UNHEARD_MS) and not ahead
