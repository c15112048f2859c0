// SPDX-License-Identifier: Apache-2.0
/* Crash test: in each round two processes upload, move aliases, delete, make, update and roll back
 * an application, and collect garbage in one store, and are killed with SIGKILL at a random
 * instant. Then the store is opened and compared with what they had acknowledged: everything
 * acknowledged is there, what was in flight is there whole or not at all, and registry_verify finds
 * no fault.
 *
 * A kill loses what a process holds in memory, not what the kernel holds; the order of the fsync
 * calls is for the power, which this cannot test.
 *
 *     crash [ROUNDS [SEED]]      prints one line; exits 1 when anything was lost or half there */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "applications/application.h"
#include "base/file.h"
#include "base/text.h"
#include "registry/registry.h"

enum {
    WRITERS = 2,
    VERSIONS_MAX = 4096,
    ROUNDS_PER_STORE = 20, /* then a fresh one, so that making it is killed too */
    DELAY_US_MAX = 100000,
    CONTENT_BYTES_MAX = 200000,
    PIPE_BYTES = 1 << 20,
};

static const char FOLDER[] = "crash.store";
static const char *const MODELS[WRITERS] = {"first", "second"};
static const char *const APPLICATIONS[WRITERS] = {"first-app", "second-app"};

enum operation { UPLOAD, ALIAS, DELETE, COLLECT, APPLY };

/* One stage of two variants. */
struct graph {
    int64_t a, b, weight; /* versions of the writer's model; weight: of a */
};

/* What a writer says through its pipe, before and after each operation. */
struct event {
    bool done;
    enum operation operation;
    int64_t number;
    uint64_t seed;      /* of the content */
    struct graph graph; /* of APPLY */
};

/* What the store must hold for one writer's model. */
struct expected {
    struct {
        bool there, used; /* used: by the application */
        uint64_t seed;
    } versions[VERSIONS_MAX];
    int64_t last, alias; /* 0: none */
    struct graph graphs[VERSIONS_MAX];
    int64_t applied; /* the newest of the application; 0: none */
};

struct totals {
    long uploads, moves, deletions, applies, in_flight, landed, lost, half;
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static void die(const char *what, const struct error *err)
{
    fprintf(stderr, "crash: %s: %s\n", what, err ? err->text : strerror(errno));
    exit(2);
}

static struct bytes content_of(uint64_t seed, uint8_t *buffer)
{
    uint64_t state = mixed(seed) | 1;
    size_t size = next_random(&state) % CONTENT_BYTES_MAX;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = next_random(&state);
        memcpy(buffer + i, &value, 8);
    }
    return (struct bytes){buffer, size};
}

/* --- the writer --- */

struct writer {
    struct registry *registry;
    const char *model, *application, *contract;
    struct expected *expected; /* its own copy, through fork */
    int pipe;
    uint64_t random;
    uint8_t buffer[CONTENT_BYTES_MAX + 8];
};

static void say(struct writer *writer, struct event record)
{
    if (write(writer->pipe, &record, sizeof record) != sizeof record)
        die("pipe", NULL);
}

static void upload(struct writer *writer)
{
    struct event record = {.operation = UPLOAD, .seed = next_random(&writer->random)};
    struct version_upload upload = {.model = writer->model,
                                    .format = "test",
                                    .contract = writer->contract,
                                    .manifest = "kind: Model\n"};
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;

    arena_init(&keep, 1 << 20);
    say(writer, record);
    if (artifact_open_bytes(content_of(record.seed, writer->buffer), "model.bin", NULL,
                            &upload.artifact, &err) ||
        registry_add(writer->registry, &upload, &version, &unchanged, &keep, &err))
        die("upload", &err);
    if (unchanged || version.number != writer->expected->last + 1)
        die("upload got a wrong number", NULL);
    artifact_close(upload.artifact);
    record.number = version.number;
    record.done = true;
    say(writer, record);
    writer->expected->last = version.number;
    writer->expected->versions[version.number].there = true;
    arena_release(&keep);
}

static int64_t any_version(struct writer *writer)
{
    const struct expected *expected = writer->expected;

    for (int tries = 0; expected->last && tries < 50; tries++) {
        int64_t number = 1 + (int64_t)(next_random(&writer->random) % (uint64_t)expected->last);
        if (expected->versions[number].there)
            return number;
    }
    return 0;
}

