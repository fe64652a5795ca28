/* map: one command over many items. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/call_options.h"
#include "client/cli/command.h"
#include "client/cli/json_word.h"
#include "client/cli/parse.h"
#include "client/map/map_run.h"
#include "proto/text.h"

enum {
    OPTION_FAIL_FAST = OPTION_FIRST_FREE,
    OPTION_JSONL,
    OPTION_NO_ORDER,
    OPTION_TAG,
    OPTION_HALT,
    OPTION_RETRIES,
    OPTION_JOBLOG,
    OPTION_RESUME,
    OPTION_RESUME_FAILED,
    OPTION_BAR,
    OPTION_NO_BAR,
    OPTION_KEEP,
    OPTION_FN,
    OPTION_ARGS
};

enum { LISTS_MAX = 16 };

struct map_options {
    struct call_options call;
    struct map_run_settings run; /* what the options say of it */
    const char *arg_file;        /* NULL: stdin, or `lists` */
    const char *joblog;
    const char *fn, *args; /* a function instead of a command; NULL: none */
    enum map_resume resume;
    char delimiter, more_attempts[24];
    bool detach, fail_fast, jsonl, dry_run;
    bool kept; /* an option needs a client that stays with the map to its end */
    char **argv;
    size_t argc;
    struct map_words lists[LISTS_MAX]; /* behind `:::` */
    size_t list_count;
    struct map_template *template;
};

/* ---- options ---- */

static int take_jobs(struct cli *cli, struct map_options *options, const char *value)
{
    if (parse_uint(value, &options->run.jobs) < 0)
        return cli_bad_usage(cli, "--jobs %s: write a number, as 8; 0 leaves it to the pool",
                             value);
    return 0;
}

/* 3, or 10% */
static int parse_halt_count(const char *text, struct map_halt *halt)
{
    char number[24];
    size_t size = strlen(text);

    halt->percent = size > 0 && text[size - 1] == '%';
    if (size >= sizeof(number))
        return -EINVAL;
    memcpy(number, text, size + 1);
    if (halt->percent)
        number[size - 1] = '\0';
    if (parse_uint(number, &halt->count) < 0 || halt->count == 0 ||
        (halt->percent && halt->count > 100))
        return -EINVAL;
    return 0;
}

/* now,fail=1 or soon,done=10% */
static int take_halt(struct cli *cli, struct map_halt *halt, const char *value)
{
    static const char *const kinds[] = {"fail", "success", "done"};
    const char *comma = strchr(value, ','), *equals = comma ? strchr(comma, '=') : NULL;
    bool now = strncmp(value, "now,", 4) == 0, soon = strncmp(value, "soon,", 5) == 0;

    if (strcmp(value, "never") == 0) {
        halt->when = HALT_NEVER;
        return 0;
    }
    for (unsigned i = 0; (now || soon) && equals && i < 3; i++) {
        size_t size = (size_t)(equals - comma - 1);

        if (strlen(kinds[i]) != size || memcmp(kinds[i], comma + 1, size) != 0 ||
            parse_halt_count(equals + 1, halt) < 0)
            continue;
        halt->when = now ? HALT_NOW : HALT_SOON;
        halt->of = i == 0 ? HALT_FAIL : i == 1 ? HALT_SUCCESS : HALT_DONE;
        return 0;
    }
    return cli_bad_usage(cli,
                         "--halt %s: write now,fail=1, soon,fail=N or soon,fail=N%% (fail, success "
                         "or done)",
                         value);
}

/* As parallel counts: attempts in all. */
static int take_retries(struct cli *cli, struct map_options *options, const char *value)
{
    uint64_t attempts;

    if (parse_uint(value, &attempts) < 0 || attempts == 0 || attempts > INT32_MAX)
        return cli_bad_usage(cli, "--retries %s: write how many attempts in all, as 3", value);
    snprintf(options->more_attempts, sizeof(options->more_attempts), "%llu",
             (unsigned long long)attempts - 1);
    return call_options_take(cli, &options->call, OPTION_RETRY, options->more_attempts);
}

