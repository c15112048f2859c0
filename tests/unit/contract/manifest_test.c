// SPDX-License-Identifier: Apache-2.0
#include "contract/manifest.h"

#include "base/text.h"
#include "test.h"

static const char EXAMPLE[] = "kind: Model\n"
                              "name: \"example_tokenizer_model\"\n"
                              "model-type: \"python:3.6\"\n"
                              "payload:\n"
                              "  - \"src/\"\n"
                              "  - \"requirements.txt/\"\n"
                              "  - \"nltk_data\"\n"
                              "  \n"
                              "contract:\n"
                              "  tokenize:                 # arbitrary: name of the signature\n"
                              "    inputs:                 \n"
                              "      input_text:           # arbitrary: name of the field\n"
                              "        shape: [-1, 1]\n"
                              "        type: string\n"
                              "        profile: text\n"
                              "    outputs:                \n"
                              "      output_text:          # arbitrary: name of the field\n"
                              "        shape: [-1, 1]\n"
                              "        type: string\n"
                              "        profile: text\n";

static enum status parse(const char *text, struct manifest *manifest, struct arena *keep,
                         struct error *err)
{
    arena_init(keep, 16 << 20);
    return manifest_parse(bytes_of(text), "serving.yaml", manifest, keep, err);
}

TEST(example_of_the_model_page)
{
    struct arena keep;
    struct error err = {0};
    struct manifest manifest;
    const struct field *field;

    CHECK_OK(parse(EXAMPLE, &manifest, &keep, &err), err);
    CHECK_TEXT(manifest.name, "example_tokenizer_model");
    CHECK_TEXT(manifest.model_type, "python:3.6");
    CHECK_INT(manifest.payload_count, 3);
    CHECK_TEXT(manifest.payload[1], "requirements.txt/");
    CHECK_INT(manifest.contract.count, 1);
    CHECK_TEXT(manifest.contract.signatures[0].name, "tokenize");
    field = &manifest.contract.signatures[0].inputs[0];
    CHECK_TEXT(field->name, "input_text");
    CHECK_INT(field->dtype, DTYPE_STRING);
    CHECK_INT(field->shape.rank, 2);
    CHECK_INT(field->shape.dims[0], -1);
    CHECK_INT(field->shape.dims[1], 1);
    CHECK_INT(field->profile, PROFILE_TEXT);
    CHECK_INT(field->evidence_dtype.kind, EVIDENCE_DECLARED);
    CHECK_TEXT(field->evidence_dtype.source, "serving.yaml:14");
    arena_release(&keep);
}

TEST(yaml_out_reads_back)
{
    struct arena keep, again;
    struct error err = {0};
    struct manifest manifest, back;
    struct text text = {0}, twice = {0};

    CHECK_OK(parse(EXAMPLE, &manifest, &keep, &err), err);
    manifest.contract.signatures[0].name = "true";
    manifest.contract.signatures[0].inputs[0].name = "a: \"b\" # c";
    text_append(&text, "kind: Model\n");
    contract_print_yaml(&manifest.contract, &text);
    CHECK_OK(parse(text.data, &back, &again, &err), err);
    CHECK_TEXT(back.contract.signatures[0].name, "true");
    CHECK_TEXT(back.contract.signatures[0].inputs[0].name, "a: \"b\" # c");
    text_append(&twice, "kind: Model\n");
    contract_print_yaml(&back.contract, &twice);
    CHECK_TEXT(twice.data, text.data);
    text_release(&text);
    text_release(&twice);
    arena_release(&keep);
    arena_release(&again);
}

