#compdef future
# zsh completion for `future`. Load it with:  source <(future completion zsh)
# behind compinit; or put it as _future into a directory of $fpath.
# What may follow is known to `future` itself; this script only asks.

_future()
{
    local line word about
    local -a lines plain open
    lines=("${(@f)$("$words[1]" completion words "${(@Q)words[2,CURRENT-1]}" "$PREFIX" \
        2>/dev/null </dev/null)}")
    for line in "$lines[@]"; do
        case $line in
        '') ;;
        :files | :directories)
            [[ $PREFIX == --*=* ]] && compset -P '--*='
            if [[ $line == :files ]]; then _files; else _files -/; fi
            return
            ;;
        ':command '*)
            words=("${(@)words[${line#* } + 2,-1]}")
            ((CURRENT -= ${line#* } + 1))
            _normal
            return
            ;;
        *)
            word=${${line%%$'\t'*}//:/\\:}
            about=${line#*$'\t'}
            [[ $line == *$'\t'* ]] && word+=:$about
            if [[ ${line%%$'\t'*} == *= ]]; then open+=("$word"); else plain+=("$word"); fi
            ;;
        esac
    done
    _describe -V future plain -- open -S ''
}

if [[ ${funcstack[1]} == _future ]]; then
    _future "$@"
else
    compdef _future future
fi
