// SPDX-License-Identifier: Apache-2.0
/* Where groups can be made, on trees that look like the kernel's; and a real group, where this
 * machine lets us make one. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "workers/cgroup.h"

#include "test.h"

enum { MIB = 1 << 20 };

static void put(const char *path, const char *text)
{
    char copy[1024], *slash;
    struct error err;
    FILE *file;

    snprintf(copy, sizeof copy, "%s", path);
    slash = strrchr(copy, '/');
    if (slash) {
        *slash = 0;
        CHECK_OK(file_make_folders(copy, &err), err);
    }
    file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && !fclose(file));
}

static void remove_tree(const char *path)
{
    struct error err;

    CHECK_OK(file_remove_tree(path, &err), err);
}

/* --- where --- */

#define MOUNT_2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define MOUNTS_1                                                                                   \
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                          \
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"                   \
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids\n"
#define MOUNTS_HYBRID                                                                              \
    MOUNTS_1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"                       \
             "42 31 0:39 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"

static const struct {
    const char *why, *groups, *mounts, *wanted;
    const char *folder, *controllers; /* of version 2 */
    unsigned version;
    const char *memory, *cpu, *detail;
} PLACES[] = {
    {"nothing is mounted", "0::/\n", "", NULL, NULL, NULL, 0, "", "", "is mounted"},
    {"not wanted", "0::/\n", MOUNT_2, "none", "", "cpu memory pids", 0, "", "", "not wanted"},
    {"a container with a namespace of its own", "0::/\n", MOUNT_2, NULL, "",
     "cpuset cpu memory pids", 2, "", "", "v2: memory, pids, cpu"},
    {"without the controller cpu", "0::/\n", MOUNT_2, NULL, "", "memory pids\n", 2, "", NULL,
     "v2: memory, pids; no cpu"},
    {"names that only begin so", "0::/\n", MOUNT_2, NULL, "", "memory2 cpuset xpids\n", 0, "", "",
     "is mounted"},
    {"a part that an earlier process made", "0::/firn-server\n", MOUNT_2, NULL, "/firn-server",
     "memory pids", 2, "", NULL, "v2: memory, pids; no cpu"},
    {"the group of a container as the host sees it", "0::/docker/1f\n",
     "30 23 0:26 /docker/1f /sys/fs/cgroup rw - cgroup2 cgroup rw\n", NULL, "", "memory pids", 2,
     "", NULL, "v2: memory, pids; no cpu"},
    {"a mount that shows another part", "0::/user.slice\n",
     "30 23 0:26 /user /sys/fs/cgroup rw - cgroup2 cgroup rw\n", NULL, "/.slice", "memory pids", 0,
     "", "", "is mounted"},
    {"outside the namespace", "0::/../x\n", MOUNT_2, NULL, "/../x", "memory pids", 0, "", "",
     "is mounted"},
    {"given by the operator", "0::/system.slice/firn.service\n", MOUNT_2, "/given", "/given",
     "memory pids cpu", 2, "/given", "/given", "v2: memory, pids, cpu"},
    {"given, and not there", "0::/system.slice/firn.service\n", MOUNT_2, "/missing", "",
     "memory pids", 0, "", "", "is mounted"},
    {"a service of somebody else", "0::/system.slice/firn.service\n", MOUNT_2, NULL,
     "/system.slice/firn.service", "memory pids", 0, "", "", "is not delegated to firn"},
    {"a mount point with a space", "0::/\n",
     "30 23 0:26 / /sys/fs/cg\\040roup rw - cgroup2 cgroup2 rw\n", NULL, NULL, NULL, 0, "", "",
     "is mounted"},
    {"version 1", "4:memory:/a\n8:pids:/\n0::/\n", MOUNTS_1, NULL, NULL, NULL, 1, "/memory/a", NULL,
     "v1: memory, pids; no cpu"},
    {"version 1 with an empty version 2, and two in one",
     "9:cpu,cpuacct:/b\n4:memory:/a\n8:pids:/\n0::/\n", MOUNTS_HYBRID, NULL, "/unified",
     "hugetlb\n", 1, "/memory/a", "/cpu,cpuacct/b", "v1: memory, pids, cpu"},
    {"lines that are none", "memory\n:\n4:memory\n::::\n0:\n", MOUNTS_HYBRID, NULL, NULL, NULL, 0,
     "", "", "is mounted"},
    {"mounts that are none", "0::/\n", "30 23 - cgroup2\n - \nx\n\n30 23 0:26 / /sys rw -\n", NULL,
     NULL, NULL, 0, "", "", "is mounted"},
};

