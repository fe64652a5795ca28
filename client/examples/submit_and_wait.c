/* submit_and_wait COMMAND [ARGUMENT...]: runs the command in the daemon, writes what it printed,
 * and exits as it did.
 *
 *     cc submit_and_wait.c $(pkg-config --cflags --libs future) -o submit_and_wait */
#include <stdio.h>
#include <stdlib.h>
#include <future.h>

static int fail(const struct future_client *client, const char *what)
{
    const struct future_error *error = future_last_error(client);

    fprintf(stderr, "%s: %s\n", what, error->message);
    return 125;
}

static int show(const struct future_outcome *outcome)
{
    if (outcome->exec) {
        fwrite(outcome->exec->out.data, 1, outcome->exec->out.size, stdout);
        fwrite(outcome->exec->err.data, 1, outcome->exec->err.size, stderr);
    }
    switch (outcome->kind) {
    case FUTURE_RETURNED:
        return EXIT_SUCCESS;
    case FUTURE_RAISED:
        fprintf(stderr, "%s: %s\n", outcome->exception->type, outcome->exception->message);
        if (!outcome->exec)
            return 125;
        return outcome->exec->signal ? 128 + outcome->exec->signal : outcome->exec->exit_code;
    case FUTURE_WAS_CANCELLED:
        fprintf(stderr, "cancelled\n");
        return 125;
    }
    return 125;
}

int main(int argc, char **argv)
{
    struct future_job job = {.size = sizeof(job), .argv = (const char *const *)argv + 1};
    struct future_client *client;
    struct future_outcome *outcome;
    uint64_t id;
    int r, status;

    if (argc < 2) {
        fprintf(stderr, "usage: submit_and_wait COMMAND [ARGUMENT...]\n");
        return 64;
    }
    r = future_connect(NULL, 10000, &client);
    if (r < 0) {
        fprintf(stderr, "no daemon: %s\n", future_failure_text(r));
        return 69;
    }
    if (future_submit(client, &job, 10000, &id) < 0) {
        status = fail(client, "submit");
    } else if (future_result(client, id, -1, &outcome) < 0) {
        status = fail(client, "result");
    } else {
        status = show(outcome);
        future_outcome_free(outcome);
    }
    future_close(client);
    return status;
}
