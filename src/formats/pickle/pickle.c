// SPDX-License-Identifier: Apache-2.0
/* The machine: a stack, marks and a memo; see CPython's Lib/pickletools.py for the opcodes. */
#include "formats/pickle/pickle.h"

#include "base/checked.h"
#include "base/text.h"
#include "formats/pickle/machine.h"

enum {
    GLOBALS_MAX = 1 << 16, /* distinct names; the largest pipelines seen have some hundreds */
    NAME_BYTES_MAX = 1024,
    STEPS_DEFAULT = 50 * 1000 * 1000,
};
static const size_t BYTES_DEFAULT = (size_t)2 << 30;

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

enum status machine_grow(struct pickle_machine *m, void **array, size_t *capacity, size_t size,
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

enum status machine_push(struct pickle_machine *m, struct pickle_object *object, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;

    if (s->depth == s->capacity) {
        void *values = s->values;
        TRY(machine_grow(m, &values, &s->capacity, sizeof *s->values, err));
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

enum status machine_need(struct pickle_machine *m, size_t count, struct error *err)
{
    if (available(m) >= count)
        return STATUS_OK;
    return error_at(err, m->at, STATUS_INVALID_INPUT, "the stack holds %zu objects, not %zu",
                    available(m), count);
}

enum status machine_pop(struct pickle_machine *m, struct pickle_object **object, struct error *err)
{
    *object = NULL;
    TRY(machine_need(m, 1, err));
    *object = m->stacks.values[--m->stacks.depth];
    return STATUS_OK;
}

enum status machine_peek(struct pickle_machine *m, struct pickle_object **object, struct error *err)
{
    *object = NULL;
    TRY(machine_need(m, 1, err));
    *object = m->stacks.values[m->stacks.depth - 1];
    return STATUS_OK;
}

/* Take everything above the last mark, and the mark. The items are valid until the next push. */
enum status machine_pop_to_mark(struct pickle_machine *m, struct pickle_object ***items,
                                size_t *count, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;

    *items = NULL;
    *count = 0;
    if (s->mark_count == 0)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "there is no mark on the stack");
    *count = s->depth - s->marks[--s->mark_count];
    s->depth -= *count;
    if (*count)
        *items = s->values + s->depth;
    return STATUS_OK;
}

/* --- the memo --- */

/* Picklers count up, so that the id itself is the best hash: neighbours stay neighbours. Probes are
 * charged: chosen ids can make them long. */
static enum status memo_slot(struct pickle_machine *m, uint64_t id, struct pickle_memo_slot **slot,
                             struct error *err)
{
    struct pickle_stacks *s = &m->stacks;
    size_t mask = s->memo_capacity - 1, probes = 0;
    size_t i = (size_t)id & mask;

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

enum status machine_memo_put(struct pickle_machine *m, uint64_t id, struct error *err)
{
    struct pickle_stacks *s = &m->stacks;
    struct pickle_memo_slot *slot;
    struct pickle_object *object;

    TRY(machine_peek(m, &object, err));
    if (s->memo_count * 2 >= s->memo_capacity)
        TRY(memo_grow(m, err));
    TRY(memo_slot(m, id, &slot, err));
    if (!slot->object)
        s->memo_count++;
    *slot = (struct pickle_memo_slot){id, object};
    return STATUS_OK;
}

enum status machine_memo_get(struct pickle_machine *m, uint64_t id, struct error *err)
{
    struct pickle_memo_slot *slot = NULL;

    if (m->stacks.memo_capacity)
        TRY(memo_slot(m, id, &slot, err));
    if (!slot || !slot->object)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "memo entry %llu was never set",
                        (unsigned long long)id);
    return machine_push(m, slot->object, err);
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

/* --- running --- */

static enum status step(struct pickle_machine *m, struct error *err)
{
    const struct pickle_opcode *op;
    enum status status;
    uint8_t code;

    m->at = m->cursor.offset;
    TRY(machine_charge(m, 1, err));
    code = cursor_u8(&m->cursor);
    if (m->cursor.failed)
        return error_at(err, m->at, STATUS_INVALID_INPUT, "the pickle ends without STOP");
    op = &PICKLE_OPCODES[code];
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
    return machine_pop(m, root, err);
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

enum status machine_nested_in(struct pickle_machine *m, struct bytes bytes,
                              struct pickle_object **root, struct error *err)
{
    struct cursor outer = m->cursor;
    enum status status;

    m->cursor = cursor_over(bytes);
    status = machine_nested(m, root, err);
    m->cursor = outer;
    return status;
}

void machine_init(struct pickle_machine *m, struct bytes bytes, const struct pickle_limits *limits,
                  struct pickle *pickle, struct arena *keep)
{
    *m = (struct pickle_machine){.cursor = cursor_over(bytes),
                                 .keep = keep,
                                 .keep_before = keep->used,
                                 .pickle = pickle,
                                 .folder = ""};
    m->limits.opcodes = limits && limits->opcodes ? limits->opcodes : STEPS_DEFAULT;
    m->limits.bytes = limits && limits->bytes ? limits->bytes : BYTES_DEFAULT;
    arena_init(&m->scratch, m->limits.bytes);
    map_init(&m->globals, &m->scratch);
    *pickle = (struct pickle){0};
}

enum status pickle_read(struct bytes bytes, struct artifact *artifact, const char *folder,
                        const struct pickle_limits *limits, struct pickle *pickle,
                        struct arena *keep, struct error *err)
{
    struct pickle_machine machine;
    enum status status;

    machine_init(&machine, bytes, limits, pickle, keep);
    machine.artifact = artifact;
    if (folder)
        machine.folder = folder;
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

    if (bytes.size < 2 ||
        (!binary && (bytes.data[0] >= 0x80 || !PICKLE_OPCODES[bytes.data[0]].run)))
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
