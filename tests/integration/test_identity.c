/* Who a client is, with real users and groups: who may connect, who sees what, and that one user's
 * full queue is no other's concern. Only root can be others: elsewhere there is nothing to test. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

enum { USER_A = 40001, USER_B = 40002, ADMINS = 40010, CLIENTS = 40011, NO_GROUP = 0 };

static struct fixture f;

static void start(const char *config)
{
    static struct daemon_options options = {.own_socket = true};

    options.config = config;
    fixture_start(&f, &options);
    /* The directories above are closed to others, so it is reached from within. */
    ck_assert_int_eq(chmod(daemon_directory(f.daemon), 0711), 0);
    ck_assert_int_eq(chdir(daemon_directory(f.daemon)), 0);
}

static void become(uid_t uid, gid_t gid, gid_t group)
{
    ck_assert_int_eq(setgroups(group == NO_GROUP ? 0 : 1, &group), 0);
    ck_assert_int_eq(setegid(gid), 0);
    ck_assert_int_eq(seteuid(uid), 0);
}

static void be_root(void)
{
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(setegid(0), 0);
    ck_assert_int_eq(setgroups(0, NULL), 0);
}

/* 0, or why that user cannot connect. */
static int try_connect(uid_t uid, gid_t gid, gid_t group)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    become(uid, gid, group);
    int error = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
    be_root();
    close(fd);
    return error;
}

static struct client *connect_as(uid_t uid, gid_t gid, gid_t group)
{
    become(uid, gid, group);
    struct client *client = client_connect("socket");
    be_root();
    return client;
}

static mode_t mode_of(const char *path, gid_t *ret_group)
{
    struct stat status;

    ck_assert_int_eq(stat(path, &status), 0);
    *ret_group = status.st_gid;
    return status.st_mode & 07777;
}

/* ---- who may connect ---- */

START_TEST(without_a_group_nobody_else_connects)
{
    gid_t group;

    start(NULL);
    ck_assert_uint_eq(mode_of("socket", &group), 0600);
    ck_assert_int_eq(try_connect(USER_A, USER_A, NO_GROUP), EACCES);
    ck_assert_int_eq(try_connect(USER_A, 0, NO_GROUP), EACCES);
    fixture_stop(&f);
}
END_TEST

START_TEST(the_socket_group_connects)
{
    gid_t group;

    start("[daemon]\nsocket_group = 40011\n");
    ck_assert_uint_eq(mode_of("socket", &group), 0660);
    ck_assert_uint_eq(group, CLIENTS);
    ck_assert_int_eq(try_connect(USER_A, USER_A, CLIENTS), 0);
    ck_assert_int_eq(try_connect(USER_A, CLIENTS, NO_GROUP), 0);
    ck_assert_int_eq(try_connect(USER_A, USER_A, ADMINS), EACCES);
    ck_assert_int_eq(try_connect(USER_A, USER_A, NO_GROUP), EACCES);
    fixture_stop(&f);
}
END_TEST

START_TEST(the_directory_is_made_for_the_group)
{
    static const char *const args[] = {"--socket", NULL, NULL};
    struct daemon_options options = {.config = "[daemon]\nsocket_group = 40011\n"};
    char directory[] = "/tmp/identity.XXXXXX";
    const char *given[3];
    gid_t group;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chmod(directory, 0711), 0);
    char *made = text_print("%s/made", directory), *socket_path = text_print("%s/s", made);
    memcpy(given, args, sizeof(args));
    given[1] = socket_path;
    options.args = given;
    options.own_socket = true;
    struct daemon *daemon = daemon_start(&options);
    ck_assert_uint_eq(mode_of(made, &group), 0710);
    ck_assert_uint_eq(group, CLIENTS);
    ck_assert_uint_eq(mode_of(socket_path, &group), 0660);
    become(USER_A, USER_A, CLIENTS);
    struct client *client = client_connect(socket_path);
    be_root();
    json_decref(client_result(client, "ping", "{}"));
    client_close(client);
    daemon_stop(daemon);
    char *lock = text_print("%s.lock", socket_path);
    unlink(lock);
    rmdir(made);
    rmdir(directory);
    free(lock);
    free(made);
    free(socket_path);
}
END_TEST

/* ---- who sees what ---- */

static const char admins[] = "[daemon]\nsocket_group = 40011\nadmin_group = 40010\n";

static void expect_admin(struct client *client, json_int_t id, bool admin)
{
    int refused = admin ? 0 : -32002;
    json_t *reply = client_call(client, "status", "{'id':%lld}", id);
    ck_assert_int_eq(reply_error(reply), refused);
    json_decref(reply);
    reply = client_call(client, "pool.pause", "{'pool':'default'}");
    ck_assert_int_eq(reply_error(reply), admin ? 0 : -32006);
    json_decref(reply);
    reply = client_call(client, "pool.resume", "{'pool':'default'}");
    ck_assert_int_eq(reply_error(reply), admin ? 0 : -32006);
    json_decref(reply);
    client_close(client);
}

