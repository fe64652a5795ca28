# shellcheck shell=bash
# The recipes of client/future-recipes.7, as somebody copies them from there.

# recipe NAME: its text.
recipe()
{
    awk -v name="$1" '
        $0 == ".\\\" recipe: " name { wanted = 1; next }
        wanted && /^\.Bd / { inside = 1; next }
        inside && /^\.Ed/ { exit }
        inside' client/future-recipes.7 | sed -e 's/\\e/\\/g' -e 's/^\\&//'
}

# recipe_commands HEADING: the commands of futured in the table of that section, one a line.
recipe_commands()
{
    sed -n "/^\.Ss $1/,/^\.El/s/^\.It .* Ta Li \"\(.*\)\"\$/\1/p" client/future-recipes.7 | sed 's/\\(dq/"/g'
}
