// SPDX-License-Identifier: Apache-2.0
/* gRPC methods of Hydrosphere that firn does not have: clients learn why, and what to do instead.
 */
#include "server/internal.h"

/* The route's summary is the reason. */
static enum status refuse(struct request *request, struct response *response, struct error *err)
{
    (void)response;
    return error_set(err, STATUS_UNSUPPORTED, "%s", request->match.route->summary);
}

#define ANALYZE "requests are not kept for monitoring: count and compare them where they are made"
#define OUTLIERS "no outlier model is made by itself: upload one, and name it in \"monitoring\""
#define REQUESTS "requests are not kept"
#define PROJECTION "there is no projection of embeddings"
#define FLAGS ROUTE_GRPC | ROUTE_UNLISTED

static const struct route ROWS[] = {
    {HTTP_POST, "/hydrosphere.monitoring.sonar.MonitoringService/Analyze", refuse, ANALYZE, FLAGS},
    {HTTP_POST, "/hydrosphere.monitoring.MonitoringService/Analyze", refuse, ANALYZE, FLAGS},
    {HTTP_POST, "/hydrosphere.serving.gateway.GatewayService/ReplayModel", refuse,
     "requests are not kept, so none is played again: send them with PredictServable", FLAGS},
    {HTTP_POST, "/hydrosphere.monitoring.auto_od.AutoOdService/GetModelStatus", refuse, OUTLIERS,
     FLAGS},
    {HTTP_POST, "/hydrosphere.monitoring.auto_od.AutoOdService/LaunchAutoOd", refuse, OUTLIERS,
     FLAGS},
    {HTTP_POST, "/hydrosphere.auto_od.AutoOdService/GetModelStatus", refuse, OUTLIERS, FLAGS},
    {HTTP_POST, "/hydrosphere.auto_od.AutoOdService/LaunchAutoOd", refuse, OUTLIERS, FLAGS},
    {HTTP_POST, "/hydrosphere.interpretability.visualization.VisualizationService/Fit", refuse,
     PROJECTION, FLAGS},
    {HTTP_POST, "/hydrosphere.vis.VisService/RefitModel", refuse, PROJECTION, FLAGS},
    {HTTP_POST, "/hydrosphere.reqstore.Timemachine/Save", refuse, REQUESTS, FLAGS},
    {HTTP_POST, "/hydrosphere.reqstore.Timemachine/Get", refuse, REQUESTS, FLAGS},
    {HTTP_POST, "/hydrosphere.reqstore.Timemachine/GetRange", refuse, REQUESTS, FLAGS},
    {HTTP_POST, "/hydrosphere.reqstore.Timemachine/GetSubsample", refuse, REQUESTS, FLAGS},
};

const struct route_set routes_grpc_refused = {
    .name = "grpc_refused",
    .summary = "gRPC: what Hydrosphere had and firn refuses, UNIMPLEMENTED with the reason",
    .routes = ROWS,
    .count = ARRAY_COUNT(ROWS),
};
