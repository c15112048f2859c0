// SPDX-License-Identifier: Apache-2.0
/* What bounds the memory and the processor of workers: limits of the process, the watchdog that
 * adds up its children, and its control group. */
#include <time.h>

#include "test.h"
#include "unit/workers/fixture.h"

TEST(memory_is_limited)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;
    float y = 1;

    CHECK_OK(run(f.session, "much_memory", 4, &y, &err), err);
    CHECK_NEAR(y, 0, 0);
    CHECK_FAILS(run(f.session, "take_memory", 4, NULL, &err), err, STATUS_UNAVAILABLE,
                "was killed: out of memory, as it took");
    CHECK(strstr(err.text, "more than 512 MiB"));
    check_serves(f.session);
    fixture_close(&f);
    CHECK_INT(groups_left(), 0);
}

/* What a process's own account does not have, its group's does. */
TEST(memory_of_the_kernel_is_limited)
{
    struct worker_options options = options_make("test");
    const struct sandbox_ability *ability = sandbox_ability();
    struct fixture f;
    struct error err;

    if (!ability->has[LAYER_CGROUP] || !ability->groups.folders[CGROUP_MEMORY][0]) {
        printf("SKIPPED memory of the kernel: %s\n", ability->detail[LAYER_CGROUP]);
        return;
    }
    options.limits.memory_bytes = (size_t)128 * MIB;
    f = fixture_open(&options);
    CHECK_FAILS(run(f.session, "page_tables", 4, NULL, &err), err, STATUS_UNAVAILABLE,
                "out of memory, as it took more than 128 MiB");
    check_serves(f.session);
    CHECK_FAILS(run(f.session, "page_tables_of_a_child", 4, NULL, &err), err, STATUS_UNAVAILABLE,
                "out of memory, as it took more than 128 MiB");
    check_serves(f.session);
    fixture_close(&f);
    CHECK_INT(groups_left(), 0);
}

/* Each of them is far below what one process may have. */
TEST(memory_of_children_adds_up)
{
    struct worker_options options = options_make("test");
    struct fixture f;
    struct error err;

    options.limits.memory_bytes = (size_t)128 * MIB;
    f = fixture_open(&options);
    CHECK_FAILS(run(f.session, "take_memory_in_children", 4, NULL, &err), err, STATUS_UNAVAILABLE,
                "was killed: out of memory, as it took");
    CHECK(strstr(err.text, "more than 128 MiB"));
    check_serves(f.session);
    fixture_close(&f);
    CHECK_INT(groups_left(), 0);
}

/* --- the processor --- */

enum { PERCENT = 20 };
#define BURN_SECONDS 0.3 /* of processor time, that "burn" takes; it answers how long that took */

static bool has_cpu(void)
{
    const struct sandbox_ability *ability = sandbox_ability();

    if (ability->has[LAYER_CGROUP] && ability->groups.folders[CGROUP_CPU][0])
        return true;
    printf("SKIPPED processor time of workers: %s\n", ability->detail[LAYER_CGROUP]);
    return false;
}

/* How often the kernel held back what is in the groups of this process (cpu.stat). */
static long long throttled(void)
{
    const struct cgroup_place *place = &sandbox_ability()->groups;
    DIR *stream = opendir(place->folders[CGROUP_CPU]);
    char own[32], path[1024], line[128];
    struct dirent *entry;
    long long count = 0;

    snprintf(own, sizeof own, "-%d-", (int)getpid());
    while (stream && (entry = readdir(stream))) {
        FILE *file;
        if (strncmp(entry->d_name, "firn-", 5) != 0 || !strstr(entry->d_name, own))
            continue;
        snprintf(path, sizeof path, "%s/%.200s/cpu.stat", place->folders[CGROUP_CPU],
                 entry->d_name);
        file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file))
            if (!strncmp(line, "nr_throttled ", 13))
                count += atoll(line + 13);
        if (file)
            fclose(file);
    }
    if (stream)
        closedir(stream);
    return count;
}

/* A group that never gets its share is not held back, and shows nothing: then `unlimited`, how long
 * the same took without a limit, is long, too. */
static void check_throttled(struct session *session, float unlimited)
{
    struct error err;
    float seconds;

    for (int i = 0; i < 4 && throttled() < 1; i++)
        CHECK_OK(run(session, "burn", 1, &seconds, &err), err);
    if (throttled() < 1 && unlimited > 2 * BURN_SECONDS)
        printf("SKIPPED how often a group is held back: this machine is too busy\n");
    else
        CHECK(throttled() >= 1);
}

static float burn_unlimited(void)
{
    struct worker_options options = options_make("test");
    struct fixture f = fixture_open(&options);
    struct error err;
    float seconds = 0;

    CHECK_OK(run(f.session, "burn", 1, &seconds, &err), err);
    CHECK_INT(throttled(), 0);
    fixture_close(&f);
    return seconds;
}

/* Each period of 100 ms has 20 ms for it: what takes 300 ms needs 14 whole ones at least, on a
 * machine of any load. */
TEST(processor_time_is_limited)
{
    struct worker_options options = options_make("test");
    struct fixture f;
    struct error err;
    float seconds = 0, unlimited;

    if (!has_cpu())
        return;
    unlimited = burn_unlimited();
    options.limits.cpu_percent = PERCENT;
    f = fixture_open(&options);
    CHECK_OK(run(f.session, "burn", 1, &seconds, &err), err);
    if (seconds < BURN_SECONDS * 100 / PERCENT - 0.2)
        fail_msg("%.1f s of processor time took %.2f s at %d %%", BURN_SECONDS, (double)seconds,
                 PERCENT);
    check_throttled(f.session, unlimited);
    check_serves(f.session);
    fixture_close(&f);
    CHECK_INT(groups_left(), 0);
}

/* What it starts counts with it. */
TEST(processor_time_of_children_is_limited)
{
    struct worker_options options = options_make("test");
    struct fixture f;
    struct error err;
    float seconds = 0, unlimited;

    if (!has_cpu())
        return;
    unlimited = burn_unlimited();
    options.limits.cpu_percent = 2 * PERCENT;
    f = fixture_open(&options);
    CHECK_OK(run(f.session, "burn", 2, &seconds, &err), err); /* two processes */
    if (seconds < 2 * BURN_SECONDS * 100 / (2 * PERCENT) - 0.2)
        fail_msg("two times %.1f s of processor time took %.2f s at %d %%", BURN_SECONDS,
                 (double)seconds, 2 * PERCENT);
    check_throttled(f.session, unlimited);
    fixture_close(&f);
}
