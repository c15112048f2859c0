// SPDX-License-Identifier: Apache-2.0
/* The Keras importer, inside. One file per family of layers in this folder; the file name is the
 * registration: pooling.c defines `const struct layer_set layers_pooling`. What all families share
 * is in model/.
 *
 * A layer is a row: its class names and a function that reads its configuration and weights, takes
 * tensors and gives tensors:
 *
 *     static enum status lower_dense(struct call *c, struct error *err)
 *     {
 *         struct tensor kernel;
 *         value_id w, y;
 *
 *         TRY(weight_take(c, "kernel", &kernel, err));
 *         TRY(emit_constant(c->e, &kernel, &w, err));
 *         TRY(emit_2(c->e, "MatMul", c->in[0].value, w, &y, err));
 *         ...
 *         return call_give(c, y);
 *     }
 *
 * Rules. Inference alone: dropout and noise are identities. A key of the configuration that changes
 * results and is not understood is UNSUPPORTED, by its name; the layer's name is put in front by
 * the caller. Nothing that a file names is ever looked up as code: `module` and `class_name` are
 * text for the tables. Sources: keras-team/keras, keras-team/tf-keras, Keras 1.2.2. */
#pragma once

#include "base/map.h"
#include "formats/hdf5/hdf5.h"
#include "formats/json/json.h"
#include "graph/emit.h"
#include "importers/importer.h"

enum { LAYER_OUTPUTS_MAX = 128, LAYER_INPUTS_MAX = 256, ARGUMENTS_MAX = 64, NESTING_MAX = 16 };

struct keras_tensor {
    value_id value;
    value_id mask; /* (batch, steps) bool: which steps count; VALUE_NONE: all */
};

/* --- the model as it is stored (model/network.c) --- */

struct network;

/* What a call of a layer gave: a node in Keras's words. */
struct layer_call {
    struct keras_tensor outputs[LAYER_OUTPUTS_MAX];
    size_t count;
    bool done;
};

struct weights {          /* of one layer, in the order in which the layer made them */
    struct tensor *items; /* HDF5 files: a list */
    struct bytes *names;  /* of the items */
    size_t count, next;
    hdf5_object group; /* .keras archives: a group with vars/0 ... and a group for each part */
    const char *path;  /* of the group in the archive, "layers/dense"; for assets */
    bool by_path;
};

struct layer {
    const char *name, *class_name;
    bool operation; /* a call of keras.ops, not a layer */
    const struct json *config;
    const struct json *inbound; /* inbound_nodes: one item a call; NULL in a Sequential */
    struct network *network;    /* of a model used as a layer; else NULL */
    struct weights weights;
    struct layer_call *calls; /* (call_count,) */
    size_t call_count;
    bool from_one; /* a model whose calls are numbered from 1: 0 is how it was made */
};

struct reference { /* [layer, node, tensor] */
    size_t layer, call, tensor;
};

struct network {
    const char *name;
    bool sequential;
    bool keyed; /* its inputs are a dictionary, in the order of their keys */
    struct layer *layers;
    size_t count;
    struct map by_name; /* to struct layer */
    struct reference *inputs, *outputs;
    size_t input_count, output_count;
    const struct json
        *batch_shape; /* a Sequential's shape of input that no layer states; or NULL */
};

/* What a call is given (model/arguments.c). */
struct argument {
    struct bytes name;        /* of a keyword; no bytes: positional */
    const struct json *value; /* as it is written */
    size_t first, count;      /* its tensors, among all */
};

struct arguments {
    struct argument *parts;
    size_t part_count;
    struct reference *references; /* the tensors of all parts */
    size_t reference_count;
    const struct json *keywords; /* an object, or NULL */
};

struct keras {
    struct emitter e;
    struct arena *keep;
    const struct artifact *artifact; /* assets are members of it */
    struct hdf5 *file;
    int generation;  /* 1, 2, 3 */
    int minor;       /* the second number of the version */
    bool tensorflow; /* the version ends in -tf: tf.keras */
    bool theano;     /* Keras 1: kernels as the Theano backend wrote them */
    bool backend_stated;
    struct bytes backend; /* as HDF5 states it; .keras does not: empty */
    enum { ORDER_UNKNOWN, ORDER_TH, ORDER_TF } order; /* Keras 1: what other layers state */
    int64_t batch;                                    /* the symbol of dimension 0 */
    size_t lowered;                                   /* layers so far, bounded */
    size_t quantised;                                 /* how many of them are quantised */
    struct description *description;
};

