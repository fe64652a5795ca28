#include "daemon/base/boot_id.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/fd.h"

void boot_id_read(char ret_boot_id[BOOT_ID_BYTES])
{
    memset(ret_boot_id, 0, BOOT_ID_BYTES);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t size = read(fd, ret_boot_id, BOOT_ID_BYTES - 1);
    fd_close(fd);
    ret_boot_id[size > 0 ? strcspn(ret_boot_id, "\n") : 0] = '\0';
}
