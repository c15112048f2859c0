// SPDX-License-Identifier: Apache-2.0
/* The machine: a stack, marks and a memo; see CPython's Lib/pickletools.py for the opcodes. */
#include "formats/pickle.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/number.h"
#include "base/text.h"
#include "formats/pickle_machine.h"

enum {
    GLOBALS_MAX = 1 << 16, /* distinct names; the largest pipelines seen have some hundreds */
    NAME_BYTES_MAX = 1024,
    STEPS_DEFAULT = 50 * 1000 * 1000,
};
static const size_t BYTES_DEFAULT = (size_t)2 << 30;

struct opcode {
    const char *name;
    enum status (*run)(struct pickle_machine *m, const struct opcode *op, struct error *err);
    unsigned width;
};

/* --- memory and budgets --- */

enum status machine_charge(struct pickle_machine *m, size_t work, struct error *err)
{
    if (work > m->limits.opcodes || m->steps > m->limits.opcodes - work)
        return error_at(err, m->at, STATUS_TOO_LARGE, "pickle has more than %zu opcodes",
                        m->limits.opcodes);
    m->steps += work;
    return STATUS_OK;
}

static enum status no_room(struct pickle_machine *m, struct error *err)
{
    return error_at(err, m->at, STATUS_TOO_LARGE, "objects of the pickle need more than %zu bytes",
                    m->limits.bytes);
}

enum status machine_alloc(struct pickle_machine *m, size_t count, size_t size, void **memory,
                          struct error *err)
{
    size_t used = m->keep->used - m->keep_before, bytes;

    if (!checked_multiply(count, size, &bytes) || bytes > m->limits.bytes ||
        used > m->limits.bytes - bytes)
        return no_room(m, err);
    *memory = arena_alloc(m->keep, count, size);
    return *memory ? STATUS_OK : error_no_memory(err, "objects of a pickle");
}

enum status machine_new(struct pickle_machine *m, enum pickle_kind kind,
                        struct pickle_object **object, struct error *err)
{
    void *memory;

    TRY(machine_alloc(m, 1, sizeof **object, &memory, err));
    *object = memory;
    (*object)->kind = kind;
    (*object)->offset = m->at;
    return STATUS_OK;
}

/* Room of an item array that holds `count`: nobody has to store it. */
static size_t room_of(size_t count)
{
    size_t room = 4;

    while (room < count)
        room *= 2;
    return count ? room : 0;
}

enum status machine_items(struct pickle_machine *m, struct pickle_object *const *from, size_t count,
                          struct pickle_object ***items, struct error *err)
{
    void *memory;

    *items = NULL;
    if (count == 0)
        return STATUS_OK;
    TRY(machine_charge(m, count, err));
    TRY(machine_alloc(m, room_of(count), sizeof **items, &memory, err));
    *items = memory;
    memcpy(memory, from, count * sizeof **items);
    return STATUS_OK;
}

enum status machine_append(struct pickle_machine *m, struct pickle_object ***items, size_t *count,
                           struct pickle_object *item, struct error *err)
{
    void *memory;

    if (*count == room_of(*count)) {
        TRY(machine_alloc(m, room_of(*count + 1), sizeof **items, &memory, err));
        if (*count)
            memcpy(memory, *items, *count * sizeof **items);
        *items = memory;
    }
    (*items)[(*count)++] = item;
    return STATUS_OK;
}

/* --- the stacks --- */

static enum status grow(struct pickle_machine *m, void **array, size_t *capacity, size_t size,
                        struct error *err)
{
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *bigger = arena_alloc(&m->scratch, wanted, size);

    if (!bigger)
        return no_room(m, err);
    if (*capacity)
        memcpy(bigger, *array, *capacity * size);
    *array = bigger;
    *capacity = wanted;
    return STATUS_OK;
}

static enum status push(struct pickle_machine *m, struct pickle_object *object, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;

    if (s->depth == s->capacity) {
        void *values = s->values;
        TRY(grow(m, &values, &s->capacity, sizeof *s->values, err));
        s->values = values;
    }
    s->values[s->depth++] = object;
    return STATUS_OK;
}

/* Objects above the last mark may be taken; those below belong to somebody else. */
static size_t available(const struct pickle_machine *m)
{
    const struct pickle_stacks *s = &m->stacks;

    return s->depth - (s->mark_count ? s->marks[s->mark_count - 1] : 0);
}

