#include "client/show/show_event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* "running", "output", "progress", and of a done one what became of it. */
static const char *what_happened(const struct future_message *notification, const json_t *future,
                                 enum tone *ret_tone)
{
    const char *dot = strchr(notification->method, '.');

    *ret_tone = TONE_BUSY;
    if (strcmp(notification->method, "future.done") != 0)
        return dot ? dot + 1 : notification->method;
    if (strcmp(cli_string(future, "state", ""), "CANCELLED") == 0) {
        *ret_tone = TONE_FAINT;
        return "cancelled";
    }
    *ret_tone = json_is_true(json_object_get(future, "failed")) ? TONE_BAD : TONE_GOOD;
    return *ret_tone == TONE_BAD ? "failed" : "finished";
}

static void detail(const struct future_message *notification, const json_t *future, char *ret_text,
                   size_t size)
{
    const json_t *data = json_object_get(notification->params, "data");
    const char *label = cli_string(future, "label", "");

    if (json_is_string(data))
        cli_printable(json_string_value(data), json_string_length(data), ret_text, size);
    else
        cli_printable(label, strlen(label), ret_text, size);
}

void show_event(const struct cli *cli, const struct future_message *notification)
{
    const json_t *future = json_object_get(notification->params, "future");
    uint64_t id = cli_uint(future, "id");
    time_t now = time(NULL);
    char clock[16] = "", text[200];
    enum tone tone;
    const char *what = what_happened(notification, future, &tone);
    struct tm local;

    if (localtime_r(&now, &local))
        strftime(clock, sizeof(clock), "%H:%M:%S", &local);
    detail(notification, future, text, sizeof(text));
    printf("%s  %6llu  %s%-9s%s  %s\n", clock,
           (unsigned long long)(id ? id : cli_uint(notification->params, "id")),
           terminal_begin(&cli->out, tone), what, terminal_end(&cli->out, tone), text);
}
