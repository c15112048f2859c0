// SPDX-License-Identifier: Apache-2.0
/* contained COMMAND...: run it as in a container with the usual profile: no namespaces, mounts or
 * landlock, few capabilities. What tests say there must be "passed" or SKIPPED. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* Those that Docker leaves to root, as bits. */
static const int KEPT[] = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31};

static int forbid(scmp_filter_ctx filter)
{
    static const int DENIED[] = {
        SCMP_SYS(unshare),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(setns),
        SCMP_SYS(open_tree),
        SCMP_SYS(move_mount),
        SCMP_SYS(fsopen),
        SCMP_SYS(fsmount),
        SCMP_SYS(landlock_create_ruleset),
        SCMP_SYS(landlock_add_rule),
        SCMP_SYS(landlock_restrict_self),
        SCMP_SYS(bpf),
        SCMP_SYS(ptrace),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(io_uring_setup),
    };
    static const unsigned long SPACES[] = {CLONE_NEWNS,    CLONE_NEWUTS, CLONE_NEWIPC,
                                           CLONE_NEWUSER,  CLONE_NEWPID, CLONE_NEWNET,
                                           CLONE_NEWCGROUP};
    int failed = 0;

    for (size_t i = 0; i < sizeof DENIED / sizeof *DENIED; i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), DENIED[i], 0);
    for (size_t i = 0; i < sizeof SPACES / sizeof *SPACES; i++)
        failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                   SCMP_A0(SCMP_CMP_MASKED_EQ, SPACES[i], SPACES[i]));
    return failed | seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static void drop_capabilities(void)
{
    for (int i = 0; i < 64; i++) {
        int kept = 0;

        for (size_t k = 0; k < sizeof KEPT / sizeof *KEPT; k++)
            kept |= KEPT[k] == i;
        if (!kept)
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* takes effect with exec */
    }
}

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (argc < 2)
        return 2;
    drop_capabilities();
    if (!filter || forbid(filter) || seccomp_load(filter)) {
        fprintf(stderr, "contained: no filter\n");
        return 1;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
