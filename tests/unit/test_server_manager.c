/* layers: core base */
/* extra: tests/support/core_fixture.c daemon/server_manager.c */
/* What the service manager is told, by a socket of the test's own. */
#include "daemon/server_manager.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/core_fixture.h"
#include "tests/support/suite.h"

/* The watchdog is fed four times in that time. */
#define WATCHDOG_US "40000"

static char directory[] = "/tmp/test_server_manager.XXXXXX";
static int receiver = -1;
static struct core *core;
static struct manager *manager;

/* A store whose statistics the test makes up. */
static struct store_statistics statistics;
static unsigned asked;

static void tell_statistics(const struct store *store, struct store_statistics *ret_statistics)
{
    (void)store;
    asked++;
    *ret_statistics = statistics;
}

static const struct store_ops ops = {.statistics = tell_statistics};
static struct store store = {.ops = &ops};

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
    receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(receiver, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
    unsetenv("WATCHDOG_PID");
    core = core_new(NULL);
}

static void tear_down(void)
{
    char path[sizeof(directory) + 8];
    manager_free(manager);
    core_free(core);
    close(receiver);
    snprintf(path, sizeof(path), "%s/notify", directory);
    unlink(path);
    rmdir(directory);
}

static void make_manager(void)
{
    ck_assert_int_eq(manager_new(core->executor, &store, core->timers, &manager), 0);
}

/* The next message; NULL: there is none now. */
static const char *received(void)
{
    static char text[1024];
    ssize_t size = recv(receiver, text, sizeof(text) - 1, MSG_DONTWAIT);
    if (size < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

/* Turns the loop until this very message comes. */
static void await(const char *wanted)
{
    for (;;) {
        const char *message = received();
        if (!message)
            core_turn(core);
        else if (strcmp(message, wanted) == 0)
            return;
    }
}

static void await_asked(unsigned count)
{
    while (asked < count)
        core_turn(core);
}

static unsigned feeds(void)
{
    unsigned count = 0;
    const char *message;
    while ((message = received()))
        count += strcmp(message, "WATCHDOG=1") == 0;
    return count;
}

START_TEST(it_is_ready_and_says_what_it_does)
{
    make_manager();
    manager_tell_ready(manager);
    ck_assert_str_eq(received(), "READY=1");
    ck_assert_str_eq(received(), "STATUS=0 running, 0 pending");
    ck_assert_str_eq(received(), "WATCHDOG=1");
    struct future *future = core_start(core, &core->gate, "1");
    (void)core_start(core, &core->gate, "2");
    await("STATUS=1 running, 1 pending");
    core_pass(core, 2);
    core_await_done(core, future);
    await("STATUS=0 running, 0 pending");
}
END_TEST

START_TEST(a_reload_and_its_failure)
{
    make_manager();
    manager_tell_reloading(manager);
    ck_assert_int_eq(strncmp(received(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    manager_tell_reloaded(manager, "FILE:3: why");
    ck_assert_str_eq(received(), "READY=1");
    ck_assert_str_eq(received(), "STATUS=0 running, 0 pending; reload failed: FILE:3: why");
    manager_tell_reloaded(manager, NULL);
    ck_assert_str_eq(received(), "READY=1");
    ck_assert_str_eq(received(), "STATUS=0 running, 0 pending");
}
END_TEST

START_TEST(the_end_takes_what_the_settings_say)
{
    make_manager();
    executor_shut_down(core->executor, false, false);
    manager_tell_stopping(manager, 5000);
    ck_assert_str_eq(received(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=20000000");
    ck_assert_str_eq(received(), "STATUS=stopping: 0 running, 0 pending");
}
END_TEST

START_TEST(commits_that_stand_still_starve_the_watchdog)
{
    make_manager();
    statistics = (struct store_statistics){.waiting = 1, .commits = 7};
    manager_tell_ready(manager);
    ck_assert_uint_eq(asked, 1);
    ck_assert_uint_eq(feeds(), 1); /* it may be on its way the first time */
    await_asked(4);
    ck_assert_uint_eq(feeds(), 0);
    statistics.commits = 8;
    await("WATCHDOG=1");
}
END_TEST

START_TEST(a_busy_store_or_a_full_disk_does_not)
{
    make_manager();
    statistics = (struct store_statistics){.waiting = 1};
    manager_tell_ready(manager);
    while (asked < 4) {
        statistics.commits++;
        core_turn(core);
    }
    ck_assert_uint_ge(feeds(), 3);
    statistics.full = true;
    (void)feeds();
    await("WATCHDOG=1");
    await("WATCHDOG=1");
}
END_TEST

START_TEST(without_a_watchdog_it_is_not_fed)
{
    unsetenv("WATCHDOG_USEC");
    make_manager();
    manager_tell_ready(manager);
    ck_assert_str_eq(received(), "READY=1");
    ck_assert_str_eq(received(), "STATUS=0 running, 0 pending");
    ck_assert_ptr_null(received());
    ck_assert_uint_eq(asked, 0);
}
END_TEST

START_TEST(without_a_manager_nobody_is_woken)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    make_manager();
    manager_tell_ready(manager);
    manager_tell_reloading(manager);
    manager_tell_reloaded(manager, "why");
    manager_tell_stopping(manager, 1);
    ck_assert_ptr_null(received());
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_is_ready_and_says_what_it_does,    a_reload_and_its_failure,
        the_end_takes_what_the_settings_say,  commits_that_stand_still_starve_the_watchdog,
        a_busy_store_or_a_full_disk_does_not, without_a_watchdog_it_is_not_fed,
        without_a_manager_nobody_is_woken,
    };
    TCase *tcase = suite_tests("server_manager", set_up, tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}
