// SPDX-License-Identifier: Apache-2.0
/* What a worker costs: a Python function called through a session, beside the same call within one
 * Python process, in turns. Of each turn the fastest call counts, of the turns the median.
 *
 *     worker ENVIRONMENT      a virtual environment with numpy (bench/worker.py gives one) */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "workers/process.h"
#include "workers/worker.h"

enum { ROUNDS = 5, ROWS_MAX = 5000000 };

static const char MODEL[] = "import numpy as np\n"
                            "def same(x): return {'y': x}\n"
                            "def add(x): return {'y': x + np.float32(1)}\n"
                            "def total(x): return {'y': x.sum(keepdims=True)}\n";

/* The peer: the same functions in a loop, the fastest in us for each line "NAME ROWS CALLS". */
static const char PEER[] =
    "import sys, time, numpy as np\n"
    "sys.path.insert(0, sys.argv[1] + '/src')\n"
    "import func_main\n"
    "for line in sys.stdin:\n"
    "    name, rows, calls = line.split()\n"
    "    x, f, took = np.ones(int(rows), np.float32), getattr(func_main, name), []\n"
    "    for _ in range(int(calls)):\n"
    "        began = time.perf_counter_ns()\n"
    "        f(x=x)\n"
    "        took.append(time.perf_counter_ns() - began)\n"
    "    print(min(took) / 1000, flush=True)\n";

static const struct {
    const char *name;
    size_t rows;
    unsigned calls;
    double most_us; /* of overhead; 0: only shown */
} CASES[] = {
    {"same", 1, 2000, 60},    {"add", 1, 2000, 60},          {"total", 150528, 500, 0},
    {"add", 150528, 500, 0},  {"total", ROWS_MAX, 80, 1000}, {"same", ROWS_MAX, 40, 0},
    {"add", ROWS_MAX, 40, 0},
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    return times[count / 2];
}

struct peer {
    FILE *to, *from;
};

static bool peer_open(const char *environment, const char *folder, struct peer *peer)
{
    int to[2], from[2];
    char python[4096];

    snprintf(python, sizeof python, "%s/bin/python3", environment);
    if (pipe(to) || pipe(from))
        return false;
    if (!fork()) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[1]);
        close(from[0]);
        setenv("OMP_NUM_THREADS", "1", 1);
        execl(python, python, "-c", PEER, folder, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    peer->to = fdopen(to[1], "w");
    peer->from = fdopen(from[0], "r");
    return peer->to && peer->from;
}

static double peer_call(struct peer *peer, const char *name, size_t rows, unsigned calls)
{
    double took = 0;

    fprintf(peer->to, "%s %zu %u\n", name, rows, calls);
    fflush(peer->to);
    return fscanf(peer->from, "%lf", &took) == 1 ? took : -1;
}

static double worker_call(struct session *session, size_t index, const struct tensor *input,
                          unsigned calls)
{
    double least = 1e30, took;
    struct tensor output;
    struct error err;

    for (unsigned i = 0; i < calls; i++) {
        uint64_t began = worker_now_ns();

        if (session_run(session, index, input, &output, &err)) {
            printf("%s\n", err.text);
            exit(1);
        }
        took = (double)(worker_now_ns() - began) / 1000;
        least = took < least ? took : least;
    }
    return least;
}

static int run(struct session *session, struct peer *peer)
{
    float *data = malloc(ROWS_MAX * sizeof *data);
    int missed = 0;

    for (size_t i = 0; data && i < ROWS_MAX; i++)
        data[i] = 1;
    printf("%-6s %9s %12s %12s %12s %8s\n", "call", "bytes", "worker us", "inside us",
           "overhead us", "most");
    for (size_t c = 0; c < sizeof CASES / sizeof CASES[0]; c++) {
        struct tensor input = {DTYPE_F32, SHAPE((int64_t)CASES[c].rows), data, NULL};
        const struct signature *signatures = session->servable->contract->signatures;
        double worker[ROUNDS], inside[ROUNDS], over[ROUNDS], overhead;
        size_t index = 0;

        while (strcmp(signatures[index].name, CASES[c].name) != 0)
            index++;
        for (int r = 0; r < ROUNDS; r++) { /* in turns */
            worker[r] = worker_call(session, index, &input, CASES[c].calls);
            inside[r] = peer_call(peer, CASES[c].name, CASES[c].rows, CASES[c].calls);
            over[r] = worker[r] - inside[r];
        }
        overhead = median(over, ROUNDS);
        printf("%-6s %9zu %12.1f %12.1f %12.1f %8.0f\n", CASES[c].name, 4 * CASES[c].rows,
               median(worker, ROUNDS), median(inside, ROUNDS), overhead, CASES[c].most_us);
        missed += CASES[c].most_us > 0 && overhead > CASES[c].most_us;
    }
    free(data);
    return missed;
}

static void model_write(const char *folder)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/src", folder);
    if (mkdir(path, 0755) || chmod(folder, 0755))
        exit(1);
    strcat(path, "/func_main.py");
    file = fopen(path, "w");
    if (!file || fputs(MODEL, file) < 0 || fclose(file))
        exit(1);
}

int main(int count, char **arguments)
{
    static const char *const names[] = {"same", "add", "total"};
    char folder[] = "/tmp/firn-bench-XXXXXX", code[4096];
    struct field input = {.name = "x", .dtype = DTYPE_F32, .shape = SHAPE(-1)};
    struct field output = {.name = "y", .dtype = DTYPE_F32, .shape = SHAPE(-1)};
    struct signature signatures[3];
    struct contract contract = {signatures, 3};
    struct servable *servable;
    struct session *session;
    struct peer peer;
    struct error err;
    int missed;

    if (count < 2) {
        printf("SKIPPED: bench/worker.py gives it an environment\n");
        return 0;
    }
    for (size_t i = 0; i < 3; i++)
        signatures[i] = (struct signature){.name = names[i],
                                           .inputs = &input,
                                           .outputs = &output,
                                           .input_count = 1,
                                           .output_count = 1};
    if (!mkdtemp(folder) || !realpath("python", code))
        return 1;
    model_write(folder);
    struct worker_options options = {.adapter = "function",
                                     .name = "bench",
                                     .files = folder,
                                     .environment = arguments[1],
                                     .code = code,
                                     .limits = {.memory_bytes = (size_t)2 << 30},
                                     .sandbox = true};
    if (worker_servable(&options, &contract, &servable, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    session = servable_session(servable);
    if (!session || !peer_open(arguments[1], folder, &peer))
        return 1;
    missed = run(session, &peer);
    fclose(peer.to);
    fclose(peer.from);
    session_free(session);
    servable_free(servable);
    (void)!file_remove_tree(folder, &err);
    return missed != 0;
}
