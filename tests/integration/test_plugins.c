/* Plugins in the real daemon: the two of the tree against the tools that people know, and one that
 * does all that it must not. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;
static char *base, *plugins, *files, *config;

/* ---- files ---- */

static const char *build(void)
{
    const char *name = getenv("BUILD");

    return name ? name : "build";
}

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *command = text_vprint(format, args);
    va_end(args);
    ck_assert_msg(system(command) == 0, "%s", command); /* NOLINT: a test's own words */
    free(command);
}

static char *run_for_text(const char *format, const char *name)
{
    char text[4096];
    char *command = text_print("%s '%s/%s'", format, files, name);
    FILE *pipe = popen(command, "re");

    ck_assert_ptr_nonnull(pipe);
    ck_assert_ptr_nonnull(fgets(text, sizeof(text), pipe));
    ck_assert_int_eq(pclose(pipe), 0);
    free(command);
    return text_print("%s", text);
}

static void install(const char *plugin)
{
    run("install -m 755 '%s/%s.so' '%s/'", build(), plugin, plugins);
}

/* A file of this size, with something to compress and something to look for. */
static void make_file(const char *name, size_t size)
{
    char *path = text_print("%s/%s", files, name);
    char *text = malloc(size + 100);
    FILE *file = fopen(path, "we");
    unsigned state = 1;

    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(file);
    for (size_t written = 0; written < size;) {
        state = state * 1103515245 + 12345;
        written += (size_t)sprintf(text + written, "%u of %u; ", state >> 22, state >> 28);
    }
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    free(text);
    free(path);
}

static void make_sparse(const char *name, off_t size)
{
    char *path = text_print("%s/%s", files, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, size), 0);
    close(fd);
    free(path);
}

/* Names in the folder of files, the hidden ones too. */
static int count_files(void)
{
    DIR *directory = opendir(files);
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count++;
    closedir(directory);
    return count;
}

/* ---- the fixture ---- */

static void start(void)
{
    struct daemon_options options = {.config = config};

    fixture_start(&f, &options);
}

static void make_places(void)
{
    const char *above = getenv("TMPDIR");
    char *made = text_print("%s/test.XXXXXX", above ? above : "/tmp");

    ck_assert_ptr_nonnull(mkdtemp(made));
    base = realpath(made, NULL);
    free(made);
    plugins = text_print("%s/plugins", base);
    files = text_print("%s/files", base);
    config = text_print("[daemon]\nplugin_dir = %s\nstop_timeout = 0\n[pool default]\n"
                        "max_workers = 4\n",
                        plugins);
    ck_assert_int_eq(mkdir(plugins, 0755), 0);
    ck_assert_int_eq(mkdir(files, 0755), 0);
    install("plugins/digest");
    install("plugins/compress");
    install("tests/plugins/calls");
}

static void setup(void)
{
    make_places();
    start();
}

static void teardown(void)
{
    fixture_stop(&f);
    run("rm -r '%s'", base);
    free(base);
    free(plugins);
    free(files);
    free(config);
}

/* Borrowed from `info`; NULL where it is not listed. */
static json_t *listed(json_t *info, const char *name)
{
    json_t *function;
    size_t index;

    json_array_foreach (json_at(info, "functions"), index, function)
        if (strcmp(json_text_at(function, "name"), name) == 0)
            return function;
    return NULL;
}

/* The reply to `result`, which must tell of this exception; the caller owns it. */
static json_t *raised(json_int_t id, const char *type)
{
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);

    json_expect(reply, "exception.type", "'%s'", type);
    return reply;
}