static int take_option(struct cli *cli, struct map_options *options, int option)
{
    switch (option) {
    case 'a':
        options->arg_file = optarg;
        return 0;
    case '0':
        options->delimiter = '\0';
        return 0;
    case 'd':
        options->detach = true;
        return 0;
    case 'n':
        options->dry_run = true;
        return 0;
    case 'j':
        options->kept = true;
        return take_jobs(cli, options, optarg);
    case 'k':
        options->run.unordered = false;
        return 0;
    case OPTION_NO_ORDER:
        options->run.unordered = true;
        return 0;
    case OPTION_FAIL_FAST:
        options->fail_fast = true;
        return 0;
    case OPTION_JSONL:
        options->jsonl = true;
        return 0;
    case OPTION_TAG:
        options->run.tag = true;
        return 0;
    case OPTION_HALT:
        options->kept = true;
        return take_halt(cli, &options->run.halt, optarg);
    case OPTION_RETRIES:
        return take_retries(cli, options, optarg);
    case OPTION_JOBLOG:
        options->kept = true;
        options->joblog = optarg;
        return 0;
    case OPTION_RESUME:
    case OPTION_RESUME_FAILED:
        options->resume = option == OPTION_RESUME ? RESUME_UNFINISHED : RESUME_FAILED;
        return 0;
    case OPTION_BAR:
    case OPTION_NO_BAR:
        options->run.bar = option == OPTION_BAR ? BAR_ON : BAR_OFF;
        return 0;
    case OPTION_FN:
        options->fn = optarg;
        options->run.is_function = true;
        return 0;
    case OPTION_ARGS:
        options->args = optarg;
        return 0;
    case OPTION_KEEP:
        options->run.keep = true;
        return 0;
    default:
        return call_options_take(cli, &options->call, option, optarg);
    }
}

/* ---- words ---- */

/* The lists behind `:::`; argv[from] is the first one. */
static int split_lists(struct cli *cli, struct map_options *options, int from, int argc,
                       char **argv)
{
    size_t item = 0;

    for (int i = from; i < argc; i++) {
        struct map_words *list;

        if (strcmp(argv[i], ":::") == 0) {
            if (options->list_count == LISTS_MAX)
                return cli_bad_usage(cli, "at most %d lists behind `:::`", LISTS_MAX);
            list = &options->lists[options->list_count++];
            *list = (struct map_words){.words = (const char *const *)argv + i + 1};
            continue;
        }
        if (!utf8_valid(argv[i], strlen(argv[i])))
            return cli_bad_usage(cli, "item %zu is not valid UTF-8", item);
        options->lists[options->list_count - 1].count++;
        item++;
    }
    return 0;
}

/* Parts the words behind the options at the first `:::`. */
static int split_words(struct cli *cli, struct map_options *options, int argc, char **argv)
{
    int i = optind;

    while (i < argc && strcmp(argv[i], ":::") != 0)
        i++;
    options->argv = argv + optind;
    options->argc = (size_t)(i - optind);
    if (options->argc > 0 && options->fn)
        return cli_bad_usage(cli, "--fn takes the place of a command: items stand behind `:::`");
    if (options->argc == 0 && !options->fn)
        return cli_bad_usage(cli, "which command? As in: future map -- sha256sum {} ::: *.c");
    return split_lists(cli, options, i, argc, argv);
}

static int check(struct cli *cli, const struct map_options *options)
{
    const struct call_options *call = &options->call;
    bool lists = options->list_count > 0;

    if (options->fn && (call->cwd || call->env_begun || call->stdin_path || call->no_check))
        return cli_bad_usage(cli, "--cwd, --env, --stdin and --no-check are for commands");
    if (options->args && !options->fn)
        return cli_bad_usage(cli, "--args is for --fn");
    if (lists && options->arg_file)
        return cli_bad_usage(cli, "items come from -a FILE or stand behind `:::`, not both");
    if (lists && options->jsonl)
        return cli_bad_usage(cli, "--jsonl is for items from -a FILE or stdin");
    if (options->jsonl && options->delimiter == '\0')
        return cli_bad_usage(cli, "--jsonl has one item a line, without -0");
    if (!lists && !options->arg_file && options->call.stdin_path &&
        strcmp(options->call.stdin_path, "-") == 0)
        return cli_bad_usage(cli, "stdin gives the items: --stdin - needs `:::` or -a FILE");
    if (options->resume != RESUME_NOT && !options->joblog)
        return cli_bad_usage(cli, "--resume goes on with what --joblog FILE says");
    if (options->detach && options->kept && !lists && !options->arg_file && isatty(STDIN_FILENO))
        return cli_bad_usage(cli, "a map that is left alone cannot read items from the terminal");
    return 0;
}

