// SPDX-License-Identifier: Apache-2.0
/* TokenCounts: how often each term of a vocabulary is in a text; bags of words. WordCount: how many
 * words there are.
 *
 * Input: (n,) or (n, 1) string. Attributes of TokenCounts:
 *   vocabulary  tensor (k,) of terms: words, or n of them with a space between; or
 *   features    k: a term's place is its hash (MurmurHash3) modulo k
 *   signed      1: of terms whose hash is below zero the counts are, too
 *   analyzer    0: terms are words. 1: so many characters in a row. 2: the same within what is
 *               between white space, with a space on both sides
 *   lowercase   1: the text in lower case, as Python's str.lower has it
 *   accents     1: without them (NFKD), after that; 2: ASCII alone is left of it
 *   split       0: words are the longest runs of \w; 1: what is between white space, without
 *               punctuation around it
 *   shortest    characters that a word has at least (default 1)
 *   stop_words  tensor (m,): words that are left out first; optional
 *   ngrams      two integers: terms have that many words or characters
 *   binary      1: 1 for every term that is there
 * Output: (n, k) double; of WordCount, which takes every run of \w, double like its input. */
#include "base/hash/fingerprint.h"
#include "base/map.h"
#include "base/unicode.h"
#include "ops/op.h"

enum { NGRAMS_MAX = 64, FEATURES_MAX = 1 << 24 };
enum { WORDS, CHARACTERS, CHARACTERS_WITHIN, ANALYZER_COUNT };
enum { ACCENTS_STAY, ACCENTS_GO, ACCENTS_ASCII, ACCENTS_COUNT };

struct vocabulary {
    struct map terms, stop_words; /* to the place of the term + 1 */
    uint32_t features;            /* 0: terms */
    int64_t shortest, from, to, analyzer, accents;
    bool lowercase, split, binary, is_signed;
};

static bool is_texts(const struct tensor *tensor)
{
    return tensor && tensor->dtype == DTYPE_STRING && tensor->shape.rank == 1;
}

/* Or may be one, where the shape is not known yet. */
static bool is_column(const struct shape *shape)
{
    return shape->rank < 0 || shape->rank == 1 ||
           (shape->rank == 2 && (shape->dims[1] == 1 || !dim_is_known(shape->dims[1])));
}

static enum status infer_counts(struct op_call *call, struct error *err)
{
    const struct tensor *terms = attribute_tensor(call->attributes, "vocabulary");
    const struct tensor *stop = attribute_tensor(call->attributes, "stop_words");
    int64_t features = attribute_int(call->attributes, "features", 0);
    int64_t analyzer = attribute_int(call->attributes, "analyzer", 0);
    int64_t accents = attribute_int(call->attributes, "accents", 0);
    size_t count;
    const int64_t *ngrams = attribute_ints(call->attributes, "ngrams", &count);

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (features < 0 || features > FEATURES_MAX || analyzer < 0 || analyzer >= ANALYZER_COUNT ||
        accents < 0 || accents >= ACCENTS_COUNT)
        return op_error(call, err, STATUS_INVALID_INPUT, "features, analyzer or accents");
    if ((!features && !is_texts(terms)) || (stop && !is_texts(stop)))
        return op_error(call, err, STATUS_INVALID_INPUT, "vocabulary or stop words are no texts");
    if (ngrams && (count != 2 || ngrams[0] < 1 || ngrams[1] < ngrams[0] || ngrams[1] > NGRAMS_MAX))
        return op_error(call, err, STATUS_INVALID_INPUT, "terms of so many parts");
    if (!is_column(&call->in[0].shape))
        return op_error(call, err, STATUS_INVALID_INPUT, "input is no column");
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = SHAPE(call->in[0].shape.rank < 0 ? DIM_UNKNOWN : call->in[0].shape.dims[0],
                               features ? features : terms->shape.dims[0]);
    return STATUS_OK;
}

