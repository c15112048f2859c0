// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "filters/steps.h"

enum { WORDPIECE, WORDS, SPACES };
enum { RIGHT, LEFT };

struct options {
    struct filter_list vocabulary;
    int method, side, cut;
    bool keep_case;
    int accents; /* of ACCENTS */
    int64_t length;
    const char *pad, *unknown, *begin, *end; /* tokens; "" is none; NULL: the method's */
    const char *mask, *types;                /* other inputs of the model */
};

static const char *const METHODS[] = {"wordpiece", "words", "spaces", NULL};
static const char *const SIDES[] = {"right", "left", NULL};
static const char *const ACCENTS[] = {"as-case", "keep", "strip", NULL};

static const struct filter_option OPTIONS[] = {
    {"vocabulary", FILTER_LIST, offsetof(struct options, vocabulary),
     "tokens, the first for 0; or a file of the model with one a line (vocab.txt)", 0, 0, NULL},
    {"method", FILTER_CHOICE, offsetof(struct options, method),
     "wordpiece, as BERT; words: whole words alone; spaces: what stands between white space", 0, 0,
     METHODS},
    {"cased", FILTER_BOOL, offsetof(struct options, keep_case),
     "capital letters stay (false: texts are in small letters)", 0, 0, NULL},
    {"accents", FILTER_CHOICE, offsetof(struct options, accents),
     "keep, strip, as-case: strip unless cased, and of words and pieces alone (as-case)", 0, 0,
     ACCENTS},
    {"length", FILTER_INTEGER, offsetof(struct options, length),
     "tokens of every row (what the field says)", 1, 1 << 20, NULL},
    {"pad", FILTER_TEXT, offsetof(struct options, pad),
     "token that fills up ([PAD] of wordpiece; else number 0)", 0, 0, NULL},
    {"unknown", FILTER_TEXT, offsetof(struct options, unknown),
     "token for what is not there ([UNK] of wordpiece; else it is an error)", 0, 0, NULL},
    {"begin", FILTER_TEXT, offsetof(struct options, begin),
     "token before each text ([CLS] of wordpiece; none where it is \"\")", 0, 0, NULL},
    {"end", FILTER_TEXT, offsetof(struct options, end),
     "token behind it ([SEP] of wordpiece; none where it is \"\")", 0, 0, NULL},
    {"side", FILTER_CHOICE, offsetof(struct options, side), "that is filled up: right or left", 0,
     0, SIDES},
    {"cut", FILTER_CHOICE, offsetof(struct options, cut), "that is cut off: right or left", 0, 0,
     SIDES},
    {"mask", FILTER_TEXT, offsetof(struct options, mask),
     "input of the model that gets 1 for tokens, 0 for padding (attention_mask, where it is)", 0, 0,
     NULL},
    {"types", FILTER_TEXT, offsetof(struct options, types),
     "input of the model that gets zeros (token_type_ids, where it is)", 0, 0, NULL},
    {0},
};

static enum status given(struct filter_step *step, struct filter_type *given, struct error *err)
{
    struct options *o = step->options;

    if (!dtype_is_integer(step->wanted.dtype) && !dtype_is_float(step->wanted.dtype))
        return filter_error(step, err, "it gives numbers, but the field is %s",
                            dtype_name(step->wanted.dtype));
    if (step->wanted.shape.rank == 1) { /* one text */
        if (!o->length)
            o->length = step->wanted.shape.dims[0];
        if (o->length < 1)
            return filter_error(step, err, "the field does not say how long it is; say length");
        *given = (struct filter_type){DTYPE_STRING, shape_scalar(), PROFILE_TEXT};
        return STATUS_OK;
    }
    TRY(steps_length(step, &o->length, err));
    *given = (struct filter_type){DTYPE_STRING, SHAPE(step->wanted.shape.dims[0]), PROFILE_TEXT};
    return STATUS_OK;
}