/* ---- running ---- */

/* All items are there, and nobody stays: then the daemon gets all of them or none. */
static bool is_whole(const struct map_options *options)
{
    return options->detach && options->list_count > 0 && !options->kept;
}

static void write_items(const struct map_options *options, struct writer *params)
{
    struct map_value *value;
    const char *refusal;
    uint64_t sequence = 0;
    int r;

    writer_key(params, "items");
    writer_begin_array(params);
    while ((r = map_source_next(options->run.source, &value, &refusal)) > 0) {
        map_template_write(options->template, value, ++sequence, params);
        map_value_free(value);
    }
    if (r < 0)
        params->failed = true;
    writer_end_array(params);
}

static int write_function(struct cli *cli, const struct map_options *options, struct writer *params)
{
    int status = 0;

    writer_key(params, "fn");
    writer_cstring(params, options->fn);
    if (options->args) {
        writer_key(params, "args");
        status = json_word_write(cli, options->args, "the arguments", false, params);
    }
    return status != 0 ? status : call_options_write_shared(cli, &options->call, params);
}

/* A map without a client that waits for it is the daemon's own; in the foreground it ends with the
 * client, as with xargs. */
static int create(struct cli *cli, struct map_options *options, struct future_message **ret_reply)
{
    struct writer params = {0};
    size_t argc;
    char **argv = map_template_argv(options->template, &argc);
    int status;

    writer_begin_object(&params);
    status = options->fn ? write_function(cli, options, &params)
                         : call_options_write(cli, &options->call, argv, argc, &params);
    if (is_whole(options)) {
        write_items(options, &params);
    } else {
        writer_key(&params, "open");
        writer_bool(&params, true);
    }
    if (!options->detach) {
        writer_key(&params, "scope");
        writer_cstring(&params, "connection");
    }
    if (options->fail_fast) {
        writer_key(&params, "fail_fast");
        writer_bool(&params, true);
    }
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, "map", &params, ret_reply);
    writer_free(&params);
    return status;
}

/* The id stands there before the last item is read: an endless input can be cancelled by it. */
static void print_id(const struct cli *cli, const struct future_message *reply)
{
    unsigned long long id = cli_uint(reply->result, "id");

    if (cli_print_for_machine(cli, reply, NULL))
        ;
    else if (cli->out.is_terminal)
        printf("Map %llu takes its items. `future follow %llu` shows their outputs.\n", id, id);
    else
        printf("%llu\n", id);
    cli_flush_id(cli, id);
}

/* Goes on in the background, without the terminal: *ret_parent tells the one who has nothing more
 * to do. The connection is the child's from here on. */
static int leave_to_child(struct cli *cli, bool *ret_parent)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t pid;

    if (nowhere < 0)
        return cli_fail_errno(cli, -errno, "/dev/null");
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        setsid();
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    close(nowhere);
    *ret_parent = pid > 0;
    return pid < 0 ? cli_fail_errno(cli, -errno, "going to the background") : 0;
}

/* The outputs stay in the daemon, for whom follows the map. */
static int keep_map(struct cli *cli, struct map_options *options)
{
    bool parent = false;
    int status = leave_to_child(cli, &parent);

    options->run.keep = true;
    options->run.bar = BAR_OFF;
    return status != 0 || parent ? status : map_run(cli, &options->run);
}

static int run_map(struct cli *cli, struct map_options *options)
{
    struct future_message *reply;
    int status = create(cli, options, &reply);

    if (status != 0)
        return status;
    options->run.map_id = cli_uint(reply->result, "id");
    if (options->detach)
        print_id(cli, reply);
    future_message_free(reply);
    if (is_whole(options))
        return EXIT_FINE;
    if (options->detach && options->kept)
        return keep_map(cli, options);
    return options->detach ? map_feed(cli, &options->run) : map_run(cli, &options->run);
}

