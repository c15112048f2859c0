// SPDX-License-Identifier: Apache-2.0
/* How long one run takes, in this process: from input tensors to output tensors. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/target.h"
#include "loading/adapt.h"

struct bench {
    const char *signature;
    struct option_list inputs;
    int64_t parallel;
    double seconds;
    bool json;
    struct target_options target;
};

static const struct option OPTIONS[] = {
    {"input", OPTION_LIST, offsetof(struct bench, inputs), "[NAME=]FILE",
     "as `firn predict` takes them; made from the contract when absent"},
    {"signature", OPTION_TEXT, offsetof(struct bench, signature), "NAME",
     "the signature to call (the first)"},
    {"parallel", OPTION_NUMBER, offsetof(struct bench, parallel), "N",
     "so many runs at once, each of its own thread (1)"},
    {"seconds", OPTION_REAL, offsetof(struct bench, seconds), "S", "measure for so long (3)"},
    {"json", OPTION_FLAG, offsetof(struct bench, json), NULL, "print one JSON object"},
    {"profile", OPTION_FLAG, offsetof(struct bench, target.profile), NULL,
     "print how long each step took at least"},
    TARGET_OPTIONS(struct bench, target),
    {0},
};

enum { MEMORY_SHIFT = 36, PARALLEL_MAX = 1024 };
static const double WARM_UP_SHARE = 0.1; /* of the seconds, before the measurement */

/* The most memory this program held. getrusage() would count what its parent held before exec too.
 */
static int64_t peak_rss_kb(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long long kb = 0;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lld kB", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return kb;
}

/* Durations in ns: 1024 buckets an octave, exact below 2048 ns, else within 0.1 %. */
enum { SUB_BITS = 10, OCTAVES = 44 - SUB_BITS, BUCKETS = (OCTAVES + 1) << SUB_BITS };

static size_t bucket_of(uint64_t ns)
{
    int shift;

    if (ns < 1u << SUB_BITS)
        return (size_t)ns;
    shift = 63 - __builtin_clzll(ns) - SUB_BITS;
    if (shift >= OCTAVES)
        return BUCKETS - 1;
    return ((size_t)(shift + 1) << SUB_BITS) + (size_t)((ns >> shift) - (1u << SUB_BITS));
}

static uint64_t bucket_ns(size_t bucket)
{
    size_t octave = bucket >> SUB_BITS, rest = bucket & ((1u << SUB_BITS) - 1);

    return octave ? (uint64_t)((1u << SUB_BITS) + rest) << (octave - 1) : rest;
}

static uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct lane { /* one thread */
    pthread_t thread;
    struct session *session;
    struct tensor *outputs;
    size_t signature;
    const struct tensor *inputs;
    double seconds;
    uint32_t counts[BUCKETS];
    uint64_t runs, shortest;
    struct error err;
    enum status status;
};

static enum status run_for(struct lane *lane, double seconds, bool record)
{
    uint64_t begin = now_ns(), end = begin + (uint64_t)(seconds * 1e9), at = begin;

    do {
        uint64_t after;
        TRY(session_run(lane->session, lane->signature, lane->inputs, lane->outputs, &lane->err));
        after = now_ns();
        if (record) {
            lane->counts[bucket_of(after - at)]++;
            lane->runs++;
            lane->shortest = after - at < lane->shortest ? after - at : lane->shortest;
        }
        at = after;
    } while (at < end);
    return STATUS_OK;
}

static void *lane_main(void *argument)
{
    struct lane *lane = argument;

    lane->status = run_for(lane, lane->seconds * WARM_UP_SHARE, false);
    if (!lane->status)
        lane->status = run_for(lane, lane->seconds, true);
    return NULL;
}

struct figures {
    uint64_t runs;
    double min_us, p50_us, p99_us, load_ms;
    long peak_rss_kb;
    struct servable_account account;
    int64_t threads, parallel;
};

