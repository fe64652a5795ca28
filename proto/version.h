/* The version of futured and of `future`: they are released together. */
#ifndef FUTURED_PROTO_VERSION_H
#define FUTURED_PROTO_VERSION_H

#define FUTURED_VERSION "0.1.0"

#endif
