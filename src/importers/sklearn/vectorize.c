// SPDX-License-Identifier: Apache-2.0
/* Texts to numbers: CountVectorizer, TfidfVectorizer, TfidfTransformer, HashingVectorizer;
 * sklearn2pmml's WordCountTransformer. Words are those of a token_pattern of whole words, or one of
 * sklearn2pmml's tokenizers. */
#include <math.h>
#include <string.h>

#include "importers/sklearn/distance.h"

enum { VOCABULARY_MAX = 1 << 24, NGRAMS_MAX = 64 };

/* --- vocabulary_ and stop_words --- */

/* vocabulary_: a dict of terms and their places, as the terms in order. */
static enum status vocabulary_of(struct lowering *l, const struct pickle_object *self,
                                 struct tensor *terms, struct error *err)
{
    const struct pickle_object *dict;
    struct shape shape;
    struct bytes *texts;

    TRY(state_object(self, "vocabulary_", &dict, err));
    if (dict->kind != PICKLE_DICT || dict->count == 0 || dict->count > VOCABULARY_MAX)
        return state_error(err, "vocabulary_", "is no dict of terms");
    shape = SHAPE((int64_t)dict->count);
    TRY(tensor_new(terms, DTYPE_STRING, &shape, l->keep, err));
    texts = terms->data;
    for (size_t i = 0; i < dict->count; i++)
        texts[i] = (struct bytes){0};
    for (size_t i = 0; i < dict->count; i++) {
        const struct pickle_object *term = dict->items[2 * i];
        int64_t place;

        if (term->kind != PICKLE_TEXT || !pickle_to_i64(dict->items[2 * i + 1], &place) ||
            place < 0 || place >= (int64_t)dict->count || texts[place].data)
            return state_error(err, "vocabulary_",
                               "does not number its terms from 0 to %zu (entry %zu)",
                               dict->count - 1, i);
        texts[place] = term->bytes;
        if (!texts[place].data)
            texts[place].data = (const uint8_t *)"";
    }
    return STATUS_OK;
}

#define WORD(word) word,
static const char *const ENGLISH[] = {
#include "importers/sklearn/stop_words.def"
};
#undef WORD

static enum status stop_words_of(struct lowering *l, const struct pickle_object *self,
                                 struct tensor *words, struct error *err)
{
    const struct pickle_object *stored = pickle_get(self, "stop_words");
    bool english = pickle_text_is(stored, "english");
    struct pickle_object **items = NULL;
    struct shape shape;
    size_t count = ARRAY_COUNT(ENGLISH);

    if (english && estimator_version(l, self) < 2200)
        return state_error(err, "stop_words", "'english' of versions before 0.22 is not served");
    if (!english && stored->kind == PICKLE_TEXT)
        return state_error(err, "stop_words", "is not 'english'");
    if (!english && (stored->kind == PICKLE_SET || stored->kind == PICKLE_FROZENSET)) {
        items = stored->items;
        count = stored->count;
    } else if (!english) {
        items = pickle_elements(stored, &count, l->keep);
        if (!items)
            return state_error(err, "stop_words", "is no list of words");
    }
    shape = SHAPE((int64_t)count);
    TRY(tensor_new(words, DTYPE_STRING, &shape, l->keep, err));
    for (size_t i = 0; i < count; i++) {
        struct bytes *word = (struct bytes *)words->data + i;

        if (english)
            *word = bytes_of(ENGLISH[i]);
        else if (!pickle_to_text(items[i], word, l->keep))
            return state_error(err, "stop_words", "holds something that is no text");
    }
    return STATUS_OK;
}

/* --- CountVectorizer --- */

struct list {
    struct attribute items[12];
    size_t count;
};

static void add(struct list *list, struct attribute attribute)
{
    list->items[list->count++] = attribute;
}

/* What a word is: the tokenizer's rule, else the token_pattern's. */
static enum status words_of(const struct pickle_object *self, struct list *list, struct error *err)
{
    static const char *const ONE[] = {"(?u)\\b\\w+\\b", "\\b\\w+\\b", "\\w+", "(?u)\\w+"};
    static const char *const TWO[] = {"(?u)\\b\\w\\w+\\b", "\\b\\w\\w+\\b",     "\\w\\w+",
                                      "(?u)\\w\\w+",       "(?u)\\b\\w{2,}\\b", "\\b\\w{2,}\\b"};
    const struct pickle_object *tokenizer = pickle_get(self, "tokenizer");
    const struct pickle_object *pattern = pickle_get(self, "token_pattern");

