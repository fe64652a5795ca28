#include "client/completion/words.h"

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/completion/live.h"
#include "client/completion/option_help.h"
#include "proto/methods.h"

static const char everywhere[] = "      --socket PATH      the daemon's socket\n"
                                 "      --json             print the daemon's replies\n"
                                 "      --no-start         start no daemon\n"
                                 "      --help             tell how it is used\n";
static const char before_command[] = "      --version          print the version\n";

/* The line as far as it has been read. */
struct line {
    struct live live;
    const char *last;              /* the word to complete */
    const struct command *command; /* NULL: it has not come so far */
    const char *name;              /* of the command, as it was written */
    size_t operands;               /* of the command, before the last word */
    const char *first_operand;
    struct option_help option; /* whose value the last word is; count is 0: of none */
    bool only_operands;        /* behind `--` */
};

/* ---- values ---- */

static void print_list(const char *const *list, const char *prefix)
{
    for (; *list; list++)
        candidate(prefix, *list, NULL);
}

static void print_states(struct line *line, const char *prefix)
{
    static const char *const states[] = {"pending", "running", "finished", "cancelled", NULL};

    (void)line;
    print_list(states, prefix);
}

static void print_events(struct line *line, const char *prefix)
{
    static const char *const events[] = {"done", "running", "output", "progress", NULL};

    (void)line;
    print_list(events, prefix);
}

static void print_streams(struct line *line, const char *prefix)
{
    static const char *const streams[] = {"stdout", "stderr", NULL};

    (void)line;
    print_list(streams, prefix);
}

static void print_signals(struct line *line, const char *prefix)
{
    (void)line;
    for (int number = 1; number < SIGRTMIN; number++)
        if (sigabbrev_np(number))
            candidate(prefix, sigabbrev_np(number), sigdescr_np(number));
}

static void print_ids(struct line *line, const char *prefix)
{
    (void)live_ids(&line->live, 0, prefix);
}

static void print_labels(struct line *line, const char *prefix)
{
    live_labels(&line->live, prefix);
}

static void print_pools(struct line *line, const char *prefix)
{
    live_pools(&line->live, prefix);
}

static void print_functions(struct line *line, const char *prefix)
{
    live_functions(&line->live, prefix);
}

/* What the values of options are: by the option's name first, then by what its help calls the
 * value. Of a list, separated by commas, the last element is completed. */
static const struct value_kind {
    const char *name;
    bool is_list;
    void (*print)(struct line *line, const char *prefix);
} value_kinds[] = {{"--pool", false, print_pools},     {"--label", false, print_labels},
                   {"--state", true, print_states},    {"--events", true, print_events},
                   {"--stream", false, print_streams}, {"--signal", false, print_signals},
                   {"--fn", false, print_functions},   {"--function", false, print_functions},
                   {"IDS", true, print_ids},           {"ID", false, print_ids},
                   {"POOL", false, print_pools},       {"FUNCTION", false, print_functions}};

static const struct value_kind *find_kind(const struct option_help *option)
{
    for (size_t i = 0; i < sizeof(value_kinds) / sizeof(value_kinds[0]); i++) {
        if (strcmp(option->value, value_kinds[i].name) == 0)
            return &value_kinds[i];
        for (size_t n = 0; n < option->count; n++)
            if (strcmp(option->names[n], value_kinds[i].name) == 0)
                return &value_kinds[i];
    }
    return NULL;
}

/* How much of the text stays as it is: all before the last element of a list. */
static size_t fixed_bytes(const char *text, bool is_list)
{
    const char *comma = is_list ? strrchr(text, ',') : NULL;

    return comma ? (size_t)(comma + 1 - text) : 0;
}

