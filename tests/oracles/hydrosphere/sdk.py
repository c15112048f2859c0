"""hydrosdk 3.0.3, unmodified, against a server: ADDRESS FOLDER of the sklearn model, ADDRESS of the reference.

Prints one JSON object: what each call gave. Run by hydrosphere_clients.py in the SDK's own environment.
"""
import json
import sys

import numpy as np
from hydrosdk.application import Application, ApplicationBuilder, ExecutionStageBuilder
from hydrosdk.cluster import Cluster
from hydrosdk.data.types import PredictorDT
from hydrosdk.deployment_configuration import DeploymentConfiguration, DeploymentConfigurationBuilder
from hydrosdk.exceptions import HydrosphereException
from hydrosdk.image import DockerImage
from hydrosdk.modelversion import ModelVersion, ModelVersionBuilder, MonitoringConfiguration
from hydrosdk.monitoring import MetricSpec, MetricSpecConfig, ThresholdCmpOp
from hydrosdk.servable import Servable
from hydrosdk.signature import ProfilingType, SignatureBuilder

address, folder, columns, rows = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
told = {}


def signature():
    builder = SignatureBuilder("predict")
    for name in columns:
        builder.with_input(name, "double", [-1], ProfilingType.NUMERICAL)
    return builder.with_output("predict", "string", [-1], ProfilingType.TEXT).build()


def words(answer):
    return [v.decode() if isinstance(v, bytes) else str(v) for v in answer["predict"]]


cluster = Cluster("http://" + address, grpc_address=address)
told["build_info"] = {name: info["status"] for name, info in cluster.build_info().items()}

builder = ModelVersionBuilder("sdk-iris", folder).with_runtime(DockerImage.from_string("hydrosphere/serving-runtime-python-3.8:3.0.3"))
builder.with_payload(["model.joblib"]).with_signature(signature()).with_metadata({"author": "sdk"}).with_training_data("iris.csv")
builder.with_install_command("true").with_monitoring_configuration(MonitoringConfiguration(7))
version = builder.build(cluster)
version.lock_till_released(timeout=30)
found = ModelVersion.find(cluster, "sdk-iris", 1)
told["version"] = [found.id == version.id, str(found), found.status.value, found.metadata, found.monitoring_configuration.batch_size]
told["by_id"] = str(ModelVersion.find_by_id(cluster, version.id))
told["by_name"] = [str(v) for v in ModelVersion.find_by_model_name(cluster, "sdk-iris")]
told["log"] = [event.data for event in version.build_logs()]
data = version.upload_training_data()
data.wait(retry=1, sleep=1)
told["training"] = data.get_status().value

stage = ExecutionStageBuilder().with_model_variant(version, 100).build()
application = ApplicationBuilder("sdk-app").with_stage(stage).with_metadata("k", "v").build(cluster)
application.lock_while_starting(timeout=30)
told["application"] = [application.status.name, application.metadata, Application.find(cluster, "sdk-app").id == application.id]
inputs = {name: np.array(column, dtype=np.float64) for name, column in zip(columns, zip(*rows))}
told["numpy"] = words(application.predictor().predict(inputs))
told["python"] = words(application.predictor(return_type=PredictorDT.DICT_PYTHON).predict(inputs))
told["frame"] = words(application.predictor(return_type=PredictorDT.DF).predict(inputs))

servable = Servable.create(cluster, "sdk-iris", 1, metadata={"who": "sdk"})
servable.lock_while_starting(timeout=30)
told["servable"] = [servable.status.name, servable.meta, servable.name in [s.name for s in Servable.list(cluster)]]
told["monitorable"] = words(servable.predictor().predict(inputs))
told["unmonitorable"] = words(servable.predictor(monitorable=False).predict(inputs))
told["servable_log"] = [event.data for event in servable.logs(follow=False)]

metric = MetricSpec.create(cluster, "watch", version.id, MetricSpecConfig(version.id, 1.5, ThresholdCmpOp.LESS_EQ))
again = MetricSpec.find_by_id(cluster, metric.id)
told["metric"] = [again.name, again.config.threshold, again.config.threshold_op, len(MetricSpec.find_by_modelversion(cluster, version.id))]
MetricSpec.delete(cluster, metric.id)
told["metrics_left"] = len(MetricSpec.list(cluster))

DeploymentConfigurationBuilder("big").with_replicas(3).build(cluster)
told["deployment"] = DeploymentConfiguration.find(cluster, "big").deployment.replica_count
told["deployments"] = len(DeploymentConfiguration.list(cluster))
DeploymentConfiguration.delete(cluster, "big")

external = ModelVersionBuilder("sdk-external", folder).with_signature(signature()).build_external(cluster)
told["external"] = [external.is_external, external.status.value]

refused = []
for call in (lambda: ModelVersion.find(cluster, "nobody", 1), lambda: Application.find(cluster, "nobody"),
             lambda: Servable.create(cluster, "sdk-iris", 99), lambda: MetricSpec.find_by_id(cluster, 12345)):
    try:
        call()
        refused.append("no error")
    except HydrosphereException as error:
        refused.append("404" if " 404 " in str(error) else str(error))
told["refused"] = refused

Servable.delete(cluster, servable.name)
Application.delete(cluster, "sdk-app")
told["left"] = [len(Application.list(cluster)), servable.name in [s.name for s in Servable.list(cluster)]]
print(json.dumps(told))
