// SPDX-License-Identifier: Apache-2.0
/* What archives of 0Mind say about their model, in two files beside it:
 *
 *   input_spec.json   {"inputs":  [{"name": "data", "type": "float32", "shape": [null, 3, 8, 8]}]}
 *   output_spec.json  {"outputs": [...]}
 *
 * A type is called as numpy calls it. The first dimension is the batch; null, None or -1 is any
 * size. 0Mind itself held no request and no answer against types and batch, so they say what a
 * model does not: where the model knows better, the model is right, and that is told. */
#pragma once

#include "contract/contract.h"
#include "formats/archive/artifact.h"
#include "formats/json/json.h"

#define ZEROMIND_INPUTS "input_spec.json"
#define ZEROMIND_OUTPUTS "output_spec.json"

enum { ZEROMIND_FIELDS_MAX = 10000, ZEROMIND_BYTES_MAX = 4 << 20 };

struct zeromind_fields {
    struct field *fields;
    size_t count;
    const char *where; /* NULL: nothing was said */
};

struct zeromind_specification {
    struct zeromind_fields inputs, outputs;
};

/* JSON with None for null, as people write it who come from Python. */
enum status zeromind_json(struct bytes text, struct json *value, struct arena *keep,
                          struct error *err) must_check;

/* The list of fields; `where` names it in errors and as evidence. */
enum status zeromind_fields(const struct json *list, const char *where,
                            struct zeromind_fields *fields, struct arena *keep, struct error *err)
    must_check;

/* What the files of an archive say; a file that is not there says nothing. */
enum status zeromind_inputs(struct artifact *artifact, struct zeromind_fields *fields,
                            struct arena *keep, struct error *err) must_check;
enum status zeromind_outputs(struct artifact *artifact, struct zeromind_fields *fields,
                             struct arena *keep, struct error *err) must_check;

/* Put it over the contract of the model: names for those that the model does not store, types and
 * sizes that it does not know. CONFLICT for what contradicts it, with both. `notes` gets a line for
 * each fact that was not taken. */
enum status zeromind_apply(struct contract *contract,
                           const struct zeromind_specification *specification, struct text *notes,
                           struct arena *keep, struct error *err) must_check;

/* "float32" of DTYPE_F32; "object" for what numpy has no name for. */
const char *zeromind_type_name(enum dtype dtype);

/* {"name", "type", "shape"}; a free dimension is null. */
void zeromind_print_field(const struct field *field, struct text *text);
