// SPDX-License-Identifier: Apache-2.0
/* Applications of servables that do next to nothing: adding a number to what they are given. */
#include "applications/application.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "test.h"

/* --- a servable that adds --- */

struct adding {
    struct servable base;
    double addend;
    unsigned sleep_ms;
    bool fails;
    atomic_int runs;
};

struct adding_session {
    struct session base;
    double result;
};

static void adding_free(struct servable *servable)
{
    free(servable);
}

static struct session *adding_session_new(struct servable *servable)
{
    struct adding_session *session = calloc(1, sizeof *session);

    session->base.servable = servable;
    return &session->base;
}

static void adding_session_free(struct session *session)
{
    free(session);
}

/* y = x + addend, and "again", the same */
static enum status adding_run(struct session *base, size_t signature, const struct tensor *inputs,
                              struct tensor *outputs, struct error *err)
{
    struct adding *adding = (struct adding *)base->servable;
    struct adding_session *session = (struct adding_session *)base;

    (void)signature;
    atomic_fetch_add(&adding->runs, 1);
    if (adding->sleep_ms)
        nanosleep(&(struct timespec){adding->sleep_ms / 1000, adding->sleep_ms % 1000 * 1000000L},
                  NULL);
    if (adding->fails)
        return error_set(err, STATUS_INTERNAL, "it always fails");
    session->result = *(const double *)inputs[0].data + adding->addend;
    outputs[0] = (struct tensor){DTYPE_F64, shape_scalar(), &session->result};
    return STATUS_OK;
}

static const struct servable_class ADDING = {.name = "adding",
                                             .free = adding_free,
                                             .session_new = adding_session_new,
                                             .session_free = adding_session_free,
                                             .run = adding_run};

static struct adding *adding_new(double addend, const struct contract *contract)
{
    struct adding *adding = calloc(1, sizeof *adding);

    adding->base = (struct servable){&ADDING, contract};
    adding->addend = addend;
    return adding;
}

/* --- applications by hand --- */

static struct contract contract_of(struct arena *keep, const char *in, const char *out,
                                   enum dtype dtype)
{
    struct field *fields = arena_new(keep, struct field, 2);
    struct signature *signature = arena_new(keep, struct signature, 1);

    fields[0] = (struct field){.name = in, .dtype = dtype, .shape = shape_scalar()};
    fields[1] = (struct field){.name = out, .dtype = DTYPE_F64, .shape = shape_scalar()};
    *signature = (struct signature){.name = "add",
                                    .inputs = fields,
                                    .input_count = 1,
                                    .outputs = fields + 1,
                                    .output_count = 1};
    return (struct contract){signature, 1};
}

struct made {
    struct arena keep;
    struct application *application;
    struct servable *parts[4];
};

/* Stages of one variant each, or one stage of all. */
static void make(struct made *made, size_t count, bool variants, const int64_t *weights)
{
    struct application *a;

    arena_init(&made->keep, 1 << 20);
    a = arena_new(&made->keep, struct application, 1);
    made->application = a;
    a->name = "sums";
    a->part_count = count;
    a->parts = arena_new(&made->keep, struct application_part, count);
    a->stage_count = variants ? 1 : count;
    a->stages = arena_new(&made->keep, struct application_stage, count);
    for (size_t i = 0; i < count; i++) {
        struct application_stage *stage = &a->stages[variants ? 0 : i];
        struct application_variant *variant;

        if (!stage->variants)
            stage->variants = arena_new(&made->keep, struct application_variant, count);
        variant = &stage->variants[stage->variant_count++];
        variant->part = i;
        variant->weight = weights ? weights[i] : APPLICATION_WEIGHTS;
        variant->shadow = weights && weights[i] == 0;
        a->parts[i].version.model = "part";
        a->parts[i].version.number = (int64_t)i + 1;
        a->parts[i].contract = contract_of(&made->keep, variants || !i ? "x" : "y", "y", DTYPE_F64);
        made->parts[i] = &adding_new(pow(10, (double)i), &a->parts[i].contract)->base;
    }
}

static struct session *open_session(struct made *made, struct servable **servable)
{
    struct error err = {0};
    struct session *session;

