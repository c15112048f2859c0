// SPDX-License-Identifier: Apache-2.0
#include "cli/input.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/table.h"
#include "formats/compression/compression.h"
#include "formats/csv.h"
#include "formats/image/image.h"
#include "formats/numpy/npy.h"
#include "formats/json/oip.h"
#include "formats/onnx_tensor.h"
#include "formats/onnx_value.h"
#include "formats/tensorflow/record.h"

/* 8 GiB from standard input, or unpacked; zlib packs to a thousandth at most */
enum { INPUT_BYTES_SHIFT = 33, GIVEN_MAX = 1 << 20, RATIO_MAX = 1100, RECORD_HEAD = 16 };

enum kind { KIND_TENSOR, KIND_IMAGE, KIND_PROTO, KIND_REQUEST, KIND_ARCHIVE, KIND_TABLE };

struct input_file {
    const char *name; /* of the input; NULL when not given */
    const char *path; /* for messages */
    enum kind kind;
    struct file_map map;
    struct bytes bytes;
    struct tensor tensor;       /* TENSOR, IMAGE */
    struct oip_request request; /* REQUEST */
    struct artifact *archive;   /* ARCHIVE */
    struct csv csv;             /* TABLE */
};

static bool ends(const char *path, const char *ending)
{
    size_t size = strlen(path), tail = strlen(ending);

    return size >= tail && !strcasecmp(path + size - tail, ending);
}

static bool begins(struct bytes bytes, const char *magic, size_t size)
{
    return bytes.size >= size && !memcmp(bytes.data, magic, size);
}

/* The first byte that is not blank, or 0. */
static uint8_t first_byte(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (!strchr(" \t\r\n", bytes.data[i]))
            return bytes.data[i];
    return 0;
}

/* "FILE" or "NAME=FILE"; a file whose own name holds '=' is a file. */
static enum status split(const char *spec, struct input_file *file, struct arena *keep,
                         struct error *err)
{
    const char *equals = strchr(spec, '=');
    struct error ignored;

    file->path = spec;
    if (!equals ||
        (!file_map_open(&file->map, AT_FDCWD, spec, true, &ignored) && file->map.bytes.size))
        return STATUS_OK;
    file_map_close(&file->map);
    file->path = equals + 1;
    if (equals == spec) /* "=FILE": no name */
        return STATUS_OK;
    file->name = arena_text(keep, (struct bytes){(const uint8_t *)spec, (size_t)(equals - spec)});
    return file->name ? STATUS_OK : error_no_memory(err, "an input");
}

static enum status read_pipe(struct input_file *file, struct arena *keep, struct error *err)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    enum status status;

    if (fd < 0)
        return error_set(err, STATUS_INVALID_INPUT, "cannot be opened: %m");
    status = file_read_all(fd, (size_t)1 << INPUT_BYTES_SHIFT, &file->bytes, keep, err);
    close(fd);
    return status;
}

static enum status read_bytes(struct input_file *file, struct arena *keep, struct error *err)
{
    struct stat facts;

    if (!strcmp(file->path, "-"))
        return file_read_all(STDIN_FILENO, (size_t)1 << INPUT_BYTES_SHIFT, &file->bytes, keep, err);
    if (!stat(file->path, &facts) && S_ISFIFO(facts.st_mode)) /* <(command) of a shell */
        return read_pipe(file, keep, err);
    if (!file->map.bytes.size)
        TRY(file_map_open(&file->map, AT_FDCWD, file->path, true, err));
    file->bytes = file->map.bytes;
    return STATUS_OK;
}

/* The records of a TFRecord file, as a list of strings of bytes. */
static enum status read_records(struct input_file *file, struct arena *keep, struct error *err)
{
    size_t counted = 0;

    file->kind = KIND_TENSOR;
    for (int pass = 0; pass < 2; pass++) {
        struct cursor cursor = cursor_over(file->bytes);
        struct bytes record;
        size_t count = 0;
        bool more;

        for (;;) {
            TRY(record_next(&cursor, &record, &more, err));
            if (!more)
                break;
            if (pass)
                ((struct bytes *)file->tensor.data)[count] = record;
            count++;
        }
        counted = count;
        if (!pass) {
            struct shape shape = SHAPE((int64_t)counted);

            TRY(tensor_new(&file->tensor, DTYPE_STRING, &shape, keep, err));
        }
    }
    return STATUS_OK;
}

/* Records that are compressed as a whole, in the place of what they are compressed in. */
static enum status unpack_records(struct input_file *file, bool *are, struct arena *keep,
                                  struct error *err)
{
    enum compression compression = compression_of(file->bytes);
    struct error ignored;
    uint8_t head[RECORD_HEAD];
    size_t size;

    *are = record_is(file->bytes);
    if (*are || (compression != COMPRESSION_GZIP && compression != COMPRESSION_ZLIB) ||
        decompress_head(compression, file->bytes, head, sizeof head, &size, &ignored) ||
        !record_is((struct bytes){head, size}))
        return STATUS_OK;
    *are = true;
    return decompress(compression, file->bytes, (size_t)1 << INPUT_BYTES_SHIFT, RATIO_MAX,
                      &file->bytes, keep, err);
}

