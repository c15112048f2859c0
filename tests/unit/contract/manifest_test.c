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

static enum status all(const char *text, struct manifests *manifests, struct arena *keep,
                       struct error *err)
{
    arena_init(keep, 16 << 20);
    return manifests_parse(bytes_of(text), "serving.yaml", manifests, keep, err);
}

/* `float` was 32 bits in the first generation, and Python's 64 in the later ones. */
TEST(float_by_generation)
{
    static const struct {
        const char *text;
        enum dtype dtype;
        size_t notes;
    } CASES[] = {
        {"kind: Model\ncontract: {s: {inputs: {x: {type: float}}}}\n", DTYPE_F32, 0},
        {"kind: Model\nmodel-type: a:1\ncontract: {inputs: {x: {type: float}}}\n", DTYPE_F32, 0},
        {"kind: Model\nruntime: a:1\ncontract: {inputs: {x: {type: float}}}\n", DTYPE_F64, 2},
        {"kind: Model\ncontract: {name: s, inputs: {x: {type: float}}}\n", DTYPE_F64, 1},
        {"kind: Model\nruntime: a:1\ncontract: {inputs: {x: {type: float32}}}\n", DTYPE_F32, 1},
        {"kind: Model\ncontract: {s: {inputs: {x: {type: DT_INT8, profile: ordinal}}}}\n", DTYPE_I8,
         2},
        {"kind: Model\ncontract: {s: {inputs: {x: {type: int8, profile: NUMERICAL}}}}\n", DTYPE_I8,
         1},
        {"kind: Model\ncontract: {s: {inputs: {x: {type: int8}}}}\nmonitoring: [{name: a, kind: "
         "GANMetricSpec, with-health: true, config: {input: x, application: b}}]\n",
         DTYPE_I8, 1},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct manifests manifests;
        struct arena keep;
        struct error err = {0};

        CHECK_OK(all(CASES[i].text, &manifests, &keep, &err), err);
        CHECK_INT(manifests.error_count, 0);
        CHECK_INT(manifests.remark_count, CASES[i].notes);
        CHECK_INT(manifests.documents[0].model->contract.signatures[0].inputs[0].dtype,
                  CASES[i].dtype);
        arena_release(&keep);
    }
}

TEST(a_model_of_the_later_generations)
{
    static const char TEXT[] =
        "kind: Model\n"
        "name: adult\n"
        "runtime: host:5000/hydrosphere/serving-runtime-python-3.7:3.0.0\n"
        "install-command: pip install -r requirements.txt\n"
        "training-data: s3://bucket/adult.csv\n"
        "payload: [src/, requirements.txt]\n"
        "contract:\n"
        "  name: predict\n"
        "  inputs: {age: {shape: scalar, type: int64, profile: numerical}}\n"
        "  outputs: {classes: {shape: scalar, type: int64}}\n"
        "metadata: {experiment: demo, run: 7, good: true}\n"
        "monitoring:\n"
        "  - name: outliers\n"
        "    config: {monitoring-model: 'outliers:2', threshold: 0.97, operator: LessEq}\n"
        "monitoring-configuration: {batch-size: 50}\n";
    struct manifests manifests;
    const struct manifest *model;
    struct arena keep;
    struct error err = {0};

    CHECK_OK(all(TEXT, &manifests, &keep, &err), err);
    CHECK_INT(manifests.error_count, 0);
    model = manifests.documents[0].model;
    CHECK_TEXT(model->install_command, "pip install -r requirements.txt");
    CHECK_TEXT(model->training_data, "s3://bucket/adult.csv");
    CHECK_INT(model->contract.count, 1);
    CHECK_TEXT(model->contract.signatures[0].name, "predict");
    CHECK_INT(model->contract.signatures[0].inputs[0].shape.rank, 0);
    CHECK_INT(model->metadata_count, 3);
    CHECK_TEXT(model->metadata[1].value, "7");
    CHECK_TEXT(model->metadata[2].value, "true");
    CHECK_TEXT(model->monitors[0].comparison, "<=");
    CHECK_TEXT(model->monitors[0].model, "outliers:2");
    CHECK_INT(model->monitoring_batch, 50);
    arena_release(&keep);
}

