"""deploy/k8s renders and validates offline, and agrees with the code."""

import base64
import importlib
import re
import secrets
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]  # it carries no types
import pytest
from prometheus_client import REGISTRY

from plumbing.metrics import ConsumerMetrics
from support.manifests import K8S, ROOT, Manifest, Manifests, defaults, mount, render
from web.serve import LAST_PASS_S
from web.settings import PREFIX, SECRETS_DIR, MigrationSettings, ServiceSettings

SERVICES: Final = ("ingest", "segmenter", "care-triggers", "notifier", "reporting")
FOLDERS: Final = ("base", "overlays/dev", "overlays/prod")
OLDEST, NEWEST = "1.30", "1.37"  # preStop.sleep came with 1.30
# No package has their schemas; what we use of them is looked at below.
FOREIGN: Final = {"ScaledObject", "PodMonitor"}
SECRETS: Final = "/run/secrets/huiliu"
TOKEN_KEYS: Final = "/etc/huiliu/keys/jwks.json"


def settings_of(service: str) -> type[ServiceSettings]:
    module = importlib.import_module(f"{service.replace('-', '_')}.settings")
    found: type[ServiceSettings] = module.Settings
    return found


def keys(path: Path, *, noted: bool = False) -> set[str]:
    """Return the names in a .env file; with *noted*, also those that a comment leaves unset."""
    mark = r"^(?:# )?" if noted else "^"
    return set(re.findall(rf"{mark}({PREFIX}\w+)=", path.read_text("utf-8"), re.MULTILINE))


def container(template: Mapping[str, Any]) -> Manifest:
    (only,) = template["spec"]["containers"]
    return dict(only)


def settings_files(manifests: Manifests, service: str) -> dict[str, str]:
    shared = manifests.generated("ConfigMap", "huiliu-shared")["data"]
    own = manifests.generated("ConfigMap", f"{service}-settings")["data"]
    return {**shared, **own}


def validate(one: Manifest, version: str) -> None:
    kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("folder", FOLDERS[1:])
def test_it_renders_to_what_kubernetes_knows(folder: str, version: str) -> None:
    objects = render(folder).objects

    assert {one["kind"] for one in objects} >= {"Deployment", "Job", "Service", "NetworkPolicy"}
    for one in objects:
        if one["kind"] not in FOREIGN:
            validate(one, version)


def test_a_word_that_kubernetes_does_not_know_would_be_seen() -> None:
    """Control: of the kind of slip that a cluster silently ignores."""
    wrong = deepcopy(render("base").one("Deployment", "ingest"))
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 45

    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        validate(wrong, NEWEST)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_in_kubernetes_and_no_other(service: str) -> None:
    known = dict([*defaults(settings_of(service)), *defaults(MigrationSettings)]).keys()
    template = render("base").one("Deployment", service)["spec"]["template"]
    environment = {one["name"] for one in container(template)["env"]} - {SECRETS_DIR}
    files = [K8S / "base" / folder / "settings.env" for folder in ("shared", service)]
    hidden = [K8S / "overlays/dev/secrets" / f"{service}{tail}.env" for tail in ("", "-owner")]

    said = [keys(path, noted=True) for path in files] + [keys(path) for path in hidden]
    optional = {f"{PREFIX}DATA_KEY"} if service == "reporting" else set()
    optional |= {f"{PREFIX}SMTP__PASSWORD", f"{PREFIX}SMS__RECEIPT_SECRET"}  # in the manual

    assert (environment | set().union(*said)) - known == set()
    assert known - environment - set().union(*said) <= optional


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_written_out_is_the_default(service: str) -> None:
    """Base changes nothing but where to listen and to find things; overlays do."""
    known = dict(defaults(settings_of(service)))
    elsewhere = {f"{PREFIX}HOST", f"{PREFIX}KAFKA_SERVERS"}
    written = settings_files(render("base"), service)

    differ = {
        name: (value, known[name])
        for name, value in written.items()
        if name not in elsewhere and not _same(value, known[name])
    }

    assert differ == {}


def _same(written: str, default: object) -> bool:
    if isinstance(default, bool):
        return written == str(default).lower()
    if isinstance(default, int | float):
        return float(written) == default
    return written == str(default)