    if (!pickle_is_none(tokenizer)) {
        bool split = pickle_is(tokenizer, "sklearn2pmml", "Splitter");

        if (tokenizer->kind != PICKLE_OBJECT ||
            !(split || pickle_is(tokenizer, "sklearn2pmml", "Matcher")) ||
            !pickle_text_is(tokenizer->state, split ? "\\s+" : "\\w+"))
            return state_error(err, "tokenizer", "%s is code of its own", pickle_name(tokenizer));
        add(list, attribute_of_int("split", split));
        return STATUS_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(ONE); i++)
        if (pickle_text_is(pattern, ONE[i]))
            return STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(TWO); i++)
        if (pickle_text_is(pattern, TWO[i])) {
            add(list, attribute_of_int("shortest", 2));
            return STATUS_OK;
        }
    return state_error(err, "token_pattern", "is not the usual one");
}

static enum status ngrams_of(struct lowering *l, const struct pickle_object *self,
                             struct list *list, int64_t *most, struct error *err)
{
    const struct pickle_object *range = pickle_get(self, "ngram_range");
    int64_t *ngrams = arena_new(l->keep, int64_t, 2);

    if (!ngrams)
        return error_no_memory(err, "ngram_range");
    if (!pickle_to_i64(pickle_item(range, 0), &ngrams[0]) ||
        !pickle_to_i64(pickle_item(range, 1), &ngrams[1]) || ngrams[0] < 1 ||
        ngrams[1] < ngrams[0] || ngrams[1] > NGRAMS_MAX)
        return state_error(err, "ngram_range", "is no pair from 1 to %d", NGRAMS_MAX);
    add(list, attribute_of_ints("ngrams", ngrams, 2));
    *most = ngrams[1];
    return STATUS_OK;
}

enum { ANALYZER_WORD };

/* What of a text is a term: from the analyzer to the stop words. */
static enum status analyzer_of(struct lowering *l, const struct pickle_object *self,
                               struct list *list, struct error *err)
{
    static const char *const CONTENT[] = {"content", NULL};
    static const char *const ANALYZERS[] = {"word", "char", "char_wb", NULL};
    static const char *const ACCENTS[] = {"unicode", "ascii", NULL};
    struct tensor *stop_words = arena_new(l->keep, struct tensor, 1);
    size_t choice, analyzer, accents = 0;
    bool lowercase, binary;
    int64_t most;

    if (!stop_words)
        return error_no_memory(err, "stop words");
    if (!pickle_is_none(pickle_get(self, "preprocessor")))
        return state_error(err, "preprocessor", "is not None");
    TRY(state_choice(self, "input", CONTENT, 0, &choice, err));
    TRY(state_choice(self, "analyzer", ANALYZERS, 0, &analyzer, err));
    if (!pickle_is_none(pickle_get(self, "strip_accents"))) {
        TRY(state_choice(self, "strip_accents", ACCENTS, 0, &accents, err));
        add(list, attribute_of_int("accents", (int64_t)accents + 1));
    }
    TRY(state_bool(self, "lowercase", true, &lowercase, err));
    TRY(state_bool(self, "binary", false, &binary, err));
    add(list, attribute_of_int("analyzer", (int64_t)analyzer));
    add(list, attribute_of_int("lowercase", lowercase));
    add(list, attribute_of_int("binary", binary));
    TRY(ngrams_of(l, self, list, &most, err));
    if (analyzer != ANALYZER_WORD)
        return STATUS_OK;
    TRY(words_of(self, list, err));
    if (!pickle_is_none(pickle_get(self, "stop_words"))) {
        TRY(stop_words_of(l, self, stop_words, err));
        add(list, attribute_of_tensor("stop_words", stop_words));
    }
    return STATUS_OK;
}

/* Counts (n, terms) of the terms in the texts of the only column. */
static enum status counts_of(struct lowering *l, const struct pickle_object *self,
                             const struct table *in, value_id *counts, size_t *width,
                             struct error *err)
{
    struct tensor *vocabulary = arena_new(l->keep, struct tensor, 1);
    struct list list = {0};
    value_id x;

    if (!vocabulary)
        return error_no_memory(err, "a vocabulary");
    TRY(analyzer_of(l, self, &list, err));
    TRY(vocabulary_of(l, self, vocabulary, err));
    add(&list, attribute_of_tensor("vocabulary", vocabulary));
    TRY(table_expect(in, 1, err));
    TRY(table_vector(l, in, 0, DTYPE_STRING, &x, err));
    *width = tensor_count(vocabulary);
    return emit(&l->e, "firn", "TokenCounts", &x, 1, list.items, list.count, counts, 1, err);
}

static enum status count(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *dtype = pickle_get(self, "dtype");
    enum dtype type = DTYPE_I64;
    value_id counts;
    size_t width;

    if (!pickle_is_none(dtype) && (!pickle_to_dtype(dtype, &type) || dtype_size(type) < 4))
        return state_error(err, "dtype", "is not served");
    TRY(counts_of(l, self, in, &counts, &width, err));
    TRY(table_of_matrix(l, counts, width, out, err));
    for (size_t i = 0; i < width; i++) {
        ((struct column *)out->columns)[i].finite = true;
        ((struct column *)out->columns)[i].integral = dtype_is_integer(type);
    }
    return STATUS_OK;
}