static void tree_make(size_t i)
{
    char path[512];

    put("tree/proc/self/cgroup", PLACES[i].groups);
    put("tree/proc/self/mountinfo", PLACES[i].mounts);
    put("tree/sys/fs/cgroup/memory/a/cgroup.procs", "");
    put("tree/sys/fs/cgroup/pids/cgroup.procs", "");
    put("tree/sys/fs/cgroup/cpu,cpuacct/b/cgroup.procs", "");
    if (!PLACES[i].folder)
        return;
    snprintf(path, sizeof path, "tree/sys/fs/cgroup%s/cgroup.controllers", PLACES[i].folder);
    put(path, PLACES[i].controllers);
    snprintf(path, sizeof path, "tree/sys/fs/cgroup%s/cgroup.subtree_control", PLACES[i].folder);
    put(path, "");
    put("tree/sys/fs/cgroup/cgroup.controllers", PLACES[i].controllers);
    put("tree/sys/fs/cgroup/cgroup.subtree_control", "");
    snprintf(path, sizeof path, "tree/sys/fs/cgroup%s/cgroup.procs", PLACES[i].folder);
    put(path, "1\n2\n");
}

TEST(where_groups_are_made)
{
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        struct cgroup_place place;
        char memory[512], cpu[512];

        tree_make(i);
        cgroup_place_find("tree", PLACES[i].wanted, &place);
        snprintf(memory, sizeof memory, "tree/sys/fs/cgroup%s", PLACES[i].memory);
        snprintf(cpu, sizeof cpu, "tree/sys/fs/cgroup%s", PLACES[i].cpu ? PLACES[i].cpu : "");
        if (place.version != PLACES[i].version || !strstr(place.detail, PLACES[i].detail))
            fail_msg("%s: version %u: %s", PLACES[i].why, place.version, place.detail);
        if (place.version && strcmp(place.folders[CGROUP_MEMORY], memory))
            fail_msg("%s: memory in %s", PLACES[i].why, place.folders[CGROUP_MEMORY]);
        if (place.version && strcmp(place.folders[CGROUP_CPU], PLACES[i].cpu ? cpu : ""))
            fail_msg("%s: cpu in %s", PLACES[i].why, place.folders[CGROUP_CPU]);
        remove_tree("tree");
    }
}

TEST(where_nothing_may_be_written)
{
    struct cgroup_place place;

    if (geteuid() == 0) {
        printf("SKIPPED a tree that may not be written: this is root\n");
        return;
    }
    put("tree/proc/self/cgroup", "4:memory:/\n");
    put("tree/proc/self/mountinfo", MOUNTS_1);
    put("tree/sys/fs/cgroup/memory/cgroup.procs", "");
    CHECK(!chmod("tree/sys/fs/cgroup/memory", 0555));
    cgroup_place_find("tree", NULL, &place);
    CHECK_INT(place.version, 0);
    CHECK(strstr(place.detail, "Permission denied"));
    CHECK(!chmod("tree/sys/fs/cgroup/memory", 0755));
}

