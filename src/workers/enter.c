// SPDX-License-Identifier: Apache-2.0
/* The child between clone and execve. It runs in the server's memory while the thread that made it
 * sleeps: nothing but raw system calls (wrappers of the C library keep accounts of threads and of
 * users that are the server's), no memory, no locks, no sanitizers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "workers/launch.h"

#define RAW __attribute__((no_sanitize("thread"), no_sanitize("address")))

enum {
    STACK_BYTES = 256 << 10,
    PARKED_FD = 64, /* from where on descriptors wait before they get their numbers */
    DESCRIPTORS_MAX = 1024,
};

/* Newer than the headers of Debian 12. */
enum {
    ACCESS_FS_REFER = 1 << 13,
    ACCESS_FS_TRUNCATE = 1 << 14,
    ACCESS_FS_IOCTL_DEV = 1 << 15,
    ACCESS_NET_BIND = 1,
    ACCESS_NET_ALL = 3,
    SCOPE_ALL = 3,
};

struct landlock_attributes {
    uint64_t access_fs, access_net, scoped;
};

static RAW bool fail(struct launch *launch, const char *what)
{
    launch->error = errno;
    launch->failed = what;
    return false;
}

#define STEP(launch, call, what)                                                                   \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            return fail(launch, what);                                                             \
    } while (0)

static RAW bool write_file(struct launch *launch, const char *path, int flags, const char *text)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC | flags, 0444);
    size_t size = 0;

    while (text[size])
        size++;
    STEP(launch, fd, path);
    STEP(launch, syscall(SYS_write, fd, text, size), path);
    syscall(SYS_close, fd);
    return true;
}

static RAW bool enter_groups(struct launch *launch)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
        if (launch->groups[i] >= 0)
            STEP(launch, syscall(SYS_write, launch->groups[i], "0", 1), "a control group");
    return true;
}

/* In a user namespace: the same user and group, alone. */
static RAW bool enter_user(struct launch *launch)
{
    return write_file(launch, "/proc/self/setgroups", 0, "deny") &&
           write_file(launch, "/proc/self/uid_map", 0, launch->id_map) &&
           write_file(launch, "/proc/self/gid_map", 0, launch->group_map);
}

/* --- files --- */

static RAW bool bind_mount(struct launch *launch, const struct launch_step *step)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};

    if (step->kind == STEP_DEVICE)
        attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    else if (step->kind == STEP_WRITABLE)
        attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    else
        attributes.attr_set |= MOUNT_ATTR_NODEV;
    STEP(launch, syscall(SYS_mount, step->source, step->target, NULL, MS_BIND | MS_REC, NULL),
         step->target);
    STEP(launch,
         syscall(SYS_mount_setattr, AT_FDCWD, step->target, AT_RECURSIVE, &attributes,
                 sizeof attributes),
         step->target);
    return true;
}

static RAW bool step_run(struct launch *launch, const struct launch_step *step)
{
    switch (step->kind) {
    case STEP_FOLDER:
        if (syscall(SYS_mkdirat, AT_FDCWD, step->target, 0755) < 0 && errno != EEXIST)
            return fail(launch, step->target);
        return true;
    case STEP_FILE:
        return write_file(launch, step->target, O_CREAT, step->data ? step->data : "");
    case STEP_LINK:
        STEP(launch, syscall(SYS_symlinkat, step->source, AT_FDCWD, step->target), step->target);
        return true;
    case STEP_MOUNT:
    case STEP_MOUNT_PROGRAMS:
        STEP(launch,
             syscall(SYS_mount, step->source, step->target, step->source,
                     MS_NOSUID | MS_NODEV | (step->kind == STEP_MOUNT ? MS_NOEXEC : 0), step->data),
             step->target);
        return true;
    case STEP_BIND:
    case STEP_WRITABLE:
    case STEP_DEVICE:
        break;
    }
    return bind_mount(launch, step);
}