TEST(float_is_32_bits_and_every_type_is_known)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } TYPES[] = {
        {"half", DTYPE_F16},        {"float", DTYPE_F32},     {"double", DTYPE_F64},
        {"bfloat16", DTYPE_BF16},   {"complex64", DTYPE_C64}, {"complex128", DTYPE_C128},
        {"uint8", DTYPE_U8},        {"uint16", DTYPE_U16},    {"uint32", DTYPE_U32},
        {"uint64", DTYPE_U64},      {"int8", DTYPE_I8},       {"int16", DTYPE_I16},
        {"int32", DTYPE_I32},       {"int64", DTYPE_I64},     {"bool", DTYPE_BOOL},
        {"string", DTYPE_STRING},   {"qint8", DTYPE_QI8},     {"quint8", DTYPE_QU8},
        {"qint16", DTYPE_QI16},     {"quint16", DTYPE_QU16},  {"resource", DTYPE_RESOURCE},
        {"variant", DTYPE_VARIANT}, {"float64", DTYPE_F64},
    };

    for (size_t i = 0; i < ARRAY_COUNT(TYPES); i++) {
        struct arena keep;
        struct error err = {0};
        struct manifest manifest;
        char text[200];
        snprintf(text, sizeof text, "kind: Model\ncontract: {s: {inputs: {x: {type: %s}}}}\n",
                 TYPES[i].name);
        CHECK_OK(parse(text, &manifest, &keep, &err), err);
        CHECK_INT(manifest.contract.signatures[0].inputs[0].dtype, TYPES[i].dtype);
        CHECK_INT(manifest.contract.signatures[0].inputs[0].shape.rank, RANK_UNKNOWN);
        arena_release(&keep);
    }
}

TEST(what_is_refused_says_line_and_fix)
{
    static const struct {
        const char *text, *part, *fix;
    } CASES[] = {
        {"", "serving.yaml:1: a manifest begins with", ""},
        {"name: a\n", "serving.yaml:1: no key \"kind\"", "kind: Model"},
        {"kind: Application\n", "serving.yaml:1: kind is Application, not Model", ""},
        {"kind: Model\nnmae: a\n", "serving.yaml:2: unknown key \"nmae\"", "\"name\""},
        {"kind: Model\nruntime: a:b\n", "serving.yaml:2: unknown key \"runtime\"", "model-type"},
        {"kind: Model\nname: [a]\n", "serving.yaml:2: \"name\" must be a text, not a list", ""},
        {"kind: Model\nmodel-type: python\n", "serving.yaml:2: model-type \"python\"",
         "scikit-learn:1.5.2"},
        {"kind: Model\npayload: src\n", "serving.yaml:2: \"payload\" must be a list", ""},
        {"kind: Model\npayload: [../x]\n", "leaves the folder", ""},
        {"kind: Model\npayload: [a/../../x]\n", "leaves the folder", ""},
        {"kind: Model\npayload: [/etc/passwd]\n", "leaves the folder", ""},
        {"kind: Model\ncontract: {s: {input: {}}}\n", "unknown key \"input\" in a signature",
         "\"inputs\""},
        {"kind: Model\ncontract:\n  s:\n    inputs:\n      x:\n        type: flaot\n",
         "serving.yaml:6: unknown type \"flaot\"", "\"float\""},
        {"kind: Model\ncontract: {s: {inputs: {x: {type: qwertyuiop}}}}\n", "unknown type",
         "types are half"},
        {"kind: Model\ncontract: {s: {inputs: {x: {profile: numeric}}}}\n",
         "unknown profile \"numeric\"", "\"numerical\""},
        {"kind: Model\ncontract: {s: {inputs: {x: {shape: 3}}}}\n", "\"shape\" must be a list", ""},
        {"kind: Model\ncontract: {s: {inputs: {x: {shape: [0]}}}}\n", "a dimension is -1", ""},
        {"kind: Model\ncontract: {s: {inputs: {x: {shape: [-2]}}}}\n", "a dimension is -1", ""},
        {"kind: Model\ncontract: {s: {inputs: {x: {shape: [a]}}}}\n", "not a", ""},
        {"kind: Model\ncontract: {s: {inputs: {x: {shape: "
         "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}}}}\n",
         "at most 16 dimensions", ""},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct arena keep;
        struct error err = {0};
        struct manifest manifest;
        CHECK_FAILS(parse(CASES[i].text, &manifest, &keep, &err), err, STATUS_INVALID_INPUT,
                    CASES[i].part);
        if (!strstr(err.fix, CASES[i].fix))
            fail_msg("\"%s\" is not in fix \"%s\"", CASES[i].fix, err.fix);
        arena_release(&keep);
    }
}

