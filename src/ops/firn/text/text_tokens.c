// SPDX-License-Identifier: Apache-2.0
/* TextTokens: texts as numbers of a vocabulary, as tokenizers of BERT make them
 * (google-research/bert, tokenization.py): cleaned, split at white space, punctuation and around
 * CJK characters, and words into the longest pieces that the vocabulary holds.
 *
 * texts (...) string -> ids (..., length) int64, mask (..., length) of 1 where a token is, types
 * (..., length) of 0. Attributes:
 *   vocabulary  tensor (k,): tokens; of equal ones the last counts
 *   method      WORDPIECE; WORDS: whole words alone; SPACES: what stands between white space, as it
 *               is but for its case
 *   lowercase, strip_accents  1 or 0
 *   length, pad, unknown, begin, end  a number of tokens, and numbers of tokens; -1: none
 *   pad_left, cut_left  1: on that side */
#include "base/map.h"
#include "base/text.h"
#include "base/unicode.h"
#include "ops/kernels/call.h"

enum { WORDPIECE, WORDS, SPACES };
enum { WORD_CHARACTERS_MAX = 100, TEXT_BYTES_MAX = 4 << 20, LENGTH_MAX = 1 << 20 };
enum { TOKEN_BYTES_MAX = 4 * (WORD_CHARACTERS_MAX + 2) }; /* a piece with its ## */

struct tokens {
    struct map map; /* to the place + 1 */
    int method;
    bool lowercase, strip_accents, pad_left, cut_left;
    int64_t length, pad, unknown, begin, end;
    size_t longest; /* bytes of a token */
};

/* --- infer and prepare --- */

static bool method_read(const struct op_call *call, int *method)
{
    static const char *const METHODS[] = {"WORDPIECE", "WORDS", "SPACES"};

    for (int i = 0; i < 3; i++)
        if (attribute_is(call->attributes, "method", METHODS[i])) {
            *method = i;
            return true;
        }
    return false;
}

static enum status infer(struct op_call *call, struct error *err)
{
    static const char *const NUMBERS[] = {"pad", "unknown", "begin", "end"};
    const struct tensor *vocabulary = attribute_tensor(call->attributes, "vocabulary");
    int64_t length = attribute_int(call->attributes, "length", 0);
    struct shape out = call->in[0].shape;
    int method;

    TRY(op_wants(call, 0, DTYPE_BIT(DTYPE_STRING), err));
    if (!vocabulary || vocabulary->dtype != DTYPE_STRING || vocabulary->shape.rank != 1 ||
        !vocabulary->shape.dims[0])
        return op_error(call, err, STATUS_INVALID_INPUT, "vocabulary is no list of texts");
    if (!method_read(call, &method))
        return op_error(call, err, STATUS_INVALID_INPUT, "method is not known");
    if (length < 1 || length > LENGTH_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "a length of %lld", (long long)length);
    for (size_t i = 0; i < ARRAY_COUNT(NUMBERS); i++)
        if (attribute_int(call->attributes, NUMBERS[i], -1) >= vocabulary->shape.dims[0])
            return op_error(call, err, STATUS_INVALID_INPUT, "%s is no token", NUMBERS[i]);
    if (out.rank == RANK_MAX)
        return op_error(call, err, STATUS_INVALID_INPUT, "texts in %d dimensions", out.rank);
    if (out.rank >= 0)
        out.dims[out.rank++] = length;
    for (size_t i = 0; i < 3; i++)
        op_give(call, i, DTYPE_I64, &out);
    return STATUS_OK;
}

static enum status prepare(struct op_call *call, struct arena *keep, struct error *err)
{
    const struct attributes *a = call->attributes;
    const struct tensor *vocabulary = attribute_tensor(a, "vocabulary");
    struct tokens *t = arena_new(keep, struct tokens, 1);

