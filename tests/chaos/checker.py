"""The verdict: what clients sent, what they were told and what the data tier holds must be one story.

Independent of the server's code: it knows the rules of the game that concern coins and words, and nothing else. Coins
are conserved; each purse is what the answered gifts make it; each whisper answered "ok" was heard once; every action
was answered; nobody's session was lost.
"""

from collections import Counter
from collections.abc import Mapping

from tests.chaos.records import Action, Diary

COINS_AT_FIRST = 100
LINES_KEPT = 50


def verdict(diary: Diary, purses: Mapping[str, int], lines: Counter[str]) -> list[str]:
    """What is wrong, a sentence each. ``purses``: coins by player; ``lines``: how often each line of talk is kept."""
    return [
        *(f"the session of {player} was lost" for player in diary.sessions_lost),
        *_unanswered(diary),
        *_purses(diary, purses),
        *_whispers(diary),
        *_talk(diary, lines),
    ]


def _unanswered(diary: Diary) -> list[str]:
    silent = [action for action in diary.actions if action.end in ("", "lost")]
    return [f"{a.player} was never told what became of {a.event} {a.fields}" for a in silent]


def _purses(diary: Diary, purses: Mapping[str, int]) -> list[str]:
    players = sorted(diary.heard)
    wrong = []
    total = sum(purses[player] for player in players)
    if total != COINS_AT_FIRST * len(players):
        wrong.append(f"there are {total} coins, and there were {COINS_AT_FIRST * len(players)}")
    balance = Counter(dict.fromkeys(players, COINS_AT_FIRST))
    for action in _succeeded(diary, "give"):
        balance[action.player] -= action.fields["coins"]
        balance[action.fields["to"]] += action.fields["coins"]
    wrong += [
        f"{player} has {purses[player]} coins, but the gifts answered with ok make {balance[player]}"
        for player in players
        if purses[player] != balance[player]
    ]
    told = {player: Counter(diary.received[player]) for player in players}
    due: dict[str, Counter[int]] = {player: Counter() for player in players}
    for action in _succeeded(diary, "give"):
        due[action.fields["to"]][action.fields["coins"]] += 1
    return wrong + [f"{p} was told of gifts {told[p]}, but got {due[p]}" for p in players if told[p] != due[p]]


def _whispers(diary: Diary) -> list[str]:
    wrong = []
    said = Counter(action.fields["text"] for action in _succeeded(diary, "whisper"))
    heard = Counter(text for texts in diary.heard.values() for text in texts)
    for text in sorted(said | heard):
        if said[text] != heard[text]:
            wrong.append(f"whisper {text!r} was answered ok {said[text]} times and heard {heard[text]} times")
    return wrong


def _talk(diary: Diary, lines: Counter[str]) -> list[str]:
    """A channel keeps its last lines, each once."""
    said = Counter(action.fields["text"] for action in _succeeded(diary, "talk"))
    wrong = [
        f"line {text!r} was said {said[text]} times and kept {n} times" for text, n in lines.items() if n != said[text]
    ]
    due = min(said.total(), LINES_KEPT)
    return wrong + ([f"{lines.total()} lines are kept, and should be {due}"] if lines.total() != due else [])


def _succeeded(diary: Diary, event: str) -> list[Action]:
    return [action for action in diary.actions if action.event == event and action.end == "ok"]