/* --- a call of a layer --- */

enum quantisation {
    QUANTISED_NOT,
    QUANTISED_INT8,
    QUANTISED_INT4,
    QUANTISED_FLOAT8,
    QUANTISED_GPTQ,
    QUANTISED_AWQ
};
struct quantised {
    enum quantisation mode;
    int bits; /* of a weight */
};

/* What was read of a configuration and of the arguments of a call (model/seen.c). */
enum { KEYS_MAX = 256 };
struct seen {
    const struct json *config;
    bool keys[KEYS_MAX], parts[ARGUMENTS_MAX];
    const char *misread; /* a key whose value is not of the kind that was asked for; or NULL */
    enum json_kind misread_kind;
};

struct call {
    struct keras *k;
    const struct emitter *e;
    const struct json *config;
    const char *class_name;
    struct weights *weights;
    enum dtype dtype; /* in which the layer computes: float32 or float64 */
    enum dtype half;  /* to which weights, inputs and outputs are rounded; or DTYPE_NONE */
    bool operation;
    struct quantised quantised;    /* what quantize() made of the layer */
    bool masked;                   /* a mask was an argument of the call */
    const struct keras_tensor *in; /* tensors of positional arguments */
    size_t in_count;
    const struct arguments *arguments;  /* NULL: of a layer inside a layer */
    const struct keras_tensor *tensors; /* of all arguments; the positional ones first */
    struct seen *seen;
    struct keras_tensor *out; /* (LAYER_OUTPUTS_MAX,) */
    size_t out_count;
    int depth;
};

struct layer_class {
    const char *name;
    const char *alias; /* a second name, of another generation; or NULL */
    enum status (*lower)(struct call *c, struct error *err);
    bool masks;        /* the mask of the input is that of the output */
    bool keywords;     /* reads all arguments of its call; for others they must not matter */
    bool quantised;    /* reads its weights as quantize(mode) leaves them */
    bool any_dtype;    /* its dtype policy says nothing about its inputs and outputs */
    bool idle;         /* gives its input: nothing of its configuration matters */
    bool full_weights; /* under a half policy its weights are not rounded */
    bool full_inputs;  /* nor are, in Keras 3, its inputs */
    int mask_place; /* Keras 3: the place of argument `mask`, behind the input; 0: by name alone */
};

struct layer_set {
    const struct layer_class *classes;
    size_t count;
    bool operations; /* of keras.ops, not layers */
};
#define LAYER_SET(...)                                                                             \
    {                                                                                              \
        (const struct layer_class[]){__VA_ARGS__},                                                 \
            sizeof((const struct layer_class[]){__VA_ARGS__}) / sizeof(struct layer_class), false  \
    }
#define OPERATION_SET(...)                                                                         \
    {                                                                                              \
        (const struct layer_class[]){__VA_ARGS__},                                                 \
            sizeof((const struct layer_class[]){__VA_ARGS__}) / sizeof(struct layer_class), true   \
    }

enum status call_run(struct call *c, struct error *err) must_check; /* model/call.c */
/* Of rows that share a function: is it this one's class or operation? */
static inline bool call_is(const struct call *c, const char *class_name)
{
    return !strcmp(c->class_name, class_name);
}
bool operation_exists(const char *class_name);

/* Give one output; several, in order. */
enum status call_give(struct call *c, value_id value);
enum status call_add(struct call *c, value_id value, value_id mask, struct error *err) must_check;
/* Exactly so many inputs. */
enum status call_wants(const struct call *c, size_t inputs, struct error *err) must_check;
/* Lower a layer inside a layer (Bidirectional, TimeDistributed): {class_name, config}. `part` is
 * its attribute, under which an archive keeps its weights. */
enum status call_inner(struct call *c, const struct json *layer, const char *part,
                       const struct keras_tensor *in, size_t in_count, struct keras_tensor *out,
                       size_t *out_count, struct error *err) must_check;
/* The argument of this place, or of this name; NULL when there is none. */
const struct argument *call_argument(const struct call *c, size_t place, const char *name);
/* Give the inputs the masks of argument `mask`, at this place (0: by name alone): one for the first
 * input, or a list of one for each. Changes c->in. */
