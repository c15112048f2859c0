// SPDX-License-Identifier: Apache-2.0
/* Artifact: what a framework wrote, as a read-only tree of members with mapped bytes, whatever it
 * came in: a file, a folder, a tar (plain, gzip, xz, zstd) or a zip.
 *
 * Members are sorted by path; a path is relative, '/'-separated, valid UTF-8, without "." or "..".
 * Links, devices, duplicate names and paths that leave the root are refused. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct artifact_limits {
    size_t members;    /* default 100,000 */
    size_t depth;      /* of folders; default 32 */
    uint64_t bytes;    /* of all members together, unpacked; default 64 GiB */
    uint64_t unpacked; /* what decompression may produce in memory; default 4 GiB */
    unsigned
        ratio; /* unpacked to packed above 1 MiB; default 1,100 (deflate's own limit is 1,032) */
};
struct artifact_limits artifact_limits_default(void);

struct member {
    const char *path;   /* "" for an artifact that is a single file */
    struct bytes bytes; /* mapped, or unpacked on first use: see member_bytes */
    uint64_t size;
    struct artifact *artifact;
    size_t index;
};

enum artifact_kind { ARTIFACT_FILE, ARTIFACT_FOLDER, ARTIFACT_TAR, ARTIFACT_ZIP };

struct artifact {
    enum artifact_kind kind;
    const char *path;       /* as it was given */
    const char *name;       /* last part of the path, for default names */
    struct member *members; /* sorted by path */
    size_t count;
    struct arena arena;
    void *private; /* of artifact.c */
};

/* Open read-only. NOT_FOUND; INVALID_INPUT, TOO_LARGE or UNSUPPORTED with the member at fault.
 * A zip or tar whose members are not a bundle but the model itself (.keras, .npz, torch zip) is
 * opened as ARTIFACT_ZIP all the same; `container` below gives its own bytes. A compressed single
 * file (joblib's zlib, gzip ... around a pickle) is ARTIFACT_FILE:
 * formats/compression/compression.h unpacks. NULL limits: the defaults. */
enum status artifact_open(const char *path, const struct artifact_limits *limits,
                          struct artifact **artifact, struct error *err) must_check;

/* The same for bytes in memory (an upload, a test); borrowed for as long as the artifact. */
enum status artifact_open_bytes(struct bytes bytes, const char *name,
                                const struct artifact_limits *limits, struct artifact **artifact,
                                struct error *err) must_check;

/* The files below `prefix` ("model/files/") of an uncompressed tar, a layer of an image: as a
 * folder or, when `single`, the one file there as artifact_open would see it. Nothing is copied. */
enum status artifact_open_layer(const char *path, const char *prefix, bool single,
                                const struct artifact_limits *limits, struct artifact **artifact,
                                struct error *err) must_check;
void artifact_close(struct artifact *artifact); /* NULL is fine */

/* These bytes were read and will not be soon, if ever: give the pages back that lie in mapped
 * files. They stay readable. */
void artifact_forget(const struct artifact *artifact, struct bytes bytes);

/* The bytes of the file itself (for ARTIFACT_FILE, TAR and ZIP); {NULL, 0} for a folder. */
struct bytes artifact_container(const struct artifact *artifact);

/* The member at that path, or NULL. */
struct member *artifact_find(const struct artifact *artifact, const char *path);

/* Keep only the members that are wanted; the others are as if they had not been there: an archive
 * that loses one is an ARTIFACT_FOLDER from then on. Pointers to members are void afterwards. */
void artifact_keep(struct artifact *artifact,
                   bool (*wanted)(const struct member *member, void *context), void *context);

/* The bytes of a member, unpacked on first use and checked (size, CRC). Thread-safe after the
 * first call returned. */
enum status member_bytes(struct member *member, struct bytes *bytes, struct error *err) must_check;

/* sha256 of a member's bytes, hexadecimal (computed once). */
enum status member_sha256(struct member *member, char hex[65], struct error *err) must_check;

/* A path that the model itself names (ONNX external data, joblib's side files, an asset), relative
 * to the folder of `from`: UNSUPPORTED when it leaves the root, NOT_FOUND when there is no such
 * member. A file that was opened alone by its path finds what lies beside it (regular files, no
 * links): it becomes a member, and the artifact an ARTIFACT_FOLDER of the named files. Not for use
 * by several threads. */
enum status artifact_resolve(struct artifact *artifact, const struct member *from,
                             struct bytes path, struct member **member, struct error *err)
    must_check;
