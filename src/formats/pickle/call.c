// SPDX-License-Identifier: Apache-2.0
/* What pure callables would have made: containers, bytes, numpy arrays. Everything else stays an
 * opaque OBJECT. */
#include "base/number.h"
#include "formats/pickle/machine.h"

bool pickle_global_is(const struct pickle_object *object, const char *module, const char *name)
{
    return object && object->kind == PICKLE_GLOBAL && strcmp(object->name, name) == 0 &&
           strcmp(object->module, module) == 0;
}

/* --- arguments --- */

static struct pickle_object *argument(const struct pickle_object *object, size_t index)
{
    return index < object->args->count ? object->args->items[index] : NULL;
}

static bool is_sequence(const struct pickle_object *object)
{
    return object->kind == PICKLE_LIST || object->kind == PICKLE_TUPLE ||
           object->kind == PICKLE_SET || object->kind == PICKLE_FROZENSET;
}

static void become_bytes(struct pickle_object *object, enum pickle_kind kind, struct bytes bytes)
{
    *object = (struct pickle_object){.kind = kind, .offset = object->offset, .bytes = bytes};
}

/* --- builtins --- */

static enum status call_container(struct pickle_machine *m, struct pickle_object *object,
                                  enum pickle_kind kind, struct error *err)
{
    struct pickle_object *from = argument(object, 0), **items = NULL;
    size_t count = 0;

    if (object->args->count > 1 || (from && !is_sequence(from)))
        return STATUS_OK;
    if (from) {
        count = from->count;
        TRY(machine_items(m, from->items, count, &items, err));
    }
    *object = (struct pickle_object){
        .kind = kind, .offset = object->offset, .items = items, .count = count};
    return STATUS_OK;
}

static enum status call_set(struct pickle_machine *m, struct pickle_object *object,
                            struct error *err)
{
    return call_container(m, object, PICKLE_SET, err);
}

static enum status call_frozenset(struct pickle_machine *m, struct pickle_object *object,
                                  struct error *err)
{
    return call_container(m, object, PICKLE_FROZENSET, err);
}

static enum status call_list(struct pickle_machine *m, struct pickle_object *object,
                             struct error *err)
{
    return call_container(m, object, PICKLE_LIST, err);
}

static enum status call_tuple(struct pickle_machine *m, struct pickle_object *object,
                              struct error *err)
{
    return call_container(m, object, PICKLE_TUPLE, err);
}

/* Pairs of a DICT, or of a sequence of pairs, into (2 * count,) items. False: it is neither. */
static enum status pairs_of(struct pickle_machine *m, const struct pickle_object *from,
                            struct pickle_object ***items, size_t *count, bool *understood,
                            struct error *err)
{
    size_t used = 0;

    *items = NULL;
    *understood = true;
    *count = from->count;
    if (from->kind == PICKLE_DICT)
        return machine_items(m, from->items, 2 * from->count, items, err);
    *understood = is_sequence(from);
    for (size_t i = 0; *understood && i < from->count; i++) {
        const struct pickle_object *pair = from->items[i];
        TRY(machine_charge(m, 1, err));
        *understood = is_sequence(pair) && pair->count == 2;
        if (*understood) {
            TRY(machine_append(m, items, &used, pair->items[0], err));
            TRY(machine_append(m, items, &used, pair->items[1], err));
        }
    }
    return STATUS_OK;
}

static enum status call_dict(struct pickle_machine *m, struct pickle_object *object,
                             struct error *err)
{
    struct pickle_object *from = argument(object, 0), **items = NULL;
    size_t count = 0;
    bool understood = true;

    if (object->args->count > 1 || object->kwargs)
        return STATUS_OK;
    if (from)
        TRY(pairs_of(m, from, &items, &count, &understood, err));
    if (understood)
        *object = (struct pickle_object){
            .kind = PICKLE_DICT, .offset = object->offset, .items = items, .count = count};
    return STATUS_OK;
}

/* OrderedDict and Counter stay OBJECTs, with the pairs of their argument as if set one by one. */
static enum status call_mapping(struct pickle_machine *m, struct pickle_object *object,
                                struct error *err)
{
    struct pickle_object *from = argument(object, 0), **items;
    size_t count;
    bool understood;