static double quantile_us(const struct lane *lanes, size_t count, uint64_t runs, double q)
{
    uint64_t rank = (uint64_t)(q * (double)(runs - 1)), seen = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        for (size_t i = 0; i < count; i++)
            seen += lanes[i].counts[b];
        if (seen > rank)
            return (double)bucket_ns(b) / 1000;
    }
    return 0;
}

static void summarise(const struct lane *lanes, size_t count, struct figures *figures)
{
    uint64_t shortest = UINT64_MAX;

    for (size_t i = 0; i < count; i++) {
        figures->runs += lanes[i].runs;
        shortest = lanes[i].shortest < shortest ? lanes[i].shortest : shortest;
    }
    figures->min_us = (double)shortest / 1000;
    figures->p50_us = quantile_us(lanes, count, figures->runs, 0.5);
    figures->p99_us = quantile_us(lanes, count, figures->runs, 0.99);
}

static enum status lanes_run(struct lane *lanes, size_t count, struct error *err)
{
    size_t started = 0;

    /* the first in this thread, so that one thread means one thread */
    for (size_t i = 1; i < count; i++, started++)
        if (pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]))
            break;
    lane_main(&lanes[0]);
    for (size_t i = 1; i <= started; i++)
        pthread_join(lanes[i].thread, NULL);
    if (started + 1 < count)
        return error_set(err, STATUS_UNAVAILABLE, "only %zu of %zu threads start", started + 1,
                         count);
    for (size_t i = 0; i < count; i++)
        if (lanes[i].status) {
            *err = lanes[i].err;
            return lanes[i].status;
        }
    return STATUS_OK;
}

static enum status lanes_open(struct lane *lanes, size_t count, const struct target *target,
                              size_t signature, const struct tensor *inputs, double seconds,
                              struct arena *keep, struct error *err)
{
    size_t outputs = target->servable->contract->signatures[signature].output_count;

    for (size_t i = 0; i < count; i++) {
        lanes[i].session = servable_session(target->servable);
        lanes[i].outputs = arena_new(keep, struct tensor, outputs);
        lanes[i].signature = signature;
        lanes[i].inputs = inputs;
        lanes[i].seconds = seconds;
        lanes[i].shortest = UINT64_MAX;
        if (!lanes[i].session || !lanes[i].outputs)
            return error_no_memory(err, "a session");
        lanes[i].session->team = target->team;
    }
    return STATUS_OK;
}

/* What one measurement holds open. */
struct measurement {
    const struct bench *bench;
    struct target target;
    struct inputs inputs;
    struct tensor *bound;
    struct lane *lanes;
    size_t count, signature;
    struct arena *keep;
    struct error *err;
};

static enum status bind(struct measurement *m)
{
    const struct contract *contract = m->target.servable->contract;
    const struct bench *bench = m->bench;
    const char *name = bench->signature ? bench->signature : m->inputs.signature;
    const struct signature *signature;

    TRY(contract_signature(contract, name, &m->signature, m->err));
    signature = &contract->signatures[m->signature];
    if (signature->reason)
        return error_set(m->err, STATUS_UNSUPPORTED, "%s", signature->reason);
    return m->inputs.count ? inputs_bind(&m->inputs, signature, &m->bound, m->keep, m->err)
                           : inputs_make(signature, &m->bound, m->keep, m->err);
}

static enum status first_answer(struct measurement *m)
{
    m->lanes = calloc(m->count, sizeof *m->lanes);
    if (!m->lanes)
        return error_no_memory(m->err, "threads");
    TRY(lanes_open(m->lanes, m->count, &m->target, m->signature, m->bound, m->bench->seconds,
                   m->keep, m->err));
    return session_run(m->lanes[0].session, m->signature, m->bound, m->lanes[0].outputs, m->err);
}

static enum status measure(struct measurement *m, const char *path, struct figures *figures,
                           struct text *text)
{
    uint64_t begin, pause;

