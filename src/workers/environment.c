// SPDX-License-Identifier: Apache-2.0
#include "workers/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash/sha256.h"
#include "base/text.h"
#include "workers/run.h"
#include "workers/worker.h"

enum {
    LOG_BYTES_MAX = 4 << 20,
    PROBE_MS = 20000,
    LAST_BYTES = 380,
    LOCK_POLL_US = 100000,
    KILLED = 128
};

struct build {
    const struct environment_request *request;
    const char *building; /* the folder while it is built */
    struct install install;
    int lock;
    uint64_t deadline_ns;
    struct text log;
    struct arena *keep;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- the interpreter --- */

struct python {
    const char *program;
    struct text says; /* "3.11.2 /usr/bin/python3.11 numpy" */
    bool system;      /* what a worker without an environment runs */
};

/* What a program says of itself; nothing when it is no Python. */
static enum status probe(const char *program, struct text *says, struct error *err)
{
    const char *const arguments[] = {
        program, "-I", "-c",
        "import os, sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], "
        "os.path.realpath(sys.executable), 'numpy' if u.find_spec('numpy') else '')",
        NULL};
    struct run run = {.arguments = arguments,
                      .hold = -1,
                      .deadline_ns = now_ns() + (uint64_t)PROBE_MS * 1000000,
                      .output = says};
    int code = 0;
    enum status status;

    text_clear(says);
    status = run_program(&run, &code, err);
    if (status == STATUS_NOT_FOUND || (!status && (code || !says->size))) {
        *err = (struct error){0};
        text_clear(says);
        return STATUS_OK;
    }
    return status;
}

/* Where the system has programs first, then PATH. *system: it was there. */
static enum status look_for(const char *name, struct python *python, struct arena *keep,
                            struct error *err)
{
    static const char *const FOLDERS[] = {"/usr/bin/", "/usr/local/bin/", ""};

    for (size_t i = 0; i < ARRAY_COUNT(FOLDERS); i++) {
        python->program = arena_printf(keep, "%s%s", FOLDERS[i], name);
        if (!python->program)
            return error_no_memory(err, "a path");
        python->system = FOLDERS[i][0] && !strcmp(name, "python3");
        if (FOLDERS[i][0] && access(python->program, X_OK))
            continue;
        TRY(probe(python->program, &python->says, err));
        if (python->says.size)
            break;
    }
    return STATUS_OK;
}

/* "3.6" of "3.6.5" */
static const char *minor_version(const char *version, struct arena *keep)
{
    size_t size = 0, dots = 0;

    while (version && version[size] && (version[size] != '.' || ++dots < 2))
        size++;
    return version && dots ? arena_text(keep, (struct bytes){(const uint8_t *)version, size})
                           : NULL;
}

static bool is_version(const struct python *python, const char *minor)
{
    size_t size = strlen(minor);

    return !strncmp(python->says.data, minor, size) && python->says.data[size] == '.';
}

/* pythonX.Y when that is there, else python3 with a remark. */
static enum status python_find(const char *wanted, struct python *python, const char **remark,
                               struct arena *keep, struct error *err)
{
    const char *minor = minor_version(wanted, keep);
    const char *named = minor ? arena_printf(keep, "python%s", minor) : NULL;

    TRY(look_for("python3", python, keep, err));
    if (named && (!python->says.size || !is_version(python, minor))) {
        struct python other = {.says = {.limit = python->says.limit}};
        enum status status = look_for(named, &other, keep, err);
        if (!status && other.says.size) {
            text_release(&python->says);
            *python = other;
            return STATUS_OK;
        }
        text_release(&other.says);
        TRY(status);
        if (python->says.size)
            *remark = arena_printf(keep, "%s is not installed here: Python %.*s runs the model",
                                   named, (int)strcspn(python->says.data, " "), python->says.data);
    }
    return python->says.size ? STATUS_OK
                             : error_set(err, STATUS_UNAVAILABLE, "there is no python3");
}

/* Its program without links, the second word of what it says. */
static enum status interpreter_of(const struct python *python, const char **program,
                                  struct arena *keep, struct error *err)
{
    const char *from = python->says.data + strcspn(python->says.data, " ");
    char *copy = arena_printf(keep, "%s", *from ? from + 1 : from);
    char *end = copy ? strstr(copy, " numpy\n") : NULL;

