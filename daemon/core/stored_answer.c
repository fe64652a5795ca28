/* Answers that wait until what was changed before is in the store. What they need is had before
 * anything is changed: once it is, nothing of the answer can fail. */
#include <stdlib.h>

#include "daemon/core/executor_impl.h"

struct stored_answer {
    TAILQ_ENTRY(stored_answer) link;
    struct executor *executor;
    void *ticket; /* the store's; NULL once it has it */
    bool put_off; /* given, and not to the store yet */
    uint64_t client;
    void (*fn)(void *arg); /* NULL: nobody waits any more */
    void *arg;
};

struct stored_answer *stored_answer_new(struct executor *executor, uint64_t client_number,
                                        void (*fn)(void *arg), void *arg)
{
    struct store *store = executor->settings.store;
    struct stored_answer *answer = malloc(sizeof(*answer));
    void *ticket = answer ? store->ops->ticket(store) : NULL;
    if (!ticket) {
        free(answer);
        return NULL;
    }
    *answer = (struct stored_answer){
        .executor = executor,
        .ticket = ticket,
        .client = client_number,
        .fn = fn,
        .arg = arg,
    };
    TAILQ_INSERT_TAIL(&executor->stored_answers, answer, link);
    return answer;
}

static void forget(struct stored_answer *answer)
{
    TAILQ_REMOVE(&answer->executor->stored_answers, answer, link);
    free(answer->ticket);
    free(answer);
}

void stored_answer_free(struct stored_answer *answer)
{
    struct executor *executor;
    if (!answer)
        return;
    executor = answer->executor;
    forget(answer);
    tell_drained(executor);
}

static void on_stored(void *arg, int error)
{
    struct stored_answer *answer = arg;
    void (*fn)(void *arg) = answer->fn;
    void *fn_arg = answer->arg;
    struct executor *executor = answer->executor;
    (void)error; /* it is of nothing */
    forget(answer);
    if (fn)
        fn(fn_arg);
    tell_drained(executor);
}

static void give(struct stored_answer *answer)
{
    struct store *store = answer->executor->settings.store;
    void *ticket = answer->ticket;
    answer->ticket = NULL;
    store->ops->after(store, ticket, on_stored, answer);
}

void stored_answer_give(struct stored_answer *answer)
{
    /* It may speak of an end that the store could not take yet. */
    if (answer->executor->stalled)
        answer->put_off = true;
    else
        give(answer);
}

static struct stored_answer *first_put_off(const struct executor *executor)
{
    struct stored_answer *answer;
    TAILQ_FOREACH (answer, &executor->stored_answers, link)
        if (answer->put_off)
            break;
    return answer;
}

void give_stored_answers(struct executor *executor)
{
    struct stored_answer *answer;
    while (!executor->stalled && (answer = first_put_off(executor))) {
        answer->put_off = false;
        give(answer);
    }
}

void drop_stored_answers(struct executor *executor, uint64_t client)
{
    struct stored_answer *answer;
    TAILQ_FOREACH (answer, &executor->stored_answers, link)
        if (answer->client == client)
            answer->fn = NULL;
}

void free_stored_answers(struct executor *executor)
{
    struct stored_answer *answer;
    while ((answer = TAILQ_FIRST(&executor->stored_answers)))
        forget(answer);
}
