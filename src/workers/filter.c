// SPDX-License-Identifier: Apache-2.0
/* System calls that a worker may not make: what reaches the network, other processes, the kernel's
 * seldom used doors, or memory that nothing accounts for. Everything else frameworks do. */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/launch.h"

/* The network; a pair of connected sockets stays possible. */
static const char *const REFUSED_NETWORK[] = {"socket", "connect", "bind"};

/* What serves others: an install may ask, and nobody asks it. */
static const char *const REFUSED_SERVING[] = {"listen", "accept", "accept4"};

static const char *const REFUSED[] = {
    /* other processes */
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
    /* file systems and namespaces */
    "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "move_mount", "open_tree", "mount_setattr", "unshare", "setns", "open_by_handle_at",
    "name_to_handle_at", "fanotify_init", "quotactl", "quotactl_fd", "swapon", "swapoff", "acct",
    /* the kernel's doors */
    "bpf", "perf_event_open", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "userfaultfd", "keyctl", "add_key", "request_key", "init_module", "finit_module",
    "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog", "iopl", "ioperm",
    "lookup_dcookie", "vhangup", "nfsservctl", "uselib", "ustat", "sysfs", "_sysctl",
    /* the machine's clock and name */
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname",
    /* memory that counts for nobody */
    "memfd_create", "memfd_secret", "shmget", "move_pages", "migrate_pages"};

/* Without a PID namespace the process group is what is killed. */
static const char *const REFUSED_GROUPS[] = {"setsid", "setpgid"};

static const uint64_t NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

static int refuse(scmp_filter_ctx filter, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        int failure = number == __NR_SCMP_ERROR
                          ? 0 /* not a call of this architecture */
                          : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);

        if (failure)
            return failure;
    }
    return 0;
}

/* In a network of its own: TCP and UDP over IPv4, no other kind of socket. */
static int refuse_all_but_internet(scmp_filter_ctx filter)
{
    enum { KIND_MASK = 0xf }; /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
    int call = SCMP_SYS(socket);
    int failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), call, 1,
                                   SCMP_A0(SCMP_CMP_NE, AF_INET));

    for (scmp_datum_t kind = 0; !failure && kind <= KIND_MASK; kind++)
        if (kind != SOCK_STREAM && kind != SOCK_DGRAM)
            failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                       SCMP_A1(SCMP_CMP_MASKED_EQ, KIND_MASK, kind));
    for (scmp_datum_t protocol = 0; !failure && protocol < IPPROTO_UDP; protocol++)
        if (protocol != 0 && protocol != IPPROTO_TCP)
            failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                       SCMP_A2(SCMP_CMP_EQ, protocol));
    return failure ? failure
                   : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                      SCMP_A2(SCMP_CMP_GT, IPPROTO_UDP));
}

/* Of the network an install has the Internet's protocols, and names; not packets, radios, the
 * kernel's ciphers, virtual machines. */
static int refuse_families(scmp_filter_ctx filter)
{
    static const unsigned allowed[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    int failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                   SCMP_A0(SCMP_CMP_GT, AF_NETLINK));

    for (unsigned family = 0; !failure && family <= AF_NETLINK; family++) {
        bool is_allowed = false;

        for (size_t i = 0; i < ARRAY_COUNT(allowed); i++)
            is_allowed |= allowed[i] == family;
        if (!is_allowed)
            failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                       SCMP_A0(SCMP_CMP_EQ, family));
    }
    return failure;
}

static int refuse_network(scmp_filter_ctx filter, const struct sandbox_request *request)
{
    int failure;

    if (request->java)
        return refuse_all_but_internet(filter);
    failure = refuse(filter, REFUSED_SERVING, ARRAY_COUNT(REFUSED_SERVING));
    if (failure)
        return failure;
    return request->install ? refuse_families(filter)
                            : refuse(filter, REFUSED_NETWORK, ARRAY_COUNT(REFUSED_NETWORK));
}

static int rules_add(scmp_filter_ctx filter, bool groups, const struct sandbox_request *request)
{
    int failure = refuse(filter, REFUSED, ARRAY_COUNT(REFUSED));

    if (!failure)
        failure = refuse_network(filter, request);
    if (!failure && groups)
        failure = refuse(filter, REFUSED_GROUPS, ARRAY_COUNT(REFUSED_GROUPS));
    /* its flags lie in memory, where a filter cannot look: the C library falls back to clone */
    if (!failure)
        failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (uint64_t bit = 1; !failure && bit <= NAMESPACES; bit <<= 1)
        if (NAMESPACES & bit)
            failure = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                       SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
    return failure ? failure : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
}

/* The library writes it to a descriptor; read it back into the launch's memory. */
static enum status export(scmp_filter_ctx filter, struct launch *launch, struct error *err) {
    int fd = memfd_create("firn-filter", MFD_CLOEXEC); struct stat about; ssize_t got = -1;
    void *code = NULL;

    if (fd >= 0 && !seccomp_export_bpf(filter, fd) && !fstat(fd, &about))
        code = arena_alloc(&launch->arena, (size_t)about.st_size, 1);
    if (code) got = pread(fd, code, (size_t)about.st_size, 0);
    if (fd >= 0) close(fd);
    if (got <= 0) return error_set(err, STATUS_UNAVAILABLE,
                                   "the filter of system calls cannot be written");
    launch->filter = (struct sock_fprog){.len = (unsigned short)((size_t)got /
                                                                 sizeof(struct sock_filter)),
                                         .filter = code};
    return STATUS_OK;
}

enum status launch_filter(struct launch *launch, struct error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    enum status status;
    int failure;

    if (!filter)
        return error_no_memory(err, "a filter of system calls");
    failure = rules_add(filter, !launch->ability->has[LAYER_PROCESSES], launch->request);
    if (failure)
        status =
            error_set(err, STATUS_UNAVAILABLE, "a filter of system calls: %s", strerror(-failure));
    else
        status = export(filter, launch, err);
    seccomp_release(filter);
    return status;
}
