"""What `kubectl kustomize` makes of deploy/k8s, without a cluster."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from pydantic import BaseModel

from web.settings import PREFIX

ROOT: Final = Path(__file__).parents[2]
K8S: Final = ROOT / "deploy" / "k8s"
KUBECTL: Final = Path(sys.executable).with_name("kubectl")  # of requirements.lock

Manifest: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifests:
    """All objects of one kustomization."""

    objects: tuple[Manifest, ...]

    def of(self, *kinds: str) -> list[Manifest]:
        return [one for one in self.objects if one["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = (one for one in self.of(kind) if one["metadata"]["name"] == name)
        return found

    def generated(self, kind: str, name: str) -> Manifest:
        """Return the map or secret whose name ends in the hash of what it holds."""
        (found,) = (
            one for one in self.of(kind) if one["metadata"]["name"].rpartition("-")[0] == name
        )
        return found

    def pods(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each pod's template, with the name of what starts it."""
        for one in self.of("Deployment", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]


@cache
def render(folder: str) -> Manifests:
    """Return what *folder* of deploy/k8s comes to."""
    done = subprocess.run(  # noqa: S603 - our own folder
        [str(KUBECTL), "kustomize", str(K8S / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr  # it warns of what will be gone
    return Manifests(tuple(yaml.safe_load_all(done.stdout)))


def defaults(model: type[BaseModel], prefix: str = PREFIX) -> Iterator[tuple[str, Any]]:
    """Yield the variables that set *model*'s fields, those of its parts too, with the defaults."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from defaults(inner, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", field.get_default(call_default_factory=True)


def mount(folder: Path, files: Mapping[str, str]) -> Path:
    """Write *files* as the kubelet does: behind two links, so that all change at once."""
    real = folder / "..2026_01_05_08_00_00.123456789"
    real.mkdir(parents=True)
    (folder / "..data").symlink_to(real.name)
    for name, text in files.items():
        (real / name).write_text(text, "utf-8")
        (folder / name).symlink_to(Path("..data") / name)
    return folder
