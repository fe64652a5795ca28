/* Which run of the machine this is: what lies in shared memory of an earlier one says nothing of
 * processes and threads any more, and may not be what was written there last. Any thread. */
#ifndef FUTURED_BASE_BOOT_ID_H
#define FUTURED_BASE_BOOT_ID_H

#define BOOT_ID_BYTES 40

/* The kernel's id of it, filled up with NULs; all NULs: it cannot be read. */
void boot_id_read(char ret_boot_id[BOOT_ID_BYTES]);

#endif