    if (object->args->count != 1)
        return STATUS_OK;
    TRY(pairs_of(m, from, &items, &count, &understood, err));
    if (understood) {
        object->dict_items = items;
        object->dict_count = count;
    }
    return STATUS_OK;
}

/* deque(iterable, maxlen) */
static enum status call_deque(struct pickle_machine *m, struct pickle_object *object,
                              struct error *err)
{
    struct pickle_object *from = argument(object, 0);

    if (!from || !is_sequence(from))
        return STATUS_OK;
    TRY(machine_items(m, from->items, from->count, &object->list_items, err));
    object->list_count = from->count;
    return STATUS_OK;
}

static enum status latin1(struct pickle_machine *m, struct pickle_object *object, struct bytes text,
                          enum pickle_kind kind, struct error *err)
{
    void *memory;
    size_t size;

    if (literal_is_ascii(text)) {
        become_bytes(object, kind, text);
        return STATUS_OK;
    }
    TRY(machine_alloc(m, text.size, 1, &memory, err));
    if (literal_latin1(text, memory, &size))
        become_bytes(object, kind, (struct bytes){memory, size});
    return STATUS_OK;
}

static bool is_latin1_name(const struct pickle_object *object)
{
    return object && object->kind == PICKLE_TEXT &&
           (bytes_is(object->bytes, "latin1") || bytes_is(object->bytes, "latin-1") ||
            bytes_is(object->bytes, "iso-8859-1"));
}

/* _codecs.encode(text, "latin1"): bytes in protocols below 3. */
static enum status call_encode(struct pickle_machine *m, struct pickle_object *object,
                               struct error *err)
{
    struct pickle_object *text = argument(object, 0), *codec = argument(object, 1);

    if (!text || text->kind != PICKLE_TEXT)
        return STATUS_OK;
    if (is_latin1_name(codec))
        return latin1(m, object, text->bytes, PICKLE_BYTES, err);
    if (!codec || (codec->kind == PICKLE_TEXT &&
                   (bytes_is(codec->bytes, "utf8") || bytes_is(codec->bytes, "utf-8"))))
        become_bytes(object, PICKLE_BYTES, text->bytes);
    return STATUS_OK;
}

static enum status bytes_like(struct pickle_machine *m, struct pickle_object *object,
                              enum pickle_kind kind, struct error *err)
{
    struct pickle_object *from = argument(object, 0);

    if (!from) {
        become_bytes(object, kind, (struct bytes){NULL, 0});
        return STATUS_OK;
    }
    if (from->kind == PICKLE_TEXT && is_latin1_name(argument(object, 1)))
        return latin1(m, object, from->bytes, kind, err);
    if (object->args->count == 1 &&
        (from->kind == PICKLE_BYTES || from->kind == PICKLE_BYTEARRAY || from->kind == PICKLE_TEXT))
        become_bytes(object, kind, from->bytes);
    return STATUS_OK;
}

static enum status call_bytes(struct pickle_machine *m, struct pickle_object *object,
                              struct error *err)
{
    return bytes_like(m, object, PICKLE_BYTES, err);
}

static enum status call_bytearray(struct pickle_machine *m, struct pickle_object *object,
                                  struct error *err)
{
    return bytes_like(m, object, PICKLE_BYTEARRAY, err);
}

static void become_copy(struct pickle_object *object, const struct pickle_object *from)
{
    size_t offset = object->offset;

    *object = *from;
    object->offset = offset;
}

static enum status call_int(struct pickle_machine *m, struct pickle_object *object,
                            struct error *err)
{
    struct pickle_object *from = argument(object, 0);

    (void)m, (void)err;
    if (object->args->count == 0)
        *object = (struct pickle_object){.kind = PICKLE_INT, .offset = object->offset};
    else if (object->args->count == 1 && (from->kind == PICKLE_INT || from->kind == PICKLE_BIGINT))
        become_copy(object, from);
    else if (object->args->count == 1 && from->kind == PICKLE_BOOL)
        *object = (struct pickle_object){
            .kind = PICKLE_INT, .offset = object->offset, .integer = from->boolean};
    return STATUS_OK;
}

