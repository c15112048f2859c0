// SPDX-License-Identifier: Apache-2.0
#include "cli/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/output.h"

enum { CALL_MEMORY_SHIFT = 30 };

const char *store_server(const char *option)
{
    const char *server = option ? option : getenv("FIRN_SERVER");

    return server && *server ? server : "http://127.0.0.1:8080";
}

enum status store_of(struct store_call *call)
{
    const struct store_options *options = call->options;
    const char *server = store_server(options->server);

    if (call->store)
        return STATUS_OK;
    if (options->store && options->server)
        return error_set(call->err, STATUS_INVALID_INPUT, "both --store and --server are given");
    if (options->store) {
        call->where = arena_printf(call->keep, " --store %s", options->store);
        TRY(store_local(options->store, &call->store, call->err));
    } else {
        call->where = options->server ? arena_printf(call->keep, " --server %s", server) : "";
        TRY(store_remote(server, &call->store, call->err));
    }
    return call->where ? STATUS_OK : error_no_memory(call->err, "a store");
}

int store_command(const struct option *options, int argc, char **argv, int least, int most,
                  void *values, struct store_options *store, const char *doing,
                  enum status (*work)(struct store_call *call))
{
    struct arguments arguments = {0};
    struct text text = {0};
    struct arena keep;
    struct error err = {0};
    struct store_call call = {.options = store,
                              .arguments = &arguments,
                              .values = values,
                              .text = &text,
                              .keep = &keep,
                              .err = &err};
    enum status status = options_parse(options, argc, argv, least, most, values, &arguments, &err);

    arena_init(&keep, (size_t)1 << CALL_MEMORY_SHIFT);
    call.json = store->json;
    if (!status)
        status = work(&call);
    if (call.store)
        call.store->class->close(call.store);
    arguments_release(&arguments);
    arena_release(&keep);
    if (status) {
        struct error printing = err;
        if (text.size) /* a report that goes with the failure */
            output_text(&text);
        text_release(&text);
        return output_error(&printing, "%s", doing);
    }
    return output_text(&text);
}

enum status reference_split(const char *reference, const char **model, int64_t *number,
                            struct arena *keep, struct error *err)
{
    const char *colon = strchr(reference, ':');
    char quoted[TEXT_QUOTE_SIZE];

    *number = 0;
    *model =
        arena_text(keep, (struct bytes){(const uint8_t *)reference,
                                        colon ? (size_t)(colon - reference) : strlen(reference)});
    if (!*model)
        return error_no_memory(err, "a reference");
    if ((colon && (!number_i64_from_text(bytes_of(colon + 1), number) || *number < 1)) ||
        strchr(reference, '@'))
        return error_set(err, STATUS_INVALID_INPUT, "\"%s\" is not NAME or NAME:NUMBER",
                         text_quote(bytes_of(reference), quoted, sizeof quoted));
    return STATUS_OK;
}
