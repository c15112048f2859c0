// SPDX-License-Identifier: Apache-2.0
/* What TensorFlow Serving's services share: which model, version and signature a request means. */
#pragma once

#include "formats/protobuf.h"
#include "server/predict.h"

struct model_spec { /* ModelSpec; "" where nothing is said */
    const char *name, *version /* "3", or "@label" */, *signature;
};

/* Field `number` of the request's body. INVALID_INPUT when it has no name. */
enum status model_spec_read(struct request *request, struct bytes message, uint32_t number,
                            struct model_spec *spec, struct error *err) must_check;

/* prediction_signature for it: "serving_default" is the default one, also where none is called so.
 */
enum status model_spec_signature(struct prediction *p, const struct model_spec *spec,
                                 struct error *err) must_check;

/* Field `number`: the model, version and signature that answered. */
void model_spec_write(struct text *text, uint32_t number, const struct prediction *p);