    call->state = t;
    if (!t)
        return error_no_memory(err, "a vocabulary");
    *t = (struct tokens){.lowercase = attribute_int(a, "lowercase", 0),
                         .strip_accents = attribute_int(a, "strip_accents", 0),
                         .pad_left = attribute_int(a, "pad_left", 0),
                         .cut_left = attribute_int(a, "cut_left", 0),
                         .length = attribute_int(a, "length", 0),
                         .pad = attribute_int(a, "pad", 0),
                         .unknown = attribute_int(a, "unknown", -1),
                         .begin = attribute_int(a, "begin", -1),
                         .end = attribute_int(a, "end", -1)};
    (void)method_read(call, &t->method);
    map_init(&t->map, keep);
    for (size_t i = 0; i < tensor_count(vocabulary); i++) {
        struct bytes token = ((const struct bytes *)vocabulary->data)[i];

        t->longest = token.size > t->longest ? token.size : t->longest;
        if (!map_set(&t->map, token, (void *)(uintptr_t)(i + 1)))
            return error_no_memory(err, "a vocabulary");
    }
    return STATUS_OK;
}

/* --- cleaning --- */

static bool is_cjk(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static bool is_space(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || unicode_is_space(c);
}

/* ASCII that is neither letter, digit nor space counts, too. */
static bool is_punctuation(uint32_t c)
{
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126) || unicode_is_punctuation(c);
}

/* Without what has no meaning; letter by letter, so that a sigma is a sigma everywhere. */
static size_t lower(uint32_t code, uint8_t *to)
{
    if (code == 0x3A3)
        return unicode_write(0x3C3, to);
    if (code == 0x130) /* an i with a dot above it */
        return unicode_write('i', to) + unicode_write(0x307, to + 1);
    return unicode_write(unicode_lower(code), to);
}

/* `to` has room for 4 bytes of each one. */
static size_t clean(const struct tokens *t, struct bytes text, uint8_t *to)
{
    size_t used = 0, size;

    for (size_t at = 0; at < text.size; at += size) {
        uint32_t code = unicode_first((struct bytes){text.data + at, text.size - at}, &size);
        uint32_t parts[3] = {code};
        size_t count = 1;
        bool alone = t->method != SPACES && is_cjk(code);

        if (t->method != SPACES && code != '\t' && code != '\n' && code != '\r' &&
            (code == 0 || code == 0xFFFD || code >= 0x110000 || unicode_is_hidden(code)))
            continue;
        if (t->strip_accents)
            count = unicode_base(code, parts);
        if (alone)
            to[used++] = ' ';
        for (size_t i = 0; i < count; i++)
            used += t->lowercase ? lower(parts[i], to + used) : unicode_write(parts[i], to + used);
        if (alone)
            to[used++] = ' ';
    }
    return used;
}

/* --- pieces --- */

struct row { /* tokens of the text at hand */
    int64_t *ids;
    size_t count, most; /* most: after as many the rest is cut off anyway; SIZE_MAX: never */
};

static int64_t find(const struct tokens *t, struct bytes token)
{
    return (int64_t)(uintptr_t)map_find(&t->map, token) - 1;
}

static enum status unknown(const struct tokens *t, struct bytes word, struct row *row,
                           struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    if (t->unknown < 0)
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is not in the vocabulary",
                         text_quote(word, quoted, sizeof quoted));
    row->ids[row->count++] = t->unknown;
    return STATUS_OK;
}

/* The longest token that the rest of a word begins with; 0 bytes: none. */
static size_t longest(const struct tokens *t, struct bytes rest, bool first, int64_t *id)
{
    uint8_t piece[TOKEN_BYTES_MAX] = "##";
    size_t mark = first ? 0 : 2;
    size_t most = t->longest > mark ? t->longest - mark : 0;

    most = most < rest.size ? most : rest.size;
    most = most < sizeof piece - mark ? most : sizeof piece - mark;
    memcpy(piece + mark, rest.data, most);
    for (size_t size = most; size; size--) {
        if (size < rest.size && (rest.data[size] & 0xC0) == 0x80)
            continue; /* inside of a character */
        *id = find(t, (struct bytes){piece, mark + size});
        if (*id >= 0)
            return size;
    }
    return 0;
}

static enum status word_take(const struct tokens *t, struct bytes word, size_t characters,
                             struct row *row, struct error *err)
{
    size_t begin = row->count, size;
    int64_t id = find(t, word);

