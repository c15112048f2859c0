// SPDX-License-Identifier: Apache-2.0
/* Calls: the tensors of one INFER and of its RESULT. */
#pragma once

#include "contract/contract.h"
#include "workers/process.h"

struct team;

/* Bytes that these inputs take in an arena; UNSUPPORTED names what cannot cross. */
enum status call_measure(const struct signature *signature, const struct tensor *inputs,
                         size_t *size, struct error *err) must_check;

/* Put them at the front of the arena, which is large enough, and send INFER with the rest of it for
 * results, from *results on. */
enum status call_send(struct process *process, size_t index, const struct signature *signature,
                      const struct tensor *inputs, bool again, struct team *team, size_t *results,
                      struct error *err) must_check;

struct results { /* of a session, kept between its runs */
    uint8_t *data;
    size_t capacity;
};

/* Check what a RESULT says against the signature and copy it: nothing that the worker changes later
 * can reach us. `results`: where its space in the arena began. INTERNAL names the field, what was
 * expected and what came; INVALID_INPUT: the frame itself is wrong. */
enum status call_receive(const struct process *process, const struct frame *frame,
                         const struct signature *signature, const struct tensor *inputs,
                         size_t results, struct team *team, struct results *memory,
                         struct tensor *outputs, struct error *err) must_check;
