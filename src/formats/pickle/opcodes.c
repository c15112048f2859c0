// SPDX-License-Identifier: Apache-2.0
/* What each opcode does; the machine is in pickle.c. */
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"
#include "formats/pickle/machine.h"

#define HANDLER(name)                                                                              \
    static enum status do_##name(struct pickle_machine *m,                                         \
                                 const struct pickle_opcode *op __attribute__((unused)),           \
                                 struct error *err)

static uint64_t take_number(struct pickle_machine *m, unsigned width)
{
    switch (width) {
    case 1:
        return cursor_u8(&m->cursor);
    case 2:
        return cursor_u16le(&m->cursor);
    case 4:
        return cursor_u32le(&m->cursor);
    default:
        return cursor_u64le(&m->cursor);
    }
}

static enum status push_bytes(struct pickle_machine *m, enum pickle_kind kind, struct bytes bytes,
                              struct error *err)
{
    struct pickle_object *object;

    if (m->cursor.failed)
        return cursor_check(&m->cursor, err);
    TRY(machine_new(m, kind, &object, err));
    object->bytes = bytes;
    return machine_push(m, object, err);
}

static enum status push_new(struct pickle_machine *m, enum pickle_kind kind, struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, kind, &object, err));
    return machine_push(m, object, err);
}

HANDLER(proto)
{
    unsigned version = cursor_u8(&m->cursor);

    if (version > 5)
        return error_at(err, m->at, STATUS_UNSUPPORTED, "pickle protocol %u (5 is the last known)",
                        version);
    if ((int)version > m->pickle->protocol)
        m->pickle->protocol = (int)version;
    return STATUS_OK;
}

/* A hint for buffering readers; joblib writes arrays between frames. */
HANDLER(frame)
{
    (void)err;
    cursor_skip(&m->cursor, op->width);
    return STATUS_OK;
}

HANDLER(stop)
{
    TRY(machine_need(m, 1, err));
    m->done = true;
    return STATUS_OK;
}

HANDLER(mark)
{
    struct pickle_stacks *s = &m->stacks;

    if (s->mark_count == s->mark_capacity) {
        void *marks = s->marks;
        TRY(machine_grow(m, &marks, &s->mark_capacity, sizeof *s->marks, err));
        s->marks = marks;
    }
    s->marks[s->mark_count++] = s->depth;
    return STATUS_OK;
}

HANDLER(pop)
{
    struct pickle_stacks *s = &m->stacks;
    struct pickle_object *object;

    if (s->mark_count && s->marks[s->mark_count - 1] == s->depth) {
        s->mark_count--;
        return STATUS_OK;
    }
    return machine_pop(m, &object, err);
}

HANDLER(pop_mark)
{
    struct pickle_object **items;
    size_t count;

    return machine_pop_to_mark(m, &items, &count, err);
}

HANDLER(dup)
{
    struct pickle_object *object;

    TRY(machine_peek(m, &object, err));
    return machine_push(m, object, err);
}

HANDLER(none)
{
    return push_new(m, PICKLE_NONE, err);
}

static enum status push_bool(struct pickle_machine *m, bool value, struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_BOOL, &object, err));
    object->boolean = value;
    return machine_push(m, object, err);
}

HANDLER(new_true)
{
    return push_bool(m, true, err);
}

HANDLER(new_false)
{
    return push_bool(m, false, err);
}

HANDLER(int_line)
{
    struct bytes line = cursor_line(&m->cursor);
    struct pickle_object *object;

    if (bytes_is(line, "01") || bytes_is(line, "00"))
        return push_bool(m, line.data[1] == '1', err);
    TRY(literal_integer(m, line, &object, err));
    return machine_push(m, object, err);
}

HANDLER(int_binary)
{
    uint64_t value = take_number(m, op->width);
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_INT, &object, err));
    object->integer = op->width == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
    return machine_push(m, object, err);
}

HANDLER(long_line)
{
    struct bytes line = cursor_line(&m->cursor);
    struct pickle_object *object;

    if (line.size && line.data[line.size - 1] == 'L')
        line.size--;
    TRY(literal_integer(m, line, &object, err));
    return machine_push(m, object, err);
}

