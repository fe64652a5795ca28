#include "tests/support/shortage.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static atomic_int victim;
static atomic_int left; /* that succeed before the first that fails */
static atomic_bool once, has_failed;
static pthread_t loop_thread;

static bool fails(void)
{
    int mine = pthread_equal(pthread_self(), loop_thread) ? SHORTAGE_LOOP : SHORTAGE_WORKERS;

    if (atomic_load(&victim) != mine || atomic_fetch_sub(&left, 1) > 0)
        return false;
    if (atomic_load(&once))
        atomic_store(&victim, SHORTAGE_NOBODY);
    atomic_store(&has_failed, true);
    return true;
}

void shortage_begin(enum shortage_victim who, int successes, bool only_once)
{
    atomic_store(&has_failed, false);
    atomic_store(&once, only_once);
    atomic_store(&left, successes);
    atomic_store(&victim, who);
}

void shortage_end(void)
{
    atomic_store(&victim, SHORTAGE_NOBODY);
}

bool shortage_was_felt(void)
{
    return atomic_load(&has_failed);
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                          void *arg);
int __real_eventfd(unsigned value, int flags);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                          void *arg);
int __wrap_eventfd(unsigned value, int flags);

void *__wrap_malloc(size_t size)
{
    return fails() ? no_memory() : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? no_memory() : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? no_memory() : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return fails() ? no_memory() : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? no_memory() : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails() ? no_memory() : __real_strndup(text, size);
}

/* jansson's parser counts as one allocation: inside of it a token that it cannot keep whole is read
 * past its end, which is nothing that we could mend. */
static _Thread_local bool parsing;

json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error)
{
    if (fails()) {
        /* As it does without memory for its first buffer: no code, no text. */
        if (error)
            error->text[0] = '\0';
        return NULL;
    }
    parsing = true;
    json_t *value = __real_json_loadb(text, size, flags, error);
    parsing = false;
    return value;
}

static void *json_malloc(size_t size)
{
    return !parsing && fails() ? no_memory() : __real_malloc(size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                          void *arg)
{
    return fails() ? EAGAIN : __real_pthread_create(thread, attributes, fn, arg);
}

int __wrap_eventfd(unsigned value, int flags)
{
    if (!fails())
        return __real_eventfd(value, flags);
    errno = EMFILE;
    return -1;
}

void shortage_init(void)
{
    loop_thread = pthread_self();
    json_set_alloc_funcs(json_malloc, free);
}
