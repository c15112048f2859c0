// SPDX-License-Identifier: Apache-2.0
#include "loading/parity.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/text.h"
#include "contract/adapters.h"
#include "formats/json/json.h"
#include "loading/internal.h"

enum { MEMORY_SHIFT = 31 };

struct comparison {
    const struct contract *contract;
    struct session *ours, *theirs;
    struct text *record;
    struct arena scratch;
    struct parity_difference difference;
    size_t signature, round; /* of the difference */
    size_t runs, refused;    /* inputs that both answered; that one or both did not take */
    double largest;          /* difference of all */
    char why[256];           /* of the last that was refused */
};

/* One set of inputs through both. *answered: by both. */
static enum status run_both(struct comparison *c, size_t signature, size_t round, size_t size,
                            bool *answered, struct error *err)
{
    const struct signature *s = &c->contract->signatures[signature];
    struct tensor *inputs, *ours, *theirs;
    struct parity_difference difference = {0};
    struct error refused = {0};

    arena_reset(&c->scratch);
    inputs = arena_new(&c->scratch, struct tensor, s->input_count);
    ours = arena_new(&c->scratch, struct tensor, s->output_count);
    theirs = arena_new(&c->scratch, struct tensor, s->output_count);
    if (!inputs || !ours || !theirs)
        return error_no_memory(err, "a comparison");
    *answered = !parity_inputs(s, round, size, inputs, &c->scratch, &refused) &&
                !session_run(c->ours, signature, inputs, ours, &refused) &&
                !session_run(c->theirs, signature, inputs, theirs, &refused);
    if (!*answered) {
        snprintf(c->why, sizeof c->why, "%.250s", refused.text);
        return STATUS_OK;
    }
    parity_compare(s, ours, theirs, &difference);
    c->runs++;
    if (!(difference.largest <= c->largest))
        c->largest = difference.largest;
    if (difference.found && !c->difference.found) {
        c->difference = difference;
        c->signature = signature;
        c->round = round;
    }
    return STATUS_OK;
}

/* With the first sizes of free dimensions that both take. */
static enum status compare_signature(struct comparison *c, size_t signature, struct error *err)
{
    size_t runs = c->runs, size = 0;
    double before = c->largest;
    bool answered = false;

    c->largest = 0;
    while (size < PARITY_SIZES) {
        TRY(run_both(c, signature, 1, size, &answered, err));
        if (answered)
            break;
        size++;
    }
    for (size_t round = 0; answered && round < PARITY_ROUNDS && !c->difference.found; round++) {
        bool again = false;

        if (round != 1)
            TRY(run_both(c, signature, round, size, &again, err));
        c->refused += round != 1 && !again;
    }
    text_append(c->record, signature ? ",{\"name\":" : "{\"name\":");
    json_write_text(c->record, c->contract->signatures[signature].name);
    text_printf(c->record, ",\"compared\":%zu", c->runs - runs);
    if (c->runs > runs) {
        text_printf(c->record, ",\"largest_difference\":%.6g",
                    isfinite(c->largest) ? c->largest : 1e308);
    } else {
        text_append(c->record, ",\"refused\":");
        json_write_text(c->record, c->why);
    }
    text_append_char(c->record, '}');
    c->largest = fmax(before, c->largest);
    return STATUS_OK;
}

static enum status compare_all(struct comparison *c, const char *adapter, struct error *err)
{
    char now[32];
    time_t seconds = time(NULL);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &parts);
    text_append(c->record, "{\"adapter\":");
    json_write_text(c->record, adapter);
    text_printf(c->record, ",\"compared_at\":\"%s\",\"signatures\":[", now);
    for (size_t i = 0; i < c->contract->count && !c->difference.found; i++)
        TRY(compare_signature(c, i, err));
    text_append(c->record, "]");
    return STATUS_OK;
}

/* Where they disagree, in the record and as the reason. */
static enum status tell(struct comparison *c, const char *adapter, const char *framework,
                        struct parity *parity, struct arena *keep, struct error *err)
{
    const char *space = *framework ? " " : "";
    const struct signature *s = &c->contract->signatures[c->signature];
    const struct parity_difference *d = &c->difference;
    char signature[TEXT_QUOTE_SIZE], output[TEXT_QUOTE_SIZE];

    text_append(c->record, ",\"framework_version\":");
    json_write_text(c->record, framework);
    text_printf(c->record, ",\"agrees\":%s", d->found ? "false" : "true");
    if (d->found) {
        text_quote(bytes_of(s->name), signature, sizeof signature);
        text_quote(bytes_of(s->outputs[d->output].name), output, sizeof output);
        parity->reason = arena_printf(
            keep,
            "it is not what %s%s%s computes: output \"%s\" of \"%s\" is %s here and %s there "
            "(element %zu, inputs of round %zu)",
            adapter, space, framework, output, signature, d->ours, d->theirs, d->element, c->round);
        text_append(c->record, ",\"disagreement\":");
        json_write_text(c->record, parity->reason ? parity->reason : "");
    }
    text_append_char(c->record, '}');
    TRY(text_check(c->record, err));
    parity->record = arena_text(keep, text_bytes(c->record));
    parity->line =
        d->found
            ? arena_printf(keep, "parity: disagrees with %s%s%s: %s", adapter, space, framework,
                           parity->reason)
            : arena_printf(keep, "parity: agrees with %s%s%s on %zu sets of inputs, within %.2g",
                           adapter, space, framework, c->runs, c->largest);
    return parity->record && parity->line && (!d->found || parity->reason)
               ? STATUS_OK
               : error_no_memory(err, "a comparison");
}