static enum status need(struct pickle_machine *m, size_t count, struct error *err)
{
    if (available(m) >= count)
        return STATUS_OK;
    return error_at(err, m->at, STATUS_INVALID_INPUT, "the stack holds %zu objects, not %zu",
                    available(m), count);
}

static enum status pop(struct pickle_machine *m, struct pickle_object **object, struct error *err)
{
    *object = NULL;
    TRY(need(m, 1, err));
    *object = m->stacks.values[--m->stacks.depth];
    return STATUS_OK;
}

static enum status peek(struct pickle_machine *m, struct pickle_object **object, struct error *err)
{
    *object = NULL;
    TRY(need(m, 1, err));
    *object = m->stacks.values[m->stacks.depth - 1];
    return STATUS_OK;
}

/* Take everything above the last mark, and the mark. The items are valid until the next push. */
static enum status pop_to_mark(struct pickle_machine *m, struct pickle_object ***items,
                               size_t *count, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;

    *items = NULL;
    *count = 0;
    if (s->mark_count == 0)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "there is no mark on the stack");
    *count = s->depth - s->marks[--s->mark_count];
    s->depth -= *count;
    *items = s->values + s->depth;
    return STATUS_OK;
}

/* --- the memo --- */

/* Probes are charged: chosen ids can make them long. */
static enum status memo_slot(struct pickle_machine *m, uint64_t id, struct pickle_memo_slot **slot,
                             struct error *err)
{
    struct pickle_stacks *s = &m->stacks;
    size_t mask = s->memo_capacity - 1, probes = 0;
    size_t i = (size_t)((id * 0x9E3779B97F4A7C15u) >> 20) & mask;

    while (s->memo[i].object && s->memo[i].id != id) {
        i = (i + 1) & mask;
        probes++;
    }
    *slot = &s->memo[i];
    return probes > 8 ? machine_charge(m, probes, err) : STATUS_OK;
}

static enum status memo_grow(struct pickle_machine *m, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;
    struct pickle_memo_slot *old = s->memo, *slot;
    size_t old_capacity = s->memo_capacity;
    size_t capacity = old_capacity ? old_capacity * 2 : 64;
    struct pickle_memo_slot *memo = arena_new(&m->scratch, struct pickle_memo_slot, capacity);

    if (!memo)
        return no_room(m, err);
    s->memo = memo;
    s->memo_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (!old[i].object)
            continue;
        TRY(memo_slot(m, old[i].id, &slot, err));
        *slot = old[i];
    }
    return STATUS_OK;
}

static enum status memo_put(struct pickle_machine *m, uint64_t id, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;
    struct pickle_memo_slot *slot;
    struct pickle_object *object;

    TRY(peek(m, &object, err));
    if (s->memo_count * 2 >= s->memo_capacity)
        TRY(memo_grow(m, err));
    TRY(memo_slot(m, id, &slot, err));
    if (!slot->object)
        s->memo_count++;
    *slot = (struct pickle_memo_slot){id, object};
    return STATUS_OK;
}

static enum status memo_get(struct pickle_machine *m, uint64_t id, struct error *err)
{
    struct pickle_memo_slot *slot = NULL;

    if (m->stacks.memo_capacity)
        TRY(memo_slot(m, id, &slot, err));
    if (!slot || !slot->object)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "memo entry %llu was never set",
                        (unsigned long long)id);
    return push(m, slot->object, err);
}

/* --- names --- */

static bool name_is_plain(struct bytes name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX || !text_is_utf8(name))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return true;
}

static enum status global_list(struct pickle_machine *m, const char *written,
                               struct pickle_object *object, struct error *err)
{
    struct pickle *p = m->pickle;
    size_t capacity = m->global_capacity ? m->global_capacity * 2 : 16;
    void *names, *offsets, *objects;

    if (p->global_count == GLOBALS_MAX)
        return error_at(err, m->at, STATUS_TOO_LARGE, "pickle names more than %d classes",
                        GLOBALS_MAX);
    if (p->global_count == m->global_capacity) {
        TRY(machine_alloc(m, capacity, sizeof *p->globals, &names, err));
        TRY(machine_alloc(m, capacity, sizeof *p->global_offsets, &offsets, err));
        TRY(machine_alloc(m, capacity, sizeof *p->global_objects, &objects, err));
        if (p->global_count) {
            memcpy(names, p->globals, p->global_count * sizeof *p->globals);
            memcpy(offsets, p->global_offsets, p->global_count * sizeof *p->global_offsets);
            memcpy(objects, p->global_objects, p->global_count * sizeof *p->global_objects);
        }
        p->globals = names;
        p->global_offsets = offsets;
        p->global_objects = objects;
        m->global_capacity = capacity;
    }
    p->globals[p->global_count] = written;
    p->global_objects[p->global_count] = object;
    p->global_offsets[p->global_count++] = m->at;
    return STATUS_OK;
}

