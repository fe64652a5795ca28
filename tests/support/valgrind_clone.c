/* For LD_PRELOAD under valgrind, which ends a program that makes a child by clone but as vfork
 * does: the child gets a copy of the table of descriptors, in place of the table itself. Programs
 * that it starts may have it too, and are none the worse. */
#include <dlfcn.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>

int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

static __typeof__(&__clone) real;

/* Beforehand, as the calls are counted. */
__attribute__((constructor)) static void find_real(void)
{
    real = (__typeof__(&__clone))(uintptr_t)dlsym(RTLD_NEXT, "__clone");
}

int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    va_list more;

    if (flags & CLONE_VFORK)
        flags &= ~CLONE_FILES;
    va_start(more, arg);
    void *parent_tid = va_arg(more, void *);
    va_end(more);
    return real(fn, stack, flags, arg, parent_tid);
}