/* The value begins `from` bytes into the last word. */
static void complete_value(struct line *line, size_t from)
{
    const struct value_kind *kind = find_kind(&line->option);
    const char *value = line->option.value;
    char *prefix;

    if (strcmp(value, "FILE") == 0 || strcmp(value, "PATH") == 0)
        puts(":files");
    if (strcmp(value, "DIR") == 0)
        puts(":directories");
    if (!kind)
        return;
    prefix = strndup(line->last, from + fixed_bytes(line->last + from, kind->is_list));
    if (prefix)
        kind->print(line, prefix);
    free(prefix);
}

/* ---- options ---- */

static bool find_option(const struct line *line, const char *name, struct option_help *ret_option)
{
    return (line->command && option_help_find(line->command->help, name, ret_option)) ||
           option_help_find(everywhere, name, ret_option);
}

static void print_options(const char *help)
{
    struct option_help option;

    while (option_help_next(&help, &option))
        for (size_t i = 0; i < option.count; i++)
            /* Short ones are typed sooner than completed. */
            if (option.names[i][1] == '-')
                candidate("", option.names[i], option.about);
}

static void complete_options(const struct line *line)
{
    /* A command may tell of --json in its own words. */
    const char *help = everywhere;
    struct option_help option, own;

    if (line->command)
        print_options(line->command->help);
    else
        print_options(before_command);
    while (option_help_next(&help, &option))
        if (!line->command || !option_help_find(line->command->help, option.names[0], &own))
            candidate("", option.names[0], option.about);
}

/* ---- operands ---- */

static bool takes(const struct line *line, const char *operand)
{
    const char *found = strstr(line->command->usage, operand);
    char next = found ? found[strlen(operand)] : 'x';

    return !isalpha((unsigned char)next) && next != '=';
}

static bool takes_command_line(const struct line *line)
{
    return strstr(line->command->usage, "COMMAND [ARGUMENT") != NULL;
}

static void complete_commands(void)
{
    for (const struct command *const *entry = command_table; *entry; entry++) {
        candidate("", (*entry)->name, (*entry)->summary);
        for (size_t i = 0; i < 2 && (*entry)->aliases[i]; i++)
            candidate("", (*entry)->aliases[i], (*entry)->summary);
    }
}

/* Those ids first that the command can do something with. */
static unsigned useful_states(const struct command *command)
{
    if (strcmp(command->name, "cancel") == 0 || strcmp(command->name, "explain") == 0)
        return 1u << FUTURE_PENDING | 1u << FUTURE_RUNNING;
    if (strcmp(command->name, "update") == 0)
        return 1u << FUTURE_PENDING;
    if (strcmp(command->name, "retry") == 0 || strcmp(command->name, "forget") == 0)
        return 1u << FUTURE_CANCELLED | 1u << FUTURE_FINISHED;
    return 0;
}

static void complete_ids(struct line *line)
{
    char *prefix = strndup(line->last, fixed_bytes(line->last, true));

    /* What follows a comma is a number. */
    if (prefix && live_ids(&line->live, useful_states(line->command), prefix) && !prefix[0]) {
        candidate("", "last", "the newest one");
        if (strstr(line->command->usage, "ID..."))
            candidate("", "all", "all of them");
        live_labels(&line->live, "@");
    }
    free(prefix);
}

static void complete_pool_words(struct line *line)
{
    static const char *const verbs[] = {"list", "set", "pause", "resume", NULL};
    static const char *const settings[] = {"max_workers=",          "min_workers=", "idle_timeout=",
                                           "max_tasks_per_worker=", "queue_limit=", "on_full=",
                                           "thread_name_prefix=",   "initializer=", NULL};

    if (line->operands == 0)
        print_list(verbs, "");
    else if (line->operands == 1)
        live_pools(&line->live, "");
    else if (strcmp(line->first_operand, "set") == 0)
        print_list(settings, "");
}

static void complete_methods(void)
{
    for (int method = 0; method < METHOD_COUNT; method++)
        candidate("", method_name((enum method)method), NULL);
}