/* firn's own servable of the copy of the files that the worker has. */
static enum status open_again(const struct loading *loading, const char *path,
                              struct servable **servable, struct error *err)
{
    struct loading again;
    enum status status = loading->manifest_text.size ? load_open_text(path, loading->manifest_text,
                                                                      MANIFEST_NAME, &again, err)
                                                     : load_open(path, NULL, &again, err);

    if (!status)
        status = load_bare(&again, servable, err);
    load_close(&again);
    return status;
}

static enum status compare(struct servable *ours, const struct worker_beside *beside,
                           const char *adapter, struct parity *parity, struct arena *keep,
                           struct error *err)
{
    struct text record = {0};
    struct comparison c = {.contract = ours->contract,
                           .ours = servable_session(ours),
                           .theirs = servable_session(worker_beside_servable(beside)),
                           .record = &record};
    enum status status = STATUS_OK;

    arena_init(&c.scratch, (size_t)1 << MEMORY_SHIFT);
    if (!c.ours || !c.theirs)
        status = error_no_memory(err, "a comparison");
    if (!status)
        status = compare_all(&c, adapter, err);
    if (!status && !c.runs)
        status = error_set(err, STATUS_UNAVAILABLE, "no inputs that both take: %s", c.why);
    if (!status)
        status = tell(&c, adapter, worker_beside_framework(beside), parity, keep, err);
    if (c.ours)
        session_free(c.ours);
    if (c.theirs)
        session_free(c.theirs);
    arena_release(&c.scratch);
    text_release(&record);
    return status;
}

static enum status check(const struct loading *loading, const struct worker_policy *policy,
                         enum parity_wish wish, struct parity *parity, struct arena *keep,
                         struct error *err)
{
    const char *adapter = worker_adapter(loading);
    struct servable *ours = NULL;
    struct worker_beside *beside;
    enum status status = worker_beside_open(loading, policy, wish != PARITY_REQUIRED, &beside, err);

    if (!status)
        status = open_again(loading, worker_beside_path(beside), &ours, err);
    if (!status)
        status = compare(ours, beside, adapter, parity, keep, err);
    if (ours)
        servable_free(ours);
    worker_beside_close(beside);
    return status;
}

enum status parity_check(const struct loading *loading, const struct worker_policy *policy,
                         enum parity_wish wish, struct parity *parity, struct arena *keep,
                         struct error *err)
{
    const struct description *d = &loading->description;
    enum status status;

    *parity = (struct parity){0};
    if (wish == PARITY_NOT_WANTED)
        return STATUS_OK;
    if (d->reason || !d->contract.count || !worker_adapter(loading)) {
        if (wish == PARITY_WHERE_POSSIBLE)
            return STATUS_OK;
        return error_set(err, STATUS_UNSUPPORTED, "%s: there is nothing to compare",
                         d->reason ? "firn does not run it itself" : "no adapter opens it");
    }
    status = check(loading, policy, wish, parity, keep, err);
    if (!status || wish == PARITY_REQUIRED)
        return status ? error_within(err, "comparing with %s", worker_adapter(loading)) : STATUS_OK;
    parity->line = arena_printf(keep, "parity: not compared: %.300s", err->text);
    *err = (struct error){0};
    return parity->line ? STATUS_OK : error_no_memory(err, "a line");
}

static const char *text_of(const struct json *record, const char *key, struct arena *keep)
{
    const struct json *value = json_get(record, key);

    return value && value->kind == JSON_STRING ? arena_text(keep, value->string) : NULL;
}

enum status parity_read(struct registry *registry, const struct version *version,
                        const struct worker_policy *policy, const char **body, const char **line,
                        struct arena *keep, struct error *err)
{
    const struct record_filter filter = {.kind = PARITY_RECORD, .version = version->id};
    const char *now = "", *then, *adapter;
    struct record record;
    struct json json;
    bool found;

    *body = *line = NULL;
    TRY(registry_record_find(registry, &filter, &found, &record, keep, err));
    if (!found)
        return STATUS_OK;
    *body = record.body;
    TRY(json_parse(bytes_of(record.body), 0, &json, keep, err));
    then = text_of(&json, "framework_version", keep);
    adapter = text_of(&json, "adapter", keep);
    if (!policy || !then || !*then || !adapter)
        return STATUS_OK;
    TRY(worker_framework(registry, version, policy, &now, keep, err));
    if (!*now || strcmp(now, then) == 0)
        return STATUS_OK;
    *line = arena_printf(keep, "parity: that comparison is of %s %s; %s is installed now", adapter,
                         then, now);
    return *line ? STATUS_OK : error_no_memory(err, "a line");
}
