/* What the log says of a future's life, with the fields that let programs find it: that it failed,
 * at the level "info", and all the rest of it at "debug". Loop thread only. */
#ifndef FUTURED_CORE_FUTURE_LOG_H
#define FUTURED_CORE_FUTURE_LOG_H

struct future;

/* After the change that each is named for; `again` before the next attempt has replaced this one.
 */
void future_log_running(const struct future *future);
void future_log_again(const struct future *future);
void future_log_done(const struct future *future);

#endif
