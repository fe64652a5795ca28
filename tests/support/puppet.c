/* A handler that does what the test asks for: argv[1] and the member `do` of each request's params
 * are lists of actions, as [["stderr","x"],["exit",3]]. A request that no action has answered is
 * answered at the end with what the process knows:
 *     {"pid","tasks" (calls so far, this one included),"init" (its params or null),"id","method",
 *      "params","handler" (FUTURE_HANDLER),"fds" (the open ones),"cwd"}
 * It is built without sanitizers, so that it starts fast and can be given a limit of memory. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct puppet {
    json_t *request; /* NULL: none yet */
    json_t *init;
    json_int_t tasks;
    bool answered;
};

typedef void action_fn(struct puppet *puppet, json_t *action);

static const char *text_at(json_t *action, size_t index)
{
    const char *text = json_string_value(json_array_get(action, index));

    return text ? text : "";
}

static json_int_t number_at(json_t *action, size_t index)
{
    return json_integer_value(json_array_get(action, index));
}

/* Takes ownership of the value. */
static void say(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    puts(text);
    fflush(stdout);
    free(text);
    json_decref(value);
}

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    dprintf(fd, "%s\n", text);
    close(fd);
}

static void answer_as(struct puppet *puppet, json_t *id)
{
    char cwd[4096];
    const char *handler = getenv("FUTURE_HANDLER");
    json_t *fds = json_array();
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
            json_array_append_new(fds, json_integer(atoi(entry->d_name)));
    }
    closedir(directory);
    say(json_pack("{s:s, s:O, s:{s:i, s:I, s:O?, s:O, s:O, s:O, s:s?, s:o, s:s}}", "jsonrpc", "2.0",
                  "id", id, "result", "pid", (int)getpid(), "tasks", puppet->tasks, "init",
                  puppet->init, "id", json_object_get(puppet->request, "id"), "method",
                  json_object_get(puppet->request, "method"), "params",
                  json_object_get(puppet->request, "params"), "handler", handler, "fds", fds, "cwd",
                  getcwd(cwd, sizeof(cwd))));
    puppet->answered = true;
}

/* ---- actions ---- */

static void do_stderr(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    dprintf(STDERR_FILENO, "%s\n", text_at(action, 1));
}

/* A line as it is given. */
static void do_line(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    puts(text_at(action, 1));
    fflush(stdout);
}

/* The same, so many times. */
static void do_lines(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    for (json_int_t i = number_at(action, 1); i > 0; i--)
        puts(text_at(action, 2));
    fflush(stdout);
}

/* A line of so many bytes. */
static void do_big(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    for (json_int_t i = number_at(action, 1); i > 0; i--)
        putchar('x');
    putchar('\n');
    fflush(stdout);
}

static void do_progress(struct puppet *puppet, json_t *action)
{
    say(json_pack("{s:s, s:s, s:{s:O, s:O}}", "jsonrpc", "2.0", "method", "progress", "params",
                  "id", json_object_get(puppet->request, "id"), "value",
                  json_array_get(action, 1)));
}

static void do_log(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    say(json_pack("{s:s, s:s, s:{s:s, s:s}}", "jsonrpc", "2.0", "method", "log", "params", "level",
                  text_at(action, 1), "message", text_at(action, 2)));
}

/* Answers at once, and goes on. */
static void do_answer(struct puppet *puppet, json_t *action)
{
    (void)action;
    answer_as(puppet, json_object_get(puppet->request, "id"));
}

static void do_answer_as(struct puppet *puppet, json_t *action)
{
    answer_as(puppet, json_array_get(action, 1));
}

/* The `error` of the answer. */
static void do_error(struct puppet *puppet, json_t *action)
{
    say(json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", json_object_get(puppet->request, "id"),
                  "error", json_array_get(action, 1)));
    puppet->answered = true;
}

static void do_exit(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    _exit((int)number_at(action, 1));
}

static void do_kill(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    raise((int)number_at(action, 1));
}

static void do_ignore(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    signal((int)number_at(action, 1), SIG_IGN);
}

static void do_close(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    close((int)number_at(action, 1));
}

