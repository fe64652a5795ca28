/* The inside of the executor, for its own files. Loop thread only.
 *
 * executor.c       making it, its pools and functions, its end
 * find.c           from ids to futures
 * report.c         what the workers report
 *
 * A future's way, file by file:
 * submit.c         when a submission is taken in: now, when there is room, or never
 * admission.c      making it a future, giving it to the store, answering
 * key.c            submits that stand for the same future; spec.c: what equal submits share
 * dependency.c     futures that wait for others
 * schedule.c       from a future to the queue
 * start.c          from there to RUNNING
 * ahead.c          starts that are stored before that
 * early.c          what is executed before its submit is stored
 * settle.c         from an outcome to the next attempt, or to done
 * cancel.c         cancel, terminate, retry, forget; update.c: another priority
 * map.c            what the items do to their map; map_add.c: more items for an open one
 * deadlock.c       pools that stand still
 *
 * The store:
 * record.c         what it is told of all that
 * stored_answer.c  answers that wait for it
 * paging.c         which of the done futures are in memory; reclaim.c: memory that they have left
 * retention.c      how long the done ones are kept
 * recover.c        what was there before the daemon
 * backup.c         copies of it */
#ifndef FUTURED_CORE_EXECUTOR_IMPL_H
#define FUTURED_CORE_EXECUTOR_IMPL_H

#include <sys/queue.h>

#include "daemon/core/deadlock.h"
#include "daemon/core/executor.h"
#include "daemon/core/future_impl.h"
#include "daemon/core/store.h"

struct admission;
struct backup;
struct completions;
struct future_table;
struct key_entry;
struct load;
struct lost_function;
struct owners;
struct stored_answer;

struct executor {
    struct executor_settings settings;
    struct executor_observer observer;
    struct completions *completions;
    struct loop_task *hand_out; /* of what was pushed in this turn of the loop */
    struct future_table *table;
    struct owners *owners;
    struct spec *specs;     /* uthash, see there */
    struct spec *last_spec; /* of these, NULL: none: most submits are like the one before */
    struct key_entry *keys; /* uthash, by user and key */
    const struct function **functions;
    size_t function_count;
    struct pool **pools;
    size_t pool_count;
    uint64_t cursor;
    uint64_t reserved_id, reserved_cursor; /* the store knows that those before may be used */
    struct future_list to_settle;          /* ends decided, not yet given to the store */
    bool stalled; /* the store had no memory for one of them: all wait for `again` */
    struct deadline again;
    struct deadline tidy; /* see tidy_if_many */
    struct deadline reclaim;
    _Atomic uint64_t *marks; /* the store's, see begun.h; NULL: no start is stored ahead */
    struct pool *fast_pool;  /* whose calls that come next are to be looked at */
    uint64_t ends_ns;        /* when the ends that are being taken in were; 0: not asked yet */
    uint64_t *places;    /* whose each of the marks is, by id; NULL: nobody's yet, 0: nobody's */
    uint64_t freed;      /* futures, since memory was given back */
    uint64_t committing; /* ends given to the store and not yet announced */
    uint64_t announced;  /* while there are such: a cursor before all of theirs */
    bool settling;       /* somebody up the stack works through `to_settle` */
    uint64_t cancels;    /* ends decided so far that are CANCELLED */
    LIST_HEAD(, map) open_maps;
    LIST_HEAD(, block) blocks; /* jobs that wait for futures */
    struct future_list done;   /* by rising cursor */
    struct future_list kept;   /* what retention takes, oldest first */
    uint64_t kept_count, kept_bytes;
    TAILQ_HEAD(admission_list, admission) parked; /* submits that wait for room, oldest first */
    struct admission_list committing_submits;     /* submits that wait for the store */
    struct admission *early_next; /* of these: the first whose early end may have to be given */
    uint64_t late_submits;        /* of these, such as are pushed only once they are stored */
    TAILQ_HEAD(, stored_answer) stored_answers; /* that wait for the store */
    TAILQ_HEAD(, backup) backups;               /* copies that are being made */
    struct future_list cached; /* done and stored, and still in memory; oldest first */
    uint64_t cached_count, cached_bytes;
    LIST_HEAD(, load) loads;    /* answers of the store that are awaited */
    struct lost_function *lost; /* functions that stored futures name and nobody has any more */
    uint64_t keys_stale;        /* traces gone since the keys were looked through */
    bool recovering;            /* what comes is from the store, and is not put there again */
    bool shut_down, drop_pending, keep_pending;
    bool running_wanted;      /* somebody wants to be told of starts promptly */
    uint64_t reports_awaited; /* futures with `report_awaited` */
};