TEST(applications_of_all_generations)
{
    static const char TEXT[] =
        "kind: Application\n"
        "name: one\n"
        "singular: {model: 'adult:1', runtime: 'python:3.6'}\n"
        "---\n"
        "kind: Application\n"
        "name: first\n"
        "pipeline:\n"
        "  - {signature: tokenize, model: 'words:1', runtime: 'python:3.6'}\n"
        "  - signature: predict\n"
        "    modelservices:\n"
        "      - {model: 'net:1', runtime: 'tf:1.7', weight: 80}\n"
        "      - {model: 'net:2', runtime: 'tf:1.7', weight: 20}\n"
        "---\n"
        "kind: Application\n"
        "name: later\n"
        "pipeline:\n"
        "  - - model: words:1\n"
        "  - - {model: net:1, weight: 70}\n"
        "    - {model: net@prod, weight: 30}\n"
        "    - {model: net:3, shadow: true}\n";
    struct manifests manifests;
    const struct manifest_application *later;
    struct arena keep;
    struct error err = {0};

    CHECK_OK(all(TEXT, &manifests, &keep, &err), err);
    CHECK_INT(manifests.error_count, 0);
    CHECK_INT(manifests.count, 3);
    CHECK_TEXT(manifests.documents[0].application->stages[0].variants[0].model, "adult:1");
    CHECK_INT(manifests.documents[0].application->stages[0].variants[0].weight, 100);
    CHECK_TEXT(manifests.documents[1].application->stages[0].signature, "tokenize");
    CHECK_INT(manifests.documents[1].application->stages[1].variants[1].weight, 20);
    CHECK_INT(manifests.documents[2].line, 14);
    later = manifests.documents[2].application;
    CHECK_INT(later->stage_count, 2);
    CHECK_INT(later->stages[0].variants[0].weight, 100);
    CHECK_INT(later->stages[1].variant_count, 3);
    CHECK_TEXT(later->stages[1].variants[1].model, "net@prod");
    CHECK(later->stages[1].variants[2].shadow);
    CHECK_INT(later->stages[1].variants[2].weight, 0);
    arena_release(&keep);
}

TEST(all_faults_are_said_by_line)
{
    static const char TEXT[] = "kind: Model\n"
                               "nmae: a\n"
                               "contract:\n"
                               "  s: {inputs: {x: {type: flaot}}}\n"
                               "---\n"
                               "kind: Application\n"
                               "name: a b\n"
                               "pipeline:\n"
                               "  - - {model: a:1, weight: 60}\n"
                               "    - {model: b:x, weight: 60}\n"
                               "    - {weight: 3}\n"
                               "  - {signature: s}\n"
                               "---\n"
                               "kind: Application\n"
                               "name: none\n";
    static const struct {
        size_t line;
        const char *part;
    } FAULTS[] = {
        {2, "unknown key \"nmae\""},       {4, "unknown type \"flaot\""},
        {7, "cannot name an application"}, {9, "sum to 123"},
        {10, "\"b:x\" names no model"},    {11, "needs the key \"model\""},
        {12, "either a model or"},         {14, "either singular or a pipeline"},
    };
    struct manifests manifests;
    struct arena keep;
    struct error err = {0};

    CHECK_OK(all(TEXT, &manifests, &keep, &err), err);
    CHECK_INT(manifests.error_count, ARRAY_COUNT(FAULTS));
    for (size_t i = 0; i < ARRAY_COUNT(FAULTS); i++) {
        CHECK_INT(manifests.remarks[i].line, FAULTS[i].line);
        if (!strstr(manifests.remarks[i].text, FAULTS[i].part))
            fail_msg("\"%s\" is not in \"%s\"", FAULTS[i].part, manifests.remarks[i].text);
    }
    arena_release(&keep);
}

TEST(what_is_refused_says_line_and_fix)
{
    static const struct {
        const char *text, *part, *fix;
    } CASES[] = {
        {"", "serving.yaml:1: a manifest begins with", ""},
        {"name: a\n", "serving.yaml:1: no key \"kind\"", "kind: Model"},
        {"kind: Modle\n", "serving.yaml:1: unknown kind \"Modle\"", "\"Model\""},
        {"kind: Runtime\nname: a\nversion: 1\nmodel-type: b\n", "describes no model", ""},
        {"kind: Model\n---\nkind: Model\n", "serving.yaml:3: a second model begins", "firn apply"},
        {"local_deploy: {name: a}\n", "local_deploy without a model", "kind: Model"},
        {"model: {name: a, contract: ../c.pb}\n", "\"../c.pb\" leaves the folder", ""},
        {"kind: Model\nnmae: a\n", "serving.yaml:2: unknown key \"nmae\"", "\"name\""},
        {"kind: Model\nruntime: ''\n", "serving.yaml:2: \"runtime\" is empty", "image:tag"},
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
        {"kind: Application\nname: a\npipeline:\n", "either singular or a pipeline", ""},
        {"kind: Application\nname: a\nsingular:\n", "either singular or a pipeline", ""},
        {"kind: Application\nname: a\npipeline: []\n", "a pipeline needs a stage", ""},
        {"kind: Application\nname: a\npipeline: [[]]\n", "a stage needs a model", ""},
        {"kind: Application\nname: a\npipeline: [{modelservices: []}]\n", "a stage needs a model",
         ""},
        {"kind: Application\nname: a\npipeline: [{modelservices: }]\n",
         "either a model or modelservices", ""},
        {"kind: Application\nname: a\nsingular: {runtime: b, model: }\n",
         "either a model or modelservices", ""},
        {"kind: Model\nmonitoring: [{name: a, kind: KSMetricSpc}]\n",
         "unknown kind of a monitor: KSMetricSpc", "\"KSMetricSpec\""},
        {"kind: Model\nmonitoring: [{name: a, kind: KSMetricSpec, health: true}]\n",
         "unknown key \"health\"", ""},
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