static enum status fill(struct map *map, const struct tensor *texts, struct arena *keep,
                        struct error *err)
{
    map_init(map, keep);
    for (size_t i = 0; texts && i < tensor_count(texts); i++)
        if (!map_set(map, ((const struct bytes *)texts->data)[i], (void *)(uintptr_t)(i + 1)))
            return error_no_memory(err, "a vocabulary");
    return STATUS_OK;
}

static enum status prepare_counts(struct op_call *call, struct arena *keep, struct error *err)
{
    struct vocabulary *v = arena_new(keep, struct vocabulary, 1);
    size_t count;
    const int64_t *ngrams = attribute_ints(call->attributes, "ngrams", &count);

    if (!v)
        return error_no_memory(err, "a vocabulary");
    v->shortest = attribute_int(call->attributes, "shortest", 1);
    v->from = ngrams ? ngrams[0] : 1;
    v->to = ngrams ? ngrams[1] : 1;
    v->lowercase = attribute_int(call->attributes, "lowercase", 0);
    v->split = attribute_int(call->attributes, "split", 0);
    v->binary = attribute_int(call->attributes, "binary", 0);
    v->features = (uint32_t)attribute_int(call->attributes, "features", 0);
    v->is_signed = attribute_int(call->attributes, "signed", 0);
    v->analyzer = attribute_int(call->attributes, "analyzer", 0);
    v->accents = attribute_int(call->attributes, "accents", 0);
    call->state = v;
    TRY(fill(&v->stop_words, attribute_tensor(call->attributes, "stop_words"), keep, err));
    return fill(&v->terms, attribute_tensor(call->attributes, "vocabulary"), keep, err);
}

static struct bytes rest_of(struct bytes text, size_t from)
{
    return (struct bytes){text.data + from, text.size - from};
}

static struct bytes part_of(struct bytes text, size_t from, size_t to)
{
    return (struct bytes){text.data + from, to - from};
}

/* --- one text --- */

struct words { /* or characters of the text at hand; words have one space between them */
    uint8_t *lower, *plain, *joined;
    size_t *starts, *ends; /* in `joined` */
    size_t count, size;
};

static enum status words_room(struct words *words, const struct vocabulary *v, size_t longest,
                              struct arena *memory, struct error *err)
{
    if (longest > SIZE_MAX / 64 / UNICODE_PLAIN_GROWTH / 2)
        return error_set(err, STATUS_TOO_LARGE, "a text of %zu bytes", longest);
    words->lower = arena_alloc(memory, 2 * longest + 4, 1); /* 2 bytes become 3 at most */
    words->plain = words->lower;
    if (v->accents) {
        longest = UNICODE_PLAIN_GROWTH * (2 * longest + 4) + UNICODE_PLAIN_MAX;
        words->plain = arena_alloc(memory, longest, 1);
    }
    words->joined = arena_alloc(memory, 2 * longest + 4, 1);
    words->starts = arena_new(memory, size_t, longest + 4);
    words->ends = arena_new(memory, size_t, longest + 4);
    return words->lower && words->plain && words->joined && words->starts && words->ends
               ? STATUS_OK
               : error_no_memory(err, "words");
}

static enum status lower(struct words *words, struct bytes *text, size_t row, struct error *err)
{
    size_t used = 0, size;

    for (size_t at = 0; at < text->size; at += size) {
        uint32_t code = unicode_lower(unicode_first(rest_of(*text, at), &size));

        if (code == UNICODE_SEVERAL)
            return error_set(err, STATUS_UNSUPPORTED,
                             "the lower case of a letter at byte %zu of the text at row %zu is "
                             "not served",
                             at, row);
        used += unicode_write(code, words->lower + used);
    }
    *text = (struct bytes){words->lower, used};
    return STATUS_OK;
}

