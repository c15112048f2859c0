// SPDX-License-Identifier: Apache-2.0
/* Pickle, protocols 0 to 5, as an inert tree of objects: nothing is imported, nothing is called.
 * A class or function is a name. joblib's inline and side-file arrays are read here too, because
 * they stand in the middle of the stream.
 *
 * Objects keep identity: what was memoised and used twice is one object, and cycles are possible.
 * Whoever walks a tree bounds the depth and the steps. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "tensor/tensor.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,    /* fits int64 */
    PICKLE_BIGINT, /* two's complement, little-endian, in bytes */
    PICKLE_FLOAT,
    PICKLE_TEXT, /* str: UTF-8 (surrogates as WTF-8). A Python 2 str too, when it is ASCII or was
                    STRING opcodes: see bytes */
    PICKLE_BYTES,
    PICKLE_BYTEARRAY,
    PICKLE_LIST,
    PICKLE_TUPLE,
    PICKLE_DICT, /* items: key, value, key, value ...; count is the number of pairs */
    PICKLE_SET,
    PICKLE_FROZENSET,
    PICKLE_GLOBAL,     /* a class or function by name: module and name */
    PICKLE_OBJECT,     /* what a class or function would have made */
    PICKLE_PERSISTENT, /* a persistent id; `value` holds it */
    PICKLE_ARRAY,      /* a numpy array, masked arrays by their data; see array */
};

struct pickle_object;

/* A numpy dtype as a pickle or npy header states it. */
struct numpy_field;
struct numpy_dtype {
    char kind;                        /* numpy's: b i u f c S U O V M m */
    char order;                       /* '<' '>' '|' */
    size_t itemsize;                  /* bytes */
    const struct numpy_field *fields; /* structured: (field_count,), in order of offset */
    size_t field_count;
};
struct numpy_field {
    const char *name;
    size_t offset;
    struct numpy_dtype dtype;
};

struct numpy_array {
    struct numpy_dtype dtype;
    struct shape shape;
    bool fortran;      /* elements are in column-major order */
    struct bytes data; /* raw, in the file's byte order; not aligned; borrowed. Not for kind O */
    struct pickle_object **objects; /* kind O: (count,), in memory order */
};

struct pickle_object {
    enum pickle_kind kind;
    size_t offset; /* of the opcode that made it */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct bytes bytes; /* TEXT, BYTES, BYTEARRAY, BIGINT */
        struct {            /* LIST TUPLE DICT SET FROZENSET */
            struct pickle_object **items;
            size_t count;
        };
        struct { /* GLOBAL; aliases are folded: see pickle_class */
            const char *module, *name;
        };
        struct {                               /* OBJECT */
            struct pickle_object *callable;    /* usually a GLOBAL */
            struct pickle_object *args;        /* TUPLE, or NULL */
            struct pickle_object *kwargs;      /* DICT, or NULL */
            struct pickle_object *state;       /* of BUILD; a DICT for most classes; or NULL */
            struct pickle_object *slots;       /* second part of a (dict, slots) state; or NULL */
            struct pickle_object **list_items; /* of APPEND(S) */
            size_t list_count;
            struct pickle_object **dict_items; /* of SETITEM(S): pairs, as in DICT */
            size_t dict_count;
        };
        struct pickle_object *value; /* PERSISTENT */
        struct numpy_array *array;   /* ARRAY */
    };
};

struct pickle_limits {
    size_t opcodes; /* default 50 million */
    size_t bytes;   /* of objects in memory; default 2 GiB */
};

struct artifact;
struct pickle {
    struct pickle_object *root;
    int protocol; /* highest PROTO seen, 0 without */
    bool joblib;  /* a joblib wrapper was seen */
    const char *
        *globals; /* "module.name" as written in the file, distinct, in order of first use */
    size_t *global_offsets;
    struct pickle_object **global_objects; /* the same as GLOBALs, aliases folded */
    size_t global_count;
    size_t end; /* bytes read, up to and with STOP */
};

/* Read one pickle (already decompressed). `artifact` and `folder` (may be NULL, "") are where the
 * side files of joblib < 0.10 are looked for. Out-of-band buffers without a list are errors.
 * Arrays keep pointing into `bytes`. */
enum status pickle_read(struct bytes bytes, struct artifact *artifact, const char *folder,
                        const struct pickle_limits *limits, struct pickle *pickle,
                        struct arena *keep, struct error *err) must_check;

/* Is it one? 0 no, 50 text protocols or plausible, 90 a PROTO opcode and plausible first opcodes.
 */
