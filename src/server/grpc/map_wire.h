// SPDX-License-Identifier: Apache-2.0
/* Fields that hold others, in messages of gRPC: a Tensor of DT_MAP whose elements are maps of
 * tensors. What they are between requests and answers: contract/maps.h. */
#pragma once

#include "contract/maps.h"
#include "formats/tensor_message.h"

/* The message of the map `group`, or of a list of them, into `given`. */
enum status map_wire_read(const struct protobuf *message, const struct map_group *group,
                          enum tensor_dialect dialect, struct maps_given *given, struct error *err)
    must_check;

/* As an entry of map<string, Tensor> in field `number`, of the tensors of all fields. */
enum status map_wire_write(struct text *text, uint32_t number, const struct map_group *group,
                           enum tensor_dialect dialect, const struct tensor *tensors,
                           struct error *err) must_check;