/* An answer to map.add that waits for the store, then while the map's window is full. */
struct map_add_waiter {
    TAILQ_ENTRY(map_add_waiter) link;
    struct map *map;
    uint64_t client;
    uint64_t from; /* index of the first item */
    uint64_t first, count;
    bool stored;                  /* the items are in the store */
    struct map_add_answer answer; /* fn NULL: the client is gone */
};

/* ---- report.c ---- */

/* Completions are there: takes them in. `arg`: the executor. */
void on_reports(void *arg);
/* Has starts reported promptly while somebody waits for them, and not otherwise. */
void wake_for_starts(struct executor *executor);
/* Has the start of this one reported promptly, and with it the call: somebody wants something of
 * that. Once it is there, or cannot come any more, nobody waits. */
void await_report(struct future *future);
void await_no_report(struct future *future);
/* At the end, when no worker is left: nobody will hear the reports that are still there, and the
 * calls go with their futures. */
void give_calls_back(struct executor *executor);

/* ---- spec.c ---- */

/* What was submitted, by whom. NULL: no memory. */
struct spec *spec_new(struct executor *executor, const struct submission *submission,
                      const struct client *client);
/* The same with a durability that was settled before. */
struct spec *spec_restore(struct executor *executor, const struct submission *submission,
                          const struct client *client, enum durability durability);

/* ---- admission.c: see admission.h for what only submit.c needs ---- */

/* Gives the map's items from that index on their ids; the table has room for them. */
void number_items(struct executor *executor, struct map *map, uint64_t from, int64_t now_us);
/* Puts the map's items from that index on. */
void put_items(struct map *map, uint64_t from);

/* ---- submit.c ---- */

/* Names the limit that so many more pending futures of that user would pass; NULL: none. */
const char *past_pending(const struct executor *executor, uint32_t uid, uint64_t calls,
                         uint64_t *ret_value);
/* Takes parked submits in where there is room now. */
void admit_parked(struct executor *executor);
/* Answers all parked submits with a refusal. */
void refuse_parked(struct executor *executor, enum refusal refusal);
/* A client is gone: drops its parked submits; what is on its way into the store goes on,
 * unanswered. */
void drop_submits(struct executor *executor, uint64_t client);
/* Drops them all; the futures that the table has stay. */
void free_submits(struct executor *executor);

/* ---- dependency.c ---- */

/* Makes a new future wait for those in `after` that are not done, and marks there which of them the
 * store does not have. One that is done otherwise than needed is no refusal: *ret_failed_id is its
 * id then. What was linked before a refusal is left to stop_waiting. */
enum refusal add_dependencies(struct future *future, const struct client *client,
                              struct stored_after *after, size_t count, uint64_t *ret_failed_id,
                              struct refusal_detail *detail);
/* The same for one that the store had. False: what it waited for did not end as it needed, and it
 * is on its way to the same end. */
bool restore_dependencies(struct future *future, const struct stored_after *after, size_t count);
/* It waits for none any more. */
void drop_dependencies(struct future *future);
/* The end of `future` is decided: those that waited for another end can never go. Their ends take
 * the way of this one, behind it: a chain of any length needs no more commits than one. */
void fail_dependents(struct future *future);
/* `future` is done, and stored: those that waited for it may go. */
void release_dependents(struct future *future);
/* The future with that id did not end as `waiter` needed: an exception ends it, a map with its
 * items. */
