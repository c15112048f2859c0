// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "contract/contract.h"
#include "test.h"

static const char *BATCH[] = {"batch", NULL};
static struct bytes LABELS[] = {{(const uint8_t *)"no \"w\"", 6}, {(const uint8_t *)"yes", 3}};
static const struct tensor CLASSES = {DTYPE_STRING, {1, {2}}, LABELS};
static int64_t NUMBERS[] = {1, INT64_MAX};
static const struct tensor INTEGERS = {DTYPE_I64, {1, {2}}, NUMBERS};
static double DEFAULT[] = {0.1};
static const struct tensor FALLBACK = {DTYPE_F64, {2, {1, 1}}, DEFAULT};

static struct field INPUTS[] = {
    {.name = "age",
     .dtype = DTYPE_F64,
     .shape = {2, {-5, 3}},
     .dim_names = BATCH,
     .profile = PROFILE_NUMERICAL,
     .evidence_name = {EVIDENCE_STORED, "feature_names_in_"},
     .evidence_dtype = {EVIDENCE_DERIVED, "float64 arithmetic"}},
    {.name = "job",
     .dtype = DTYPE_NONE,
     .shape = {RANK_UNKNOWN},
     .optional = true,
     .classes = &INTEGERS,
     .evidence_name = {EVIDENCE_DECLARED, "serving.yaml:3"}},
    {.name = "rate",
     .dtype = DTYPE_F64,
     .fed = DTYPE_STRING,
     .shape = {2, {-1, 1}},
     .optional = true,
     .fallback = &FALLBACK},
};
static struct field OUTPUTS[] = {
    {.name = "predict", .dtype = DTYPE_STRING, .shape = {1, {-1}}, .classes = &CLASSES},
};
static struct signature SIGNATURES[] = {
    {.name = "predict",
     .inputs = INPUTS,
     .input_count = 3,
     .outputs = OUTPUTS,
     .output_count = 1,
     .columns = true},
    {.name = "transform",
     .method = "tensorflow/serving/classify",
     .reason = "step \"x\" is unknown"},
};
static const struct contract CONTRACT = {SIGNATURES, 2};

TEST(json_is_what_the_interface_says)
{
    struct text text = {0};

    contract_print_json(&CONTRACT, &text);
    CHECK(strstr(text.data,
                 "[{\"name\":\"predict\",\"inputs\":[{\"name\":\"age\",\"dtype\":\"double\","
                 "\"shape\":[-1,3],\"profile\":\"numerical\",\"dim_names\":[\"batch\",null],"
                 "\"evidence\":{\"name\":\"stored: feature_names_in_\",\"dtype\":\"derived: "
                 "float64 arithmetic\",\"shape\":\"unknown\",\"profile\":\"unknown\"}}"));
    CHECK(strstr(text.data, "\"dtype\":null,\"shape\":null"));
    CHECK(strstr(text.data, "\"classes\":[\"no \\\"w\\\"\",\"yes\"]"));
    text_release(&text);
}

TEST(json_reads_back)
{
    struct text text = {0}, again = {0};
    struct contract back;
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 1 << 20);
    contract_print_json(&CONTRACT, &text);
    CHECK_OK(contract_parse_json(text_bytes(&text), &back, &keep, &err), err);
    contract_print_json(&back, &again);
    CHECK_TEXT(again.data, text.data);
    CHECK_INT(back.signatures[0].inputs[1].classes->dtype, DTYPE_I64);
    CHECK_INT(back.signatures[0].inputs[2].fallback->shape.rank, 2);
    CHECK(back.signatures[0].columns);
    CHECK(!back.signatures[0].method);
    CHECK_INT(back.signatures[0].inputs[2].fed, DTYPE_STRING);
    CHECK_INT(back.signatures[0].inputs[0].fed, DTYPE_NONE);
    CHECK_TEXT(back.signatures[1].method, "tensorflow/serving/classify");
    for (size_t cut = 0; cut + 1 < text.size; cut += 7)
        CHECK(contract_parse_json((struct bytes){(const uint8_t *)text.data, cut}, &back, &keep,
                                  &err) == STATUS_INVALID_INPUT);
    text_release(&text);
    text_release(&again);
    arena_release(&keep);
}

TEST(the_table_says_evidence_once_where_it_agrees)
{
    struct text text = {0};

    contract_print_table(&CONTRACT, &text);
    CHECK(strstr(text.data, "  in   age      double[batch,3]  numerical    "));
    CHECK(strstr(text.data, "name stored: feature_names_in_; type derived: float64 arithmetic; "
                            "shape unknown\n"));
    CHECK(strstr(text.data, "2 classes: no \"w\", yes\n"));
    CHECK(strstr(text.data, "not servable: step \"x\" is unknown\n"));
    text_release(&text);
}
