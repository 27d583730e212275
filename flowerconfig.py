"""Flower's settings, which ``celery -A tasks flower`` reads from the folder it is started in: safe by default."""

from tornado.options import options

from gameserver.operations import flower

flower.configure(options)
