/* The clients of the benchmark: each drives the daemon, or a limit, over its socket and prints
 * numbers.
 *
 *     load echo SOCKET COUNT WINDOW
 *         requests to a server that answers each with one line
 *     load submit SOCKET COUNT WINDOW
 *         submits of `echo`, each until its future.done; both print: requests a second, and with a
 *         window of 1 the microseconds of one, p50 and p99
 *     load commands SOCKET COUNT WINDOW
 *         the same with /bin/true, and no microseconds
 *     load map SOCKET COUNT CHUNK
 *         maps of CHUNK integers until all ordered results are here; prints: items a second
 *     load exec SOCKET COUNT PROGRAM
 *         one map of a command until its results are here; prints: items a second
 *     load pending SOCKET COUNT
 *         futures with 100 bytes of args that stay pending; prints: bytes of the daemon's memory
 *         each; submits and cancels a second with these there
 *     load clients SOCKET COUNT
 *         connections that have said something and stay; prints: bytes of the daemon's memory each
 *     load subscribers SOCKET COUNT
 *         connections that all wait for one future; prints: milliseconds from letting it run to the
 *         last notification
 *     load hold SOCKET COUNT [BYTES]
 *         keeps COUNT connections open, or COUNT futures of BYTES args pending in the pool "held";
 *         says "ready", and ends with its standard input */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { PENDING_WINDOW = 1000, MAPS_AT_ONCE = 4, ARGS_BYTES = 100 };
enum { PROBES = 5, PROBE_FUTURES = 10000 };

/* The daemon's notifications begin with their method, its replies with their id. */
static const char notification[] = "{\"jsonrpc\":\"2.0\",\"method\":";

static bool is_notification(const char *line, size_t size)
{
    return size > sizeof(notification) && memcmp(line, notification, sizeof(notification) - 1) == 0;
}

/* A reply that is an error ends the program: a refused request must not count as a fast one. */
static void check_reply(const char *line, size_t size)
{
    if (memmem(line, size < 200 ? size : 200, "\"error\":", 8) ||
        memmem(line, size < 200 ? size : 200, "\"exception\":", 12))
        die("an error came back: %.*s", (int)(size < 500 ? size : 500), line);
}

static uint64_t member(const char *line, size_t size, const char *name)
{
    const char *at = memmem(line, size, name, strlen(name));

    if (!at)
        die("no member %s in %.*s", name, (int)(size < 500 ? size : 500), line);
    return strtoull(at + strlen(name), NULL, 10);
}

/* Sends one request and waits for its reply. */
static char *call(struct reader *reader, const char *request, size_t *ret_size)
{
    struct text text = {0};
    char *line;

    text_string(&text, request);
    text_add(&text, "\n", 1);
    text_send(&text, reader->fd);
    free(text.data);
    do
        line = reader_wait_line(reader, ret_size);
    while (is_notification(line, *ret_size));
    check_reply(line, *ret_size);
    return line;
}

/* ---- single requests ---- */

static void add_submit(struct text *text, uint64_t number, bool command)
{
    text_string(text, "{\"jsonrpc\":\"2.0\",\"id\":");
    text_uint(text, number);
    text_string(text, ",\"method\":\"submit\",\"params\":{\"fn\":");
    if (command) {
        text_string(text, "\"exec\",\"args\":{\"argv\":[\"/bin/true\"]");
    } else {
        text_string(text, "\"echo\",\"args\":{\"number\":");
        text_uint(text, number);
    }
    text_string(text, "},\"subscribe\":true}}\n");
}

enum request_kind { REQUEST_ECHO, REQUEST_SUBMIT, REQUEST_COMMAND };

/* One line has come: 1 if a request is through with it. */
static uint64_t count_done(const char *line, size_t size, enum request_kind kind)
{
    if (kind == REQUEST_ECHO)
        return 1;
    if (is_notification(line, size))
        return 1;
    check_reply(line, size);
    return 0;
}

static void print_requests(double rate, uint64_t *took_ns, uint64_t count, uint64_t window)
{
    printf("%.0f", rate);
    if (window == 1)
        printf(" %.2f %.2f", (double)quantile(took_ns, count, 0.5) / 1e3,
               (double)quantile(took_ns, count, 0.99) / 1e3);
    printf("\n");
}