enum status machine_global(struct pickle_machine *m, struct bytes module, struct bytes name,
                           struct pickle_object **object, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE], key[2 * NAME_BYTES_MAX + 2];
    const char *written, *kept_key;
    size_t size;

    if (!name_is_plain(module) || !name_is_plain(name))
        return error_at(err, m->at, STATUS_INVALID_INPUT, "\"%s\" is no name of a class",
                        text_quote(name_is_plain(module) ? name : module, quoted, sizeof quoted));
    memcpy(key, module.data, module.size);
    key[module.size] = '\n';
    memcpy(key + module.size + 1, name.data, name.size);
    size = module.size + 1 + name.size;
    *object = map_find(&m->globals, (struct bytes){(const uint8_t *)key, size});
    if (*object)
        return STATUS_OK;
    TRY(machine_new(m, PICKLE_GLOBAL, object, err));
    kept_key = arena_text(&m->scratch, (struct bytes){(const uint8_t *)key, size});
    key[module.size] = '.';
    written = arena_text(m->keep, (struct bytes){(const uint8_t *)key, size});
    pickle_fold(module, name, &(*object)->module, &(*object)->name, m->keep);
    if (!kept_key || !written || !(*object)->module || !(*object)->name ||
        !map_set(&m->globals, (struct bytes){(const uint8_t *)kept_key, size}, *object))
        return error_no_memory(err, "names in a pickle");
    return global_list(m, written, *object, err);
}

/* --- opcodes --- */

#define HANDLER(name)                                                                              \
    static enum status do_##name(struct pickle_machine *m,                                         \
                                 const struct opcode *op __attribute__((unused)),                  \
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
    return push(m, object, err);
}

static enum status push_new(struct pickle_machine *m, enum pickle_kind kind, struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, kind, &object, err));
    return push(m, object, err);
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
    TRY(need(m, 1, err));
    m->done = true;
    return STATUS_OK;
}

HANDLER(mark)
{
    struct pickle_stacks *s = &m->stacks;

    if (s->mark_count == s->mark_capacity) {
        void *marks = s->marks;
        TRY(grow(m, &marks, &s->mark_capacity, sizeof *s->marks, err));
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
    return pop(m, &object, err);
}

HANDLER(pop_mark)
{
    struct pickle_object **items;
    size_t count;

    return pop_to_mark(m, &items, &count, err);
}

HANDLER(dup)
{
    struct pickle_object *object;

    TRY(peek(m, &object, err));
    return push(m, object, err);
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
    return push(m, object, err);
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
    return push(m, object, err);
}

HANDLER(int_binary)
{
    uint64_t value = take_number(m, op->width);
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_INT, &object, err));
    object->integer = op->width == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
    return push(m, object, err);
}

HANDLER(long_line)
{
    struct bytes line = cursor_line(&m->cursor);
    struct pickle_object *object;

    if (line.size && line.data[line.size - 1] == 'L')
        line.size--;
    TRY(literal_integer(m, line, &object, err));
    return push(m, object, err);
}

HANDLER(long_binary)
{
    uint64_t size = take_number(m, op->width);
    struct pickle_object *object;

    if (size > INT32_MAX)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "an integer of negative size");
    TRY(literal_long(m, cursor_take(&m->cursor, size), &object, err));
    return push(m, object, err);
}

static enum status push_float(struct pickle_machine *m, double value, struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_FLOAT, &object, err));
    object->number = value;
    return push(m, object, err);
}

HANDLER(float_line)
{
    struct bytes line = cursor_line(&m->cursor);
    char quoted[TEXT_QUOTE_SIZE];
    double value;

    if (!number_from_text(line, &value))
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
    return need(m, 1, err);
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

    TRY(pop(m, &item, err));
    TRY(peek(m, &target, err));
    return append_to(m, target, item, err);
}

