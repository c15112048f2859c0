// SPDX-License-Identifier: Apache-2.0
/* Open Inference, whatever carries it: what a request gives and what it asks for. */
#pragma once

#include "formats/json/oip.h"
#include "server/predict.h"

/* Signature, timeout and inputs of a request. */
enum status oip_give(struct prediction *p, const struct oip_request *oip, struct error *err)
    must_check;

/* The outputs that go into the answer: those asked for, in that order, or all. */
enum status oip_choose_outputs(const struct prediction *p, const struct oip_request *oip,
                               struct oip_tensor **outputs, size_t *count, struct error *err)
    must_check;

/* The model repository extension. On a control thread, nothing pinned. */
enum status oip_repository_load(struct request *request, struct bytes model, struct error *err)
    must_check;
enum status oip_repository_unload(struct request *request, struct bytes model, struct error *err)
    must_check;
/* Why a version does not serve, "" when it does. */
const char *oip_repository_reason(const struct table_model *model, const struct loaded *loaded);

/* The contract of the loaded version, or the one that was frozen with it. */
enum status oip_contract(const struct loaded *loaded, struct contract *contract,
                         struct arena *arena, struct error *err) must_check;
