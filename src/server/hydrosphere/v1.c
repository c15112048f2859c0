// SPDX-License-Identifier: Apache-2.0
#include "server/hydrosphere/v1.h"

enum status view_build_1(const struct view *view, const struct loaded *loaded, struct error *err)
{
    const struct version *row = loaded_row(loaded);
    struct text *text = view->text;

    text_printf(text, "{\"id\":%lld,\"status\":\"Finished\",", (long long)row->id);
    view_text(text, "startedAt", row->created);
    text_append(text, ",");
    view_text(text, "finishedAt", row->created);
    text_append(text, ",\"request\":{");
    view_text(text, "modelName", row->model);
    text_printf(
        text, "},\"logsUrl\":\"/api/v2/model/version/%lld/logs\",\"result\":", (long long)row->id);
    TRY(view_version_1(view, loaded, err));
    text_append(text, "}");
    return STATUS_OK;
}

void view_write_error_1(const struct error *err, struct text *text)
{
    const char *kind = err->status == STATUS_NOT_FOUND  ? "NotFound"
                       : status_http(err->status) < 500 ? "BadRequest"
                                                        : "InternalError";

    text_printf(text, "{\"error\":\"%s\",\"information\":", kind);
    view_write_reason(err, text);
    text_append_char(text, '}');
}
