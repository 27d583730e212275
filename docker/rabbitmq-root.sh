#!/usr/bin/env bash
# Makes a Debian root file system with that release's RabbitMQ in it, to run tests against another version than this
# machine's: docker/rabbitmq-root.sh FOLDER [RELEASE]. Needs root and debootstrap; a minute, 500 MB. Nothing is started.
# Then: RABBITMQ_ROOT=FOLDER python -m pytest tests/integration
# "docker/rabbitmq-root.sh FOLDER --remove" unbinds and removes it.
set -euo pipefail

folder=${1:?Usage: $0 FOLDER [RELEASE | --remove]}
release=${2:-trixie}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

case $(realpath -m "$folder") in
/tmp/*) echo "The folder must not be under /tmp, which is bound into it." >&2 && exit 1 ;;
esac

unbind() {
    local inside
    for inside in proc dev tmp; do
        if mountpoint -q "$folder/$inside"; then umount "$folder/$inside"; fi
    done
}

if [[ $release == --remove ]]; then
    unbind
    rm -rf --one-file-system "$folder"
    exit
fi

[[ -d $folder/usr ]] || debootstrap --variant=minbase "$release" "$folder" "$mirror"
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod 755 "$folder/usr/sbin/policy-rc.d"
# The tests' folders are under /tmp, and a node's command names them: they must have the same names inside.
for inside in proc dev tmp; do
    mountpoint -q "$folder/$inside" || mount --bind "/$inside" "$folder/$inside"
done
chroot "$folder" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends rabbitmq-server
