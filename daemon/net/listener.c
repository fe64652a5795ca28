#include "daemon/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif
#include <event2/event.h>

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/systemd.h"
#include "daemon/net/turn_away.h"

/* How long accepting rests when the process or the machine is out of descriptors or memory: a
 * socket that stays readable would otherwise keep the loop spinning. */
#define REST_NS NS_PER_S
/* How often the log says that we rest, where clients that go let others in now and then. */
#define REST_SAID_NS (30 * NS_PER_S)
/* Clients taken in one turn of the loop. */
#define ACCEPT_MAX 64

struct listener {
    int fd, lock_fd;
    char *path;
    struct event *readable;
    struct loop_timer *rest;
    struct identity_rules rules;
    bool short_of; /* .. something, as the log says */
    uint64_t said_ns;
    listener_fn *fn;
    void *arg;
};

/* ---- the socket ---- */

int listener_inherited(int *ret_fd)
{
    *ret_fd = -1;
#if HAVE_SYSTEMD
    if (!getenv("LISTEN_FDS"))
        return 0;
    typeof(sd_listen_fds) *listen_fds = systemd_function("sd_listen_fds");
    typeof(sd_is_socket) *is_socket = systemd_function("sd_is_socket");
    if (!listen_fds || !is_socket)
        return -ENOSYS;
    int count = listen_fds(1);
    if (count < 0)
        return count;
    if (count == 0)
        return 0;
    int fd = SD_LISTEN_FDS_START;
    if (count > 1 || is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
        return -EINVAL;
    int r = fd_set_nonblocking(fd);
    if (r < 0)
        return r;
    *ret_fd = fd;
#endif
    return 0;
}

static void set_address(const char *path, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", path);
}

static int make_directory(const char *path, gid_t group)
{
    char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
    snprintf(copy, sizeof(copy), "%s", path);
    char *directory = dirname(copy);
    if (mkdir(directory, 0700) < 0)
        return errno == EEXIST ? 0 : -errno;
    /* The group may pass through, no more; and not before it is the right one. */
    if (group != (gid_t)-1 &&
        (lchown(directory, (uid_t)-1, group) < 0 || chmod(directory, 0710) < 0))
        return -errno;
    return 0;
}

/* The lock decides who owns the path, also between two daemons that start at once; it lives as
 * long as the process, and its file stays. */
static int take_lock(const char *path, int *ret_fd)
{
    char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
    snprintf(name, sizeof(name), "%s.lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = fd_lock(fd);
    if (r < 0) {
        close(fd);
        return r == -EWOULDBLOCK ? -EADDRINUSE : r;
    }
    *ret_fd = fd;
    return 0;
}

/* Somebody who does not know of the lock may listen there all the same. */
static int remove_stale(int fd, const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -ENOTSOCK;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
        return -EADDRINUSE;
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

/* Changes the group of the socket file that we have bound, and of no other that somebody may have
 * put in its place. */
static int give_to_group(const char *path, gid_t group)
{
    struct stat status;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &status) < 0 ? -errno : 0;
    if (r == 0 && (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid()))
        r = -EPERM;
    if (r == 0 && fchownat(fd, "", (uid_t)-1, group, AT_EMPTY_PATH) < 0)
        r = -errno;
    fd_close(fd);
    return r;
}

/* The mode holds from the first moment on: a chmod afterwards would leave a window. The group
 * cannot be given to bind, and changing it on the descriptor would not reach the file; but there is
 * no window either, as nobody can connect before listen. */
static int bind_private(int fd, const struct sockaddr_un *address, gid_t group)
{
    mode_t before = umask(group == (gid_t)-1 ? 0177 : 0117);
    int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    umask(before);
    if (r < 0 || group == (gid_t)-1)
        return r;
    r = give_to_group(address->sun_path, group);
    if (r < 0)
        unlink(address->sun_path);
    return r;
}

int listener_bind(const char *path, gid_t group, int *ret_fd, int *ret_lock_fd)
{
    struct sockaddr_un address;
    int lock_fd = -1;
    int probe = -1;
    int fd = -1;
    set_address(path, &address);
    int r = make_directory(path, group);
    if (r == 0)
        r = take_lock(path, &lock_fd);
    if (r < 0)
        return r;
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    r = probe < 0 || fd < 0 ? -errno : 0;
    if (r == 0)
        r = remove_stale(probe, &address);
    if (r == 0)
        r = bind_private(fd, &address, group);
    if (r == 0 && listen(fd, SOMAXCONN) < 0)
        r = -errno;
    fd_close(probe);
    if (r < 0) {
        fd_close(fd);
        fd_close(lock_fd);
        return r;
    }
    *ret_fd = fd;
    *ret_lock_fd = lock_fd;
    return 0;
}

/* ---- accepting ---- */

static void on_rested(void *arg)
{
    struct listener *listener = arg;
    /* Without memory for that it would be deaf for ever. */
    if (event_add(listener->readable, NULL) < 0)
        loop_timer_set(listener->rest, clock_mono_ns() + REST_NS);
}

static void take_rest(struct listener *listener, int error)
{
    uint64_t now_ns = clock_mono_ns();
    if (!listener->short_of &&
        (listener->said_ns == 0 || now_ns - listener->said_ns > REST_SAID_NS)) {
        log_warning("cannot accept clients for now: %s", strerror(error));
        listener->said_ns = now_ns;
        listener->short_of = true;
    }
    event_del(listener->readable);
    loop_timer_set(listener->rest, now_ns + REST_NS);
}

static void greet(struct listener *listener, int fd)
{
    struct peer peer;
    int r = identity_of(fd, &listener->rules, &peer);
    if (r < 0) {
        struct rpc_error error = {.code = RPC_PERMISSION_DENIED};
        log_warning("refused a client: the kernel does not say who it is: %s", strerror(-r));
        rpc_error_set(&error, RPC_PERMISSION_DENIED, "the kernel does not say who you are");
        turn_away(fd, &error);
        return;
    }
    listener->fn(listener->arg, fd, &peer);
}

static void on_readable(evutil_socket_t socket_fd, short events, void *arg)
{
    struct listener *listener = arg;
    (void)events;
    for (int i = 0; i < ACCEPT_MAX; i++) {
        struct sockaddr_un address;
        socklen_t size = sizeof(address);
        int fd =
            accept4(socket_fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            greet(listener, fd_lift(fd));
            continue;
        }
        if (errno == EAGAIN && listener->short_of) {
            log_info("accepting clients again");
            listener->short_of = false;
        }
        /* What passes by itself is told again at once, anything else may well be there for long. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            take_rest(listener, errno);
        return;
    }
}

int listener_new(struct loop *loop, int fd, int lock_fd, const char *path,
                 const struct identity_rules *rules, listener_fn *fn, void *arg,
                 struct listener **ret_listener)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener) {
        fd_close(fd);
        fd_close(lock_fd);
        return -ENOMEM;
    }
    listener->fd = fd;
    listener->lock_fd = lock_fd;
    listener->rules = *rules;
    listener->fn = fn;
    listener->arg = arg;
    int r = loop_timer_new(loop, on_rested, listener, &listener->rest);
    if (r < 0)
        goto fail;
    r = -ENOMEM;
    if (path && !(listener->path = strdup(path)))
        goto fail;
    listener->readable =
        event_new(loop_event_base(loop), fd, EV_READ | EV_PERSIST, on_readable, listener);
    if (!listener->readable || event_add(listener->readable, NULL) < 0)
        goto fail;
    *ret_listener = listener;
    return 0;
fail:
    listener_free(listener);
    return r;
}

void listener_set_rules(struct listener *listener, const struct identity_rules *rules)
{
    listener->rules = *rules;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    if (listener->readable)
        event_free(listener->readable);
    loop_timer_free(listener->rest);
    /* The file goes before the lock does: afterwards it may be another daemon's. */
    if (listener->path)
        unlink(listener->path);
    fd_close(listener->fd);
    fd_close(listener->lock_fd);
    free(listener->path);
    free(listener);
}
