"""Overrides: everything that bends Celery's or kombu's internals; read again at each upgrade of theirs."""
