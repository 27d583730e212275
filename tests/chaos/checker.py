"""The verdict: what clients sent, what they were told and what the data tier holds must be one story.

Independent of the server's code: it knows the rules of the game that concern coins and words, and nothing else. Each
purse is what the answered gifts make it; each gift and whisper answered "ok" was heard of once, each answered with an
error never; the balances told make one order; every action was answered; no session was lost. That coins are conserved
is declared (``gameserver.testing.effect_log`` proves it).
Where each gift has an amount of its own (as players of chaos see to), single gifts are told apart by it. Of gifts that
were told of as one, those are found whose number and sum is that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

from msgspec.structs import replace

from gameserver.testing.chaos.verdict import (
    DISORDER,
    DONE,
    DOUBLED,
    HARM,
    NOT_DONE,
    POISON,
    SESSION_LOST,
    SUM,
    unanswered,
)
from tests.chaos.records import Action, Diary

LINES_KEPT = 50
GUESSES_MAX = 100_000
GIFTS = ("give", "tip")

# What a deployment that has faults may say no with, and what the rules say no with (who walks far meets wolves).
PATIENCE = frozenset({"busy", "unavailable", "stale"})
DEAD = PATIENCE | {"dead_lettered"}
NO_WONDER = frozenset({"wall", "no_such_player", "too_few_coins", "mailbox_full", "dead"})

DOUBT = "in_doubt"  # nothing is said of what became of it: it may have been done


def verdict(diary: Diary, purses: Mapping[str, int], lines: Counter[str]) -> list[str]:
    """What is wrong, a sentence each. ``purses``: coins by player; ``lines``: how often each line of talk is kept."""
    diary = replace(diary, received={player: told_of(diary, player) for player in diary.received}, merged={})
    return [
        *(f"{SESSION_LOST}: {player}" for player in diary.sessions_lost),
        *unanswered(diary.actions),
        *_effects(_of(diary, *GIFTS), "coins", _all(diary.received)),
        *_effects(_of(diary, "whisper"), "text", _all(diary.heard)),
        *_disorder(diary),
        *_purses(diary, purses),
        *_talk(diary, lines),
        *_poison(diary),
    ]


def harmed(diary: Diary) -> Iterator[str]:
    """Find who was refused for what is no fault of theirs, nor of what they asked: while faults strike, too.

    Players in the world are told they are not, say, or that they walk too fast, because of somebody's clock.
    """
    yield from (f"{HARM}: {newcomer} could not enter" for newcomer in diary.locked_out)
    for a in diary.actions:
        if a.end == "refused" and a.code not in (DEAD if _is_poisoned(a) else PATIENCE) and not _is_foreseen(a):
            yield f"{HARM}: {a.player} was refused {a.event} {a.fields} with {a.code}"


def _is_foreseen(action: Action) -> bool:
    """Whether the rules say no to it, or not every release knows it."""
    return action.event == "tip" if action.code in ("unknown_type", DOUBT) else action.code in NO_WONDER


def _is_poisoned(action: Action) -> bool:
    return str(action.fields.get("text", "")).startswith("poison ")


def _all(told: Mapping[str, Sequence[Any]]) -> Counter[tuple[str, Any]]:
    """Everything that anyone was told, with who was."""
    return Counter((player, one) for player, ones in told.items() for one in ones)


def told_of(diary: Diary, player: str) -> list[int]:
    """List the gifts that a player was told of, those that were told as one apart.

    Where no gifts make what was told as one, all of that stands for one gift, which nobody has made.
    """
    single, merged = diary.received[player], diary.merged.get(player, [])
    number, coins = sum(gifts for gifts, _ in merged), sum(coins for _, coins in merged)
    left = Counter(single)
    made: list[int] = []  # gifts that were answered ok and not told of by themselves
    others: list[int] = []
    for action in sorted(_of(diary, *GIFTS), key=lambda action: (action.end != "ok", action.code != DOUBT)):
        amount = action.fields["coins"]
        if action.fields["to"] != player:
            continue
        if left[amount]:
            left[amount] -= 1
        else:
            (made if action.end == "ok" else others).append(amount)
    return single + (_parts(number, coins, made, others) if merged else [])


def _parts(number: int, coins: int, made: list[int], others: list[int]) -> list[int]:
    """Find so many gifts that make so many coins: those that were made and perhaps others, or some of those made."""
    more = number - len(made)
    pool, due = (others, coins - sum(made)) if more >= 0 else (made, sum(made) - coins)
    found = next((some for some in islice(combinations(pool, abs(more)), GUESSES_MAX) if sum(some) == due), None)
    if found is None:
        return [coins]
    return [*made, *found] if more >= 0 else list((Counter(made) - Counter(found)).elements())


def _effects(actions: Sequence[Action], field: str, heard: Counter[tuple[str, Any]]) -> Iterator[str]:
    """Compare how actions were answered with how often their receivers heard of them."""
    answers: defaultdict[tuple[str, Any], Counter[str]] = defaultdict(Counter)
    for action in actions:
        answers[action.fields["to"], action.fields[field]][DOUBT if action.code == DOUBT else action.end] += 1
    for key in sorted(answers.keys() | heard.keys(), key=str):
        ends = answers[key]
        yield from _effect(key, ends["ok"], heard[key] - ends["ok"], ends)


def _effect(key: tuple[str, Any], yes: int, more: int, ends: Counter[str]) -> Iterator[str]:
    what = f"{key[1]!r} to {key[0]} was answered {dict(ends)} and heard of {yes + more} times"
    if more < 0:
        yield f"{NOT_DONE}: {what}"
    elif more > ends.total() - yes:
        yield f"{DOUBLED}: {what}"
    elif more and ends["refused"] >= more:
        yield f"{DONE}: {what}"  # or what nobody was told of was done, which it may be


def _disorder(diary: Diary) -> Iterator[str]:
    """Look through the balances that givers were told: with what they gave added they tell what they got.

    So they never fall. A gift that took effect before one sent earlier makes them fall by its amount.
    """
    heard = _all(diary.received)
    given: Counter[str] = Counter()
    before: dict[str, int] = {}
    for action in _of(diary, *GIFTS):
        if action.end == "ok" or heard[action.fields["to"], action.fields["coins"]]:
            given[action.player] += action.fields["coins"]
        if action.end != "ok" or not isinstance(action.data, int):
            continue  # the simulation notes no balances
        level = action.data + given[action.player]
        if level < before.get(action.player, diary.coins_at_first):
            yield f"{DISORDER}: {action.player} had {action.data} after giving {action.fields}, which is too early"
        before[action.player] = level


def _purses(diary: Diary, purses: Mapping[str, int]) -> Iterator[str]:
    players = sorted(diary.heard)
    balance = Counter(dict.fromkeys(players, diary.coins_at_first))
    for action in _given(diary):
        balance[action.player] -= action.fields["coins"]
        balance[action.fields["to"]] += action.fields["coins"]
    for player in players:
        if purses[player] != balance[player]:
            yield f"{SUM}: {player} has {purses[player]} coins, but the gifts answered with ok make {balance[player]}"


def _talk(diary: Diary, lines: Counter[str]) -> Iterator[str]:
    """A channel keeps its last lines, each once."""
    ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for action in _of(diary, "talk"):
        ends[action.fields["text"]][action.end] += 1
    for text, n in lines.items():
        yes = ends[text]["ok"]
        if n > max(1, ends[text].total()):
            yield f"{DOUBLED}: line {text!r} is kept {n} times"
        elif n != yes:
            yield f"{DONE}: line {text!r} was answered {dict(ends[text])} and kept {n} times"
    due = min(sum(end["ok"] for end in ends.values()), LINES_KEPT)
    if lines.total() != due:
        yield f"{SUM}: {lines.total()} lines are kept, and should be {due}"


def _poison(diary: Diary) -> Iterator[str]:
    """Find what breaks the code that handles it and was answered as if it did not."""
    for action in diary.actions:
        if _is_poisoned(action) and action.end == "ok":
            yield f"{POISON}: {action.player} was answered ok for {action.fields}"


def _of(diary: Diary, *events: str) -> list[Action]:
    return [action for action in diary.actions if action.event in events]


def _given(diary: Diary) -> list[Action]:
    """The gifts that were made: those answered so, and those in doubt of which the receiver was told."""
    heard = _all(diary.received)
    return [
        action
        for action in _of(diary, *GIFTS)
        if action.end == "ok" or (action.code == DOUBT and heard[action.fields["to"], action.fields["coins"]])
    ]
