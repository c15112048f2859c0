// SPDX-License-Identifier: Apache-2.0
/* What an operation of keras.ops is given: tensors, numbers, arrays; and options that stand in its
 * configuration (Keras 3) or among the arguments of its call.
 *
 * A Python number takes the dtype of what it meets; arrays and tensors have their own. */
#include "base/text.h"
#include "importers/keras/internal.h"

static const struct argument *find(const struct call *c, size_t place, const char *names)
{
    const struct arguments *a = c->arguments;

    for (size_t i = 0; a && i < a->part_count; i++)
        if (a->parts[i].name.size ? is_word_of(a->parts[i].name, names) : i == place) {
            seen_part(c, &a->parts[i]);
            return &a->parts[i];
        }
    return NULL;
}

const struct json *operand_option(const struct call *c, size_t place, const char *names)
{
    const struct argument *argument = find(c, place, names);

    if (argument)
        return argument->count ? NULL : argument->value;
    for (size_t i = 0; c->config->kind == JSON_OBJECT && i < c->config->count; i++)
        if (is_word_of(c->config->items[i].key, names)) {
            seen_key(c, &c->config->items[i]);
            return &c->config->items[i];
        }
    return NULL;
}

/* --- constants --- */

static bool is_number(const struct json *value)
{
    double number;

    return value->kind == JSON_BOOL || json_f64(value, &number);
}

static double number_of(const struct json *value)
{
    double number = 0;

    if (value->kind == JSON_BOOL)
        return value->boolean;
    json_f64(value, &number);
    return number;
}

static enum status list_shape(const struct json *list, struct shape *shape, bool *floats,
                              struct error *err)
{
    const struct json *at = list;

    for (shape->rank = 0; at->kind == JSON_ARRAY; at = &at->items[0]) {
        if (shape->rank == RANK_MAX)
            return error_set(err, STATUS_UNSUPPORTED, "an array of more than %d dimensions",
                             RANK_MAX);
        shape->dims[shape->rank++] = (int64_t)at->count;
        if (!at->count)
            break;
    }
    *floats = at->kind == JSON_FLOAT;
    return STATUS_OK;
}

/* Depth is bounded by the rank. */
static enum status list_fill(const struct json *list, const struct shape *shape, int depth,
                             struct tensor *tensor, size_t *at, struct error *err)
{
    if (depth == shape->rank) {
        if (!is_number(list))
            return error_set(err, STATUS_UNSUPPORTED, "an array with %s in it",
                             json_kind_name(list->kind));
        tensor_set_f64(tensor, (*at)++, number_of(list));
        return STATUS_OK;
    }
    if (list->kind != JSON_ARRAY || (int64_t)list->count != shape->dims[depth])
        return error_set(err, STATUS_INVALID_INPUT, "an array whose rows have different lengths");
    for (size_t i = 0; i < list->count; i++)
        TRY(list_fill(&list->items[i], shape, depth + 1, tensor, at, err));
    return STATUS_OK;
}

enum status constant_read(struct call *c, const struct json *value, enum dtype dtype,
                          struct tensor *tensor, struct error *err)
{
    struct shape shape;
    bool floats = false;
    size_t at = 0;

    TRY(list_shape(value, &shape, &floats, err));
    if (dtype == DTYPE_NONE)
        dtype = floats ? DTYPE_F32 : DTYPE_I32;
    TRY(tensor_new(tensor, dtype, &shape, c->k->keep, err));
    return list_fill(value, &shape, 0, tensor, &at, err);
}

static enum status array_read(struct call *c, const struct json *value, struct operand *o,
                              struct error *err)
{
    const struct json *config = json_get(value, "config");
    struct bytes name, word;
    enum dtype dtype;
    struct tensor tensor;
    const char *text;

    if (value->kind == JSON_ARRAY) {
        TRY(constant_read(c, value, DTYPE_NONE, &tensor, err));
        o->list = true;
        return emit_constant(c->e, &tensor, &o->value, err);
    }
    if (!json_string(json_get(value, "class_name"), &name) ||
        (!bytes_is(name, "__numpy__") && !bytes_is(name, "__tensor__")) ||
        !json_get(config, "value") || !json_string(json_get(config, "dtype"), &word))
        return error_set(err, STATUS_UNSUPPORTED, "an argument is %s, not a tensor or a number",
                         json_kind_name(value->kind));
    text = arena_text(c->k->keep, word);
    dtype = text ? dtype_parse(text) : DTYPE_NONE;
    if (dtype == DTYPE_NONE || dtype == DTYPE_STRING)
        return error_set(err, STATUS_UNSUPPORTED, "an array of an unknown dtype");
    TRY(constant_read(c, json_get(config, "value"), dtype, &tensor, err));
    return emit_constant(c->e, &tensor, &o->value, err);
}