/* The first bytes of BMP and PNM are letters that a table may begin with. */
static bool is_image(const struct input_file *file)
{
    const struct image_codec *codec = image_codec_of(file->bytes);

    if (codec == &image_codec_bmp)
        return ends(file->path, ".bmp");
    if (codec == &image_codec_pnm)
        return ends(file->path, ".ppm") || ends(file->path, ".pgm") || ends(file->path, ".pnm");
    return codec != NULL;
}

/* The file itself, one element. */
static enum status read_image(struct input_file *file, struct arena *keep, struct error *err)
{
    struct shape shape = SHAPE(1);

    file->kind = KIND_IMAGE;
    TRY(tensor_new(&file->tensor, DTYPE_STRING, &shape, keep, err));
    *(struct bytes *)file->tensor.data = file->bytes;
    return STATUS_OK;
}

static enum status read_file(struct input_file *file, struct arena *keep, struct error *err)
{
    bool records;

    TRY(read_bytes(file, keep, err));
    if (npy_is(file->bytes)) {
        file->kind = KIND_TENSOR;
        return npy_read(file->bytes, &file->tensor, keep, err);
    }
    if (is_image(file))
        return read_image(file, keep, err);
    TRY(unpack_records(file, &records, keep, err));
    if (records)
        return read_records(file, keep, err);
    if (begins(file->bytes, "PK\3\4", 4) || begins(file->bytes, "PK\5\6", 4)) {
        file->kind = KIND_ARCHIVE;
        return artifact_open_bytes(file->bytes, "input", NULL, &file->archive, err);
    }
    if (ends(file->path, ".pb")) {
        file->kind = KIND_PROTO; /* of what kind, the signature tells */
        return STATUS_OK;
    }
    if (!ends(file->path, ".csv") &&
        (ends(file->path, ".json") || first_byte(file->bytes) == '{')) {
        file->kind = KIND_REQUEST;
        return oip_parse_request(file->bytes, file->bytes.size, &file->request, keep, err);
    }
    if (ends(file->path, ".csv") || ends(file->path, ".tsv") || !strcmp(file->path, "-")) {
        file->kind = KIND_TABLE;
        return csv_parse(file->bytes, &file->csv, keep, err);
    }
    if (error_set(err, STATUS_INVALID_INPUT, "neither .npy, .npz, .csv, .json, .pb nor records"))
        error_fix(err, "`firn help inputs` tells what each may hold");
    return err->status;
}

static enum status within(const struct input_file *file, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (err->status == STATUS_NOT_FOUND && !err->fix[0])
        error_fix(err, "check the path");
    return error_within(err, "input file \"%s\"",
                        text_quote(bytes_of(file->path), quoted, sizeof quoted));
}

enum status inputs_open(const char *const *specs, size_t count, struct inputs *inputs,
                        struct arena *keep, struct error *err)
{
    *inputs = (struct inputs){.files = arena_new(keep, struct input_file, count)};
    if (!inputs->files)
        return error_no_memory(err, "inputs");
    for (size_t i = 0; i < count; i++) {
        struct input_file *file = &inputs->files[inputs->count++];
        TRY(split(specs[i], file, keep, err));
        if (read_file(file, keep, err))
            return within(file, err);
        if (file->kind == KIND_REQUEST && file->request.signature)
            inputs->signature = file->request.signature;
    }
    return STATUS_OK;
}

void inputs_close(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        artifact_close(inputs->files[i].archive);
        file_map_close(&inputs->files[i].map);
    }
    *inputs = (struct inputs){0};
}

/* --- into tensors by name --- */

struct collection {
    struct given *given; /* (capacity,) */
    size_t count, capacity;
    struct arena *keep;
    struct error *err;
};

static enum status collect(struct collection *c, const char *name, const struct tensor *tensor)
{
    if (c->count == c->capacity)
        return error_set(c->err, STATUS_TOO_LARGE, "more than %zu inputs", c->capacity);
    c->given[c->count++] = (struct given){name, *tensor};
    return STATUS_OK;
}

/* Members of an npz are inputs by their names. */
static enum status collect_archive(struct collection *c, const struct input_file *file)
{
    for (size_t i = 0; i < file->archive->count; i++) {
        struct member *member = &file->archive->members[i];
        size_t size = strlen(member->path);
        struct tensor tensor;
        struct bytes bytes;
        char *name;
        if (!ends(member->path, ".npy"))
            return error_set(c->err, STATUS_INVALID_INPUT, "member %zu is no .npy", i);
        name = arena_text(c->keep, (struct bytes){(const uint8_t *)member->path, size - 4});
        if (!name)
            return error_no_memory(c->err, "inputs");
        TRY(member_bytes(member, &bytes, c->err));
        TRY(npy_read(bytes, &tensor, c->keep, c->err));
        TRY(collect(c, name, &tensor));
    }
    return STATUS_OK;
}

