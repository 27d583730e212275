"""Sessions: who may enter, where they were cut off, and what their gateway must know.

All of these are idempotent by the connection's id, which the gateway mints: the session that a connection begins is
named after it, so that a repeated login finds itself done. Tokens arrive hashed; passwords are checked before the
transaction begins, because a slow hash must not hold a lock.
"""

import msgspec
from msgspec.structs import replace

from gameserver.declare.session_events import GATEWAY_SILENT_MS, UNHEARD_MS, Heartbeat, Lost, Rejoin
from gameserver.game import (
    CLOCK_TOLERANCE_MS,
    Context,
    Entity,
    Ids,
    Listing,
    Matching,
    Needs,
    Notification,
    Outcome,
    Rejected,
    SessionUpdate,
    State,
    all_of,
    any_of,
    awaited,
    count,
    heard_lately,
    ids,
    mail,
    matching,
    portion,
    rule,
    test,
    where,
)
from gameserver.messages.outbound import Listed
from gameserver.modules.sessions.entities import CALM, EARS, Account, Gateway, Player, Session
from gameserver.modules.sessions.events import Ack, Entered, Login, Logout, Register, Resume, Sweep
from gameserver.modules.sessions.players import player_id
from gameserver.rules.needs import due
from gameserver.rules.outcome import Passwords, Reader
from gameserver.rules.watermarks import NO_MARKS, highest

PASSWORD_CHARS_MIN = 8
PASSWORD_CHARS_MAX = 128
SESSION_MS = 3_600_000
ROLL_ROWS_MAX = 500
LAPSED_MAX = 500


