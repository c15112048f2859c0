// SPDX-License-Identifier: Apache-2.0
/* What a worker sees: a root of its own in memory, with system libraries, Python, the environment
 * and the model bound into it read-only, the usual devices, and an empty /tmp. Where there are no
 * mounts, landlock opens the same folders where they lie. */
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/launch.h"

#define OLD_ROOT "/.old"

/* read with execute, as for programs and libraries; write, as for /tmp */
static const uint64_t ACCESS_READ =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t ACCESS_FILE = LANDLOCK_ACCESS_FS_READ_FILE;
static const uint64_t ACCESS_DEVICE = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
static const uint64_t ACCESS_ALL = UINT64_MAX; /* all that are handled */

static bool has_view(const struct launch *launch)
{
    return launch->ability->has[LAYER_FILES];
}

/* --- the list --- */

static void step_add(struct launch *launch, enum step_kind kind, const char *source,
                     const char *target, const char *data)
{
    if (launch->step_count == LAUNCH_STEPS_MAX || (kind != STEP_FOLDER && !source) || !target)
        launch->failed_memory = true;
    else
        launch->steps[launch->step_count++] = (struct launch_step){kind, source, target, data};
}

static void rule_add(struct launch *launch, const char *path, uint64_t access)
{
    if (launch->rule_count == LAUNCH_RULES_MAX || !path)
        launch->failed_memory = true;
    else
        launch->rules[launch->rule_count++] = (struct landlock_rule){path, access};
}

static char *keep(struct launch *launch, const char *text)
{
    char *copy = arena_text(&launch->arena, bytes_of(text));

    launch->failed_memory |= !copy;
    return copy;
}

static bool beneath(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    return !strncmp(path, folder, size) && (path[size] == 0 || path[size] == '/');
}

/* Is it in a folder that is bound already? */
static bool is_covered(const struct launch *launch, const char *path)
{
    for (size_t i = 0; i < launch->step_count; i++)
        if (launch->steps[i].kind == STEP_BIND && beneath(path, launch->steps[i].target))
            return true;
    return false;
}

static void folders_add(struct launch *launch, const char *path, bool last)
{
    char *copy = keep(launch, path), *slash;

    if (!copy)
        return;
    for (slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        step_add(launch, STEP_FOLDER, NULL, keep(launch, copy), NULL);
        *slash = '/';
    }
    if (last)
        step_add(launch, STEP_FOLDER, NULL, copy, NULL);
}

/* Show `source` at `target`. What is missing is left out. A link leads to nowhere in the new root:
 * its end is what is bound. */
static void show(struct launch *launch, const char *source, const char *target, enum step_kind kind)
{
    char real[PATH_MAX];
    struct stat about;
    bool folder;

    if (!realpath(source, real) || stat(real, &about))
        return;
    folder = S_ISDIR(about.st_mode);
    if (!has_view(launch)) {
        rule_add(launch, keep(launch, source),
                 kind == STEP_DEVICE     ? ACCESS_DEVICE
                 : kind == STEP_WRITABLE ? ACCESS_ALL
                 : folder                ? ACCESS_READ
                                         : ACCESS_FILE);
        return;
    }
    folders_add(launch, target, folder);
    if (!folder)
        step_add(launch, STEP_FILE, "", keep(launch, target), NULL);
    step_add(launch, kind, arena_printf(&launch->arena, OLD_ROOT "%s", real), keep(launch, target),
             NULL);
    if (kind == STEP_WRITABLE)
        rule_add(launch, keep(launch, target), ACCESS_ALL);
}

static void show_once(struct launch *launch, const char *path)
{
    if (!is_covered(launch, path))
        show(launch, path, path, STEP_BIND);
}

/* --- what there is to show --- */