@pytest.mark.parametrize("service", SERVICES)
def test_dev_holds_all_that_a_service_needs(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = render("overlays/dev")
    hidden = _decoded(dev.generated("Secret", service))
    owner = _decoded(dev.generated("Secret", f"{service}-owner"))

    settings = _load(
        settings_of(service), settings_files(dev, service), hidden, tmp_path / "a", monkeypatch
    )
    migration = _load(MigrationSettings, {}, owner, tmp_path / "b", monkeypatch)

    assert (settings.environment, settings.partitions) == ("local", 4)
    assert settings.database_url.get_secret_value() == hidden[f"{PREFIX}DATABASE_URL"]
    assert migration.owner_url.get_secret_value() == owner[f"{PREFIX}OWNER_URL"]


@pytest.mark.parametrize("service", SERVICES)
def test_prod_needs_only_the_secrets_of_the_manual(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod = render("overlays/prod")
    manual = (K8S / "README.md").read_text("utf-8")
    (row,) = re.findall(rf"^\| `{service}` \| (.*) \|$", manual, re.MULTILINE)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    fresh = {
        f"{PREFIX}DATABASE_URL": f"postgresql+asyncpg://a:{secrets.token_hex()}@db/huiliu",
        f"{PREFIX}DATA_KEY": key,
        f"{PREFIX}SMS__SECRET": f"whsec_{key}",
    }
    hidden = {name: fresh[name] for name in re.findall(rf"`({PREFIX}\w+)`", row)}

    settings = _load(
        settings_of(service), settings_files(prod, service), hidden, tmp_path, monkeypatch
    )

    assert settings.production
    assert str(settings.token_keys_file) == TOKEN_KEYS
    assert prod.of("Secret") == []


def _decoded(secret: Manifest) -> dict[str, str]:
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


def _load(
    model: Any,
    plain: Mapping[str, str],
    hidden: Mapping[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Return the settings as a pod reads them, from its environment and its mounted secrets."""
    monkeypatch.setenv(SECRETS_DIR, str(mount(folder / "secrets", hidden)))
    for name, value in plain.items():
        monkeypatch.setenv(name, value)
    return model()


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_those_of_the_service(service: str) -> None:
    base = render("base")
    fields = settings_of(service).model_fields
    api, ops = fields["http_port"].default, fields["ops_port"].default
    template = base.one("Deployment", service)["spec"]["template"]
    ports = {one["name"]: one["containerPort"] for one in container(template)["ports"]}
    written = settings_files(base, service)

    assert ports == {"http": api, "ops": ops}
    assert (written["HUILIU_HTTP_PORT"], written["HUILIU_OPS_PORT"]) == (str(api), str(ops))
    assert template["metadata"]["annotations"]["prometheus.io/port"] == str(ops)
    assert base.one("Service", service)["spec"]["ports"] == [
        {"name": "http", "port": api, "targetPort": "http"}
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_image_is_named_by_service_and_version(folder: str) -> None:
    versions = {
        service: tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text("utf-8"))
        for service in SERVICES
    }
    wanted = {
        f"{service}{tail}": f"huiliu/{service}:{project['project']['version']}"
        for service, project in versions.items()
        for tail in ("", "-migrate")
    }

    assert {name: container(pod)["image"] for name, pod in render(folder).pods()} == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_asked_on_its_operations_port(service: str) -> None:
    pod = container(render("base").one("Deployment", service)["spec"]["template"])

    probes = {name: pod[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}

    assert probes == {
        "startup": {"path": "/livez", "port": "ops"},
        "liveness": {"path": "/livez", "port": "ops"},
        "readiness": {"path": "/readyz", "port": "ops"},
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_is_given_the_time_that_an_orderly_end_takes(service: str) -> None:
    template = render("base").one("Deployment", service)["spec"]["template"]
    forgotten = container(template)["lifecycle"]["preStop"]["sleep"]["seconds"]
    requests = float(settings_files(render("base"), service)["HUILIU_STOP_GRACE_S"])

    assert (forgotten, template["spec"]["terminationGracePeriodSeconds"]) == (5, 45)
    assert forgotten + requests + 3 * LAST_PASS_S <= 45


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_pod_may_more_than_it_needs(folder: str) -> None:
    for name, template in render(folder).pods():
        pod, only = template["spec"], container(template)
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name
        assert only["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert pod["automountServiceAccountToken"] is False, name
        assert only["resources"].keys() == {"requests", "limits"}, name
        assert {"name": SECRETS_DIR, "value": SECRETS} in only["env"], name
        assert {"name": "secrets", "mountPath": SECRETS, "readOnly": True} in only["volumeMounts"]
        assert not [one for one in only["env"] if "secretKeyRef" in one.get("valueFrom", {})], name


def test_only_the_migration_knows_the_owner_of_a_schema() -> None:
    held = {
        name: volume["secret"]["secretName"]
        for name, pod in render("overlays/prod").pods()
        for volume in pod["spec"]["volumes"]
        if "secret" in volume
    }

    assert held == {
        **{service: service for service in SERVICES},
        **{f"{service}-migrate": f"{service}-owner" for service in SERVICES},
    }


@pytest.mark.parametrize("service", SERVICES)
def test_what_selects_pods_selects_the_right_ones(service: str) -> None:
    base = render("base")
    labels = {name: pod["metadata"]["labels"] for name, pod in base.pods()}

    def selected(by: Mapping[str, str]) -> set[str]:
        return {name for name, own in labels.items() if by.items() <= own.items()}

    spec = base.one("Deployment", service)["spec"]
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    budget = base.one("PodDisruptionBudget", service)["spec"]
    policy = base.one("NetworkPolicy", service)["spec"]

    assert selected(spec["selector"]["matchLabels"]) == {service}
    assert selected(base.one("Service", service)["spec"]["selector"]) == {service}
    assert selected(budget["selector"]["matchLabels"]) == {service}
    assert selected(spread["labelSelector"]["matchLabels"]) == {service}
    assert selected(policy["podSelector"]["matchLabels"]) == {service, f"{service}-migrate"}
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}


def test_only_the_notifier_gets_out_of_the_cluster() -> None:
    outward = {
        policy["metadata"]["name"]
        for policy in render("base").of("NetworkPolicy")
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    }

    assert outward == {"notifier"}


@pytest.mark.parametrize("service", SERVICES[1:])
def test_readers_are_scaled_by_a_gauge_of_their_own(service: str) -> None:
    ConsumerMetrics()
    prod = render("overlays/prod")
    scaler = prod.one("ScaledObject", service)
    (trigger,) = scaler["spec"]["triggers"]
    metrics = set(re.findall(r"huiliu_\w+", trigger["metadata"]["query"]))
    partitions = int(settings_files(prod, service)["HUILIU_PARTITIONS"])

    assert scaler["apiVersion"] == "keda.sh/v1alpha1"
    assert scaler["spec"].keys() <= {
        *("scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval"),
        *("fallback", "advanced", "triggers"),
    }
    assert scaler["spec"]["scaleTargetRef"] == {"name": service}
    assert 1 <= scaler["spec"]["minReplicaCount"] <= scaler["spec"]["maxReplicaCount"] <= partitions
    assert trigger["type"] == "prometheus"
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert metrics == {"huiliu_consumer_lag_records"}
    assert metrics <= {family.name for family in REGISTRY.collect()}
    assert f'job="{service}"' in trigger["metadata"]["query"]
    assert "replicas" not in prod.one("Deployment", service)["spec"]  # else each apply resets it


def test_the_operator_finds_every_service_and_calls_it_by_its_name() -> None:
    prod = render("overlays/prod")
    (monitor,) = prod.of("PodMonitor")
    by = monitor["spec"]["selector"]["matchLabels"].items()

    found = {
        pod["metadata"]["labels"][monitor["spec"]["jobLabel"]]
        for _, pod in prod.pods()
        if by <= pod["metadata"]["labels"].items()
    }

    assert found == set(SERVICES)
    assert [one["port"] for one in monitor["spec"]["podMetricsEndpoints"]] == ["ops"]
