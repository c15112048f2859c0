// SPDX-License-Identifier: Apache-2.0
/* ModelContract: the contract as Hydrosphere had it before manifests held it, a file of protocol
 * buffers, text or binary. Facts of both schemas are read: that of the first year (field_name, and
 * a TensorInfo each) and the later one (name, shape, dtype). */
#pragma once

#include "contract/contract.h"

/* Evidence is DECLARED `file`. INVALID_INPUT with the line of a text, or the signature and field at
 * fault. */
enum status model_contract_parse(struct bytes content, const char *file, struct contract *contract,
                                 struct arena *keep, struct error *err) must_check;
