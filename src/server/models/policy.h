// SPDX-License-Identifier: Apache-2.0
/* What the settings say about workers. */
#pragma once

#include "loading/worker.h"
#include "server/settings.h"

/* `folder`: of environments and files. Strings live in `keep` or are borrowed. */
enum status worker_policy_of(const struct settings *settings, const char *folder,
                             struct worker_policy *policy, struct arena *keep, struct error *err)
    must_check;
