// SPDX-License-Identifier: Apache-2.0
/* What the parts of the pickle reader share: the machine that runs the opcodes. Private to
 * formats/pickle*.c; callers use formats/pickle/pickle.h. */
#pragma once

#include "base/cursor.h"
#include "base/map.h"
#include "formats/pickle/pickle.h"

struct pickle_memo_slot {
    uint64_t id;
    struct pickle_object *object; /* NULL: empty */
};

/* What a nested pickle has of its own. */
struct pickle_stacks {
    struct pickle_object **values;
    size_t depth, capacity;
    size_t *marks; /* depth of the stack at each MARK */
    size_t mark_count, mark_capacity;
    struct pickle_memo_slot *memo; /* open addressing; capacity is a power of two */
    size_t memo_count, memo_capacity;
};

struct pickle_machine {
    struct cursor cursor;
    size_t at; /* offset of the opcode that is being run */
    struct arena *keep;
    struct arena scratch; /* stacks and memos */
    size_t keep_before;   /* bytes of `keep` used before we began */
    struct pickle_limits limits;
    size_t steps; /* opcodes run, and work of comparable cost */
    struct pickle_stacks stacks;
    struct map globals; /* "module\nname" -> PICKLE_GLOBAL object */
    size_t global_capacity;
    struct pickle *pickle;
    struct artifact *artifact;
    const char *folder;
    bool nested; /* in a pickle that follows a joblib wrapper */
    bool done;   /* STOP was read */
};

/* `limits` may be NULL. Release with arena_release(&machine->scratch). */
void machine_init(struct pickle_machine *machine, struct bytes bytes,
                  const struct pickle_limits *limits, struct pickle *pickle, struct arena *keep);
/* Zeroed memory in `keep`, within the limit of bytes. */
enum status machine_alloc(struct pickle_machine *machine, size_t count, size_t size, void **memory,
                          struct error *err) must_check;
enum status machine_new(struct pickle_machine *machine, enum pickle_kind kind,
                        struct pickle_object **object, struct error *err) must_check;
/* Take `work` from the budget of opcodes. */
enum status machine_charge(struct pickle_machine *machine, size_t work, struct error *err)
    must_check;
enum status machine_append(struct pickle_machine *machine, struct pickle_object ***items,
                           size_t *count, struct pickle_object *item, struct error *err) must_check;
/* A copy of `count` items with room to append. */
enum status machine_items(struct pickle_machine *machine, struct pickle_object *const *from,
                          size_t count, struct pickle_object ***items, struct error *err)
    must_check;
/* The whole pickle that begins at the cursor, with stacks of its own. */
enum status machine_nested(struct pickle_machine *machine, struct pickle_object **root,
                           struct error *err) must_check;
/* The same in a file of its own. */
enum status machine_nested_in(struct pickle_machine *machine, struct bytes bytes,
                              struct pickle_object **root, struct error *err) must_check;
enum status machine_global(struct pickle_machine *machine, struct bytes module, struct bytes name,
                           struct pickle_object **object, struct error *err) must_check;

enum status machine_grow(struct pickle_machine *machine, void **array, size_t *capacity,
                         size_t size, struct error *err) must_check;
enum status machine_push(struct pickle_machine *machine, struct pickle_object *object,
                         struct error *err) must_check;
enum status machine_pop(struct pickle_machine *machine, struct pickle_object **object,
                        struct error *err) must_check;
enum status machine_peek(struct pickle_machine *machine, struct pickle_object **object,
                         struct error *err) must_check;
/* At least `count` objects lie above the last mark. */
enum status machine_need(struct pickle_machine *machine, size_t count, struct error *err)
    must_check;
/* Take everything above the last mark, and the mark. The items are valid until the next push. */
enum status machine_pop_to_mark(struct pickle_machine *machine, struct pickle_object ***items,
                                size_t *count, struct error *err) must_check;
enum status machine_memo_put(struct pickle_machine *machine, uint64_t id, struct error *err)
    must_check;
enum status machine_memo_get(struct pickle_machine *machine, uint64_t id, struct error *err)
    must_check;

/* --- pickle_opcodes.c --- */

struct pickle_opcode {
    const char *name;
    enum status (*run)(struct pickle_machine *machine, const struct pickle_opcode *op,
                       struct error *err);
    unsigned width; /* bytes of the number or length behind the opcode */
};
extern const struct pickle_opcode PICKLE_OPCODES[256];

