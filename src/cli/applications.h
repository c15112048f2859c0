// SPDX-License-Identifier: Apache-2.0
/* What the commands about applications print. */
#pragma once

#include "applications/application.h"
#include "cli/store.h"

/* One line: "tokens:1 > net:1 70 %, net:2 30 %, net:3 shadow". */
void application_print_stages(const struct manifest_application *application, struct text *text);

/* Lines for what keeps users with a variant, and for metadata. */
void application_print_facts(const struct manifest_application *application, struct text *text);

/* The version that a reference names, which must be one of an application, and its manifest. */
enum status application_of(struct store_call *call, const char *reference, struct version *version,
                           const struct manifest_application **application) must_check;
