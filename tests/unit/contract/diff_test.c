// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "contract/contract.h"
#include "test.h"

struct world {
    struct contract contract;
    struct signature signature;
    struct field inputs[3], outputs[2];
    struct tensor classes;
    int64_t labels[3];
};

static void make(struct world *w)
{
    *w = (struct world){.labels = {0, 1, 2}};
    w->inputs[0] = (struct field){.name = "a", .dtype = DTYPE_F32, .shape = {1, {-1}}};
    w->inputs[1] = (struct field){.name = "b", .dtype = DTYPE_I32, .shape = {1, {-1}}};
    w->classes = (struct tensor){DTYPE_I64, {1, {3}}, w->labels};
    w->outputs[0] = (struct field){
        .name = "predict", .dtype = DTYPE_I64, .shape = {1, {-1}}, .classes = &w->classes};
    w->signature = (struct signature){.name = "predict",
                                      .inputs = w->inputs,
                                      .input_count = 2,
                                      .outputs = w->outputs,
                                      .output_count = 1,
                                      .columns = true};
    w->contract = (struct contract){&w->signature, 1};
}

enum change {
    NOTHING,
    INPUT_GONE,
    INPUT_NEW,
    INPUT_NEW_OPTIONAL,
    INPUT_WIDER_TYPE,
    INPUT_NARROWER_TYPE,
    INPUT_FIXED,
    INPUT_N1,
    ORDER,
    NOT_COLUMNS,
    OUTPUT_TYPE,
    OUTPUT_NEW,
    OUTPUT_FIXED,
    LABELS,
    NAME,
    PROFILE,
    NO_LONGER_NATIVE,
};

static void change(struct world *w, enum change change)
{
    struct field spare = w->inputs[0];

    switch (change) {
    case NOTHING:
        break;
    case INPUT_GONE:
        w->signature.input_count = 1;
        break;
    case INPUT_NEW_OPTIONAL:
    case INPUT_NEW:
        w->inputs[2] = w->inputs[1];
        w->inputs[2].name = "c";
        w->inputs[2].optional = change == INPUT_NEW_OPTIONAL;
        w->signature.input_count = 3;
        break;
    case INPUT_WIDER_TYPE:
        w->inputs[1].dtype = DTYPE_F64;
        break;
    case INPUT_NARROWER_TYPE:
        w->inputs[1].dtype = DTYPE_F32;
        break;
    case INPUT_FIXED:
        w->inputs[1].shape = SHAPE(7);
        break;
    case INPUT_N1:
        w->inputs[1].shape = SHAPE(-1, 1);
        break;
    case ORDER:
        w->inputs[0] = w->inputs[1];
        w->inputs[1] = spare;
        break;
    case NOT_COLUMNS:
        w->signature.columns = false;
        break;
    case OUTPUT_TYPE:
        w->outputs[0].dtype = DTYPE_F64;
        break;
    case OUTPUT_NEW:
        w->outputs[1] = w->outputs[0];
        w->outputs[1].name = "score";
        w->signature.output_count = 2;
        break;
    case OUTPUT_FIXED:
        w->outputs[0].shape = SHAPE(1);
        break;
    case LABELS:
        w->labels[2] = 3;
        break;
    case NAME:
        w->signature.name = "score";
        break;
    case PROFILE:
        w->inputs[0].profile = PROFILE_TEXT;
        break;
    case NO_LONGER_NATIVE:
        w->signature.reason = "operator \"Foo\" is unknown";
        break;
    }
}

TEST(each_change_is_graded)
{
    static const struct {
        enum change change;
        int grade;
        const char *part;
    } CASES[] = {
        {NOTHING, DIFF_SAME, ""},
        {INPUT_GONE, DIFF_BREAKING, "input \"b\" is gone"},
        {INPUT_NEW, DIFF_BREAKING, "input \"c\" is new: requests without it"},
        {INPUT_NEW_OPTIONAL, DIFF_COMPATIBLE, "input \"c\" is new: it may be left out"},
        {INPUT_WIDER_TYPE, DIFF_COMPATIBLE, "input \"b\" is double, was int32"},
        {INPUT_NARROWER_TYPE, DIFF_BREAKING, "input \"b\" is float, was int32"},
        {INPUT_FIXED, DIFF_BREAKING, "input \"b\" has shape [7], was [?]"},
        {INPUT_N1, DIFF_SAME, ""},
        {ORDER, DIFF_BREAKING, "columns in another order"},
        {NOT_COLUMNS, DIFF_BREAKING, "no table of columns"},
        {OUTPUT_TYPE, DIFF_BREAKING, "output \"predict\" is double, was int64"},
        {OUTPUT_NEW, DIFF_COMPATIBLE, "output \"score\" is new"},
        {OUTPUT_FIXED, DIFF_COMPATIBLE, "output \"predict\" has shape [1], was [?]"},
        {LABELS, DIFF_BREAKING, "other classes"},
        {NAME, DIFF_BREAKING, "predict is gone"},
        {PROFILE, DIFF_COMPATIBLE, "only monitoring sees it"},
        {NO_LONGER_NATIVE, DIFF_BREAKING, "operator \"Foo\" is unknown"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct world old, new;
        struct text text = {0};
        int grade;
        make(&old);
        make(&new);
        change(&new, CASES[i].change);
        text_append(&text, "");
        grade = contract_diff(&old.contract, &new.contract, &text);
        if (grade != CASES[i].grade || !strstr(text.data, CASES[i].part))
            fail_msg("case %zu: grade %d, %s", i, grade, text.data);
        text_release(&text);
    }
}