static void change(struct writer *writer, enum operation operation)
{
    struct event record = {.operation = operation, .number = any_version(writer)};
    struct expected *expected = writer->expected;
    struct error err;

    if (!record.number || (operation == DELETE && (record.number == expected->alias ||
                                                   expected->versions[record.number].used)))
        return;
    say(writer, record);
    if (operation == ALIAS) {
        if (registry_alias(writer->registry, writer->model, "prod", record.number, expected->alias,
                           &err))
            die("alias", &err);
        expected->alias = record.number;
    } else {
        if (registry_delete(writer->registry, writer->model, record.number, &err))
            die("delete", &err);
        expected->versions[record.number].there = false;
    }
    record.done = true;
    say(writer, record);
}

static const char *graph_print(const struct graph *graph, const char *application,
                               const char *model, struct arena *keep)
{
    return arena_printf(keep,
                        "kind: Application\nname: %s\npipeline:\n  - - {model: %s:%lld, weight: "
                        "%lld}\n    - {model: %s:%lld, weight: %lld}\n",
                        application, model, (long long)graph->a, (long long)graph->weight, model,
                        (long long)graph->b, (long long)(100 - graph->weight));
}

/* A new graph, or one that was: made, updated and rolled back are the same. */
static struct graph any_graph(struct writer *writer)
{
    const struct expected *expected = writer->expected;
    uint64_t dice = next_random(&writer->random);

    if (expected->applied && dice % 3 == 0)
        return expected->graphs[1 + (int64_t)(dice / 3 % (uint64_t)expected->applied)];
    return (struct graph){any_version(writer), any_version(writer), (int64_t)(dice % 101)};
}

static void application_apply(struct writer *writer)
{
    struct event record = {.operation = APPLY, .graph = any_graph(writer)};
    struct expected *expected = writer->expected;
    const struct manifest_application *manifest;
    const char *text;
    struct version version;
    struct arena keep;
    struct error err;
    bool unchanged;

    if (!record.graph.a || !record.graph.b || expected->applied == VERSIONS_MAX - 1)
        return;
    arena_init(&keep, 1 << 20);
    text = graph_print(&record.graph, writer->application, writer->model, &keep);
    if (!text || application_manifest(bytes_of(text), "application.yaml", &manifest, &keep, &err))
        die("manifest", &err);
    say(writer, record);
    if (application_add(writer->registry, manifest, &version, &unchanged, &keep, &err))
        die("apply", &err);
    if (version.number != expected->applied + !unchanged)
        die("apply got a wrong number", NULL);
    record.number = version.number;
    record.done = true;
    say(writer, record);
    expected->applied = version.number;
    expected->graphs[version.number] = record.graph;
    expected->versions[record.graph.a].used = expected->versions[record.graph.b].used = true;
    arena_release(&keep);
}

static void collect(struct writer *writer)
{
    uint64_t files, bytes;
    struct error err;

    if (registry_gc(writer->registry, &files, &bytes, &err))
        die("gc", &err);
}

static void write_forever(struct writer *writer)
{
    struct error err;

    if (registry_open(FOLDER, &writer->registry, &err))
        die("open", &err);
    while (writer->expected->last < VERSIONS_MAX - 2) {
        uint64_t dice = next_random(&writer->random) % 24;
        if (dice < 8)
            upload(writer);
        else if (dice < 13)
            change(writer, ALIAS);
        else if (dice < 15)
            change(writer, DELETE);
        else if (dice < 23)
            application_apply(writer);
        else
            collect(writer);
    }
    for (;;)
        pause();
}

/* What an application can be made of: x becomes y. */
static const char *contract_make(void)
{
    static struct field x = {.name = "x", .dtype = DTYPE_F64, .shape = {1, {-1}}};
    static struct field y = {.name = "y", .dtype = DTYPE_F64, .shape = {1, {-1}}};
    static struct signature predict = {
        .name = "predict", .inputs = &x, .input_count = 1, .outputs = &y, .output_count = 1};
    static struct text text;

    if (!text.data)
        contract_print_json(&(struct contract){&predict, 1}, &text);
    return text.data;
}

static pid_t writer_start(int index, struct expected *expected, uint64_t seed, int *output)
{
    struct writer *writer;
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        die("pipe", NULL);
    fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
    child = fork();
    if (child < 0)
        die("fork", NULL);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        writer = calloc(1, sizeof *writer);
        if (!writer)
            die("writer", NULL);
        writer->model = MODELS[index];
        writer->application = APPLICATIONS[index];
        writer->contract = contract_make();
        writer->expected = expected;
        writer->pipe = ends[1];
        writer->random = mixed(seed) | 1; /* another sequence than the parent's */
        write_forever(writer);
        _exit(0);
    }
    close(ends[1]);
    *output = ends[0];
    return child;
}

/* --- the judge --- */

