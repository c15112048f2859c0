// SPDX-License-Identifier: Apache-2.0
/* What omega|ml calls tasks: jobs, in its words. */
#pragma once

#include "jobs/jobs.h"
#include "server/request.h"

/* Header `async: true` or ?async=1. */
bool omegaml_is_async(struct request *request);

/* Is that action of a model one that only a job can do? */
bool omegaml_needs_job(struct bytes action);

/* PUT .../model/NAME/ACTION as a job: waits for it, or answers 202 with its Location. Leaves I/O
 * threads. Arguments are data sets (?datax=, ?datay=) or the body's frame, and "y" in it. */
enum status omegaml_model_job(struct request *request, struct response *response,
                              struct bytes model, struct bytes action, struct error *err)
    must_check;

/* POST .../script/NAME/run: the body is the function's argument, the query its named ones. `bare`:
 * answer what it returns alone. */
enum status omegaml_script_job(struct request *request, struct response *response,
                               struct bytes script, bool bare, struct error *err) must_check;

/* The answer of a prediction that was asked for as a task: it is done already. Replaces the
 * response by 202 with its Location. */
enum status omegaml_keep_answer(struct request *request, struct response *response,
                                struct bytes model, struct error *err) must_check;

/* --- result.c --- */

typedef enum status omegaml_writer(struct request *request, const struct job_row *job,
                                   struct text *text, struct error *err);

/* {"model", "result", "shape", "version", "resource_uri"}, or {"script", "result", "runtimes",
 * "started", "ended"}: of a job that is DONE. */
omegaml_writer omegaml_write_result must_check;
/* What it returned alone; what is neither list nor object as {"data": ...}. */
omegaml_writer omegaml_write_bare must_check;
