// SPDX-License-Identifier: Apache-2.0
/* Crash test of workers: threads ask a servable without a pause while its processes are killed with
 * SIGKILL at random instants. Every answer is right or says that the worker was killed; afterwards
 * the next request is served, and no zombies, descriptors and control groups are left.
 *
 *     workers CODE [KILLS [SEED]]      CODE: tests/workers; prints one line; exits 1 on a fault */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workers/sandbox.h"
#include "workers/worker.h"

enum { CLIENTS = 3, PROCESSES = 2, ROWS = 5000, DELAY_US_MAX = 30000 };

static struct field X = {.name = "x", .dtype = DTYPE_F32, .shape = {1, {-1}}};
static struct field Y = {.name = "y", .dtype = DTYPE_F32, .shape = {1, {-1}}};
static struct signature SIGNATURE = {
    .name = "double", .inputs = &X, .outputs = &Y, .input_count = 1, .output_count = 1};
static const struct contract CONTRACT = {&SIGNATURE, 1};

struct client {
    struct session *session;
    pthread_t thread;
    _Atomic bool *stop;
    _Atomic unsigned long *answers; /* of all clients */
    unsigned long right, killed, other;
    struct error strange;
    float values[ROWS];
};

static bool is_right(const struct client *client, const struct tensor *output)
{
    const float *got = output->data;

    for (size_t i = 0; i < ROWS; i++)
        if (got[i] != 2 * client->values[i])
            return false;
    return output->shape.dims[0] == ROWS;
}

static void *client_main(void *context)
{
    struct client *client = context;
    struct tensor input = {DTYPE_F32, SHAPE(ROWS), client->values, NULL}, output;
    struct error err;

    for (size_t i = 0; !atomic_load(client->stop); i++) {
        client->values[i % ROWS] += 1;
        if (session_run(client->session, 0, &input, &output, &err)) {
            if (err.status == STATUS_UNAVAILABLE) {
                client->killed++;
                usleep(1000);
            } else {
                client->other++;
                client->strange = err;
            }
        } else if (is_right(client, &output)) {
            client->right++;
            atomic_fetch_add(client->answers, 1);
        } else {
            client->other++;
            snprintf(client->strange.text, sizeof client->strange.text, "a wrong answer");
        }
    }
    return NULL;
}

static unsigned descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

/* Control groups of this process. */
static unsigned groups(void)
{
    const struct cgroup_place *place = &sandbox_ability()->groups;
    unsigned count = 0;
    char own[32];

    snprintf(own, sizeof own, "-%d-", (int)getpid());
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        DIR *folder = place->folders[i][0] ? opendir(place->folders[i]) : NULL;
        struct dirent *entry;

        while (folder && (entry = readdir(folder)))
            count += !strncmp(entry->d_name, "firn-", 5) && strstr(entry->d_name, own);
        if (folder)
            closedir(folder);
    }
    return count;
}

/* Kill one after the other, each some time after an answer came; false when none came for long. */
static bool kill_all(struct servable *servable, unsigned kills, _Atomic unsigned long *answers)
{
    unsigned long seen = 0;
    unsigned idle = 0;

    for (unsigned done = 0; done < kills;) {
        pid_t pids[PROCESSES];
        size_t count = worker_pids(servable, pids, PROCESSES);

        if (!count || atomic_load(answers) == seen) {
            usleep(1000);
            if (++idle > 60000)
                return false;
            continue;
        }
        idle = 0;
        usleep((useconds_t)(rand() % DELAY_US_MAX));
        seen = atomic_load(answers);
        done += kill(pids[(size_t)rand() % count], SIGKILL) == 0;
    }
    return true;
}

/* It may be pausing before it starts one again. */
static bool serves(struct session *session, float *values)
{
    struct tensor input = {DTYPE_F32, SHAPE(ROWS), values, NULL}, output;
    struct error err;

    for (int i = 0; i < 200; i++) {
        if (!session_run(session, 0, &input, &output, &err))
            return true;
        usleep(100000);
    }
    printf("%s\n", err.text);
    return false;
}

int main(int count, char **arguments)
{
    unsigned kills = count > 2 ? (unsigned)atoi(arguments[2]) : 1000;
    unsigned seed = count > 3 ? (unsigned)atoi(arguments[3]) : (unsigned)time(NULL);
    char folder[] = "/tmp/firn-crash-XXXXXX", code[4096];
    static struct client clients[CLIENTS];
    _Atomic bool stop = false;
    _Atomic unsigned long answers = 0;
    unsigned long right = 0, killed = 0, other = 0;
    unsigned before = descriptors(), after;
    struct servable *servable;
    struct error err;
    bool good, zombies;

    if (count < 2 || !realpath(arguments[1], code) || !mkdtemp(folder) || chmod(folder, 0755))
        return 2;
    struct worker_options options = {.adapter = "test",
                                     .name = "crash",
                                     .files = folder,
                                     .code = code,
                                     .limits = {.processes = PROCESSES},
                                     .sandbox = true};
    srand(seed);
    if (worker_servable(&options, &CONTRACT, &servable, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i].session = servable_session(servable);
        clients[i].stop = &stop;
        clients[i].answers = &answers;
        if (!clients[i].session ||
            pthread_create(&clients[i].thread, NULL, client_main, &clients[i]))
            return 2;
    }
    good = kill_all(servable, kills, &answers);
    atomic_store(&stop, true);
    for (size_t i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        right += clients[i].right;
        killed += clients[i].killed;
        other += clients[i].other;
        if (clients[i].other)
            printf("strange: %s\n", clients[i].strange.text);
    }
    good = good && serves(clients[0].session, clients[0].values);
    for (size_t i = 0; i < CLIENTS; i++)
        session_free(clients[i].session);
    servable_free(servable);
    zombies = waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
    after = descriptors();
    rmdir(folder);
    printf(
        "workers: %u kills (seed %u): %lu right answers, %lu said that the worker was killed, %lu "
        "wrong; %s; zombies: %s; descriptors: %u before, %u after; control groups left: %u (%s)\n",
        kills, seed, right, killed, other, good ? "serves" : "DOES NOT SERVE",
        zombies ? "YES" : "none", before, after, groups(), sandbox_ability()->detail[LAYER_CGROUP]);
    return other || !good || zombies || !right || after != before || groups();
}