static void complete_operand(struct line *line)
{
    static const char *const shells[] = {"bash", "zsh", "fish", NULL};
    const char *name = line->command->name;

    if (strcmp(name, "pool") == 0)
        complete_pool_words(line);
    else if (strcmp(name, "completion") == 0 && line->operands == 0)
        print_list(shells, "");
    else if (strcmp(name, "help") == 0)
        complete_commands();
    else if (strcmp(name, "rpc") == 0 && line->operands == 0)
        complete_methods();
    else if (takes(line, "ID"))
        complete_ids(line);
    else if (takes(line, "POOL"))
        live_pools(&line->live, "");
    else if ((takes(line, "FUNCTION") || takes(line, "FN")) && line->operands == 0)
        live_functions(&line->live, "");
}

/* ---- the line ---- */

/* One word before the last. `next_is_last`: the value that it may want is the last word. Returns
 * how many more words it takes. */
static size_t take_option(struct line *line, const char *word, const char *value, bool next_is_last)
{
    struct option_help option;
    size_t size = strlen(word);
    char letter[3] = {'-', word[size - 1], '\0'};

    if (strncmp(word, "--socket=", strlen("--socket=")) == 0)
        line->live.socket_path = word + strlen("--socket=");
    /* Of several letters in one word the last one may want a value. */
    if (!find_option(line, word[1] == '-' ? word : letter, &option) || !option.value[0])
        return 0;
    if (next_is_last)
        line->option = option;
    else if (strcmp(word, "--socket") == 0)
        line->live.socket_path = value;
    return 1;
}

static void take_operand(struct line *line, const char *word)
{
    if (!line->command) {
        line->command = command_find(word);
        line->name = word;
        return;
    }
    if (line->operands++ == 0)
        line->first_operand = word;
}

/* Reads the words before the last one. True where a command line of its own begins at *ret_command.
 */
static bool read_words(struct line *line, char *const *words, size_t count, size_t *ret_command)
{
    for (size_t i = 0; i + 1 < count; i++) {
        const char *word = words[i];
        bool is_option = word[0] == '-' && word[1] && !line->only_operands;

        if (is_option && strcmp(word, "--") == 0)
            line->only_operands = true;
        else if (is_option)
            i += take_option(line, word, words[i + 1], i + 2 == count);
        else if (line->command && takes_command_line(line)) {
            *ret_command = i;
            return true;
        } else
            take_operand(line, word);
        if (line->name && !line->command)
            break; /* there is no such command */
    }
    return false;
}

/* Behind `:::` there are items: files, as far as anybody can guess. */
static bool is_among_items(char *const *words, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++)
        if (strncmp(words[i], ":::", 3) == 0)
            return true;
    return false;
}

static void complete_last(struct line *line, size_t index)
{
    const char *equals = line->last[0] == '-' ? strchr(line->last, '=') : NULL;

    if (line->option.count > 0) {
        complete_value(line, 0);
    } else if (equals && !line->only_operands) {
        char *name = strndup(line->last, (size_t)(equals - line->last));

        if (name && find_option(line, name, &line->option))
            complete_value(line, (size_t)(equals + 1 - line->last));
        free(name);
    } else if (line->last[0] == '-' && !line->only_operands) {
        complete_options(line);
    } else if (!line->name) {
        complete_commands();
    } else if (line->command && takes_command_line(line)) {
        printf(":command %zu\n", index);
    } else if (line->command) {
        complete_operand(line);
    }
}

void complete_words(const char *socket_path, char *const *words, size_t count)
{
    struct line line = {.live = {.socket_path = socket_path}};
    size_t command = 0;

    line.last = count > 0 ? words[count - 1] : "";
    if (!read_words(&line, words, count, &command))
        complete_last(&line, count > 0 ? count - 1 : 0);
    else if (is_among_items(words, count))
        puts(":files");
    else
        printf(":command %zu\n", command);
    live_close(&line.live);
}
