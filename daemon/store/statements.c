#include "daemon/store/statements.h"

/* In the order of enum future_column. */
#define FUTURE_COLUMNS                                                                             \
    "f.id, f.spec, f.uid, f.flags, f.state, f.failed, f.item_of, f.position, f.open_map,"          \
    " f.priority, f.attempt, f.submitted_us, f.started_us, f.due_us, f.due_retry, f.cursor,"       \
    " f.bytes, f.item"

/* In the order of enum bundle_column, which ends with the futures. */
#define BUNDLE_COLUMNS "first, last, kept, last_cursor"

/* In the order of enum leaving_column. */
#define LEAVING_COLUMNS                                                                            \
    "f.id, f.spec, f.flags, f.state, f.item_of, f.attempt, f.cursor, d.alone, d.bytes, d.files,"   \
    " d.finished_us"
#define LEAVING_FROM " FROM future f LEFT JOIN done d ON d.cursor = f.cursor"

/* Parameters of all lists: ?1 below that id, ?2 bits of states, ?3 uid or -1, ?4 pool or NULL,
 * ?5 label or NULL. */
#define LIST_FILTER                                                                                \
    " f.id < ?1 AND ?2 & (1 << f.state) AND (?3 < 0 OR f.uid = ?3)"                                \
    " AND ((?4 IS NULL AND ?5 IS NULL) OR EXISTS (SELECT 1 FROM spec s WHERE s.id = f.spec"        \
    " AND (?4 IS NULL OR s.pool = ?4) AND (?5 IS NULL OR s.label = ?5)))"

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FREE_BYTES] = "SELECT freelist_count * page_size FROM pragma_freelist_count,"
                   " pragma_page_size",
    [META_READ] = "SELECT next_id, cursor, done_count, done_bytes, file_bytes FROM meta",
    [META_WRITE] = "UPDATE meta SET next_id = ?, cursor = ?, done_count = ?, done_bytes = ?,"
                   " file_bytes = ?",
    [SPEC_ADD] = "INSERT INTO spec VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SPEC_READ] = "SELECT uid, function, pool, label, timeout_ns, retry_max, retry_delay_ns,"
                  " retry_backoff, rerun_on_crash, scoped, durability, args FROM spec WHERE id = ?",
    [SPEC_DROP] = "DELETE FROM spec WHERE id = ?",
    [SPEC_DROP_RUN] = "DELETE FROM spec WHERE id BETWEEN ?1 AND ?2",
    [FUTURE_ADD] = "INSERT INTO future VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, nullif(?8, 0), ?9,"
                   " ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    [FUTURE_ADD_BRIEF] = "INSERT INTO future VALUES (?1, ?1, ?2, 0, ?3, ?4, 0, 0, NULL, ?5, ?6, ?7,"
                         " ?8, 0, 0, ?9, ?10, NULL)",
    [FUTURE_READ] = "SELECT " FUTURE_COLUMNS " FROM future f WHERE f.id = ?",
    [FUTURE_ALL] = "SELECT " FUTURE_COLUMNS " FROM future f ORDER BY f.id",
    [FUTURE_START] = "UPDATE future SET state = 1, attempt = ?2, started_us = ?3, cursor = ?4,"
                     " flags = flags & ~32 | ?5 WHERE id = ?1",
    [FUTURE_BEGUN_ALL] = "UPDATE future SET flags = flags & ~32 WHERE state = 1 AND flags & 32",
    [FUTURE_RETRY] = "UPDATE future SET state = 0, failed = 0, started_us = 0, attempt = ?2,"
                     " due_us = ?3, due_retry = ?4, cursor = ?5, flags = flags | ?6 WHERE id = ?1",
    [FUTURE_END] = "UPDATE future SET state = ?2, failed = ?3, started_us = ?4, cursor = ?5"
                   " WHERE id = ?1",
    [FUTURE_PRIORITY] = "UPDATE future SET priority = ?2 WHERE id = ?1",
    [FUTURE_DROP] = "DELETE FROM future WHERE id = ?",
    [FUTURE_DROP_RUN] = "DELETE FROM future WHERE id BETWEEN ?1 AND ?2",
    [ITEM_ADD] = "INSERT INTO item VALUES (?, ?)",
    [ITEM_READ] = "SELECT item FROM item WHERE id = ?",
    [ITEM_DROP] = "DELETE FROM item WHERE id = ?",
    [MAP_ADD] = "INSERT INTO map VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0)",
    [MAP_READ] =
        "SELECT open, was_open, fail_fast, window, count, first, running, cancelled,"
        " finished, failed, gone_cancelled, gone_finished, bytes, counted FROM map WHERE id = ?",
    [MAP_WRITE] = "UPDATE map SET open = ?2, count = ?3, first = ?4, running = ?5, cancelled = ?6,"
                  " finished = ?7, failed = ?8, gone_cancelled = ?9, gone_finished = ?10,"
                  " bytes = ?11, counted = ?12 WHERE id = ?1",
    [MAP_DROP] = "DELETE FROM map WHERE id = ?",
    [DONE_ADD] = "INSERT INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [DONE_READ] = "SELECT finished_us, kind, truncated, type, message, json, stdout, stderr"
                  " FROM done WHERE cursor = ?",
    [DONE_BRIEF] = "SELECT alone, bytes, files FROM done WHERE cursor = ?",
    /* Each one that is done is looked at in its turn, whatever the filter. */
    [DONE_SINCE] =
        "SELECT d.cursor, d.id FROM done d CROSS JOIN future f ON f.id = d.id WHERE d.cursor > ?1"
        " AND (?3 < 0 OR f.uid = ?3) AND (?6 = 0 OR f.item_of = ?6)"
        " AND ((?4 IS NULL AND ?5 IS NULL) OR EXISTS (SELECT 1 FROM spec s"
        " WHERE s.id = f.spec AND (?4 IS NULL OR s.pool = ?4)"
        " AND (?5 IS NULL OR s.label = ?5))) ORDER BY d.cursor LIMIT ?2",
    [DONE_DROP] = "DELETE FROM done WHERE cursor = ?",
    [DONE_DROP_RUN] = "DELETE FROM done WHERE cursor IN"
                      " (SELECT cursor FROM future WHERE id BETWEEN ?1 AND ?2)",
    [LEAVING_ONE] = "SELECT " LEAVING_COLUMNS LEAVING_FROM " WHERE f.id = ?",
    [LEAVING_OLDEST] = "SELECT " LEAVING_COLUMNS " FROM done d CROSS JOIN future f ON f.id = d.id"
                       " WHERE d.cursor > ? ORDER BY d.cursor LIMIT ?",
    [LEAVING_OF_MAP] =
        "SELECT " LEAVING_COLUMNS LEAVING_FROM " WHERE f.id BETWEEN ?2 AND ?3 AND f.item_of = ?1"
        " ORDER BY f.id LIMIT ?4",
    [LEAVING_OF_OPEN_MAP] =
        "SELECT " LEAVING_COLUMNS LEAVING_FROM " WHERE f.open_map = ?1 ORDER BY f.id LIMIT ?2",
    [BUNDLE_ADD] = "INSERT INTO bundle VALUES (?, ?, ?, ?, ?)",
    [BUNDLE_BEFORE] = "SELECT " BUNDLE_COLUMNS ", futures FROM bundle WHERE first < ?"
                      " ORDER BY first DESC LIMIT 1",
    [BUNDLE_AFTER] = "SELECT " BUNDLE_COLUMNS ", futures FROM bundle WHERE first > ?"
                     " ORDER BY first LIMIT 1",
    [BUNDLE_NEWEST] = "SELECT " BUNDLE_COLUMNS " FROM bundle ORDER BY first DESC LIMIT 1",
    [BUNDLE_SPANS] = "SELECT " BUNDLE_COLUMNS " FROM bundle WHERE first > ? ORDER BY first",
    [BUNDLE_CUT] = "UPDATE bundle SET kept = ?2 WHERE first = ?1",
    [BUNDLE_DROP] = "DELETE FROM bundle WHERE first = ?",
    [BUNDLE_DROP_RUN] = "DELETE FROM bundle WHERE first <= ?",
    [ATTEMPT_ADD] = "INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [ATTEMPT_READ] = "SELECT number, started_us, finished_us, kind, type, message, json"
                     " FROM attempt WHERE id = ? ORDER BY number",
    [ATTEMPT_DROP] = "DELETE FROM attempt WHERE id = ?",
    [AFTER_ADD] = "INSERT INTO after VALUES (?, ?, ?, ?)",
    [AFTER_READ] = "SELECT other, wanted FROM after WHERE id = ? ORDER BY position",
    [AFTER_DROP] = "DELETE FROM after WHERE id = ?",
    [KEY_ADD] = "INSERT INTO keys VALUES (?, ?, ?, ?)",
    [KEY_READ] = "SELECT key, call, uid FROM keys WHERE id = ?",
    [KEY_DROP] = "DELETE FROM keys WHERE id = ?",
    [POOL_SET] = "INSERT OR REPLACE INTO pool VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [POOL_ALL] = "SELECT name, paused, has_settings, max_workers, min_workers, idle_timeout_ns,"
                 " max_tasks_per_worker, queue_limit, on_full_wait, thread_name_prefix,"
                 " initializer, initializer_args, durability FROM pool ORDER BY name",
    [EXPIRED_BEFORE] = "SELECT first, last FROM expired WHERE first <= ? ORDER BY first DESC"
                       " LIMIT 1",
    [EXPIRED_ADD] = "INSERT INTO expired VALUES (?, ?)",
    [EXPIRED_DROP] = "DELETE FROM expired WHERE first = ?",
    [EXPIRED_ALL] = "SELECT first, last FROM expired ORDER BY first",
    /* Without items: whatever is none has a spec of its own. */
    [LIST_FUTURES] = "SELECT " FUTURE_COLUMNS " FROM spec s CROSS JOIN future f ON f.id = s.id"
                     " WHERE s.id < ?1 AND f.state >= 2 AND ?2 & (1 << f.state)"
                     " AND (?3 < 0 OR s.uid = ?3) AND (?4 IS NULL OR s.pool = ?4)"
                     " AND (?5 IS NULL OR s.label = ?5) ORDER BY s.id DESC",
    [LIST_ALL] = "SELECT " FUTURE_COLUMNS " FROM future f WHERE f.state >= 2 AND" LIST_FILTER
                 " ORDER BY f.id DESC",
    [LIST_RANGE] = "SELECT " FUTURE_COLUMNS " FROM future f WHERE f.state >= 2 AND" LIST_FILTER
                   " AND f.id >= ?6 AND f.item_of = ?7 ORDER BY f.id DESC",
    [LIST_OPEN_MAP] =
        "SELECT " FUTURE_COLUMNS " FROM future f INDEXED BY future_open_map"
        " WHERE f.open_map = ?6 AND f.state >= 2 AND" LIST_FILTER " ORDER BY f.id DESC",
    /* What was submitted, with the items of a map by its numbers. */
    [COUNT_ALL] = "SELECT sum(f.state = 2), sum(f.state = 3), sum(m.cancelled - m.gone_cancelled),"
                  " sum(m.finished - m.gone_finished)"
                  " FROM spec s JOIN future f ON f.id = s.id LEFT JOIN map m ON f.flags & 1"
                  " AND m.id = s.id"
                  " WHERE (?1 < 0 OR s.uid = ?1) AND (?2 IS NULL OR s.pool = ?2)"
                  " AND (?3 IS NULL OR s.label = ?3)",
    [COUNT_ITEMS] = "SELECT 0, 0, m.cancelled - m.gone_cancelled, m.finished - m.gone_finished"
                    " FROM map m JOIN spec s ON s.id = m.id WHERE m.id = ?4"
                    " AND (?1 < 0 OR s.uid = ?1) AND (?2 IS NULL OR s.pool = ?2)"
                    " AND (?3 IS NULL OR s.label = ?3)",
};

const char *statement_sql(enum statement which)
{
    return sql[which];
}
