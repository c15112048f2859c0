// SPDX-License-Identifier: Apache-2.0
/* What Hydrosphere's manager of the first generation answers, beside view_version_1 and
 * view_application_1. */
#pragma once

#include "server/hydrosphere/view.h"

/* The build that made a version: a task that has ended. Its id is the version's. */
enum status view_build_1(const struct view *view, const struct loaded *loaded, struct error *err)
    must_check;

/* {"error": "NotFound", "information"} */
void view_write_error_1(const struct error *err, struct text *text);
