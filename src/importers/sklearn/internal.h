// SPDX-License-Identifier: Apache-2.0
/* The scikit-learn importer, inside. One file per estimator family in this folder; the file name
 * is the registration: scale.c defines `const struct estimator_set estimators_scale`. Code that
 * several families share is in lowering/.
 *
 * An estimator is a row: its class name and one function per method. A function reads the fitted
 * state of `self`, takes a table of columns, appends nodes to the graph and gives a table of
 * columns:
 *
 *     static enum status transform(struct lowering *l, const struct pickle_object *self,
 *                                  const struct table *in, struct table *out, struct error *err)
 *     {
 *         struct tensor scale;
 *         value_id x, y, factor;
 *
 *         TRY(state_vector(l, self, "scale_", (int64_t)in->count, &scale, err));
 *         TRY(table_matrix(l, in, CHECK_FINITE_OR_NAN, &x, err));
 *         TRY(emit_constant(&l->e, &scale, &factor, err));
 *         TRY(emit_2(&l->e, "Div", x, factor, &y, err));
 *         return table_of_matrix(l, y, in->count, out, err);
 *     }
 *
 *     const struct estimator_set estimators_scale = ESTIMATOR_SET(
 *         {.name = "MaxAbsScaler", .transform = transform});
 *
 * Rules. Everything is float64 (DTYPE_F64), in scikit-learn's order of operations. What changes
 * results and is not understood is UNSUPPORTED: the message names the attribute and the value;
 * which step it was is put in front by estimator_lower. Methods may call each other and other
 * estimators through estimator_lower, which gives the same result for the same question, so that
 * predict and predict_proba share their nodes. Names of parameters: `l` the lowering, `self` the
 * fitted estimator. */
#pragma once

#include "formats/pickle/pickle.h"
#include "graph/emit.h"
#include "importers/importer.h"

/* --- estimators --- */

enum method { /* in the order of the contract's signatures */
              METHOD_PREDICT,
              METHOD_PREDICT_PROBA,
              METHOD_DECISION_FUNCTION,
              METHOD_TRANSFORM,
              METHOD_SCORE_SAMPLES,
              METHOD_COUNT
};
const char *method_name(enum method method); /* "predict_proba" */

struct lowering;
struct table;

typedef enum status lower_function(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err);

struct estimator_class {
    const char *name;    /* last part of the class name: "StandardScaler" */
    const char *package; /* its module is this or below; NULL: "sklearn" */

    /* NULL: the class does not have this method. Where scikit-learn has the method and we do not
     * compute it yet: lower_unsupported. */
    lower_function *predict, *predict_proba, *decision_function, *transform, *score_samples;

    /* Whether this very object has a method whose function is set; NULL: it has. (A Pipeline has
     * what its last step has; SVC has predict_proba when probability=True.) */
    bool (*has)(const struct pickle_object *self, enum method method);

    /* Attribute whose last dimension is the number of input columns, for files older than
     * n_features_in_; NULL: none. */
    const char *width;

    size_t columns; /* number of input columns that the class always takes; 0: any */

    /* The same for this very object, where no single attribute says it; 0: not known. */
    size_t (*inputs)(const struct pickle_object *self, struct arena *scratch);

    /* Attribute that holds the fitted estimator whose methods this one has where its own are NULL:
     * best_estimator_ of a search; NULL: none. */
    const char *inner;

    /* The estimator that sees the input columns first (a Pipeline's first step), for looking up
     * names and number of columns; NULL: none. */
    const struct pickle_object *(*first)(const struct pickle_object *self);
};

struct estimator_set {
    const struct estimator_class *classes;
    size_t count;
};
#define ESTIMATOR_SET(...)                                                                         \
    {                                                                                              \
        (const struct estimator_class[]){__VA_ARGS__},                                             \
            sizeof((const struct estimator_class[]){__VA_ARGS__}) / sizeof(struct estimator_class) \
    }

/* `first` of an ensemble: the first of its estimators_. */
const struct pickle_object *ensemble_first(const struct pickle_object *self);

const struct estimator_class *estimator_find(const struct pickle_object *object); /* or NULL */
bool estimator_has(const struct pickle_object *object, enum method method);

/* Whether an estimator takes NaN: what chooses features for it checks nothing then. */
bool estimator_takes_nan(const struct lowering *l, const struct pickle_object *estimator);

/* A transformer that gives what it takes. */
enum status estimator_identity(struct lowering *l, const struct pickle_object *self,
                               const struct table *in, struct table *out, struct error *err)
    must_check;

/* Lower a method of an estimator. `role` says what it is in its parent, for messages: "step
 * 'scaler'", "base estimator 3"; NULL for nothing. The strings 'passthrough' and 'drop' are the
 * caller's affair. The same question (object, method, same table) gets the same answer and no new
 * nodes. */
