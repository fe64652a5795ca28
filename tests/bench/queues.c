/* Peers for jobs that do nothing: each job is put into the queue, handed to a worker and finished.
 * Client and worker are two connections of this program, both with many requests in flight, which
 * is the best that these servers can be offered.
 *
 *     queues beanstalkd PORT COUNT WINDOW   put, reserve and delete
 *     queues gearmand PORT COUNT WINDOW     SUBMIT_JOB, GRAB_JOB, WORK_COMPLETE and back
 *     queues gearmand-client PORT COUNT WINDOW FUNCTION   the client alone; others work
 *
 * Prints jobs a second. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

/* ---- beanstalkd ---- */

static void beanstalkd_put(int fd, struct reader *reader, uint64_t count)
{
    struct text text = {0};
    size_t size;

    for (uint64_t i = 0; i < count; i++)
        text_string(&text, "put 0 0 60 1\r\n1\r\n");
    text_send(&text, fd);
    for (uint64_t i = 0; i < count; i++) {
        char *line = reader_wait_line(reader, &size);

        if (strncmp(line, "INSERTED", 8) != 0)
            die("beanstalkd said %.*s", (int)size, line);
    }
    free(text.data);
}

static void beanstalkd_take(int fd, struct reader *reader, uint64_t count)
{
    struct text text = {0};
    size_t size;

    for (uint64_t i = 0; i < count; i++)
        text_string(&text, "reserve\r\n");
    text_send(&text, fd);
    for (uint64_t i = 0; i < count; i++) {
        char *line = reader_wait_line(reader, &size);

        if (strncmp(line, "RESERVED ", 9) != 0)
            die("beanstalkd said %.*s", (int)size, line);
        text_string(&text, "delete ");
        text_uint(&text, strtoull(line + 9, NULL, 10));
        text_string(&text, "\r\n");
        reader_wait_line(reader, &size);
    }
    text_send(&text, fd);
    for (uint64_t i = 0; i < count; i++) {
        char *line = reader_wait_line(reader, &size);

        if (strncmp(line, "DELETED", 7) != 0)
            die("beanstalkd said %.*s", (int)size, line);
    }
    free(text.data);
}

static void run_beanstalkd(const char *port, uint64_t count, uint64_t window)
{
    struct reader client = {.fd = connect_port(port)};
    struct reader worker = {.fd = connect_port(port)};
    uint64_t start_ns = now_ns();

    count -= count % window;
    for (uint64_t done = 0; done < count; done += window) {
        beanstalkd_put(client.fd, &client, window);
        beanstalkd_take(worker.fd, &worker, window);
    }
    printf("%.0f\n", rate_since(start_ns, count));
}

/* ---- gearmand ---- */

enum gearman_packet {
    CAN_DO = 1,
    SUBMIT_JOB = 7,
    JOB_CREATED = 8,
    GRAB_JOB = 9,
    JOB_ASSIGN = 11,
    WORK_COMPLETE = 13,
};

static void add_packet(struct text *text, enum gearman_packet type, const void *data, size_t size)
{
    uint32_t numbers[2] = {htonl((uint32_t)type), htonl((uint32_t)size)};

    text_add(text, "\0REQ", 4);
    text_add(text, (const char *)numbers, sizeof(numbers));
    text_add(text, data, size);
}

static char *wait_packet(struct reader *reader, enum gearman_packet wanted, size_t *ret_size)
{
    uint32_t numbers[3];

    memcpy(numbers, reader_wait_bytes(reader, sizeof(numbers)), sizeof(numbers));
    *ret_size = ntohl(numbers[2]);
    if (ntohl(numbers[1]) != (uint32_t)wanted)
        die("gearmand sent packet %u instead of %u", ntohl(numbers[1]), (unsigned)wanted);
    return reader_wait_bytes(reader, *ret_size);
}

static void gearmand_submit(struct reader *client, const char *function, uint64_t count)
{
    char job[80];
    size_t prefix = (size_t)snprintf(job, sizeof(job), "%s", function) + 1;
    struct text text = {0};

    job[prefix] = '\0'; /* no unique name: each is a job of its own */
    job[prefix + 1] = '1';
    for (uint64_t i = 0; i < count; i++)
        add_packet(&text, SUBMIT_JOB, job, prefix + 2);
    text_send(&text, client->fd);
    free(text.data);
}

static void gearmand_work(struct reader *worker, uint64_t count)
{
    struct text text = {0};
    size_t size;

    for (uint64_t i = 0; i < count; i++)
        add_packet(&text, GRAB_JOB, "", 0);
    text_send(&text, worker->fd);
    for (uint64_t i = 0; i < count; i++) {
        const char *job = wait_packet(worker, JOB_ASSIGN, &size);

        add_packet(&text, WORK_COMPLETE, job, strlen(job) + 1); /* its handle, and no data */
    }
    text_send(&text, worker->fd);
    free(text.data);
}

static void gearmand_await(struct reader *client, enum gearman_packet type, uint64_t count)
{
    size_t size;

    for (uint64_t i = 0; i < count; i++)
        wait_packet(client, type, &size);
}

static void run_gearmand(const char *port, uint64_t count, uint64_t window)
{
    struct reader client = {.fd = connect_port(port)};
    struct reader worker = {.fd = connect_port(port)};
    struct text text = {0};
    uint64_t start_ns;

    add_packet(&text, CAN_DO, "nothing", 7);
    text_send(&text, worker.fd);
    start_ns = now_ns();
    count -= count % window;
    for (uint64_t done = 0; done < count; done += window) {
        gearmand_submit(&client, "nothing", window);
        gearmand_await(&client, JOB_CREATED, window);
        gearmand_work(&worker, window);
        gearmand_await(&client, WORK_COMPLETE, window);
    }
    printf("%.0f\n", rate_since(start_ns, count));
}

/* Packets of both kinds come in any order where others do the work. */
static void run_gearmand_client(const char *port, uint64_t count, uint64_t window,
                                const char *function)
{
    struct reader client = {.fd = connect_port(port)};
    uint64_t start_ns = now_ns();
    uint64_t sent = 0;
    uint64_t done = 0;

    while (done < count) {
        uint32_t numbers[3];
        uint64_t room = window - (sent - done);

        if (room > count - sent)
            room = count - sent;
        gearmand_submit(&client, function, room);
        sent += room;
        memcpy(numbers, reader_wait_bytes(&client, sizeof(numbers)), sizeof(numbers));
        reader_wait_bytes(&client, ntohl(numbers[2]));
        done += ntohl(numbers[1]) == WORK_COMPLETE;
    }
    printf("%.0f\n", rate_since(start_ns, count));
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "beanstalkd") == 0)
        run_beanstalkd(argv[2], number_arg(argv[3]), number_arg(argv[4]));
    else if (argc == 5 && strcmp(argv[1], "gearmand") == 0)
        run_gearmand(argv[2], number_arg(argv[3]), number_arg(argv[4]));
    else if (argc == 6 && strcmp(argv[1], "gearmand-client") == 0)
        run_gearmand_client(argv[2], number_arg(argv[3]), number_arg(argv[4]), argv[5]);
    else
        die("usage: queues beanstalkd|gearmand|gearmand-client PORT COUNT WINDOW [FUNCTION]");
    return 0;
}
