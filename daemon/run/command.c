#include "daemon/run/command.h"

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "daemon/core/runner.h"
#include "daemon/run/command_args.h"
#include "daemon/run/command_argv.h"
#include "daemon/run/command_env.h"
#include "daemon/run/command_result.h"
#include "daemon/run/command_watch.h"
#include "daemon/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct command {
    struct function function;
    struct command_env *env;
    uint64_t pipe_grace_ms;
    int null_fd; /* /dev/null for reading, shared by all jobs that have no stdin */
    uint64_t reset_signals;
    struct leftovers *leftovers;
    struct cgroups *cgroups;
    struct process_limit open_files;
    bool sets_open_files;
    _Atomic uint64_t output_total_bytes;
};

/* One job: all that has to be given back at its end. */
struct job {
    const struct command *command;
    struct call *call;
    struct command_args args;
    struct command_item item;
    char **argv;
    char **envp;
    int child_stdin, child_stdout, child_stderr; /* closed once the child has them */
    struct command_watch watch;
};

static int command_check_args(const struct function *function, const char *text, size_t bytes,
                              bool is_map, struct check_error *ret_error)
{
    struct command_args args;
    int r = command_args_parse(text, bytes, &args, ret_error);

    (void)function;
    (void)is_map;
    if (r == 0)
        command_args_clear(&args);
    return r;
}

static int command_check_item(const struct function *function, const char *text, size_t bytes,
                              struct check_error *ret_error)
{
    struct command_item item;
    int r = command_item_parse(text, bytes, &item, ret_error);

    (void)function;
    if (r == 0)
        command_item_clear(&item);
    return r;
}

static void job_clear(struct job *job)
{
    fd_close(job->child_stdin);
    fd_close(job->child_stdout);
    fd_close(job->child_stderr);
    fd_close(job->watch.stdin_fd);
    fd_close(job->watch.stdout_fd);
    fd_close(job->watch.stderr_fd);
    free(job->argv);
    free(job->envp);
    command_item_clear(&job->item);
    command_args_clear(&job->args);
}

/* There is room for it: a resource is named once at most. */
static void set_open_files(const struct command *command, struct command_args *args)
{
    for (size_t i = 0; i < args->limit_count; i++) {
        if (args->limits[i].resource == RLIMIT_NOFILE)
            return;
    }
    if (command->sets_open_files)
        args->limits[args->limit_count++] = command->open_files;
}

/* Reads the call; sets the outcome where that fails. */
static int job_prepare(struct job *job)
{
    struct call *call = job->call;
    struct check_error error;
    size_t args_bytes, item_bytes;
    const char *args = call_args(call, &args_bytes);
    const char *item = call_item(call, &item_bytes);
    int r = command_args_parse(args, args_bytes, &job->args, &error);

    if (r == 0 && item)
        r = command_item_parse(item, item_bytes, &job->item, &error);
    if (r == -EINVAL) {
        outcome_set_exception(call_outcome(call), "InvalidArguments", error.message, NULL, 0);
        return r;
    }
    if (r == 0)
        set_open_files(job->command, &job->args);
    if (r == 0)
        r = command_argv_build(job->args.argv, &job->item, &job->argv);
    if (r == -E2BIG) {
        command_result_spawn_error(call_outcome(call), E2BIG, process_step_name(PROCESS_STEP_EXEC),
                                   json_string_value(json_array_get(job->args.argv, 0)));
        return r;
    }
    if (r == 0)
        r = command_env_build(job->command->env, &job->args, call_id(call), call_attempt(call),
                              &job->envp);
    job->watch.output = call_output(call);
    if (r < 0 || !job->watch.output) {
        command_result_no_memory(call_outcome(call));
        return -ENOMEM;
    }
    return 0;
}

static int job_open_pipes(struct job *job)
{
    struct command_watch *watch = &job->watch;
    int r = 0;

    if (job->args.has_stdin) {
        r = fd_pipe(&job->child_stdin, &watch->stdin_fd);
        if (r == 0)
            r = fd_set_nonblocking(watch->stdin_fd);
    }
    if (r == 0)
        r = fd_pipe(&watch->stdout_fd, &job->child_stdout);
    if (r == 0 && !job->args.merge_stderr)
        r = fd_pipe(&watch->stderr_fd, &job->child_stderr);
    return r;
}

