// SPDX-License-Identifier: Apache-2.0
/* Where groups can be made. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "workers/cgroup_internal.h"

#define SERVER_GROUP "firn-server"

enum {
    TEXT_MAX = 1 << 20, /* of /proc/self/mountinfo */
    LINE_SIZE = 4096,
    NAME_BYTES_MAX = 128, /* of a group */
    FILE_MAX = 64 << 10,  /* of a control file: cgroup.procs */
    ROUNDS_MAX = 10,      /* of moving processes that make others meanwhile */
};

static const char *const NAMES[CGROUP_CONTROLLERS] = {"memory", "pids", "cpu"};

struct search {
    const char *root, *wanted;
    struct cgroup_place *place;
    char own[CGROUP_PATH_MAX];    /* the group, as /proc/self/cgroup has it */
    char folder[CGROUP_PATH_MAX]; /* the same in the file system */
    char below[CGROUP_PATH_MAX];  /* the same, below what is mounted; "": a namespace's root */
};

static void say(const struct search *search, const char *format, ...) printf_like(2, 3);
static void say(const struct search *search, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(search->place->detail, sizeof search->place->detail, format, list);
    va_end(list);
}

/* Is `name` one of those in a list with these separators? */
static bool list_has(const char *list, size_t list_size, const char *name, const char *separators)
{
    size_t size = strlen(name);

    for (size_t at = 0; at < list_size;) {
        size_t word = strcspn(list + at, separators);

        word = word < list_size - at ? word : list_size - at;
        if (word == size && !memcmp(list + at, name, size))
            return true;
        at += word + 1;
    }
    return false;
}

/* --- which group this process is in --- */

/* A line "ID:CONTROLLER,CONTROLLER:PATH"; version 2 has no controllers. */
static bool own_find(struct search *search, const char *groups, const char *controller)
{
    for (const char *line = groups; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        size_t size = path ? strcspn(path + 1, "\n") : 0;

        if (!path || path > line + strcspn(line, "\n"))
            continue;
        list++;
        if (controller ? !list_has(list, (size_t)(path - list), controller, ",:") : path != list)
            continue;
        if (size == 0 || size >= sizeof search->own)
            return false;
        if (search->wanted)
            snprintf(search->own, sizeof search->own, "%s", search->wanted);
        else
            snprintf(search->own, sizeof search->own, "%.*s", (int)size, path + 1);
        return true;
    }
    return false;
}

/* The part of `path` below `mounted`; NULL: it is not below. */
static const char *below(const char *path, const char *mounted)
{
    size_t size = strcmp(mounted, "/") ? strlen(mounted) : 0;

    if (strncmp(path, mounted, size) || (path[size] && path[size] != '/'))
        return NULL;
    path += size;
    return strcmp(path, "/") ? path : "";
}

/* Octal escapes of spaces and the like, in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *at = text; *at; to++) {
        unsigned code;

        if (*at == '\\' && sscanf(at + 1, "%3o", &code) == 1 && strlen(at) > 3) {
            *to = (char)code;
            at += 4;
        } else {
            *to = *at++;
        }
    }
    *to = 0;
}

/* The folder of the group: where a hierarchy that shows it is mounted (proc(5), mountinfo).
 * `controller` NULL: version 2. */
static bool folder_find(struct search *search, const char *mounts, const char *controller)
{
    char line[LINE_SIZE], mounted[LINE_SIZE], point[LINE_SIZE];
    const char *next;

    for (const char *at = mounts; *at; at = next) {
        char type[64], options[LINE_SIZE];
        const char *rest, *dash;
        size_t size = strcspn(at, "\n");

        next = at + size + (at[size] == '\n');
        if (size >= sizeof line)
            continue;
        memcpy(line, at, size);
        line[size] = 0;
        dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*u %*u %*s %4095s %4095s", mounted, point) != 2 ||
            sscanf(dash, " - %63s %*s %4095s", type, options) != 2)
            continue;
        if (strcmp(type, controller ? "cgroup" : "cgroup2") ||
            (controller && !list_has(options, strlen(options), controller, ",")))
            continue;
        unescape(mounted);
        unescape(point);
        rest = below(search->own, mounted);
        if (!rest || strstr(rest, "/.."))
            continue;
        snprintf(search->below, sizeof search->below, "%s", rest);
        size = (size_t)snprintf(search->folder, sizeof search->folder, "%s%s%s", search->root,
                                point, rest);
        if (size < sizeof search->folder - NAME_BYTES_MAX)
            return true;
    }
    return false;
}

/* --- version 2 --- */

static bool is_marked(const char *folder)
{
    static const char *const marks[] = {"user.delegate", "trusted.delegate"};
    char value[8];

    for (size_t i = 0; i < ARRAY_COUNT(marks); i++)
        if (getxattr(folder, marks[i], value, sizeof value) == 1 && value[0] == '1')
            return true;
    return false;
}

/* Nobody but this process is in it. */
static bool is_alone(const char *folder)
{
    char text[64], own[16];

    snprintf(own, sizeof own, "%d\n", (int)getpid());
    return cgroup_read(folder, "cgroup.procs", text, sizeof text) &&
           (!text[0] || !strcmp(text, own));
}

/* May the group be divided? Writable is not enough: a service manager's groups are its own. */
static bool is_ours(const struct search *search)
{
    return search->wanted || !search->below[0] || is_marked(search->folder) ||
           (geteuid() != 0 && is_alone(search->folder));
}

/* Go up where this process is in a part already: what an earlier process of this group made, or
 * systemd (DelegateSubgroup=). */
