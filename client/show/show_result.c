#include "client/show/show_result.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/show/outcome.h"

struct replies {
    struct future_message *status, *result;
};

static int send_both(struct cli *cli, uint64_t id, int64_t timeout_us, uint64_t *ret_status_request,
                     uint64_t *ret_result_request)
{
    struct writer params = {0};
    int status;

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, id);
    writer_end_object(&params);
    status = cli_send(cli, "status", &params, ret_status_request);
    if (status != 0)
        return status;
    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, id);
    if (timeout_us != SHOW_RESULT_FOREVER) {
        writer_key(&params, "timeout");
        writer_seconds(&params, timeout_us);
    }
    writer_end_object(&params);
    return cli_send(cli, "result", &params, ret_result_request);
}

/* The reply to `result` does not name the function: so `status` is asked as well, on the way. */
static int ask(struct cli *cli, uint64_t id, int64_t timeout_us, struct replies *ret_replies)
{
    uint64_t status_request, result_request;
    int status = send_both(cli, id, timeout_us, &status_request, &result_request);

    while (status == 0 && (!ret_replies->status || !ret_replies->result)) {
        struct future_message *message;
        struct future_message **place;

        status = cli_receive(cli, &message);
        if (status != 0)
            break;
        place = message->request_id == status_request ? &ret_replies->status : &ret_replies->result;
        if (message->kind == FUTURE_NOTIFICATION || *place ||
            (place == &ret_replies->result && message->request_id != result_request))
            future_message_free(message);
        else
            *place = message;
    }
    return status;
}

static void tell_exception(const struct cli *cli, const json_t *reply, bool is_exec)
{
    const char *type = cli_string(json_object_get(reply, "exception"), "type", "");
    char text[512];

    if (!json_object_get(reply, "exception")) {
        cli_warn(cli, "future %llu was cancelled", (unsigned long long)cli_uint(reply, "id"));
        return;
    }
    /* A command that ended with a status has told its reasons itself. */
    if (is_exec && strcmp(type, "ExitStatus") == 0)
        return;
    outcome_describe(reply, text, sizeof(text));
    fflush(stdout);
    fprintf(stderr, "%s\n", text);
}

int show_outcome(struct cli *cli, const json_t *future, const struct future_message *message,
                 bool streams)
{
    const json_t *reply = message->result;
    bool is_exec =
        strcmp(cli_string(future, "fn", ""), "exec") == 0 && !json_object_get(future, "map");
    int r = 0;

    if (streams && cli_print_for_machine(cli, message, NULL))
        return outcome_exit_status(reply, is_exec);
    if (is_exec) {
        if (streams)
            r = outcome_write_streams(reply, outcome_sink_own, NULL);
        if (r < 0)
            return cli_fail_errno(cli, r, "writing the output");
        if (outcome_truncated(reply))
            cli_warn(cli, "the output of future %llu was longer than the daemon keeps",
                     (unsigned long long)cli_uint(reply, "id"));
    } else if (!outcome_failed(reply)) {
        cli_print_json(json_object_get(reply, "result"));
    }
    if (outcome_failed(reply))
        tell_exception(cli, reply, is_exec);
    return outcome_exit_status(reply, is_exec);
}

int show_result(struct cli *cli, uint64_t id, int64_t timeout_us)
{
    struct replies replies = {0};
    int status = ask(cli, id, timeout_us, &replies);

    if (status == 0 && replies.result->kind == FUTURE_ERROR)
        status = cli_tell_error(cli, replies.result);
    else if (status == 0)
        status = show_outcome(cli, replies.status->result, replies.result, true);
    future_message_free(replies.status);
    future_message_free(replies.result);
    return status;
}

bool show_result_arguments(struct cli *cli, int argc, char **argv, struct id_spans *ret_ids,
                           int64_t *ret_timeout_us, int *ret_status)
{
    static const struct option longs[] = {
        {"timeout", required_argument, NULL, 't'}, CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    int option;

    *ret_timeout_us = SHOW_RESULT_FOREVER;
    while ((option = cli_getopt(cli, argc, argv, ":ht:", longs)) != -1) {
        *ret_status = option == 't' ? cli_duration(cli, "timeout", optarg, ret_timeout_us)
                                    : cli_stop(cli, option);
        if (option != 't' || *ret_status != 0)
            return false;
    }
    *ret_status = cli_ids(cli, argc, argv, NULL, ret_ids);
    return *ret_status == 0;
}