static int job_spawn(struct job *job, enum process_step *ret_failed_step)
{
    const struct command *command = job->command;
    const struct command_args *args = &job->args;
    struct process_spec spec = {
        .argv = job->argv,
        .envp = job->envp,
        .cwd = args->cwd,
        .stdio = {args->has_stdin ? job->child_stdin : command->null_fd, job->child_stdout,
                  args->merge_stderr ? job->child_stdout : job->child_stderr},
        .limits = args->limits,
        .limit_count = args->limit_count,
        .set_nice = args->set_nice,
        .nice = args->nice,
        .reset_signals = command->reset_signals,
        .leftovers = command->leftovers,
        .cgroups = command->cgroups,
    };

    return process_spawn(&spec, &job->watch.process, ret_failed_step);
}

/* Starts the process; sets the outcome where that fails. */
static int job_start(struct job *job)
{
    struct outcome *outcome = call_outcome(job->call);
    enum process_step step;
    int r = job_open_pipes(job);

    if (r < 0) {
        command_result_spawn_error(outcome, -r, "pipe", job->argv[0]);
        return r;
    }
    job->watch.start_ns = clock_mono_ns();
    r = job_spawn(job, &step);
    if (r < 0) {
        command_result_spawn_error(outcome, -r, process_step_name(step),
                                   step == PROCESS_STEP_CHDIR ? job->args.cwd : job->argv[0]);
        return r;
    }
    call_set_pid(job->call, job->watch.process.pid);
    job->child_stdin = fd_close(job->child_stdin);
    job->child_stdout = fd_close(job->child_stdout);
    job->child_stderr = fd_close(job->child_stderr);
    return 0;
}

/* What a job leaves behind may be meant to stay, or may not: somebody is to know. */
static void name_left(const struct job *job, const struct command_end *end)
{
    struct log_subject subject = {.future = call_id(job->call), .fn = "exec"};

    if (end->status.cgroup.left)
        log_about(&subject, LOG_LEVEL_WARNING, "future %" PRIu64 " (exec) has left behind: %s",
                  subject.future, end->status.cgroup.names);
    if (end->escaped[0] != '\0')
        log_about(&subject, LOG_LEVEL_WARNING,
                  "future %" PRIu64 " (exec) was ended, and these have escaped: %s", subject.future,
                  end->escaped);
}

static void command_run(const struct function *function, struct call *call)
{
    const struct command *command = function->state;
    struct command_end end;
    struct job job = {
        .command = command,
        .call = call,
        .child_stdin = -1,
        .child_stdout = -1,
        .child_stderr = -1,
        .watch = {.call = call,
                  .stdin_fd = -1,
                  .stdout_fd = -1,
                  .stderr_fd = -1,
                  .pipe_grace_ms = command->pipe_grace_ms,
                  .output_total_bytes = command->output_total_bytes},
    };

    if (job_prepare(&job) == 0 && job_start(&job) == 0) {
        int r;

        job.watch.stdin_data = job.args.stdin_data;
        job.watch.envp = job.envp;
        job.watch.stdin_bytes = job.args.stdin_bytes;
        r = command_watch_run(&job.watch, &end);
        if (r < 0)
            command_result_spawn_error(call_outcome(call), -r, "wait", job.argv[0]);
        else
            command_result_ended(&job.watch, &end, job.args.check);
        if (r == 0)
            name_left(&job, &end);
    }
    job_clear(&job);
}

static const struct function_ops command_ops = {
    .kind = "command",
    .check_args = command_check_args,
    .check_item = command_check_item,
    .run = command_run,
    .streams_in_result = true,
    .command_line = "argv",
};

int command_function_new(const struct command_settings *settings, struct function **ret_function)
{
    struct command *command = calloc(1, sizeof(*command));
    int r;

    if (!command)
        return -ENOMEM;
    command->function = (struct function){
        .name = "exec",
        .doc = "Runs a command: argv, without a shell",
        .ops = &command_ops,
        .state = command,
    };
    command->output_total_bytes = UINT64_MAX;
    command->pipe_grace_ms = settings->pipe_grace_ms;
    command->reset_signals = process_signals_to_reset();
    command->leftovers = settings->leftovers;
    command->cgroups = settings->cgroups;
    command->sets_open_files = settings->open_files != NULL;
    if (settings->open_files)
        command->open_files = (struct process_limit){RLIMIT_NOFILE, *settings->open_files};
    command->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (command->null_fd < 0) {
        r = -errno;
        goto fail;
    }
    r = command_env_new(settings->environment, settings->socket_path, &command->env);
    if (r < 0)
        goto fail;
    *ret_function = &command->function;
    return 0;

fail:
    command_function_free(&command->function);
    return r;
}

void command_function_limit(struct function *function, uint64_t output_total_bytes)
{
    struct command *command = function->state;

    command->output_total_bytes = output_total_bytes;
}

void command_function_free(struct function *function)
{
    struct command *command;

    if (!function)
        return;
    command = function->state;
    fd_close(command->null_fd);
    command_env_free(command->env);
    free(command);
}
