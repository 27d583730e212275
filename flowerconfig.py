"""Flower's settings, which ``celery -A tasks flower`` reads from the folder it is started in.

Safe by default: on loopback only, because Flower's pages are open without ``FLOWER_BASIC_AUTH``, and its ``/metrics``
and ``/healthcheck`` are even with it. The command line overrides what stands here.
"""

address = "127.0.0.1"
purge_offline_workers = 60  # seconds; a killed worker says nothing, and would be shown as online for ever
max_tasks = 20_000  # kept in memory
