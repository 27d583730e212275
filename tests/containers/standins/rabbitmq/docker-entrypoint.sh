#!/bin/sh
# As the official image: root becomes rabbitmq, anybody else stays who it is.
set -e
if [ "$(id -u)" = 0 ]; then
    chown -R rabbitmq /var/lib/rabbitmq
    exec setpriv --reuid rabbitmq --regid rabbitmq --clear-groups "$0" "$@"
fi
exec "$@"