int pickle_bid(struct bytes bytes);

/* Which globals would have been imported or called beyond plain data: "os.system" and the like.
 * `safe` tells the names of the families that firn knows (numpy, sklearn ...). Writes names into
 * `names` (borrowed from the pickle), returns how many. */
size_t pickle_executes(const struct pickle *pickle, const char **names, size_t names_max);

/* --- reading the tree --- All accept NULL and answer NULL, false or the default. --- */

/* "sklearn.preprocessing._data.StandardScaler" style name of an OBJECT's class or of a GLOBAL, with
 * module aliases folded (numpy.core -> numpy._core, sklearn.externals.joblib -> joblib, __builtin__
 * -> builtins, copy_reg -> copyreg); for copyreg._reconstructor and __newobj__ the class in their
 * arguments. "" otherwise. */
const char *pickle_module(const struct pickle_object *object);
const char *pickle_name(const struct pickle_object *object); /* last part: "StandardScaler" */
bool pickle_is(const struct pickle_object *object, const char *package,
               const char *name); /* module is `package` or below it */

/* Attribute of an object (its state, then slots) or value of a dict by text key; NULL when absent.
 */
struct pickle_object *pickle_get(const struct pickle_object *object, const char *key);
struct pickle_object *pickle_item(const struct pickle_object *object,
                                  size_t index);          /* list, tuple */
size_t pickle_length(const struct pickle_object *object); /* of containers; 0 otherwise */

bool pickle_is_none(const struct pickle_object *object); /* NULL or None */
/* Python numbers, bools and numpy scalars and 0-d or 1-element arrays. */
bool pickle_to_f64(const struct pickle_object *object, double *value);
bool pickle_to_i64(const struct pickle_object *object, int64_t *value);
bool pickle_to_bool(const struct pickle_object *object, bool *value);
/* str, bytes, numpy str scalars; UTF-8, kept. */
bool pickle_to_text(const struct pickle_object *object, struct bytes *text, struct arena *keep);
/* The element type that a numpy.dtype, a type like numpy.float32 or its name stands for. */
bool pickle_to_dtype(const struct pickle_object *object, enum dtype *dtype);
bool pickle_text_is(const struct pickle_object *object, const char *value);

/* An array, numpy scalar, list or tuple of numbers, strings or bools (nested lists too; scipy
 * sparse matrices made dense; pandas Index and Series by their values) as a contiguous, aligned,
 * native tensor in `keep`: bool, intN, uintN, floatN keep their type, S, U and objects of str
 * become STRING, objects of numbers F64 (None is NaN). Mixed objects: UNSUPPORTED. */
enum status pickle_to_tensor(const struct pickle_object *object, struct tensor *tensor,
                             struct arena *keep, struct error *err) must_check;
/* The same, cast to F64. */
enum status pickle_to_tensor_f64(const struct pickle_object *object, struct tensor *tensor,
                                 struct arena *keep, struct error *err) must_check;

/* Elements of an object array, list, tuple, pandas Index: count and element i, as objects (numbers
 * of numeric arrays are made into objects in `keep`). NULL when it is no sequence. */
struct pickle_object **pickle_elements(const struct pickle_object *object, size_t *count,
                                       struct arena *keep);

/* A field of a structured array (`nodes` of sklearn trees) as a tensor of its shape. */
enum status numpy_field_tensor(const struct numpy_array *array, const char *field,
                               struct tensor *tensor, struct arena *keep, struct error *err)
    must_check;

/* Column names of a pandas DataFrame, in order, or false. */
bool pickle_columns(const struct pickle_object *object, struct tensor *names, struct arena *keep);

/* Row labels (axis 0) of a pandas Series or DataFrame, columns (axis 1) of a DataFrame: an Index,
 * for pickle_elements or pickle_to_tensor. Or NULL. */
const struct pickle_object *pickle_axis(const struct pickle_object *object, int axis);
/* The values of a DataFrame's column by its place, as pickle_elements gives them. `block`, zeroed
 * before the first column, keeps what columns of one block share. */
struct pickle_block {
    const struct pickle_object *values;
    struct pickle_object **elements;
    size_t count;
};
struct pickle_object **pickle_column(const struct pickle_object *object, size_t column,
                                     struct pickle_block *block, size_t *count, struct arena *keep);

/* The tree as indented text, at most about `limit` bytes. What was printed before is a reference:
 * cycles end. */
struct text;
void pickle_print(struct text *text, const struct pickle_object *object, size_t limit);
