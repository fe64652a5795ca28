/* What was submitted, as the futures of equal submits share it: made from a submission, freed with
 * the last future of it. */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/executor_impl.h"
#include "daemon/core/owner.h"

enum durability executor_durability(const struct executor *executor, const struct pool *pool)
{
    enum durability wanted = pool_settings(pool)->durability;
    enum durability given = executor->settings.store->ops->durability;
    return wanted < given ? wanted : given;
}

static size_t key_size(const struct spec *spec)
{
    return offsetof(struct spec, label) - offsetof(struct spec, function) + strlen(spec->label);
}

static void spec_free(struct spec *spec)
{
    owner_unref(spec->owner);
    free(spec);
}

static bool equals(const struct spec *spec, const struct spec *other, size_t size)
{
    return key_size(other) == size && memcmp(&spec->function, &other->function, size) == 0;
}

/* Gives back the one that equals `spec` in its place, or lets others find `spec`. */
static struct spec *share(struct spec *spec)
{
    struct executor *executor = spec->executor;
    struct spec *known = executor->last_spec;
    size_t size = key_size(spec);
    unsigned hash;
    if (!known || !equals(spec, known, size)) {
        HASH_VALUE(&spec->function, size, hash);
        HASH_FIND_BYHASHVALUE(hh, executor->specs, &spec->function, size, hash, known);
        if (!known) {
            /* Without memory for the hash it is its submit's alone. */
            HASH_ADD_KEYPTR_BYHASHVALUE(hh, executor->specs, &spec->function, size, hash, spec);
            return spec;
        }
        executor->last_spec = known;
    }
    spec_free(spec);
    return spec_ref(known);
}

static struct spec *make(struct executor *executor, const struct submission *submission,
                         const struct client *client, enum durability durability)
{
    size_t label_size = submission->label ? strlen(submission->label) : 0;
    struct spec *spec = calloc(1, sizeof(*spec) + label_size + 1);
    if (!spec)
        return NULL;
    spec->owner = owner_ref(executor->owners, client->uid);
    if (!spec->owner) {
        free(spec);
        return NULL;
    }
    spec->executor = executor;
    spec->references = 1;
    spec->function = submission->function;
    spec->pool = submission->pool;
    spec->client = client->number;
    spec->timeout_ns = submission->timeout_ns;
    spec->retry_max = submission->retry_max;
    spec->retry_delay_ns = submission->retry_delay_ns;
    spec->retry_backoff = submission->retry_backoff;
    spec->output_cap_bytes = executor->settings.output_bytes;
    spec->rerun_on_crash = submission->rerun_on_crash;
    spec->scoped = submission->scoped;
    spec->durability = durability;
    if (label_size > 0)
        memcpy(spec->label, submission->label, label_size);
    return submission->is_map ? spec : share(spec);
}

struct spec *spec_new(struct executor *executor, const struct submission *submission,
                      const struct client *client)
{
    enum durability durability =
        submission->not_stored ? DURABILITY_NONE : executor_durability(executor, submission->pool);
    return make(executor, submission, client, durability);
}

struct spec *spec_restore(struct executor *executor, const struct submission *submission,
                          const struct client *client, enum durability durability)
{
    return make(executor, submission, client, durability);
}

bool spec_is_gated(const struct spec *spec)
{
    return spec->durability != DURABILITY_NONE && !spec->function->ops->repeatable;
}

struct spec *spec_ref(struct spec *spec)
{
    spec->references++;
    return spec;
}

void spec_unref(struct spec *spec)
{
    if (!spec || --spec->references > 0)
        return;
    if (spec->executor->last_spec == spec)
        spec->executor->last_spec = NULL;
    if (spec->hh.tbl)
        HASH_DEL(spec->executor->specs, spec);
    spec_free(spec);
}
