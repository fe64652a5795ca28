#!/bin/bash
# coverage.sh BUILD: line coverage of daemon/ and proto/ after a run of the tests that were built
# with MODE=coverage in BUILD; one line a file and the total.
set -eu

cd "$(dirname "$0")/../.."
gcov=${GCOV:-gcov}

find "$1/obj/daemon" "$1/obj/proto" -name '*.gcno' -print0 2>/dev/null |
    xargs -0 "$gcov" --no-output 2> >(grep -v 'assuming not executed' >&2) |
    awk '
        /^File / {
            file = $2
            gsub(/\047/, "", file)
        }
        /^Lines executed:/ && file ~ /^(daemon|proto)\/.*\.c$/ {
            split($0, part, /[:% ]+/)     # Lines executed PERCENT of COUNT
            covered[file] = part[3] * part[5] / 100
            lines[file] = part[5]
            file = ""
        }
        END {
            for (file in lines) {
                printf "%6.1f%% of %5d  %s\n", 100 * covered[file] / lines[file], lines[file], file | "sort -k4"
                total += lines[file]
                hit += covered[file]
            }
            close("sort -k4")
            printf "%6.1f%% of %5d  lines in all\n", total ? 100 * hit / total : 0, total
        }'
