#!/usr/bin/env bash
# test.sh PRESET CTEST_ARGS...: runs the tests of a build and closes with "N passed, N failed".
set -uo pipefail
preset=$1
shift

log=build/$preset/tests.log
ctest --preset "$preset" --output-on-failure "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

summary=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$log" | tail -1)
[ -n "$summary" ] || { echo "test: ctest ran nothing" >&2; exit 1; }
read -r failed total < <(sed -E 's/.*passed, ([0-9]+) .* out of ([0-9]+).*/\1 \2/' <<<"$summary")
skipped=$(grep -cE '^\s*[0-9]+ - .*\((Skipped|Disabled|Not Run)\)$' "$log")
echo "$((total - failed - skipped)) passed, $failed failed, $skipped skipped"
exit "$status"
