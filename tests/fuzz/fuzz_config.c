/* layers: run proto core base */
/* extra: daemon/config.c daemon/config_files.c daemon/config_function.c daemon/config_pool.c */
/* extra: daemon/config_values.c daemon/log_sink.c */
/* The configuration file: it is taken, or refused with a line that says where and why. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tests/fuzz/fuzz.h"

/* The daemon opens a path; this one is memory. */
static int open_file(const uint8_t *data, size_t size, char *ret_path, size_t path_size)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("config", MFD_CLOEXEC);
    MUST(fd >= 0 && ftruncate(fd, 0) == 0);
    MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(ret_path, path_size, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[40];
    struct config config;
    struct config_error error = {.text = ""};

    open_file(data, size, path, sizeof(path));
    config_set_defaults(&config);
    int r = config_read_file(&config, path, &error);
    if (r == 0) {
        for (const struct limit_entry *entry = limit_table; entry->name; entry++) {
            uint64_t value;

            MUST(limits_get(&config.limits, entry->name, &value) == 0 && value > 0);
        }
        for (size_t i = 0; i < config.pool_count; i++)
            MUST(config.pools[i].settings.max_workers > 0);
        r = config_check(&config, &error);
    } else {
        MUST(strncmp(error.text, path, strlen(path)) == 0);
    }
    MUST(r == 0 || (r == -EINVAL && error.text[0] != '\0'));
    config_free(&config);
    return 0;
}