static void apply(struct expected *expected, const struct event *record)
{
    if (record->operation == UPLOAD) {
        expected->last = record->number;
        expected->versions[record->number].there = true;
        expected->versions[record->number].seed = record->seed;
    } else if (record->operation == ALIAS) {
        expected->alias = record->number;
    } else if (record->operation == DELETE) {
        expected->versions[record->number].there = false;
    } else if (record->operation == APPLY) {
        expected->applied = record->number;
        expected->graphs[record->number] = record->graph;
        expected->versions[record->graph.a].used = true;
        expected->versions[record->graph.b].used = true;
    }
}

/* What the writer acknowledged; gives the operation that was in flight, or false. */
static bool records_read(int input, struct expected *expected, struct event *flying,
                         struct totals *totals)
{
    bool in_flight = false;
    struct event record;

    while (read(input, &record, sizeof record) == sizeof record) {
        in_flight = !record.done;
        *flying = record;
        if (!record.done)
            continue;
        apply(expected, &record);
        totals->uploads += record.operation == UPLOAD;
        totals->moves += record.operation == ALIAS;
        totals->deletions += record.operation == DELETE;
        totals->applies += record.operation == APPLY;
    }
    close(input);
    totals->in_flight += in_flight;
    return in_flight;
}

static void complain(long *count, const char *what, const char *model, int64_t number)
{
    printf("crash: %s: %s:%lld\n", what, model, (long long)number);
    ++*count;
}

static bool content_is(struct registry *registry, const struct version *version, uint64_t seed,
                       uint8_t *buffer)
{
    struct artifact *artifact;
    struct bytes bytes;
    struct error err;
    bool same;

    if (registry_artifact(registry, version, &artifact, &err))
        return false;
    same = member_bytes(&artifact->members[0], &bytes, &err) == STATUS_OK &&
           bytes_equal(bytes, content_of(seed, buffer));
    artifact_close(artifact);
    return same;
}

/* Did the operation in flight happen? Either is right; from now on it is expected. */
static bool settle(struct expected *expected, struct event *flying, const struct version *versions,
                   size_t count)
{
    bool there = false, moved = false;

    flying->number = flying->operation == UPLOAD ? expected->last + 1 : flying->number;
    for (size_t i = 0; i < count; i++) {
        there = there || versions[i].number == flying->number;
        moved = moved || (versions[i].number == flying->number && versions[i].alias_count);
    }
    if ((flying->operation == UPLOAD && there) || (flying->operation == ALIAS && moved) ||
        (flying->operation == DELETE && !there)) {
        bool known = flying->operation == ALIAS && expected->alias == flying->number;
        apply(expected, flying);
        return !known;
    }
    return false;
}

/* Is a stored version of the application this graph, whole, and does it still fit together? */
static bool graph_is(struct registry *registry, const struct version *version, const char *model,
                     const struct graph *graph, struct arena *keep)
{
    struct application application;
    const struct application_stage *stage;
    struct error err;

    if (application_parse(registry, bytes_of(version->manifest), &application, keep, &err) ||
        application_link(&application, keep, &err)) {
        printf("crash: %s\n", err.text);
        return false;
    }
    stage = application.stages;
    return application.stage_count == 1 && stage->variant_count == 2 &&
           strcmp(stage->variants[0].model, model) == 0 && stage->variants[0].number == graph->a &&
           stage->variants[1].number == graph->b && stage->variants[0].weight == graph->weight &&
           stage->variants[1].weight == 100 - graph->weight;
}

static void compare_application(struct registry *registry, int index, struct expected *expected,
                                struct event *flying, struct totals *totals)
{
    struct version *versions = NULL;
    struct arena keep;
    struct error err;
    size_t count = 0;

    arena_init(&keep, (size_t)64 << 20);
    if (registry_list(registry, APPLICATIONS[index], &versions, &count, &keep, &err) &&
        err.status != STATUS_NOT_FOUND)
        die("list", &err);
    if (flying && flying->operation == APPLY && (int64_t)count == expected->applied + 1) {
        flying->number = expected->applied + 1;
        apply(expected, flying);
        totals->landed++;
    }
    if ((int64_t)count != expected->applied)
        complain(&totals->lost, "applications are lost", APPLICATIONS[index], (int64_t)count);
    for (size_t i = 0; i < count && (int64_t)count == expected->applied; i++)
        if (versions[i].number != expected->applied - (int64_t)i ||
            !graph_is(registry, &versions[i], MODELS[index], &expected->graphs[versions[i].number],
                      &keep))
            complain(&totals->half, "between old and new", APPLICATIONS[index], versions[i].number);
    arena_release(&keep);
}

static void compare(struct registry *registry, int index, struct expected *expected,
                    struct event *flying, struct totals *totals)
{
    static uint8_t buffer[CONTENT_BYTES_MAX + 8];
    static bool seen[VERSIONS_MAX];
    struct version *versions = NULL;
    const char *model = MODELS[index];
    struct arena keep;
    struct error err;
    size_t count = 0;