void fail_dependency(struct future *waiter, uint64_t id);
/* That exception, for the waiter alone. */
void settle_dependency_failed(struct future *waiter, uint64_t id);

/* ---- key.c ---- */

/* What a key would stand for, not yet in the table; both texts are copied. NULL: no memory. */
struct key_entry *key_entry_new(const char *key, const char *call, uint32_t uid);
/* Takes it out of the table, if it is there. NULL is allowed. */
void key_entry_free(struct executor *executor, struct key_entry *entry);
/* The key, and what it was used for. */
const char *key_entry_key(const struct key_entry *entry, uint64_t *ret_call);
/* The id of the future that the same user's same key stands for already, and whether the call is
 * the same; 0: none. */
uint64_t key_entry_known(struct executor *executor, const struct key_entry *like, bool *ret_same);
/* The key stands for the future with that id from now on. False: no memory. */
bool key_entry_add(struct executor *executor, struct key_entry *entry, uint64_t id);
/* The entry of the key; NULL: none. */
struct key_entry *key_entry_find(const struct executor *executor, const char *key, uint32_t uid);
/* What a hash of the call was, instead of the call. */
struct key_entry *key_entry_restore(const char *key, uint64_t call, uint32_t uid);
/* Forgets keys of futures that are gone, now and then. */
void keys_tidy(struct executor *executor);
void keys_free(struct executor *executor);

/* ---- schedule.c ---- */

/* Pushes the call, whatever holds it. Workers hear of it at the end of the turn: what is pushed
 * together is handed out together. 0 or -ENOMEM. */
int push_call(struct future *future);

/* Wakes workers for what was pushed. `arg`: the executor. */
void hand_out(void *arg);

/* Queues a pending future that nothing holds; of a map its items. */
void schedule(struct future *future);
/* Takes a reason to wait away, and schedules. */
void release_hold(struct future *future, enum hold hold);
/* A future has one deadline: `fn` is told of it. 0 or -ENOMEM. */
int future_set_deadline(struct future *future, uint64_t when_ns, deadline_fn *fn);
void future_clear_deadline(struct future *future);
struct future *future_of_deadline(struct deadline *deadline);
/* Holds a pending future for a time. 0 or -ENOMEM. */
int hold_for(struct future *future, enum hold hold, uint64_t delay_ns);

/* ---- start.c ---- */

/* A worker has the call: its start goes into the store where it must, and then the future is
 * RUNNING. To be called when the worker says so, or when its call has gone from the queue. */
void start_call(struct future *future, int64_t wall_us);
/* The worker has said that it waits for leave to execute. */
void let_start(struct future *future);
/* Sets RUNNING, if it is not yet. */
void begin_running(struct future *future, int64_t wall_us);
/* The store has answered for a start that a worker waits for. */
void start_stored(struct future *future, int error);

/* ---- ahead.c ---- */

/* Stores the starts of the calls that come next in a pool whose calls are short. */
void ahead_of(struct executor *executor, struct pool *pool);
/* The submit is about to be put: has its start stored with it, where it will begin at once. */
void ahead_with_submit(struct future *future);
/* That is stored. */
void ahead_submitted(struct future *future);
/* At the end, when no worker is left: takes back what was stored of calls that have not begun. */
void ahead_of_nothing(struct executor *executor);

/* ---- early.c ---- */

/* Whether a future that is about to be admitted, and that nothing else holds, may be executed
 * before its submit is stored. */
bool early_is_possible(const struct future *future);
/* Pushes it, before its submit is put. False: no memory, and it takes the usual way. */
bool early_push(struct future *future);
/* A worker has it, or is through with it, and its submit is not stored yet. */
void early_started(struct future *future, int64_t wall_us);
void early_finished(struct future *future);
/* Gives the ends whose turn it is. */
void early_give(struct executor *executor);
/* The submit is stored and answered: what has happened so far may be seen. */
void early_stored(struct future *future);
/* The submit could not be stored. True: the future is with a worker, or its end is with the store,
 * and goes when it comes back. */