static void run_requests(const char *socket, uint64_t count, uint64_t window,
                         enum request_kind kind)
{
    struct reader reader = {.fd = connect_unix(socket)};
    struct text text = {0};
    uint64_t *took_ns = calloc(count, sizeof(*took_ns));
    uint64_t start_ns = now_ns();
    uint64_t sent = 0;
    uint64_t done = 0;
    size_t size;

    if (!took_ns)
        die("no memory");
    while (done < count) {
        uint64_t sent_ns = now_ns();

        while (sent < count && sent - done < window)
            add_submit(&text, ++sent, kind == REQUEST_COMMAND);
        text_send(&text, reader.fd);
        for (uint64_t before = done; done == before;) {
            reader_fill(&reader);
            for (char *line; (line = reader_line(&reader, &size));)
                done += count_done(line, size, kind);
        }
        if (window == 1)
            took_ns[done - 1] = now_ns() - sent_ns;
    }
    print_requests(rate_since(start_ns, count), took_ns, count, window);
}

/* ---- maps ---- */

static void add_map(struct text *text, uint64_t first, uint64_t count)
{
    text_string(text,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"map\",\"params\":{\"fn\":\"echo\","
                "\"items\":[");
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(text, ",", 1);
        text_uint(text, first + i);
    }
    text_string(text, "]}}\n");
}

static void ask_result(struct text *text, uint64_t id)
{
    text_string(text, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"result\",\"params\":{\"id\":");
    text_uint(text, id);
    text_string(text, "}}\n");
}

/* The results of one map: they must be the items in their order. */
static uint64_t check_results(const char *line, size_t size, uint64_t chunk)
{
    uint64_t first = member(line, size, "[{\"item\":");
    uint64_t last;
    uint64_t results = 0;
    const char *end = line + size;

    for (const char *at = line; (at = memchr(at, ':', (size_t)(end - at))); at++)
        results += at[-1] == '"' && at[-2] == 'm'; /* item": */
    for (end -= 1; *end != ':';)
        end--;
    last = strtoull(end + 1, NULL, 10);
    if (results != chunk || last != first + chunk - 1)
        die("%llu results instead of %llu, the last is %llu", (unsigned long long)results,
            (unsigned long long)chunk, (unsigned long long)last);
    return results;
}

static void run_map(const char *socket, uint64_t count, uint64_t chunk)
{
    struct reader reader = {.fd = connect_unix(socket)};
    struct text text = {0};
    uint64_t start_ns = now_ns();
    uint64_t sent = 0;
    uint64_t done = 0;
    size_t size;

    count -= count % chunk;
    while (done < count) {
        while (sent < count && sent - done < MAPS_AT_ONCE * chunk) {
            add_map(&text, 100000000 + sent, chunk); /* of one length, whatever the count */
            sent += chunk;
        }
        text_send(&text, reader.fd);
        for (uint64_t before = done; done == before;) {
            char *line = reader_wait_line(&reader, &size);

            check_reply(line, size);
            if (memmem(line, size < 100 ? size : 100, "\"first\":", 8))
                ask_result(&text, member(line, size, "\"result\":{\"id\":"));
            else
                done += check_results(line, size, chunk);
            if (text.size > 0)
                text_send(&text, reader.fd);
        }
    }
    printf("%.0f\n", rate_since(start_ns, count));
}

static void run_exec(const char *socket, uint64_t count, const char *program)
{
    struct reader reader = {.fd = connect_unix(socket)};
    struct text text = {0};
    uint64_t start_ns = now_ns();
    size_t size;
    char *line;

    text_string(&text,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"map\",\"params\":{\"fn\":\"exec\","
                "\"args\":{\"argv\":[\"");
    text_string(&text, program);
    text_string(&text, "\"]},\"items\":[1");
    for (uint64_t i = 1; i < count; i++)
        text_string(&text, ",1");
    text_string(&text, "]}}");
    text_add(&text, "", 1);
    line = call(&reader, text.data, &size);
    text.size = 0;
    ask_result(&text, member(line, size, "\"result\":{\"id\":"));
    text_send(&text, reader.fd);
    line = reader_wait_line(&reader, &size);
    check_reply(line, size);
    printf("%.0f\n", rate_since(start_ns, count));
}

