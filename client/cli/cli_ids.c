#include "client/cli/cli_ids.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

enum { PAGE = 10000, AFTER_MAX = 10000 };

/* ---- finding ---- */

static int ask_page(struct cli *cli, const struct id_filter *filter, uint64_t before,
                    uint64_t limit, struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    if (filter->states) {
        writer_key(&params, "state");
        cli_write_words(&params, filter->states, true);
    }
    if (filter->pool) {
        writer_key(&params, "pool");
        writer_cstring(&params, filter->pool);
    }
    if (filter->label) {
        writer_key(&params, "label");
        writer_cstring(&params, filter->label);
    }
    if (before > 0) {
        writer_key(&params, "before");
        writer_uint(&params, before);
    }
    writer_key(&params, filter->item_of > 0 ? "item_of" : "items");
    if (filter->item_of > 0)
        writer_uint(&params, filter->item_of);
    else
        writer_bool(&params, false);
    writer_key(&params, "limit");
    writer_uint(&params, limit);
    writer_end_object(&params);
    return cli_call(cli, "status", &params, ret_reply);
}

static bool passes(const struct id_filter *filter, const json_t *future)
{
    bool bad = json_is_true(json_object_get(future, "failed")) ||
               strcmp(cli_string(future, "state", ""), "CANCELLED") == 0;
    double finished = json_number_value(json_object_get(future, "finished"));

    if (filter->outcome != OUTCOME_ANY && bad != (filter->outcome == OUTCOME_BAD))
        return false;
    return filter->done_before <= 0 || (finished > 0 && finished < filter->done_before);
}

/* The page's ids, which fall, before those that are there already: oldest first in the end. */
static int add_page(const struct id_filter *filter, const json_t *futures, struct id_spans *found,
                    uint64_t *count)
{
    const json_t *future;
    size_t i;
    int r = 0;

    json_array_foreach (futures, i, future) {
        if (r < 0 || (filter->most > 0 && *count == filter->most))
            break;
        if (!passes(filter, future))
            continue;
        r = id_spans_add_below(found, cli_uint(future, "id"));
        ++*count;
    }
    return r;
}

int cli_find(struct cli *cli, const struct id_filter *filter, struct id_spans *ids)
{
    struct id_spans found = {0};
    uint64_t before = filter->before, count = 0;
    int status = 0, r = 0;

    do {
        struct future_message *reply;

        status = ask_page(cli, filter, before, PAGE, &reply);
        if (status != 0)
            break;
        r = add_page(filter, json_object_get(reply->result, "futures"), &found, &count);
        before = cli_uint(reply->result, "next");
        future_message_free(reply);
    } while (before > 0 && r == 0 && (filter->most == 0 || count < filter->most));
    for (size_t i = found.count; i-- > 0 && status == 0 && r == 0;)
        r = id_spans_append(ids, found.spans[i]);
    id_spans_clear(&found);
    return status == 0 && r < 0 ? cli_fail_errno(cli, r, "the ids") : status;
}

static int find_last(struct cli *cli, struct id_spans *ids)
{
    const struct id_filter any = {0};
    struct future_message *reply;
    int status = ask_page(cli, &any, 0, 1, &reply);
    struct id_span span;
    int r;

    if (status != 0)
        return status;
    span.first = cli_uint(json_array_get(json_object_get(reply->result, "futures"), 0), "id");
    span.last = span.first;
    future_message_free(reply);
    if (span.first == 0)
        return cli_fail(cli, "there is no last future: `future submit -- COMMAND` makes one");
    r = id_spans_append(ids, span);
    return r < 0 ? cli_fail_errno(cli, r, "the ids") : 0;
}

static int find_label(struct cli *cli, const char *label, const struct id_filter *filter,
                      struct id_spans *ids)
{
    struct id_filter labelled = filter ? *filter : (struct id_filter){0};
    size_t before = ids->count;
    int status;

