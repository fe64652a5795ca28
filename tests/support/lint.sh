#!/bin/bash
# lint.sh: what is checked without running anything, but for the layers: format, cppcheck,
# clang-tidy, shellcheck. Runs them all before it fails. CPPFLAGS and DEP_CFLAGS come from make.
set -u

for tool in clang-format clang-tidy cppcheck shellcheck; do
    if ! command -v "$tool" >/dev/null; then
        echo "lint: $tool is missing; run: make deps-ci" >&2
        exit 2
    fi
done

jobs=$(nproc)
mapfile -t sources < <(find daemon proto client tests -name '*.c' | sort)
mapfile -t headers < <(find daemon proto client tests -name '*.h' | sort)
mapfile -t scripts < <(grep -rlE --include='*.sh' --include='*.bash' '' tests systemd 2>/dev/null
    grep -rlE '^#!/bin/(ba)?sh' tests systemd .ci 2>/dev/null)
mapfile -t scripts < <(printf '%s\n' "${scripts[@]}" | sort -u)
read -ra cppflags <<<"${CPPFLAGS:--I. -D_GNU_SOURCE} ${DEP_CFLAGS:-}"

passed=0
bad=()

# step NAME COMMAND...: one check of the count at the end.
step()
{
    local name=$1 start=$SECONDS
    shift
    if "$@"; then
        echo "lint: $name: clean ($((SECONDS - start)) s)"
        passed=$((passed + 1))
    else
        echo "lint: $name: FAILED"
        bad+=("$name")
    fi
}

format() { clang-format --dry-run -Werror "${sources[@]}" "${headers[@]}"; }

static_check()
{
    # System headers are not read, but for those whose macros shape the code. readdir is safe where,
    # as with glibc, each thread has its own stream, getgrnam where only one thread calls it.
    cppcheck --quiet -j "$jobs" --std=c11 --language=c --error-exitcode=1 --inline-suppr \
        --enable=warning,performance,portability --library=gnu,posix \
        --include="/usr/include/$(cc -print-multiarch)/sys/queue.h" \
        --include="$(pkg-config --variable=includedir jansson)/jansson.h" \
        --suppress='*:/usr/include/*' --suppress=missingIncludeSystem --suppress=readdirCalled --suppress=getgrnamCalled --suppress=getpwuidCalled \
        -I. -D_GNU_SOURCE -DHAVE_SYSTEMD=1 -D__linux__ -D__x86_64__ "${sources[@]}"
}

# Prints only what a file has to say; clang-tidy counts suppressed warnings of headers on stderr.
tidy_one()
{
    local out code=0
    out=$(clang-tidy --quiet "$1" -- -std=gnu11 "${@:2}" 2>&1) || code=$?
    if ((code != 0)) || grep -q 'warning:' <<<"$out"; then
        printf '%s\n' "$out"
        return 1
    fi
}
export -f tidy_one

tidy()
{
    # shellcheck disable=SC2016  # expanded by the inner shell
    printf '%s\0' "${sources[@]}" |
        xargs -0 -n 1 -P "$jobs" bash -c 'file=${!#}; tidy_one "$file" "${@:1:$#-1}"' tidy "${cppflags[@]}"
}

scripts() { shellcheck --external-sources --severity=warning "${scripts[@]}"; }

step "clang-format" format
step "shellcheck" scripts
step "cppcheck" static_check
step "clang-tidy" tidy

echo "$passed passed, ${#bad[@]} failed"
((${#bad[@]} == 0))