/* A contract of one signature with one input and one output. */
static void make(struct contract *contract, struct signature *signature, struct field *fields)
{
    fields[0] = (struct field){.name = "x",
                               .dtype = DTYPE_F64,
                               .shape = SHAPE(-1, 4),
                               .profile = PROFILE_NUMERICAL,
                               .evidence_name = {EVIDENCE_DERIVED, "the only input"},
                               .evidence_dtype = {EVIDENCE_DERIVED, "float64 arithmetic"},
                               .evidence_shape = {EVIDENCE_STORED, "n_features_in_"}};
    fields[1] = (struct field){.name = "predict",
                               .dtype = DTYPE_I64,
                               .shape = SHAPE(-1),
                               .profile = PROFILE_CATEGORICAL,
                               .evidence_name = {EVIDENCE_DERIVED, "the method"},
                               .evidence_dtype = {EVIDENCE_STORED, "classes_"},
                               .evidence_shape = {EVIDENCE_DERIVED, "one a row"}};
    *signature = (struct signature){.name = "predict",
                                    .inputs = &fields[0],
                                    .input_count = 1,
                                    .outputs = &fields[1],
                                    .output_count = 1};
    *contract = (struct contract){signature, 1};
}

static enum status merge(const char *text, struct contract *contract, struct arena *keep,
                         struct error *err)
{
    struct manifest manifest;
    enum status status = parse(text, &manifest, keep, err);

    return status ? status : contract_merge(contract, &manifest.contract, keep, err);
}

TEST(declared_fills_in_what_is_not_stored)
{
    struct arena keep;
    struct error err = {0};
    struct contract contract;
    struct signature signature;
    struct field fields[2];

    make(&contract, &signature, fields);
    CHECK_OK(merge("kind: Model\ncontract:\n  predict:\n    inputs:\n      measures:\n"
                   "        type: float\n        shape: [-1, 4]\n    outputs:\n      species:\n"
                   "        shape: [-1, 1]\n        type: int64\n        profile: text\n",
                   &contract, &keep, &err),
             err);
    CHECK_TEXT(fields[0].name, "measures");
    CHECK_INT(fields[0].dtype, DTYPE_F32);
    CHECK_INT(fields[0].evidence_dtype.kind, EVIDENCE_DECLARED);
    CHECK_INT(fields[0].evidence_shape.kind, EVIDENCE_STORED);
    CHECK_TEXT(fields[1].name, "species");
    CHECK_INT(fields[1].shape.rank, 2);
    CHECK_INT(fields[1].profile, PROFILE_TEXT);
    CHECK_INT(fields[1].evidence_dtype.kind, EVIDENCE_STORED);
    arena_release(&keep);
}

TEST(declared_against_stored_shows_both)
{
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"predict: {inputs: {x: {shape: [-1, 5]}}}",
         "shape of input \"x\" of \"predict\" is declared as [?,5] (serving.yaml:3), but is [?,4] "
         "(stored: n_features_in_)"},
        {"predict: {inputs: {x: {shape: [-1, -1]}}}", "is declared as [?,?]"},
        {"predict: {inputs: {x: {shape: [-1]}}}", "is declared as [?]"},
        {"predict: {outputs: {predict: {type: string}}}",
         "is declared as string (serving.yaml:3), but is int64 (stored: classes_)"},
        {"predict: {inputs: {x: {type: string}}}", "is declared as string"},
        {"predict: {inputs: {x: {}, y: {}}}", "input \"y\" of \"predict\" is declared"},
        {"score: {inputs: {x: {}}}", "no signature \"score\"; there is predict"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct arena keep;
        struct error err = {0};
        struct contract contract;
        struct signature signature;
        struct field fields[2];
        char text[300];
        make(&contract, &signature, fields);
        snprintf(text, sizeof text, "kind: Model\ncontract:\n  %s\n", CASES[i].text);
        CHECK_FAILS(merge(text, &contract, &keep, &err), err, STATUS_CONFLICT, CASES[i].part);
        arena_release(&keep);
    }
}

TEST(an_empty_contract_takes_all_that_is_declared)
{
    struct arena keep;
    struct error err = {0};
    struct contract contract = {0};

    CHECK_OK(merge(EXAMPLE, &contract, &keep, &err), err);
    CHECK_INT(contract.count, 1);
    CHECK_TEXT(contract.signatures[0].outputs[0].name, "output_text");
    CHECK_INT(contract.signatures[0].inputs[0].evidence_shape.kind, EVIDENCE_DECLARED);
    arena_release(&keep);
}
