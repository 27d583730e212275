"""What clients were told against what was done: each event once, by its answer, in the order in which it was sent.

It holds for every game: what was done is known from what events wrote down in their transactions
(``testing.effect_log``).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from gameserver.declare import catalogue
from gameserver.testing.chaos.records import Action, Diary
from gameserver.testing.effect_log import Entry, repeated

UNANSWERED = "unanswered"
NOT_DONE = "told yes and not done"
DONE = "told no and done"
DOUBLED = "doubled"
DISORDER = "out of order"
SESSION_LOST = "session lost"
SUM = "wrong sum"
POISON = "poison"
HARM = "harmed"
# What a contradiction may be: each sentence of a verdict begins with one of these.
KINDS = (UNANSWERED, NOT_DONE, DONE, DOUBLED, DISORDER, SESSION_LOST, SUM, POISON, HARM)

# Nothing is said of what became of it: it may have been done.
DOUBTFUL = frozenset({"in_doubt", "outcome_unknown"})
FAILED = "dead_lettered"  # of faults it is none, so it is the rule's


def by_kind(sentences: Iterable[str]) -> dict[str, int]:
    """How many contradictions there are of each kind, "other" last."""
    found = Counter(next((kind for kind in KINDS if s.startswith(f"{kind}: ")), "other") for s in sentences)
    return {kind: found[kind] for kind in (*KINDS, "other")}


def told_and_done(diary: Diary, entries: Sequence[Entry]) -> Iterator[str]:
    """Find what clients were told that is not so, a sentence each."""
    yield from (f"{SESSION_LOST}: {player}" for player in diary.sessions_lost)
    yield from unanswered(diary.actions)
    done = Counter(entry.id for entry in entries)
    for action in diary.actions:
        yield from _answer(action, done[action.id])
    yield from (f"{DOUBLED}: {id_} took effect {n} times" for id_, n in repeated(entries).items())
    yield from _disorder(entries)


def unanswered(actions: Iterable[Action]) -> Iterator[str]:
    """Find what nobody ever answered."""
    silent = (action for action in actions if action.end in ("", "lost"))
    yield from (f"{UNANSWERED}: {a.player} was never told what became of {a.event} {a.fields}" for a in silent)


def _answer(action: Action, times: int) -> Iterator[str]:
    what = f"{action.event} {action.fields} of {action.player} ({action.id})"
    if action.end == "ok" and not times and catalogue.events()[action.event].spec.durable:  # others: how things stand
        yield f"{NOT_DONE}: {what} was answered ok"
    elif action.end == "refused" and times and action.code not in DOUBTFUL:
        yield f"{DONE}: {what} was refused with {action.code}"
    elif action.code == FAILED:
        yield f"{HARM}: {what} became a dead letter"


def _disorder(entries: Iterable[Entry]) -> Iterator[str]:
    lanes: defaultdict[str, list[int]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.at_ns):
        if entry.order:
            lanes[entry.order].append(entry.seq)
    yield from (f"{DISORDER}: {seqs} in {lane}" for lane, seqs in lanes.items() if seqs != sorted(seqs))