enum status estimator_lower(struct lowering *l, const char *role,
                            const struct pickle_object *object, enum method method,
                            const struct table *in, struct table *out, struct error *err)
    must_check;
lower_function lower_unsupported;

/* The same for one of many; its role is "`what` `index`". */
enum status lower_item(struct lowering *l, const char *what, size_t index,
                       const struct pickle_object *item, enum method method, const struct table *in,
                       struct table *out, struct error *err) must_check;

/* Without the first of two columns: of two probabilities the second says it all. */
enum status second_column(struct lowering *l, struct table *table, struct error *err) must_check;

/* What each of estimators_, all of one output, says: one column each, side by side. By a method, of
 * two probabilities the second; or by what classifiers of two classes are told apart by
 * (decision_function, else the second probability, else what a regressor predicts): above
 * `threshold` is the second class. Their roles are "`what` 0" ..., "estimator 0" ... */
enum status lower_members(struct lowering *l, const char *what, const struct pickle_object *self,
                          enum method method, const struct table *in, struct table *out,
                          struct error *err) must_check;
enum status lower_binary_scores(struct lowering *l, const struct pickle_object *self,
                                const struct table *in, struct table *out, double *threshold,
                                struct error *err) must_check;

/* scikit-learn version that fitted `self`, 1.7.2 as 10702; that of the whole file when the object
 * does not say; 0 when unknown. */
int version_parse(struct bytes text); /* "1.7.2", "0.22.2.post1": 10702, 2202; 0: no version */
int estimator_version(const struct lowering *l, const struct pickle_object *self);

/* --- tables --- */

/* One column of a table: column `index` of a matrix (n, w), or a vector (n,). */
struct column {
    value_id value;   /* VALUE_NONE: an input column whose dtype nobody has settled yet */
    int64_t index;    /* in the matrix; -1: `value` is a vector */
    int32_t source;   /* which input of the model this is; -1: computed */
    enum dtype dtype; /* F64, I64, BOOL or STRING; DTYPE_NONE: not settled yet */
    const char *name; /* or NULL */
    bool finite;      /* known to hold neither NaN nor infinity */
    bool integral;    /* scikit-learn gives integers here, which we hold as F64 */
};

/* Immutable once made: columns are copied by whoever wants others. */
struct table {
    const struct column *columns; /* (count,) */
    size_t count;
    bool flat;                    /* stands for an array (n,), not (n, 1): what predict gives */
    bool open;                    /* more columns may be asked for by name: the model's input */
    const struct tensor *classes; /* predictions: the labels that values or columns stand for */
};

/* What scikit-learn's input validation of this estimator refuses. */
enum check {
    CHECK_NONE,
    CHECK_FINITE,        /* NaN and infinities are refused: force_all_finite=True */
    CHECK_FINITE_OR_NAN, /* infinities are: 'allow-nan' */
    CHECK_FINITE_F32, /* as CHECK_FINITE, and what overflows float32 (trees): values stay double */
    CHECK_FINITE_OR_NAN_F32,
};

/* The columns as one matrix (n, count) of F64, checked. Input columns that are not settled become
 * numbers. UNSUPPORTED for strings. */
enum status table_matrix(struct lowering *l, const struct table *table, enum check check,
                         value_id *matrix, struct error *err) must_check;

/* The same for strings: (n, count) STRING. */
enum status table_text(struct lowering *l, const struct table *table, value_id *matrix,
                       struct error *err) must_check;

/* One column as a vector (n,) of this dtype (F64, BOOL or STRING; DTYPE_NONE: as it is, numbers
 * when not settled). An input column that is not settled becomes `dtype`. */
enum status table_vector(struct lowering *l, const struct table *table, size_t column,
                         enum dtype dtype, value_id *vector, struct error *err) must_check;

/* An input column that is not settled becomes `dtype`; others stay as they are. */
enum status table_settle(struct lowering *l, const struct table *table, size_t column,
                         enum dtype dtype, struct error *err) must_check;

/* The dtype that a column has by now; DTYPE_NONE: an input that nobody has settled. */
enum dtype column_dtype(const struct lowering *l, const struct column *column);
bool column_is_integral(const struct lowering *l, const struct column *column);

/* UNSUPPORTED unless the table has `count` columns. */
enum status table_expect(const struct table *table, size_t count, struct error *err) must_check;

/* All `width` columns of a matrix value (n, width), or one vector (n,) with table_of_vector. The
 * dtype is that of the value. */
enum status table_of_matrix(struct lowering *l, value_id matrix, size_t width, struct table *out,
                            struct error *err) must_check;
enum status table_of_vector(struct lowering *l, value_id vector, struct table *out,
                            struct error *err) must_check;