static void strip_accents(struct words *words, const struct vocabulary *v, struct bytes *text)
{
    size_t used = 0, size;

    for (size_t at = 0; at < text->size; at += size) {
        uint8_t *to = words->plain + used;
        size_t count = unicode_plain(unicode_first(rest_of(*text, at), &size), to);

        for (size_t i = 0; i < count; i++)
            if (v->accents != ACCENTS_ASCII || to[i] < 0x80)
                words->plain[used++] = to[i];
    }
    *text = (struct bytes){words->plain, used};
}

static void take(struct words *words, const struct vocabulary *v, struct bytes word,
                 int64_t characters)
{
    if (word.size == 0 || characters < v->shortest || map_find(&v->stop_words, word))
        return;
    if (words->count)
        words->joined[words->size++] = ' ';
    words->starts[words->count] = words->size;
    memcpy(words->joined + words->size, word.data, word.size);
    words->size += word.size;
    words->ends[words->count++] = words->size;
}

/* Without punctuation at both ends. */
static struct bytes stripped(struct bytes word)
{
    size_t end = 0, size;

    while (word.size && unicode_is_punctuation(unicode_first(word, &size)))
        word = rest_of(word, size);
    for (size_t at = 0; at < word.size; at += size)
        if (!unicode_is_punctuation(unicode_first(rest_of(word, at), &size)))
            end = at + size;
    word.size = end;
    return word;
}

static void collect(struct words *words, const struct vocabulary *v, struct bytes text)
{
    size_t start = 0, size;
    int64_t characters = 0;

    words->count = words->size = 0;
    for (size_t at = 0; at <= text.size; at += size) {
        uint32_t code = at < text.size ? unicode_first(rest_of(text, at), &size) : ' ';

        if (v->split ? !unicode_is_space(code) : unicode_is_word(code)) {
            characters++;
            continue;
        }
        if (characters > 0) {
            struct bytes word = part_of(text, start, at);

            take(words, v, v->split ? stripped(word) : word, characters);
        }
        if (at == text.size)
            break;
        characters = 0;
        start = at + size;
    }
}

static void count_term(const struct vocabulary *v, struct bytes term, double *counts)
{
    size_t found;
    int32_t hash;

    if (!v->features) {
        found = (size_t)(uintptr_t)map_find(&v->terms, term);
        if (found)
            counts[found - 1] = v->binary ? 1 : counts[found - 1] + 1;
        return;
    }
    hash = (int32_t)fingerprint_murmur32(term);
    found = hash == INT32_MIN ? ((uint32_t)INT32_MAX - (v->features - 1)) % v->features
                              : (uint32_t)(hash < 0 ? -hash : hash) % v->features;
    counts[found] = v->binary ? 1 : counts[found] + (v->is_signed && hash < 0 ? -1 : 1);
}

static void count_words(const struct words *words, const struct vocabulary *v, double *counts)
{
    struct bytes joined = {words->joined, words->size};

    for (size_t n = (size_t)v->from; n <= (size_t)v->to; n++)
        for (size_t i = 0; i + n <= words->count; i++)
            count_term(v, part_of(joined, words->starts[i], words->ends[i + n - 1]), counts);
}

/* --- characters --- */

static void add_character(struct words *words, struct bytes character)
{
    words->starts[words->count] = words->size;
    memcpy(words->joined + words->size, character.data, character.size);
    words->size += character.size;
    words->ends[words->count++] = words->size;
}

static const struct bytes SPACE = {(const uint8_t *)" ", 1};

/* The text with runs of several white spaces as one space; a single one stays what it is. */
static void collect_characters(struct words *words, struct bytes text)
{
    size_t size, start = 0, spaces = 0;

    words->count = words->size = 0;
    for (size_t at = 0; at <= text.size; at += size) {
        bool space = at < text.size && unicode_is_space(unicode_first(rest_of(text, at), &size));

        if (space) {
            start = spaces ? start : at;
            spaces++;
            continue;
        }
        if (spaces)
            add_character(words, spaces > 1 ? SPACE : part_of(text, start, at));
        spaces = 0;
        if (at == text.size)
            break;
        add_character(words, part_of(text, at, at + size));
    }
}

