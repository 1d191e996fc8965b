# shellcheck shell=bash
# System packages on Debian and Ubuntu: installed only when something is missing.

# What the build links against.
# shellcheck disable=SC2034 # read by the scripts that source this file
BUILD_PACKAGES=(libsimdjson-dev libxxhash-dev libzstd-dev libsnappy-dev zlib1g-dev libsqlite3-dev libcurl4-openssl-dev libyaml-dev libpq-dev)

package_is_installed() {
    [[ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" == "install ok installed" ]]
}

# need_packages PACKAGE…: makes sure that they are there, or says what to install and exits 69.
need_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "$PROGRAM: no dpkg here, so these packages (or this system's names for them) are taken to be installed: $*"
        return
    fi
    local missing=() package
    for package in "$@"; do
        package_is_installed "$package" || missing+=("$package")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then return; fi
    install_packages "${missing[@]}"
    for package in "${missing[@]}"; do
        package_is_installed "$package" || refuse_for_packages "$package"
    done
}

install_packages() {
    local run=()
    if [[ -n "${K2_NO_INSTALL:-}" ]]; then refuse_for_packages "$@"; fi
    if [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null || refuse_for_packages "$@"
        # Without a terminal nobody can type a password: then sudo has to work without one.
        [[ -t 0 && -t 2 ]] || sudo -n true 2>/dev/null || refuse_for_packages "$@"
        run=(sudo)
    fi
    say "installing $*"
    run+=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends)
    local log
    log="$(mktemp)"
    # The package lists of a fresh machine are empty: refresh them only if the first try fails.
    if ! "${run[@]}" install "$@" >"$log" 2>&1; then
        if ! { "${run[@]}" update && "${run[@]}" install "$@"; } >"$log" 2>&1; then
            tail -n 20 "$log" >&2
            rm -f "$log"
            refuse_for_packages "$@"
        fi
    fi
    rm -f "$log"
}

refuse_for_packages() {
    die "$STATUS_UNAVAILABLE" "these system packages are missing and cannot be installed from here: $*" \
        "apt-get install $*   (as root), then run this again"
}
