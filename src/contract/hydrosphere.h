// SPDX-License-Identifier: Apache-2.0
/* Contracts as Hydrosphere's services say them, as JSON and as protocol buffers:
 *
 *   generation 1  {"modelName", "signatures": [SIGNATURE ...]}      ModelContract, signatures 2
 *   generation 2  {"modelName", "predict": SIGNATURE}               ModelContract, predict 2
 *   generation 3  SIGNATURE                                         ModelSignature
 *   SIGNATURE     {"signatureName", "inputs": [FIELD ...], "outputs": [FIELD ...]}
 *   FIELD         {"name", "dtype": "DT_FLOAT", "shape", "profile": "NUMERICAL"}, or one that holds
 *                 others (contract/maps.h), {"name", "subfields": [FIELD ...], "shape"}
 *   shape         {"dims": [-1, 3]}; before the third {"dim": [{"size", "name"} ...],
 *                 "unknownRank"}; null: any
 *
 * Subfields are read as a list, and as an object whose keys are their names: hydrosdk reads nothing
 * else, so that is what is written. */
#pragma once

#include "contract/contract.h"
#include "formats/json/json.h"

enum { HYDROSPHERE_SIGNATURES_MAX = 1000, HYDROSPHERE_FIELDS_MAX = 10000 };

/* Of any generation; `where` names it in errors and as evidence ("modelSignature"). */
enum status hydrosphere_contract_json(const struct json *value, const char *where,
                                      struct contract *contract, struct arena *keep,
                                      struct error *err) must_check;
/* A ModelContract of the first two generations or, when `signature`, a ModelSignature. */
enum status hydrosphere_contract_protobuf(struct bytes message, bool signature, const char *where,
                                          struct contract *contract, struct arena *keep,
                                          struct error *err) must_check;

enum hydrosphere_shape {                       /* how a shape is written */
                         HYDROSPHERE_DIM = 1,  /* of generations 1 and 2 */
                         HYDROSPHERE_DIMS = 2, /* of generation 3 */
};
/* `shapes`: one of them, or both for readers of all generations. */
void hydrosphere_print_signature(const struct signature *signature, unsigned shapes,
                                 struct text *text);

/* "DT_FLOAT" into `name`; "DT_INVALID" for what Hydrosphere cannot say. */
enum { HYDROSPHERE_DTYPE_SIZE = 24 };
char *hydrosphere_dtype_name(enum dtype dtype, char name[HYDROSPHERE_DTYPE_SIZE]);
enum dtype hydrosphere_dtype_from(struct bytes name); /* DTYPE_NONE when it is none */
const char *hydrosphere_profile_name(enum profile profile);
int hydrosphere_profile_number(enum profile profile); /* of the enumeration DataProfileType */