    labelled.label = label;
    status = cli_find(cli, &labelled, ids);
    if (status == 0 && ids->count == before)
        status = cli_fail(cli, "no future%s%s has the label `%s`; `future status` lists them",
                          labelled.states ? " that is " : "",
                          !labelled.states                             ? ""
                          : strcmp(labelled.states, STATES_ALIVE) == 0 ? "pending or running"
                                                                       : "done",
                          label);
    return status;
}

/* ---- words ---- */

static bool is_word(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* One piece between commas: numbers, `last` or `all`. Only checks where `ids` is NULL. */
static int take_piece(struct cli *cli, const char *text, size_t size,
                      const struct id_filter *filter, struct id_spans *ids)
{
    const struct id_filter any = {0};
    struct id_spans ignored = {0};
    char *piece;
    int r;

    if (is_word(text, size, "last"))
        return ids ? find_last(cli, ids) : 0;
    if (is_word(text, size, "all"))
        return ids ? cli_find(cli, filter ? filter : &any, ids) : 0;
    piece = strndup(text, size);
    r = piece ? id_spans_add(ids ? ids : &ignored, piece) : -ENOMEM;
    free(piece);
    id_spans_clear(&ignored);
    return r == -ENOMEM ? cli_fail_errno(cli, r, "the ids") : r;
}

/* One word of the command line; a label goes on to its end. 0, an exit status, or -errno for what
 * is no id. */
static int take_word(struct cli *cli, const char *word, const struct id_filter *filter,
                     struct id_spans *ids)
{
    for (;;) {
        size_t size = strcspn(word, ",");
        int status;

        if (word[0] == '@' && word[1]) {
            if (!utf8_valid(word, strlen(word)))
                return -EINVAL;
            return ids ? find_label(cli, word + 1, filter, ids) : 0;
        }
        status = take_piece(cli, word, size, filter, ids);
        if (status != 0 || !word[size])
            return status;
        word += size + 1;
    }
}

int cli_ids_if_any(struct cli *cli, int argc, char **argv, const struct id_filter *filter,
                   struct id_spans *ret_ids, bool *ret_given)
{
    struct id_spans ids = {0};
    int status = 0;

    *ret_given = optind < argc;
    /* Mistakes are told before anything is asked. */
    for (int i = optind; i < argc && status == 0; i++) {
        status = take_word(cli, argv[i], filter, NULL);
        if (status < 0)
            return cli_bad_usage(cli, "`%s` is no id: write ids as 7, 7,9-12, last, all or @label",
                                 argv[i]);
    }
    for (int i = optind; i < argc && status == 0; i++)
        status = take_word(cli, argv[i], filter, &ids);
    if (status != 0)
        id_spans_clear(&ids);
    *ret_ids = ids;
    return status;
}

int cli_ids(struct cli *cli, int argc, char **argv, const struct id_filter *filter,
            struct id_spans *ret_ids)
{
    bool given;

    if (optind >= argc)
        return cli_bad_usage(cli, "which future? Give an id, as 7, 7,9-12, last, all or @label");
    return cli_ids_if_any(cli, argc, argv, filter, ret_ids, &given);
}

int cli_one_id(struct cli *cli, int argc, char **argv, uint64_t *ret_id)
{
    struct id_spans ids = {0};
    int status = cli_ids(cli, argc, argv, NULL, &ids);

    if (status != 0)
        return status;
    if (!ids.spans || !id_spans_single(&ids))
        status = cli_bad_usage(cli, "give one id");
    else
        *ret_id = ids.spans[0].first;
    id_spans_clear(&ids);
    return status;
}

int cli_option_id(struct cli *cli, const char *option, const char *value, uint64_t *ret_id)
{
    struct id_spans ids = {0};
    int status = value ? take_word(cli, value, NULL, &ids) : 0;

    if (status < 0 || (value && status == 0 && !id_spans_single(&ids)))
        status = cli_bad_usage(cli, "--%s %s: write one id, as 7 or last", option, value);
    if (status == 0)
        *ret_id = value ? ids.spans[0].first : 0;
    id_spans_clear(&ids);
    return status;
}

int cli_write_id(struct cli *cli, struct writer *params, const char *option, const char *member,
                 const char *value)
{
    uint64_t id;
    int status = cli_option_id(cli, option, value, &id);

    if (status == 0 && id > 0) {
        writer_key(params, member);
        writer_uint(params, id);
    }
    return status;
}

/* ---- --after ---- */

static int bad_after(struct cli *cli, const char *value)
{
    return cli_bad_usage(cli, "--after %s: write ids as 7 or 7,8:done,10-12,last or @label", value);
}

static void write_dependency(struct writer *params, uint64_t id, const char *on)
{
    if (!on) {
        writer_uint(params, id);
        return;
    }
    writer_begin_object(params);
    writer_key(params, "id");
    writer_uint(params, id);
    writer_key(params, "on");
    writer_cstring(params, on);
    writer_end_object(params);
}

/* The wire has no ranges here. */
static int write_dependencies(struct cli *cli, struct id_spans *ids, const char *on,
                              struct writer *params)
{
    if (id_spans_merge(ids) > AFTER_MAX)
        return cli_fail(cli, "--after: more than %d futures", AFTER_MAX);
    for (size_t i = 0; i < ids->count; i++)
        for (uint64_t id = ids->spans[i].first; id <= ids->spans[i].last; id++)
            write_dependency(params, id, on);
    return 0;
}

/* One piece between commas; a label goes on to the end. As take_word. */
static int take_after(struct cli *cli, const char *text, size_t size, struct writer *params)
{
    struct id_spans ids = {0};
    const char *on = parse_condition(text, &size);
    char *word = strndup(text, size);
    int status = word ? take_word(cli, word, NULL, params ? &ids : NULL) : -ENOMEM;

    if (status == 0 && params)
        status = write_dependencies(cli, &ids, on, params);
    id_spans_clear(&ids);
    free(word);
    return status;
}

int cli_after(struct cli *cli, const char *value, struct writer *params)
{
    const char *piece = value;
    int status;

    if (params)
        writer_begin_array(params);
    for (;;) {
        size_t size = piece[0] == '@' ? strlen(piece) : strcspn(piece, ",");

        status = take_after(cli, piece, size, params);
        if (status != 0 || !piece[size])
            break;
        piece += size + 1;
    }
    if (params)
        writer_end_array(params);
    return status < 0 ? bad_after(cli, value) : status;
}

/* ---- values ---- */

int cli_duration(struct cli *cli, const char *option, const char *value, int64_t *ret_us)
{
    if (parse_duration(value, ret_us) < 0)
        return cli_bad_usage(cli, "--%s %s: write a duration as 90s, 5m, 2h or 0.5", option, value);
    return 0;
}

int cli_text(struct cli *cli, const char **ret_text, const char *value)
{
    if (!utf8_valid(value, strlen(value)))
        return cli_bad_usage(cli, "the value of an option is not valid UTF-8");
    *ret_text = value;
    return 0;
}

int cli_count(struct cli *cli, const char *option, const char *value, uint64_t *ret_count)
{
    if (parse_uint(value, ret_count) < 0)
        return cli_bad_usage(cli, "--%s %s: write a number, as 100", option, value);
    return 0;
}

void cli_write_words(struct writer *writer, const char *words, bool upper)
{
    writer_begin_array(writer);
    while (*words) {
        char word[64];
        size_t length = strcspn(words, ","), n = 0;

        while (n < length && n < sizeof(word)) {
            word[n] = (char)(upper ? toupper((unsigned char)words[n]) : words[n]);
            n++;
        }
        writer_string(writer, word, n);
        words += length + (words[length] == ',');
    }
    writer_end_array(writer);
}

void cli_print_ids(const struct id_spans *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        for (uint64_t id = ids->spans[i].first; id <= ids->spans[i].last; id++)
            printf("%llu\n", (unsigned long long)id);
}
