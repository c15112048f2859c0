// SPDX-License-Identifier: Apache-2.0
#include "workers/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workers/launch.h"
#include "workers/user_namespace.h"
#include "workers/worker.h"

/* Ids that no distribution gives to anybody: one for each servable. */
enum {
    UID_FIRST = 0x70000000,
    UID_COUNT = 0xffff,
    UID_NOBODY = 65534,
    STACK_BYTES_THREAD = 16 << 20,
    TRIAL_BYTES = 1 << 30,
};

static const char *const LABELS[] = {
#define LAYER(name, label, meaning) label,
#include "workers/layers.def"
#undef LAYER
};

/* Those who install are not those who work: what they wrote is not theirs to change. */
static unsigned uid_of(const struct sandbox_request *request, const struct sandbox_ability *ability)
{
    unsigned first = request->install ? UID_FIRST + UID_COUNT : UID_FIRST;

    return ability->uid == UID_FIRST ? first + request->number % UID_COUNT : ability->uid;
}

static const int NO_GROUPS[CGROUP_CONTROLLERS] = {-1, -1, -1};

static struct launch *launch_new(const struct sandbox_request *request,
                                 const struct sandbox_ability *ability)
{
    struct launch *launch = mmap(NULL, sizeof *launch, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* the child writes to it */

    if (launch == MAP_FAILED)
        return NULL;
    arena_init(&launch->arena, LAUNCH_BYTES_MAX);
    launch->request = request;
    launch->ability = ability;
    launch->groups = NO_GROUPS;
    snprintf(launch->id_map, sizeof launch->id_map, "%u %u 1", geteuid(), geteuid());
    snprintf(launch->group_map, sizeof launch->group_map, "%u %u 1", getegid(), getegid());
    if (request->sandbox)
        launch->uid = uid_of(request, ability);
    return launch;
}

static void launch_free(struct launch *launch)
{
    if (!launch)
        return;
    arena_release(&launch->arena);
    munmap(launch, sizeof *launch);
}

/* Files that lie in memory. */
static size_t files_bytes(const struct sandbox_request *request,
                          const struct sandbox_ability *ability)
{
    if (!request->sandbox || !ability->has[LAYER_FILES])
        return 0;
    return LAUNCH_SHARED_BYTES +
           (request->install ? (size_t)LAUNCH_SHARED_BYTES : request->temporary_bytes);
}

static enum status group_make(struct launch *launch, struct cgroup *group, struct error *err)
{
    const struct sandbox_request *request = launch->request;
    const struct cgroup_limits limits = {
        .memory_bytes = request->memory_bytes
                            ? request->memory_bytes + files_bytes(request, launch->ability)
                            : 0,
        .processes = LAUNCH_PROCESSES_MAX,
        .cpu_percent = request->cpu_percent};

    *group = (struct cgroup){0};
    if (!launch->ability->has[LAYER_CGROUP])
        return STATUS_OK;
    TRY(cgroup_new(&launch->ability->groups, &limits, group, err));
    launch->groups = group->procs;
    return STATUS_OK;
}

/* Make it; false with launch->failed, and nothing left but what ended at once. */
static bool run(struct launch *launch, struct sandbox_child *child)
{
    bool good = launch_run(launch, child);
    siginfo_t info;

    cgroup_entered(&child->group);
    if (good && launch->program)
        return true;
    if (child->pidfd >= 0) {
        while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) && errno == EINTR)
            ;
        close(child->pidfd);
    }
    cgroup_remove(&child->group);
    return good;
}

/* --- what this machine can do --- */

/* Go through the list with what `ability` has, without a program at its end. */
static bool trial(const struct sandbox_ability *ability, char *detail, size_t size)
{
    const struct sandbox_request request = {.sandbox = true, .memory_bytes = TRIAL_BYTES};
    struct launch *launch = launch_new(&request, ability);
    struct sandbox_child child = {.pidfd = -1};
    struct error err;
    bool good;

    if (!launch || launch_view_system(launch, &err) || launch_filter(launch, &err) ||
        group_make(launch, &child.group, &err)) {
        snprintf(detail, size, "%.150s", launch ? err.text : "no memory");
        launch_free(launch);
        return false;
    }
    good = run(launch, &child);
    if (!good)
        snprintf(detail, size, "%s: %s", launch->failed, strerror(launch->error));
    launch_free(launch);
    return good;
}

/* Keep `layer` when a child can be made with it. */
static void try_layer(struct sandbox_ability *ability, enum sandbox_layer layer)
{
    ability->has[layer] = true;
    ability->has[layer] = trial(ability, ability->detail[layer], sizeof ability->detail[layer]);
    if (ability->has[layer])
        ability->detail[layer][0] = 0;
}

