/* as_completed COMMAND...: runs each command line in a shell, all at the same time, and tells of
 * each when it is done, the quickest first.
 *
 *     cc as_completed.c $(pkg-config --cflags --libs future) -o as_completed */
#include <stdio.h>
#include <stdlib.h>
#include <future.h>

static int submit_all(struct future_client *client, char **lines, size_t count,
                      struct future_span *ret_spans)
{
    for (size_t i = 0; i < count; i++) {
        const char *argv[] = {"sh", "-c", lines[i], NULL};
        struct future_job job = {.size = sizeof(job), .argv = argv, .label = lines[i]};
        uint64_t id;
        int r = future_submit(client, &job, -1, &id);

        if (r < 0)
            return r;
        ret_spans[i] = (struct future_span){id, id};
    }
    return 0;
}

static int show(struct future_client *client, const struct future_info *info)
{
    struct future_outcome *outcome;
    int r = future_exception(client, info->id, -1, &outcome);

    if (r < 0)
        return r;
    printf("%s: %s\n", info->label,
           outcome->kind == FUTURE_RAISED ? outcome->exception->message : "done");
    fflush(stdout);
    future_outcome_free(outcome);
    return 0;
}

static int follow(struct future_client *client, const struct future_span *spans, size_t count)
{
    struct future_completed *completed;
    struct future_info *info;
    int r = future_as_completed(client, spans, count, -1, &completed);

    if (r < 0)
        return r;
    while ((r = future_completed_next(completed, -1, &info)) == 1) {
        r = show(client, info);
        future_info_free(info);
        if (r < 0)
            break;
    }
    future_completed_free(completed);
    return r;
}

int main(int argc, char **argv)
{
    size_t count = (size_t)argc - 1;
    struct future_span *spans = calloc(count + 1, sizeof(*spans));
    struct future_client *client;
    int r;

    if (!spans)
        return EXIT_FAILURE;
    r = future_connect(NULL, 10000, &client);
    if (r == 0) {
        r = submit_all(client, argv + 1, count, spans);
        if (r == 0)
            r = follow(client, spans, count);
        if (r < 0)
            fprintf(stderr, "%s\n", future_last_error(client)->message);
        future_close(client);
    } else {
        fprintf(stderr, "no daemon: %s\n", future_failure_text(r));
    }
    free(spans);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
