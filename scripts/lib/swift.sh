# shellcheck shell=bash
# Finding the Swift toolchain and building with it.

# The oldest Swift that builds this package (swift-tools-version in Package.swift).
readonly SWIFT_OLDEST=6.2

# find_swift: exits 69 with a plain message when there is no usable toolchain.
find_swift() {
    local candidate
    if ! command -v swift >/dev/null; then
        for candidate in "$HOME/.local/share/swiftly/bin" /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/share/swift/usr/bin; do
            if [[ -x "$candidate/swift" ]]; then
                PATH="$candidate:$PATH"
                break
            fi
        done
    fi
    command -v swift >/dev/null || die "$STATUS_UNAVAILABLE" "no swift on the PATH: expected Swift $SWIFT_OLDEST or newer" \
        "install the toolchain from swift.org, then run this again"
    local found
    found="$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)"
    [[ -n "$found" ]] || die "$STATUS_UNAVAILABLE" "swift --version does not work here: $(command -v swift)"
    if [[ "$(printf '%s\n' "$SWIFT_OLDEST" "$found" | sort -V | head -n 1)" != "$SWIFT_OLDEST" ]]; then
        die "$STATUS_UNAVAILABLE" "swift is too old: expected $SWIFT_OLDEST or newer, found $found"
    fi
}

# Programs and tests are built with the same flags, so that the demo and the tests share one build: everything is
# compiled once. Testability costs some speed, so what is measured is built without it, in a folder of its own.
SHARED_FLAGS=(-c release -Xswiftc -enable-testing)

# build_tools: the programs, in .build/release.
build_tools() { build "$ROOT/.build" "${SHARED_FLAGS[@]}"; }

# build_measured_tools: the programs as they are installed, in .build-measured/release.
build_measured_tools() { build "$ROOT/.build-measured" -c release; }

build() {
    local folder=$1 started=$SECONDS
    shift
    mkdir -p "$folder"
    if [[ ! -d "$folder/release" ]]; then say "building (from nothing this takes a few minutes)"; fi
    quietly "$folder/build.log" swift build --package-path "$ROOT" --scratch-path "$folder" "$@"
    say "built in $(duration $((SECONDS - started)))"
}
