// SPDX-License-Identifier: Apache-2.0
/* The scikit-learn importer on pickles that are written here, opcode by opcode; numbers are checked
 * against scikit-learn itself by tests/oracles. */
#include "engine/native.h"
#include "loading/load.h"
#include "test.h"

/* Protocol 2 text: objects by class and state. */
#define OBJECT(class, state) "c" class "\n)\x81}(" state "ub"
#define TEXT(text) "V" text "\n"
#define NUMBER(number) "F" number "\n"
#define INTEGER(number) "I" number "\n"
#define LIST(items) "(" items "l"
#define TUPLE(items) "(" items "t"
#define PICKLE(object) "\x80\x02" object "."
#define NONE "N"

#define SCALER                                                                                     \
    OBJECT("sklearn.preprocessing._data\nStandardScaler",                                          \
           TEXT("mean_") LIST(NUMBER("1") NUMBER("2")) TEXT("scale_")                              \
               LIST(NUMBER("2") NUMBER("4")) TEXT("n_features_in_") INTEGER("2"))
#define LINEAR(coef)                                                                               \
    OBJECT("sklearn.linear_model._base\nLinearRegression",                                         \
           TEXT("coef_") LIST(coef) TEXT("intercept_") NUMBER("0.5"))
#define PIPELINE(steps) OBJECT("sklearn.pipeline\nPipeline", TEXT("steps") LIST(steps))
#define STEP(name, estimator) TUPLE(TEXT(name) estimator)

struct opened {
    struct loading loading;
    struct servable *servable;
};

static enum status open_bytes(const char *pickle, size_t size, struct opened *opened,
                              struct error *err)
{
    struct artifact *artifact;
    struct bytes none = {NULL, 0};

    *opened = (struct opened){0};
    TRY(artifact_open_bytes((struct bytes){(const uint8_t *)pickle, size}, "model.pkl", NULL,
                            &artifact, err));
    TRY(load_artifact(artifact, none, NULL, &opened->loading, err));
    return opened->loading.description.reason
               ? STATUS_OK
               : load_servable(&opened->loading, NULL, &opened->servable, err);
}

static void close_opened(struct opened *opened)
{
    if (opened->servable)
        servable_free(opened->servable);
    load_close(&opened->loading);
}

#define OPEN(pickle, opened) CHECK_OK(open_bytes(pickle, sizeof pickle - 1, opened, &err), err)

/* The first output of a signature for one row of numbers. */
static double predict(struct opened *opened, const char *signature, double *row, int64_t width,
                      enum status want, struct error *err)
{
    struct session *session = servable_session(opened->servable);
    struct tensor input = {DTYPE_F64, SHAPE(1, width), row}, output;
    enum status status;
    double answer = 0;
    size_t index;

    CHECK(session);
    CHECK_OK(contract_signature(opened->servable->contract, signature, &index, err), *err);
    status = session_run(session, index, &input, &output, err);
    CHECK_INT(status, want);
    if (status == STATUS_OK)
        answer = tensor_f64(&output, 0);
    session_free(session);
    return answer;
}

TEST(a_pipeline_answers)
{
    static const char PICKLED[] =
        PICKLE(PIPELINE(STEP("scale", SCALER) STEP("fit", LINEAR(NUMBER("10") NUMBER("100")))));
    double row[] = {3, 6};
    const struct signature *signature;
    struct opened opened;
    struct error err;

    OPEN(PICKLED, &opened);
    CHECK_TEXT(opened.loading.description.format, "sklearn-pickle");
    signature = &opened.servable->contract->signatures[0];
    CHECK_INT(opened.servable->contract->count, 1);
    CHECK_TEXT(signature->name, "predict");
    CHECK_INT(signature->input_count, 1);
    CHECK_TEXT(signature->inputs[0].name, "x");
    CHECK_INT(signature->inputs[0].shape.dims[1], 2);
    CHECK_INT(signature->outputs[0].shape.rank, 2); /* coef_ as a list is no vector of numpy */
    CHECK_NEAR(predict(&opened, "predict", row, 2, STATUS_OK, &err), 10 * 1 + 100 * 1 + 0.5, 0);
    row[1] = 1.0 / 0.0;
    predict(&opened, "predict", row, 2, STATUS_INVALID_INPUT, &err);
    CHECK(strstr(err.text, "infinity, at row 0, column 1") && strstr(err.text, "step 'scale'"));
    close_opened(&opened);
}

static void check_refused(const char *pickle, size_t size, const char *reason)
{
    struct opened opened;
    struct error err;

    CHECK_OK(open_bytes(pickle, size, &opened, &err), err);
    if (!opened.loading.description.reason || !strstr(opened.loading.description.reason, reason))
        fail_msg("\"%s\" is not in \"%s\"", reason, opened.loading.description.reason);
    close_opened(&opened);
}