/* A tensor, sequence or optional, as the field is that it is for. */
static enum status collect_proto(struct collection *c, const struct input_file *file,
                                 const struct signature *signature)
{
    struct protobuf message = protobuf_over(file->bytes);
    enum dtype dtype = DTYPE_NONE;
    struct tensor tensor;
    const char *stored; /* the place says which input it is, not this name */

    for (size_t i = 0; i < signature->input_count; i++)
        if (file->name ? !strcmp(signature->inputs[i].name, file->name) : i == c->count)
            dtype = signature->inputs[i].dtype;
    if (dtype == DTYPE_SEQUENCE)
        TRY(onnx_sequence_read(&message, &tensor, c->keep, c->err));
    else if (dtype == DTYPE_OPTIONAL)
        TRY(onnx_optional_read(&message, &tensor, c->keep, c->err));
    else
        TRY(onnx_tensor_read(&message, NULL, NULL, &stored, &tensor, c->keep, c->err));
    return collect(c, file->name, &tensor);
}

/* One image for a field that takes one alone. */
static enum status collect_image(struct collection *c, const struct input_file *file,
                                 const struct signature *signature)
{
    struct tensor image = file->tensor;

    for (size_t i = 0; i < signature->input_count; i++)
        if ((file->name ? !strcmp(signature->inputs[i].name, file->name) : i == c->count) &&
            signature->inputs[i].shape.rank == 0)
            image.shape = shape_scalar();
    return collect(c, file->name, &image);
}

static enum status collect_file(struct collection *c, const struct input_file *file,
                                const struct signature *signature)
{
    struct given *columns;
    size_t count;

    switch (file->kind) {
    case KIND_TENSOR:
        return collect(c, file->name, &file->tensor);
    case KIND_IMAGE:
        return collect_image(c, file, signature);
    case KIND_PROTO:
        return collect_proto(c, file, signature);
    case KIND_ARCHIVE:
        return collect_archive(c, file);
    case KIND_REQUEST:
        for (size_t i = 0; i < file->request.input_count; i++)
            TRY(collect(c, file->request.inputs[i].name, &file->request.inputs[i].tensor));
        return STATUS_OK;
    case KIND_TABLE:
        TRY(table_columns(&file->csv, signature, file->name, &columns, &count, c->keep, c->err));
        for (size_t i = 0; i < count; i++)
            TRY(collect(c, columns[i].name, &columns[i].tensor));
        return STATUS_OK;
    }
    return STATUS_OK;
}

static size_t count_given(const struct inputs *inputs, const struct signature *signature)
{
    size_t count = 0;

    for (size_t i = 0; i < inputs->count; i++)
        switch (inputs->files[i].kind) {
        case KIND_TENSOR:
        case KIND_IMAGE:
        case KIND_PROTO:
            count++;
            break;
        case KIND_REQUEST:
            count += inputs->files[i].request.input_count;
            break;
        case KIND_ARCHIVE:
            count += inputs->files[i].archive->count;
            break;
        case KIND_TABLE:
            count += signature->input_count;
            break;
        }
    return count;
}

enum status inputs_bind(const struct inputs *inputs, const struct signature *signature,
                        struct tensor **bound, struct arena *keep, struct error *err)
{
    struct collection c = {.capacity = count_given(inputs, signature), .keep = keep, .err = err};

    if (c.capacity > GIVEN_MAX)
        return error_set(err, STATUS_TOO_LARGE, "%zu inputs, more than %d", c.capacity, GIVEN_MAX);
    c.given = arena_new(keep, struct given, c.capacity);
    *bound = arena_new(keep, struct tensor, signature->input_count);
    if (!c.given || !*bound)
        return error_no_memory(err, "inputs");
    for (size_t i = 0; i < inputs->count; i++)
        if (collect_file(&c, &inputs->files[i], signature))
            return within(&inputs->files[i], err);
    return contract_bind(signature, c.given, c.count, *bound, keep, err);
}

enum status inputs_make(const struct signature *signature, struct tensor **bound,
                        struct arena *keep, struct error *err)
{
    *bound = arena_new(keep, struct tensor, signature->input_count);
    if (!*bound)
        return error_no_memory(err, "inputs");
    for (size_t i = 0; i < signature->input_count; i++) {
        const struct field *field = &signature->inputs[i];
        struct tensor *tensor = &(*bound)[i];
        struct shape shape = field->shape.rank < 0 ? SHAPE(1) : field->shape;
        char quoted[TEXT_QUOTE_SIZE];
        if (field->fallback) {
            *tensor = *field->fallback;
            continue;
        }
        if (field->dtype == DTYPE_NONE)
            return error_set(err, STATUS_INVALID_INPUT, "the type of input \"%s\" is not known",
                             text_quote(bytes_of(field->name), quoted, sizeof quoted));
        for (int d = 0; d < shape.rank; d++)
            shape.dims[d] = shape.dims[d] < 0 ? 1 : shape.dims[d];
        TRY(tensor_new(tensor, field->dtype, &shape, keep, err));
        for (size_t k = 0; dtype_kind(field->dtype) < KIND_STRING && k < tensor_count(tensor); k++)
            tensor_set_f64(tensor, k, 1);
    }
    return STATUS_OK;
}