HANDLER(appends)
{
    struct pickle_object **items, *target;
    size_t count;

    TRY(pop_to_mark(m, &items, &count, err));
    TRY(peek(m, &target, err));
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
    return push(m, object, err);
}

static enum status marked_container(struct pickle_machine *m, enum pickle_kind kind,
                                    struct error *err)
{
    struct pickle_object **items;
    size_t count;

    TRY(pop_to_mark(m, &items, &count, err));
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
    TRY(need(m, op->width, err));
    m->stacks.depth -= op->width;
    return push_container(m, PICKLE_TUPLE, m->stacks.values + m->stacks.depth, op->width, err);
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

    TRY(need(m, 3, err));
    m->stacks.depth -= 2;
    TRY(peek(m, &target, err));
    return set_items(m, target, m->stacks.values + m->stacks.depth, 2, err);
}

HANDLER(setitems)
{
    struct pickle_object **items, *target;
    size_t count;

    TRY(pop_to_mark(m, &items, &count, err));
    TRY(peek(m, &target, err));
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

    TRY(pop_to_mark(m, &items, &count, err));
    TRY(peek(m, &target, err));
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
    const char *text = (const char *)line.data, *end = text + line.size;
    char quoted[TEXT_QUOTE_SIZE];

    if (line.size && number_parse_u64(text, end, id) == end)
        return STATUS_OK;
    return error_at(err, m->at, STATUS_INVALID_INPUT, "\"%s\" is no memo entry",
                    text_quote(line, quoted, sizeof quoted));
}

HANDLER(get_line)
{
    uint64_t id;

    TRY(take_memo_line(m, &id, err));
    return memo_get(m, id, err);
}

HANDLER(get_binary)
{
    return memo_get(m, take_number(m, op->width), err);
}

HANDLER(put_line)
{
    uint64_t id;

    TRY(take_memo_line(m, &id, err));
    return memo_put(m, id, err);
}

HANDLER(put_binary)
{
    return memo_put(m, take_number(m, op->width), err);
}

HANDLER(memoize)
{
    return memo_put(m, m->stacks.memo_count, err);
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
    return push(m, global, err);
}

HANDLER(stack_global)
{
    struct pickle_object *module, *name, *global;

    TRY(pop(m, &name, err));
    TRY(pop(m, &module, err));
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "the name of a class is no text");
    TRY(machine_global(m, module->bytes, name->bytes, &global, err));
    return push(m, global, err);
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
    return push(m, object, err);
}

/* NEWOBJ too: cls.__new__(cls, *args) is as much of a call as we ever make. */
HANDLER(reduce)
{
    struct pickle_object *callable, *args;

    TRY(pop(m, &args, err));
    TRY(pop(m, &callable, err));
    return push_call(m, callable, args, NULL, err);
}

HANDLER(newobj_ex)
{
    struct pickle_object *callable, *args, *kwargs;

    TRY(pop(m, &kwargs, err));
    TRY(pop(m, &args, err));
    TRY(pop(m, &callable, err));
    if (kwargs->kind != PICKLE_DICT)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "keyword arguments are no dict");
    return push_call(m, callable, args, kwargs->count ? kwargs : NULL, err);
}

HANDLER(build)
{
    struct pickle_object *object, *state;

    TRY(pop(m, &state, err));
    TRY(peek(m, &object, err));
    return pickle_build(m, object, state, err);
}

HANDLER(inst)
{
    struct pickle_object *global, *args, **items;
    size_t count;

    TRY(take_global(m, &global, err));
    TRY(pop_to_mark(m, &items, &count, err));
    TRY(machine_new(m, PICKLE_TUPLE, &args, err));
    TRY(machine_items(m, items, count, &args->items, err));
    args->count = count;
    return push_call(m, global, args, NULL, err);
}

HANDLER(obj)
{
    struct pickle_object *callable, *args, **items;
    size_t count;

    TRY(pop_to_mark(m, &items, &count, err));
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
    return push(m, global, err);
}

static enum status push_persistent(struct pickle_machine *m, struct pickle_object *id,
                                   struct error *err)
{
    struct pickle_object *object;

    TRY(machine_new(m, PICKLE_PERSISTENT, &object, err));
    object->value = id;
    return push(m, object, err);
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

    TRY(pop(m, &id, err));
    return push_persistent(m, id, err);
}

