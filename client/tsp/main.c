/* future-tsp: Task Spooler's command line over futured. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/parse.h"
#include "client/cli/standard_fds.h"
#include "client/tsp/tsp.h"
#include "proto/version.h"

static const char help[] =
    "usage: tsp [action] [-nfd] [-L <lab>] [-D <id>] [cmd...]\n"
    "Task Spooler's command line; the jobs run in the pool `" TSP_POOL "' of futured.\n"
    "Env vars:\n"
    "  TS_SOCKET  the path to the daemon's socket; else FUTURE_SOCKET, else the default.\n"
    "  TS_SLOTS   amount of jobs which can run at once, read when the pool is made.\n"
    "Actions:\n"
    "  -K       end all jobs of the queue, and the daemon where it has no other work\n"
    "  -C       clear the list of finished jobs\n"
    "  -l       show the job list (default action)\n"
    "  -S [num] get/set the number of max simultaneous jobs\n"
    "  -t [id]  \"tail -n 10 -f\" the output of the job. Last run if not specified.\n"
    "  -c [id]  like -t, but shows all the lines. Last run if not specified.\n"
    "  -p [id]  show the pid of a running job. Last run if not specified.\n"
    "  -i [id]  show job information. Of last job run, if not specified.\n"
    "  -s [id]  show the job state. Of the last added, if not specified.\n"
    "  -r [id]  remove a job. The last added, if not specified.\n"
    "  -w [id]  wait for a job. The last added, if not specified.\n"
    "  -k [id]  send SIGTERM to the job process group. The last run, if not specified.\n"
    "  -u [id]  put that job first. The last added, if not specified.\n"
    "  -U <id-id>  swap two jobs in the queue.\n"
    "  -h       show this help\n"
    "  -V       show the program version\n"
    "Options adding jobs:\n"
    "  -n       don't store the output of the command.\n"
    "  -f       don't fork into background.\n"
    "  -d       the job will be run only if the job before ends well\n"
    "  -D <id>  the job will be run only if the job of given id ends well.\n"
    "  -L <lab> name this task with a label, to be distinguished on listing.";

struct action_option {
    char letter;
    enum tsp_action action;
};

static const struct action_option action_options[] = {
    {'l', TSP_LIST},  {'t', TSP_TAIL},   {'c', TSP_CAT},   {'p', TSP_PID},  {'i', TSP_INFO},
    {'s', TSP_STATE}, {'r', TSP_REMOVE}, {'w', TSP_WAIT},  {'k', TSP_KILL}, {'u', TSP_URGE},
    {'U', TSP_SWAP},  {'S', TSP_SLOTS},  {'C', TSP_CLEAR}, {'K', TSP_STOP}};

static const struct action_option *find_action(int letter)
{
    for (size_t i = 0; i < sizeof(action_options) / sizeof(action_options[0]); i++)
        if (action_options[i].letter == letter)
            return &action_options[i];
    return NULL;
}

/* Returns why an option of Task Spooler is not there; NULL for what is none of its options. */
static const char *why_not(int letter)
{
    switch (letter) {
    case 'o':
        return "the daemon keeps the output, in no file: use -c or -t";
    case 'g':
        return "the daemon keeps the output as it is; let the command compress it";
    case 'E':
        return "the two streams are stored as one, or with -n not at all";
    case 'm':
        return "futured sends no mail (TS_MAILTO); let the command do it";
    case 'B':
        return "a full queue makes tsp wait";
    case 'N':
        return "every job takes one slot";
    default:
        return NULL;
    }
}

/* Mistakes of usage have no "tsp:" before them with Task Spooler. */
static int fail_usage(const char *text)
{
    fprintf(stderr, "%s\n", text);
    return TSP_FAILED;
}

static int fail_unknown(int letter)
{
    if (why_not(letter))
        return tsp_fail("-%c is not supported: %s", letter, why_not(letter));
    fprintf(stderr, "Wrong option %c.\n", letter);
    return TSP_FAILED;
}

/* 7-9 */
static int take_pair(struct tsp *tsp, const char *text)
{
    char *end;

    tsp->number = strtoull(text, &end, 10);
    if (end > text && *end == '-' && parse_uint(end + 1, &tsp->other) == 0 && text[0] != '-')
        return tsp->number == tsp->other ? fail_usage("Wrong <id-id> for -U. Use different ids.")
                                         : 0;
    return fail_usage("Wrong <id-id> for -U.");
}