    CHECK_OK(application_link(made->application, &made->keep, &err), err);
    CHECK_OK(application_servable(made->application, made->parts, &made->keep, servable, &err),
             err);
    session = servable_session(*servable);
    CHECK(session != NULL);
    return session;
}

static double run(struct session *session, double x)
{
    struct tensor in = {DTYPE_F64, shape_scalar(), &x}, out = {0};
    struct error err = {0};

    CHECK_OK(session_run(session, 0, &in, &out, &err), err);
    return *(const double *)out.data;
}

TEST(stages_follow_each_other)
{
    struct made made = {0};
    struct servable *servable;
    struct session *session;

    make(&made, 3, false, NULL);
    session = open_session(&made, &servable);
    CHECK_TEXT(servable->contract->signatures[0].name, "sums");
    CHECK_TEXT(servable->contract->signatures[0].inputs[0].name, "x");
    CHECK(run(session, 5) == 116);
    session_free(session);
    servable_free(servable);
}

/* Chi-square of 100,000 draws over 70, 20 and 10 of 100: below 9.21, p > 0.01 at 2 degrees of
 * freedom. The draw is random: it fails once in a hundred, so the best of three counts. */
TEST(variants_in_true_proportion)
{
    enum { DRAWS = 100000 };
    static const int64_t WEIGHTS[] = {70, 20, 10};
    double best = INFINITY;

    for (int attempt = 0; attempt < 3; attempt++) {
        struct made made = {0};
        struct servable *servable;
        struct session *session;
        double counts[3] = {0}, chi = 0;

        make(&made, 3, true, WEIGHTS);
        session = open_session(&made, &servable);
        for (int i = 0; i < DRAWS; i++)
            counts[(int)round(log10(run(session, 0)))]++;
        for (int v = 0; v < 3; v++) {
            double expected = DRAWS * (double)WEIGHTS[v] / 100;

            chi += (counts[v] - expected) * (counts[v] - expected) / expected;
        }
        best = fmin(best, chi);
        session_free(session);
        servable_free(servable);
    }
    CHECK(best < 9.21);
}

TEST(sticky_keys_do_not_move)
{
    static const int64_t WEIGHTS[] = {50, 50};
    struct made made = {0};
    struct servable *servable;
    struct session *session, *other;
    bool seen[2] = {false};

    make(&made, 2, true, WEIGHTS);
    session = open_session(&made, &servable);
    other = servable_session(servable);
    for (uint64_t key = 1; key < 200; key++) {
        double first;

        session->sticky = other->sticky = key;
        first = run(session, 0);
        seen[first > 1] = true;
        for (int i = 0; i < 5; i++)
            CHECK(run(i % 2 ? other : session, 0) == first);
    }
    CHECK(seen[0] && seen[1]);
    session_free(session);
    session_free(other);
    servable_free(servable);
}

/* The key may be the value of an input; a header's goes first. */
TEST(sticky_by_an_input)
{
    static const int64_t WEIGHTS[] = {50, 50};
    struct made made = {0};
    struct servable *servable;
    struct session *session;
    bool seen[2] = {false};
    struct error err = {0};

    make(&made, 2, true, WEIGHTS);
    made.application->sticky_field = "x";
    session = open_session(&made, &servable);
    for (int x = 0; x < 200; x++) {
        double first = run(session, x);

        seen[first - x > 1] = true;
        for (int i = 0; i < 5; i++)
            CHECK(run(session, x) == first);
    }
    CHECK(seen[0] && seen[1]);
    session->sticky = 1;
    for (int x = 0; x < 50; x++)
        CHECK(run(session, x) - x == run(session, 0));
    session_free(session);
    servable_free(servable);
    make(&made, 2, true, WEIGHTS);
    made.application->sticky_field = "user";
    CHECK_FAILS(application_link(made.application, &made.keep, &err), err, STATUS_INVALID_INPUT,
                "sticky: signature \"add\" has no input \"user\"");
    for (size_t i = 0; i < 2; i++)
        servable_free(made.parts[i]);
    arena_release(&made.keep);
}

