# shellcheck shell=bash
# bash completion for `future`. Load it with:  source <(future completion bash)
# What may follow is known to `future` itself; this script only asks.

# Puts together again what bash has split at = : and @, up to the cursor: sets the array `words`, and
# the array `at` to where in COMP_WORDS each of them begins.
__future_words()
{
    local rest=${COMP_LINE:0:COMP_POINT} word stripped i
    rest=${rest#*"${COMP_WORDS[0]}"}
    words=("${COMP_WORDS[0]}") at=(0)
    for ((i = 1; i <= COMP_CWORD; i++)); do
        stripped=${rest#"${rest%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || word=$stripped
        if [[ $stripped == "$rest" && ${#words[@]} -gt 1 ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word") at+=("$i")
        fi
        rest=${stripped#"$word"}
    done
}

# __future_command INDEX: from that word of the line on it is another command's.
__future_command()
{
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif (($1 == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$2" | sort -u)
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
    fi
}

_future()
{
    local words at line word current fixed
    COMPREPLY=()
    __future_words
    current=${words[${#words[@]} - 1]}
    # bash replaces only what stands behind the last of these; but an @ goes with what follows it.
    fixed=${COMP_WORDBREAKS//[[:space:]@]/}
    fixed=${current##*["$fixed"]}
    [[ $fixed != *@* ]] || fixed=@${fixed##*@}
    fixed=${current%"$fixed"}
    while IFS= read -r line; do
        case $line in
        :files)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "${current#"$fixed"}")
            ;;
        :directories)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -d -- "${current#"$fixed"}")
            ;;
        ":command "*)
            __future_command "${at[${line#* } + 1]}" "${current#"$fixed"}"
            ;;
        *)
            word=${line%%$'\t'*}
            [[ $word == "$current"* ]] || continue
            word=${word#"$fixed"}
            # printf would quote a comma as well.
            [[ $word =~ ^[[:alnum:]_@%+=:,./-]*$ ]] || printf -v word %q "$word"
            COMPREPLY+=("$word")
            [[ $word != *= ]] || compopt -o nospace 2>/dev/null
            ;;
        esac
    done < <("$1" completion words "${words[@]:1}" 2>/dev/null </dev/null)
}

complete -F _future future