static void part_leave(struct search *search)
{
    char *slash = strrchr(search->folder, '/'), *below = strrchr(search->below, '/');

    if (!slash || !below)
        return;
    *slash = 0;
    if (!strcmp(slash + 1, SERVER_GROUP) || is_marked(search->folder))
        *below = 0;
    else
        *slash = '/';
}

/* Move the processes listed in `text`; those of another PID namespace are "0". */
static bool part_enter(const char *part, char *text)
{
    char *rest;

    for (char *pid = strtok_r(text, "\n", &rest); pid; pid = strtok_r(NULL, "\n", &rest)) {
        if (!strcmp(pid, "0")) {
            errno = EBUSY;
            return false;
        }
        if (!cgroup_write(part, "cgroup.procs", pid) && errno != ESRCH)
            return false;
    }
    return true;
}

/* All processes of the group go into one below it. */
static bool part_make(const struct search *search)
{
    char part[CGROUP_PATH_MAX + 32], *text = malloc(FILE_MAX);
    bool good;

    snprintf(part, sizeof part, "%s/" SERVER_GROUP, search->folder);
    good = text && (!mkdir(part, 0755) || errno == EEXIST);
    for (int round = 0; good && round < ROUNDS_MAX; round++) {
        good = cgroup_read(search->folder, "cgroup.procs", text, FILE_MAX);
        if (!good || !text[0])
            break;
        good = part_enter(part, text);
    }
    free(text);
    return good;
}

static bool enable(const struct search *search, const char *name)
{
    char switch_on[32];

    snprintf(switch_on, sizeof switch_on, "+%s", name);
    if (cgroup_write(search->folder, "cgroup.subtree_control", switch_on))
        return true;
    return errno == EBUSY && part_make(search) &&
           cgroup_write(search->folder, "cgroup.subtree_control", switch_on);
}

static void find_version_2(struct search *search, const char *groups, const char *mounts)
{
    char text[1024];

    if (!own_find(search, groups, NULL) || !folder_find(search, mounts, NULL) ||
        !cgroup_read(search->folder, "cgroup.controllers", text, sizeof text) ||
        !(list_has(text, strlen(text), "memory", " \n") ||
          list_has(text, strlen(text), "pids", " \n")))
        return;
    part_leave(search);
    if (access(search->folder, W_OK)) {
        say(search, "%.100s: %s", search->folder, strerror(errno));
        return;
    }
    if (!is_ours(search)) {
        say(search, "%.100s is not delegated to firn", search->folder);
        return;
    }
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        if (!cgroup_read(search->folder, "cgroup.controllers", text, sizeof text) ||
            !list_has(text, strlen(text), NAMES[i], " \n"))
            continue;
        if ((cgroup_read(search->folder, "cgroup.subtree_control", text, sizeof text) &&
             list_has(text, strlen(text), NAMES[i], " \n")) ||
            enable(search, NAMES[i]))
            snprintf(search->place->folders[i], CGROUP_PATH_MAX, "%s", search->folder);
        else
            say(search, "%.90s: controller %s: %s", search->folder, NAMES[i], strerror(errno));
    }
    if (search->place->folders[CGROUP_MEMORY][0] || search->place->folders[CGROUP_PIDS][0])
        search->place->version = 2;
}

/* --- version 1: each controller has a hierarchy of its own --- */

static void find_version_1(struct search *search, const char *groups, const char *mounts)
{
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        search->place->folders[i][0] = 0;
        if (!own_find(search, groups, NAMES[i]) || !folder_find(search, mounts, NAMES[i]))
            continue;
        if (!access(search->folder, W_OK))
            snprintf(search->place->folders[i], CGROUP_PATH_MAX, "%s", search->folder);
        else if (!search->place->detail[0])
            say(search, "%.100s: %s", search->folder, strerror(errno));
    }
    if (search->place->folders[CGROUP_MEMORY][0] || search->place->folders[CGROUP_PIDS][0])
        search->place->version = 1;
}

/* "v1: memory, pids; no cpu" */
static void describe(const struct search *search)
{
    const struct cgroup_place *place = search->place;
    char has[64] = "", lacks[64] = "";

    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        char *list = place->folders[i][0] ? has : lacks;
        size_t size = strlen(list);

        snprintf(list + size, sizeof has - size, "%s%s", size ? ", " : "", NAMES[i]);
    }
    say(search, "v%u: %s%s%s", place->version, has, lacks[0] ? "; no " : "", lacks);
}

void cgroup_place_find(const char *root, const char *wanted, struct cgroup_place *place)
{
    struct search search = {.root = root, .wanted = wanted, .place = place};
    char path[CGROUP_PATH_MAX], *groups = malloc(FILE_MAX), *mounts = malloc(TEXT_MAX);

    *place = (struct cgroup_place){0};
    if (wanted && !strcmp(wanted, "none")) {
        say(&search, "not wanted (FIRN_WORKER_CGROUP)");
    } else if (groups && mounts) {
        snprintf(path, sizeof path, "%s/proc/self", root);
        (void)cgroup_read(path, "cgroup", groups, FILE_MAX);
        (void)cgroup_read(path, "mountinfo", mounts, TEXT_MAX);
        find_version_2(&search, groups, mounts);
        if (!place->version)
            find_version_1(&search, groups, mounts);
        if (place->version)
            describe(&search);
        else if (!place->detail[0])
            say(&search, "no control group with memory or pids is mounted");
    }
    free(groups);
    free(mounts);
}