HANDLER(long_binary)
{
    uint64_t size = take_number(m, op->width);
    struct pickle_object *object;

    if (size > INT32_MAX)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "an integer of negative size");
    TRY(literal_long(m, cursor_take(&m->cursor, size), &object, err));
    return machine_push(m, object, err);
}

static enum status push_float(struct pickle_machine *m, double value, struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_FLOAT, &object, err));
    object->number = value;
    return machine_push(m, object, err);
}

HANDLER(float_line)
{
    struct bytes line = cursor_line(&m->cursor);
    char quoted[TEXT_QUOTE_SIZE];
    double value;

    if (line.size == 0 || !number_from_text(line, &value))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "\"%s\" is no number",
                        text_quote(line, quoted, sizeof quoted));
    return push_float(m, value, err);
}

HANDLER(float_binary)
{
    return push_float(m, cursor_f64be(&m->cursor), err);
}

/* A Python 2 str holds text or raw bytes: ASCII is text. */
static enum status push_python2(struct pickle_machine *m, struct bytes value, struct error *err)
{
    return push_bytes(m, literal_is_ascii(value) ? PICKLE_TEXT : PICKLE_BYTES, value, err);
}

HANDLER(string_line)
{
    struct bytes value;

    TRY(literal_quoted(m, cursor_line(&m->cursor), &value, err));
    return push_python2(m, value, err);
}

HANDLER(string_binary)
{
    uint64_t size = take_number(m, op->width);

    if (size > INT32_MAX)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a string of negative size");
    return push_python2(m, cursor_take(&m->cursor, size), err);
}

HANDLER(unicode_line)
{
    struct bytes value;

    TRY(literal_raw_unicode(m, cursor_line(&m->cursor), &value, err));
    return push_bytes(m, PICKLE_TEXT, value, err);
}

HANDLER(unicode)
{
    uint64_t size = take_number(m, op->width);
    struct bytes value = cursor_take(&m->cursor, size);

    if (!literal_is_wtf8(value))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a string is not UTF-8");
    return push_bytes(m, PICKLE_TEXT, value, err);
}

HANDLER(bytes)
{
    uint64_t size = take_number(m, op->width);

    return push_bytes(m, PICKLE_BYTES, cursor_take(&m->cursor, size), err);
}

HANDLER(bytearray)
{
    uint64_t size = take_number(m, op->width);

    return push_bytes(m, PICKLE_BYTEARRAY, cursor_take(&m->cursor, size), err);
}

HANDLER(next_buffer)
{
    return error_at(err, m->at, STATUS_UNSUPPORTED,
                    "the pickle refers to buffers that were saved elsewhere (protocol 5, "
                    "buffer_callback)");
}

HANDLER(readonly)
{
    return machine_need(m, 1, err);
}

HANDLER(empty_list)
{
    return push_new(m, PICKLE_LIST, err);
}

static enum status append_to(struct pickle_machine *m, struct pickle_object *target,
                             struct pickle_object *item, struct error *err)
{
    if (target->kind == PICKLE_LIST)
        return machine_append(m, &target->items, &target->count, item, err);
    if (target->kind == PICKLE_OBJECT)
        return machine_append(m, &target->list_items, &target->list_count, item, err);
    return error_at(err, m->at, STATUS_INVALID_INPUT, "an item is appended to what is no list");
}

HANDLER(append)
{
    struct pickle_object *item, *target;

    TRY(machine_pop(m, &item, err));
    TRY(machine_peek(m, &target, err));
    return append_to(m, target, item, err);
}

HANDLER(appends)
{
    struct pickle_object **items, *target;
    size_t count;

    TRY(machine_pop_to_mark(m, &items, &count, err));
    TRY(machine_peek(m, &target, err));
    for (size_t i = 0; i < count; i++)
        TRY(append_to(m, target, items[i], err));
    return STATUS_OK;
}

/* A container with a copy of `count` items; a DICT's come in pairs. */
static enum status push_container(struct pickle_machine *m, enum pickle_kind kind,
                                  struct pickle_object *const *items, size_t count,
                                  struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, kind, &object, err));
    TRY(machine_items(m, items, count, &object->items, err));
    object->count = kind == PICKLE_DICT ? count / 2 : count;
    return machine_push(m, object, err);
}

