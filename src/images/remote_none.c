// SPDX-License-Identifier: Apache-2.0
/* In the place of remote.c and its files where the program is built without a registry client. */
#include "images/place.h"

enum status image_remote_open(const struct image_reference *reference,
                              const struct image_access *access, struct image_place **place,
                              struct error *err)
{
    enum status status =
        error_set(err, STATUS_UNSUPPORTED, "%s: this firn was built without the registry client",
                  reference->host);

    (void)access;
    (void)place;
    error_fix(err,
              "use the firn that was installed, not the standalone one; folders (oci:DIR) work");
    return status;
}