#define REFUSED(pickle, reason) check_refused(pickle, sizeof(pickle) - 1, reason)

TEST(what_is_not_understood_is_refused_by_name)
{
    REFUSED(PICKLE(PIPELINE(STEP("a", SCALER) STEP("b", OBJECT("sklearn.x\nMagic", "")))),
            "step 'b' (Magic): class sklearn.x.Magic is not one that firn serves, at byte");
    REFUSED(PICKLE(PIPELINE(STEP("a", SCALER) STEP("b", LINEAR(NUMBER("1"))))),
            "step 'b' (LinearRegression): attribute 'coef_': has shape [1,1], not [?,2]");
    REFUSED(PICKLE(PIPELINE(STEP("a", OBJECT("sklearn.preprocessing._data\nStandardScaler",
                                             TEXT("with_mean") INTEGER("01") TEXT("n_features_in_")
                                                 INTEGER("2"))) STEP("b", NONE))),
            "step 'a' (StandardScaler): attribute 'mean_': is missing");
    REFUSED(PICKLE(OBJECT("sklearn.preprocessing._function_transformer\nFunctionTransformer",
                          TEXT("func") "cos\nsystem\n" TEXT("n_features_in_") INTEGER("1"))),
            "attribute 'func': os.system is not a function that firn knows");
    REFUSED(PICKLE(LIST(INTEGER("1"))), "holds data, not an estimator");
    REFUSED(PICKLE(PIPELINE("")), "Pipeline has no predict");
}

/* A pipeline that is its own step: a memo of it is put into its own list. */
TEST(a_pipeline_within_itself_ends)
{
    static const char PICKLED[] =
        "\x80\x02"
        "csklearn.pipeline\nPipeline\n)\x81q\x01}(" TEXT("steps") "("
                                                                  "(" TEXT("again") "h\x01"
                                                                                    "tl"
                                                                                    "ub.";

    REFUSED(PICKLED, "Pipeline");
}

static void run_zeros(struct servable *servable, size_t index)
{
    const struct signature *signature = &servable->contract->signatures[index];
    struct session *session = servable_session(servable);
    struct tensor *inputs = calloc(signature->input_count, sizeof *inputs), output;
    struct arena arena;
    struct error err;
    bool first = true;

    CHECK(session && inputs);
    arena_init(&arena, 1 << 24);
    for (int64_t rows = 0; rows <= 3; rows += 3) {
        for (size_t i = 0; i < signature->input_count; i++) {
            struct shape shape = signature->inputs[i].shape;

            shape.dims[0] = rows;
            CHECK_OK(tensor_new(&inputs[i], signature->inputs[i].dtype, &shape, &arena, &err), err);
        }
        /* Zeros need not be what the model takes; then it says so. */
        if (session_run(session, index, inputs, &output, &err) == STATUS_OK)
            CHECK_INT(output.shape.dims[0], rows);
        else
            CHECK(err.status == STATUS_INVALID_INPUT || err.status == STATUS_UNSUPPORTED);
        first = false;
    }
    CHECK(!first);
    session_free(session);
    arena_release(&arena);
    free(inputs);
}

/* Every fixture is imported, and what can be run is run on no rows and on rows of zeros. */
static void run_family(const char *folder, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        struct opened opened = {0};
        struct error err;
        char path[4096];

        snprintf(path, sizeof path, "%s/fixtures/%s/model.pkl", folder, names[i]);
        CHECK_OK(load_open(path, NULL, &opened.loading, &err), err);
        if (!opened.loading.description.reason) {
            CHECK_OK(load_servable(&opened.loading, NULL, &opened.servable, &err), err);
            for (size_t s = 0; s < opened.servable->contract->count; s++)
                if (!opened.servable->contract->signatures[s].reason)
                    run_zeros(opened.servable, s);
        }
        close_opened(&opened);
    }
}

TEST(fixtures_are_imported_and_run)
{
    static const char *const NAMES[] = {"sklearn-history/sk0.18.1-DecisionTreeIris",
                                        "sklearn-history/sk0.19.2-RidgeAuto",
                                        "sklearn-history/sk0.22-KMeansWheat",
                                        "sklearn-history/sk1.3.2-RidgeAuto",
                                        "sklearn/LogisticRegressionAudit",
                                        "sklearn/LinearSVCIsotonicAudit",
                                        "sklearn/OneHotEncoderAutoNA",
                                        "sklearn/StackingEnsembleAudit",
                                        "sklearn/VotingEnsembleHousing",
                                        "sklearn/PlainYeoJohnson",
                                        "sklearn/LinearRegressionChainAuto",
                                        NULL};
    const char *folder = shared_folder("fixtures of scikit-learn");

    if (folder)
        run_family(folder, NAMES);
}