static uint64_t counted(const struct servable *servable, const char *part, const char *result)
{
    struct servable_count count;

    for (size_t i = 0; servable_count(servable, i, &count); i++)
        if (!strcmp(count.part, part) && !strcmp(count.result, result))
            return count.count;
    fail_msg("%s %s is not counted", part, result);
    return 0;
}

/* One that fails and one that hangs answer nobody, and nobody waits for them. */
TEST(shadows_change_nothing)
{
    static const int64_t WEIGHTS[] = {100, 0, 0};
    struct made made = {0};
    struct servable *servable;
    struct session *session;
    struct adding *failing, *slow;
    struct timespec before, after;

    make(&made, 3, true, WEIGHTS);
    failing = (struct adding *)made.parts[1];
    slow = (struct adding *)made.parts[2];
    failing->fails = true;
    slow->sleep_ms = 20;
    session = open_session(&made, &servable);
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 1000; i++)
        CHECK(run(session, i) == i + 1);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 10); /* 20 s when each were waited for */
    while (!atomic_load(&slow->runs))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK(atomic_load(&failing->runs) > 0);
    CHECK_INT(counted(servable, "part:1", "answered"), 1000);
    CHECK(counted(servable, "part:2", "shadow_failed") > 0);
    CHECK_INT(counted(servable, "part:2", "shadow"), 0);
    CHECK(counted(servable, "part:3", "shadow_dropped") > 0);
    CHECK_INT(counted(servable, "part:3", "answered"), 0);
    session_free(session);
    servable_free(servable);
}

/* --- what does not fit is said with its reason --- */

static void refused(struct made *made, const char *part)
{
    struct error err = {0};

    CHECK_FAILS(application_link(made->application, &made->keep, &err), err, STATUS_INVALID_INPUT,
                part);
    for (size_t i = 0; i < made->application->part_count; i++)
        servable_free(made->parts[i]);
    arena_release(&made->keep);
}

TEST(stages_that_do_not_fit)
{
    struct made made = {0};

    make(&made, 2, false, NULL);
    made.application->parts[1].contract = contract_of(&made.keep, "z", "y", DTYPE_F64);
    refused(&made, "stage 2: nobody makes its input \"z\"");
    make(&made, 2, false, NULL);
    made.application->parts[1].contract = contract_of(&made.keep, "y", "y", DTYPE_F32);
    refused(
        &made,
        "stage 2: input \"y\" against the output of stage 1: it is float here and double there");
    make(&made, 2, false, NULL);
    made.application->parts[1].contract.signatures[0].inputs[0].shape = SHAPE(3);
    refused(&made, "it has 1 dimensions here and 0 there");
}

TEST(variants_that_do_not_fit)
{
    static const int64_t WEIGHTS[] = {50, 50};
    struct made made = {0};

    make(&made, 2, true, WEIGHTS);
    made.application->parts[1].contract = contract_of(&made.keep, "other", "y", DTYPE_F64);
    refused(&made, "\"other\" is no input of the first variant");
    make(&made, 2, true, WEIGHTS);
    made.application->parts[1].contract = contract_of(&made.keep, "x", "y", DTYPE_F32);
    refused(&made, "input \"x\": it is double here and float there");
}

/* What a variant leaves free is free of the output, and fixed of the input where the other fixes
 * it. */
TEST(shapes_of_variants_are_joined)
{
    static const int64_t WEIGHTS[] = {50, 50};
    struct made made = {0};
    struct error err = {0};
    const struct signature *whole;

    make(&made, 2, true, WEIGHTS);
    for (size_t i = 0; i < 2; i++) {
        struct signature *one = &made.application->parts[i].contract.signatures[0];

        one->inputs[0].shape = i ? SHAPE(-1, 4) : SHAPE(-1, -1);
        one->outputs[0].shape = i ? SHAPE(-1, 2) : SHAPE(-1, -1);
    }
    CHECK_OK(application_link(made.application, &made.keep, &err), err);
    whole = &made.application->contract.signatures[0];
    CHECK_INT(whole->inputs[0].shape.dims[1], 4);
    CHECK_INT(whole->outputs[0].shape.dims[1], -1);
    for (size_t i = 0; i < 2; i++)
        servable_free(made.parts[i]);
    arena_release(&made.keep);
}
