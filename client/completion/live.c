#include "client/completion/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 1000, SHOWN_FUTURES = 100 };

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

void candidate(const char *prefix, const char *word, const char *about)
{
    if (!is_printable(word))
        return;
    printf("%s%s", prefix, word);
    if (about && about[0] && is_printable(about))
        printf("\t%s", about);
    putchar('\n');
}

static bool connect_once(struct live *live)
{
    if (!live->asked)
        (void)future_connect(live->socket_path, ANSWER_MS, &live->client);
    live->asked = true;
    return live->client != NULL;
}

void live_close(struct live *live)
{
    future_close(live->client);
}

/* ---- futures ---- */

/* NULL: there is no answer. The caller's. */
static struct future_page *list_newest(struct live *live, unsigned states)
{
    const struct future_filter filter = {
        .size = sizeof(filter), .states = states, .no_items = true, .limit = SHOWN_FUTURES};
    struct future_page *list;

    if (!connect_once(live) || future_list(live->client, &filter, ANSWER_MS, &list) < 0)
        return NULL;
    return list;
}

bool live_ids(struct live *live, unsigned states, const char *prefix)
{
    struct future_page *list = list_newest(live, states);
    bool any = list && list->count > 0;

    for (size_t i = 0; list && i < list->count; i++) {
        const struct future_info *info = list->futures[i];
        char id[24], about[160];

        snprintf(id, sizeof(id), "%" PRIu64, info->id);
        snprintf(about, sizeof(about), "%s %s%s%.100s",
                 info->failed ? "FAILED" : future_state_name(info->state), info->fn,
                 info->label ? " " : "", info->label ? info->label : "");
        candidate(prefix, id, about);
    }
    future_page_free(list);
    return any;
}

static bool is_repeated(const struct future_page *list, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (list->futures[i]->label &&
            strcmp(list->futures[i]->label, list->futures[index]->label) == 0)
            return true;
    return false;
}

void live_labels(struct live *live, const char *prefix)
{
    struct future_page *list = list_newest(live, 0);

    for (size_t i = 0; list && i < list->count; i++)
        if (list->futures[i]->label && !is_repeated(list, i))
            candidate(prefix, list->futures[i]->label, "label");
    future_page_free(list);
}

/* ---- what has a name ---- */

/* The names of the objects in a list of the reply to `method`. */
static void print_names(struct live *live, const char *method, const char *list,
                        const char *about_member, const char *prefix)
{
    struct future_message *reply;
    const json_t *entry;
    size_t i;

    if (!connect_once(live) || future_call(live->client, method, NULL, ANSWER_MS, &reply) < 0)
        return;
    json_array_foreach (json_object_get(reply->result, list), i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));

        if (name)
            candidate(prefix, name, json_string_value(json_object_get(entry, about_member)));
    }
    future_message_free(reply);
}

void live_pools(struct live *live, const char *prefix)
{
    print_names(live, "pool.list", "pools", "", prefix);
}

void live_functions(struct live *live, const char *prefix)
{
    print_names(live, "info", "functions", "kind", prefix);
}
