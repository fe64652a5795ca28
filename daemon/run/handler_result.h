/* How a call of a handler ended, as the outcome of its future: what the handler answered, or one of
 * the exceptions HandlerDied, TimedOut, Terminated, SpawnError. Worker thread. */
#ifndef FUTURED_RUN_HANDLER_RESULT_H
#define FUTURED_RUN_HANDLER_RESULT_H

#include "daemon/run/handler_exchange.h"
#include "daemon/run/process.h"

struct outcome;

/* The handler's own answer, a result or an exception. */
void handler_result_answer(struct outcome *outcome, const struct handler_message *answer);

/* `end` is none of HANDLER_ANSWERED and HANDLER_UNREAD; `status` is how the process ended after
 * that, by itself or by force. `at_init`: it was the request `init`, not the call's own. */
void handler_result_failed(const struct handler_exchange *exchange, enum handler_end end,
                           const struct process_exit *status, bool at_init);

/* HandlerDied: `answer` is the error that came back from the request `init`. */
void handler_result_init_refused(struct outcome *outcome, const struct handler_message *answer);

#endif
