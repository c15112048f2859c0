// SPDX-License-Identifier: Apache-2.0
/* Kinds of jobs: the files of kinds/. */
#include <string.h>

#include "gen/job_kinds.h"
#include "jobs/internal.h"

const struct job_kind *job_kind_find(const char *name)
{
    for (size_t i = 0; JOB_KINDS[i]; i++)
        if (!strcmp(JOB_KINDS[i]->name, name))
            return JOB_KINDS[i];
    return NULL;
}

const struct job_kind *job_kind_of(const struct json *request, struct error *err)
{
    const struct job_kind *found = NULL;
    struct text names = {0};

    for (size_t i = 0; JOB_KINDS[i]; i++) {
        text_printf(&names, "%s\"%s\"", i ? " or " : "", JOB_KINDS[i]->name);
        if (!json_get(request, JOB_KINDS[i]->name))
            continue;
        if (found && error_set(err, STATUS_INVALID_INPUT, "a job has \"%s\" or \"%s\", not both",
                               found->name, JOB_KINDS[i]->name))
            found = NULL;
        else
            found = JOB_KINDS[i];
        if (!found)
            goto done;
    }
    if (!found)
        (void)!error_set(err, STATUS_INVALID_INPUT, "a job names what it runs: %s",
                         names.data ? names.data : "");
done:
    text_release(&names);
    return found;
}