/* --- TfidfTransformer --- */

/* idf_ since 1.5; before, the diagonal of _idf_diag, a sparse matrix. */
static enum status idf_of(struct lowering *l, const struct pickle_object *self, size_t width,
                          struct tensor *idf, struct error *err)
{
    const struct pickle_object *diagonal = pickle_get(self, "_idf_diag"), *data;
    const struct pickle_object *offsets = pickle_get(diagonal, "offsets");
    const struct pickle_object *indices = pickle_get(diagonal, "indices");
    struct tensor places;

    if (pickle_get(self, "idf_") || !diagonal)
        return state_vector(l, self, "idf_", (int64_t)width, idf, err);
    data = pickle_get(diagonal, "data");
    if (!data || pickle_to_tensor_f64(data, idf, l->keep, err) || tensor_count(idf) != width)
        return state_error(err, "_idf_diag", "does not have %zu values", width);
    idf->shape = SHAPE((int64_t)width);
    if (offsets) {
        if (pickle_to_tensor(offsets, &places, l->keep, err) || tensor_count(&places) != 1 ||
            tensor_i64(&places, 0) != 0)
            return state_error(err, "_idf_diag", "is not diagonal");
        return STATUS_OK;
    }
    if (!indices || pickle_to_tensor(indices, &places, l->keep, err) ||
        !dtype_is_integer(places.dtype) || tensor_count(&places) != width)
        return state_error(err, "_idf_diag", "is not diagonal");
    for (size_t i = 0; i < width; i++)
        if (tensor_i64(&places, i) != (int64_t)i)
            return state_error(err, "_idf_diag", "is not diagonal");
    return STATUS_OK;
}

/* `single`: counts and results are float32. */
static enum status weigh(struct lowering *l, const struct pickle_object *self, bool single,
                         size_t width, value_id *x, struct error *err)
{
    static const char *const NORMS[] = {"l2", "l1", NULL};
    const struct pickle_object *norm = pickle_get(self, "norm");
    bool sublinear, use_idf;
    size_t which = 0;

    TRY(state_bool(self, "sublinear_tf", false, &sublinear, err));
    TRY(state_bool(self, "use_idf", true, &use_idf, err));
    if (!pickle_is_none(norm))
        TRY(state_choice(self, "norm", NORMS, 0, &which, err));
    if (single && (sublinear || !pickle_is_none(norm)))
        return state_error(err, "dtype", "float32 with sublinear_tf or a norm is not served");
    if (sublinear) { /* log(x) + 1 where there is something */
        value_id zero, some, log;

        TRY(emit_scalar(l, 0, &zero, err));
        TRY(emit_2(&l->e, "Equal", *x, zero, &some, err));
        TRY(emit_1(&l->e, "Log", *x, &log, err));
        TRY(emit_scaled(l, "Add", log, 1, &log, err));
        TRY(emit_where(&l->e, some, *x, log, x, err));
    }
    if (use_idf) {
        struct tensor idf;
        value_id factors;

        TRY(idf_of(l, self, width, &idf, err));
        TRY(emit_constant(&l->e, &idf, &factors, err));
        TRY(emit_2(&l->e, "Mul", *x, factors, x, err));
    }
    if (single) { /* the product of two float32 is exact in double */
        TRY(emit_cast(&l->e, *x, DTYPE_F32, x, err));
        TRY(emit_cast(&l->e, *x, DTYPE_F64, x, err));
    }
    return pickle_is_none(norm) ? STATUS_OK : emit_unit_rows(l, *x, (enum norm)which, 0, x, err);
}

static enum status tfidf(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    value_id x;

    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(weigh(l, self, false, in->count, &x, err));
    return table_of_matrix(l, x, in->count, out, err);
}

static enum status count_and_weigh(struct lowering *l, const struct pickle_object *self,
                                   const struct table *in, struct table *out, struct error *err)
{
    const struct pickle_object *inner, *dtype = pickle_get(self, "dtype");
    enum dtype type = DTYPE_F64;
    value_id x;
    size_t width;

    TRY(state_object(self, "_tfidf", &inner, err));
    if (!pickle_is_none(dtype) &&
        (!pickle_to_dtype(dtype, &type) || (type != DTYPE_F64 && type != DTYPE_F32)) &&
        type != DTYPE_I64)
        return state_error(err, "dtype", "is not served");
    TRY(counts_of(l, self, in, &x, &width, err));
    TRY(weigh(l, inner, type == DTYPE_F32, width, &x, err));
    return table_of_matrix(l, x, width, out, err);
}

