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

# build_tools: the optimised programs, in .build/release.
build_tools() {
    local started=$SECONDS log="$ROOT/.build/build.log"
    mkdir -p "$ROOT/.build"
    if [[ ! -d "$ROOT/.build/release" ]]; then say "building (a first build takes a few minutes)"; fi
    quietly "$log" swift build --package-path "$ROOT" -c release
    say "built in $(duration $((SECONDS - started)))"
}
