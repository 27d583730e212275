"""One of each event of the bank, for tests that go through the whole catalogue."""

from gameserver.modules.bank.events import Deposit, PeekIn, PutIn, Retrieve, Store, TakeOut, Vault, Withdraw

PLAYED = {
    "deposit": lambda n: Deposit(coins=1 + n % 5, seq=n),
    "withdraw": lambda n: Withdraw(coins=1 + n % 5, seq=n),
    "store": lambda n: Store(thing="apples", seq=n),
    "retrieve": lambda n: Retrieve(thing="apples", seq=n),
    "vault": lambda n: Vault(seq=n),
    "putin": lambda n: PutIn(thing="apples", chest="meadow.chest.9", seq=n),
    "takeout": lambda n: TakeOut(thing="apples", chest="meadow.chest.9", seq=n),
    "peekin": lambda n: PeekIn(chest="meadow.chest.9", seq=n),
}
