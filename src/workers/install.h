// SPDX-License-Identifier: Apache-2.0
/* Install: the programs that fill an environment, in a sandbox. They run code of strangers
 * (setup.py, build back ends, install-command), so they get the layers of workers, with two
 * differences: the network is there (nobody can connect to them), and the environment's folder and
 * a scratch folder, which hold HOME and TMPDIR, may be written. What they write is watched, and
 * belongs to firn's user when it is done: workers cannot change it.
 *
 * Of the server's variables they see PIP_..., those of proxies and certificates, and locales; of
 * its files what pip's configuration names. */
#pragma once

#include "workers/run.h"

struct install_limits {
    uint64_t disk_bytes;   /* of the environment and all that is written beside it; 0: no limit */
    uint64_t memory_bytes; /* of one program and its children; 0: no limit */
    unsigned cpu_percent;  /* see struct worker_limits */
    bool sandbox;          /* false: with all rights of the server */
};

struct install {
    const char *building; /* folder that will be the environment; made here */
    const char *scratch;  /* folder; `home`, `tmp` and `files` in it; made here */
    const char *files;    /* the model's, which may be read; or NULL */
    const char *python;   /* the interpreter, without links */
    struct install_limits limits;
    struct arena *keep;
    /* private */
    const char **variables, **readable;
    char *config, *interpreter; /* of the environment as it was made: pyvenv.cfg, bin/python */
    uint64_t look_ns;           /* at the disk, not before this */
    unsigned number;
};

/* `building`, `scratch`, `files`, `python`, `limits`, `keep` are given; both folders are made anew.
 * Ends with install_close. */
enum status install_open(struct install *install, struct error *err) must_check;

/* A step: `run` with its arguments ([0] an absolute path), folder, log, deadline. TOO_LARGE: it
 * took more than the limits allow; UNAVAILABLE: there is no sandbox for it. */
enum status install_run(struct install *install, const struct run *run, int *code,
                        struct error *err) must_check;

/* After python -m venv, before code of strangers ran: what has to stay as it is. */
enum status install_begun(struct install *install, struct error *err) must_check;

/* The environment belongs to this process's user and is readable by everybody; what is no file,
 * folder or link is removed. FAILED when its Python is another. */
enum status install_settle(struct install *install, struct error *err) must_check;

/* Remove the scratch folder; with `all` the environment, too. */
void install_close(struct install *install, bool all);
