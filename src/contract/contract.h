// SPDX-License-Identifier: Apache-2.0
/* Contract: the signatures of a version, and for every fact where it came from. */
#pragma once

#include "tensor/tensor.h"

enum profile {
    PROFILE_NONE,
    PROFILE_NUMERICAL,
    PROFILE_CATEGORICAL,
    PROFILE_TEXT,
    PROFILE_IMAGE,
    PROFILE_AUDIO
};
const char *profile_name(enum profile profile);
bool profile_parse(const char *name, enum profile *profile);
/* What a field of this dtype is when nobody says: numbers numerical, bool categorical, strings
 * text. */
enum profile profile_default(enum dtype dtype);

enum evidence_kind { EVIDENCE_UNKNOWN, EVIDENCE_DERIVED, EVIDENCE_STORED, EVIDENCE_DECLARED };

struct evidence {
    enum evidence_kind kind;
    const char *source; /* "feature_names_in_", "serving.yaml:12" ...; NULL or "" when unknown */
};
/* "stored: feature_names_in_", "unknown" into `buffer`. */
char *evidence_print(const struct evidence *evidence, char *buffer, size_t size);

struct field_map { /* a field that holds others; see contract/maps.h */
    const char *name;
    bool is_list; /* of such maps; else it is one */
    int64_t size; /* of the list; -1 for a free one */
};

struct field {
    const char *name;             /* inside maps: their names and its own, "person.age" */
    const struct field_map *maps; /* (map_count,) that it lies in, outermost first */
    size_t map_count;
    enum dtype dtype;
    enum dtype fed;     /* input: what is fed, where the file says another dtype; or DTYPE_NONE */
    struct shape shape; /* -1 for a free dimension; rank RANK_UNKNOWN */
    const struct tensor *element; /* of a sequence or optional: what it holds; or NULL */
    const char **dim_names;       /* (rank,) or NULL; entries may be NULL: "batch" */
    enum profile profile;
    struct evidence evidence_name, evidence_dtype, evidence_shape, evidence_profile;
    const struct tensor
        *classes;  /* class labels or categories that the values or columns stand for; or NULL */
    bool optional; /* input: `fallback` serves when it is not given */
    const struct tensor *fallback;
};

static inline enum dtype field_feed(const struct field *field)
{
    return field->fed ? field->fed : field->dtype;
}

struct signature {
    const char *name;
    struct field *inputs, *outputs;
    size_t input_count, output_count;
    const char
        *method; /* of TensorFlow, "tensorflow/serving/classify"; NULL: predict, or not said */
    const char *reason; /* why firn itself cannot run this one; NULL: it can */
    bool columns; /* inputs are the columns of one table: one field each, all of shape [-1]; a 2-D
                   * matrix of them in this order is accepted too */
};

struct contract {
    struct signature *signatures; /* the first is the default */
    size_t count;
};

/* By name; NULL name: the first. NOT_FOUND lists what there is. */
enum status contract_signature(const struct contract *contract, const char *name, size_t *index,
                               struct error *err) must_check;

struct text;
void contract_print_json(const struct contract *contract,
                         struct text *text); /* the array "signatures" of INTERFACE.md */
void contract_print_yaml(const struct contract *contract,
                         struct text *text); /* a `contract:` block as serving.yaml has it */
/* For people: long lists cut short, what repeats said once. */
void contract_print_table(const struct contract *contract, struct text *text);
/* Read back what contract_print_json wrote (the registry keeps it). */
enum status contract_parse_json(struct bytes json, struct contract *contract, struct arena *keep,
                                struct error *err) must_check;

/* --- bind.c: what a client gave, against a signature --- */

struct given {        /* one tensor of a request or a file */
    const char *name; /* NULL or "": by position */
    struct tensor tensor;
};

/* Put `given` into the order, dtypes and ranks of the signature's inputs: `bound` has input_count
 * tensors. Lossless conversion only (tensor_convert); a [n] for [n,1] and back; one 2-D matrix for
 * a table of columns; `x:0` for `x`. INVALID_INPUT says which field: missing (all missing are
 * listed, with a suggestion), unknown, twice, wrong dtype, rank or dimension. New data lies in
 * `request`. */
enum status contract_bind(const struct signature *signature, const struct given *given,
                          size_t given_count, struct tensor *bound, struct arena *request,
                          struct error *err) must_check;

/* --- given_json.c --- */

/* {"field": value or nested arrays, ...}, each with the dtype of the field; what is given twice,
 * ragged or no field is INVALID_INPUT. A lone value for a field of some rank gets it, of sizes 1. A
 * field that holds others is an object of those, or a list of such objects.
 */
enum status contract_given_json(const struct signature *signature, struct bytes json,
                                const struct given **given, size_t *count, struct arena *keep,
                                struct error *err) must_check;

/* The same of an object at the reader's place, with the reader's flags. */
struct json_reader;
enum status contract_given_object(struct json_reader *reader, const struct signature *signature,
                                  const struct given **given, size_t *count, struct arena *keep,
                                  struct error *err) must_check;

/* --- diff.c --- */

enum { DIFF_SAME, DIFF_COMPATIBLE, DIFF_BREAKING };
/* What a client of `old` would notice with `new`: one line per difference, each with why it is
 * compatible or breaking. Returns the worst. */
int contract_diff(const struct contract *old, const struct contract *new, struct text *text);