enum status call_masks(struct call *c, size_t place, struct error *err) must_check;
/* A flag at this place or of this name; `otherwise` when there is none. */
bool call_flag(const struct call *c, size_t place, const char *name, bool otherwise);
/* The place of an argument in Keras 3; before it arguments behind the first have names. */
size_t call_place(const struct call *c, size_t place);
/* The keyword's value; NULL when there is none or it holds tensors. */
const struct json *call_keyword(const struct call *c, const char *name);
/* The tensor that an argument of the call is; number `index` where it is a list. Or NULL. */
const struct keras_tensor *call_tensor(const struct call *c, size_t place, const char *name,
                                       size_t index);

/* The mask of the steps of a recurrent layer. Keras 3 hands on none beside initial states, unless
 * the call has it. */
value_id call_steps_mask(const struct call *c);
/* Say that nothing is kept from call to call. Keras stores no states, and loads zeros. */
enum status call_stateful(const struct call *c, struct error *err) must_check;

/* Rank of an input; UNSUPPORTED when it is not known. */
enum status call_rank(const struct call *c, size_t input, int *rank, struct error *err) must_check;
/* A dimension that must be a number. */
enum status call_dim(const struct call *c, size_t input, int axis, int64_t *dim, struct error *err)
    must_check;

/* --- loops over steps (model/scan.c) ---
 *
 * Between open and close nodes go into the graph that runs for each step: first its states and
 * its steps are stated, in this order, then nodes follow. */
enum { SCAN_MAX = 8 };
struct scan {
    struct graph *outer;
    value_id own[SCAN_MAX], formals[SCAN_MAX];
    size_t count, states; /* of all of them the first are states */
};
enum status scan_open(struct call *c, struct scan *scan, struct error *err) must_check;
/* `inside` is `initial` in the first step, then what the step before made of it. */
enum status scan_state(struct call *c, struct scan *scan, value_id initial, value_id *inside,
                       struct error *err) must_check;
/* x (batch, steps, ...), of which a step has (batch, ...). */
enum status scan_steps(struct call *c, struct scan *scan, value_id x, value_id *inside,
                       struct error *err) must_check;
/* A step made its states, then what all steps give one behind another; `results` are those states
 * after the last step, and (batch, steps, ...) in the order in which they were made. */
enum status scan_close(struct call *c, struct scan *scan, bool backwards, const value_id *made,
                       size_t made_count, value_id *results, struct error *err) must_check;

/* --- what was read (model/seen.c) ---
 *
 * config_get and call_argument mark what they find. What is neither marked nor known to leave
 * results alone is refused when the layer is done. */

void seen_key(const struct call *c, const struct json *value); /* an item of c->config */
void seen_part(const struct call *c, const struct argument *part);
void seen_positional(const struct call *c); /* all of them */
void seen_all(const struct call *c);        /* every key */
void seen_keys(const struct call *c, const char *words);
/* null, false, zero, nothing, a list of nulls. */
bool json_is_off(const struct json *value);
/* The value of the key is not of the kind that the layer reads. */
void seen_misread(const struct call *c, const char *key, const struct json *value);
enum status seen_check_config(const struct call *c, struct error *err) must_check;
enum status seen_check_arguments(const struct call *c, struct error *err) must_check;

/* --- configuration (model/config.c): `alias` is the key's name in Keras 1; or NULL --- */

const struct json *config_get(const struct call *c, const char *key, const char *alias);
enum status config_int(const struct call *c, const char *key, const char *alias, int64_t *value,
                       struct error *err) must_check;
int64_t config_int_or(const struct call *c, const char *key, int64_t otherwise);
/* INVALID_INPUT where the configuration states another size than the weights have. */
enum status config_expect(const struct call *c, const char *key, const char *alias, int64_t size,
                          struct error *err) must_check;
double config_number_or(const struct call *c, const char *key, double otherwise);
bool config_bool_or(const struct call *c, const char *key, const char *alias, bool otherwise);
struct bytes config_text_or(const struct call *c, const char *key, const char *alias,
                            const char *otherwise);
/* `rank` integers: a list, or one for all; `otherwise` where there is none. */
enum status config_ints(const struct call *c, const char *key, size_t rank, int64_t otherwise,
                        int64_t *values, struct error *err) must_check;
/* Is `name` one of the words, which have spaces between? */
bool is_word_of(struct bytes name, const char *words);
/* A Python number that Keras casts, or gives an operator as attribute: TensorFlow makes it a
 * float32 first, whatever the dtype in which the layer computes. */