/* Columns `indices` of a table, in that order; all columns of several tables side by side. */
enum status table_pick(struct lowering *l, const struct table *table, const size_t *indices,
                       size_t count, struct table *out, struct error *err) must_check;
enum status table_join(struct lowering *l, const struct table *tables, size_t count,
                       struct table *out, struct error *err) must_check;

/* Position of the column of that name; UNSUPPORTED when there is none. An open table grows. */
enum status table_find(struct lowering *l, struct table *table, struct bytes name, size_t *index,
                       struct error *err) must_check;

/* The columns that a specification says: a name or position (one column, flat), a list, array or
 * pandas Index of either, a slice, a mask. */
enum status table_select(struct lowering *l, struct table *in, const struct pickle_object *columns,
                         struct table *out, struct error *err) must_check;
bool is_text_list(struct lowering *l, const struct pickle_object *columns); /* names, or one */

/* --- state: the attributes of a fitted estimator. Messages say "attribute 'coef_': ...".
 * A dimension of -1 is free. Tensors live in l->keep. --- */

enum status state_object(const struct pickle_object *self, const char *name,
                         const struct pickle_object **object, struct error *err) must_check;
enum status state_vector(struct lowering *l, const struct pickle_object *self, const char *name,
                         int64_t count, struct tensor *tensor, struct error *err) must_check;
/* (rows, columns); a vector of an attribute is taken as one row. */
enum status state_matrix(struct lowering *l, const struct pickle_object *self, const char *name,
                         int64_t rows, int64_t columns, struct tensor *tensor, struct error *err)
    must_check;
/* Class labels, categories: I64, F64, BOOL or STRING, one dimension. */
enum status state_labels(struct lowering *l, const struct pickle_object *self, const char *name,
                         struct tensor *tensor, struct error *err) must_check;
enum status labels_of(struct lowering *l, const struct pickle_object *object, struct tensor *tensor,
                      struct error *err) must_check;

/* Labels that are numbers, as F64; UNSUPPORTED for an integer that F64 does not hold. */
enum status numbers_of(struct lowering *l, const struct tensor *labels, struct tensor *numbers,
                       struct error *err) must_check;

/* Parameters: `otherwise` when the attribute is absent; UNSUPPORTED when it is of another kind. */
enum status state_f64(const struct pickle_object *self, const char *name, double otherwise,
                      double *value, struct error *err) must_check;
enum status state_i64(const struct pickle_object *self, const char *name, int64_t otherwise,
                      int64_t *value, struct error *err) must_check;
enum status state_bool(const struct pickle_object *self, const char *name, bool otherwise,
                       bool *value, struct error *err) must_check;
/* A str of a closed set: its index in the NULL-terminated `choices`; UNSUPPORTED otherwise. */
enum status state_choice(const struct pickle_object *self, const char *name,
                         const char *const *choices, size_t otherwise, size_t *choice,
                         struct error *err) must_check;
/* "attribute 'name': ..." with UNSUPPORTED. */
enum status state_error(struct error *err, const char *name, const char *format, ...)
    must_check printf_like(3, 4);
/* The elements of a list, tuple or object array attribute (estimators_ ...). */
enum status state_list(struct lowering *l, const struct pickle_object *self, const char *name,
                       struct pickle_object ***items, size_t *count, struct error *err) must_check;

/* --- nodes, beyond graph/emit.h; messages name the current step --- */

enum status emit_scalar(struct lowering *l, double number, value_id *out, struct error *err)
    must_check;
/* x (n, k) @ transpose(weights) + bias: weights (m, k) as scikit-learn keeps coef_; bias (m,) or
 * NULL; out (n, m). */
enum status emit_linear(struct lowering *l, value_id x, const struct tensor *weights,
                        const struct tensor *bias, value_id *out, struct error *err) must_check;

/* The inverse of a matrix (n, n) of the state, and the logarithm of its determinant's size;
 * UNSUPPORTED where there is none. */
enum { SOLVE_MAX = 1024 };
enum status invert_matrix(struct lowering *l, size_t n, const double *matrix, double *inverse,
                          double *log_determinant, struct error *err) must_check;

/* --- predictions: what the tail of a predictor is made of --- */

/* (n,) or (n, m) numbers as the prediction: `flat` when it is (n, 1) that stands for (n,). */
enum status predict_numbers(struct lowering *l, value_id matrix, size_t width, bool flat,
                            struct table *out, struct error *err) must_check;
/* Labels of the first largest score: scores (n, classes). */
enum status predict_argmax(struct lowering *l, const struct tensor *classes, value_id scores,
                           struct table *out, struct error *err) must_check;
/* Labels of one score a row: classes[score > 0]; scores (n, 1). */
enum status predict_sign(struct lowering *l, const struct tensor *classes, value_id scores,
                         struct table *out, struct error *err) must_check;
