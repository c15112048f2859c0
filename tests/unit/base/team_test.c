// SPDX-License-Identifier: Apache-2.0
/* Every chunk once, no lane twice at a time, whoever helps. Also run under TSan (make threads). */
#include "base/team.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/cpu.h"

#include "test.h"

enum { CHUNKS_MAX = 300, LANES_MAX = 1024 };

struct job {
    _Atomic int seen[CHUNKS_MAX];
    _Atomic int busy[LANES_MAX];
    _Atomic int faults;
    size_t lanes;
    long sum; /* written by chunk 0 alone: the owner must see it */
    struct team *nested;
    int spin;
};

static _Atomic int sink;

static void spin(int rounds)
{
    double x = 1;

    for (int i = 0; i < rounds; i++)
        x = x * 1.0000001 + 1e-9;
    atomic_store(&sink, (int)x);
}

static void inner(void *context, size_t chunk, size_t lane)
{
    int *count = context;

    *count += lane == 0 ? 1 : 1000;
    (void)chunk;
}

static void work(void *context, size_t chunk, size_t lane)
{
    struct job *job = context;

    if (lane >= job->lanes || atomic_fetch_add(&job->busy[lane], 1))
        atomic_fetch_add(&job->faults, 1);
    atomic_fetch_add(&job->seen[chunk], 1);
    if (chunk == 0)
        job->sum = 42;
    if (job->nested) {
        int count = 0;
        team_run(job->nested, 5, inner, &count);
        if (count != 5)
            atomic_fetch_add(&job->faults, 1);
    }
    spin(job->spin);
    atomic_fetch_sub(&job->busy[lane], 1);
}

static void run_and_check(struct team *team, size_t chunks, bool nested, int rounds)
{
    struct job job = {
        .lanes = team_lanes(team), .nested = nested && chunks > 1 ? team : NULL, .spin = rounds};

    team_run(team, chunks, work, &job);
    for (size_t i = 0; i < chunks; i++)
        CHECK_INT(atomic_load(&job.seen[i]), 1);
    CHECK_INT(atomic_load(&job.faults), 0);
    CHECK_INT(job.sum, chunks ? 42 : 0);
}

TEST(team_none_runs_here)
{
    CHECK_INT(team_lanes(NULL), 1);
    run_and_check(NULL, 0, false, 0);
    run_and_check(NULL, 7, false, 0);
}

TEST(team_runs_each_chunk_once)
{
    static const size_t COUNTS[] = {0, 1, 2, 3, 17, CHUNKS_MAX};

    for (size_t threads = 1; threads <= 5; threads++) {
        struct team *team = team_pool_new(threads);

        CHECK(team != NULL);
        CHECK_INT(team_lanes(team), threads);
        for (int repeat = 0; repeat < 50; repeat++)
            for (size_t i = 0; i < ARRAY_COUNT(COUNTS); i++)
                run_and_check(team, COUNTS[i], repeat % 2, repeat * 20);
        team_free(team);
    }
}

/* Several owners of one team, with pauses in which helpers fall asleep. */
static void *owner(void *argument)
{
    struct team *team = argument;

    for (int i = 0; i < 300; i++) {
        run_and_check(team, (size_t)(i % 40), i % 5 == 0, i % 7 * 200);
        if (i % 16 == 0)
            spin(20000);
    }
    return NULL;
}

TEST(team_has_many_owners)
{
    struct team *team = team_pool_new(4);
    pthread_t owners[6];

    for (size_t i = 0; i < ARRAY_COUNT(owners); i++)
        CHECK_INT(pthread_create(&owners[i], NULL, owner, team), 0);
    for (size_t i = 0; i < ARRAY_COUNT(owners); i++)
        pthread_join(owners[i], NULL);
    team_free(team);
}

/* Helpers of somebody else: one that never comes, one that leaves after each chunk. */
struct guest {
    struct team *team;
    _Atomic bool stop;
};

static bool leave_at_once(void *context)
{
    (void)context;
    return true;
}

static void *guest_main(void *argument)
{
    struct guest *guest = argument;
    struct event *event = team_event(guest->team);

    while (!atomic_load(&guest->stop)) {
        uint32_t ticket;

        if (team_help(guest->team, leave_at_once, NULL))
            continue;
        ticket = event_prepare(event);
        if (team_needs_help(guest->team) || atomic_load(&guest->stop))
            event_cancel(event);
        else
            event_wait(event, ticket);
    }
    return NULL;
}

TEST(team_helpers_may_be_guests)
{
    struct guest guest = {.team = team_new(600)};
    pthread_t thread;

    CHECK_INT(team_lanes(guest.team), 600);
    CHECK_INT(pthread_create(&thread, NULL, guest_main, &guest), 0);
    for (int i = 0; i < 500; i++)
        run_and_check(guest.team, 20, false, 300);
    CHECK(!team_help(guest.team, NULL, NULL));
    atomic_store(&guest.stop, true);
    event_wake(team_event(guest.team), 1);
    pthread_join(thread, NULL);
    team_free(guest.team);
}

TEST(cpu_count_is_sane)
{
    CHECK(cpu_count() >= 1);
    CHECK(cpu_count() <= 4096);
}