static void show_system(struct launch *launch)
{
    static const char *const folders[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                          "/lib32", "/lib64", "/libx32"};
    static const char *const files[] = {"/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf",
                                        "/etc/ld.so.conf.d", "/etc/localtime"};
    static const char *const java[] = {"/etc/java-11-openjdk", "/etc/java-17-openjdk",
                                       "/etc/java-21-openjdk", "/etc/java-25-openjdk"};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                          "/dev/urandom"};
    char link[PATH_MAX];

    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        ssize_t size = has_view(launch) ? readlink(folders[i], link, sizeof link - 1) : -1;

        if (size > 0) {
            link[size] = 0;
            step_add(launch, STEP_LINK, keep(launch, link), folders[i], NULL);
        } else {
            show(launch, folders[i], folders[i], STEP_BIND);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        show(launch, files[i], files[i], STEP_BIND);
    for (size_t i = 0; launch->request->java && i < ARRAY_COUNT(java); i++)
        show(launch, java[i], java[i], STEP_BIND);
    for (size_t i = 0; i < ARRAY_COUNT(devices); i++)
        show(launch, devices[i], devices[i], STEP_DEVICE);
    if (has_view(launch)) /* which shells use */
        step_add(launch, STEP_LINK, "/proc/self/fd", "/dev/fd", NULL);
}

/* Who it is and where "localhost" is: a Java machine asks. */
static void show_names(struct launch *launch)
{
    unsigned uid = launch->uid ? launch->uid : geteuid();

    if (!has_view(launch) || !launch->request->java)
        return;
    step_add(launch, STEP_FOLDER, NULL, "/etc", NULL);
    step_add(launch, STEP_FILE, "", "/etc/passwd",
             arena_printf(&launch->arena, "worker:x:%u:%u::/tmp:/bin/false\n", uid,
                          launch->uid ? uid : getegid()));
    step_add(launch, STEP_FILE, "", "/etc/hosts", "127.0.0.1 localhost worker\n");
}

static void show_writable(struct launch *launch)
{
    static const char *const machine[] = {"/proc/cpuinfo", "/proc/meminfo", "/proc/stat"};

    if (!has_view(launch)) {
        rule_add(launch, "/proc/self", ACCESS_READ);
        for (size_t i = 0; i < ARRAY_COUNT(machine); i++)
            rule_add(launch, machine[i], ACCESS_FILE);
        if (launch->request->temporary && !launch->request->install)
            rule_add(launch, keep(launch, launch->request->temporary), ACCESS_ALL);
        return;
    }
    step_add(launch, STEP_FOLDER, NULL, "/tmp", NULL);
    step_add(launch, launch->request->java ? STEP_MOUNT_PROGRAMS : STEP_MOUNT, "tmpfs", "/tmp",
             arena_printf(&launch->arena, "mode=1777,nr_inodes=65536,size=%zu",
                          launch->request->install ? (size_t)LAUNCH_SHARED_BYTES
                                                   : launch->request->temporary_bytes));
    step_add(launch, STEP_FOLDER, NULL, "/dev/shm", NULL);
    step_add(launch, STEP_MOUNT, "tmpfs", "/dev/shm",
             arena_printf(&launch->arena, "mode=1777,nr_inodes=4096,size=%d", LAUNCH_SHARED_BYTES));
    step_add(launch, STEP_FOLDER, NULL, "/proc", NULL);
    if (launch->ability->has[LAYER_PROCESSES] && launch->ability->proc)
        step_add(launch, STEP_MOUNT, "proc", "/proc", NULL);
    rule_add(launch, "/", ACCESS_READ);
    rule_add(launch, "/tmp", ACCESS_ALL);
    rule_add(launch, "/dev/shm", ACCESS_ALL);
    rule_add(launch, "/dev", ACCESS_DEVICE);
}

/* The folder above bin/ of a Python must look like one: everything in it will be seen. */
static enum status show_prefix(struct launch *launch, const char *bin, struct error *err)
{
    char prefix[PATH_MAX], probe[PATH_MAX + 16], *slash;
    struct stat about;

    snprintf(prefix, sizeof prefix, "%s", bin);
    slash = strrchr(prefix, '/');
    if (slash)
        *slash = 0;
    snprintf(probe, sizeof probe, "%s/lib", prefix);
    if (!slash || slash == prefix || stat(probe, &about) || !S_ISDIR(about.st_mode))
        return error_set(err, STATUS_UNAVAILABLE,
                         "Python's folder \"%s\" is not PREFIX/bin with a PREFIX/lib beside it",
                         bin);
    show_once(launch, prefix);
    return STATUS_OK;
}