static enum status marked_container(struct pickle_machine *m, enum pickle_kind kind,
                                    struct error *err)
{
    struct pickle_object **items;
    size_t count;

    TRY(machine_pop_to_mark(m, &items, &count, err));
    if (kind == PICKLE_DICT && count % 2)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a dict has a key without a value");
    return push_container(m, kind, items, count, err);
}

HANDLER(list)
{
    return marked_container(m, PICKLE_LIST, err);
}

HANDLER(tuple)
{
    return marked_container(m, PICKLE_TUPLE, err);
}

HANDLER(tuple_fixed)
{
    TRY(machine_need(m, op->width, err));
    m->stacks.depth -= op->width;
    return push_container(m, PICKLE_TUPLE, op->width ? m->stacks.values + m->stacks.depth : NULL,
                          op->width, err);
}

HANDLER(empty_dict)
{
    return push_new(m, PICKLE_DICT, err);
}

HANDLER(dict)
{
    return marked_container(m, PICKLE_DICT, err);
}

static enum status set_items(struct pickle_machine *m, struct pickle_object *target,
                             struct pickle_object *const *items, size_t count, struct error *err)
{
    bool dict = target->kind == PICKLE_DICT;
    struct pickle_object ***entries = dict ? &target->items : &target->dict_items;
    size_t used;

    if (!dict && target->kind != PICKLE_OBJECT)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a key is set in what is no dict");
    if (count % 2)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "a dict has a key without a value");
    used = 2 * (dict ? target->count : target->dict_count);
    for (size_t i = 0; i < count; i++)
        TRY(machine_append(m, entries, &used, items[i], err));
    *(dict ? &target->count : &target->dict_count) = used / 2;
    return STATUS_OK;
}

HANDLER(setitem)
{
    struct pickle_object *target;

    TRY(machine_need(m, 3, err));
    m->stacks.depth -= 2;
    TRY(machine_peek(m, &target, err));
    return set_items(m, target, m->stacks.values + m->stacks.depth, 2, err);
}

HANDLER(setitems)
{
    struct pickle_object **items, *target;
    size_t count;

    TRY(machine_pop_to_mark(m, &items, &count, err));
    TRY(machine_peek(m, &target, err));
    return set_items(m, target, items, count, err);
}

HANDLER(empty_set)
{
    return push_new(m, PICKLE_SET, err);
}

HANDLER(additems)
{
    struct pickle_object **items, *target;
    size_t count;

    TRY(machine_pop_to_mark(m, &items, &count, err));
    TRY(machine_peek(m, &target, err));
    if (target->kind != PICKLE_SET)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "items are added to what is no set");
    for (size_t i = 0; i < count; i++)
        TRY(machine_append(m, &target->items, &target->count, items[i], err));
    return STATUS_OK;
}

HANDLER(frozenset)
{
    return marked_container(m, PICKLE_FROZENSET, err);
}

static enum status take_memo_line(struct pickle_machine *m, uint64_t *id, struct error *err)
{
    struct bytes line = cursor_line(&m->cursor);
    const char *text = (const char *)line.data;
    char quoted[TEXT_QUOTE_SIZE];

    if (line.size && number_parse_u64(text, text + line.size, id) == text + line.size)
        return STATUS_OK;
    return error_at(err, m->at, STATUS_INVALID_INPUT, "\"%s\" is no memo entry",
                    text_quote(line, quoted, sizeof quoted));
}

HANDLER(get_line)
{
    uint64_t id;

    TRY(take_memo_line(m, &id, err));
    return machine_memo_get(m, id, err);
}

HANDLER(get_binary)
{
    return machine_memo_get(m, take_number(m, op->width), err);
}

HANDLER(put_line)
{
    uint64_t id;

    TRY(take_memo_line(m, &id, err));
    return machine_memo_put(m, id, err);
}

HANDLER(put_binary)
{
    return machine_memo_put(m, take_number(m, op->width), err);
}

HANDLER(memoize)
{
    return machine_memo_put(m, m->stacks.memo_count, err);
}

static enum status take_global(struct pickle_machine *m, struct pickle_object **global,
                               struct error *err)
{
    struct bytes module = cursor_line(&m->cursor);
    struct bytes name = cursor_line(&m->cursor);

