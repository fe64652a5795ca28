/* The parent of a remote worker, which sees that nothing of it is left behind: neither when the
 * worker is killed nor of a job that has left its group. One thread, before there are others. */
#ifndef FUTURED_REMOTE_KEEPER_H
#define FUTURED_REMOTE_KEEPER_H

#include <stdbool.h>

/* Makes this process two. In the child, which is in a session of its own, it returns true. In the
 * parent it returns when the child has ended and whatever it left has been killed: false, and
 * *ret_status is what to exit with. Where there can be no child it is true as well. */
bool remote_keeper_split(int *ret_status);

#endif