static RAW bool enter_view(struct launch *launch)
{
    STEP(launch, syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mounts");
    STEP(launch,
         syscall(SYS_mount, "tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
                 "mode=0755,nr_inodes=4096,size=1m"),
         "a root");
    STEP(launch, syscall(SYS_chdir, "/tmp"), "a root");
    STEP(launch, syscall(SYS_mkdirat, AT_FDCWD, ".old", 0700), "a root");
    STEP(launch, syscall(SYS_pivot_root, ".", ".old"), "a root");
    STEP(launch, syscall(SYS_chdir, "/"), "a root");
    for (size_t i = 0; i < launch->step_count; i++)
        if (!step_run(launch, &launch->steps[i]))
            return false;
    STEP(launch, syscall(SYS_umount2, "/.old", MNT_DETACH), "the old root");
    STEP(launch, syscall(SYS_unlinkat, AT_FDCWD, "/.old", AT_REMOVEDIR), "the old root");
    STEP(launch,
         syscall(SYS_mount, NULL, "/", NULL,
                 MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL),
         "the root");
    return true;
}

/* The only interface of a network of its own: with it up, processes of the worker reach each other
 * and nothing else. */
static RAW bool enter_loopback(struct launch *launch)
{
    struct ifreq interface = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    long fd = syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    STEP(launch, fd, "the loopback interface");
    STEP(launch, syscall(SYS_ioctl, fd, SIOCSIFFLAGS, &interface), "the loopback interface");
    syscall(SYS_close, fd);
    return true;
}

static RAW uint64_t landlock_handled(int abi)
{
    uint64_t handled = ACCESS_FS_REFER - 1;

    if (abi >= 2)
        handled |= ACCESS_FS_REFER;
    if (abi >= 3)
        handled |= ACCESS_FS_TRUNCATE;
    if (abi >= 5)
        handled |= ACCESS_FS_IOCTL_DEV;
    return handled;
}

static RAW bool enter_landlock(struct launch *launch)
{
    int abi = launch->ability->landlock_abi;
    struct landlock_attributes attributes = {.access_fs = landlock_handled(abi)};
    size_t size = abi >= 6   ? sizeof attributes
                  : abi >= 4 ? offsetof(struct landlock_attributes, scoped)
                             : offsetof(struct landlock_attributes, access_net);
    long set;

    attributes.access_net = abi < 4 || launch->request->java ? 0
                            : launch->request->install       ? ACCESS_NET_BIND
                                                             : ACCESS_NET_ALL;
    attributes.scoped = abi >= 6 ? SCOPE_ALL : 0;
    set = syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    STEP(launch, set, "landlock");
    for (size_t i = 0; i < launch->rule_count; i++) {
        struct landlock_path_beneath_attr rule = {.allowed_access = launch->rules[i].access &
                                                                    attributes.access_fs};
        long fd = syscall(SYS_openat, AT_FDCWD, launch->rules[i].path, O_PATH | O_CLOEXEC, 0);

        STEP(launch, fd, launch->rules[i].path);
        rule.parent_fd = (int)fd;
        STEP(launch, syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0),
             launch->rules[i].path);
        syscall(SYS_close, fd);
    }
    STEP(launch, syscall(SYS_landlock_restrict_self, set, 0), "landlock");
    syscall(SYS_close, set);
    return true;
}

/* --- descriptors, limits, rights --- */

static RAW bool enter_descriptors(struct launch *launch)
{
    const struct sandbox_request *request = launch->request;
    const int from[] = {request->input, request->output, request->output, request->socket,
                        request->arena};

    long parked[ARRAY_COUNT(from)];
    size_t count = 0;

    while (count < ARRAY_COUNT(from) && from[count] >= 0)
        count++;
    for (size_t i = 0; i < count; i++) { /* none may be in another's place */
        parked[i] = syscall(SYS_fcntl, from[i], F_DUPFD_CLOEXEC, PARKED_FD);
        STEP(launch, parked[i], "descriptors");
    }
    for (size_t i = 0; i < count; i++)
        STEP(launch, syscall(SYS_dup3, parked[i], (int)i, 0), "descriptors");
    STEP(launch, syscall(SYS_close_range, count, ~0u, 0), "descriptors");
    return true;
}

static RAW bool limit(struct launch *launch, int what, uint64_t most)
{
    struct rlimit now;

    STEP(launch, syscall(SYS_prlimit64, 0, what, NULL, &now), "limits");
    if (now.rlim_max != RLIM_INFINITY && most > now.rlim_max)
        most = now.rlim_max;
    now = (struct rlimit){most, most};
    STEP(launch, syscall(SYS_prlimit64, 0, what, &now, NULL), "limits");
    return true;
}

/* Memory as private writable pages: address space that libraries only reserve is free. */
static RAW bool enter_limits(struct launch *launch)
{
    return limit(launch, RLIMIT_CORE, 0) && limit(launch, RLIMIT_NOFILE, DESCRIPTORS_MAX) &&
           (!launch->request->sandbox || !launch->request->temporary_bytes ||
            limit(launch, RLIMIT_FSIZE, launch->request->temporary_bytes)) &&
           (!launch->request->sandbox || limit(launch, RLIMIT_NPROC, LAUNCH_PROCESSES_MAX)) &&
           (!launch->memory_bytes || limit(launch, RLIMIT_DATA, launch->memory_bytes));
}

