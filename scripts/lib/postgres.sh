# shellcheck shell=bash
# Finding the programs of a PostgreSQL server, and installing them without a server that runs by itself.

# The oldest release that still gets fixes.
readonly POSTGRES_OLDEST=14

# find_postgres: sets POSTGRES_BIN to the folder with initdb and postgres, the newest that is installed.
find_postgres() {
    local folder found
    POSTGRES_BIN=""
    while read -r folder; do
        [[ -x "$folder/postgres" && -x "$folder/initdb" ]] || continue
        found="$("$folder/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p')"
        if [[ "${found:-0}" -ge "$POSTGRES_OLDEST" ]]; then
            # shellcheck disable=SC2034 # read by the scripts that source this file
            POSTGRES_BIN="$folder"
            return
        fi
    done < <(
        printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
        dirname "$(command -v postgres || echo /nonexistent/postgres)"
    )
    return 1
}

# need_postgres: find_postgres, installing Debian's package when there is none.
need_postgres() {
    local switch=/etc/postgresql-common/createcluster.d/k2.conf as_root=() status=0
    if find_postgres; then return; fi
    [[ $EUID -eq 0 ]] || as_root=(sudo)
    # The package makes and starts a cluster of its own, on port 5432, unless told not to: nobody asked for that one.
    if [[ -z "${K2_NO_INSTALL:-}" ]] && { [[ $EUID -eq 0 ]] || sudo -n true 2>/dev/null; }; then
        "${as_root[@]}" mkdir -p "$(dirname "$switch")"
        echo "create_main_cluster = false" | "${as_root[@]}" tee "$switch" >/dev/null
    fi
    (need_packages postgresql) || status=$?
    if [[ -e "$switch" ]]; then "${as_root[@]}" rm -f "$switch"; fi
    if [[ $status -ne 0 ]]; then exit "$status"; fi
    find_postgres || die "$STATUS_UNAVAILABLE" "no PostgreSQL server of version $POSTGRES_OLDEST or newer found" "apt-get install postgresql"
}
