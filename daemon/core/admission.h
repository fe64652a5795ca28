/* A submit on its way in, from the moment that it is known until it is stored and answered; for
 * submit.c, which decides when, and admission.c, which does it. Loop thread only. */
#ifndef FUTURED_CORE_ADMISSION_H
#define FUTURED_CORE_ADMISSION_H

#include "daemon/core/executor_impl.h"

/* What it waits for is looked up only when there is room. */
struct admission {
    TAILQ_ENTRY(admission) link; /* while parked, then while it is committed */
    struct executor *executor;
    struct future *future; /* a map's has its items */
    struct client client;
    struct submit_answer answer;
    uint64_t delay_ns;
    uint64_t failed_id;    /* a dependency that can never come true; 0: none */
    bool late;             /* committed, and not pushed before that is done */
    struct key_entry *key; /* NULL: none; in the table of keys only once it is admitted */
    size_t after_count;
    struct stored_after after[];
};

/* NULL: no memory. */
struct admission *admission_new(struct executor *executor, const struct submission *submission,
                                const struct client *client, const struct submit_answer *answer);
/* With its future, unless that has gone into the table. NULL is allowed. */
void admission_free(struct admission *admission);
/* How many calls it brings to its pool. */
uint64_t admission_calls(const struct admission *admission);

/* Links what it waits for, numbers it, and gives it to the store, whose answer is answered. Owns
 * the admission from here on; a refusal is answered by the caller. */
enum refusal admit(struct admission *admission, struct refusal_detail *detail);

/* It waits for the store from here, and to there. `late`: it is pushed only once it is stored. */
void admission_begin_committing(struct admission *admission, bool late);
void admission_end_committing(struct admission *admission);
/* The future and its key are in their tables, which own them now. */
void admission_let_go(struct admission *admission);
/* Its client is gone: it goes on, and nobody is told. */
void admission_forget_client(struct admission *admission);

/* `detail`: NULL: there is none. */
void submit_refuse(const struct submit_answer *answer, enum refusal refusal,
                   const struct refusal_detail *detail);

#endif
