// SPDX-License-Identifier: Apache-2.0
/* Protocol buffers on the wire: a pull reader that copies nothing, and a small writer.
 *
 * A reader walks the fields of one message, in the order in which they stand; which numbers mean
 * what is the caller's table. Rules of the encoding: unknown fields are skipped, the last value of
 * a single scalar wins, a repeated scalar may be packed, unpacked or both.
 *
 *     struct protobuf_field field;
 *     for (;;) {
 *         TRY(protobuf_next(&message, &field, err));
 *         switch (field.number) {
 *         case 0: return STATUS_OK; // the message is over
 *         case 1: TRY(protobuf_i64(&field, &version, err)); break;
 *         case 2: TRY(protobuf_message(&field, &inner, err)); TRY(read_inner(&inner, err)); break;
 *         }
 *     } */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum { PROTOBUF_DEPTH_MAX = 100 };

enum protobuf_wire {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_BYTES = 2, /* bytes, strings, messages, packed scalars */
    PROTOBUF_FIXED32 = 5,
};

struct protobuf {
    struct bytes input;    /* of this message; borrowed */
    size_t offset;         /* next byte of `input` */
    const uint8_t *origin; /* first byte of the outermost message, for places in errors */
    int depth;
};

struct protobuf_field {
    uint32_t number; /* 0: the message is over */
    enum protobuf_wire wire;
    uint64_t value;     /* VARINT, FIXED32, FIXED64: the bits */
    struct bytes bytes; /* BYTES: borrowed */
    size_t offset;      /* of the field in the outermost message */
    const uint8_t *origin;
    int depth;
};

struct protobuf protobuf_over(struct bytes message);

/* The next field; field->number is 0 behind the last one. INVALID_INPUT with the byte for what is
 * cut short, field number 0, groups, and varints of more than 64 bits. */
enum status protobuf_next(struct protobuf *reader, struct protobuf_field *field, struct error *err)
    must_check;

/* The value of a field; INVALID_INPUT when its wire type is another. */
enum status protobuf_i64(const struct protobuf_field *field, int64_t *value, struct error *err)
    must_check; /* int32, int64, uint32, uint64 (as bits), enum */
enum status protobuf_bool(const struct protobuf_field *field, bool *value, struct error *err)
    must_check;
enum status protobuf_f32(const struct protobuf_field *field, float *value, struct error *err)
    must_check;
enum status protobuf_bytes(const struct protobuf_field *field, struct bytes *bytes,
                           struct error *err) must_check;
/* A string field as NUL-terminated text: UTF-8 without NUL. */
enum status protobuf_text(const struct protobuf_field *field, const char **text, struct arena *keep,
                          struct error *err) must_check;
/* A reader over a message field; INVALID_INPUT below PROTOBUF_DEPTH_MAX. */
enum status protobuf_message(const struct protobuf_field *field, struct protobuf *message,
                             struct error *err) must_check;

/* All values of the repeated field `number` of a message, from its first byte on, wherever
 * `message` stands now; packed and unpacked, in order. */
enum status protobuf_all_i64(const struct protobuf *message, uint32_t number, int64_t **values,
                             size_t *count, struct arena *keep, struct error *err) must_check;
enum status protobuf_all_f32(const struct protobuf *message, uint32_t number, float **values,
                             size_t *count, struct arena *keep, struct error *err) must_check;
enum status protobuf_all_f64(const struct protobuf *message, uint32_t number, double **values,
                             size_t *count, struct arena *keep, struct error *err) must_check;
/* Repeated bytes or strings, borrowed. */
enum status protobuf_all_bytes(const struct protobuf *message, uint32_t number,
                               struct bytes **values, size_t *count, struct arena *keep,
                               struct error *err) must_check;
/* How often `number` occurs as a field (a packed run counts once): room for repeated messages. */
enum status protobuf_count(const struct protobuf *message, uint32_t number, size_t *count,
                           struct error *err) must_check;

/* An entry of a map: its key (field 1) and value (field 2). What is missing is empty bytes, as
 * writers leave out empty keys and values. */
enum status protobuf_entry(struct protobuf entry, struct protobuf_field *key,
                           struct protobuf_field *value, struct error *err) must_check;

/* --- writing --- */
void protobuf_write_i64(struct text *text, uint32_t number, int64_t value);
void protobuf_write_f32(struct text *text, uint32_t number, float value);
void protobuf_write_f64(struct text *text, uint32_t number, double value);
void protobuf_write_bytes(struct text *text, uint32_t number, struct bytes bytes);
void protobuf_write_text(struct text *text, uint32_t number, const char *string);
void protobuf_write_packed_i64(struct text *text, uint32_t number, const int64_t *values,
                               size_t count);
void protobuf_write_packed_f32(struct text *text, uint32_t number, const float *values,
                               size_t count);
/* What stands before a message or packed list of `size` bytes, which the caller writes then: for
 * large ones, whose size is known. */
void protobuf_write_size(struct text *text, uint32_t number, size_t size);
size_t protobuf_size_of_varint(uint64_t value);
size_t protobuf_size_of_bytes(uint32_t number, size_t size);   /* with key and size */
void protobuf_write_varint(struct text *text, uint64_t value); /* an element of a packed list */
/* A message in a message: what is written between begin and end is its content. */
size_t protobuf_write_begin(struct text *text);
void protobuf_write_end(struct text *text, uint32_t number, size_t begin);
