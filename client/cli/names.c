#include "client/cli/names.h"

#include <string.h>

#include "client/cli/command.h"

enum { NAME_MAX_BYTES = 32, FAR_AWAY = 3 };

/* ---- names that are nearly right ---- */

struct nearest {
    const char *name; /* NULL: none is near */
    unsigned how_far;
};

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

/* How many letters must be changed, added or dropped. */
static unsigned distance(const char *from, size_t size, const char *to)
{
    unsigned row[NAME_MAX_BYTES + 1];
    size_t width = strlen(to);

    if (width > NAME_MAX_BYTES)
        return FAR_AWAY;
    for (unsigned i = 0; i <= width; i++)
        row[i] = i;
    for (size_t at = 0; at < size; at++) {
        unsigned corner = row[0]++;

        for (size_t i = 1; i <= width; i++) {
            unsigned above = row[i];

            row[i] = least(row[i] + 1, row[i - 1] + 1, corner + (from[at] != to[i - 1]));
            corner = above;
        }
    }
    return row[width];
}

/* Of a short name every other one is near: half of its letters must be right. */
static void keep_nearer(const char *name, size_t size, const char *candidate,
                        struct nearest *nearest)
{
    unsigned own = candidate ? distance(name, size, candidate) : FAR_AWAY;

    if (own < nearest->how_far && own * 2 <= size)
        *nearest = (struct nearest){candidate, own};
}

/* ---- commands ---- */

/* What pueue, task-spooler, systemctl, parallel and the shell call it. */
static const char *foreign_command(const char *name)
{
    static const struct {
        const char *theirs, *ours;
    } table[] = {
        {"list", "status"},  {"ls", "status"},        {"ps", "status"},      {"queue", "status"},
        {"start", "resume"}, {"unpause", "resume"},   {"stop", "pause"},     {"restart", "retry"},
        {"rerun", "retry"},  {"rm", "cancel"},        {"remove", "cancel"},  {"delete", "cancel"},
        {"logs", "output"},  {"cat", "output"},       {"tail", "follow"},    {"group", "pool"},
        {"groups", "pool"},  {"edit", "update"},      {"enqueue", "submit"}, {"xargs", "map"},
        {"parallel", "map"}, {"dependencies", "show"}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].theirs, name) == 0)
            return table[i].ours;
    return NULL;
}

int names_unknown_command(const struct cli *cli, const char *name)
{
    struct nearest nearest = {foreign_command(name), FAR_AWAY};
    size_t size = strlen(name);

    for (const struct command *const *entry = command_table; *entry && !nearest.name; entry++) {
        keep_nearer(name, size, (*entry)->name, &nearest);
        keep_nearer(name, size, (*entry)->aliases[0], &nearest);
        keep_nearer(name, size, (*entry)->aliases[1], &nearest);
    }
    if (nearest.name)
        return cli_bad_usage(cli, "there is no command `%s`: do you mean `%s`?", name,
                             nearest.name);
    return cli_bad_usage(cli, "there is no command `%s`", name);
}

/* ---- options ---- */

/* What other tools call it, and what does that here, in words. */
static const char *foreign_option(const char *command, const char *name, size_t size)
{
    static const char jobs[] = "-j says how many at once";
    static const char replace[] = "{} stands for the item";
    static const char one[] = "each item is one argument, and gets a command of its own";
    static const char parts[] = "with --jsonl an item may be an array, and {1} its first part";
    static const char bar[] = "--bar shows the progress";
    static const struct {
        const char *command, *theirs, *ours;
    } table[] = {
        {"map", "P", jobs},
        {"map", "max-procs", jobs},
        {"map", "I", replace},
        {"map", "replace", replace},
        {"map", "N", one},
        {"map", "max-args", one},
        {"map", "L", one},
        {"map", "C", parts},
        {"map", "colsep", parts},
        {"map", "eta", bar},
        {"map", "progress", bar},
        {"map", "u", "--no-order writes outputs as items end"},
        {"map", "ungroup", "--no-order writes outputs as items end"},
        {"submit", "g", "-p names the pool"},
        {"submit", "group", "--pool names the pool"},
        {"submit", "d", "--after waits for other futures"},
        {"submit", "L", "-l gives a label"},
        {"submit", "working-directory", "--cwd says where it runs"},
    };

    for (size_t i = 0; command && i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].command, command) == 0 && strlen(table[i].theirs) == size &&
            memcmp(table[i].theirs, name, size) == 0)
            return table[i].ours;
    return NULL;
}

/* A beginning that several options share is nearer than any that is written otherwise. */
static struct nearest near_option(const char *name, size_t size, const struct option *longs)
{
    struct nearest nearest = {NULL, FAR_AWAY};

    for (; longs->name; longs++) {
        if (size > 0 && strncmp(longs->name, name, size) == 0)
            return (struct nearest){longs->name, 0};
        if (longs->val != CLI_LIST_OPTIONS)
            keep_nearer(name, size, longs->name, &nearest);
    }
    return nearest;
}

int names_unknown_option(const struct cli *cli, const char *written, const struct option *longs)
{
    const char *name = written + strspn(written, "-");
    size_t size = strcspn(name, "=");
    const char *foreign = foreign_option(cli->command, name, size);
    struct nearest nearest = near_option(name, size, longs);

    if (foreign)
        return cli_bad_usage(cli, "there is no option %s: %s", written, foreign);
    if (written[1] == '-' && nearest.name)
        return cli_bad_usage(cli, "there is no option %s: do you mean --%s?", written,
                             nearest.name);
    return cli_bad_usage(cli, "there is no option %s", written);
}