def _entering(player: str, context: Context) -> Needs:
    return (
        ids(Gateway, context.gateway),
        ids(Account, player),
        ids(Player, player),
        where(Session, player=player),
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
    """A new account, and its player."""
    player = player_id(event.name)
    if context.conn in state.of(Session):
        return _again(state, context)
    if not PASSWORD_CHARS_MIN <= len(event.password) <= PASSWORD_CHARS_MAX:
        raise Rejected("bad_password", f"A password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters.")
    if player in state.of(Account) or context.prepared is None:
        raise Rejected("name_taken", "That name is taken.")
    account = Account(id=player, name=event.name, password_hash=context.prepared, created_ms=context.now_ms)
    entered = _enter(state, context, Player(id=player, name=event.name))
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


def _enter(state: State, context: Context, player: Player) -> Outcome:
    session = Session(
        id=context.conn,
        player=player.id,
        gateway=context.gateway,
        conn=context.conn,
        token=context.token,
        since_ms=context.now_ms,
    )
    older = tuple(s for s in state.of(Session).values() if s.player == player.id)
    if any(_came_later(state, s, context) for s in older):
        raise _overtaken()
    present = _present(player, session)
    return Outcome(
        result=_entered(present, session),
        put=(present, session, *_seen(state, context)),
        drop=older,
        notifications=_displaced(older),
        again=state.mail.get(player.id, ()),
        follow=_plays(present, session),
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
    return _as_before(state.of(Player)[session.player], session)


def _as_before(player: Player, session: Session) -> Outcome:
    return Outcome(result=_entered(player, session), follow=_plays(player, session))


class Found(msgspec.Struct, frozen=True):
    """What a token's hash led to before the transaction began."""

    digest: str
    session: Session | None

    @property
    def player(self) -> str:
        """The id of the session's player, "" where the token led nowhere."""
        return self.session.player if self.session else ""


def _find(event: Resume, context: Context, reader: Reader, passwords: Passwords) -> Found:
    digest = passwords.digest(event.token)
    return Found(digest, reader.find(Session, ("token", "token_before"), digest))


def _needs_found(event: Resume, context: Context) -> Needs:
    found: Found = context.prepared
    return _entering(found.player, context) if found.player else ()


@rule(needs=_needs_found, prepare=_find)
def resume(state: State, event: Resume, context: Context) -> Outcome:
    """Take the session over to this connection. The token is changed; the one before stays good until then."""
    found: Found = context.prepared
    session = state.get(Session, found.session.id) if found.session else None
    if session is None or found.digest not in (session.token, session.token_before):
        raise Rejected("bad_token", "This session is over. Log in.")
    player = state.of(Player)[session.player]
    if session.conn == context.conn:
        return _as_before(player, session)
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
    present = _present(player, taken)
    return Outcome(
        result=_entered(present, taken),
        put=(present, taken, *_seen(state, context)),
        notifications=_displaced((session,)),
        again=state.mail.get(player.id, ()),
        follow=_plays(present, taken),
    )


def _present(player: Player, session: Session) -> Player:
    marks = player.marks if player.session == session.id else NO_MARKS
    return replace(player, gateway=session.gateway, session=session.id, conn=session.conn, marks=marks)


def _entered(player: Player, session: Session) -> Entered:
    """Say who the player is. Where, and in what health, other modules add (hooks after these events)."""
    return Entered(player=player.id, name=player.name, session=session.id, seq=highest(player.marks))


def _displaced(sessions: tuple[Session, ...]) -> tuple[Notification, ...]:
    """Connections that held a session until now are closed by their gateways."""
    held = [s for s in sessions if s.conn and s.gateway]
    return tuple(Notification(conn=s.conn, gateway=s.gateway, follow=SessionUpdate(close="taken_over")) for s in held)


def _plays(player: Player, session: Session) -> SessionUpdate:
    """The connection plays for somebody from now on. What it watches, other modules add."""
    return SessionUpdate(session=session.id, player=player.id, seq=highest(player.marks))


def _needs_session(event: Logout | Lost, context: Context) -> Needs:
    return (ids(Session, context.session),)


@rule(needs=_needs_session)
def logout(state: State, event: Logout, context: Context) -> Outcome:
    """The session ends, and its player leaves the world."""
    session = state.get(Session, context.session)
    if session is None or session.conn != context.conn:
        return Outcome(follow=SessionUpdate(close="logged_out"))  # taken up elsewhere, or over
    left = _absent(replace(state.of(Player)[context.player], session=""))
    return Outcome(put=(left,), drop=(session,), follow=SessionUpdate(close="logged_out"))


@rule(needs=_needs_session)
def lost(state: State, event: Lost, context: Context) -> Outcome:
    """The connection is gone: the player leaves the world, the session waits for a while."""
    session = state.get(Session, context.session)
    if session is None or session.conn != context.conn:
        return Outcome()  # resumed elsewhere, or over
    return Outcome(put=orphaned(state, session, context.now_ms))


def orphaned(state: State, session: Session, now_ms: int) -> tuple[Entity, ...]:
    """A session that no connection holds any more, and its player, who leaves the world. The watermarks stay."""
    waits = replace(session, gateway="", conn="", expires_ms=now_ms + SESSION_MS)
    player = state.get(Player, session.player)
    if player is None or not player.present or player.session != session.id:
        return (waits,)
    return _absent(player), waits


def _absent(player: Player) -> Player:
    return replace(player, gateway="", conn="")


def lapsed_sessions(heard_since_ms: int, now_ms: int, bring: type[Entity] = Player) -> Matching:
    """Select sessions whose gateway was not heard since, and those past their time; with their players.

    What was heard in the future was heard under another clock, long ago. ``bring``: a component of players.
    """
    lately = all_of(test("seen_ms", ">=", heard_since_ms), test("seen_ms", "<=", now_ms + CLOCK_TOLERANCE_MS))
    silent = all_of(test("gateway", "!=", ""), test("gateway", "not in", Ids(Gateway, lately)))
    over = all_of(test("expires_ms", ">", 0), test("expires_ms", "<=", now_ms))
    return matching(Session, any_of(silent, over), LAPSED_MAX, player=bring)


def silent_sessions(context: Context, bring: type[Entity] = Player) -> Matching:
    """Select the sessions that ``sweep`` looks at: for its hooks' needs, with a component of their players."""
    return lapsed_sessions(context.now_ms - GATEWAY_SILENT_MS, context.now_ms, bring)


def _needs_rejoin(event: Rejoin, context: Context) -> Needs:
    return (
        ids(Gateway, context.gateway),
        ids(Session, context.session),
        mail(context.player),
    )


@rule(needs=_needs_rejoin)
def rejoin(state: State, event: Rejoin, context: Context) -> Outcome:
    """The player is in the world again, unless the session was taken up elsewhere meanwhile or is over."""
    session = state.get(Session, context.session)
    if session is None or session.conn not in ("", context.conn):
        return Outcome(follow=SessionUpdate(close="taken_over"))
    held = replace(session, gateway=context.gateway, conn=context.conn, expires_ms=0)
    player = state.of(Player)[session.player]
    present = player if player.conn == context.conn else _present(player, held)
    return Outcome(
        put=(present, held, *_seen(state, context)),
        again=state.mail.get(player.id, ()),
        follow=replace(_plays(present, held), rejoined=True),
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


# Sweeping. A gateway that is silent died, if others' heartbeats were applied without a pause meanwhile. When nobody was
# heard it is the ears, whatever was wrong with them, and all are given time to be heard again.


def _due(at_ms: int, now_ms: int) -> bool:
    return 0 < at_ms <= now_ms


def _needs_orphans(event: Sweep, context: Context) -> Needs:
    return (ids(Gateway, EARS, CALM), silent_sessions(context), due(context.now_ms))


@rule(needs=_needs_orphans)
def sweep(state: State, event: Sweep, context: Context) -> Outcome:
    """Send again what is due; take out of the world whose gateway died; forget sessions past their time."""
    now_ms = context.now_ms
    held = [s for s in state.of(Session).values() if s.gateway] if _was_calm(state, now_ms) else []
    gone = [thing for session in sorted(held, key=lambda s: s.id) for thing in orphaned(state, session, now_ms)]
    over = tuple(s for s in state.of(Session).values() if _due(s.expires_ms, now_ms))
    players = [(state.get(Player, s.player), s.id) for s in over]
    freed = [replace(player, session="") for player, session in players if player and player.session == session]
    return Outcome(put=(*freed, *gone), drop=over, again=state.due)


def _was_calm(state: State, now_ms: int) -> bool:
    """Whether gateways could be heard for as long as one may be silent."""
    never = Gateway(id="", seen_ms=0, sessions=0)
    ears, calm = (state.of(Gateway).get(id_, never).seen_ms for id_ in (EARS, CALM))
    return heard_lately(ears, now_ms, UNHEARD_MS) and now_ms - calm > GATEWAY_SILENT_MS
