"""What it runs on: device, precision, threads, versions."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from bertsmith.errors import ConfigError

PACKAGES = ("bertsmith", "torch", "transformers", "tokenizers", "safetensors", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Runtime:
    """Device, precision and threads of a run."""

    device: torch.device
    autocast_dtype: torch.dtype | None
    """The type of autocast's matrix products, or None for plain float32."""
    num_threads: int
    """CPU threads per operation."""

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which forward passes run."""
        if self.autocast_dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_dtype)

    @property
    def precision(self) -> str:
        """`float32`, or the type of autocast."""
        return "float32" if self.autocast_dtype is None else str(self.autocast_dtype).removeprefix("torch.")

    def describe(self) -> str:
        """`cpu, float32, 2 threads`, or the GPU's name."""
        if self.device.type == "cuda":
            return f"{torch.cuda.get_device_name(self.device)}, {self.precision}"
        threads = "1 thread" if self.num_threads == 1 else f"{self.num_threads} threads"
        return f"{self.device.type}, {self.precision}, {threads}"


def choose_runtime(*, device: str, precision: str, threads: int | None) -> Runtime:
    """The runtime that these settings ask for; sets torch's number of threads.

    Raises:
        ConfigError: the device is not there.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        remedy = "Leave the flag out, or install a CUDA build of torch."
        raise ConfigError([f"--device cuda: torch finds no CUDA device here. {remedy}"])
    if device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(["--device mps: torch finds no Apple GPU here. Leave the flag out."])
    if precision == "auto":
        precision = "bfloat16" if device == "cuda" else "float32"
    return Runtime(
        device=torch.device(device),
        autocast_dtype=torch.bfloat16 if precision == "bfloat16" else None,
        num_threads=torch.get_num_threads(),
    )


def environment(runtime: Runtime) -> dict[str, Any]:
    """Versions and machine, as recorded with a run: what the promise of the same bits is bound to."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # running from a source tree that is not installed
            versions[package] = "not installed"
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "device": runtime.describe(),
        "precision": runtime.precision,
        "threads": runtime.num_threads,
        "versions": versions,
    }
