// SPDX-License-Identifier: Apache-2.0
/* Kinds of fields of protocol buffers, by their numbers in descriptor.proto: how they lie on the
 * wire, and which tensors hold them (tensorflow/core/util/proto/proto_utils.cc). */
#pragma once

#include "formats/protobuf.h"
#include "tensor/tensor.h"

enum proto_kind {
    PROTO_DOUBLE = 1,
    PROTO_FLOAT,
    PROTO_INT64,
    PROTO_UINT64,
    PROTO_INT32,
    PROTO_FIXED64,
    PROTO_FIXED32,
    PROTO_BOOL,
    PROTO_STRING,
    PROTO_GROUP,
    PROTO_MESSAGE,
    PROTO_BYTES,
    PROTO_UINT32,
    PROTO_ENUM,
    PROTO_SFIXED32,
    PROTO_SFIXED64,
    PROTO_SINT32,
    PROTO_SINT64
};

/* Groups are not known. */
static inline bool proto_kind_is_known(int64_t kind)
{
    return kind >= PROTO_DOUBLE && kind <= PROTO_SINT64 && kind != PROTO_GROUP;
}

static inline bool proto_kind_is_text(int64_t kind)
{
    return kind == PROTO_STRING || kind == PROTO_MESSAGE || kind == PROTO_BYTES;
}

static inline bool proto_kind_is_unsigned(int64_t kind)
{
    return kind == PROTO_UINT64 || kind == PROTO_UINT32 || kind == PROTO_FIXED64 ||
           kind == PROTO_FIXED32;
}

/* Of 32 bits, as integers. */
static inline bool proto_kind_is_narrow(int64_t kind)
{
    return kind == PROTO_INT32 || kind == PROTO_UINT32 || kind == PROTO_SINT32 ||
           kind == PROTO_FIXED32 || kind == PROTO_SFIXED32 || kind == PROTO_ENUM;
}

static inline bool proto_kind_is_zigzag(int64_t kind)
{
    return kind == PROTO_SINT32 || kind == PROTO_SINT64;
}

static inline enum protobuf_wire proto_kind_wire(int64_t kind)
{
    switch (kind) {
    case PROTO_DOUBLE:
    case PROTO_FIXED64:
    case PROTO_SFIXED64:
        return PROTOBUF_FIXED64;
    case PROTO_FLOAT:
    case PROTO_FIXED32:
    case PROTO_SFIXED32:
        return PROTOBUF_FIXED32;
    default:
        return proto_kind_is_text(kind) ? PROTOBUF_BYTES : PROTOBUF_VARINT;
    }
}

/* May a tensor of this dtype hold it? */
static inline bool proto_kind_takes(int64_t kind, enum dtype dtype)
{
    if (proto_kind_is_text(kind))
        return dtype == DTYPE_STRING;
    switch (kind) {
    case PROTO_BOOL:
        return dtype == DTYPE_BOOL;
    case PROTO_ENUM:
        return dtype == DTYPE_I32;
    case PROTO_DOUBLE:
        return dtype == DTYPE_F64;
    case PROTO_FLOAT:
        return dtype == DTYPE_F32 || dtype == DTYPE_F64;
    default:
        if (proto_kind_is_unsigned(kind))
            return dtype == DTYPE_U64 || (proto_kind_is_narrow(kind) && dtype == DTYPE_U32);
        return dtype == DTYPE_I64 || (proto_kind_is_narrow(kind) && dtype == DTYPE_I32);
    }
}
