// SPDX-License-Identifier: Apache-2.0
/* What an application costs beside its models: a pipeline of three native stages, and one of
 * 70/20/10 variants, against the same sessions run one after another.
 *
 * Aim: a pipeline of three is at most 3 us above the sum of its parts. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "applications/application.h"
#include "model.h"

enum { STAGES = 3, WIDTH = 32, ROUNDS = 41, RUNS = 500 };

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Relu(x W), from field `number` to field `number` + 1. */
static void stage_model(struct model *m, size_t number)
{
    static const char *const NAMES[] = {"a", "b", "c", "d"};
    float *w;
    value_id x, y;

    model_init(m);
    w = arena_new(&m->keep, float, WIDTH *WIDTH);
    for (size_t i = 0; i < WIDTH * WIDTH; i++)
        w[i] = (float)((i * 7 + number) % 13) * 0.02f - 0.1f;
    x = model_input(m, NAMES[number], DTYPE_F32, SHAPE(DIM_UNKNOWN, WIDTH));
    y = model_op(
        m, "Relu",
        model_op(m, "MatMul", x, model_constant(m, DTYPE_F32, SHAPE(WIDTH, WIDTH), w), VALUE_NONE),
        VALUE_NONE, VALUE_NONE);
    model_signature(m, "main", &x, 1, &y, 1);
    model_contract(m);
    m->contract.signatures[0].outputs[0].name = NAMES[number + 1];
    MODEL_OK(m,
             native_servable(m->graph, &m->contract, NULL, &m->keep, NULL, &m->servable, &m->err));
    m->session = servable_session(m->servable);
}

/* --- a servable that is lent: it stays when the application goes --- */

struct lent {
    struct servable base;
    struct servable *inner;
};

static void lent_free(struct servable *servable)
{
    free(servable);
}

static struct session *lent_session(struct servable *servable)
{
    return servable_session(((struct lent *)servable)->inner);
}

static const struct servable_class LENT = {
    .name = "lent", .free = lent_free, .session_new = lent_session};

static struct servable *lend(struct servable *inner)
{
    struct lent *lent = calloc(1, sizeof *lent);

    if (!lent)
        abort();
    *lent = (struct lent){{.class = &LENT, .contract = inner->contract}, inner};
    return &lent->base;
}

/* --- the application --- */

static struct servable *compose(struct model *models, size_t stages, const int64_t *weights,
                                size_t variants)
{
    struct arena keep;
    struct application *a;
    struct servable *parts[STAGES], *servable;
    struct error err;

    arena_init(&keep, 1 << 20);
    a = arena_new(&keep, struct application, 1);
    a->name = "bench";
    a->stage_count = stages;
    a->part_count = stages * variants;
    a->stages = arena_new(&keep, struct application_stage, stages);
    a->parts = arena_new(&keep, struct application_part, a->part_count);
    for (size_t s = 0; s < stages; s++) {
        a->stages[s].variant_count = variants;
        a->stages[s].variants = arena_new(&keep, struct application_variant, variants);
        for (size_t v = 0; v < variants; v++) {
            size_t part = s * variants + v;
            struct model *model = &models[variants > 1 ? 0 : s];

            a->stages[s].variants[v] = (struct application_variant){
                .model = "m", .weight = weights ? weights[v] : APPLICATION_WEIGHTS, .part = part};
            a->parts[part] =
                (struct application_part){.version = {.model = "m"}, .contract = model->contract};
            parts[part] = lend(model->servable);
        }
    }
    if (application_link(a, &keep, &err) ||
        application_servable(a, parts, &keep, &servable, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return servable;
}

static double parts_us(struct model *models, size_t count, const struct tensor *in)
{
    double start = now_us();

    for (int i = 0; i < RUNS; i++) {
        struct tensor at = *in;

        for (size_t s = 0; s < count; s++)
            MODEL_OK(&models[s], session_run(models[s].session, 0, &at, &at, &models[s].err));
    }
    return (now_us() - start) / RUNS;
}

static double whole_us(struct session *session, const struct tensor *in)
{
    double start = now_us();
    struct tensor out;
    struct error err;

    for (int i = 0; i < RUNS; i++)
        if (session_run(session, 0, in, &out, &err))
            abort();
    return (now_us() - start) / RUNS;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Medians of rounds in turn. */
static void compare(const char *what, struct model *models, size_t count, struct servable *servable,
                    int64_t rows)
{
    static float data[64 * WIDTH];
    struct tensor in = {DTYPE_F32, SHAPE(rows, WIDTH), data};
    struct session *session = servable_session(servable);
    double parts[ROUNDS], whole[ROUNDS];

    for (size_t i = 0; i < ARRAY_COUNT(data); i++)
        data[i] = (float)(i % 11) * 0.1f;
    parts_us(models, count, &in);
    whole_us(session, &in);
    for (int i = 0; i < ROUNDS; i++) {
        parts[i] = parts_us(models, count, &in);
        whole[i] = whole_us(session, &in);
    }
    qsort(parts, ROUNDS, sizeof *parts, ascending);
    qsort(whole, ROUNDS, sizeof *whole, ascending);
    printf("%-28s %3d rows: parts %7.2f us, application %7.2f us, %+.2f us\n", what, (int)rows,
           parts[ROUNDS / 2], whole[ROUNDS / 2], whole[ROUNDS / 2] - parts[ROUNDS / 2]);
    session_free(session);
}

int main(void)
{
    static const int64_t WEIGHTS[] = {70, 20, 10};
    struct model models[STAGES];
    struct servable *pipeline, *variants;

    for (size_t i = 0; i < STAGES; i++)
        stage_model(&models[i], i);
    pipeline = compose(models, STAGES, NULL, 1);
    variants = compose(models, 1, WEIGHTS, 3);
    compare("pipeline of three stages", models, STAGES, pipeline, 1);
    compare("pipeline of three stages", models, STAGES, pipeline, 64);
    compare("variants 70/20/10", models, 1, variants, 1);
    servable_free(pipeline);
    servable_free(variants);
    for (size_t i = 0; i < STAGES; i++)
        model_release(&models[i]);
    return 0;
}
