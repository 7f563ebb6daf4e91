"""The package as installed: its surface, its dependencies, its one version."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
import spinecode

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {
    "axe-playwright-python": "axe_playwright_python",
    "prometheus-client": "prometheus_client",
    "pytest-xdist": "xdist",
    "python-docx": "docx",
    "scikit-learn": "sklearn",
    "simple-icd-10-cm": "simple_icd_10_cm",
}
EXTRAS = [
    *PROJECT["optional-dependencies"]["browser"],
    *PROJECT["optional-dependencies"]["spark"],
    *PROJECT["optional-dependencies"]["postgresql"],
]
DECLARED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


def test_the_public_surface_is_complete_and_sorted():
    assert spinecode.__all__ == sorted(spinecode.__all__)
    for name in spinecode.__all__:
        assert getattr(spinecode, name) is not None
    assert set(spinecode.__all__) <= set(dir(spinecode))
    with pytest.raises(AttributeError):
        spinecode.nothing_of_the_kind  # noqa: B018


@pytest.mark.parametrize("requirement", DECLARED)
def test_every_dependency_is_installed_and_imports(requirement):
    name = re.match(r"[A-Za-z0-9_.-]+", requirement).group()
    assert importlib.metadata.version(name)
    if name != "ruff":  # a program, no module
        importlib.import_module(MODULES.get(name, name))


@pytest.mark.full
@pytest.mark.parametrize("requirement", EXTRAS)
def test_every_extra_is_installed_and_imports(requirement):
    name = re.match(r"[A-Za-z0-9_.-]+", requirement).group()
    importlib.import_module(MODULES.get(name, name))


def test_constraints_pin_every_dependency():
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    for requirement in [*DECLARED, *EXTRAS]:
        assert re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower() in pinned
    assert not [line for line in pinned if "/" in line or "@" in line]


def test_errors_have_one_base():
    for name in ("InputError", "FindingsError", "TableError", "ReleaseError"):
        assert issubclass(getattr(spinecode, name), spinecode.SpinecodeError)


def test_the_version_is_one():
    assert importlib.metadata.version("spinecode") == spinecode.__version__