bool early_refused(struct future *future);

/* ---- record.c ---- */

/* `due_us`: by the wall clock, 0: at once. The key of the future goes with it. */
void put_submitted(struct future *future, int64_t due_us, const struct stored_after *after,
                   size_t after_count);
void put_started(struct future *future, int64_t wall_us);
/* Ahead of its start, and undone. */
void put_may_start(struct future *future);
void put_not_started(struct future *future);
/* After next_attempt has made it so. */
void put_retried(struct future *future, int64_t due_us);
void put_end(struct future *future, int64_t wall_us);
void put_priority(const struct future *future);
void put_map_closed(const struct map *map);
void put_forgotten(struct executor *executor, uint64_t id);
void put_pool(struct executor *executor, const struct pool *pool);
/* So many changes, with so many bytes of texts in all, can be put next, and commit_quietly called,
 * whatever memory there is. 0 or -ENOMEM. */
int reserve_changes(struct executor *executor, uint64_t changes, uint64_t text_bytes);
/* What put_retried will take of that, of the future as it is before. */
uint64_t retried_bytes(const struct future *future);
/* The id is used by something that is not stored itself. */
void reserve_id(struct executor *executor, uint64_t id);
/* A commit was refused, and what was reserved may have gone with it: the next change reserves it
 * anew. */
void reserve_again(struct executor *executor);
/* The cursor of the next transition. */
uint64_t next_cursor(struct executor *executor);
/* Closes what was put, when nobody waits for it: it is stored with the rest. */
void commit_quietly(struct executor *executor);
/* Nothing more will come. */
void put_end_of_daemon(struct executor *executor);

/* ---- settle.c ---- */

/* Before anything is settled. 0 or -ENOMEM. */
int settle_ready(struct executor *executor);
/* The worker is through with it: another attempt, or the end. */
void end_running(struct future *future);
/* Puts a pending or running future on its way to CANCELLED or FINISHED (with its outcome set). */
void settle_cancelled(struct future *future);
void settle_finished(struct future *future);
/* The same with an exception of ours; `data` is JSON text or NULL, copied. */
void settle_exception(struct future *future, const char *type, const char *message,
                      const char *data);
/* Whether its end, which is decided, is an exception. */
bool ends_failed(const struct future *future);
/* Gives the end, which is decided, to the store. */
void give_end(struct future *future);
/* Works through what is to be settled, unless somebody up the stack does; then keeps house. */
void settle_run(struct executor *executor);
/* The future is in the store: what was decided meanwhile can be settled. */
void let_in(struct future *future);
/* Takes the future off its waiting: deadline, dependencies; not off its commit. */
void stop_waiting(struct future *future);
bool change_state(struct future *future, enum future_state state, uint64_t cursor, int64_t wall_us);
/* Makes a future that ran, or is done, PENDING as its next attempt, which is not to start for that
 * time. 0 or -ENOMEM. */
int next_attempt(struct future *future, uint64_t delay_ns);
/* The same in two steps: what needs memory, 0 or -ENOMEM, and the rest, where what it puts has been
 * reserved, and is to be committed by the caller. */
int prepare_attempt(struct future *future);
void begin_attempt(struct future *future, uint64_t delay_ns);

/* ---- map.c ---- */

