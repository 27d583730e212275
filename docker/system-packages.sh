#!/usr/bin/env bash
# Gets what pip can't: Debian's or Ubuntu's packages for running ("run"), for testing ("test"), or for the virtual
# environment alone ("python"). Installs only what is missing, as root or through sudo where that asks for no password;
# elsewhere it prints the one command to type and ends with status 1. It never starts, stops or upgrades a service.
set -euo pipefail

PYTHON=${PYTHON:-python3}
RABBITMQ_SERVER=/usr/lib/rabbitmq/bin/rabbitmq-server
POLICY=/usr/sbin/policy-rc.d

fail() {
    echo "$*" >&2
    exit 1
}

has_venv() {
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null
}

has_postgresql() {
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_browser() {
    command -v chromedriver >/dev/null && { command -v chromium || command -v google-chrome; } >/dev/null
}

# Ubuntu has Chromium as a snap only, which needs a running system; there tests that need a browser are skipped.
is_debian() {
    grep -qs '^ID=debian$' /etc/os-release
}

missing_packages() {
    has_venv || venv_package
    case $1 in
    python) ;;
    run) [[ -n ${AMQP_URL:-} || -f $RABBITMQ_SERVER ]] || echo rabbitmq-server ;;
    test)
        [[ -f $RABBITMQ_SERVER ]] || echo rabbitmq-server
        has_postgresql || echo postgresql
        [[ -x /usr/sbin/haproxy ]] || echo haproxy
        [[ -x /usr/sbin/debootstrap ]] || echo debootstrap
        command -v faketime >/dev/null || echo faketime
        command -v node >/dev/null || echo nodejs
        command -v tsc >/dev/null || ! is_debian || echo node-typescript
        command -v telnet >/dev/null || echo inetutils-telnet
        [[ -x /usr/games/tt++ ]] || command -v tt++ >/dev/null || echo tintin++
        has_browser || ! is_debian || printf '%s\n' chromium chromium-driver
        ;;
    esac
}

# The package of the interpreter in use: python3-venv for the distribution's own, python3.12-venv for another of its.
venv_package() {
    case $(basename "$PYTHON") in
    python3 | python) echo python3-venv ;;
    *) echo "$(basename "$PYTHON")-venv" ;;
    esac
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    [[ $(id -u) == 0 ]] || sudo -n true 2>/dev/null
}

# A package's own start of its service is refused while we install; a policy that is there already stays as it is.
deny_service_starts() {
    [[ ! -e $POLICY ]] || return 0
    trap 'as_root rm -f "$POLICY"' EXIT
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >'$POLICY' && chmod 755 '$POLICY'"
}

# NEEDRESTART_SUSPEND: on Ubuntu an installation would otherwise restart running services, a system's broker too.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Nor should what we install start with the machine's next boot: only its programs are wanted.
disable_services() {
    [[ -d /run/systemd/system ]] || return 0
    local package
    for package in "$@"; do
        case $package in
        rabbitmq-server | postgresql | haproxy) as_root systemctl disable "$package" >/dev/null 2>&1 || true ;;
        esac
    done
}

install() {
    echo "Installing $* ..."
    deny_service_starts
    apt_get update || echo "apt-get update failed; trying with the package lists that are there." >&2
    apt_get install --no-install-recommends "$@" ||
        fail "These packages could not be installed: $*. apt-get says why above."
    disable_services "$@"
}

main() {
    case ${1:-} in
    run | test | python) ;;
    *) fail "Usage: $0 run|test|python" ;;
    esac
    local missing
    mapfile -t missing < <(missing_packages "$1")
    [[ ${#missing[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null ||
        fail "Missing here: ${missing[*]} (names of Debian's packages), and there is no apt-get to install them."
    may_install || fail "Missing here: ${missing[*]}. Type this, and try again:

    sudo apt-get update && sudo apt-get install --no-install-recommends -y ${missing[*]}
"
    install "${missing[@]}"
    mapfile -t missing < <(missing_packages "$1")
    [[ ${#missing[@]} -eq 0 ]] || fail "Installed, but still not found: ${missing[*]}. Is $PYTHON the distribution's own?"
}

main "$@"