static void try_user(struct sandbox_ability *ability)
{
    char *detail = ability->detail[LAYER_USER];
    size_t size = sizeof ability->detail[LAYER_USER];

    if (geteuid() == 0) {
        const unsigned ids[] = {UID_FIRST, UID_NOBODY};

        for (size_t i = 0; i < ARRAY_COUNT(ids) && !ability->has[LAYER_USER]; i++) {
            ability->uid = ids[i];
            try_layer(ability, LAYER_USER);
        }
        if (ability->has[LAYER_USER])
            snprintf(detail, size, "user id %u", ability->uid);
        else
            ability->uid = 0;
        return;
    }
    ability->user_namespace = true;
    try_layer(ability, LAYER_USER);
    ability->user_namespace = ability->has[LAYER_USER];
    if (ability->user_namespace) {
        snprintf(detail, size, "user namespace");
    } else {
        char why[80];
        user_namespace_why("", why, sizeof why);
        snprintf(detail + strlen(detail), size - strlen(detail), " (%s)", why);
    }
}

static void try_files(struct sandbox_ability *ability)
{
    ability->proc = ability->has[LAYER_PROCESSES];
    try_layer(ability, LAYER_FILES);
    if (ability->has[LAYER_FILES] || !ability->proc)
        return;
    ability->proc = false; /* parts of it are hidden from us: a container */
    try_layer(ability, LAYER_FILES);
    if (ability->has[LAYER_FILES])
        snprintf(ability->detail[LAYER_FILES], sizeof ability->detail[LAYER_FILES],
                 "without /proc");
}

static void try_landlock(struct sandbox_ability *ability)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    char *detail = ability->detail[LAYER_LANDLOCK];

    if (abi <= 0) {
        snprintf(detail, sizeof ability->detail[LAYER_LANDLOCK], "not in this kernel: %s",
                 strerror(errno));
        return;
    }
    ability->landlock_abi = (int)abi;
    try_layer(ability, LAYER_LANDLOCK);
    if (ability->has[LAYER_LANDLOCK])
        snprintf(detail, sizeof ability->detail[LAYER_LANDLOCK], "ABI %ld", abi);
    else
        ability->landlock_abi = 0;
}

static void try_cgroup(struct sandbox_ability *ability)
{
    const char *wanted = getenv("FIRN_WORKER_CGROUP");

    cgroup_place_find("", wanted && *wanted ? wanted : NULL, &ability->groups);
    if (ability->groups.version) {
        cgroup_sweep(&ability->groups);
        try_layer(ability, LAYER_CGROUP);
    }
    if (ability->has[LAYER_CGROUP] || !ability->groups.version)
        snprintf(ability->detail[LAYER_CGROUP], sizeof ability->detail[LAYER_CGROUP], "%s",
                 ability->groups.detail);
}

static struct sandbox_ability ABILITY;

static void find_out(void)
{
    ABILITY.has[LAYER_PRIVILEGES] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0;
    ABILITY.has[LAYER_LIMITS] = true;
    try_layer(&ABILITY, LAYER_SYSTEM_CALLS);
    try_user(&ABILITY);
    try_layer(&ABILITY, LAYER_PROCESSES);
    try_layer(&ABILITY, LAYER_NETWORK);
    try_layer(&ABILITY, LAYER_IPC);
    try_files(&ABILITY);
    try_landlock(&ABILITY);
    try_cgroup(&ABILITY);
}

const struct sandbox_ability *sandbox_ability(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_out);
    return &ABILITY;
}

enum status sandbox_check(const struct sandbox_ability *ability, struct error *err)
{
    static const enum sandbox_layer NEEDED[] = {LAYER_PRIVILEGES, LAYER_SYSTEM_CALLS, LAYER_USER};

    for (size_t i = 0; i < ARRAY_COUNT(NEEDED); i++) {
        const char *detail = ability->detail[NEEDED[i]];
        if (ability->has[NEEDED[i]])
            continue;
        (void)!error_set(err, STATUS_UNAVAILABLE,
                         "workers need a sandbox, and this machine has no layer \"%s\"%s%s",
                         LABELS[NEEDED[i]], detail[0] ? ": " : "", detail);
        error_fix(err,
                  "%s; or, for models whose code you would run yourself, --set worker_sandbox=0 "
                  "(docs/workers.md, \"For those who run it\")",
                  NEEDED[i] != LAYER_USER ? "run firn where the kernel has seccomp"
                  : geteuid()             ? "allow user namespaces, or run firn as root"
                                          : "give firn CAP_SETUID and CAP_SETGID");
        return err->status;
    }
    return STATUS_OK;
}

void worker_sandbox_describe(struct text *text)
{
    const struct sandbox_ability *ability = sandbox_ability();

    for (size_t i = 0; i < LAYER_COUNT; i++)
        text_printf(text, "%-13s %s%s%s\n", LABELS[i], ability->has[i] ? "yes" : "no",
                    ability->detail[i][0] ? ": " : "", ability->detail[i]);
}

void worker_sandbox_missing(struct text *text)
{
    const struct sandbox_ability *ability = sandbox_ability();

    for (size_t i = 0; i < LAYER_COUNT; i++) {
        const char *detail = ability->detail[i];

        if (!ability->has[i])
            text_printf(text, "%s%s%s%s%s", text->size ? ", " : "", LABELS[i],
                        detail[0] ? " (" : "", detail, detail[0] ? ")" : "");
    }
}