/* pyvenv.cfg of a virtual environment: "home = FOLDER" is the bin/ of the Python it was made of. */
static enum status show_home(struct launch *launch, const char *environment, struct error *err)
{
    char path[PATH_MAX], line[PATH_MAX + 16], home[PATH_MAX];
    enum status status = STATUS_OK;
    FILE *file;

    snprintf(path, sizeof path, "%s/pyvenv.cfg", environment);
    file = fopen(path, "re");
    if (!file)
        return STATUS_OK;
    while (!status && fgets(line, sizeof line, file))
        if (sscanf(line, "home = %4095[^\n]", home) == 1)
            status = show_prefix(launch, home, err);
    fclose(file);
    return status;
}

/* The interpreter: where its links lead, and where its environment says that it comes from. */
static enum status show_python(struct launch *launch, struct error *err)
{
    const struct sandbox_request *request = launch->request;
    char real[PATH_MAX], *slash;

    if (!realpath(request->python, real))
        return error_set(err, STATUS_UNAVAILABLE, "there is no Python at \"%s\"", request->python);
    if (request->environment)
        show_once(launch, request->environment);
    if (request->environment && show_home(launch, request->environment, err))
        return err->status;
    slash = strrchr(real, '/');
    if (slash)
        *slash = 0;
    return is_covered(launch, real) ? STATUS_OK : show_prefix(launch, real, err);
}

enum status launch_view_system(struct launch *launch, struct error *err)
{
    show_system(launch);
    show_names(launch);
    show_writable(launch);
    return launch->failed_memory ? error_no_memory(err, "the view of a worker") : STATUS_OK;
}

/* Names, certificates and pip's configuration, and what the machine is. */
static void show_network(struct launch *launch)
{
    static const char *const paths[] = {
        "/etc/resolv.conf",     "/etc/hosts",         "/etc/nsswitch.conf",  "/etc/host.conf",
        "/etc/gai.conf",        "/etc/services",      "/etc/protocols",      "/etc/ssl/certs",
        "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust",   "/etc/pip.conf",
        "/etc/xdg/pip",         "/etc/os-release",    "/etc/debian_version", "/etc/mime.types"};
    char real[PATH_MAX];

    for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
        if (realpath(paths[i], real)) /* a link would be followed in the new root */
            show(launch, real, paths[i], STEP_BIND);
}

static enum status view_of_install(struct launch *launch, struct error *err)
{
    const struct sandbox_install *install = launch->request->install;
    char real[PATH_MAX];

    TRY(launch_view_system(launch, err));
    TRY(show_python(launch, err));
    show_network(launch);
    for (size_t i = 0; install->readable[i]; i++)
        if (realpath(install->readable[i], real) && !is_covered(launch, install->readable[i]))
            show(launch, real, install->readable[i], STEP_BIND);
    for (size_t i = 0; install->writable[i]; i++)
        show(launch, install->writable[i], install->writable[i], STEP_WRITABLE);
    return launch->failed_memory ? error_no_memory(err, "the view of an install") : STATUS_OK;
}

enum status launch_view(struct launch *launch, struct error *err)
{
    const struct sandbox_request *request = launch->request;
    struct stat about;

    if (request->install)
        return view_of_install(launch, err);
    if (stat(request->files, &about) || !S_ISDIR(about.st_mode))
        return error_set(err, STATUS_UNAVAILABLE, "there is no folder \"%s\"", request->files);
    if (launch->uid && (about.st_mode & 05) != 05)
        return error_set(err, STATUS_UNAVAILABLE,
                         "folder \"%s\" is not readable by a worker with a user id of its own",
                         request->files);
    TRY(launch_view_system(launch, err));
    TRY(show_python(launch, err));
    show(launch, request->files, has_view(launch) ? "/model/files" : request->files, STEP_BIND);
    show(launch, request->code, has_view(launch) ? "/model/worker" : request->code, STEP_BIND);
    return launch->failed_memory ? error_no_memory(err, "the view of a worker") : STATUS_OK;
}
