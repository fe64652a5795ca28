/* The store that keeps nothing: durability "none". Every commit succeeds at once. Loop thread. */
#ifndef FUTURED_STORE_NULL_STORE_H
#define FUTURED_STORE_NULL_STORE_H

struct store;

/* NULL: no memory. To be freed through its ops. */
struct store *null_store_new(void);

#endif
