"""One batch, one transaction.

``Applier.apply`` takes a batch of envelopes and makes it true: it opens what is sealed and hashes what is slow to hash,
begins, loads and locks what the rules need, leaves out what was applied before, runs the rules one after the other,
saves, and commits (``BatchTransaction``). What is to be told comes back as a value: it is published after the commit.

An event that fails at any step (preparation, needs, rule, encoding of what it wants) spoils nothing but itself and what
follows it in its lane: these come back as ``held``. What breaks the whole transaction (at loading, or at saving) is
raised: the caller finds the guilty event by halves.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from gameserver.errors import NotNow
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope
from gameserver.processing.applied_batch import NOTHING_PUT_OFF, Applied
from gameserver.processing.batch_transaction import BatchTransaction
from gameserver.processing.outbound_builder import OutboundBuilder
from gameserver.processing.prepared_event import Prepared, SeededDice, find_needs, guarded
from gameserver.rules.outcome import Context, Passwords, Rule
from gameserver.security.sealing import Sealer
from gameserver.server_time import CLOCK_TOLERANCE_MS
from gameserver.store.store import Store, Trial


class Applier:
    """Applies batches. ``clock_ms``: milliseconds since 1970; ``seed`` makes all randomness of the rules repeatable.

    ``batch_transaction``: what applies a batch; tests put one here that writes down what events do.
    """

    batch_transaction: type[BatchTransaction] = BatchTransaction

    def __init__(
        self,
        *,
        store: Store,
        rules: dict[str, Rule],
        passwords: Passwords,
        sealer: Sealer,
        limits: Limits,
        clock_ms: Callable[[], int],
        seed: str = "",
    ) -> None:
        self._store = store
        self._rules = rules
        self._passwords = passwords
        self._sealer = sealer
        self._limits = limits
        self._clock_ms = clock_ms
        self._seed = seed

    def apply(
        self, batch: Sequence[Envelope], *, trial: Trial | None = None, put_off: Mapping[str, NotNow] = NOTHING_PUT_OFF
    ) -> Applied:
        """Apply a batch. Raises ``Retryable`` when the data tier is not ready, and whatever breaks the transaction.

        Then nothing has happened. ``trial`` is counted once all that the batch needs is locked, and forgotten when it
        came to its end; ``put_off``: lanes of which nothing may be applied now.
        """
        prepared = [self._prepare(envelope, put_off) for envelope in batch]
        with self._store.transaction(trial) as transaction:
            return self.batch_transaction(transaction, self._limits, self._clock_ms(), put_off).run(prepared, trial)

    def nothing(self, batch: Sequence[Envelope]) -> Applied:
        """Make what is told of a batch of which nothing is left to be done: that it is done."""
        builder = OutboundBuilder()
        builder.add_gateways([envelope.gateway for envelope in batch])
        outbound = builder.result(batch[0].event.spec.name)
        return Applied(outbound=outbound, keys=builder.keys(), born=(), published=(), held=())

    def dead_letter(self, envelope: Envelope, cause: BaseException, attempts: int) -> Applied:
        """Give an event up: keep it as a dead letter, tell its sender, and let its lane go on."""
        item = self._item(envelope)
        with self._store.transaction() as transaction:
            work = self.batch_transaction(transaction, self._limits, self._clock_ms(), NOTHING_PUT_OFF)
            return work.dead_letter(item, cause, attempts)

    def _prepare(self, envelope: Envelope, put_off: Mapping[str, NotNow]) -> Prepared:
        item = self._item(envelope)
        if put_off and item.order in put_off:
            return item  # its rule is not asked
        rule = item.rule
        if rule is None or rule.prepare or item.spec.secrets:
            guarded(self._prepare_slowly, item)
        if item.spec.origin == "client":
            find_needs(item)
        return item

    def _prepare_slowly(self, item: Prepared) -> None:
        """Do everything that is slow and needs no lock: unseal, hash."""
        item.event = self._sealer.open(item.event)
        prepare = self._rules[item.spec.name].prepare  # type: ignore[attr-defined]
        if prepare:
            found = prepare(item.event, item.context, self._store, self._passwords)
            item.context = replace(item.context, prepared=found)

    def _item(self, envelope: Envelope) -> Prepared:
        event = envelope.event
        spec = event.spec
        context = Context(
            envelope.id,
            _happens_ms(envelope, self._clock_ms()),
            SeededDice(self._seed, envelope.id),  # the id makes a replay fall alike
            envelope.player,
            envelope.session,
            envelope.conn,
            envelope.gateway,
            envelope.token,
        )
        marked = spec.numbered and event.seq > 0
        return Prepared(envelope, event, spec, context, self._rules.get(spec.name), marked)


def _happens_ms(envelope: Envelope, now_ms: int) -> int:
    """Date an event by server time: a client's when its gateway accepted it, but not in the future."""
    believed = envelope.event.spec.origin == "client" and envelope.at_ms <= now_ms + CLOCK_TOLERANCE_MS
    return envelope.at_ms if believed else now_ms