static inline double number_single(double number)
{
    return (double)(float)number;
}
/* UNSUPPORTED unless the key is absent, null, false or zero. */
enum status config_refuse(const struct call *c, const char *key, struct error *err) must_check;
/* An HDF5 file keeps the matrices of LoRA beside the kernel of this name, an archive their sum:
 * the list of weights as it would be without them (model/lora.c). */
enum status lora_merge(struct call *c, const char *kernel, struct error *err) must_check;
/* The items of a list as they stand; of an object in the order of their keys, as Keras flattens
 * dictionaries. NULL: no memory. */
const struct json **json_sorted(const struct json *list, struct arena *arena);
/* Are channels the first dimension behind the batch? Default: no, but for images in files of
 * Theano. */
bool config_channels_first(const struct call *c, int spatial);

/* --- weights (model/weights.c) --- */

/* Which weights every layer has. */
enum status weights_find_h5(struct keras *k, struct network *network, struct error *err) must_check;
enum status weights_find_archive(struct keras *k, struct network *network, hdf5_object group,
                                 const char *path, struct error *err) must_check;
/* Of a model inside a layer, which has all that is left of the layer's list. */
enum status weights_find_inner(struct keras *k, struct network *network, struct weights *weights,
                               struct error *err) must_check;
/* What an archive calls the next object of this class in a list; `seen` are those before. */
const char *archive_name(struct keras *k, struct map *seen, const char *class_name);
/* A weight of an archive that has a name instead of a number. */
enum status weight_find(struct call *c, const char *name, struct tensor *tensor, bool *found,
                        struct error *err) must_check;
/* A file that an archive keeps for the layer. */
enum status weights_asset(struct call *c, const char *name, struct bytes *bytes, bool *found,
                          struct error *err) must_check;
/* The weights of a part of a layer: of an HDF5 file the same list. */
enum status weights_part(struct keras *k, struct weights *weights, const char *part,
                         struct weights *inner, struct error *err) must_check;
void weights_part_end(struct weights *weights, const struct weights *inner);

/* The next weight in the dtype of the call; INVALID_INPUT when there is none left, or of another
 * rank (`rank` -1: any). */
enum status weight_take(struct call *c, const char *what, int rank, struct tensor *tensor,
                        struct error *err) must_check;
/* The same as it is stored, of this dtype. */
enum status weight_take_any(struct call *c, const char *what, enum dtype dtype,
                            struct tensor *tensor, struct error *err) must_check;
/* A list of an HDF5 file as if the layer had made those of these names first, in this order;
 * *found: how many of them there are. */
enum status weights_reorder(struct call *c, const char *const *names, size_t name_count,
                            size_t *found, struct error *err) must_check;
/* The same as a constant of the graph. */
enum status weight_constant(struct call *c, const char *what, int rank, value_id *value,
                            struct error *err) must_check;
/* A copy with its axes in another order. */
enum status tensor_permute(const struct tensor *tensor, const int *perm, struct tensor *permuted,
                           struct arena *keep, struct error *err) must_check;

/* --- quantised layers (model/quantised.c) --- */

/* The mode of a policy: "int8", "int4/-1", "gptq/4/128". */
enum status quantisation_of(struct bytes mode, struct quantised *q, struct error *err) must_check;

/* The list of an HDF5 file in the order of an archive. */
enum status quantised_order(struct call *c, struct error *err) must_check;

/* Element `i` of a row of packed int4, which is a half of this byte. */
double int4_at(const struct tensor *packed, size_t byte, size_t i);

/* How inputs are rounded to integers before they are multiplied. */
struct rounding {
    bool rounds;
    double low, high, epsilon;
};
enum status rounding_read(const struct call *c, struct rounding *rounding, struct error *err)
    must_check;
/* x times high / its largest along the axes, as whole numbers of floats; *scale is that factor. */
enum status rounding_emit(struct call *c, const struct rounding *rounding, const int64_t *axes,
                          size_t axis_count, value_id *x, value_id *scale, struct error *err)
    must_check;

/* A product of x and a kernel is divided by `scale`, which lies along the columns, and by `inputs`,
 * of which the axes are 1; then the bias is added. VALUE_NONE: there is none. */
struct quantised_product {
    value_id kernel, bias, scale, inputs;
};
/* A kernel that is stored as a matrix (rows, columns), of this shape; *x rounded along the axes. */
enum status quantised_read(struct call *c, const struct shape *shape, size_t rows, size_t columns,
                           bool biased, const int64_t *axes, size_t axis_count, value_id *x,
                           struct quantised_product *product, struct error *err) must_check;

