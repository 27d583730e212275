#!/bin/sh
# As the official image: a master with its workers, in the foreground.
set -e
if [ "$1" = haproxy ]; then
    shift
    set -- haproxy -W -db "$@"
fi
exec "$@"
