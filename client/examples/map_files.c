/* map_files FILE...: the checksum of every file, in the order of the files, computed in parallel.
 * All results are asked for at once, and come in any order.
 *
 *     cc map_files.c $(pkg-config --cflags --libs future) -o map_files */
#include <stdio.h>
#include <stdlib.h>
#include <future.h>

/* One request for each item; their replies carry the numbers of the requests, which rise by one. */
static int ask_for_all(struct future_client *client, uint64_t first, size_t count,
                       uint64_t *ret_request)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t request;
        int r = future_send_result(client, first + i, -1, &request);

        if (r < 0)
            return r;
        if (i == 0)
            *ret_request = request;
    }
    return 0;
}

static int take_all(struct future_client *client, uint64_t request, size_t count,
                    struct future_outcome **outcomes)
{
    for (size_t taken = 0; taken < count; taken++) {
        struct future_message *message;
        int r = future_receive(client, -1, &message);

        if (r == 0) {
            r = future_read_outcome(message, &outcomes[message->request_id - request]);
            future_message_free(message);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* Returns how many have failed. */
static int show_all(char **files, size_t count, struct future_outcome **outcomes)
{
    int failures = 0;

    for (size_t i = 0; i < count; i++) {
        const struct future_outcome *outcome = outcomes[i];

        if (outcome && outcome->exec && outcome->kind == FUTURE_RETURNED) {
            fwrite(outcome->exec->out.data, 1, outcome->exec->out.size, stdout);
            continue;
        }
        fprintf(stderr, "%s: %s\n", files[i],
                outcome && outcome->exception ? outcome->exception->message : "cancelled");
        failures++;
    }
    return failures;
}

static int map(struct future_client *client, char **files, size_t count,
               struct future_outcome **outcomes)
{
    static const char *const argv[] = {"sha256sum", "{}", NULL};
    struct future_job job = {.size = sizeof(job), .argv = argv};
    struct future_items items = {
        .size = sizeof(items), .texts = (const char *const *)files, .count = count};
    uint64_t id, first, request = 0;
    int r = future_map(client, &job, &items, -1, &id, &first);

    if (r == 0)
        r = ask_for_all(client, first, count, &request);
    if (r == 0)
        r = take_all(client, request, count, outcomes);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", future_failure_text(r), future_last_error(client)->message);
        return EXIT_FAILURE;
    }
    return show_all(files, count, outcomes) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    size_t count = (size_t)argc - 1;
    struct future_outcome **outcomes = calloc(count + 1, sizeof(struct future_outcome *));
    struct future_client *client;
    int r, status = EXIT_FAILURE;

    if (!outcomes)
        return EXIT_FAILURE;
    r = future_connect(NULL, 10000, &client);
    if (r < 0) {
        fprintf(stderr, "no daemon: %s\n", future_failure_text(r));
    } else {
        status = map(client, argv + 1, count, outcomes);
        future_close(client);
    }
    for (size_t i = 0; i < count; i++)
        future_outcome_free(outcomes[i]);
    free(outcomes);
    return status;
}
