// SPDX-License-Identifier: Apache-2.0
/* What server and worker say to each other: one frame a packet of a SOCK_SEQPACKET socket (the
 * worker's descriptor 3), tensors in a sealed memfd (the arena, descriptor 4 at the start). Little
 * endian. The Python side is python/firn_worker/frame.py; this comment is the specification.
 *
 *   frame       head (48 bytes), then `tensors` descriptors (96 bytes each), then `text` bytes of
 *               UTF-8; at most FRAME_BYTES_MAX in all. A longer text lies in the arena, at `offset`
 *               with `space` bytes, and `text` is 0.
 *   head        0 u32 magic   4 u16 version   6 u16 type   8 u64 id (of the request; 0: none)
 *               16 u32 signature (index into the contract)   20 u32 status (enum status, of ERROR)
 *               24 u32 tensors   28 u32 text   32 u64 offset   40 u64 space
 *   descriptor  0 u32 dtype (enum dtype)   4 u32 rank (<= 8)   8 u64 offset   16 u64 bytes
 *               24 i64 dims[8]   88 u64 zero
 *   strings     u64 ends[n] (of each element, from the end of this table), then the bytes;
 *               bit 63 of an end: the element is missing (None) and has no bytes
 *   places      of tensors: multiples of 64 on the way to the worker, any on the way back
 *
 *   server -> worker
 *     HELLO     text: JSON {"adapter", "files", "contract" (as contract_print_json), "options"}
 *     INFER     tensors in the order of the signature's inputs; results go to
 *               arena[offset, offset + space)
 *     ARENA     a new arena comes with it (SCM_RIGHTS), of `space` bytes; the old one is gone. No
 *               answer
 *     PING, SHUTDOWN
 *   worker -> server
 *     READY     of HELLO; text: JSON {"signatures": [...]} with what the adapter can tell, or {}
 *     RESULT    of INFER; tensors in the order of the signature's outputs, inside the given space
 *     GROW      of INFER: results need `space` bytes; an ARENA and the INFER again follow, with the
 *               same id: the worker may have kept the results
 *     ERROR     of HELLO or INFER: status, text: message; the worker goes on
 *     LOG       text: what the model printed
 *     PONG
 *     PROGRESS  of a batch; text: JSON {"share" (0 to 1), "text"}
 *     FILE      of a batch; text: JSON of what the file is, which comes with it (SCM_RIGHTS): a
 *               regular file, open for reading
 *
 * A frame names the request it answers by `id`; HELLO, PING and what answers them have ids too. One
 * INFER or PING at a time. The end of the socket means: exit at once.
 *
 * The process is `PYTHON -s -B -m firn_worker` in a session of its own, with PYTHONPATH the folder
 * of firn_worker, HOME and TMPDIR a writable /tmp, and standard output and error read by the
 * server. `files` of HELLO is where the model's files are: /model/files, or their real folder where
 * the sandbox has no view of its own.
 *
 * The arena is sealed against shrinking and growing: nothing that a worker does to it can fault the
 * server. Whatever a worker says is checked as a file from a stranger is: copied first, then looked
 * at. */
#pragma once

#include <stdint.h>

#include "tensor/tensor.h"

enum {
    FRAME_MAGIC = 0x4e524946, /* "FIRN" */
    FRAME_VERSION = 1,
    FRAME_HEAD_BYTES = 48,
    FRAME_TENSOR_BYTES = 96,
    FRAME_RANK_MAX = 8,
    FRAME_BYTES_MAX = 64 << 10,
    FRAME_SOCKET_FD = 3,
    FRAME_ARENA_FD = 4,
};

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_READY,
    FRAME_ERROR,
    FRAME_INFER,
    FRAME_RESULT,
    FRAME_GROW,
    FRAME_ARENA,
    FRAME_LOG,
    FRAME_PING,
    FRAME_PONG,
    FRAME_SHUTDOWN,
    FRAME_PROGRESS,
    FRAME_FILE,
};

/* --- frame.c --- */

struct frame {
    enum frame_type type;
    uint64_t id;
    uint32_t signature, status;
    struct bytes text; /* borrowed from the packet */
    uint64_t offset, space;
    size_t tensor_count;
    struct bytes tensors; /* (tensor_count,): descriptors, borrowed from the packet */
};

struct frame_tensor { /* a descriptor */
    enum dtype dtype; /* DTYPE_NONE: omitted */
    struct shape shape;
    uint64_t offset, bytes;
};

enum {
    FRAME_TENSORS_MAX = (FRAME_BYTES_MAX - FRAME_HEAD_BYTES) / FRAME_TENSOR_BYTES,
    FRAME_ALIGNMENT = 64
};

/* Head, descriptors and text into `packet` of FRAME_BYTES_MAX; the number of bytes, 0 when they do
 * not fit. */
size_t frame_write(const struct frame *frame, const struct frame_tensor *tensors, uint8_t *packet);

/* What a packet says; INVALID_INPUT when it is not a frame. */
enum status frame_read(struct bytes packet, struct frame *frame, struct error *err) must_check;
/* Descriptor `index` < tensor_count: dtype, dimensions and size agree. */
enum status frame_tensor_read(const struct frame *frame, size_t index, struct frame_tensor *tensor,
                              struct error *err) must_check;

/* Bytes of a tensor in an arena; false: too many, or not of a kind that crosses. */
bool frame_tensor_size(const struct tensor *tensor, uint64_t *size) must_check;
/* Put its elements there (frame_tensor_size bytes). */
void frame_tensor_put(const struct tensor *tensor, uint8_t *place);

/* The string tensor whose `size` bytes at `place` another process may still change: `ends` (count,)
 * is a copy of its table, checked; `text` the bytes behind it. */
enum status frame_strings_check(const uint64_t *ends, size_t count, uint64_t text_size,
                                struct error *err) must_check;
enum { FRAME_STRING_MISSING_BIT = 63 };
