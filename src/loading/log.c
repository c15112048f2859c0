// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "contract/adapters.h"
#include "loading/parity.h"

enum { FILES_SHOWN = 100, LINES_SHOWN = 100 };

static void files_log(const struct artifact *artifact, struct text *log)
{
    char quoted[TEXT_QUOTE_SIZE];
    uint64_t bytes = 0;

    if (artifact->kind == ARTIFACT_FILE) {
        text_printf(log, "payload: \"%s\", %zu bytes\n",
                    text_quote(bytes_of(artifact->name), quoted, sizeof quoted),
                    artifact_container(artifact).size);
        return;
    }
    for (size_t i = 0; i < artifact->count; i++)
        bytes += artifact->members[i].size;
    text_printf(log, "payload: %zu file%s, %llu bytes\n", artifact->count,
                artifact->count == 1 ? "" : "s", (unsigned long long)bytes);
    for (size_t i = 0; i < artifact->count && i < FILES_SHOWN; i++)
        text_printf(log, "  %10llu  %s\n", (unsigned long long)artifact->members[i].size,
                    text_quote(bytes_of(artifact->members[i].path), quoted, sizeof quoted));
    if (artifact->count > FILES_SHOWN)
        text_printf(log, "  ... and %zu more\n", artifact->count - FILES_SHOWN);
}

static void lines_log(const char *what, const char *const *lines, size_t count, struct text *log)
{
    for (size_t i = 0; i < count && i < LINES_SHOWN; i++)
        text_printf(log, "%s: %s\n", what, lines[i]);
    if (count > LINES_SHOWN)
        text_printf(log, "%s: ... and %zu more\n", what, count - LINES_SHOWN);
}

void load_log(const struct loading *loading, bool workers, struct text *log)
{
    const struct description *d = &loading->description;

    files_log(loading->artifact, log);
    text_printf(log, "format: %s", d->format ? d->format : "unknown");
    if (d->framework)
        text_printf(log, " (%s%s%s)", d->framework, d->framework_version ? " " : "",
                    d->framework_version ? d->framework_version : "");
    text_append(log, "\n");
    lines_log("the file says", d->details, d->detail_count, log);
    lines_log("filters", d->filters, d->filter_count, log);
    lines_log("opening it with its framework would run", d->executes, d->executes_count, log);
    lines_log("warning", d->warnings, d->warning_count, log);
    text_printf(log, "contract: %s\n",
                !d->contract.count                 ? "none"
                : loading->manifest.contract.count ? "from the files, with what was declared"
                                                   : "from the files");
    if (d->contract.count)
        contract_print_table(&d->contract, log);
    if (d->reason && workers && adapter_serves(d->format, d->reason))
        text_append(log, "served by a worker\n");
    else if (d->reason)
        text_printf(log, "not served: %s\n", d->reason);
}

enum status load_log_read(struct registry *registry, const struct version *version,
                          const struct worker_policy *workers, struct text *log, struct arena *keep,
                          struct error *err)
{
    const struct record_filter filter = {.kind = LOAD_LOG, .version = version->id};
    const char *body, *line;
    struct error ignored;
    struct record record;
    bool found;

    TRY(registry_record_find(registry, &filter, &found, &record, keep, err));
    if (!found)
        return STATUS_OK;
    text_append(log, record.body);
    if (workers && !parity_read(registry, version, workers, &body, &line, keep, &ignored) && line)
        text_printf(log, "%s%s\n", LOAD_LOG_FACT, line);
    text_printf(log, "%s is version %lld of %s\n", version->digest, (long long)version->number,
                version->model);
    return STATUS_OK;
}

void load_log_facts(const struct text *log, int width, struct text *text)
{
    static const size_t SIZE = sizeof LOAD_LOG_FACT - 1;
    const char *head = "facts";

    for (const char *line = log->data; line && *line;) {
        size_t size = strcspn(line, "\n");

        if (size > SIZE && !strncmp(line, LOAD_LOG_FACT, SIZE)) {
            text_printf(text, "%-*s  %.*s\n", width, head, (int)(size - SIZE), line + SIZE);
            head = "";
        }
        line += size + (line[size] == '\n');
    }
}