static json_int_t submit(const char *function, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static json_int_t submit(const char *function, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = text_vjson(format, args);
    va_end(args);
    json_int_t id = client_submit(f.client, "{'fn':'%s','args':%s}", function, text);
    free(text);
    return id;
}

static void expect_log(const char *text)
{
    char *log = daemon_log(f.daemon);

    ck_assert_msg(strstr(log, text), "not in the log: %s\n%s", text, log);
    free(log);
}

/* ---- what is there ---- */

START_TEST(info_lists_them)
{
    json_t *info = client_result(f.client, "info", "{}");
    json_t *digest = listed(info, "digest"), *compress = listed(info, "compress");

    ck_assert_ptr_nonnull(digest);
    ck_assert_ptr_nonnull(compress);
    json_expect(digest, "kind", "'plugin'");
    json_expect(digest, "doc", "'Returns the checksum of a file as hexadecimal digits'");
    json_expect(digest, "params.path", "{'type':'path','required':true,'doc':'The file'}");
    json_expect(compress, "kind", "'plugin'");
    json_expect(compress, "params.level.type", "'integer'");
    json_expect(listed(info, "who"), "doc", "''");
    ck_assert(!json_has(listed(info, "who"), "params"));
    json_decref(info);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    expect_refused(f.client, "submit", "args.path", "{'fn':'digest'}");
    expect_refused(f.client, "submit", "args.pth", "{'fn':'digest','args':{'pth':'/a'}}");
    expect_refused(f.client, "submit", "args.path", "{'fn':'digest','args':{'path':1}}");
    expect_refused(f.client, "submit", "args.path", "{'fn':'digest','args':{'path':''}}");
    expect_refused(f.client, "submit", "args.path", "{'fn':'digest','args':{'path':'a\\u0000b'}}");
    expect_refused(f.client, "submit", "args", "{'fn':'digest','args':['/a']}");
    expect_refused(f.client, "submit", "args.level",
                   "{'fn':'compress','args':{'source':'/a','level':1.5}}");
    expect_refused(f.client, "submit", "fn", "{'fn':'digset','args':{'path':'/a'}}");
    expect_refused(f.client, "map", "items", "{'fn':'digest','items':['/a',1]}");
    expect_refused(f.client, "map", "args.path",
                   "{'fn':'digest','args':{'path':'/a'},'items':['/a']}");
    json_t *status = client_result(f.client, "status", "{}");
    ck_assert_uint_eq(json_count_at(status, "futures"), 0);
    json_decref(status);
}
END_TEST

START_TEST(a_bad_plugin_keeps_nobody_out)
{
    fixture_stop(&f);
    run("cp '%s/plugins/digest.so' '%s/loose.so' && chmod 775 '%s/loose.so'", build(), plugins,
        plugins);
    install("tests/plugins/abi_other");
    start();
    json_t *info = client_result(f.client, "info", "{}");
    ck_assert_ptr_nonnull(listed(info, "digest"));
    ck_assert_ptr_nonnull(listed(info, "compress"));
    ck_assert_ptr_null(listed(info, "one"));
    json_decref(info);
    char *line = text_print("%s/loose.so: is writable by its group", plugins);
    expect_log(line);
    free(line);
    line = text_print("%s/abi_other.so: it was built for version 99", plugins);
    expect_log(line);
    free(line);
}
END_TEST

START_TEST(a_directory_that_others_may_write)
{
    fixture_stop(&f);
    ck_assert_int_eq(chmod(plugins, 01777), 0);
    start();
    json_t *info = client_result(f.client, "info", "{}");
    ck_assert_ptr_null(listed(info, "digest"));
    ck_assert_ptr_nonnull(listed(info, "exec"));
    json_decref(info);
    char *line = text_print("%s: is writable by others", plugins);
    expect_log(line);
    free(line);
}
END_TEST

START_TEST(reload_takes_what_is_new)
{
    bool there = false;

    json_t *info = client_result(f.client, "info", "{}");
    ck_assert_ptr_null(listed(info, "one"));
    json_decref(info);
    install("tests/plugins/one");
    kill(daemon_pid(f.daemon), SIGHUP);
    /* Every reply is a turn of the daemon's loop; the deadline of the test is the bound. */
    while (!there) {
        info = client_result(f.client, "info", "{}");
        there = listed(info, "one") != NULL;
        json_decref(info);
    }
    expect_result(f.client, submit("one", "{}"), "1");
    expect_result(f.client, submit("add", "{'a':1,'b':2}"), "3");
}
END_TEST

/* ---- digest ---- */

START_TEST(digests_are_those_of_sha256sum)
{
    static const size_t sizes[] = {0, 1, 262143, 262144, 262145, 5000000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        make_file("file", sizes[i]);
        char *wanted = run_for_text("sha256sum", "file");
        wanted[64] = '\0';
        expect_result(f.client, submit("digest", "{'path':'%s/file'}", files),
                      "{'path':'%s/file','algorithm':'sha256','digest':'%s','bytes':%zu}", files,
                      wanted, sizes[i]);
        free(wanted);
    }
}
END_TEST

START_TEST(other_algorithms)
{
    static const struct {
        const char *name, *tool;
        size_t digits;
    } algorithms[] = {
        {"sha512", "sha512sum", 128}, {"SHA1", "sha1sum", 40}, {"blake2b512", "b2sum", 128}};

    make_file("file", 100000);
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
        char *wanted = run_for_text(algorithms[i].tool, "file");
        wanted[algorithms[i].digits] = '\0';
        json_int_t id =
            submit("digest", "{'path':'%s/file','algorithm':'%s'}", files, algorithms[i].name);
        json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
        json_expect(reply, "result.digest", "'%s'", wanted);
        json_decref(reply);
        free(wanted);
    }
}
END_TEST

