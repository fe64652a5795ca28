/* What was submitted, as a map and its items share it: made from a submission, freed with the last
 * future of it. */
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

struct spec *spec_new(struct executor *executor, const struct submission *submission,
                      const struct client *client)
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
    spec->rerun_on_crash = submission->rerun_on_crash;
    spec->scoped = submission->scoped;
    spec->durability =
        submission->not_stored ? DURABILITY_NONE : executor_durability(executor, submission->pool);
    if (label_size > 0)
        memcpy(spec->label, submission->label, label_size);
    return spec;
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
    owner_unref(spec->owner);
    free(spec);
}