bool worker_sandbox_hides_files(void)
{
    const struct sandbox_ability *ability = sandbox_ability();

    return ability->has[LAYER_FILES] || ability->has[LAYER_LANDLOCK];
}

bool worker_sandbox_bounds_cpu(void)
{
    const struct sandbox_ability *ability = sandbox_ability();

    return ability->has[LAYER_CGROUP] && ability->groups.folders[CGROUP_CPU][0];
}

enum status worker_sandbox_check(struct error *err)
{
    return sandbox_check(sandbox_ability(), err);
}

/* --- starting --- */

unsigned sandbox_uid(const struct sandbox_request *request)
{
    return request->sandbox ? uid_of(request, sandbox_ability()) : 0;
}

const char *sandbox_files(const struct sandbox_request *request)
{
    return request->sandbox && sandbox_ability()->has[LAYER_FILES] ? "/model/files"
                                                                   : request->files;
}

size_t sandbox_files_bytes(const struct sandbox_request *request)
{
    return files_bytes(request, sandbox_ability());
}

static bool install_set(struct launch *launch)
{
    const struct sandbox_request *request = launch->request;

    launch->program = request->arguments[0];
    launch->arguments = (const char **)(uintptr_t)request->arguments;
    launch->environment = (const char **)(uintptr_t)request->install->variables;
    launch->folder = request->install->folder;
    return true;
}

static bool program_set(struct launch *launch, bool view)
{
    const struct sandbox_request *request = launch->request;
    const char *home = view ? "/tmp" : request->temporary ? request->temporary : "/tmp";
    struct arena *arena = &launch->arena;
    size_t count = 0;
    const char **list = arena_new(arena, const char *, 16);

    while (request->arguments[count])
        count++;
    launch->program = request->python;
    launch->arguments = arena_new(arena, const char *, count + 2);
    launch->environment = list;
    launch->folder = view ? "/" : home;
    if (!launch->arguments || !list)
        return false;
    launch->arguments[0] = request->python;
    memcpy(launch->arguments + 1, request->arguments, count * sizeof *request->arguments);
    *list++ = arena_printf(arena, "PATH=%s%s/usr/local/bin:/usr/bin:/bin",
                           request->environment ? request->environment : "",
                           request->environment ? "/bin:" : "");
    *list++ = arena_printf(arena, "PYTHONPATH=%s", view ? "/model/worker" : request->code);
    *list++ = arena_printf(arena, "HOME=%s", home);
    *list++ = arena_printf(arena, "TMPDIR=%s", home);
    *list++ = arena_printf(arena, "OMP_NUM_THREADS=%u", request->threads);
    *list++ = "LANG=C.UTF-8";
    *list++ = "USER=worker";
    *list++ = "LOGNAME=worker";
    *list++ = "PYTHONUNBUFFERED=1";
    *list++ = "PYTHONDONTWRITEBYTECODE=1";
    for (size_t i = 0; i < 5; i++)
        if (!launch->environment[i])
            return false;
    return true;
}

static enum status prepare(struct launch *launch, struct error *err)
{
    const struct sandbox_request *request = launch->request;
    const struct sandbox_ability *ability = launch->ability;

    if (request->sandbox) {
        TRY(sandbox_check(ability, err));
        if (request->java && !ability->has[LAYER_NETWORK])
            return error_set(
                err, STATUS_UNAVAILABLE,
                "this framework runs on a Java machine, which talks by TCP: workers may "
                "do so only in a network of their own, and there is no layer \"network\"");
        TRY(launch_view(launch, err));
        TRY(launch_filter(launch, err));
    }
    /* the stacks and buffers that threads of numeric libraries reserve are not the model's */
    if (request->memory_bytes)
        launch->memory_bytes =
            request->memory_bytes + (size_t)request->threads * STACK_BYTES_THREAD;
    if (request->install ? !install_set(launch)
                         : !program_set(launch, request->sandbox && ability->has[LAYER_FILES]))
        return error_no_memory(err, "a worker");
    return STATUS_OK;
}

/* The step that failed. A user of its own needs the way to what it opens. */
static enum status say_failure(const struct launch *launch, struct error *err)
{
    char user[32] = "";

    if (launch->uid && launch->error == EACCES)
        snprintf(user, sizeof user, " for user %u", launch->uid);
    (void)!error_set(err, STATUS_UNAVAILABLE, "cannot start: %s: %s%s", launch->failed,
                     strerror(launch->error), user);
    if (user[0])
        error_fix(err, "let other users enter the folders above it: chmod o+x");
    return err->status;
}

enum status sandbox_start(const struct sandbox_request *request, struct sandbox_child *child,
                          struct error *err)
{
    struct launch *launch = launch_new(request, sandbox_ability());
    enum status status;

    if (!launch)
        return error_no_memory(err, "a worker");
    *child = (struct sandbox_child){.pidfd = -1};
    status = prepare(launch, err);
    if (!status)
        status = group_make(launch, &child->group, err);
    if (status)
        status = error_within(err, "cannot start");
    else if (!run(launch, child))
        status = say_failure(launch, err);
    launch_free(launch);
    return status;
}
