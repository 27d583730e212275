"""Celery's settings, each with its reason. Queues and routes are computed from the catalogue, none is named here.

Start a process server with ``celery -A tasks worker -Q movement -n movement1@%h``; several: ``-Q movement,chat``.
"""

from kombu import Exchange, Queue

from gameserver import config
from gameserver.broker import urls
from gameserver.broker.topology import EVENTS, topology
from gameserver.declare import catalogue
from tasks.beat import schedule_of

_settings = config.load()
_topology = topology(_settings.limits, _settings.queues)

# -- the broker
broker_url = urls.for_kombu(_settings.amqp_url)
broker_use_ssl = urls.tls_for_kombu(_settings.amqp_url)
broker_connection_retry_on_startup = True  # a worker may start before its broker
broker_connection_max_retries = None  # and outlives it, however long it is away (the default gives up after 100 tries)
broker_channel_error_retry = True  # RabbitMQ's consumer_timeout closes the channel: reconnect instead of exiting
worker_consumer = "tasks.overrides.consumer:PromptConsumer"  # comes back to its broker within 2 s, not 30
broker_transport_options = {"socket_settings": urls.KEEPALIVE}
broker_heartbeat = 5  # seconds; a frozen worker loses its events after 2 to 2.6 times this (Celery's default is 120)
# What Celery itself publishes (its events, ticks, control) may be lost, and waits for no confirmation: it would wait
# once per task. What may not be lost goes through tasks.publisher, which does.

# -- queues and routes
# Workers and beat declare them (gameserver.broker.declare_queues) or, as users who may not, look for them; Celery
# itself does not.
_exchange = Exchange(EVENTS, type="direct", durable=True, no_declare=True)
task_queues = [
    Queue(
        queue.name,
        exchange=_exchange,
        routing_key=queue.name,
        durable=True,
        queue_arguments=queue.arguments,
        no_declare=True,
    )
    for queue in _topology.queues
    if queue.exchange == EVENTS
]
task_routes = {
    spec.task: {
        "queue": _settings.queues.of(spec),
        "exchange": EVENTS,  # Celery would go past it, through the default exchange, where beat may not write
        "routing_key": _settings.queues.of(spec),
        "priority": _settings.queues.priority(spec.priority),
        "delivery_mode": 2 if spec.durable else 1,
    }
    for spec in catalogue.specs()
}
task_create_missing_queues = False  # a queue that the catalogue does not know is a typing error: say so
task_default_queue = task_queues[0].name
task_default_exchange = EVENTS
task_default_exchange_type = "direct"

# -- delivery: an event is acknowledged after it was applied, whatever happens meanwhile
task_acks_late = True
task_reject_on_worker_lost = (
    True  # a killed child's event goes back to the queue (by default it is acknowledged and lost)
)
task_acks_on_failure = False  # a failure that nobody handled is rejected, to the dead letters
task_acks_on_timeout = False  # an event past its lease goes back to the queue
# Celery's default is a child per processor, each with connections of its own to the database and to the broker: fifty
# workers of 16 processors would open 800 of each and use few. `-c` and `pool_grow` give one worker more.
worker_concurrency = 1
worker_prefetch_multiplier = 2  # one in work, one at hand: an urgent event overtakes all but these
worker_cancel_long_running_tasks_on_connection_loss = True  # who lost the broker lost its leases: it stops
worker_enable_prefetch_count_reduction = True  # after a reconnect, begin carefully

# -- what may be in a message
task_serializer = "json"
accept_content = ["json", "msgpack"]  # never pickle: a message must not be able to run code
result_backend = None  # nobody waits for a result: what is to be told goes to the gateways
task_ignore_result = True

# -- what operators see
worker_send_task_events = True  # Flower
task_send_sent_event = False  # gateways publish without Celery, and say nothing
task_track_started = True
worker_hijack_root_logger = False  # tasks.celery_app sets logging up

# -- the world's clock
# What modules declare with `every_s` carries a number taken from the time, so that two beats may run: doubles fall
# away.
beat_schedule = schedule_of(catalogue.periodic())
beat_scheduler = "tasks.beat:PunctualScheduler"  # asleep between ticks, where Celery's own is busy waiting
beat_max_loop_interval = 1  # seconds
