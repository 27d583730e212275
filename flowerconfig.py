"""Flower's settings, which ``celery -A tasks flower`` reads from the folder it is started in.

What ``FLOWER_*`` in the environment or the command line say goes before what stands here. Safe by default: on loopback;
any other address needs a password, which then stands before every page (``gameserver.operations.flower``).
"""

from tornado.options import options

from gameserver import config
from gameserver.operations import flower

settings = config.load()
settings.var.mkdir(parents=True, exist_ok=True)
management = settings.amqp_management_url.rstrip("/")

flower.prefer(
    options,
    address="127.0.0.1",
    broker_api=f"{management}/api/" if management else None,
    # What is kept: in memory, and in a file of its own for each Flower of this deployment.
    max_tasks=20_000,
    purge_offline_workers=60,  # seconds; a killed worker says nothing, and would be shown as online for ever
    persistent=True,
    db=str(settings.var / f"flower-{options.port}"),
    state_save_interval=60_000,  # milliseconds; when it is stopped Flower saves anyway
    # What is shown.
    tasks_columns="name,args,state,received,started,runtime,worker,uuid",
    task_runtime_metric_buckets=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0],
)
if settings.flower_basic_auth:
    flower.prefer(options, basic_auth=[settings.flower_basic_auth])
if settings.flower_cookie_secret:
    flower.prefer(options, cookie_secret=settings.flower_cookie_secret)
flower.guard(options)