/* What would be run, one command a line. */
static int print_commands(struct cli *cli, const struct map_options *options)
{
    uint64_t sequence = 0;

    for (;;) {
        struct writer line = {0};
        struct map_value *value;
        const char *refusal;
        int r = map_source_next(options->run.source, &value, &refusal);

        if (r == 0 && map_source_ended(options->run.source))
            return EXIT_FINE;
        if (r == 0)
            r = map_source_fill(options->run.source) < 0 ? -EIO : 2;
        if (r < 0)
            return cli_fail_errno(cli, r, "reading items");
        if (r == 2)
            continue;
        map_template_command(options->template, value, ++sequence, &line);
        map_value_free(value);
        if (refusal)
            cli_warn(cli, "item %llu: %s", (unsigned long long)sequence - 1, refusal);
        else
            printf("%.*s\n", (int)line.size, line.data);
        writer_free(&line);
    }
}

static int open_log_and_run(struct cli *cli, struct map_options *options)
{
    int r = 0, status;

    if (options->dry_run)
        return print_commands(cli, options);
    if (options->joblog)
        r = map_joblog_open(options->joblog, options->resume, &options->run.joblog);
    if (r < 0)
        return cli_fail_errno(cli, r, options->joblog);
    status = run_map(cli, options);
    map_joblog_close(options->run.joblog);
    return status;
}

static int make_and_run(struct cli *cli, struct map_options *options, int input)
{
    size_t parts = options->list_count > 0 ? options->list_count : options->jsonl ? 0 : 1;
    int status = -ENOMEM;

    if (options->list_count > 0)
        options->run.source = map_source_words(options->lists, options->list_count);
    else
        options->run.source = map_source_file(input, options->delimiter,
                                              !options->jsonl ? MAP_OF_TEXT
                                              : options->fn   ? MAP_OF_ANY_JSON
                                                              : MAP_OF_JSON);
    if (options->run.source && options->fn)
        status = map_template_of_function(options->fn, &options->template);
    else if (options->run.source)
        status = map_template_new(options->argv, options->argc, parts, options->jsonl,
                                  &options->template);
    options->run.template = options->template;
    if (status == 0)
        status = open_log_and_run(cli, options);
    else
        status = cli_fail_errno(cli, status, "the map");
    map_template_free(options->template);
    map_source_free(options->run.source);
    return status;
}

/* Opens what gives the items, before anything is asked of the daemon. */
static int open_and_run(struct cli *cli, struct map_options *options)
{
    bool from_file = options->arg_file && strcmp(options->arg_file, "-") != 0;
    int input = options->list_count > 0 ? -1 : STDIN_FILENO;
    int status;

    if (from_file) {
        input = open(options->arg_file, O_RDONLY | O_CLOEXEC);
        if (input < 0)
            return cli_fail_errno(cli, -errno, options->arg_file);
    }
    if (input == STDIN_FILENO && isatty(input))
        cli_warn(cli, "reading items from the terminal, one a line");
    status = make_and_run(cli, options, input);
    if (from_file)
        close(input);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"null", no_argument, NULL, '0'},
        {"arg-file", required_argument, NULL, 'a'},
        {"jsonl", no_argument, NULL, OPTION_JSONL},
        {"jobs", required_argument, NULL, 'j'},
        {"keep-order", no_argument, NULL, 'k'},
        {"no-order", no_argument, NULL, OPTION_NO_ORDER},
        {"tag", no_argument, NULL, OPTION_TAG},
        {"halt", required_argument, NULL, OPTION_HALT},
        {"retries", required_argument, NULL, OPTION_RETRIES},
        {"joblog", required_argument, NULL, OPTION_JOBLOG},
        {"resume", no_argument, NULL, OPTION_RESUME},
        {"resume-failed", no_argument, NULL, OPTION_RESUME_FAILED},
        {"bar", no_argument, NULL, OPTION_BAR},
        {"no-bar", no_argument, NULL, OPTION_NO_BAR},
        {"keep", no_argument, NULL, OPTION_KEEP},
        {"fn", required_argument, NULL, OPTION_FN},
        {"args", required_argument, NULL, OPTION_ARGS},
        {"detach", no_argument, NULL, 'd'},
        {"fail-fast", no_argument, NULL, OPTION_FAIL_FAST},
        {"dry-run", no_argument, NULL, 'n'},
        CALL_OPTIONS,
        CLI_FORMAT_OPTION,
        CLI_COMMON_OPTIONS};
    struct map_options options = {.delimiter = '\n'};
    int option, status = EXIT_FINE;

    while ((option = cli_getopt(cli, argc, argv, "+:h0a:dj:kn" CALL_OPTIONS_SHORT, longs)) != -1) {
        status = take_option(cli, &options, option);
        if (option == CLI_HELP || status != EXIT_FINE)
            goto out;
    }
    status = split_words(cli, &options, argc, argv);
    if (status == EXIT_FINE)
        status = check(cli, &options);
    if (status == EXIT_FINE)
        status = open_and_run(cli, &options);
