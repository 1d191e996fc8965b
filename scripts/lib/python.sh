# shellcheck shell=bash
# Python environments for the tests and the benchmark. The tools themselves need no Python.

# find_python: sets PYTHON to an interpreter of at least 3.10, installing Debian's when there is none.
find_python() {
    local candidate
    for candidate in "${K2_PYTHON:-}" python3 /usr/bin/python3; do
        if [[ -n "$candidate" ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            PYTHON="$candidate"
            return
        fi
    done
    if [[ -z "${PYTHON_WAS_INSTALLED:-}" ]] && command -v dpkg-query >/dev/null; then
        PYTHON_WAS_INSTALLED=1
        need_packages python3 python3-venv
        find_python
        return
    fi
    die "$STATUS_UNAVAILABLE" "no Python 3.10 or newer found" "name one with K2_PYTHON=/path/to/python3"
}

# ensure_venv FOLDER REQUIREMENTS [PIP-OPTION…]: makes the environment, or returns at once when it is as asked for.
# The stamp holds the hash of the requirements, so a change of the file rebuilds the environment.
ensure_venv() {
    local folder=$1 requirements=$2 wanted log
    shift 2
    wanted="$(sha256sum <"$requirements" | cut -d' ' -f1)"
    if [[ -x "$folder/bin/python" && "$(cat "$folder/stamp" 2>/dev/null)" == "$wanted" ]] && "$folder/bin/python" -c '' 2>/dev/null; then
        return
    fi
    find_python
    log="$(mktemp)"
    say "making the Python environment $(basename "$folder") from ${requirements#"$ROOT"/}"
    rm -rf "$folder"
    if ! "$PYTHON" -m venv "$folder" >"$log" 2>&1; then
        # Debian ships Python without ensurepip; python3-venv brings it.
        rm -rf "$folder"
        need_packages python3 python3-venv
        PYTHON=/usr/bin/python3
        quietly "$log" "$PYTHON" -m venv "$folder" || die "$STATUS_UNAVAILABLE" "cannot make a Python environment in $folder"
    fi
    quietly "$log" "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" --requirement "$requirements" ||
        die "$STATUS_UNAVAILABLE" "cannot install the Python packages of ${requirements#"$ROOT"/}"
    rm -f "$log"
    printf '%s\n' "$wanted" >"$folder/stamp"
}
