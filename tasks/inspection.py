"""What operators ask a worker of its version: ``celery -A tasks inspect catalogue``, ``catalogue diff --running``."""

from typing import Any

from celery.worker.control import inspect_command

from gameserver.operations import catalogue_export


@inspect_command()
def catalogue(state: Any, **_: Any) -> str:
    """Give this worker's catalogue, as ``gameserver catalogue export`` writes it."""
    return catalogue_export.text()