TEST(a_path_that_is_too_long)
{
    struct cgroup_place place;
    char groups[1200] = "4:memory:/", name[600];

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    strcat(groups, name);
    put("tree/proc/self/cgroup", groups);
    put("tree/proc/self/mountinfo", MOUNTS_1);
    cgroup_place_find("tree", NULL, &place);
    CHECK_INT(place.version, 0);
}

/* --- what happened --- */

TEST(what_memory_events_say)
{
    static const struct {
        unsigned version;
        const char *events, *failures;
        enum cgroup_end want;
    } cases[] = {
        {2, "low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\noom_group_kill 0\n", NULL, CGROUP_FINE},
        {2, "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n", NULL, CGROUP_EXCEEDED},
        {2, "low 0\nhigh 0\nmax 0\noom 0\noom_kill 3\n", NULL, CGROUP_OUT_OF_MEMORY},
        {2, "", NULL, CGROUP_FINE},
        {1, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", "7\n", CGROUP_FINE},
        {1, "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", "7\n", CGROUP_EXCEEDED},
        {1, "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", "0\n", CGROUP_OUT_OF_MEMORY},
        {1, "oom_kill_disable 0\nunder_oom 1\n", "0\n", CGROUP_FINE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cgroup group = {.version = cases[i].version, .folders = {"group"}};

        put(cases[i].version == 2 ? "group/memory.events" : "group/memory.oom_control",
            cases[i].events);
        if (cases[i].failures)
            put("group/memory.failcnt", cases[i].failures);
        CHECK_INT(cgroup_look(&group), cases[i].want);
        remove_tree("group");
    }
}

TEST(what_is_missing_is_named)
{
    const struct cgroup_place place = {.version = 1, .folders = {"tree/memory"}};
    const struct cgroup_limits limits = {.memory_bytes = MIB};
    struct cgroup group;
    struct error err;

    CHECK_FAILS(cgroup_new(&place, &limits, &group, &err), err, STATUS_UNAVAILABLE,
                "a control group: \"tree/memory/firn-");
    put("tree/memory/x", "");
    CHECK_FAILS(cgroup_new(&place, &limits, &group, &err), err, STATUS_UNAVAILABLE,
                "/cgroup.procs\": No such file");
    CHECK(!remove("tree/memory/x") && !rmdir("tree/memory")); /* nothing is left in it */
}

TEST(groups_of_dead_servers_go)
{
    const struct cgroup_place place = {.version = 1, .folders = {"tree", "", ""}};
    struct stat about;
    char path[3][256];
    FILE *file;
    long long start = 0;
    char text[1024], *rest;

    CHECK(!stat("/proc/self/ns/pid", &about));
    file = fopen("/proc/self/stat", "r");
    CHECK(file && fgets(text, sizeof text, file) && !fclose(file));
    rest = strrchr(text, ')') + 2;
    for (int i = 3; i < 22; i++)
        rest = strchr(rest, ' ') + 1;
    start = atoll(rest);
    snprintf(path[0], sizeof path[0], "tree/firn-%llu-%d-%lld-0/x",
             (unsigned long long)about.st_ino, (int)getpid(), start);
    snprintf(path[1], sizeof path[1], "tree/firn-%llu-%d-%lld-0/x",
             (unsigned long long)about.st_ino, (int)getpid(), start + 1);
    snprintf(path[2], sizeof path[2], "tree/firn-%llu-%d-%lld-0/x",
             (unsigned long long)about.st_ino + 1, (int)getpid(), start + 1);
    for (int i = 0; i < 3; i++) {
        put(path[i], "");
        CHECK(!remove(path[i]));
        path[i][strlen(path[i]) - 2] = 0;
    }
    put("tree/firn-server/x", "");
    put("tree/firn-1-2/x", "");
    cgroup_sweep(&place);
    CHECK(!access(path[0], F_OK)); /* ours */
    CHECK(access(path[1], F_OK));  /* of one who had our number */
    CHECK(!access(path[2], F_OK)); /* of a namespace where that number is somebody else's */
    CHECK(!access("tree/firn-server", F_OK) && !access("tree/firn-1-2", F_OK));
}

/* --- a real one --- */

static bool real_place(struct cgroup_place *place)
{
    cgroup_place_find("", NULL, place);
    if (place->version)
        return true;
    printf("SKIPPED real control groups: %s\n", place->detail);
    return false;
}

/* A child in a group that takes `size` bytes, or waits; what waitpid said. */
static pid_t child_make(struct cgroup *group, size_t size)
{
    pid_t pid = fork();
    char *memory;

    if (pid)
        return pid;
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        if (group->procs[i] >= 0 && write(group->procs[i], "0", 1) != 1)
            _exit(9);
    memory = size ? mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                  : NULL;
    for (size_t at = 0; at < size; at += 4096)
        ((volatile char *)memory)[at] = 1;
    if (!size)
        pause();
    _exit(0);
}

TEST(the_kernel_ends_what_takes_too_much)
{
    const struct cgroup_limits limits = {.memory_bytes = (size_t)64 * MIB, .processes = 20};
    struct cgroup_place place;
    struct cgroup group;
    struct error err;
    int ended;

    if (!real_place(&place))
        return;
    CHECK_OK(cgroup_new(&place, &limits, &group, &err), err);
    CHECK_INT(waitpid(child_make(&group, (size_t)16 * MIB), &ended, 0) > 0, 1);
    CHECK(WIFEXITED(ended) && !WEXITSTATUS(ended));
    CHECK_INT(cgroup_look(&group), CGROUP_FINE);
    if (place.folders[CGROUP_MEMORY][0]) {
        CHECK_INT(waitpid(child_make(&group, (size_t)200 * MIB), &ended, 0) > 0, 1);
        CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
        CHECK_INT(cgroup_look(&group), CGROUP_EXCEEDED);
    }
    cgroup_remove(&group);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        CHECK(!group.folders[i][0] || access(group.folders[i], F_OK));
}

/* A child in a group that takes a third of a second of processor time. */
static pid_t burner_make(struct cgroup *group)
{
    struct timespec now = {0};
    pid_t pid = fork();

    if (pid)
        return pid;
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        if (group->procs[i] >= 0 && write(group->procs[i], "0", 1) != 1)
            _exit(9);
    while (!now.tv_sec && now.tv_nsec < 300000000)
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    _exit(0);
}

TEST(the_kernel_slows_what_takes_too_much_of_the_processor)
{
    const struct cgroup_limits limits = {.cpu_percent = 20};
    struct timespec begin, end;
    struct cgroup_place place;
    struct cgroup group;
    struct error err;
    double seconds;
    int ended;

    if (!real_place(&place))
        return;
    if (!place.folders[CGROUP_CPU][0]) {
        printf("SKIPPED processor time of a control group: %s\n", place.detail);
        return;
    }
    CHECK_OK(cgroup_new(&place, &limits, &group, &err), err);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK(waitpid(burner_make(&group), &ended, 0) > 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(WIFEXITED(ended) && !WEXITSTATUS(ended));
    seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    if (seconds < 1.3) /* 15 times 20 ms in 100 ms, but for the last period */
        fail_msg("0.3 s of processor time took %.2f s at 20 %%", seconds);
    cgroup_remove(&group);
}

TEST(what_still_runs_ends_with_its_group)
{
    const struct cgroup_limits limits = {.processes = 20};
    struct cgroup_place place;
    struct cgroup group;
    struct error err;
    pid_t pid;
    int ended;

    if (!real_place(&place))
        return;
    CHECK_OK(cgroup_new(&place, &limits, &group, &err), err);
    pid = child_make(&group, 0);
    usleep(100000);
    cgroup_remove(&group);
    CHECK_INT(waitpid(pid, &ended, 0), pid);
    CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        CHECK(!group.folders[i][0] || access(group.folders[i], F_OK));
}