/* A word that is shorter than that counts once, whole. */
static void count_word(struct words *words, const struct vocabulary *v, double *counts)
{
    struct bytes joined = {words->joined, words->size};

    for (size_t n = (size_t)v->from; n <= (size_t)v->to; n++) {
        count_term(v, part_of(joined, 0, words->ends[n < words->count ? n - 1 : words->count - 1]),
                   counts);
        for (size_t i = 1; i + n <= words->count; i++)
            count_term(v, part_of(joined, words->starts[i], words->ends[i + n - 1]), counts);
        if (n >= words->count)
            break;
    }
}

/* Each word with a space on both sides. */
static void count_within(struct words *words, const struct vocabulary *v, struct bytes text,
                         double *counts)
{
    size_t size = 1;

    words->count = words->size = 0;
    for (size_t at = 0; at <= text.size; at += size) {
        bool end = at == text.size || unicode_is_space(unicode_first(rest_of(text, at), &size));

        if (!end) {
            if (!words->count)
                add_character(words, SPACE);
            add_character(words, part_of(text, at, at + size));
        } else if (words->count) {
            add_character(words, SPACE);
            count_word(words, v, counts);
            words->count = words->size = 0;
        }
        if (at == text.size)
            break;
    }
}

static void count_terms(struct words *words, const struct vocabulary *v, struct bytes text,
                        double *counts)
{
    if (v->analyzer == CHARACTERS_WITHIN) {
        count_within(words, v, text, counts);
        return;
    }
    if (v->analyzer == CHARACTERS)
        collect_characters(words, text);
    else
        collect(words, v, text);
    count_words(words, v, counts);
}

static enum status run_counts(const struct op_call *call, struct error *err)
{
    const struct vocabulary *v = call->state;
    const struct bytes *x = call->in[0].data;
    size_t rows = tensor_count(&call->in[0]), longest = 0;
    size_t width = (size_t)call->out[0].shape.dims[1];
    double *y = call->out[0].data;
    struct words words = {0};

    for (size_t i = 0; i < rows; i++)
        longest = x[i].size > longest ? x[i].size : longest;
    TRY(words_room(&words, v, longest, call->memory, err));
    if (rows && width)
        memset(y, 0, rows * width * sizeof *y);
    for (size_t i = 0; i < rows; i++) {
        struct bytes text = x[i];

        if (!text.data)
            return error_set(err, STATUS_INVALID_INPUT, "text is missing, at row %zu", i);
        if (v->lowercase)
            TRY(lower(&words, &text, i, err));
        if (v->accents)
            strip_accents(&words, v, &text);
        count_terms(&words, v, text, y + i * width);
    }
    return STATUS_OK;
}

/* --- WordCount --- */

static enum status infer_words(struct op_call *call, struct error *err)
{
    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    call->out[0].dtype = DTYPE_F64;
    call->out[0].shape = call->in[0].shape;
    return STATUS_OK;
}

static enum status run_words(const struct op_call *call, struct error *err)
{
    const struct bytes *x = call->in[0].data;
    double *y = call->out[0].data;
    size_t size;

    for (size_t i = 0; i < tensor_count(&call->in[0]); i++) {
        bool inside = false;

        if (!x[i].data)
            return error_set(err, STATUS_INVALID_INPUT, "text is missing, at row %zu", i);
        y[i] = 0;
        for (size_t at = 0; at < x[i].size; at += size) {
            bool word = unicode_is_word(unicode_first(rest_of(x[i], at), &size));

            y[i] += word && !inside;
            inside = word;
        }
    }
    return STATUS_OK;
}

const struct op_set ops_firn_tokens =
    OP_SET({.name = "TokenCounts",
            .summary = "how often each term of a vocabulary is in a text",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_counts,
            .prepare = prepare_counts,
            .run = run_counts},
           {.name = "WordCount",
            .summary = "how many words are in a text",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 1,
            .out_max = 1,
            .infer = infer_words,
            .run = run_words});