static RAW bool enter_rights(struct launch *launch)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    for (int capability = 0; launch->request->sandbox && capability < 64; capability++)
        syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0); /* fails where there is none */
    if (launch->uid) {
        STEP(launch, syscall(SYS_setgroups, 0, NULL), "the user id");
        STEP(launch, syscall(SYS_setresgid, launch->uid, launch->uid, launch->uid), "the user id");
        STEP(launch, syscall(SYS_setresuid, launch->uid, launch->uid, launch->uid), "the user id");
    }
    if (launch->request->sandbox)
        STEP(launch, syscall(SYS_capset, &header, none), "capabilities");
    /* after the user id, which resets it: die with the thread that looks after it */
    STEP(launch, syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "the end with its parent");
    STEP(launch, syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "its children");
    STEP(launch, syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "privileges");
    return true;
}

static RAW void signals_reset(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } fresh = {0};

    for (int signal = 1; signal <= 64; signal++)
        syscall(SYS_rt_sigaction, signal, &fresh, NULL, sizeof(uint64_t));
}

static RAW bool enter(struct launch *launch)
{
    const bool *has = launch->ability->has;
    bool sandbox = launch->request->sandbox;
    uint64_t none = 0;

    signals_reset();
    if (launch->request->install)
        syscall(SYS_umask, 022);
    STEP(launch, syscall(SYS_setsid), "a session");
    if (!enter_groups(launch))
        return false;
    if (sandbox && launch->ability->user_namespace && !enter_user(launch))
        return false;
    if (launch->program && !enter_descriptors(launch))
        return false;
    if (sandbox && has[LAYER_FILES] && !enter_view(launch))
        return false;
    if (sandbox && launch->request->java && !enter_loopback(launch))
        return false;
    if (sandbox && has[LAYER_IPC])
        STEP(launch, syscall(SYS_sethostname, "worker", 6), "a host name");
    if (!enter_limits(launch) || !enter_rights(launch))
        return false;
    if (sandbox && has[LAYER_LANDLOCK] && !enter_landlock(launch))
        return false;
    if (launch->folder)
        STEP(launch, syscall(SYS_chdir, launch->folder), launch->folder);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    if (sandbox && has[LAYER_SYSTEM_CALLS])
        STEP(launch, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &launch->filter),
             "the filter of system calls");
    if (!launch->program)
        return true;
    syscall(SYS_execve, launch->program, launch->arguments, launch->environment);
    return fail(launch, launch->program);
}

static RAW int child_main(void *argument)
{
    bool good = enter(argument);

    syscall(SYS_exit_group, good ? 0 : 127);
    return 0;
}

static int clone_flags(const struct launch *launch)
{
    const struct sandbox_ability *ability = launch->ability;
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;

    if (!launch->request->sandbox)
        return flags;
    return flags | (ability->user_namespace ? CLONE_NEWUSER : 0) |
           (ability->has[LAYER_FILES] ? CLONE_NEWNS : 0) |
           (ability->has[LAYER_PROCESSES] ? CLONE_NEWPID : 0) |
           (ability->has[LAYER_NETWORK] && !launch->request->install ? CLONE_NEWNET : 0) |
           (ability->has[LAYER_IPC] ? CLONE_NEWIPC | CLONE_NEWUTS : 0);
}

/* The thread sanitizer takes every clone for a fork and gives up in its child, whose memory is
 * ours: under it, copy the memory, behind its back. */
static RAW pid_t make_child(struct launch *launch, void *stack, int flags, int *pidfd)
{
#ifdef __SANITIZE_THREAD__
    long pid = syscall(SYS_clone, flags & ~CLONE_VM, 0, pidfd, 0, 0);

    (void)stack;
    if (!pid)
        child_main(launch);
    return (pid_t)pid;
#else
    return clone(child_main, (char *)stack + STACK_BYTES, flags, launch, pidfd);
#endif
}

bool launch_run(struct launch *launch, struct sandbox_child *child)
{
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    sigset_t all, before;
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return fail(launch, "a stack");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler may run in the child */
    launch->failed = NULL;
    child->pidfd = -1;
    child->pid = make_child(launch, stack, clone_flags(launch), &child->pidfd);
    if (child->pid < 0)
        fail(launch, "a process");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (dumpable == 1) /* the child's change of user took it from the memory that it shared */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    munmap(stack, STACK_BYTES);
    return child->pid >= 0 && !launch->failed;
}