static enum status call_float(struct pickle_machine *m, struct pickle_object *object,
                              struct error *err)
{
    struct pickle_object *from = argument(object, 0);
    double value = 0;
    bool known = object->args->count == 0;

    (void)m, (void)err;
    if (object->args->count == 1 && from->kind == PICKLE_TEXT)
        known = number_from_text(from->bytes, &value);
    else if (object->args->count == 1)
        known = pickle_to_f64(from, &value);
    if (known)
        *object =
            (struct pickle_object){.kind = PICKLE_FLOAT, .offset = object->offset, .number = value};
    return STATUS_OK;
}

static enum status call_bool(struct pickle_machine *m, struct pickle_object *object,
                             struct error *err)
{
    bool value = false;

    (void)m, (void)err;
    if (object->args->count == 0 ||
        (object->args->count == 1 && pickle_to_bool(argument(object, 0), &value)))
        *object =
            (struct pickle_object){.kind = PICKLE_BOOL, .offset = object->offset, .boolean = value};
    return STATUS_OK;
}

static enum status call_str(struct pickle_machine *m, struct pickle_object *object,
                            struct error *err)
{
    (void)m, (void)err;
    if (object->args->count == 0)
        become_bytes(object, PICKLE_TEXT, (struct bytes){NULL, 0});
    else if (object->args->count == 1 && argument(object, 0)->kind == PICKLE_TEXT)
        become_copy(object, argument(object, 0));
    return STATUS_OK;
}

/* --- copyreg --- */

static enum status arguments_from(struct pickle_machine *m, struct pickle_object *object,
                                  struct pickle_object *const *items, size_t count,
                                  struct error *err)
{
    struct pickle_object *args;

    TRY(machine_new(m, PICKLE_TUPLE, &args, err));
    TRY(machine_items(m, items, count, &args->items, err));
    args->count = count;
    object->args = args;
    return STATUS_OK;
}

/* _reconstructor(cls, base, state): protocol 0 and 1 for every new-style class. */
static enum status call_reconstructor(struct pickle_machine *m, struct pickle_object *object,
                                      struct error *err)
{
    struct pickle_object *class = argument(object, 0), *base = argument(object, 1),
                         *state = argument(object, 2);
    bool understood = true, plain;

    if (object->args->count != 3)
        return STATUS_OK;
    plain = pickle_global_is(base, "builtins", "object");
    object->callable = class;
    if (pickle_global_is(base, "builtins", "dict")) {
        TRY(pairs_of(m, state, &object->dict_items, &object->dict_count, &understood, err));
        plain = understood;
    } else if (pickle_global_is(base, "builtins", "list") && is_sequence(state)) {
        TRY(machine_items(m, state->items, state->count, &object->list_items, err));
        object->list_count = state->count;
        plain = true;
    }
    return arguments_from(m, object, &state, plain ? 0 : 1, err);
}

/* __newobj__(cls, *args) */
static enum status call_newobj(struct pickle_machine *m, struct pickle_object *object,
                               struct error *err)
{
    struct pickle_object *args = object->args;

    if (args->count == 0)
        return STATUS_OK;
    object->callable = args->items[0];
    return arguments_from(m, object, args->items + 1, args->count - 1, err);
}

/* __newobj_ex__(cls, args, kwargs) */
static enum status call_newobj_ex(struct pickle_machine *m, struct pickle_object *object,
                                  struct error *err)
{
    struct pickle_object *class = argument(object, 0), *args = argument(object, 1),
                         *kwargs = argument(object, 2);

    (void)m, (void)err;
    if (object->args->count != 3 || args->kind != PICKLE_TUPLE || kwargs->kind != PICKLE_DICT)
        return STATUS_OK;
    object->callable = class;
    object->args = args;
    object->kwargs = kwargs->count ? kwargs : NULL;
    return STATUS_OK;
}

/* --- the table --- */

