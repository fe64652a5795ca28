/* Small questions about bytes: is it UTF-8, where may it be cut, base64 back to bytes. Any thread.
 */
#ifndef FUTURED_PROTO_TEXT_H
#define FUTURED_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong); NUL is a character like others. */
bool utf8_valid(const void *data, size_t size);

/* The largest size <= `size` that does not end inside a multi-byte character. */
size_t utf8_cut(const void *data, size_t size);

/* Decodes padded base64, strictly: no white space, nothing left over. *ret_data is malloc'd, the
 * caller's and never NULL, with a NUL behind it. -EINVAL or -ENOMEM. */
int base64_decode(const char *text, size_t size, void **ret_data, size_t *ret_size);

#endif
