# fish completion for `future`. Load it with:
#     future completion fish >~/.config/fish/completions/future.fish
# What may follow is known to `future` itself; this script only asks.

function __future_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # An empty word must stay a word.
    test -n "$current"; or set current ''
    for line in ($words[1] completion words $words[2..] $current 2>/dev/null </dev/null)
        switch $line
            case ':files' ':directories'
                set -l option (string match -r -- '^--[^=]*=' $current)
                set -l path (string replace -r -- '^--[^=]*=' '' $current)
                if test $line = ':files'
                    string replace -r -- '^' "$option" (__fish_complete_path "$path")
                else
                    string replace -r -- '^' "$option" (__fish_complete_directories "$path")
                end
            case ':command *'
                # The first of $words is `future` itself.
                set -l from (math (string sub -s 10 -- $line) + 2)
                set -l rest
                test $from -le (count $words); and set rest (string escape -- $words[$from..])
                complete -C (string join ' ' -- $rest $current)
            case '*'
                echo $line
        end
    end
end

complete -c future -f -a '(__future_complete)'