START_TEST(digests_of_a_map)
{
    make_file("a", 1);
    make_file("b", 70000);
    json_t *map = client_result(f.client, "map",
                                "{'fn':'digest','args':{'algorithm':'md5'},"
                                "'items':['%s/a','%s/b']}",
                                files, files);
    for (int i = 0; i < 2; i++) {
        char *wanted = run_for_text("md5sum", i == 0 ? "a" : "b");
        wanted[32] = '\0';
        json_t *reply =
            client_result(f.client, "result", "{'id':%lld}", json_int_at(map, "first") + i);
        json_expect(reply, "result.digest", "'%s'", wanted);
        json_decref(reply);
        free(wanted);
    }
    json_decref(map);
}
END_TEST

START_TEST(what_has_no_digest)
{
    json_t *reply = raised(submit("digest", "{'path':'%s/missing'}", files), "OSError");
    json_expect(reply, "exception.data.errno", "'ENOENT'");
    json_decref(reply);
    json_decref(raised(submit("digest", "{'path':'%s'}", files), "ValueError"));
    run("mkfifo '%s/fifo'", files);
    json_decref(raised(submit("digest", "{'path':'%s/fifo'}", files), "ValueError"));
    make_file("file", 1);
    reply = raised(submit("digest", "{'path':'%s/file','algorithm':'crc7'}", files), "ValueError");
    json_expect(reply, "exception.message", "'there is no digest named crc7'");
    json_decref(reply);
}
END_TEST

START_TEST(progress_is_told)
{
    const long long size = 100 * 1024 * 1024;
    long long done = 0;
    int told = 0;
    bool over = false;

    make_sparse("large", size);
    json_int_t held = fixture_hold(&f);
    json_int_t id = client_submit(f.client,
                                  "{'fn':'digest','args':{'path':'%s/large'},"
                                  "'after':[%lld]}",
                                  files, held);
    json_decref(
        client_result(f.client, "subscribe", "{'ids':[%lld],'events':['progress','done']}", id));
    gate_pass(f.gate, 1);
    while (!over) {
        json_t *news = client_notification(f.client);
        over = strcmp(json_text_at(news, "method"), "future.done") == 0;
        if (!over) {
            ck_assert_str_eq(json_text_at(news, "method"), "future.progress");
            json_expect(news, "params.value.total", "%lld", size);
            ck_assert_int_gt(json_int_at(news, "params.value.done"), done);
            done = json_int_at(news, "params.value.done");
            told++;
        }
        json_decref(news);
    }
    ck_assert_int_gt(told, 0);
    ck_assert_int_le(done, size);
}
END_TEST

/* ---- compress ---- */

