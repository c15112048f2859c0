// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const NAMES[] = {"portable", "avx2", "avx512"};
static int chosen = -1;

enum isa cpu_isa_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("fma"))
        return ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return ISA_AVX2;
#endif
    return ISA_PORTABLE;
}

const char *isa_name(enum isa isa)
{
    return NAMES[isa];
}

enum status cpu_isa_force(const char *name, struct error *err)
{
    for (int i = 0; i <= ISA_AVX512; i++) {
        if (strcmp(name, NAMES[i]))
            continue;
        if (i > (int)cpu_isa_best())
            return error_set(err, STATUS_UNSUPPORTED, "this machine has no %s", name);
        __atomic_store_n(&chosen, i, __ATOMIC_RELAXED);
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID_INPUT,
                     "unknown instruction set \"%.32s\": portable, avx2 or avx512", name);
}

enum isa cpu_isa(void)
{
    int isa = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

    if (isa < 0) {
        const char *wanted = getenv("FIRN_ISA");
        struct error err;
        if (!wanted || cpu_isa_force(wanted, &err))
            __atomic_store_n(&chosen, (int)cpu_isa_best(), __ATOMIC_RELAXED);
        isa = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    }
    return (enum isa)isa;
}

/* --- cores --- */

enum { GROUP_PATH = 1024 };

/* The first line of a small file; false when there is none. */
static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool got = file && fgets(line, size, file);

    if (file)
        fclose(file);
    return got;
}

static unsigned cores_of(long long quota, long long period, unsigned most)
{
    long long cores = quota > 0 && period > 0 ? (quota - 1) / period + 1 : most;

    return cores < most ? (unsigned)cores : most;
}

/* Version 2: "max 100000" or "QUOTA PERIOD" in the group's folder and in those above it. */
static unsigned group_cores(const char *group, unsigned most)
{
    char path[GROUP_PATH], file[GROUP_PATH + 32], line[64];
    size_t size = strcspn(group, "\n");

    if (size >= sizeof path)
        return most;
    memcpy(path, group, size);
    path[size] = 0;
    for (;;) {
        long long quota, period;
        char *slash = strrchr(path, '/');

        snprintf(file, sizeof file, "/sys/fs/cgroup%s/cpu.max", path);
        if (read_line(file, line, sizeof line) && sscanf(line, "%lld %lld", &quota, &period) == 2)
            most = cores_of(quota, period, most);
        if (!slash)
            return most;
        *slash = 0;
    }
}

static unsigned group_cores_version_1(unsigned most)
{
    char quota[32], period[32];

    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota) ||
        !read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period))
        return most;
    return cores_of(strtoll(quota, NULL, 10), strtoll(period, NULL, 10), most);
}

unsigned cpu_count(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = online > 1 ? (unsigned)online : 1;
    cpu_set_t set;
    FILE *groups;
    char line[GROUP_PATH];

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        count = (unsigned)CPU_COUNT(&set);
    count = group_cores_version_1(count);
    groups = fopen("/proc/self/cgroup", "re");
    while (groups && fgets(line, sizeof line, groups))
        if (!strncmp(line, "0::", 3))
            count = group_cores(line + 3, count);
    if (groups)
        fclose(groups);
    return count;
}