/* ---- what waits ---- */

static void add_pending(struct text *text, size_t args_bytes, const char *pool)
{
    static const char filler[] = "0123456789abcdef";

    text_string(text,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":{\"fn\":\"echo\","
                "\"pool\":\"");
    text_string(text, pool);
    text_string(text, "\",\"args\":{\"s\":\"");
    for (size_t left = args_bytes - strlen("{\"s\":\"\"}"); left > 0;) {
        size_t part = left < sizeof(filler) - 1 ? left : sizeof(filler) - 1;

        text_add(text, filler, part);
        left -= part;
    }
    text_string(text, "\"}}}\n");
}

/* Returns the id of the first one; they follow each other. */
static uint64_t submit_pending(struct reader *reader, uint64_t count, size_t args_bytes,
                               const char *pool)
{
    struct text request = {0};
    struct text text = {0};
    uint64_t first = 0;
    uint64_t sent = 0;
    uint64_t done = 0;
    size_t size;

    add_pending(&request, args_bytes, pool);
    while (done < count) {
        while (sent < count && sent - done < PENDING_WINDOW && text.size < 262144) {
            text_add(&text, request.data, request.size);
            sent++;
        }
        text_send(&text, reader->fd);
        while (done < sent) {
            char *line = reader_wait_line(reader, &size);

            check_reply(line, size);
            if (first == 0)
                first = member(line, size, "\"result\":{\"id\":");
            done++;
        }
    }
    free(request.data);
    free(text.data);
    return first;
}

static double cancel_rate(struct reader *reader, uint64_t first, uint64_t count)
{
    struct text text = {0};
    uint64_t start_ns = now_ns();
    size_t size;

    for (uint64_t at = 0; at < count; at += PENDING_WINDOW) {
        uint64_t part = count - at < PENDING_WINDOW ? count - at : PENDING_WINDOW;

        text.size = 0;
        text_string(&text,
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"cancel\",\"params\":{\"ids\":[[");
        text_uint(&text, first + at);
        text_string(&text, ",");
        text_uint(&text, first + at + part - 1);
        text_string(&text, "]]}}");
        text_add(&text, "", 1);
        call(reader, text.data, &size);
    }
    return rate_since(start_ns, count);
}

/* The best of a few turns, since each is short. */
static void probe(struct reader *reader, double *ret_submits, double *ret_cancels)
{
    *ret_submits = *ret_cancels = 0;
    for (int i = 0; i < PROBES; i++) {
        uint64_t start_ns = now_ns();
        uint64_t first = submit_pending(reader, PROBE_FUTURES, ARGS_BYTES, "default");
        double submits = rate_since(start_ns, PROBE_FUTURES);
        double cancels = cancel_rate(reader, first, PROBE_FUTURES);

        *ret_submits = submits > *ret_submits ? submits : *ret_submits;
        *ret_cancels = cancels > *ret_cancels ? cancels : *ret_cancels;
    }
}

static void run_pending(const char *socket, uint64_t count)
{
    struct reader reader = {.fd = connect_unix(socket)};
    double bytes, submits, cancels;
    uint64_t before;
    size_t size;

    call(&reader,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.pause\",\"params\":{\"pool\":"
         "\"default\"}}",
         &size);
    submit_pending(&reader, 1, ARGS_BYTES, "default");
    before = peer_resident_bytes(reader.fd);
    submit_pending(&reader, count, ARGS_BYTES, "default");
    bytes = (double)(peer_resident_bytes(reader.fd) - before) / (double)count;
    probe(&reader, &submits, &cancels);
    printf("%.0f %.0f %.0f\n", bytes, submits, cancels);
}

/* ---- who waits ---- */

static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";

static struct reader *connect_all(const char *socket, uint64_t count, const char *greeting)
{
    struct reader *readers = calloc(count, sizeof(*readers));
    size_t size;