/* NULL: no memory. */
struct map *map_new(void);
/* Appends items as new futures, not yet in the table. 0 or -ENOMEM (nothing is appended). */
int map_append(struct future *future, const struct submission_item *items, size_t count);
/* Makes so many places for items, where there are fewer. 0 or -ENOMEM. */
int map_restore_items(struct map *map, uint64_t count);
/* Takes the last `count` items away again and frees them. */
void map_truncate(struct map *map, size_t count);
/* Schedules the items from that index on which the map has held back. */
void map_release(struct map *map, uint64_t from);
/* An item is RUNNING; its end is decided; it is done. */
void map_item_running(struct map *map, int64_t wall_us);
void map_item_ending(struct map *map, bool failed);
void map_item_done(struct map *map, struct future *item);
/* What the map waited for did not end in the way that was wanted: it ends with its items. */
void map_dependency_failed(struct map *map, uint64_t id);
/* Settles the map if nothing more can come. */
void map_check_done(struct map *map);
/* That it is to be closed goes into the store, once, if it is open. */
void map_put_closed(struct map *map);
/* Closes it, if it is open: nothing more can come. */
void map_end_open(struct map *map);
void map_answer_waiters(struct map *map);
/* A client is gone: its held answers stay unsaid. */
void map_drop_client(struct map *map, uint64_t client);

/* ---- cancel.c ---- */

/* Asks the job of a RUNNING future to stop, at the latest when its start is reported. False: no
 * memory. */
bool stop_call(struct future *future, const struct stop_request *stop);

/* Its connection is gone, and it has not begun: it is cancelled. */
void end_scoped(struct future *future);
/* Puts the pending items on their way to CANCELLED; returns how many. */
uint64_t cancel_items(struct map *map);
/* Takes a done future, of a map also its items, out of everything, and frees it. */
void remove_future(struct future *future, bool expired);

/* Calls on_drained where the executor is, and no stored_answer is still to come. */
void tell_drained(struct executor *executor);

/* ---- stored_answer.c ---- */

/* Gives those that had to wait while `stalled`. */
void give_stored_answers(struct executor *executor);
/* A client is gone: nothing is answered to it. */
void drop_stored_answers(struct executor *executor, uint64_t client);
void free_stored_answers(struct executor *executor);

/* ---- deadlock.c ---- */

/* The job has ended: what still waits in its name says nothing any more. */
void blocks_forget(struct executor *executor, const struct future *waiter);

/* ---- paging.c ---- */

/* Whether the store has it. */
bool is_stored(const struct future *future);
/* A future is done: it is kept as long as retention wants, or put in the cache. */
void be_done(struct future *future);
void cache_add(struct future *future);
void cache_remove(struct future *future);
/* Lets those go from memory that are too many, as many as one sweep may. */
void cache_enforce(struct executor *executor);
/* Forgets a future of which there is only a trace. */
void remove_trace(struct executor *executor, uint64_t id, bool expired);
/* Makes a future from what the store has of it: not in the table, not counted, without its map.
 * NULL: no memory. Takes the outcome and the output out of the record. */
struct future *future_from_record(struct stored_future *record, struct spec *spec);
/* (recover.c) What was submitted; the function and the pool are made up where they are not there
 * any more. NULL: no memory. */
struct spec *spec_from_record(struct executor *executor, const struct stored_future *future);
/* The map of a future from a record. NULL: no memory. */
struct map *map_from_record(const struct stored_map *record);
void drop_loads(struct executor *executor, uint64_t client);
void free_loads(struct executor *executor);

/* ---- backup.c ---- */

/* A client is gone: what it asked for is made, and nobody is told. */
void drop_backups(struct executor *executor, uint64_t client);
void free_backups(struct executor *executor);

/* ---- reclaim.c ---- */

/* A future has been freed: after many of them memory is given back. */
void reclaim_count(struct executor *executor);

/* ---- recover.c ---- */

void free_lost_functions(struct executor *executor);

/* ---- retention.c ---- */

/* What a future takes, as far as its own size goes. */
uint64_t bytes_of(const struct future *future);

void retention_add(struct future *future);
void retention_remove(struct future *future);
/* Removes what is not kept any longer, as much as one sweep may. */
void retention_enforce(struct executor *executor);
/* How many of `count` one sweep may let go where `limit` are to stay. */
uint64_t sweep_size(uint64_t count, uint64_t limit);
/* Has the next turn of the loop sweep, where much more are there than are to stay: nobody may ask
 * for anything for long. */
void tidy_if_many(struct executor *executor, uint64_t count, uint64_t limit);

#endif
