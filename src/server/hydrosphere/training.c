// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/training.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/number.h"
#include "loading/load.h"

enum { DIGITS_MAX = 18 };

enum status training_find(struct registry *registry, const struct version *version, bool *found,
                          struct record *record, struct arena *keep, struct error *err)
{
    const struct record_filter filter = {.kind = LOAD_TRAINING, .version = version->id};

    return registry_record_find(registry, &filter, found, record, keep, err);
}

/* --- which columns are fields --- */

static bool is_numerical(const struct field *field)
{
    const enum profile profile =
        field->profile != PROFILE_NONE ? field->profile : profile_default(field->dtype);

    return profile == PROFILE_NUMERICAL && field->dtype != DTYPE_STRING;
}

/* Numerical fields by name; of an input and an output that are called alike, the input. */
static enum status fields_map(const struct signature *signature, struct map *fields,
                              struct error *err)
{
    const size_t count = signature ? signature->input_count + signature->output_count : 0;

    for (size_t i = count; i-- > 0;) {
        const struct field *field = i < signature->input_count
                                        ? &signature->inputs[i]
                                        : &signature->outputs[i - signature->input_count];

        if (is_numerical(field) && !map_set(fields, bytes_of(field->name), (void *)field))
            return error_no_memory(err, "training data");
    }
    return STATUS_OK;
}

static struct bytes trimmed(struct bytes text)
{
    while (text.size && (*text.data == ' ' || *text.data == '\t'))
        text = (struct bytes){text.data + 1, text.size - 1};
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* "x_12" is an element of x: the part before its last number. */
static bool element_of(struct bytes name, struct bytes *field)
{
    size_t at = name.size;

    while (at && name.data[at - 1] >= '0' && name.data[at - 1] <= '9')
        at--;
    if (at == name.size || name.size - at > DIGITS_MAX || at < 2 || name.data[at - 1] != '_')
        return false;
    *field = (struct bytes){name.data, at - 1};
    return true;
}

static enum status column_add(struct training *training, struct bytes name, struct bytes field,
                              size_t column, size_t *capacity, struct error *err)
{
    struct training_column *columns = (struct training_column *)training->columns;
    const bool whole = name.size == field.size;

    if (!ARENA_GROW(&training->memory, columns, training->count, *capacity))
        return error_no_memory(err, "training data");
    training->columns = columns;
    columns[training->count] = (struct training_column){
        .name = arena_printf(&training->memory, "%.*s%s", (int)name.size, (const char *)name.data,
                             whole ? "_0" : ""),
        .field = field,
        .column = column,
    };
    return columns[training->count++].name ? STATUS_OK : error_no_memory(err, "training data");
}

/* Of one field their names differ in a number: the shorter is less. */
static int by_name(const void *a, const void *b)
{
    const struct training_column *x = a, *y = b;
    const size_t size = x->field.size < y->field.size ? x->field.size : y->field.size;
    const int order = size ? memcmp(x->field.data, y->field.data, size) : 0;

    if (order || x->field.size != y->field.size)
        return order ? order : x->field.size < y->field.size ? -1 : 1;
    if (strlen(x->name) != strlen(y->name))
        return strlen(x->name) < strlen(y->name) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static enum status columns_find(struct training *training, const struct signature *signature,
                                struct error *err)
{
    const struct csv *csv = &training->csv;
    struct map fields, whole;
    size_t capacity = 0;

    map_init(&fields, &training->memory);
    map_init(&whole, &training->memory);
    TRY(fields_map(signature, &fields, err));
    for (size_t c = 0; c < csv->columns; c++) {
        const struct bytes name = trimmed(csv->names[c]);

        if (!map_find(&fields, name))
            continue;
        TRY(column_add(training, name, name, c, &capacity, err));
        if (!map_set(&whole, name, training))
            return error_no_memory(err, "training data");
    }
    for (size_t c = 0; c < csv->columns; c++) {
        const struct bytes name = trimmed(csv->names[c]);
        struct bytes field;

        if (!map_find(&fields, name) && element_of(name, &field) && map_find(&fields, field) &&
            !map_find(&whole, field))
            TRY(column_add(training, name, field, c, &capacity, err));
    }
    if (training->count)
        qsort((void *)training->columns, training->count, sizeof *training->columns, by_name);
    return STATUS_OK;
}

/* --- reading --- */

enum status training_open(struct registry *registry, const struct version *version,
                          const struct record *record, size_t memory_max, struct training *training,
                          struct error *err)
{
    struct hydrosphere_version contract;
    const char *path;

    *training = (struct training){.count = 0};
    arena_init(&training->memory, memory_max);
    if ((uint64_t)record->blob_bytes > memory_max)
        return error_set(err, STATUS_TOO_LARGE, "training data of %lld bytes exceed %zu",
                         (long long)record->blob_bytes, memory_max);
    TRY(registry_record_path(registry, record, &path, &training->memory, err));
    TRY(file_map_open(&training->map, AT_FDCWD, path, false, err));
    if (training->map.bytes.size != (size_t)record->blob_bytes)
        return error_set(err, STATUS_INTERNAL, "blob %s is damaged", record->blob);
    TRY(hydrosphere_version(version, &contract, &training->memory, err));
    if (csv_parse(training->map.bytes, &training->csv, &training->memory, err))
        return error_within(err, "training data of %.64s:%lld", version->model,
                            (long long)version->number);
    return columns_find(training, contract.predict, err);
}

void training_close(struct training *training)
{
    file_map_close(&training->map);
    arena_release(&training->memory);
}

enum status training_profile(struct training *training, const struct training_column *column,
                             struct profile_numbers *profile, struct error *err)
{
    const struct csv *csv = &training->csv;
    double *values = arena_new(&training->memory, double, csv->rows);
    size_t present = 0;

    if (!values)
        return error_no_memory(err, "a profile");
    for (size_t row = 0; row < csv->rows; row++) {
        double value;

        if (number_from_text(csv->cells[row * csv->columns + column->column], &value) &&
            isfinite(value))
            values[present++] = value;
    }
    profile_compute(values, present, csv->rows, profile);
    return STATUS_OK;
}