START_TEST(compressed_files_come_back)
{
    static const size_t sizes[] = {0, 131072, 1000001};
    static const struct {
        const char *format, *suffix, *back;
    } formats[] = {
        {"zstd", "zst", "zstd -qdc '%s'"},
        {"gzip", "gz", "gzip -dc '%s'"},
        /* The same stream behind another header; gzip misses its own end. */
        {"zlib", "zz",
         "(printf '\\037\\213\\010\\0\\0\\0\\0\\0\\0\\003'; tail -c +3 '%s') | gzip -dc 2>&-"},
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        make_file("file", sizes[i]);
        run("chmod 640 '%s/file'", files);
        for (size_t j = 0; j < sizeof(formats) / sizeof(*formats); j++) {
            char *made = text_print("%s/file.%s", files, formats[j].suffix);
            char *back = text_print("%s | cmp - '%s/file' && test $(stat -c %%a '%s') = 640",
                                    formats[j].back, files, made);
            json_int_t id =
                submit("compress", "{'source':'%s/file','format':'%s'}", files, formats[j].format);
            json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
            json_expect(reply, "result.destination", "'%s'", made);
            json_expect(reply, "result.bytes_in", "%zu", sizes[i]);
            struct stat st;
            ck_assert_int_eq(stat(made, &st), 0);
            json_expect(reply, "result.bytes_out", "%lld", (long long)st.st_size);
            if (sizes[i] > 100000)
                ck_assert_int_lt(st.st_size, (off_t)sizes[i] * 3 / 4);
            char *command = text_print("%.*s%s%s", (int)(strstr(back, "%s") - back), back, made,
                                       strstr(back, "%s") + 2);
            run("%s", command);
            run("rm '%s'", made);
            json_decref(reply);
            free(command);
            free(back);
            free(made);
        }
    }
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(compress_says_what_it_was_told)
{
    make_file("file", 200000);
    json_int_t best =
        submit("compress", "{'source':'%s/file','destination':'%s/best','level':19}", files, files);
    json_int_t quick =
        submit("compress", "{'source':'%s/file','destination':'%s/quick','level':1}", files, files);
    json_t *one = client_result(f.client, "result", "{'id':%lld}", best);
    json_t *other = client_result(f.client, "result", "{'id':%lld}", quick);
    ck_assert_int_lt(json_int_at(one, "result.bytes_out"), json_int_at(other, "result.bytes_out"));
    json_decref(one);
    json_decref(other);
    json_decref(
        raised(submit("compress", "{'source':'%s/file','format':'rar'}", files), "ValueError"));
    json_decref(raised(submit("compress", "{'source':'%s/file','format':'gzip','level':10}", files),
                       "ValueError"));
    json_decref(raised(submit("compress", "{'source':'%s/missing'}", files), "OSError"));
    json_decref(
        raised(submit("compress", "{'source':'%s/file','destination':'%s/no/file'}", files, files),
               "OSError"));
    ck_assert_int_eq(count_files(), 3);
}
END_TEST

START_TEST(what_is_there_is_not_overwritten)
{
    make_file("file", 100);
    run("echo precious >'%s/file.zst'", files);
    json_t *reply = raised(submit("compress", "{'source':'%s/file'}", files), "OSError");
    json_expect(reply, "exception.data", "{'errno':'EEXIST','path':'%s/file.zst'}", files);
    json_decref(reply);
    run("test \"$(cat '%s/file.zst')\" = precious", files);
    json_int_t id = submit("compress", "{'source':'%s/file','overwrite':true}", files);
    json_decref(client_result(f.client, "result", "{'id':%lld}", id));
    run("zstd -qdc '%s/file.zst' | cmp - '%s/file'", files, files);
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

/* Starts to compress what would take minutes, and returns once it is at work. */
static json_int_t compress_for_minutes(void)
{
    make_sparse("endless", (off_t)1 << 38);
    json_int_t held = fixture_hold(&f);
    json_int_t id = client_submit(f.client,
                                  "{'fn':'compress','args':{'source':'%s/endless'},"
                                  "'after':[%lld]}",
                                  files, held);
    json_t *subscribed =
        client_result(f.client, "subscribe", "{'ids':[%lld],'events':['progress']}", id);
    gate_pass(f.gate, 1);
    json_t *news = client_notification(f.client);
    ck_assert_str_eq(json_text_at(news, "method"), "future.progress");
    json_decref(client_result(f.client, "unsubscribe", "{'subscription':%lld}",
                              json_int_at(subscribed, "subscription")));
    json_decref(news);
    json_decref(subscribed);
    return id;
}

START_TEST(a_cancelled_compress_leaves_nothing)
{
    json_int_t id = compress_for_minutes();

    ck_assert_int_eq(count_files(), 2);
    json_t *reply =
        client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'reason':'enough'}", id);
    json_expect(reply, "cancelled", "false");
    json_expect(reply, "terminating", "true");
    json_decref(reply);
    reply = raised(id, "Terminated");
    json_expect(reply, "exception.message", "'terminated: enough'");
    json_decref(reply);
    ck_assert_int_eq(count_files(), 1);
    expect_result(f.client, submit("add", "{'a':1,'b':2}"), "3");
}
END_TEST

START_TEST(so_does_one_that_takes_too_long)
{
    make_sparse("endless", (off_t)1 << 38);
    json_int_t id = client_submit(
        f.client, "{'fn':'compress','args':{'source':'%s/endless'},'timeout':0.2}", files);

    json_decref(raised(id, "TimedOut"));
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(and_one_that_the_daemon_ends_with)
{
    compress_for_minutes();
    fixture_stop(&f);
    ck_assert_int_eq(count_files(), 1);
    start();
}
END_TEST

/* ---- a plugin that fails in all ways ---- */

START_TEST(only_the_own_future_fails)
{
    static const struct {
        const char *function, *type;
    } bad[] = {
        {"raise", "ValueError"},          {"raise_twice", "Second"},
        {"raise_no_text", "PluginError"}, {"out_of_memory", "MemoryError"},
        {"nothing", "InvalidResult"},     {"no_utf8", "InvalidResult"},
    };
    enum { COUNT = sizeof(bad) / sizeof(*bad), ROUNDS = 5 };
    json_int_t failing[ROUNDS][COUNT], fine[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++)
            failing[round][i] = submit(bad[i].function, "{}");
        fine[round] = submit("echo_args", "{'round':%d}", round);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++)
            expect_exception(f.client, failing[round][i], bad[i].type);
        expect_result(f.client, fine[round], "{'round':%d}", round);
    }
    expect_exception(f.client, submit("deep", "{'levels':200000}"), "InvalidResult");
    json_t *reply = raised(submit("raise", "{'a':[1]}"), "ValueError");
    json_expect(reply, "exception",
                "{'type':'ValueError','message':'7 is no colour',"
                "'data':{'a':[1]}}");
    json_decref(reply);
}
END_TEST