    if (id >= 0) {
        row->ids[row->count++] = id;
        return STATUS_OK;
    }
    if (t->method != WORDPIECE || characters > WORD_CHARACTERS_MAX)
        return unknown(t, word, row, err);
    for (size_t at = 0; at < word.size; at += size) {
        size = longest(t, (struct bytes){word.data + at, word.size - at}, at == 0, &id);
        if (!size) {
            row->count = begin;
            return unknown(t, word, row, err);
        }
        row->ids[row->count++] = id;
    }
    return STATUS_OK;
}

static enum status words_take(const struct tokens *t, struct bytes text, struct row *row,
                              struct error *err)
{
    size_t begin = 0, characters = 0, size = 1;

    for (size_t at = 0; at <= text.size && row->count < row->most; at += size) {
        bool over = at == text.size;
        uint32_t code =
            over ? ' ' : unicode_first((struct bytes){text.data + at, text.size - at}, &size);
        bool alone = t->method != SPACES && is_punctuation(code);

        if (!alone && !is_space(code)) {
            characters++;
            continue;
        }
        if (characters)
            TRY(word_take(t, (struct bytes){text.data + begin, at - begin}, characters, row, err));
        if (alone)
            TRY(word_take(t, (struct bytes){text.data + at, size}, 1, row, err));
        characters = 0;
        if (over)
            break;
        begin = at + size;
    }
    return STATUS_OK;
}

/* --- rows --- */

/* Begin, as many as fit, end; the rest is padding. */
static void row_write(const struct tokens *t, const struct row *row, int64_t *ids, int64_t *mask,
                      int64_t *types)
{
    size_t length = (size_t)t->length, begin = t->begin >= 0, end = t->end >= 0, at = 0;
    size_t room = length > begin + end ? length - begin - end : 0;
    size_t kept = row->count < room ? row->count : room;
    size_t total = begin + kept + end > length ? length : begin + kept + end;
    const int64_t *from = row->ids + (t->cut_left ? row->count - kept : 0);

    for (size_t i = 0; i < length; i++) {
        ids[i] = t->pad;
        types[i] = 0;
        mask[i] = t->pad_left ? i >= length - total : i < total;
    }
    ids += t->pad_left ? length - total : 0;
    if (begin)
        ids[at++] = t->begin;
    if (kept)
        memcpy(ids + at, from, kept * sizeof *ids);
    at += kept;
    if (end && at < total)
        ids[at] = t->end;
}

static enum status run(const struct op_call *call, struct error *err)
{
    const struct tokens *t = call->state;
    const struct bytes *texts = call->in[0].data;
    size_t count = tensor_count(&call->in[0]), longest_text = 0, length = (size_t)t->length;
    struct row row;
    uint8_t *buffer;

    for (size_t i = 0; i < count; i++)
        longest_text = texts[i].size > longest_text ? texts[i].size : longest_text;
    if (longest_text > TEXT_BYTES_MAX)
        return error_set(err, STATUS_TOO_LARGE, "a text of %zu bytes, more than %d", longest_text,
                         TEXT_BYTES_MAX);
    buffer = arena_alloc(call->memory, 4 * longest_text + 4, 1);
    row.ids = arena_new(call->memory, int64_t, 4 * longest_text + 1);
    row.most = t->cut_left ? SIZE_MAX : length;
    if (!buffer || !row.ids)
        return error_no_memory(err, "tokens");
    for (size_t i = 0; i < count; i++) {
        struct bytes text = {buffer, 0};

        if (!texts[i].data)
            return error_set(err, STATUS_INVALID_INPUT, "text is missing, at row %zu", i);
        row.count = 0;
        text.size = clean(t, texts[i], buffer);
        if (words_take(t, text, &row, err))
            return error_within(err, "text %zu", i);
        row_write(t, &row, (int64_t *)call->out[0].data + i * length,
                  (int64_t *)call->out[1].data + i * length,
                  (int64_t *)call->out[2].data + i * length);
    }
    return STATUS_OK;
}

const struct op_set ops_firn_text_tokens =
    OP_SET({.name = "TextTokens",
            .summary = "texts as numbers of a vocabulary's words or pieces",
            .flags = OP_ROWS,
            .in_min = 1,
            .in_max = 1,
            .out_min = 3,
            .out_max = 3,
            .infer = infer,
            .prepare = prepare,
            .run = run});
