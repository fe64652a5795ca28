/* An idle daemon wakes up for nothing: no thread of it runs, no CPU is used. */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

struct usage {
    long threads, switches, ticks;
};

static long after(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    ck_assert_ptr_nonnull(at);
    return strtol(at + strlen(name), NULL, 10);
}

/* What all threads of the daemon have done so far. */
static struct usage usage(void)
{
    struct usage sum = {0};
    char *path = text_print("/proc/%d/task", (int)daemon_pid(f.daemon));
    DIR *tasks = opendir(path);
    struct dirent *entry;

    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks))) {
        if (entry->d_name[0] == '.')
            continue;
        char *status_path = text_print("%s/%s/status", path, entry->d_name);
        char *stat_path = text_print("%s/%s/stat", path, entry->d_name);
        char *status = text_of_file(status_path), *stat = text_of_file(stat_path);
        unsigned long user, kernel;
        sum.threads++;
        sum.switches += after(status, "\nvoluntary_ctxt_switches:");
        sum.switches += after(status, "\nnonvoluntary_ctxt_switches:");
        ck_assert_int_eq(sscanf(strrchr(stat, ')') + 2,
                                "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                                &kernel),
                         2);
        sum.ticks += (long)(user + kernel);
        free(stat);
        free(status);
        free(stat_path);
        free(status_path);
    }
    closedir(tasks);
    free(path);
    return sum;
}

/* Looks on for two seconds: whether nothing has happened in them. */
static bool was_idle(void)
{
    struct usage before = usage();
    poll(NULL, 0, 2000);
    struct usage now = usage();
    if (now.threads != before.threads)
        return false;
    /* A sanitizer has threads of its own that wake up. */
    return test_slowness() > 1 || (now.switches == before.switches && now.ticks == before.ticks);
}

/* What was asked for last may take its time until it rests; what wakes up by itself never does. */
static void expect_idle(void)
{
    int tries = 4;

    json_decref(client_result(f.client, "ping", "{}"));
    while (!was_idle())
        ck_assert_int_gt(--tries, 0);
}

START_TEST(before_any_work)
{
    expect_idle();
}
END_TEST

START_TEST(with_idle_workers_and_all_that_waits)
{
    /* Workers that rest, calls that wait, subscriptions, clients in the middle of a line, a
     * half-closed one, a delay, a pause, a running job and one that is held by nobody. */
    json_int_t held = fixture_hold(&f);
    for (int i = 0; i < 20; i++)
        client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_decref(client_result(f.client, "map", "{'fn':'echo','items':[1,2,3,4]}"));
    json_int_t delayed = client_submit(f.client, "{'fn':'echo','delay':3600,'timeout':3600}");
    client_request(f.client, "result", "{'id':%lld,'timeout':3600}", delayed);
    client_request(f.client, "wait", "{'ids':[%lld,%lld]}", held, delayed);
    client_request(f.client, "output", "{'id':%lld,'wait':3600}", held);
    client_request(f.client, "subscribe",
                   "{'all':true,'events':['done','running','output','progress']}");
    struct client *half = fixture_client(&f), *middle = fixture_client(&f);
    client_request(half, "result", "{'id':%lld}", held);
    client_half_close(half);
    client_send(middle, "{\"jsonrpc\"", 10);
    json_decref(client_result(f.client, "pool.set", "{'pool':'still'}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'still'}"));
    client_submit(f.client, "{'fn':'echo','pool':'still'}");
    expect_idle();
    client_close(half);
    client_close(middle);
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(with_a_client_that_does_not_read)
{
    char *text = malloc(2000001);
    memset(text, 'x', 2000000);
    text[2000000] = '\0';
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{'a':'%s'}}", text);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    struct client *lazy = fixture_client(&f), *half = fixture_client(&f);
    for (int i = 0; i < 3; i++) {
        client_request(lazy, "result", "{'id':%lld}", id);
        client_request(half, "result", "{'id':%lld}", id);
    }
    client_half_close(half);
    expect_idle();
    client_close(half);
    client_close(lazy);
    free(text);
}
END_TEST

START_TEST(while_it_drains)
{
    fixture_hold(&f);
    json_decref(client_result(f.client, "shutdown", "{'wait':false}"));
    expect_idle();
    gate_pass(f.gate, 1);
    client_expect_end(f.client);
    daemon_wait(f.daemon);
    daemon_restart(f.daemon);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        before_any_work,
        with_idle_workers_and_all_that_waits,
        with_a_client_that_does_not_read,
        while_it_drains,
        NULL,
    };

    return fixture_run("idle", setup, teardown, tests);
}