/* --- activations (model/activation.c) --- */

/* The activation that a value of the configuration names: a word, or an object. */
enum status activation_emit(struct call *c, const struct json *activation, value_id x, value_id *y,
                            struct error *err) must_check;
/* The same for key "activation" of the layer, "linear" when absent. */
enum status activation_of(struct call *c, value_id x, value_id *y, struct error *err) must_check;
enum status gelu_emit(struct call *c, value_id x, bool approximate, value_id *y, struct error *err)
    must_check;
/* As firn's recurrent operators name it, which have more than ONNX's. */
struct recurrent_activation {
    const char *name;
    int numbers; /* 0, 1: alpha, 2: alpha and beta */
    double alpha, beta;
};
enum status activation_recurrent(const struct call *c, const struct json *activation,
                                 const char *otherwise, struct recurrent_activation *result,
                                 struct error *err) must_check;

/* --- operands and options of operations (model/operand.c) ---
 *
 * `names` are words with spaces between: what Keras 3 calls a parameter, what TensorFlow does. An
 * argument has one of the names, or the place. */

struct operand {
    value_id value;
    bool given;
    bool weak; /* a Python number, of this kind */
    bool list; /* a list of numbers */
    enum json_kind kind;
    double number;
};
#define OPERAND_1 "x1 x a input tensor inputs features logits input_tensor"
#define OPERAND_2 "x2 y b"

enum status operand_read(struct call *c, size_t place, const char *names, struct operand *operand,
                         struct error *err) must_check;
/* In this dtype; DTYPE_NONE: in its own. */
enum status operand_value(struct call *c, const struct operand *operand, enum dtype dtype,
                          value_id *value, struct error *err) must_check;
/* One that must be there, in its own dtype. */
enum status operand_tensor(struct call *c, size_t place, const char *names, value_id *value,
                           struct error *err) must_check;
/* bool < integers < floats; the wider of a kind; float32 of two halves: as Keras 3 and JAX have it.
 */
enum dtype dtype_promote(enum dtype a, enum dtype b);
enum dtype operands_dtype(const struct call *c, const struct operand *operands, size_t count);
/* The first two, in the dtype that both become. */
enum status operands_2(struct call *c, value_id out[2], struct error *err) must_check;
/* *x, as float32 unless it holds floats. */
enum status value_floats(struct call *c, value_id *x, struct error *err) must_check;
/* Nested lists of numbers; DTYPE_NONE: float32 or int32, as they are written. */
enum status constant_read(struct call *c, const struct json *value, enum dtype dtype,
                          struct tensor *tensor, struct error *err) must_check;

/* What is no tensor: an argument, or a key of the configuration; or NULL. */
const struct json *operand_option(const struct call *c, size_t place, const char *names);
/* An integer or a list of them; null or absent: none. */
enum status option_ints(const struct call *c, size_t place, const char *names, int64_t *values,
                        size_t max, size_t *count, struct error *err) must_check;
enum status option_int(const struct call *c, size_t place, const char *names, int64_t otherwise,
                       int64_t *value, struct error *err) must_check;
/* One axis of `rank`; negative ones count from the end. */
enum status option_axis(struct call *c, size_t place, int64_t otherwise, int rank, int64_t *axis,
                        struct error *err) must_check;
enum status axis_within(int64_t *axis, int rank, struct error *err) must_check;
/* The first operand, of known rank. */
enum status operand_ranked(struct call *c, value_id *x, int *rank, struct error *err) must_check;
double option_number(const struct call *c, size_t place, const char *names, double otherwise);
bool option_bool(const struct call *c, size_t place, const char *names, bool otherwise);
/* DTYPE_NONE where there is none. */
enum status option_dtype(const struct call *c, size_t place, const char *names, enum dtype *dtype,
                         struct error *err) must_check;

/* Buckets of strings (hashing.c), with a salt or NULL. */
enum status hash_emit(struct call *c, value_id strings, int64_t buckets, const struct json *salt,
                      value_id *y, struct error *err) must_check;

/* --- attention (model/attention_mask.c) --- */

struct attention_masks {
    value_id query, keys[2]; /* (batch, steps), or VALUE_NONE */
    value_id given;          /* (batch, [heads,] queries, keys), or VALUE_NONE */
    int64_t window;          /* keys less than so many places away; 0: all */
    bool causal;
};

