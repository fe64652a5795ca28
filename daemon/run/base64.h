/* Base64 (RFC 4648) back to bytes. The command runner's own, because this layer does not see the
 * protocol's. Any thread. */
#ifndef FUTURED_RUN_BASE64_H
#define FUTURED_RUN_BASE64_H

#include <stddef.h>

/* Decodes padded text strictly: no white space, no other alphabet, no bits left over. *ret_data is
 * malloc'd, the caller's and never NULL. 0, -EINVAL or -ENOMEM. */
int base64_to_bytes(const char *text, size_t text_bytes, char **ret_data, size_t *ret_bytes);

#endif
