"""How a model is compiled: choices that change its speed, not what it computes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from acegen.errors import BuildError

Precision = Literal["double", "single"]
ProductForm = Literal["auto", "coupled", "straight", "compact"]
BackendName = Literal["lanes", "plain"]

LANES = (2, 4, 8, 16)


@dataclass(frozen=True)
class BuildOptions:
    """Options of a compile.

    Attributes:
        march: instruction set: "native" for this machine, "generic" for the compiler's default, or a name the
            compiler knows, such as "x86-64-v3".
        lanes: centres evaluated together; None fills one vector register.
        precision: arithmetic of the potential kernel. Displacements, energies and gradients are passed as
            doubles in any case; "single" computes in floats and adds energies up in doubles.
        openmp: build the potential kernel for several threads.
        products: form of the product stage: coupled products (for atoms only), products of A's as straight-line code or
            in compact tables, or whichever costs least.
        backend: how kernels are written: "lanes" uses the vector extensions of GCC and Clang and is fast; "plain" is
            portable C99 for any compiler and for reading, in double precision and on one thread.

    Raises:
        BuildError: an option has a value that is not allowed.
    """

    march: str = "native"
    lanes: int | None = None
    precision: Precision = "double"
    openmp: bool = False
    products: ProductForm = "auto"
    backend: BackendName = "lanes"

    def __post_init__(self) -> None:
        if not isinstance(self.march, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]*", self.march):
            raise BuildError(
                f"march = {self.march!r} is not an instruction set; use native, generic, or a name the compiler knows, "
                "such as x86-64-v3."
            )
        if self.lanes is not None and (type(self.lanes) is not int or self.lanes not in LANES):
            raise BuildError(f"lanes = {self.lanes!r} is not possible; use one of {', '.join(map(str, LANES))}.")
        if type(self.openmp) is not bool:
            raise BuildError(f"openmp = {self.openmp!r} is not possible; use True or False.")
        for name, kind in (("precision", Precision), ("products", ProductForm), ("backend", BackendName)):
            if getattr(self, name) not in get_args(kind):
                raise BuildError(f"{name} = {getattr(self, name)!r} is not known; use {', '.join(get_args(kind))}.")
        if self.backend == "plain":
            plain = BuildOptions(self.march)
            for name in ("lanes", "precision", "openmp", "products"):
                if getattr(self, name) != getattr(plain, name):
                    raise BuildError(
                        f"{name} = {getattr(self, name)!r} is not possible with backend = 'plain', scalar C in double "
                        f"precision for one thread; leave {name} out, or use backend = 'lanes'."
                    )