/* Waits until somebody has opened the FIFO for writing and closed it. */
static void do_wait(struct puppet *puppet, json_t *action)
{
    char byte;
    int fd = open(text_at(action, 1), O_RDONLY | O_CLOEXEC);

    (void)puppet;
    while (read(fd, &byte, 1) > 0) {
    }
    close(fd);
}

static void do_hang(struct puppet *puppet, json_t *action)
{
    (void)puppet;
    (void)action;
    for (;;)
        pause();
}

/* A child that never ends by itself, and whose pid is appended to the file. */
static void do_child(struct puppet *puppet, json_t *action)
{
    char text[32];
    pid_t pid = fork();

    if (pid == 0)
        do_hang(puppet, action);
    snprintf(text, sizeof(text), "%d", (int)pid);
    append(text_at(action, 1), text);
}

/* Appends the time, in ns of CLOCK_MONOTONIC. */
static void do_stamp(struct puppet *puppet, json_t *action)
{
    struct timespec now;
    char text[32];

    (void)puppet;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "%lld", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    append(text_at(action, 1), text);
}

static void do_allocate(struct puppet *puppet, json_t *action)
{
    size_t size = (size_t)number_at(action, 1);
    char *memory = malloc(size);
    json_t *error;

    if (memory) {
        memset(memory, 1, size);
        free(memory);
        return;
    }
    error = json_pack("[s, {s:i, s:s, s:{s:s}}]", "error", "code", 1, "message", "no memory",
                      "data", "type", "MemoryError");
    do_error(puppet, error);
    json_decref(error);
}

/* Once in so many times on average: appends the request's id to the file, and kills itself. */
static void do_dice(struct puppet *puppet, json_t *action)
{
    uint32_t random = 0;
    char text[32];

    if (getrandom(&random, sizeof(random), 0) < 0 || random % number_at(action, 1) != 0)
        return;
    snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(puppet->request, "id")));
    append(text_at(action, 2), text);
    raise(SIGKILL);
}

static const struct {
    const char *name;
    action_fn *fn;
} actions[] = {
    {"stderr", do_stderr},     {"line", do_line},           {"lines", do_lines},
    {"big", do_big},           {"progress", do_progress},   {"log", do_log},
    {"answer", do_answer},     {"answer_as", do_answer_as}, {"error", do_error},
    {"exit", do_exit},         {"kill", do_kill},           {"ignore", do_ignore},
    {"close", do_close},       {"wait", do_wait},           {"hang", do_hang},
    {"child", do_child},       {"stamp", do_stamp},         {"dice", do_dice},
    {"allocate", do_allocate},
};

static void act(struct puppet *puppet, json_t *list)
{
    json_t *action;
    size_t i;

    json_array_foreach (list, i, action) {
        bool known = false;

        for (size_t k = 0; k < sizeof(actions) / sizeof(*actions); k++) {
            if (strcmp(actions[k].name, text_at(action, 0)) != 0)
                continue;
            actions[k].fn(puppet, action);
            known = true;
        }
        if (!known) {
            fprintf(stderr, "puppet: there is no action \"%s\"\n", text_at(action, 0));
            exit(99);
        }
    }
}

static void serve(struct puppet *puppet, const char *line)
{
    json_t *params;

    puppet->request = json_loads(line, 0, NULL);
    puppet->answered = false;
    params = json_object_get(puppet->request, "params");
    if (strcmp(json_string_value(json_object_get(puppet->request, "method")), "init") == 0)
        puppet->init = json_incref(params);
    else
        puppet->tasks++;
    act(puppet, json_object_get(params, "do"));
    if (!puppet->answered)
        answer_as(puppet, json_object_get(puppet->request, "id"));
    json_decref(puppet->request);
    puppet->request = NULL;
}

int main(int argc, char **argv)
{
    struct puppet puppet = {0};
    char *line = NULL;
    size_t room = 0;

    if (argc > 1) {
        json_t *list = json_loads(argv[1], 0, NULL);

        act(&puppet, list);
        json_decref(list);
    }
    while (getline(&line, &room, stdin) > 0)
        serve(&puppet, line);
    free(line);
    json_decref(puppet.init);
    return 0;
}