START_TEST(output_and_log)
{
    json_int_t id = submit("print", "{}");

    expect_result(f.client, id, "[0,0,-22]");
    json_t *output = client_result(f.client, "output", "{'id':%lld,'stream':'stdout'}", id);
    json_expect(output, "data", "'out\\n'");
    json_decref(output);
    char *line = text_print("print, future %lld: a line about nothing", (long long)id);
    expect_log(line);
    free(line);
}
END_TEST

START_TEST(a_function_that_waits_for_its_cancel)
{
    json_int_t held = fixture_hold(&f);
    json_int_t id = client_submit(f.client, "{'fn':'wait_for_cancel','after':[%lld]}", held);
    json_decref(client_result(f.client, "subscribe", "{'ids':[%lld],'events':['progress']}", id));
    gate_pass(f.gate, 1);
    json_t *news = client_notification(f.client);
    json_expect(news, "params.value", "'waiting'");
    json_decref(news);
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id);
    json_expect(reply, "cooperative", "true");
    json_decref(reply);
    expect_exception(f.client, id, "Terminated");
}
END_TEST

START_TEST(items_of_a_map)
{
    json_t *map = client_result(f.client, "map", "{'fn':'add','args':{'a':40},'items':[1,2]}");

    expect_result(f.client, json_int_at(map, "first"), "41");
    expect_result(f.client, json_int_at(map, "first") + 1, "42");
    json_decref(map);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        info_lists_them,
        wrong_arguments_are_refused,
        a_bad_plugin_keeps_nobody_out,
        a_directory_that_others_may_write,
        reload_takes_what_is_new,
        digests_are_those_of_sha256sum,
        other_algorithms,
        digests_of_a_map,
        what_has_no_digest,
        progress_is_told,
        compressed_files_come_back,
        compress_says_what_it_was_told,
        what_is_there_is_not_overwritten,
        a_cancelled_compress_leaves_nothing,
        so_does_one_that_takes_too_long,
        and_one_that_the_daemon_ends_with,
        only_the_own_future_fails,
        output_and_log,
        a_function_that_waits_for_its_cancel,
        items_of_a_map,
        NULL,
    };

    umask(022);
    return fixture_run("plugins", setup, teardown, tests);
}
