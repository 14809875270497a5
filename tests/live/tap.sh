# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # names come from, and go to, the tests
# TAP for live tests in bash:  . "$LIVE_DIR/tap.sh"; ...; done_testing
# Functions take the name of the test first. Diagnostics follow a failure, each line behind "# ".

tap_count=0

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }
pass() { tap_count=$((tap_count + 1)); printf 'ok %d - %s\n' $tap_count "$1"; }

# fail NAME [TEXT]...: each TEXT becomes diagnostics
fail() {
    tap_count=$((tap_count + 1))
    printf 'not ok %d - %s\n' $tap_count "$1"
    shift
    [ $# = 0 ] || diag "$@"
}

# ok NAME CMD...: the command succeeds
ok() {
    local output name=$1
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name" "$output"; fi
}

# is NAME GOT WANTED
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2
wanted: $3"; fi; }

# like NAME TEXT PATTERN: a line of TEXT matches the extended pattern
like() { if grep -E -e "$3" <<<"$2" >/dev/null; then pass "$1"; else fail "$1" "no line like $3 in:
$2"; fi; }
unlike() { if grep -E -e "$3" <<<"$2" >/dev/null; then fail "$1" "a line like $3 in:
$2"; else pass "$1"; fi; }

# skip NAME REASON: one test that cannot run here
skip() { tap_count=$((tap_count + 1)); printf 'ok %d - %s # SKIP %s\n' $tap_count "$1" "$2"; }

# skip_all REASON: nothing in this file can run here
skip_all() { printf '1..0 # SKIP %s\n' "$1"; exit 0; }

done_testing() { printf '1..%d\n' $tap_count; }

# on HOST CMD...: run a command as client, mb, dc1 or srv
on() { "$LAB" exec "$@"; }

# msrpc ARG...: run it as the client; sets $out, $err and $code. A hang ends in code 124.
msrpc() {
    code=0
    out=$(timeout -k 5 "${GUARD:-90}" "$LAB" exec client "$MSRPC" "$@" \
        2>"$TEST_TMP/stderr" </dev/null) || code=$?
    err=$(cat "$TEST_TMP/stderr")
}