    if (!copy)
        return error_no_memory(err, "a path");
    if (!end)
        end = copy + strcspn(copy, "\n");
    *end = 0;
    for (size_t size = strlen(copy); size && copy[size - 1] == ' '; size--)
        copy[size - 1] = 0;
    *program = copy;
    return STATUS_OK;
}

/* --- the key --- */

/* Do the requirements name files of the model? */
static bool names_files(struct bytes requirements)
{
    const char *text = (const char *)requirements.data;

    for (size_t at = 0; at < requirements.size;) {
        const char *end = memchr(text + at, '\n', requirements.size - at);
        size_t size = end ? (size_t)(end - text) - at : requirements.size - at;

        if (size && (strchr("-./", text[at]) || memmem(text + at, size, "file:", 5) ||
                     memmem(text + at, size, ".whl", 4) || memmem(text + at, size, ".tar", 4)))
            return true;
        at += size + 1;
    }
    return false;
}

static enum status key_of(const struct environment_request *request, struct bytes python,
                          char key[SHA256_HEX_SIZE], struct error *err)
{
    struct text text = {0};
    enum status status;

    text_append(&text, "firn environment 1\n");
    text_append_bytes(&text, python);
    text_printf(&text, "requirements %zu\n", request->requirements.size);
    text_append_bytes(&text, request->requirements);
    text_printf(&text, "\ninstall %s\n", request->install ? request->install : "");
    if (request->digest && (request->install || names_files(request->requirements)))
        text_printf(&text, "files %s\n", request->digest);
    status = text_check(&text, err);
    if (!status && !sha256_of(text_bytes(&text), key))
        status = error_no_memory(err, "a hash");
    text_release(&text);
    return status;
}

/* --- building --- */

static void say(struct build *build, const char *line)
{
    if (build->request->log)
        build->request->log(build->request->context, line);
    text_append(&build->log, line);
    text_append(&build->log, "\n");
}

/* The last lines of the log, as many as a message holds, on one. */
static const char *last_lines(const struct text *log, struct arena *keep)
{
    size_t size = log->size < LAST_BYTES ? log->size : LAST_BYTES;
    const char *from = log->size ? log->data + log->size - size : "";
    const char *line = size == LAST_BYTES ? strchr(from, '\n') : NULL;
    char *copy = arena_printf(keep, "%s", line && line[1] ? line + 1 : from);

    if (!copy)
        return "";
    for (size = strlen(copy); size && copy[size - 1] == '\n'; size--)
        copy[size - 1] = 0;
    for (char *c = copy; *c; c++)
        *c = *c == '\n' ? '|' : *c;
    return copy;
}

static enum status step(struct build *build, const char *what, const char *folder,
                        const char *const *arguments, struct error *err)
{
    struct run run = {.arguments = arguments,
                      .folder = folder,
                      .path = arena_printf(build->keep, "%s/bin", build->building),
                      .environment = build->building,
                      .hold = build->lock,
                      .deadline_ns = build->deadline_ns,
                      .cancelled = build->request->cancelled,
                      .output = &build->log,
                      .log = build->request->log,
                      .context = build->request->context};
    int code = 0;

    if (!run.path)
        return error_no_memory(err, "a path");
    switch (install_run(&build->install, &run, &code, err)) {
    case STATUS_OK:
        break;
    case STATUS_DEADLINE:
        return error_set(err, STATUS_DEADLINE, "%s did not end in time: %s", what,
                         last_lines(&build->log, build->keep));
    case STATUS_TOO_LARGE:
        return error_set(err, STATUS_TOO_LARGE, "%s %s: %s", what,
                         arena_printf(build->keep, "%s", err->text),
                         last_lines(&build->log, build->keep));
    default:
        return error_within(err, "%s", what);
    }
    if (code > KILLED)
        return error_set(err, STATUS_UNAVAILABLE, "%s was killed by signal %d: %s", what,
                         code - KILLED, last_lines(&build->log, build->keep));
    if (code)
        return error_set(err, STATUS_FAILED, "%s ended with %d: %s", what, code,
                         last_lines(&build->log, build->keep));
    return STATUS_OK;
}

/* What installing writes beside the model's files is not the model's: a copy. */
static enum status copy_files(struct build *build, const char **copy, struct error *err)
{
    const char *target = arena_printf(build->keep, "%s/files", build->install.scratch);
    const char *const arguments[] = {
        "/bin/cp", "-R", "--preserve=mode,timestamps", "--reflink=auto", build->request->files,
        target,    NULL};

