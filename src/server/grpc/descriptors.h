// SPDX-License-Identifier: Apache-2.0
/* Descriptors of the protocols that are served over gRPC, for reflection. A new service: its file
 * under proto/, then scripts/make-descriptors; nothing else names it. */
#pragma once

#include "base/bytes.h"

struct descriptor {
    const char *name;    /* "grpc/health/v1/health.proto" */
    const char *imports; /* names of files, each with a blank behind it */
    const char *symbols; /* messages, enums and services of the top level, likewise */
    struct bytes bytes;  /* of the FileDescriptorProto */
};

extern const struct descriptor DESCRIPTORS[];
extern const size_t DESCRIPTOR_COUNT;

/* The file of that name, or the one that declares a symbol, what lies in it included; or NULL. */
const struct descriptor *descriptor_of_file(struct bytes name);
const struct descriptor *descriptor_of_symbol(struct bytes symbol);

/* The next of `names`, cut off its front; false at the end. */
bool descriptor_next_name(const char **names, struct bytes *name);
