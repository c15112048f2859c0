// SPDX-License-Identifier: Apache-2.0
/* "signature_name" in bodies of TensorFlow Serving's REST API. Knows no server. */
#pragma once

#include "formats/json/json.h"

#define SIGNATURE_KEY "signature_name"

/* The value of that key, into *signature (in `keep`). INVALID_INPUT when it is there already or is
 * no name. */
enum status signature_json_read(struct json_reader *reader, const char **signature,
                                struct arena *keep, struct error *err) must_check;
