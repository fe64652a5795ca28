/* A disk that plays tricks: a VFS for SQLite named "test" over the usual one, with a limit to the
 * bytes of all files together, failures on demand, and a record of all writes and syncs, from which
 * the files are made anew as a loss of power at any point may have left them. One a process; safe
 * on any thread. */
#ifndef FUTURED_TESTS_STORE_VFS_H
#define FUTURED_TESTS_STORE_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_VFS "test"

/* Registers it, or sets all back. */
void test_vfs_init(void);

/* No room beyond so many bytes; UINT64_MAX: no limit. */
void test_vfs_limit(uint64_t bytes);
/* Bytes of all files. */
uint64_t test_vfs_used(void);
/* The n-th sync from now on fails, once; 0: none. */
void test_vfs_fail_sync(unsigned n);
/* The n-th write from now on finds no room; with `and_on` those behind it neither, until this is
 * called again; 0: none. */
void test_vfs_fail_room(unsigned n, bool and_on);
/* Whether that many writes have come. */
bool test_vfs_room_failed(void);
/* Every write, or read, from now on fails with EIO. */
void test_vfs_fail_writes(bool fail);
void test_vfs_fail_reads(bool fail);
/* Writes fail with that errno as if the system had said so (EDQUOT); 0: none. */
void test_vfs_quota(bool over);
/* Syncs are counted, and not done: only for what a test throws away. */
void test_vfs_skip_syncs(bool skip);
unsigned test_vfs_syncs(void);
/* The files below that directory, which were opened last, are gone, and none of them is open. */
void test_vfs_forget(const char *directory);

/* ---- the record ---- */

/* From now on, of files below that directory. */
void test_vfs_record(const char *directory);
void test_vfs_record_end(void);
/* Operations recorded so far. */
size_t test_vfs_recorded(void);

struct replay;
/* Begins with nothing on the disk. */
struct replay *replay_new(void);
void replay_free(struct replay *replay);
/* Goes on to that many operations. */
void replay_advance(struct replay *replay, size_t operations);
/* Writes the files into a directory: what was synced is there; of what was not, each write is
 * there, is missing, or is torn, as the seed has it. */
void replay_write(const struct replay *replay, unsigned seed, const char *directory);

#endif
