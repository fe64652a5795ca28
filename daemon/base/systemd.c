#include "daemon/base/systemd.h"

#include <dlfcn.h>
#include <stddef.h>

void *systemd_function(const char *name)
{
    /* Counted by the linker; it is never given back. */
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_NODELETE);
    return library ? dlsym(library, name) : NULL;
}