    arena_init(&keep, (size_t)64 << 20);
    memset(seen, 0, sizeof seen);
    if (registry_list(registry, model, &versions, &count, &keep, &err) &&
        err.status != STATUS_NOT_FOUND)
        die("list", &err);
    if (flying && flying->operation != APPLY)
        totals->landed += settle(expected, flying, versions, count);
    for (size_t i = 0; i < count; i++) {
        int64_t number = versions[i].number;
        bool wanted = number < VERSIONS_MAX && expected->versions[number].there;
        if (!wanted || !content_is(registry, &versions[i], expected->versions[number].seed, buffer))
            complain(&totals->half, "half there", model, number);
        if (wanted)
            seen[number] = true;
        if ((versions[i].alias_count != 0) != (number == expected->alias))
            complain(&totals->lost, "alias is wrong", model, number);
    }
    for (int64_t number = 1; number <= expected->last; number++)
        if (expected->versions[number].there && !seen[number])
            complain(&totals->lost, "lost", model, number);
    arena_release(&keep);
}

static void look(struct expected *expected, struct event *flying, const bool *in_flight,
                 struct totals *totals)
{
    struct registry *registry;
    struct text report = {0};
    struct error err;
    size_t faults;

    if (registry_open(FOLDER, &registry, &err) || registry_verify(registry, &report, &faults, &err))
        die("the store does not open", &err);
    if (faults)
        printf("crash: verify: %s", report.data);
    fflush(stdout);
    totals->half += (long)faults;
    for (int i = 0; i < WRITERS; i++) {
        compare(registry, i, &expected[i], in_flight[i] ? &flying[i] : NULL, totals);
        compare_application(registry, i, &expected[i], in_flight[i] ? &flying[i] : NULL, totals);
    }
    text_release(&report);
    registry_close(registry);
}

static void kill_writer(pid_t child)
{
    int status;

    kill(child, SIGKILL);
    if (waitpid(child, &status, 0) != child)
        die("wait", NULL);
    if (WIFEXITED(status))
        exit(2); /* it said why */
}

static void run_round(struct expected *expected, uint64_t *random, struct totals *totals)
{
    struct event flying[WRITERS];
    bool in_flight[WRITERS];
    pid_t children[WRITERS];
    int outputs[WRITERS];

    for (int i = 0; i < WRITERS; i++)
        children[i] = writer_start(i, &expected[i], next_random(random), &outputs[i]);
    for (int i = 0; i < WRITERS; i++) {
        struct timespec delay = {0, (long)(next_random(random) % DELAY_US_MAX) * 1000};
        nanosleep(&delay, NULL);
        kill_writer(children[i]);
    }
    for (int i = 0; i < WRITERS; i++)
        in_flight[i] = records_read(outputs[i], &expected[i], &flying[i], totals);
    look(expected, flying, in_flight, totals);
}

int main(int count, char **arguments)
{
    static struct expected expected[WRITERS];
    long rounds = count > 1 ? atol(arguments[1]) : 200;
    uint64_t random = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
    struct totals totals = {0};
    char folder[] = "/tmp/firn-crash-XXXXXX";
    struct error err;

    if (!mkdtemp(folder) || chdir(folder))
        die("temporary folder", NULL);
    printf("crash: seed %llu\n", (unsigned long long)random);
    fflush(stdout);
    random = mixed(random + 1) | 1;
    for (long round = 0; round < rounds; round++) {
        if (round % ROUNDS_PER_STORE == 0) {
            memset(expected, 0, sizeof expected);
            if (file_remove_tree(FOLDER, &err))
                die("remove", &err);
        }
        run_round(expected, &random, &totals);
        if (totals.lost + totals.half) {
            rounds = round + 1;
            break; /* the store stays as it is, to be looked at */
        }
    }
    printf(
        "crash: %ld rounds, %ld kills; acknowledged %ld uploads, %ld alias moves, %ld deletions, "
        "%ld applications made, updated or rolled back; in flight %ld, of which %ld had happened: "
        "%ld lost, %ld half-visible\n",
        rounds, rounds * WRITERS, totals.uploads, totals.moves, totals.deletions, totals.applies,
        totals.in_flight, totals.landed, totals.lost, totals.half);
    if (chdir("/tmp") == 0 && totals.lost + totals.half == 0 && file_remove_tree(folder, &err))
        die("remove", &err);
    if (totals.lost + totals.half)
        printf("crash: the last store is in %s\n", folder);
    return totals.lost + totals.half ? 1 : 0;
}