/* The id, or the slots, that an action was given. */
static int take_number(struct tsp *tsp, const char *text)
{
    if (tsp->action == TSP_SWAP)
        return take_pair(tsp, text);
    if (parse_uint(text, &tsp->number) < 0) {
        if (tsp->action != TSP_SLOTS)
            return tsp_fail("%s is no job id", text);
        tsp->number = 0;
    }
    tsp->has_number = true;
    return 0;
}

static int take_option(struct tsp *tsp, int option, const char *value)
{
    const struct action_option *found = find_action(option);

    if (found) {
        tsp->action = found->action;
        tsp->has_number = false;
        return value ? take_number(tsp, value) : 0;
    }
    switch (option) {
    case 'n':
        tsp->unstored = true;
        return 0;
    case 'f':
        tsp->foreground = true;
        return 0;
    case 'd':
        tsp->after_last = true;
        return 0;
    case 'D':
        tsp->has_after = true;
        if (parse_uint(value, &tsp->after) == 0 && tsp->after > 0)
            return 0;
        return tsp_fail("%s is no job id", value);
    case 'L':
        tsp->label = value;
        return 0;
    default:
        return fail_unknown(option);
    }
}

/* Returns -1 where the program shall go on, else the exit status. */
static int read_options(struct tsp *tsp, int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "+:nfdD:L:lt:c:p:i:s:r:w:k:u:S:CKhVo:gEmBN:U:")) != -1) {
        int status;

        if (option == 'h' || option == 'V') {
            puts(option == 'h' ? help
                               : "future-tsp " FUTURED_VERSION
                                 ", with the command line of Task Spooler 1.0");
            return 0;
        }
        /* The value of an action may be left out, at the end of the line, but for a swap. */
        if (option == ':' && (optopt == 'U' || (!find_action(optopt) && !why_not(optopt)))) {
            fprintf(stderr, "Option %c missing argument.\n", optopt);
            return TSP_FAILED;
        }
        if (option == ':' || option == '?')
            status = take_option(tsp, optopt, NULL);
        else
            status = take_option(tsp, option, optarg);
        if (status != 0)
            return status;
    }
    if (tsp->action == TSP_SLOTS && tsp->has_number && tsp->number == 0)
        return fail_usage("You should set at minimum 1 slot.");
    tsp->argv = argv + optind;
    if (tsp->action == TSP_LIST && optind < argc)
        tsp->action = TSP_ADD;
    return -1;
}

static int act(struct tsp *tsp)
{
    switch (tsp->action) {
    case TSP_ADD:
        return tsp_add(tsp);
    case TSP_LIST:
        return tsp_list(tsp);
    case TSP_TAIL:
        return tsp_tail(tsp);
    case TSP_CAT:
        return tsp_cat(tsp);
    case TSP_PID:
        return tsp_pid(tsp);
    case TSP_INFO:
        return tsp_info(tsp);
    case TSP_STATE:
        return tsp_state(tsp);
    case TSP_REMOVE:
        return tsp_remove(tsp);
    case TSP_WAIT:
        return tsp_wait(tsp);
    case TSP_KILL:
        return tsp_kill(tsp);
    case TSP_URGE:
        return tsp_urge(tsp);
    case TSP_SLOTS:
        return tsp_slots(tsp);
    case TSP_SWAP:
        return tsp_swap(tsp);
    case TSP_CLEAR:
        return tsp_clear(tsp);
    case TSP_STOP:
        return tsp_stop(tsp);
    }
    return TSP_FAILED;
}

int main(int argc, char **argv)
{
    struct tsp tsp = {.action = TSP_LIST};
    int r = standard_fds_fill();
    int status = r < 0 ? tsp_fail("/dev/null: %s", strerror(-r)) : read_options(&tsp, argc, argv);

    if (status < 0) {
        status = tsp_connect(&tsp);
        if (status == 0)
            status = act(&tsp);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        status = tsp_fail("writing to stdout: %s", strerror(errno));
    future_close(tsp.client);
    return status;
}