/* Of what is hidden: its score less 1e9; -1e9 instead of it; the same, and its weight then zero. */
enum attention_style { MASK_SUBTRACTS, MASK_REPLACES, MASK_REPLACES_AND_CLEARS };

/* Bools that broadcast to the scores (..., queries, keys): what is seen. VALUE_NONE: all. */
enum status attention_mask(struct call *c, const struct attention_masks *masks, value_id scores,
                           value_id *mask, struct error *err) must_check;
enum status attention_softmax(struct call *c, value_id scores, value_id mask,
                              enum attention_style style, value_id *y, struct error *err)
    must_check;

/* --- norms (operation_reduce.c) --- */

/* x * min(rsqrt(sum of squares), 1 / epsilon); before Keras 3 x * rsqrt(max(sum, epsilon)). */
enum status unit_emit(struct call *c, value_id x, const int64_t *axes, size_t count, double epsilon,
                      value_id *y, struct error *err) must_check;

/* --- categories (model/categories.c) --- */

/* Indices outside 0 ... depth - 1 are of no category. */
enum status one_hot_emit(struct call *c, value_id index, int64_t depth, int64_t axis,
                         enum dtype dtype, value_id *y, struct error *err) must_check;
/* By output mode: int, one_hot, multi_hot, count (times weights, or VALUE_NONE). */
enum status categories_encode(struct call *c, value_id index, struct bytes mode, int64_t depth,
                              value_id weights, enum dtype dtype, value_id *y, struct error *err)
    must_check;

/* --- images (model/image_size.c, model/value_range.c) --- */

struct image {
    int rows, columns;     /* axes */
    int64_t height, width; /* wanted */
};
/* x with its rows and columns made `height` and `width`, which may both be unlike before. */
enum status image_resize(struct call *c, const struct image *image, value_id x,
                         struct bytes interpolation, bool antialias, value_id *y, struct error *err)
    must_check;
/* Whether TensorFlow's kernels resize, whose roundings and weights of cubes from a table are their
 * own: but for Keras 3 where the file states another backend. */
enum status resizes_as_tensorflow(const struct keras *k, struct bytes interpolation, bool *as,
                                  struct error *err) must_check;
/* To a size (2,); method: "nearest", "bilinear", "bicubic". */
enum status image_resize_as_tensorflow(struct call *c, bool first, value_id x, value_id size,
                                       const char *method, value_id *y, struct error *err)
    must_check;
/* The largest part in the middle that has the sides' ratio that is wanted; a border that makes it.
 */
enum status image_crop(struct call *c, const struct image *image, value_id *x, struct error *err)
    must_check;
enum status image_pad(struct call *c, const struct image *image, double fill_value, value_id *x,
                      struct error *err) must_check;

/* Key "value_range": from, to; 0 and 255 when absent. */
enum status value_range_of(const struct call *c, double range[2], struct error *err) must_check;
/* x from one range to another. */
enum status value_range_change(struct call *c, const double from[2], const double to[2],
                               value_id *x, struct error *err) must_check;

/* --- model/network.c, model/lower.c --- */

/* The class of a layer, model or cell; NULL: there is none. Of one that is not Keras's own, as its
 * module says, the name under which it was registered, or one that no class has. */
const char *class_name_of(struct keras *k, const struct json *item);
enum status network_read(struct keras *k, const struct json *model, struct network **network,
                         int depth, struct error *err) must_check;
/* [layer, node, tensor] */
enum status reference_read(const struct network *network, const struct json *name,
                           const struct json *call, const struct json *tensor,
                           struct reference *reference, struct error *err) must_check;
enum status arguments_read(const struct network *network, const struct json *node,
                           struct arena *arena, struct arguments **made, struct error *err)
    must_check;
/* `in` for each input of the network; `out` for each output. */
enum status network_lower(struct keras *k, struct network *network, const struct keras_tensor *in,
                          size_t in_count, struct keras_tensor *out, int depth, struct error *err)
    must_check;
/* The configuration of the layer that stands for input `index`, for its name, dtype and shape. */
struct keras_input {
    const char *name, *place;
    enum dtype dtype;
    struct shape shape;
    bool shape_known;
};
enum status network_input(struct keras *k, const struct network *network, size_t index,
                          struct keras_input *input, struct error *err) must_check;
const char *network_output_name(const struct network *network, size_t index);