/* --- operands --- */

enum status operand_read(struct call *c, size_t place, const char *names, struct operand *o,
                         struct error *err)
{
    const struct argument *argument = find(c, place, names);

    *o = (struct operand){.value = VALUE_NONE};
    if (!argument || (!argument->count && argument->value->kind == JSON_NULL))
        return STATUS_OK;
    o->given = true;
    if (argument->count == 1 &&
        (argument->value->kind != JSON_ARRAY || argument->name.size || c->k->generation < 3)) {
        o->value = c->tensors[argument->first].value;
        return STATUS_OK;
    }
    if (argument->count)
        return error_set(err, STATUS_UNSUPPORTED, "an argument is a list of tensors");
    if (is_number(argument->value)) {
        o->weak = true;
        o->kind = argument->value->kind;
        o->number = number_of(argument->value);
        return STATUS_OK;
    }
    return array_read(c, argument->value, o, err);
}

enum status operand_tensor(struct call *c, size_t place, const char *names, value_id *value,
                           struct error *err)
{
    struct operand o;

    TRY(operand_read(c, place, names, &o, err));
    if (!o.given)
        return error_set(err, STATUS_INVALID_INPUT, "has no argument '%s'", names);
    return operand_value(c, &o, DTYPE_NONE, value, err);
}

/* Operations of Keras 3 that make tensors of their numbers before they look at dtypes. */
#define FROM_SINGLE                                                                                \
    "Mod Fmod Greater GreaterEqual Less LessEqual Equal NotEqual Logaddexp Logaddexp2 Arctan2 "    \
    "Hypot Isclose Nextafter"

enum status operand_value(struct call *c, const struct operand *o, enum dtype dtype,
                          value_id *value, struct error *err)
{
    bool single =
        c->operation && c->k->generation > 2 && is_word_of(bytes_of(c->class_name), FROM_SINGLE);

    if (o->weak && dtype == DTYPE_NONE)
        dtype = o->kind == JSON_FLOAT ? DTYPE_F32 : o->kind == JSON_BOOL ? DTYPE_BOOL : DTYPE_I32;
    if (o->weak)
        return emit_number(c->e, dtype, single ? number_single(o->number) : o->number, value, err);
    *value = o->value;
    return dtype == DTYPE_NONE ? STATUS_OK : emit_cast(c->e, o->value, dtype, value, err);
}

enum dtype dtype_promote(enum dtype a, enum dtype b)
{
    bool a_float = dtype_is_float(a), b_float = dtype_is_float(b);
    size_t a_size = dtype_size(a), b_size = dtype_size(b);

    if (a == b || b == DTYPE_BOOL)
        return a;
    if (a == DTYPE_BOOL)
        return b;
    if (a_float != b_float)
        return a_float ? a : b;
    if (a_float)
        return a_size == b_size ? DTYPE_F32 : a_size > b_size ? a : b;
    if (dtype_kind(a) == dtype_kind(b))
        return a_size > b_size ? a : b;
    if (dtype_kind(a) == KIND_INT)
        return a_size > b_size ? a : b_size == 1 ? DTYPE_I16 : b_size == 2 ? DTYPE_I32 : DTYPE_I64;
    return dtype_promote(b, a);
}

enum dtype operands_dtype(const struct call *c, const struct operand *o, size_t count)
{
    enum dtype dtype = DTYPE_NONE;
    bool floats = false, integers = false;

    for (size_t i = 0; i < count; i++) {
        bool own = o[i].given && !o[i].weak && !(o[i].list && c->k->generation < 3);

        if (own) {
            enum dtype next = emit_dtype(c->e, o[i].value);

            dtype = dtype == DTYPE_NONE ? next : dtype_promote(dtype, next);
        } else if (o[i].given) {
            floats = floats || (o[i].weak ? o[i].kind == JSON_FLOAT
                                          : dtype_is_float(emit_dtype(c->e, o[i].value)));
            integers = integers || (o[i].weak && o[i].kind != JSON_BOOL);
        }
    }
    if (dtype == DTYPE_NONE)
        return floats ? DTYPE_F32 : DTYPE_I32;
    if (floats && !dtype_is_float(dtype))
        return DTYPE_F32;
    return integers && dtype == DTYPE_BOOL ? DTYPE_I32 : dtype;
}

