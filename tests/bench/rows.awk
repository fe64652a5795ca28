# From the values of all rounds (round, contender, label, numbers) to the rows of the table. The
# driver passes entry, subject, metrics, contenders and targets, the last three as lines.

function median(list, count,    i, j, swap)
{
    for (i = 2; i <= count; i++)
        for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
            swap = list[j]
            list[j] = list[j - 1]
            list[j - 1] = swap
        }
    return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}

function show(number)
{
    return number >= 100 ? sprintf("%.0f", number) : sprintf("%.3g", number)
}

{
    count = split($4, numbers, " ")
    for (i = 1; i <= count; i++)
        value[i, $2, $1] = numbers[i]
    label[$2] = $3
    if ($1 + 1 > rounds)
        rounds = $1 + 1
}

END {
    metric_count = split(metrics, metric, "\n")
    contender_count = split(contenders, contender, "\n")
    target_count = split(targets, target, "\n")
    for (i = 1; i <= target_count; i++) {
        split(target[i], part, " ")
        wanted[part[1], part[2]] = part[3]
    }
    for (m = 1; m <= metric_count; m++) {
        split(metric[m], part, " ")
        for (c = 1; c <= contender_count; c++)
            if (contender[c] in label)
                row(m, part[1], part[2], part[3], contender[c])
    }
}

function row(m, metric_name, unit, better, who,    r, all, ratios, middle, ratio, goal, verdict, reached)
{
    for (r = 0; r < rounds; r++) {
        all[r + 1] = value[m, who, r] + 0
        ratios[r + 1] = value[m, who, r] ? value[m, subject, r] / value[m, who, r] : 0
    }
    middle = median(all, rounds)
    ratio = who == subject ? "-" : median(ratios, rounds)
    goal = who == subject ? wanted[metric_name, "-"] : wanted[metric_name, who]
    verdict = ""
    if (goal != "") {
        reached = who == subject ? middle : ratio
        verdict = (better == "lower" ? reached <= goal + 0 : reached >= goal + 0) ? "reached" : "missed"
    }
    print entry, metric_name, unit, label[who], show(middle), ratio == "-" ? "-" : sprintf("%.2f", ratio), \
        goal == "" ? "-" : (better == "lower" ? "<= " : ">= ") goal, verdict
}
