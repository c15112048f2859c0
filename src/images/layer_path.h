// SPDX-License-Identifier: Apache-2.0
/* Names of entries in layers of images (OCI image-spec 1.0, layer.md), as a container sees them:
 * relative to the root, without "." and "..", empty parts, and slashes around them. "" is the root.
 *
 * A file ".wh.NAME" is a whiteout: NAME beside it, of the layers below, is gone. ".wh..wh..opq" is
 * the opaque one: all that the layers below have in its folder is gone. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

enum { LAYER_PATH_MAX = 4096 }; /* bytes of one that has to be cleaned, as PATH_MAX */

/* `clean` is a part of `path` where nothing else is to be done, else made in `buffer`. UNSUPPORTED:
 * it leaves the root, of which engines make different things. TOO_LARGE. */
enum status layer_path_clean(struct bytes path, char buffer[LAYER_PATH_MAX], struct bytes *clean,
                             struct error *err) must_check;

/* Of clean ones. */
struct bytes layer_path_name(struct bytes path);   /* the last part */
struct bytes layer_path_folder(struct bytes path); /* what it lies in; "": the root */
bool layer_path_is_within(struct bytes path, struct bytes folder); /* is it that, or below it? */

/* What an entry of that path hides of the layers below: `hidden` is the path that is gone or, when
 * `opaque`, the folder that is emptied. False for what is no whiteout. */
bool layer_path_is_whiteout(struct bytes path);
enum status layer_path_hides(struct bytes path, char buffer[LAYER_PATH_MAX], struct bytes *hidden,
                             bool *opaque, struct error *err) must_check;