START_TEST(the_admin_group_sees_all)
{
    start(admins);
    ck_assert_int_eq(chmod("socket", 0666), 0);
    json_int_t id = client_submit(f.client, "{'fn':'echo'}");
    expect_admin(connect_as(USER_A, USER_A, ADMINS), id, true);
    expect_admin(connect_as(USER_A, ADMINS, NO_GROUP), id, true);
    expect_admin(connect_as(USER_A, USER_A, CLIENTS), id, false);
    expect_admin(connect_as(USER_A, USER_A, NO_GROUP), id, false);
    fixture_stop(&f);
}
END_TEST

START_TEST(many_groups)
{
    gid_t groups[1000];
    for (size_t i = 0; i < 1000; i++)
        groups[i] = 50000 + (gid_t)i;
    groups[999] = ADMINS;
    start(admins);
    ck_assert_int_eq(chmod("socket", 0666), 0);
    json_int_t id = client_submit(f.client, "{'fn':'echo'}");
    for (size_t count = 1000; count >= 999; count--) {
        ck_assert_int_eq(setgroups(count, groups), 0);
        ck_assert_int_eq(seteuid(USER_A), 0);
        struct client *client = client_connect("socket");
        be_root();
        expect_admin(client, id, count == 1000);
    }
    fixture_stop(&f);
}
END_TEST

START_TEST(who_one_was_when_connecting_counts)
{
    start(admins);
    ck_assert_int_eq(chmod("socket", 0666), 0);
    json_int_t id = client_submit(f.client, "{'fn':'echo'}");
    struct client *client = connect_as(USER_A, USER_A, NO_GROUP);
    /* Root's calls now, over what another user has opened. */
    expect_admin(client, id, false);
    fixture_stop(&f);
}
END_TEST

START_TEST(an_unknown_group_is_an_error)
{
    static const char *const keys[] = {"socket_group", "admin_group"};
    const char *program = getenv("FUTURED");

    for (size_t i = 0; i < 2; i++) {
        char path[] = "/tmp/identity.XXXXXX";
        int fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        dprintf(fd, "[daemon]\n%s = no such group\n", keys[i]);
        close(fd);
        char *command = text_print("'%s' --check-config --config %s 2>&1",
                                   program ? program : "build/futured", path);
        FILE *output = popen(command, "r");
        char line[512] = "";
        ck_assert_ptr_nonnull(fgets(line, sizeof(line), output));
        ck_assert_int_ne(pclose(output), 0);
        char *wanted = text_print("%s:2: %s: there is no group \"no such group\"", path, keys[i]);
        ck_assert_ptr_nonnull(strstr(line, wanted));
        unlink(path);
        free(wanted);
        free(command);
    }
}
END_TEST

/* ---- one user's queue and another's job ---- */

START_TEST(a_full_queue_of_one_user_holds_up_no_other)
{
    enum { FULL = 500 };

    start("[daemon]\nsocket_group = 40011\n[pool default]\nmax_workers = 1\n"
          "[limits]\npending_per_uid = 500\n");
    struct client *a = connect_as(USER_A, USER_A, CLIENTS);
    struct client *b = connect_as(USER_B, USER_B, CLIENTS);
    json_decref(client_result(f.client, "subscribe", "{'all':true,'events':['running']}"));
    json_int_t held = client_submit(a, "{'fn':'exec','args':{'argv':%s}}", gate_argv(f.gate));
    gate_wait_running(f.gate);
    for (int i = 0; i < FULL; i++)
        client_submit(a, "{'fn':'echo'}");
    expect_limit(a, "submit", "pending_per_uid", FULL, "{'fn':'echo'}");
    json_int_t wanted = client_submit(b, "{'fn':'echo'}");
    gate_pass(f.gate, 1);
    json_int_t id = 0;
    int before = 0;
    while (id != wanted) {
        json_t *message = client_notification(f.client);
        id = json_int_at(message, "params.future.id");
        if (id != wanted && id != held)
            before++;
        json_decref(message);
    }
    ck_assert_int_le(before, 1);
    client_close(a);
    client_close(b);
    fixture_stop(&f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        without_a_group_nobody_else_connects,
        the_socket_group_connects,
        the_directory_is_made_for_the_group,
        the_admin_group_sees_all,
        many_groups,
        who_one_was_when_connecting_counts,
        an_unknown_group_is_an_error,
        a_full_queue_of_one_user_holds_up_no_other,
        NULL,
    };
    const TTest *const for_anybody[] = {an_unknown_group_is_an_error, NULL};

    return fixture_run("identity", NULL, NULL, is_root() ? tests : for_anybody);
}
