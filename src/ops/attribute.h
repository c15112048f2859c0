// SPDX-License-Identifier: Apache-2.0
/* Attributes of a node: the constants that are part of an operator's meaning, by name. */
#pragma once

#include "tensor/tensor.h"

enum attribute_kind {
    ATTRIBUTE_NONE,
    ATTRIBUTE_INT,
    ATTRIBUTE_FLOAT, /* held as double, so that float64 models lose nothing */
    ATTRIBUTE_STRING,
    ATTRIBUTE_TENSOR,
    ATTRIBUTE_INTS,
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_STRINGS,
    ATTRIBUTE_GRAPH,
    ATTRIBUTE_TYPE, /* a tensor, sequence or optional that is only described: `t` without data */
};

struct graph;

struct attribute {
    const char *name; /* kept by the graph, as all below */
    enum attribute_kind kind;
    size_t count; /* of ints, floats, strings */
    union {
        int64_t i;
        double f;
        struct bytes s;
        const struct tensor *t;
        const int64_t *ints;
        const double *floats;
        const struct bytes *strings;
        struct graph *g;
    };
};

struct attributes {
    const struct attribute *items;
    size_t count;
};

/* The attribute, or NULL. */
const struct attribute *attribute_find(const struct attributes *attributes, const char *name);

/* The value, or `otherwise` when absent or of another kind (an int serves as a float). */
int64_t attribute_int(const struct attributes *attributes, const char *name, int64_t otherwise);
double attribute_float(const struct attributes *attributes, const char *name, double otherwise);
struct bytes attribute_string(const struct attributes *attributes, const char *name,
                              const char *otherwise);
bool attribute_is(const struct attributes *attributes, const char *name, const char *value);

/* The list and its length in *count; NULL and 0 when absent or of another kind. */
const int64_t *attribute_ints(const struct attributes *attributes, const char *name, size_t *count);
const double *attribute_floats(const struct attributes *attributes, const char *name,
                               size_t *count);
const struct bytes *attribute_strings(const struct attributes *attributes, const char *name,
                                      size_t *count);
const struct tensor *attribute_tensor(const struct attributes *attributes, const char *name);

/* Attributes to be given to a node: names and lists are borrowed. */
struct attribute attribute_of_int(const char *name, int64_t value);
struct attribute attribute_of_float(const char *name, double value);
struct attribute attribute_of_text(const char *name, const char *value);
struct attribute attribute_of_ints(const char *name, const int64_t *values, size_t count);
struct attribute attribute_of_tensor(const char *name, const struct tensor *value);