/* --- HashingVectorizer --- */

static enum status hash(struct lowering *l, const struct pickle_object *self,
                        const struct table *in, struct table *out, struct error *err)
{
    static const char *const NORMS[] = {"l2", "l1", NULL};
    const struct pickle_object *norm = pickle_get(self, "norm");
    const struct pickle_object *dtype = pickle_get(self, "dtype");
    enum dtype type = DTYPE_F64;
    struct list list = {0};
    int64_t features;
    bool alternate, positive;
    size_t which = 0;
    value_id x;

    if (!pickle_is_none(dtype) && (!pickle_to_dtype(dtype, &type) || type != DTYPE_F64))
        return state_error(err, "dtype", "other than float64 is not served");
    TRY(state_bool(self, "non_negative", false, &positive, err)); /* until 0.20 */
    if (positive || !pickle_get(self, "alternate_sign"))
        return state_error(err, "alternate_sign", "of versions before 0.19 is not served");
    TRY(state_bool(self, "alternate_sign", true, &alternate, err));
    TRY(state_i64(self, "n_features", 1 << 20, &features, err));
    if (features < 1 || features > VOCABULARY_MAX)
        return state_error(err, "n_features", "is %lld", (long long)features);
    if (!pickle_is_none(norm))
        TRY(state_choice(self, "norm", NORMS, 0, &which, err));
    TRY(analyzer_of(l, self, &list, err));
    add(&list, attribute_of_int("features", features));
    add(&list, attribute_of_int("signed", alternate));
    TRY(table_expect(in, 1, err));
    TRY(table_vector(l, in, 0, DTYPE_STRING, &x, err));
    TRY(emit(&l->e, "firn", "TokenCounts", &x, 1, list.items, list.count, &x, 1, err));
    if (!pickle_is_none(norm))
        TRY(emit_unit_rows(l, x, (enum norm)which, 0, &x, err));
    return table_of_matrix(l, x, (size_t)features, out, err);
}

/* --- LatentDirichletAllocation --- */

static enum status topics(struct lowering *l, const struct pickle_object *self,
                          const struct table *in, struct table *out, struct error *err)
{
    struct tensor *words = arena_new(l->keep, struct tensor, 1);
    double prior, tolerance;
    int64_t rounds;
    value_id x;

    if (!words)
        return error_no_memory(err, "topics");
    if (!pickle_to_f64(pickle_get(self, "doc_topic_prior_"), &prior))
        return state_error(err, "doc_topic_prior_", "is no number");
    TRY(state_f64(self, "mean_change_tol", 1e-3, &tolerance, err));
    TRY(state_i64(self, "max_doc_update_iter", 100, &rounds, err));
    TRY(state_matrix(l, self, "exp_dirichlet_component_", -1, (int64_t)in->count, words, err));
    TRY(table_matrix(l, in, CHECK_FINITE, &x, err));
    TRY(emit_node(&l->e, "firn", "Topics", EMIT(x),
                  EMIT_ATTRIBUTES(attribute_of_tensor("words", words),
                                  attribute_of_float("prior", prior),
                                  attribute_of_float("tolerance", tolerance),
                                  attribute_of_int("rounds", rounds)),
                  &x, err));
    return table_of_matrix(l, x, (size_t)words->shape.dims[0], out, err);
}

/* --- WordCountTransformer --- */

static enum status words(struct lowering *l, const struct pickle_object *self,
                         const struct table *in, struct table *out, struct error *err)
{
    value_id x;

    if (!pickle_text_is(pickle_get(self, "word_pattern"), "\\w+") ||
        !pickle_text_is(pickle_get(self, "non_word_pattern"), "\\W+"))
        return state_error(err, "word_pattern", "is not the usual one");
    TRY(table_expect(in, 1, err));
    TRY(table_vector(l, in, 0, DTYPE_STRING, &x, err));
    TRY(emit(&l->e, "firn", "WordCount", &x, 1, NULL, 0, &x, 1, err));
    TRY(table_of_vector(l, x, out, err));
    ((struct column *)out->columns)->integral = true;
    return STATUS_OK;
}

const struct estimator_set estimators_vectorize = ESTIMATOR_SET(
    {.name = "CountVectorizer", .transform = count, .columns = 1},
    {.name = "TfidfVectorizer", .transform = count_and_weigh, .columns = 1},
    {.name = "HashingVectorizer", .transform = hash, .columns = 1},
    {.name = "LatentDirichletAllocation", .transform = topics, .width = "components_"},
    {.name = "TfidfTransformer", .transform = tfidf, .width = "idf_"},
    {.name = "WordCountTransformer", .package = "sklearn2pmml", .transform = words, .columns = 1});
