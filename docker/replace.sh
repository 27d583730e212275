#!/usr/bin/env bash
# Replaces the containers of workers by containers of the image and the settings of now, some families at a time: starts
# the new ones, waits until they are healthy, and then stops the old ones, so that no family is ever without a worker:
#   docker/replace.sh worker-chat worker-movement
# (`docker compose up` stops the old one first.)
# AT_ONCE: so many families at a time, of which there are twice as many containers for a moment (4 unless told). All at
# once would start dozens of processes together, of which some would not be healthy in time on a small machine.
# COMPOSE_FILE: other files than docker/compose.production.yml. Without --no-deps: what is made with it is different for
# Compose, and made anew by the next `up`, all at once.
set -euo pipefail

export COMPOSE_FILE=${COMPOSE_FILE:-$(dirname "$0")/compose.production.yml}
at_once=${AT_ONCE:-4}

[[ $# -gt 0 ]] || { echo "Usage: [AT_ONCE=4] $0 worker-FAMILY..." >&2 && exit 1; }
[[ $at_once =~ ^[1-9][0-9]?$ ]] || { echo "AT_ONCE is ${at_once@Q}, and should be a number of families, 1 to 99." >&2 && exit 1; }

# Replaces these, all at once. What is not running is said before anything is started.
replace() {
    local scales=() old=() now service
    for service in "$@"; do
        mapfile -t now < <(docker compose ps --quiet "$service")
        scales+=(--scale "$service=$((2 * ${#now[@]}))")
        old+=("${now[@]}")
    done
    docker compose up --detach --wait --no-recreate "${scales[@]}" "$@"
    # As long as stop_grace_period says: each ends what it has.
    docker stop "${old[@]}" >/dev/null
    docker rm "${old[@]}" >/dev/null
}

running=$(docker compose ps --services --status running)
for service in "$@"; do
    grep -qxF "$service" <<<"$running" || { echo "$service is not running." >&2 && exit 1; }
done
while [[ $# -gt 0 ]]; do
    replace "${@:1:at_once}"
    shift $(($# < at_once ? $# : at_once))
done