static const struct call {
    const char *module, *name;
    enum status (*run)(struct pickle_machine *m, struct pickle_object *object, struct error *err);
} CALLS[] = {
    {"builtins", "set", call_set},
    {"builtins", "frozenset", call_frozenset},
    {"builtins", "list", call_list},
    {"builtins", "tuple", call_tuple},
    {"builtins", "dict", call_dict},
    {"builtins", "bytes", call_bytes},
    {"builtins", "bytearray", call_bytearray},
    {"builtins", "int", call_int},
    {"builtins", "float", call_float},
    {"builtins", "bool", call_bool},
    {"builtins", "str", call_str},
    {"_codecs", "encode", call_encode},
    {"collections", "OrderedDict", call_mapping},
    {"collections", "Counter", call_mapping},
    {"collections", "deque", call_deque},
    {"copyreg", "_reconstructor", call_reconstructor},
    {"copyreg", "__newobj__", call_newobj},
    {"copyreg", "__newobj_ex__", call_newobj_ex},
    {"numpy._core.multiarray", "scalar", pickle_numpy_scalar},
    {"numpy._core.numeric", "_frombuffer", pickle_numpy_frombuffer},
};

enum status pickle_call(struct pickle_machine *m, struct pickle_object *object, struct error *err)
{
    if (object->callable->kind != PICKLE_GLOBAL)
        return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(CALLS); i++)
        if (pickle_global_is(object->callable, CALLS[i].module, CALLS[i].name))
            return CALLS[i].run(m, object, err);
    return STATUS_OK;
}

/* --- BUILD --- */

/* A second BUILD adds to the first, as updating __dict__ does; later keys win. */
static enum status merge_state(struct pickle_machine *m, struct pickle_object **state,
                               struct pickle_object *more, struct error *err)
{
    struct pickle_object *merged;
    size_t used;

    if (!*state || (*state)->kind != PICKLE_DICT || more->kind != PICKLE_DICT) {
        *state = more;
        return STATUS_OK;
    }
    TRY(machine_new(m, PICKLE_DICT, &merged, err));
    TRY(machine_items(m, (*state)->items, 2 * (*state)->count, &merged->items, err));
    used = 2 * (*state)->count;
    TRY(machine_charge(m, more->count, err));
    for (size_t i = 0; i < 2 * more->count; i++)
        TRY(machine_append(m, &merged->items, &used, more->items[i], err));
    merged->count = used / 2;
    *state = merged;
    return STATUS_OK;
}

static bool is_dict_or_none(const struct pickle_object *object)
{
    return object->kind == PICKLE_DICT || object->kind == PICKLE_NONE;
}

static enum status object_build(struct pickle_machine *m, struct pickle_object *object,
                                struct pickle_object *state, struct error *err)
{
    /* (dict, slots), as copyreg makes it for a class with __slots__ */
    if (state->kind == PICKLE_TUPLE && state->count == 2 && is_dict_or_none(state->items[0]) &&
        state->items[1]->kind == PICKLE_DICT) {
        TRY(merge_state(m, &object->slots, state->items[1], err));
        state = state->items[0];
        if (state->kind == PICKLE_NONE)
            return STATUS_OK;
    }
    TRY(merge_state(m, &object->state, state, err));
    if (pickle_joblib_is(object) && !m->nested)
        return pickle_joblib_build(m, object, err);
    return STATUS_OK;
}

enum status pickle_build(struct pickle_machine *m, struct pickle_object *object,
                         struct pickle_object *state, struct error *err)
{
    switch (object->kind) {
    case PICKLE_OBJECT:
        if (pickle_numpy_is_reconstruct(object))
            return pickle_numpy_build(m, object, state, err);
        return object_build(m, object, state, err);
    case PICKLE_GLOBAL:
        return error_at(err, m->at, STATUS_UNSUPPORTED, "the pickle changes the class %s.%s itself",
                        object->module, object->name);
    case PICKLE_PERSISTENT:
        return error_at(err, m->at, STATUS_UNSUPPORTED,
                        "the pickle gives state to an object that is stored elsewhere");
    default:
        return error_at(err, m->at, STATUS_INVALID_INPUT, "state is given to a plain value");
    }
}