/* The number of a token; -1 for none. `usual` is that of wordpiece. */
static enum status number_of(const struct filter_step *step, const char *token, const char *usual,
                             int64_t *number, struct error *err)
{
    const struct options *o = step->options;
    char quoted[TEXT_QUOTE_SIZE];

    *number = -1;
    if (!token)
        token = o->method == WORDPIECE ? usual : "";
    if (!*token)
        return STATUS_OK;
    for (size_t i = o->vocabulary.count; i-- > 0;)
        if (bytes_is(o->vocabulary.items[i], token)) {
            *number = (int64_t)i;
            return STATUS_OK;
        }
    return filter_error(step, err, "token \"%s\" is not in the vocabulary",
                        text_quote(bytes_of(token), quoted, sizeof quoted));
}

/* Another input of the model that goes with the numbers. */
static enum status also(struct filter_step *step, const char *name, const char *usual,
                        value_id value, struct error *err)
{
    struct filter_type type;
    const char *wanted = name ? name : usual;

    if (!*wanted || (!name && !filter_has_input(step, usual, &type)))
        return STATUS_OK;
    if (!filter_has_input(step, wanted, &type))
        return filter_error(step, err, "the model has no input \"%.64s\"", wanted);
    TRY(emit_cast(&step->emit, value, type.dtype, &value, err));
    return filter_also(step, wanted, value, err);
}

static enum status tokens_emit(struct filter_step *step, value_id in, value_id outputs[3],
                               struct error *err)
{
    static const char *const UPPER_METHODS[] = {"WORDPIECE", "WORDS", "SPACES"};
    const struct options *o = step->options;
    int64_t pad, unknown, begin, end;
    struct tensor vocabulary;
    bool strip = o->accents == 2 || (o->accents == 0 && !o->keep_case && o->method != SPACES);

    TRY(number_of(step, o->pad, "[PAD]", &pad, err));
    TRY(number_of(step, o->unknown, "[UNK]", &unknown, err));
    TRY(number_of(step, o->begin, "[CLS]", &begin, err));
    TRY(number_of(step, o->end, "[SEP]", &end, err));
    if (o->length < (begin >= 0) + (end >= 0))
        return filter_error(step, err, "length %lld has no room for tokens", (long long)o->length);
    TRY(filter_texts(step, &o->vocabulary, &vocabulary, err));
    {
        const struct attribute attributes[] = {
            attribute_of_tensor("vocabulary", &vocabulary),
            attribute_of_text("method", UPPER_METHODS[o->method]),
            attribute_of_int("lowercase", !o->keep_case),
            attribute_of_int("strip_accents", strip),
            attribute_of_int("length", o->length),
            attribute_of_int("pad", pad < 0 ? 0 : pad),
            attribute_of_int("unknown", unknown),
            attribute_of_int("begin", begin),
            attribute_of_int("end", end),
            attribute_of_int("pad_left", o->side == LEFT),
            attribute_of_int("cut_left", o->cut == LEFT),
        };

        return emit(&step->emit, "firn", "TextTokens", &in, 1, attributes, ARRAY_COUNT(attributes),
                    outputs, 3, err);
    }
}

static enum status build(struct filter_step *step, value_id in, value_id *out, struct error *err)
{
    const struct options *o = step->options;
    value_id outputs[3];

    if (!o->vocabulary.count)
        return filter_error(step, err, "say vocabulary");
    TRY(tokens_emit(step, in, outputs, err));
    TRY(also(step, o->mask, "attention_mask", outputs[1], err));
    TRY(also(step, o->types, "token_type_ids", outputs[2], err));
    return emit_cast(&step->emit, outputs[0], step->wanted.dtype, out, err);
}

const struct filter filter_tokens = {
    .name = "tokens",
    .summary = "texts as numbers of a vocabulary, cut or filled up to one length",
    .sides = FILTER_INPUT,
    .options_size = sizeof(struct options),
    .options = OPTIONS,
    .lone = "vocabulary",
    .given = given,
    .build = build,
};