/* --- pickle_literal.c: text forms of numbers and strings --- */

/* Decimal digits with a sign: INT, or BIGINT. */
enum status literal_integer(struct pickle_machine *machine, struct bytes digits,
                            struct pickle_object **object, struct error *err) must_check;
/* Two's complement, little-endian; borrowed when it is big. */
enum status literal_long(struct pickle_machine *machine, struct bytes bytes,
                         struct pickle_object **object, struct error *err) must_check;
/* repr() of a Python 2 str: quotes and escapes. */
enum status literal_quoted(struct pickle_machine *machine, struct bytes line, struct bytes *value,
                           struct error *err) must_check;
/* Python's raw-unicode-escape to UTF-8. */
enum status literal_raw_unicode(struct pickle_machine *machine, struct bytes line,
                                struct bytes *value, struct error *err) must_check;
bool literal_is_wtf8(struct bytes bytes); /* UTF-8 that may hold surrogates */
bool literal_is_ascii(struct bytes bytes);
/* UTF-8 to latin-1; false when a character does not fit. `to` has room for from.size bytes. */
bool literal_latin1(struct bytes from, uint8_t *to, size_t *size);
size_t literal_utf8(uint32_t code, uint8_t *to); /* 1 to 4 bytes */

/* --- pickle_call.c: what pure callables would have made --- */

/* `object` is a new OBJECT with callable and args: evaluate it in place when it is known. */
enum status pickle_call(struct pickle_machine *machine, struct pickle_object *object,
                        struct error *err) must_check;
enum status pickle_build(struct pickle_machine *machine, struct pickle_object *object,
                         struct pickle_object *state, struct error *err) must_check;
bool pickle_global_is(const struct pickle_object *object, const char *module, const char *name);
void pickle_fold(struct bytes module, struct bytes name, const char **folded_module,
                 const char **folded_name, struct arena *keep); /* NULLs: no memory */

/* --- pickle_numpy.c --- */

enum status pickle_numpy_scalar(struct pickle_machine *machine, struct pickle_object *object,
                                struct error *err) must_check;
enum status pickle_numpy_frombuffer(struct pickle_machine *machine, struct pickle_object *object,
                                    struct error *err) must_check;
/* BUILD of an ndarray or masked array: becomes an ARRAY, or stays an OBJECT when its dtype is
 * none that we know. */
enum status pickle_numpy_build(struct pickle_machine *machine, struct pickle_object *object,
                               struct pickle_object *state, struct error *err) must_check;
bool pickle_numpy_is_reconstruct(const struct pickle_object *object);
/* A numpy.dtype object, its name, or a type (numpy.float64). */
enum status pickle_numpy_dtype(const struct pickle_object *object, struct numpy_dtype *dtype,
                               struct arena *keep, struct error *err) must_check;
enum status pickle_numpy_shape(const struct pickle_object *object, struct shape *shape,
                               struct error *err) must_check;
/* Raw bytes of BYTES, BYTEARRAY or TEXT (latin-1). False when it is none. */
bool pickle_numpy_bytes(const struct pickle_object *object, struct bytes *bytes,
                        struct arena *keep);

/* --- pickle_joblib.c --- */

/* BUILD of joblib's NumpyArrayWrapper, NDArrayWrapper or ZNDArrayWrapper. */
bool pickle_joblib_is(const struct pickle_object *object);
enum status pickle_joblib_build(struct pickle_machine *machine, struct pickle_object *object,
                                struct error *err) must_check;

/* --- tree: pandas and scipy behind pickle_to_tensor and pickle_elements --- */

/* The object that holds the values of a pandas Index, Series, extension array; the same object when
 * it is none of them; NULL when it is one that is not understood. */
const struct pickle_object *pickle_pandas_values(const struct pickle_object *object);
bool pickle_pandas_is(const struct pickle_object *object);
/* Elements that are no plain array: RangeIndex, Categorical, masked, Arrow strings. */
struct pickle_object **pickle_pandas_elements(const struct pickle_object *object, size_t *count,
                                              struct arena *keep);
bool pickle_scipy_is(const struct pickle_object *object);
enum status pickle_scipy_to_tensor(const struct pickle_object *object, struct tensor *tensor,
                                   struct arena *keep, struct error *err) must_check;

enum { PICKLE_TENSOR_BYTES_MAX = 1 << 30 }; /* of one tensor made from Python objects */
