// SPDX-License-Identifier: Apache-2.0
/* One loaded version for its own name and for all applications that use it. */
#include "loading/sharing.h"

#include <pthread.h>

#include "applications/application.h"
#include "test.h"

static struct registry *REGISTRY;
static struct sharing *SHARING;
static struct version MODEL, APPLICATION;
static struct arena KEEP;
static struct servable_account LAST; /* of the last change */
static int CHANGES;

static void changed(void *context, const struct version *version,
                    const struct servable_account *account)
{
    (void)context;
    CHECK_TEXT(version->model, "iris");
    LAST = *account;
    CHANGES++;
}

static void application_make(void)
{
    static const char MANIFEST[] = "kind: Application\nname: app\nsingular: {model: iris:1}\n";
    const struct manifest_application *manifest;
    struct error err = {0};
    bool unchanged;

    CHECK_OK(application_manifest(bytes_of(MANIFEST), "m.yaml", &manifest, &KEEP, &err), err);
    CHECK_OK(application_add(REGISTRY, manifest, &APPLICATION, &unchanged, &KEEP, &err), err);
}

static void start(void)
{
    struct loading loading;
    struct error err = {0};
    char path[4096];
    bool unchanged;

    snprintf(path, sizeof path, "%s/examples/iris.joblib", getenv("FIRN_ROOT"));
    arena_init(&KEEP, 1 << 24);
    CHECK_OK(registry_open("store", &REGISTRY, &err), err);
    CHECK_OK(load_open(path, NULL, &loading, &err), err);
    CHECK_OK(load_add(&loading, REGISTRY, &(struct loading_add){.name = "iris"}, &MODEL, &unchanged,
                      &KEEP, &err),
             err);
    load_close(&loading);
    application_make();
    SHARING = sharing_new(changed, NULL);
    CHECK(SHARING != NULL);
    CHANGES = 0;
}

static void stop(void)
{
    CHECK_INT(sharing_count(SHARING), 0);
    sharing_free(SHARING);
    registry_close(REGISTRY);
    arena_release(&KEEP);
    CHECK_INT(system("rm -rf store"), 0);
}

static struct servable *load(const struct version *version)
{
    const struct load_options options = {.sharing = SHARING};
    struct servable *servable;
    struct error err = {0};

    if (load_version(REGISTRY, version, &options, &servable, &err))
        abort();
    return servable;
}

static void predict(struct servable *servable)
{
    static const double ROW[4] = {6.7, 3.0, 5.2, 2.3};
    double row[4];
    struct given given = {.name = NULL, .tensor = {DTYPE_F64, {2, {1, 4}}, row}};
    const struct signature *signature = &servable->contract->signatures[0];
    struct session *session = servable_session(servable);
    struct tensor bound[4], output;
    struct arena arena;
    struct error err = {0};

    memcpy(row, ROW, sizeof row);
    arena_init(&arena, 1 << 20);
    if (!session || contract_bind(signature, &given, 1, bound, &arena, &err) ||
        session_run(session, 0, bound, &output, &err) ||
        !bytes_is(((struct bytes *)output.data)[0], "virginica"))
        abort();
    session_free(session);
    arena_release(&arena);
}

TEST(a_version_is_loaded_once)
{
    struct servable *model, *application, *other;

    start();
    model = load(&MODEL);
    CHECK_INT(CHANGES, 1);
    CHECK(LAST.weights + LAST.mapped > 0);
    application = load(&APPLICATION);
    other = load(&APPLICATION);
    CHECK_INT(CHANGES, 1); /* nothing more was loaded: the memory is what it was */
    CHECK_INT(sharing_count(SHARING), 1);
    CHECK_INT(servable_account(application).weights, servable_account(model).weights);
    predict(model);
    predict(application);
    servable_free(model); /* who still uses it keeps it */
    servable_free(other);
    CHECK_INT(CHANGES, 1);
    predict(application);
    servable_free(application);
    CHECK_INT(CHANGES, 2);
    CHECK_INT(LAST.weights + LAST.mapped, 0);
    stop();
}

static void *come_and_go(void *argument)
{
    for (int i = 0; i < 20; i++) {
        struct servable *servable = load(i % 2 ? argument : &MODEL);

        predict(servable);
        servable_free(servable);
    }
    return NULL;
}

TEST(users_come_and_go_at_once)
{
    pthread_t threads[4];

    start();
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, come_and_go, i % 2 ? &APPLICATION : &MODEL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(CHANGES % 2, 0);
    stop();
}

TEST(what_does_not_load_is_not_kept)
{
    struct load_options options = {0};
    struct version version;
    struct servable *servable;
    struct error err = {0};

    start();
    options.sharing = SHARING;
    version = MODEL;
    version.contract = "[]";
    CHECK_FAILS(load_version(REGISTRY, &version, &options, &servable, &err), err, STATUS_CONFLICT,
                "signatures");
    CHECK_INT(sharing_count(SHARING), 0);
    servable_free(load(&MODEL));
    stop();
}