enum status operands_2(struct call *c, value_id out[2], struct error *err)
{
    struct operand o[2];
    enum dtype dtype;

    TRY(operand_read(c, 0, OPERAND_1, &o[0], err));
    TRY(operand_read(c, 1, OPERAND_2, &o[1], err));
    if (!o[0].given || !o[1].given)
        return error_set(err, STATUS_INVALID_INPUT, "has not two arguments");
    dtype = operands_dtype(c, o, 2);
    for (int i = 0; i < 2; i++)
        TRY(operand_value(c, &o[i], dtype, &out[i], err));
    return STATUS_OK;
}

enum status value_floats(struct call *c, value_id *x, struct error *err)
{
    return dtype_is_float(emit_dtype(c->e, *x)) ? STATUS_OK
                                                : emit_cast(c->e, *x, DTYPE_F32, x, err);
}

/* --- options --- */

enum status option_ints(const struct call *c, size_t place, const char *names, int64_t *values,
                        size_t max, size_t *count, struct error *err)
{
    const struct json *value = operand_option(c, place, names);
    const struct json *inner = json_get(json_get(value, "config"), "value");

    value = inner ? inner : value;
    *count = 0;
    if (!value || value->kind == JSON_NULL)
        return STATUS_OK;
    if (json_i64(value, &values[0])) {
        *count = 1;
        return STATUS_OK;
    }
    if (value->kind != JSON_ARRAY || value->count > max)
        return error_set(err, STATUS_UNSUPPORTED, "its '%s' is %s", names,
                         json_kind_name(value->kind));
    for (; *count < value->count; ++*count)
        if (!json_i64(&value->items[*count], &values[*count]))
            return error_set(err, STATUS_UNSUPPORTED, "its '%s' holds %s", names,
                             json_kind_name(value->items[*count].kind));
    return STATUS_OK;
}

enum status option_int(const struct call *c, size_t place, const char *names, int64_t otherwise,
                       int64_t *value, struct error *err)
{
    const struct json *given = operand_option(c, place, names);

    *value = otherwise;
    if (!given || given->kind == JSON_NULL || json_i64(given, value))
        return STATUS_OK;
    return error_set(err, STATUS_UNSUPPORTED, "its '%s' is %s", names, json_kind_name(given->kind));
}

enum status axis_within(int64_t *axis, int rank, struct error *err)
{
    *axis += *axis < 0 ? rank : 0;
    if (*axis < 0 || *axis >= rank)
        return error_set(err, STATUS_INVALID_INPUT, "its axis is %lld of %d", (long long)*axis,
                         rank);
    return STATUS_OK;
}

enum status option_axis(struct call *c, size_t place, int64_t otherwise, int rank, int64_t *axis,
                        struct error *err)
{
    TRY(option_int(c, place, "axis dim", otherwise, axis, err));
    return axis_within(axis, rank, err);
}

enum status operand_ranked(struct call *c, value_id *x, int *rank, struct error *err)
{
    TRY(operand_tensor(c, 0, OPERAND_1 " tensor array", x, err));
    *rank = emit_shape(c->e, *x)->rank;
    if (*rank < 0)
        return error_set(err, STATUS_UNSUPPORTED, "the rank of its input is not known");
    return STATUS_OK;
}

double option_number(const struct call *c, size_t place, const char *names, double otherwise)
{
    double number;

    return json_f64(operand_option(c, place, names), &number) ? number : otherwise;
}

bool option_bool(const struct call *c, size_t place, const char *names, bool otherwise)
{
    bool value;

    return json_bool(operand_option(c, place, names), &value) ? value : otherwise;
}

/* A dtype by its word, or as TensorFlow writes it: {class_name: TypeSpec...}, "<dtype: ..>". */
enum status option_dtype(const struct call *c, size_t place, const char *names, enum dtype *dtype,
                         struct error *err)
{
    const struct json *given = operand_option(c, place, names);
    char quoted[TEXT_QUOTE_SIZE], word[32];
    struct bytes text;

    *dtype = DTYPE_NONE;
    if (!json_string(given, &text))
        return STATUS_OK;
    if (text.size < sizeof word) {
        memcpy(word, text.data, text.size);
        word[text.size] = 0;
        *dtype = !strcmp(word, "int")     ? DTYPE_I32
                 : !strcmp(word, "float") ? DTYPE_F32
                                          : dtype_parse(word);
    }
    if (*dtype == DTYPE_NONE)
        return error_set(err, STATUS_UNSUPPORTED, "dtype '%s'",
                         text_quote(text, quoted, sizeof quoted));
    return STATUS_OK;
}