    raise_open_files();
    for (uint64_t i = 0; readers && i < count; i++) {
        readers[i].fd = connect_unix(socket);
        call(&readers[i], greeting, &size);
        /* What the clients keep is not what is measured, and there are many of them. */
        free(readers[i].data);
        readers[i] = (struct reader){.fd = readers[i].fd};
    }
    return readers;
}

static void run_clients(const char *socket, uint64_t count)
{
    struct reader reader = {.fd = connect_unix(socket)};
    uint64_t before;
    size_t size;

    call(&reader, ping, &size);
    before = peer_resident_bytes(reader.fd);
    free(connect_all(socket, count, ping));
    printf("%.0f\n", (double)(peer_resident_bytes(reader.fd) - before) / (double)count);
}

/* Waits until every client has been told something. */
static void await_all(const struct reader *readers, uint64_t count)
{
    struct epoll_event events[256];
    char line[4096];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (uint64_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = readers[i].fd};

        if (epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i].fd, &event) < 0)
            die("epoll_ctl");
    }
    for (uint64_t told = 0; told < count;) {
        int ready = epoll_wait(epoll, events, 256, -1);

        for (int i = 0; i < ready; i++) {
            ssize_t n = read(events[i].data.fd, line, sizeof(line));

            if (n <= 0 || !is_notification(line, (size_t)n))
                die("a subscriber was told something else");
            told++;
        }
    }
    close(epoll);
}

static void run_subscribers(const char *socket, uint64_t count)
{
    struct reader control = {.fd = connect_unix(socket)};
    char subscribe[120];
    struct reader *readers;
    uint64_t id, start_ns;
    size_t size;
    char *line;

    call(&control,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.pause\",\"params\":{\"pool\":"
         "\"default\"}}",
         &size);
    line = call(&control,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":{\"fn\":"
                "\"echo\"}}",
                &size);
    id = member(line, size, "\"result\":{\"id\":");
    snprintf(subscribe, sizeof(subscribe),
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\",\"params\":{\"ids\":[%llu]}}",
             (unsigned long long)id);
    readers = connect_all(socket, count, subscribe);
    start_ns = now_ns();
    call(&control,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.resume\",\"params\":{\"pool\":"
         "\"default\"}}",
         &size);
    await_all(readers, count);
    printf("%.1f\n", (double)(now_ns() - start_ns) / 1e6);
    free(readers);
}

_Noreturn static void run_hold(const char *socket, uint64_t count, const char *bytes)
{
    struct reader reader = {.fd = connect_unix(socket)};
    size_t size;

    if (bytes) {
        call(&reader,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.pause\",\"params\":{\"pool\":"
             "\"held\"}}",
             &size);
        submit_pending(&reader, count, number_arg(bytes), "held");
    } else
        free(connect_all(socket, count, ping));
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const char *mode = argc > 3 ? argv[1] : "";
    const char *socket = argv[2];
    const char *last = argc > 4 ? argv[4] : NULL;
    uint64_t count = argc > 3 ? number_arg(argv[3]) : 0;

    errno = 0;
    if (strcmp(mode, "echo") == 0 && last)
        run_requests(socket, count, number_arg(last), REQUEST_ECHO);
    else if (strcmp(mode, "submit") == 0 && last)
        run_requests(socket, count, number_arg(last), REQUEST_SUBMIT);
    else if (strcmp(mode, "commands") == 0 && last)
        run_requests(socket, count, number_arg(last), REQUEST_COMMAND);
    else if (strcmp(mode, "map") == 0 && last)
        run_map(socket, count, number_arg(last));
    else if (strcmp(mode, "exec") == 0 && last)
        run_exec(socket, count, last);
    else if (strcmp(mode, "pending") == 0)
        run_pending(socket, count);
    else if (strcmp(mode, "clients") == 0)
        run_clients(socket, count);
    else if (strcmp(mode, "subscribers") == 0)
        run_subscribers(socket, count);
    else if (strcmp(mode, "hold") == 0)
        run_hold(socket, count, last);
    else
        die("usage: load MODE SOCKET COUNT [MORE]; the modes stand at the top of load.c");
    return 0;
}