    *copy = target;
    if (!target)
        return error_no_memory(err, "a path");
    return step(build, "copying the files", NULL, arguments, err);
}

static enum status install_requirements(struct build *build, const char *copy, struct error *err)
{
    const struct environment_request *request = build->request;
    const char *file = arena_printf(build->keep, "%s/requirements.txt", build->install.scratch);
    const char *program = arena_printf(build->keep, "%s/bin/python", build->building);
    const char *const arguments[] = {program,
                                     "-m",
                                     "pip",
                                     "install",
                                     "--disable-pip-version-check",
                                     "--no-input",
                                     "--progress-bar",
                                     "off",
                                     "-r",
                                     copy ? "requirements.txt" : file, /* beside what it names */
                                     NULL};

    if (!file || !program)
        return error_no_memory(err, "a path");
    if (!copy)
        TRY(file_replace(file, request->requirements, err));
    if (!copy && chmod(file, 0644))
        return error_set(err, STATUS_INTERNAL, "\"%s\": %s", file, strerror(errno));
    say(build, "pip install -r requirements.txt");
    return step(build, "pip install -r requirements.txt", copy, arguments, err);
}

static enum status install_command(struct build *build, const char *copy, struct error *err)
{
    const char *const arguments[] = {"/bin/sh", "-c", build->request->install, NULL};

    say(build, build->request->install);
    return step(build, "install-command", copy, arguments, err);
}

/* Hydrosphere's runtimes had it. Without a network values are lists. */
static enum status install_numpy(struct build *build, struct error *err)
{
    const char *program = arena_printf(build->keep, "%s/bin/python", build->building);
    const char *const look[] = {program, "-c",
                                "import importlib.util as u, sys; "
                                "sys.exit(not u.find_spec('numpy'))",
                                NULL};
    const char *const arguments[] = {
        program,          "-m",  "pip",   "install", "--disable-pip-version-check", "--no-input",
        "--progress-bar", "off", "numpy", NULL};

    if (!program)
        return error_no_memory(err, "a path");
    if (!step(build, "looking for numpy", NULL, look, err))
        return STATUS_OK;
    if (err->status != STATUS_FAILED)
        return err->status;
    *err = (struct error){0};
    say(build, "pip install numpy");
    if (step(build, "pip install numpy", NULL, arguments, err) == STATUS_FAILED) {
        *err = (struct error){0};
        say(build, "numpy could not be installed: functions get lists");
    }
    return err->status;
}

static void say_missing(struct build *build)
{
    struct text missing = {0}, line = {0};

    if (build->install.limits.sandbox)
        worker_sandbox_missing(&missing);
    else
        text_append(&line, "installing without a sandbox");
    if (missing.size)
        text_printf(&line, "installing in a sandbox without %s", missing.data);
    if (line.size)
        say(build, line.data);
    text_release(&missing);
    text_release(&line);
}

static enum status fill(struct build *build, struct error *err)
{
    const struct environment_request *request = build->request;
    const char *const venv[] = {build->install.python, "-m", "venv", build->building, NULL};
    const char *copy = NULL;

    say_missing(build);
    TRY(step(build, "python3 -m venv", NULL, venv, err));
    TRY(install_begun(&build->install, err));
    if (request->install || names_files(request->requirements))
        TRY(copy_files(build, &copy, err));
    if (request->requirements.size)
        TRY(install_requirements(build, names_files(request->requirements) ? copy : NULL, err));
    if (request->install)
        TRY(install_command(build, copy, err));
    TRY(install_numpy(build, err));
    return install_settle(&build->install, err);
}

/* The log goes in by renaming: nothing that strangers named is opened. */
static enum status put_in_place(const struct build *build, const char *path, const char *folder,
                                struct error *err)
{
    const char *log = arena_printf(build->keep, "%s.log", path);
    const char *inside = arena_printf(build->keep, "%s/build.log", build->building);

    if (!log || !inside)
        return error_no_memory(err, "a path");
    TRY(file_replace(log, text_bytes(&build->log), err));
    if (rename(log, inside))
        return error_set(err, STATUS_INTERNAL, "cannot make \"%s\": %s", inside, strerror(errno));
    if (rename(build->building, path))
        return error_set(err, STATUS_INTERNAL, "cannot rename \"%s\": %s", build->building,
                         strerror(errno));
    return file_sync_folder(folder, err);
}

/* Under the lock. */
static enum status make(struct build *build, const char *path, const char *failed,
                        struct error *err)
{
    struct error ignored;
    enum status status;

