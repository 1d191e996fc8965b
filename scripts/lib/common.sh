# shellcheck shell=bash
# Shared by the scripts: messages, exit statuses and the package root.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export ROOT

readonly STATUS_USAGE=64 STATUS_UNAVAILABLE=69
export STATUS_USAGE STATUS_UNAVAILABLE

PROGRAM="scripts/$(basename "$0")"

# A line of progress for the person who watches; data never goes through here.
say() { printf '%s\n' "$*" >&2; }

# die STATUS MESSAGE [HINT]
die() {
    say "$PROGRAM: $2"
    if [[ $# -ge 3 ]]; then say "hint: $3"; fi
    exit "$1"
}

# quietly LOG COMMAND…: runs it, and shows its output only when it fails.
quietly() {
    local log=$1 status=0
    shift
    "$@" >"$log" 2>&1 || status=$?
    if [[ $status -ne 0 ]]; then
        tail -n 60 "$log" >&2
        say "$PROGRAM: failed with status $status: $*"
    fi
    return "$status"
}

# duration SECONDS, as a person says it: 8 s, 3 min 20 s.
duration() {
    if [[ $1 -ge 60 ]]; then printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); else printf '%d s' "$1"; fi
}