/* Labels by index: (n,) I64. */
enum status predict_labels(struct lowering *l, const struct tensor *classes, value_id index,
                           struct table *out, struct error *err) must_check;
/* Probabilities or scores (n, classes) with their classes. */
enum status predict_columns(struct lowering *l, const struct tensor *classes, value_id matrix,
                            struct table *out, struct error *err) must_check;
/* (n, 1) p -> (n, 2) [1 - p, p]. */
enum status emit_both(struct lowering *l, value_id p, value_id *out, struct error *err) must_check;

/* (n,) I64 zeros for the rows of a vector of numbers or strings: an index that is always 0. */
enum status emit_row_zeros(struct lowering *l, value_id vector, value_id *out, struct error *err)
    must_check;
/* The same row (1, columns) for every row of the input: (n, columns); of (1,): (n,). */
enum status emit_constant_rows(struct lowering *l, const struct table *in, const struct tensor *row,
                               value_id *out, struct error *err) must_check;
/* x <op> number. */
enum status emit_scaled(struct lowering *l, const char *op, value_id x, double number,
                        value_id *out, struct error *err) must_check;
/* Of what has score_samples: those less offset_; 1 where that is at least 0, -1 below. */
lower_function decide_inlier, predict_inlier;
/* predict of a classifier: classes_ of the largest predict_proba. */
lower_function classify_by_proba;

/* Rows divided by their sums; the softmax of rows. */
enum status emit_normalised(struct lowering *l, value_id p, value_id *out, struct error *err)
    must_check;
/* The same where a sum of 0 is not divided by: such rows stay, or become `*otherwise`. */
enum status emit_normalised_or(struct lowering *l, value_id p, const double *otherwise,
                               value_id *out, struct error *err) must_check;
/* A numpy function by its name, a global or what rebuilds a ufunc; UNSUPPORTED for others. */
enum status emit_ufunc(struct lowering *l, const struct pickle_object *function, value_id x,
                       value_id *out, struct error *err) must_check;
enum status emit_softmax(struct lowering *l, value_id scores, value_id *out, struct error *err)
    must_check;

/* --- the lowering --- */

struct source { /* an input column of the model */
    const char *name;
    enum dtype dtype; /* DTYPE_NONE: nobody asked for it */
    value_id value;
    bool integral; /* held Python ints where the model was fitted */
    struct evidence name_evidence;
    const char *asked_by; /* which step settled the dtype: "step 'encoder' (OneHotEncoder)" */
};

/* A column that a Memorizer keeps for Recallers: of sklearn2pmml's Memory `memory`. */
struct memory {
    const struct pickle_object *memory;
    struct bytes name;
    struct table column;
    const struct memory *next;
};

/* How the model is given its columns. Which one is right shows only while lowering: a lowering
 * that ran into the wrong one says which it needs, and is done again. */
enum input_mode {
    INPUT_NAMED,    /* one input a column, names stored */
    INPUT_MATRIX,   /* one input x (n, width), no names */
    INPUT_NUMBERED, /* one input a column, x0 x1 ...: no names, and not all of one dtype */
    INPUT_OPEN,     /* one input for each name that a step asks for */
};

struct lowering {
    struct emitter e; /* `where`: the step being lowered: "step 'a': step 'b' (Binarizer)" */
    struct arena *keep;
    const char *root; /* what e.where is while the root itself is lowered: its class */
    int version;      /* of the file: see estimator_version */
    int64_t batch;    /* the symbol of dimension 0 */
    int depth;
    size_t steps; /* calls of estimator_lower, bounded */
    size_t text;  /* of functions that expressions call, each time; bounded */
    struct map *memo;
    const struct memory *memories; /* the latest first */

    enum input_mode mode, needs; /* needs differs from mode when the attempt must be repeated */
    enum dtype matrix_dtype;
    value_id matrix;
    struct source *sources;
    size_t source_count, source_capacity;
};

/* inputs.c: what a model is given. `names` and `width` as found below the root, or NULL and 0. */
struct inputs {
    struct tensor names;                 /* STRING (width,); dtype NONE: no names are stored */
    const char *names_from, *width_from; /* evidence: "feature_names_in_" */
    size_t width;                        /* 0: not known */
};
enum status inputs_find(const struct pickle_object *root, struct inputs *inputs, struct arena *keep,
                        struct error *err) must_check;
/* The table that the root is given, in l->mode. */
enum status inputs_table(struct lowering *l, const struct inputs *inputs, struct table *table,
                         struct error *err) must_check;
/* A new input column. */
enum status source_add(struct lowering *l, struct bytes name, const struct evidence *evidence,
                       size_t *index, struct error *err) must_check;
