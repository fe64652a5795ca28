/* The limit for a durable job on its own: rows that are committed and synced one at a time.
 *
 *     sqlite_commit DIRECTORY COUNT
 *
 * Prints commits a second. */
#include <stdio.h>

#include <sqlite3.h>

#include "tests/bench/bench.h"

static void run(sqlite3 *db, const char *sql)
{
    char *error = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        die("%s: %s", sql, error);
}

int main(int argc, char **argv)
{
    char path[4096];
    sqlite3_stmt *insert;
    uint64_t count, start_ns;
    sqlite3 *db;

    if (argc != 3)
        die("usage: sqlite_commit DIRECTORY COUNT");
    count = number_arg(argv[2]);
    snprintf(path, sizeof(path), "%s/commit.db", argv[1]);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die("open %s", path);
    run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "DROP TABLE IF EXISTS job; CREATE TABLE job(id INTEGER PRIMARY KEY, args TEXT)");
    if (sqlite3_prepare_v2(db, "INSERT INTO job(args) VALUES('{}')", -1, &insert, NULL) !=
        SQLITE_OK)
        die("prepare");
    start_ns = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert) != SQLITE_OK)
            die("insert");
    }
    printf("%.0f\n", rate_since(start_ns, count));
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return 0;
}
