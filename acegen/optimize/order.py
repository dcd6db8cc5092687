"""The pass that chooses which factor of a term comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from acegen.optimize.cost import Cost, CostModel
from acegen.optimize.trie import TrieNode, build_trie
from acegen.program.kernel import Product
from acegen.program.layout import PooledLayout


def variable_orders(layout: PooledLayout, terms: Sequence[Product]) -> dict[str, list[int]]:
    """Orders worth trying: by how often a variable occurs, and by its harmonic.

    By harmonic, large |m| (rare, because few of their products are invariant) come first and n runs fastest: terms that
    share a prefix then differ only in n, and leaves fall on few variables.
    """
    frequency = Counter(variable for term in terms for variable in set(term))
    names = layout.names

    def by(key: Any) -> list[int]:
        return sorted(frequency, key=key)

    return {
        "rarest first": by(lambda v: (frequency[v], v)),
        "most frequent first": by(lambda v: (-frequency[v], v)),
        "large l first": by(lambda v: (-names[v][2], -abs(names[v][3]), names[v][3], names[v][0], names[v][1])),
        "large |m| first": by(lambda v: (-abs(names[v][3]), -names[v][2], names[v][3], names[v][0], names[v][1])),
        "large m first": by(lambda v: (-abs(names[v][3]), names[v][3], -names[v][2], names[v][0], names[v][1])),
    }


def choose_order(
    layout: PooledLayout, terms: Sequence[Product], model: CostModel
) -> tuple[str, tuple[TrieNode, ...], Cost]:
    """The cheapest order: its name, the trie and its cost."""
    tries = {name: build_trie(terms, order) for name, order in variable_orders(layout, terms).items()}
    costs = {name: model.straight(trie) for name, trie in tries.items()}
    best = min(costs, key=lambda name: (costs[name].cycles, costs[name].multiply_adds))
    return best, tries[best], costs[best]