out:
    call_options_clear(&options.call);
    return status;
}

const struct command cmd_map = {
    .name = "map",
    .usage = "map [OPTIONS] [--] COMMAND [ARGUMENT...] [::: ITEM...]",
    .summary = "Run a command for each of many items, outputs in input order",
    .help =
        "`{}` in the command stands for the item; where there is none, the item is added at the\n"
        "end. `{.}` is a path without its extension, `{/}` without its directories, `{//}` the\n"
        "directory, `{/.}` the bare name, `{#}` the number from 1; `{1}`, `{2/}` ... are the "
        "parts\n"
        "of an item. Several lists behind `:::` give all combinations. Without `:::` items come\n"
        "from stdin, one a line, kept as they are; they start while more are read. Exit status 0,\n"
        "or 123 when an item failed: stderr says which and why. When `future` is stopped the map\n"
        "is stopped as well, unless it is detached.\n\n"
        "  -a, --arg-file FILE    read the items there\n"
        "  -0, --null             items end with NUL, as from find -print0\n"
        "      --jsonl            items are JSON, one a line: text, numbers, arrays of parts, or\n"
        "                         objects, of which {name} is a member\n"
        "  -j, --jobs N           at most N items at once; 0, as without it, leaves it to the "
        "pool\n"
        "  -k, --keep-order       outputs in input order, as without it\n"
        "      --no-order         outputs as the items end; each one's stays together\n"
        "      --tag              each line of output behind its item and a tab\n"
        "      --halt WHEN        never, or now or soon with what is counted: now,fail=1 ends all\n"
        "                         that runs, soon,fail=3 starts no more; also success= and done=;\n"
        "                         10% counts when it is known how many items there are\n"
        "      --retries N        N attempts in all (--retry N: N more)\n"
        "      --joblog FILE      log the jobs as parallel does\n"
        "      --resume           go on with --joblog FILE: leave out what is in it\n"
        "      --resume-failed    the same, but run again what failed\n"
        "      --bar, --no-bar    progress with rate and time left; as it is on a terminal\n"
        "  -d, --detach           print the map's id, feed it and leave; see `future follow`. "
        "With\n"
        "                         -j, --halt or --joblog a `future` stays with it, out of sight\n"
        "      --fn FUNCTION      call this with each item as the argument `item`, instead of a\n"
        "                         command; results are printed as JSON, one a line\n"
        "      --args JSON        its other arguments\n"
        "      --keep             keep results in the daemon, also those that were written\n"
        "      --fail-fast        the first failure cancels the items that wait\n"
        "  -n, --dry-run          print the commands, and run none\n"
        "      --json             one line of JSON an item: index, item, and the reply to "
        "`result`\n"
        "      --format TEMPLATE  with --detach: the line with the id, as '{id} "
        "{first}'\n" CALL_OPTIONS_HELP "\n"
        "  future map -- gzip -9 {} ::: *.log\n"
        "  find . -name '*.wav' | future map -j4 --bar -- flac -s {} -o {.}.flac\n"
        "  future map --fn digest ::: *.iso\n"
        "  future map --joblog log --resume -- ./fetch {1} {2} ::: a b ::: 1 2 3\n",
    .run = run,
};
