#!/bin/bash
# fuzz.sh RUNS|smoke PROGRAM...: runs each fuzz target, as many at once as there are processors: so
# many executions, or for a smoke test all that is kept in tests/corpus and then some seconds more.
# The last line is the count: "N passed, N failed". What a target fails on is kept in
# build/fuzz/failed; to look at it: build/fuzz/tests/fuzz/fuzz_TARGET FILE.
set -u

runs=$1
shift
if [[ $runs == smoke ]]; then
    limits=(-max_total_time=5)
else
    limits=(-runs="$runs")
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/futured-fuzz.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
mkdir -p build/fuzz/failed
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

# run_one PROGRAM: leaves TARGET.log and TARGET.status in the work folder.
run_one()
{
    local target found
    target=$(basename "$1")
    target=${target#fuzz_}
    # A smoke test begins anew each time, so that it finds what it found before.
    if [[ $runs == smoke ]]; then found=$work/found-$target; else found=build/fuzz/found/$target; fi
    mkdir -p "$found"
    "$1" "${limits[@]}" -seed=1 -max_len=4096 -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 \
        -verbosity=1 -dict=tests/fuzz/futured.dict -artifact_prefix="build/fuzz/failed/$target-" \
        "$found" "tests/corpus/$target" >"$work/$target.log" 2>&1
    echo $? >"$work/$target.status"
}

passed=0
failed=0

report()
{
    local target executed
    target=$(basename "$1")
    target=${target#fuzz_}
    executed=$(awk '$1 == "stat::number_of_executed_units:" { print $2 }' "$work/$target.log")
    if [[ $(<"$work/$target.status") == 0 ]]; then
        printf 'ok    fuzz %-12s %10d executions\n' "$target" "${executed:-0}"
        passed=$((passed + 1))
    else
        printf 'FAIL  fuzz %-12s %10d executions\n' "$target" "${executed:-0}"
        grep -v '^#' "$work/$target.log" | tail -n 60 | sed 's/^/      | /'
        failed=$((failed + 1))
    fi
}

for program in "$@"; do
    while (($(jobs -rp | wc -l) >= $(nproc))); do
        wait -n
    done
    run_one "$program" &
done
wait
for program in "$@"; do
    report "$program"
done
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