    status = install_open(&build->install, err);
    if (!status)
        status = fill(build, err);
    if (!status)
        status = put_in_place(build, path, build->request->folder, err);
    if (status)
        (void)!file_replace(failed, text_bytes(&build->log), &ignored);
    else
        unlink(failed);
    install_close(&build->install, status != STATUS_OK);
    return status;
}

/* Wait for who is building the same, within the time. */
static enum status lock_take(const char *path, uint64_t deadline_ns, const _Atomic bool *cancelled,
                             int *lock, struct error *err)
{
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        return error_set(err, STATUS_INTERNAL, "cannot open \"%s\": %s", path, strerror(errno));
    while (flock(*lock, LOCK_EX | LOCK_NB)) {
        if (now_ns() > deadline_ns) {
            close(*lock);
            return error_set(err, STATUS_DEADLINE,
                             "another process installs the same requirements and does not end");
        }
        if (cancelled && atomic_load(cancelled)) {
            close(*lock);
            return error_set(err, STATUS_CONFLICT, "installing was cancelled");
        }
        usleep(LOCK_POLL_US);
    }
    return STATUS_OK;
}

static enum status log_read(const char *path, const char **log, struct arena *keep,
                            struct error *err)
{
    const char *name = arena_printf(keep, "%s/build.log", path);
    struct file_map map;

    if (!name)
        return error_no_memory(err, "a path");
    TRY(file_map_open(&map, AT_FDCWD, name, false, err));
    *log = arena_text(keep, map.bytes);
    file_map_close(&map);
    return *log ? STATUS_OK : error_no_memory(err, "a log");
}

static enum status find_or_make(struct build *build, const char *key,
                                struct environment *environment, struct error *err)
{
    const char *folder = build->request->folder;
    const char *path = arena_printf(build->keep, "%s/%s", folder, key);
    const char *lock = arena_printf(build->keep, "%s/%s.lock", folder, key);
    const char *failed = arena_printf(build->keep, "%s/%s.failed.log", folder, key);
    enum status status = STATUS_OK;

    build->building = arena_printf(build->keep, "%s/%s.building", folder, key);
    build->install.building = build->building;
    build->install.scratch = arena_printf(build->keep, "%s/%s.scratch", folder, key);
    if (!path || !lock || !failed || !build->building || !build->install.scratch)
        return error_no_memory(err, "a path");
    environment->path = path;
    if (access(path, F_OK)) {
        if (build->request->existing)
            return error_set(err, STATUS_UNAVAILABLE, "its requirements are not installed");
        TRY(file_make_folders(folder, err));
        TRY(lock_take(lock, build->deadline_ns, build->request->cancelled, &build->lock, err));
        if (access(path, F_OK))
            status = make(build, path, failed, err);
        close(build->lock);
    }
    if (!status)
        (void)!utimensat(AT_FDCWD, path, NULL, 0); /* environment_collect looks at it */
    return status ? status : log_read(path, &environment->log, build->keep, err);
}

static bool is_needed(const struct environment_request *request, const struct python *python)
{
    return request->requirements.size || request->install || !python->system ||
           !strstr(python->says.data, " numpy");
}

enum status environment_name(const struct environment_request *request, char name[65],
                             struct arena *keep, struct error *err)
{
    struct python python = {.says = {.limit = 8192}};
    const char *remark;
    enum status status = python_find(request->python, &python, &remark, keep, err);

    name[0] = 0;
    if (!status && is_needed(request, &python))
        status = key_of(request, text_bytes(&python.says), name, err);
    text_release(&python.says);
    return status;
}

enum status environment_get(const struct environment_request *request,
                            struct environment *environment, struct arena *keep, struct error *err)
{
    struct build build = {
        .request = request,
        .lock = -1,
        .deadline_ns = now_ns() + (uint64_t)request->timeout_ms * 1000000,
        .log = {.limit = LOG_BYTES_MAX},
        .install = {.files = request->files, .limits = request->limits, .keep = keep},
        .keep = keep};
    struct python python = {.says = {.limit = 8192}};
    char key[SHA256_HEX_SIZE];
    enum status status;

    *environment = (struct environment){.log = ""};
    status = python_find(request->python, &python, &environment->remark, keep, err);
    if (!status)
        status = interpreter_of(&python, &build.install.python, keep, err);
    if (!status && is_needed(request, &python)) {
        status = key_of(request, text_bytes(&python.says), key, err);
        if (!status)
            status = find_or_make(&build, key, environment, err);
    }
    text_release(&python.says);
    text_release(&build.log);
    return status;
}
