#!/usr/bin/env bash
# Replaces the containers of workers by containers of the image and the settings of now: starts the new ones, waits until
# they are healthy, and then stops the old ones, so that no family is ever without a worker:
#   docker/replace.sh worker-chat worker-movement
# (`docker compose up` stops the old one first.) For a moment there are twice as many: name fewer where memory is short.
# COMPOSE_FILE: other files than docker/compose.production.yml. Without --no-deps: what is made with it is different for
# Compose, and made anew by the next `up`, all at once.
set -euo pipefail

export COMPOSE_FILE=${COMPOSE_FILE:-$(dirname "$0")/compose.production.yml}

[[ $# -gt 0 ]] || { echo "Usage: $0 worker-FAMILY..." >&2 && exit 1; }
scales=() old=()
for service in "$@"; do
    mapfile -t now < <(docker compose ps --quiet "$service")
    [[ ${#now[@]} -gt 0 ]] || { echo "$service is not running." >&2 && exit 1; }
    scales+=(--scale "$service=$((2 * ${#now[@]}))")
    old+=("${now[@]}")
done
docker compose up --detach --wait --no-recreate "${scales[@]}" "$@"
# As long as stop_grace_period says: each ends what it has.
docker stop "${old[@]}" >/dev/null
docker rm "${old[@]}" >/dev/null
