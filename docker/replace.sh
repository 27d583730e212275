#!/usr/bin/env bash
# Replaces the containers of workers by containers of the image and the settings of now, new ones first, so that no family
# is ever without a worker: docker/replace.sh worker-chat worker-movement
# (`docker compose up` stops the old one first.) COMPOSE_FILE: other files than docker/compose.production.yml.
# Without --no-deps: what is made with it is different for Compose, and made anew by the next `up`, all at once.
set -euo pipefail

export COMPOSE_FILE=${COMPOSE_FILE:-$(dirname "$0")/compose.production.yml}

replace() {
    local old
    mapfile -t old < <(docker compose ps --quiet "$1")
    [[ ${#old[@]} -gt 0 ]] || { echo "$1 is not running." >&2 && return 1; }
    docker compose up --detach --wait --no-recreate --scale "$1=$((2 * ${#old[@]}))" "$1"
    # As long as stop_grace_period says: each ends what it has.
    docker stop "${old[@]}" >/dev/null
    docker rm "${old[@]}" >/dev/null
}

[[ $# -gt 0 ]] || { echo "Usage: $0 worker-FAMILY..." >&2 && exit 1; }
for service in "$@"; do
    replace "$service"
done
