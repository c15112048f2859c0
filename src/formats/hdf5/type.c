// SPDX-License-Identifier: Apache-2.0
/* Datatype and dataspace messages. */
#include "base/text.h"
#include "formats/hdf5/internal.h"

enum datatype_class {
    FIXED,
    FLOAT,
    TIME,
    STRING,
    BITS,
    OPAQUE,
    COMPOUND,
    REFERENCE,
    ENUM,
    VARIABLE
};
static const char *const CLASSES[] = {"integers",     "floats",      "times",      "strings",
                                      "bit fields",   "opaque data", "structures", "references",
                                      "enumerations", "sequences",   "arrays"};
enum { SHARED_DEPTH_MAX = 4, STRING_SIZE_MAX = 1 << 28 };

struct head {
    unsigned class, version;
    uint32_t bits; /* the class's bit field */
    uint32_t size; /* bytes of an element */
};

static struct head head_read(struct cursor *cursor)
{
    uint8_t first = cursor_u8(cursor);
    struct bytes bits = cursor_take(cursor, 3);
    struct head head = {.class = first & 15, .version = first >> 4};

    for (size_t i = 0; i < bits.size; i++)
        head.bits |= (uint32_t)bits.data[i] << (8 * i);
    head.size = cursor_u32le(cursor);
    return head;
}

static enum status refuse(const struct head *head, struct error *err)
{
    return error_set(err, STATUS_UNSUPPORTED, "HDF5 %s of %u bytes are not supported",
                     head->class < ARRAY_COUNT(CLASSES) ? CLASSES[head->class] : "data",
                     head->size);
}

/* Whole bytes, all of them used. */
static enum status number_read(const struct head *head, struct cursor *cursor,
                               struct hdf5_type *type, struct error *err)
{
    bool is_signed = head->bits & 8;
    uint16_t first = cursor_u16le(cursor), precision = cursor_u16le(cursor);
    uint8_t exponent = 0;

    if (head->class == FLOAT) {
        cursor_skip(cursor, 1);
        exponent = cursor_u8(cursor);
    }
    TRY(cursor_check(cursor, err));
    if (first || precision != head->size * 8)
        return refuse(head, err);
    type->dtype = (struct numpy_dtype){
        .kind = head->class == FLOAT ? 'f'
                : is_signed          ? 'i'
                                     : 'u',
        .order = head->bits & 1 ? '>' : '<',
        .itemsize = head->size,
    };
    if (head->class == FLOAT && head->size == 2 && exponent == 8) {
        type->bfloat16 = true;
        type->dtype.kind = 'u';
    }
    return STATUS_OK;
}

static enum status string_read(const struct head *head, struct hdf5_type *type, struct error *err)
{
    if (head->size > STRING_SIZE_MAX)
        return error_set(err, STATUS_TOO_LARGE, "HDF5 strings of %u bytes", head->size);
    type->dtype = (struct numpy_dtype){.kind = 'S', .order = '|', .itemsize = head->size};
    type->space_padded = (head->bits & 15) == 2;
    return STATUS_OK;
}

/* h5py writes bool as an enum of FALSE and TRUE over one byte; others are numbers. */
static enum status enum_read(const struct head *head, struct cursor *cursor, struct hdf5_type *type,
                             struct error *err)
{
    struct head base = head_read(cursor);
    size_t members = head->bits & 0xFFFF;

    if (base.class != FIXED)
        return refuse(head, err);
    TRY(number_read(&base, cursor, type, err));
    type->boolean =
        members == 2 && base.size == 1 &&
        bytes_starts((struct bytes){cursor->input.data + cursor->offset, cursor_left(cursor)},
                     bytes_of("FALSE"));
    return STATUS_OK;
}

static enum status type_parse(struct bytes body, struct hdf5_type *type, struct error *err)
{
    struct cursor cursor = cursor_over(body);
    struct head head = head_read(&cursor), base;

    *type = (struct hdf5_type){0};
    TRY(cursor_check(&cursor, err));
    switch (head.class) {
    case FIXED:
    case FLOAT:
        return number_read(&head, &cursor, type, err);
    case STRING:
        return string_read(&head, type, err);
    case ENUM:
        return enum_read(&head, &cursor, type, err);
    case VARIABLE:
        base = head_read(&cursor);
        if ((head.bits & 15) != 1 && base.class != STRING)
            return refuse(&head, err);
        type->variable = true;
        type->dtype = (struct numpy_dtype){.kind = 'V', .order = '|', .itemsize = head.size};
        return STATUS_OK;
    default:
        return refuse(&head, err);
    }
}

/* A committed type: the message is in the header of another object. */
static enum status shared_address(struct hdf5 *file, struct bytes body, uint64_t *address,
                                  struct error *err)
{
    enum { IN_HEAP = 1 };
    struct cursor cursor = cursor_over(body);
    uint8_t version = cursor_u8(&cursor), kind = cursor_u8(&cursor);

    if (version == 3 && kind == IN_HEAP)
        return error_set(err, STATUS_UNSUPPORTED, "an HDF5 datatype lies in a shared heap");
    cursor_skip(&cursor, version == 1 ? 6 : 0);
    *address = hdf5_offset(file, &cursor);
    return cursor_check(&cursor, err);
}

enum status hdf5_type_read(struct hdf5 *file, const struct hdf5_message *message,
                           struct hdf5_type *type, struct error *err)
{
    for (int depth = 0; message->shared; depth++) {
        struct hdf5_header header;
        uint64_t address = 0;

        if (depth == SHARED_DEPTH_MAX)
            return error_set(err, STATUS_INVALID_INPUT, "an HDF5 datatype refers to itself");
        TRY(shared_address(file, message->body, &address, err));
        TRY(hdf5_header_read(file, address, &header, err));
        message = hdf5_message_find(&header, HDF5_DATATYPE);
        if (!message)
            return error_at(err, (size_t)address, STATUS_INVALID_INPUT,
                            "the HDF5 object that should be a datatype is none");
    }
    return type_parse(message->body, type, err);
}

enum status hdf5_space_read(const struct hdf5 *file, struct bytes body, struct shape *shape,
                            struct error *err)
{
    enum { EMPTY = 2 };
    struct cursor cursor = cursor_over(body);
    uint8_t version = cursor_u8(&cursor), rank = cursor_u8(&cursor);
    uint8_t kind = (cursor_skip(&cursor, 1), cursor_u8(&cursor));

    cursor_skip(&cursor, version == 1 ? 4 : 0);
    TRY(cursor_check(&cursor, err));
    if (version < 1 || version > 2)
        return error_set(err, STATUS_UNSUPPORTED, "an HDF5 dataspace has version %u", version);
    if (rank > RANK_MAX)
        return error_set(err, STATUS_UNSUPPORTED, "an HDF5 dataspace has %u dimensions", rank);
    *shape = (struct shape){.rank = rank};
    for (int i = 0; i < rank; i++) {
        uint64_t dim = hdf5_length(file, &cursor);

        if (dim > INT64_MAX)
            return error_set(err, STATUS_TOO_LARGE, "an HDF5 dimension of %llu",
                             (unsigned long long)dim);
        shape->dims[i] = (int64_t)dim;
    }
    if (version == 2 && kind == EMPTY)
        *shape = SHAPE(0);
    return cursor_check(&cursor, err);
}