    return machine_global(m, module, name, global, err);
}

HANDLER(global_line)
{
    struct pickle_object *global;

    TRY(take_global(m, &global, err));
    return machine_push(m, global, err);
}

HANDLER(stack_global)
{
    struct pickle_object *module, *name, *global;

    TRY(machine_pop(m, &name, err));
    TRY(machine_pop(m, &module, err));
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "the name of a class is no text");
    TRY(machine_global(m, module->bytes, name->bytes, &global, err));
    return machine_push(m, global, err);
}

static enum status push_call(struct pickle_machine *m, struct pickle_object *callable,
                             struct pickle_object *args, struct pickle_object *kwargs,
                             struct error *err)
{
    struct pickle_object *object;

    if (args->kind != PICKLE_TUPLE)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "the arguments of a call are no tuple");
    TRY(machine_new(m, PICKLE_OBJECT, &object, err));
    object->callable = callable;
    object->args = args;
    object->kwargs = kwargs;
    TRY(pickle_call(m, object, err));
    return machine_push(m, object, err);
}

/* NEWOBJ too: cls.__new__(cls, *args) is as much of a call as we ever make. */
HANDLER(reduce)
{
    struct pickle_object *callable, *args;

    TRY(machine_pop(m, &args, err));
    TRY(machine_pop(m, &callable, err));
    return push_call(m, callable, args, NULL, err);
}

HANDLER(newobj_ex)
{
    struct pickle_object *callable, *args, *kwargs;

    TRY(machine_pop(m, &kwargs, err));
    TRY(machine_pop(m, &args, err));
    TRY(machine_pop(m, &callable, err));
    if (kwargs->kind != PICKLE_DICT)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "keyword arguments are no dict");
    return push_call(m, callable, args, kwargs->count ? kwargs : NULL, err);
}

HANDLER(build)
{
    struct pickle_object *object, *state;

    TRY(machine_pop(m, &state, err));
    TRY(machine_peek(m, &object, err));
    return pickle_build(m, object, state, err);
}

HANDLER(inst)
{
    struct pickle_object *global, *args, **items;
    size_t count;

    TRY(take_global(m, &global, err));
    TRY(machine_pop_to_mark(m, &items, &count, err));
    TRY(machine_new(m, PICKLE_TUPLE, &args, err));
    TRY(machine_items(m, items, count, &args->items, err));
    args->count = count;
    return push_call(m, global, args, NULL, err);
}

HANDLER(obj)
{
    struct pickle_object *callable, *args, **items;
    size_t count;

    TRY(machine_pop_to_mark(m, &items, &count, err));
    if (count == 0)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "an object without a class");
    callable = items[0];
    TRY(machine_new(m, PICKLE_TUPLE, &args, err));
    TRY(machine_items(m, items + 1, count - 1, &args->items, err));
    args->count = count - 1;
    return push_call(m, callable, args, NULL, err);
}

/* Extension codes are private to the program that wrote them: an opaque name. */
HANDLER(ext)
{
    struct pickle_object *global;
    char name[32];
    int size = snprintf(name, sizeof name, "%llu", (unsigned long long)take_number(m, op->width));

    TRY(machine_global(m, bytes_of("copyreg.extension"),
                       (struct bytes){(const uint8_t *)name, (size_t)size}, &global, err));
    return machine_push(m, global, err);
}

static enum status push_persistent(struct pickle_machine *m, struct pickle_object *id,
                                   struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_PERSISTENT, &object, err));
    object->value = id;
    return machine_push(m, object, err);
}

HANDLER(persid_line)
{
    struct bytes line = cursor_line(&m->cursor);
    struct pickle_object *id;

    TRY(machine_new(m, literal_is_wtf8(line) ? PICKLE_TEXT : PICKLE_BYTES, &id, err));
    id->bytes = line;
    return push_persistent(m, id, err);
}

HANDLER(persid)
{
    struct pickle_object *id;

    TRY(machine_pop(m, &id, err));
    return push_persistent(m, id, err);
}

const struct pickle_opcode PICKLE_OPCODES[256] = {
#define OPCODE(code, name, handler, width) [code] = {#name, do_##handler, width},
#include "formats/pickle/opcodes.def"
#undef OPCODE
};
