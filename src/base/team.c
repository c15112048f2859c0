// SPDX-License-Identifier: Apache-2.0
#include "base/team.h"

size_t team_lanes(const struct team *team)
{
    (void)team;
    return 1;
}

void team_run(struct team *team, size_t chunks,
              void (*work)(void *context, size_t chunk, size_t lane), void *context)
{
    (void)team;
    for (size_t chunk = 0; chunk < chunks; chunk++)
        work(context, chunk, 0);
}