static const struct opcode OPCODES[256] = {
#define OPCODE(code, name, handler, width) [code] = {#name, do_##handler, width},
#include "formats/pickle_opcodes.def"
#undef OPCODE
};

/* --- running --- */

static enum status step(struct pickle_machine *m, struct error *err)
{
    const struct opcode *op;
    enum status status;
    uint8_t code;

    m->at = m->cursor.offset;
    TRY(machine_charge(m, 1, err));
    code = cursor_u8(&m->cursor);
    if (m->cursor.failed)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "the pickle ends without STOP");
    op = &OPCODES[code];
    if (!op->run)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "0x%02x is no opcode of pickle", code);
    status = op->run(m, op, err);
    if (m->cursor.failed)
        status = cursor_check(&m->cursor, err);
    return status ? error_within(err, "opcode %s", op->name) : STATUS_OK;
}

static enum status run(struct pickle_machine *m, struct pickle_object **root, struct error *err)
{
    m->done = false;
    while (!m->done)
        TRY(step(m, err));
    m->done = false;
    return pop(m, root, err);
}

enum status machine_nested(struct pickle_machine *m, struct pickle_object **root, struct error *err)
{
    struct pickle_stacks outer = m->stacks;
    size_t at = m->at;
    enum status status;

    m->stacks = (struct pickle_stacks){0};
    m->nested = true;
    status = run(m, root, err);
    m->nested = false;
    m->stacks = outer;
    m->at = at;
    return status;
}

static void machine_init(struct pickle_machine *m, struct bytes bytes,
                         const struct pickle_limits *limits, struct pickle *pickle,
                         struct arena *keep)
{
    *m = (struct pickle_machine){
        .cursor = cursor_over(bytes), .keep = keep, .keep_before = keep->used, .pickle = pickle};
    m->limits.opcodes = limits && limits->opcodes ? limits->opcodes : STEPS_DEFAULT;
    m->limits.bytes = limits && limits->bytes ? limits->bytes : BYTES_DEFAULT;
    arena_init(&m->scratch, m->limits.bytes);
    map_init(&m->globals, &m->scratch);
    *pickle = (struct pickle){0};
}

enum status pickle_read(struct bytes bytes, const struct artifact *artifact, const char *folder,
                        const struct pickle_limits *limits, struct pickle *pickle,
                        struct arena *keep, struct error *err)
{
    struct pickle_machine machine;
    enum status status;

    machine_init(&machine, bytes, limits, pickle, keep);
    machine.artifact = artifact;
    machine.folder = folder ? folder : "";
    status = run(&machine, &pickle->root, err);
    pickle->end = machine.cursor.offset;
    arena_release(&machine.scratch);
    return status;
}

/* --- recognising --- */

enum { BID_BYTES = 64 << 10, BID_OPCODES = 2000, BID_MEMORY = 4 << 20, BID_PLAUSIBLE = 16 };

static bool only_blanks(struct bytes bytes, size_t offset)
{
    for (; offset < bytes.size; offset++)
        if (bytes.data[offset] != '\n' && bytes.data[offset] != '\r' && bytes.data[offset] != ' ')
            return false;
    return true;
}

/* Text protocols have no magic number: run the beginning and see. */
int pickle_bid(struct bytes bytes)
{
    struct bytes front = {bytes.data, bytes.size < BID_BYTES ? bytes.size : BID_BYTES};
    struct pickle_limits limits = {.opcodes = BID_OPCODES, .bytes = BID_MEMORY};
    bool binary = bytes.size > 3 && bytes.data[0] == 0x80 && bytes.data[1] <= 5;
    struct arena keep;
    struct pickle pickle;
    struct pickle_machine machine;
    struct error err;
    enum status status = STATUS_OK;
    int bid = 0;

    if (bytes.size < 2 || (!binary && (bytes.data[0] >= 0x80 || !OPCODES[bytes.data[0]].run)))
        return 0;
    arena_init(&keep, BID_MEMORY * 2);
    machine_init(&machine, front, &limits, &pickle, &keep);
    while (!machine.done && status == STATUS_OK)
        status = step(&machine, &err);
    if (binary)
        bid = machine.steps > 3 || machine.done ? 90 : 0;
    else if (machine.done)
        bid = only_blanks(bytes, machine.cursor.offset) ? 50 : 0;
    else
        bid = machine.steps > BID_PLAUSIBLE ? 50 : 0;
    arena_release(&machine.scratch);
    arena_release(&keep);
    return bid;
}