    TRY(inputs_open(m->bench->inputs.items, m->bench->inputs.count, &m->inputs, m->keep, m->err));
    begin = now_ns();
    TRY(target_open(path, &m->bench->target, &m->target, m->err));
    pause = now_ns();
    TRY(bind(m));
    begin += now_ns() - pause; /* what the inputs took is not the model's */
    TRY(first_answer(m));
    figures->threads = (int64_t)team_lanes(m->target.team);
    figures->load_ms = (double)(now_ns() - begin) / 1e6;
    TRY(lanes_run(m->lanes, m->count, m->err));
    summarise(m->lanes, m->count, figures);
    figures->account = servable_account(m->target.servable);
    figures->peak_rss_kb = peak_rss_kb();
    if (m->bench->target.profile)
        native_profile(adapted_inner(filtered_inner(m->lanes[0].session)), text);
    return STATUS_OK;
}

static void measurement_close(struct measurement *m)
{
    for (size_t i = 0; m->lanes && i < m->count; i++)
        session_free(m->lanes[i].session);
    free(m->lanes);
    inputs_close(&m->inputs);
    target_close(&m->target);
}

static void print(const struct figures *f, bool json, struct text *text)
{
    text_printf(text,
                json ? "{\"runs\": %llu, \"min_us\": %.3f, \"p50_us\": %.3f, \"p99_us\": %.3f, "
                       "\"load_ms\": %.3f, \"peak_rss_kb\": %ld, \"weights_bytes\": %zu, "
                       "\"mapped_bytes\": %zu, \"arena_bytes\": %zu, \"threads\": %lld, "
                       "\"parallel\": %lld, \"isa\": \"%s\"}\n"
                     : "runs           %llu\nmin            %.3f us\nmedian         %.3f us\n"
                       "99 %%           %.3f us\nload           %.3f ms\npeak memory    %ld kB\n"
                       "weights        %zu B\nmapped         %zu B\nplan memory    %zu B\n"
                       "threads        %lld\nparallel       %lld\nkernels        %s\n",
                (unsigned long long)f->runs, f->min_us, f->p50_us, f->p99_us, f->load_ms,
                f->peak_rss_kb, f->account.weights, f->account.mapped, f->account.arena,
                (long long)f->threads, (long long)f->parallel, isa_name(cpu_isa()));
}

static int run(int argc, char **argv)
{
    struct bench bench = {.parallel = 1, .seconds = 3, .target.threads = 1};
    struct arguments arguments = {0};
    struct figures figures = {0};
    struct text text = {0};
    struct arena keep;
    struct error err = {0};
    const char *path = "a model";
    struct measurement m = {.bench = &bench, .keep = &keep, .err = &err};
    enum status status = options_parse(OPTIONS, argc, argv, 1, 1, &bench, &arguments, &err);

    arena_init(&keep, (size_t)1 << MEMORY_SHIFT);
    if (!status && (bench.parallel < 1 || bench.parallel > PARALLEL_MAX))
        status = error_set(&err, STATUS_INVALID_INPUT, "--parallel wants 1 to %d", PARALLEL_MAX);
    if (!status) {
        path = arguments.items[0];
        figures.parallel = bench.parallel;
        m.count = (size_t)bench.parallel;
        status = measure(&m, path, &figures, &text);
        measurement_close(&m);
    }
    arguments_release(&arguments);
    arena_release(&keep);
    if (status) {
        text_release(&text);
        return output_error(&err, "measure \"%s\"", path);
    }
    if (bench.target.profile && !bench.json)
        text_append(&text, "\n");
    if (bench.json)
        text_clear(&text);
    print(&figures, bench.json, &text);
    return output_text(&text);
}

const struct command command_bench = {
    .name = "bench",
    .usage = "bench PATH [--signature NAME] [--input [NAME=]FILE]... [--threads N] "
             "[--parallel N] [--seconds S] [--json]",
    .summary = "measure how long one run of a model takes, without a network",
    .help =
        "Loads the model in this process and runs it again and again on the given inputs after\n"
        "a warm-up. Every run computes; nothing is kept between runs. `load` is from opening\n"
        "the file to the first answer.\n"
        "\n"
        "  firn bench model.joblib --input row.npy --seconds 5\n",
    .group = "models",
    .options = OPTIONS,
    .run = run,
};
