"""KIM items shared by the tests, built once a session, and structures to try them on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from kim_tools import Breaker, Item, build

import acegen


class Items:
    """Models by key with their KIM items, and deliberately wrong items."""

    def __init__(self, models: dict[str, Callable[[], acegen.Model]], folder: Path) -> None:
        self._models = models
        self._folder = folder
        self._items: dict[str, tuple[acegen.Model, Item]] = {}
        self._breakers: dict[str, Breaker] = {}
        self._broken: dict[tuple[str, ...], Item] = {}

    def __getitem__(self, key: str) -> tuple[acegen.Model, Item]:
        if key not in self._items:
            model = self._models[key]()
            self._items[key] = model, build(model, self._folder / key)
        return self._items[key]

    def broken(self, key: str, file: str, old: str, new: str) -> Item:
        """The item with `old` in one of its sources replaced by `new`."""
        edit = (key, file, old, new)
        if edit not in self._broken:
            if key not in self._breakers:
                self._breakers[key] = Breaker(self[key][1], self._folder / f"{key}_broken")
            self._broken[edit] = self._breakers[key].broken(file, old, new)
        return self._broken[edit]


def structure(key: str, repeat: int = 2, seed: int = 1, size: float = 0.1) -> Atoms:
    """Silicon, or a random mixture on its sites, not at rest, in a cell that is not cubic but lower triangular."""
    atoms = bulk("Si", cubic=True).repeat(repeat)
    rng = np.random.default_rng(seed)
    if key != "silicon":
        atoms.symbols = rng.permutation(np.resize(["Si", "O"], len(atoms)))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + np.tril(rng.normal(scale=0.02, size=(3, 3)))), scale_atoms=True)
    atoms.positions += rng.normal(scale=size, size=atoms.positions.shape)
    return atoms
