"""Which invariants represent each label: those that make the coupled product stage cheap.

Values are shared by many labels, so this is a covering problem: every label needs as many independent invariants as it
has, every invariant needs values, and a value costs the same however often it is used. A greedy start, in which labels
share the cost of values that others may use, is improved until that gains little: by choosing anew for one label at
a time, and by removing a value, or all values of two factors, wherever other invariants can take its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from acegen.optimize.pairing_cost import coupling_cost, entry_cost
from acegen.program.coupled import Channel
from acegen.program.pairings import Choice, Invariant, Value

_SEED = 0
_ROUNDS = 12
_SMALLEST_GAIN = 5e-4
"""The search ends when a round gains less than this part of the cost."""

_MOST_USERS = 80
"""A value with more users is not tried to be removed."""

_INDEPENDENT = 0.2
"""Least singular value of the coordinates of invariants that are chosen together: coefficients grow by its inverse."""

Picks = tuple[int, ...]
"""Positions of the chosen candidates of a label."""


@dataclass(frozen=True)
class _Candidate:
    """Numbers of the nodes an invariant needs, those inside others included, and what it costs itself."""

    nodes: tuple[int, ...]
    entry: int


class _Pattern:
    """Which candidates of a label go together; shared by all labels with the same coordinates.

    Attributes:
        dimension: number of candidates to choose.
        best: a well-conditioned choice, which always exists.
    """

    def __init__(self, coordinates: Sequence[Sequence[float]]) -> None:
        self.dimension = len(coordinates[0])
        self._matrix = np.array(coordinates)
        self._known: dict[frozenset[int], float] = {}
        self.best = self._best()
        self._least = min(_INDEPENDENT, 0.999 * self._singular(frozenset(self.best)))

    def independent(self, picks: Collection[int]) -> bool:
        """Whether these may be chosen together."""
        return self._singular(frozenset(picks)) >= self._least

    def _singular(self, picks: frozenset[int]) -> float:
        if picks not in self._known:
            rows = self._matrix[sorted(picks)]
            self._known[picks] = float(np.linalg.svd(rows, compute_uv=False)[-1])
        return self._known[picks]

    def _best(self) -> Picks:
        chosen: list[int] = []
        while len(chosen) < self.dimension:
            rest = [k for k in range(len(self._matrix)) if k not in chosen]
            chosen.append(max(rest, key=lambda k: self._singular(frozenset([*chosen, k]))))
        return tuple(chosen)


@dataclass(frozen=True)
class _Label:
    candidates: tuple[_Candidate, ...]
    pattern: _Pattern

    @property
    def free(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.candidates) > self.pattern.dimension


class _Problem:
    """All labels with their candidates; nodes and pairs of factors are numbered.

    Attributes:
        labels: in the order of the choices.
        node_factors: of each node the number of its pair of factors.
        node_degree: of each node, 2 to the power of l.
        factors: of each pair of factors their degrees, and whether they are one value.
    """

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.labels: list[_Label] = []
        self.node_factors: list[int] = []
        self.node_degree: list[int] = []
        self.factors: list[tuple[int, int, bool]] = []
        self._nodes: dict[Value, tuple[int, ...]] = {}
        self._numbers: dict[tuple[Value, Value], int] = {}
        patterns: dict[tuple[tuple[float, ...], ...], _Pattern] = {}
        for choice in choices:
            pattern = patterns.get(choice.coordinates)
            if pattern is None:
                pattern = patterns[choice.coordinates] = _Pattern(choice.coordinates)
            self.labels.append(_Label(tuple(map(self._candidate, choice.candidates)), pattern))

    def _candidate(self, invariant: Invariant) -> _Candidate:
        nodes = dict.fromkeys(node for value in invariant for node in self._needed(value))
        square = len(invariant) == 2 and invariant[0] == invariant[1]
        return _Candidate(tuple(nodes), entry_cost(invariant[0].l, square) if len(invariant) == 2 else 2)

    def _needed(self, value: Value) -> tuple[int, ...]:
        """Numbers of the nodes in a value, inner ones first."""
        if isinstance(value, Channel):
            return ()
        if value not in self._nodes:
            inner = (*self._needed(value.left), *self._needed(value.right))
            factors = (value.left, value.right)
            if factors not in self._numbers:
                self._numbers[factors] = len(self.factors)
                left, right = sorted((value.left.l, value.right.l))
                self.factors.append((left, right, value.left == value.right))
            self.node_factors.append(self._numbers[factors])
            self.node_degree.append(1 << value.l)
            self._nodes[value] = (*dict.fromkeys(inner), len(self.node_degree) - 1)
        return self._nodes[value]


Grouping = Callable[[int], int]
"""Puts nodes together that are to be removed together."""


class _Search:
    """A choice for every label; how often each node is used, and to which l each pair of factors is coupled."""

    def __init__(self, problem: _Problem) -> None:
        self.problem = problem
        self.random = Random(_SEED)
        self.picks: list[Picks] = [()] * len(problem.labels)
        self.uses = [0] * len(problem.node_degree)
        self.degrees = [0] * len(problem.factors)

    @property
    def cost(self) -> int:
        """Multiply-adds of everything chosen."""
        problem = self.problem
        entries = sum(problem.labels[i].candidates[k].entry for i, picks in enumerate(self.picks) for k in picks)
        return entries + sum(map(self._cost, range(len(self.degrees)), self.degrees))

    def start(self) -> None:
        """Choose for each label, as if every label that may use a node paid its share of it."""
        problem = self.problem
        users = [0.0] * len(self.uses)
        together = [0.0] * len(self.degrees)
        for label in problem.labels:
            share = label.pattern.dimension / len(label.candidates)
            for candidate in label.candidates:
                for node in candidate.nodes:
                    users[node] += share
                    together[problem.node_factors[node]] += share
        shares = []
        for node, (factors, degree) in enumerate(zip(problem.node_factors, problem.node_degree, strict=True)):
            first = self._cost(factors, 1)  # what any l costs, about
            shares.append((self._cost(factors, degree) - first) / users[node] + first / together[factors])
        for i, label in enumerate(problem.labels):
            costs = {
                k: candidate.entry + sum(shares[node] for node in candidate.nodes if not self.uses[node])
                for k, candidate in enumerate(label.candidates)
            }
            chosen: list[int] = []
            for k in sorted(costs, key=lambda k: costs[k]):
                if len(chosen) < label.pattern.dimension and label.pattern.independent((*chosen, k)):
                    chosen.append(k)
            complete = len(chosen) == label.pattern.dimension  # cheap ones may leave no room for others
            self._put(i, tuple(chosen) if complete else label.pattern.best)

    def improve_labels(self) -> None:
        """Choose anew for each label, in random order, given the choices of all others."""
        order = [i for i, label in enumerate(self.problem.labels) if label.free]
        self.random.shuffle(order)
        for i in order:
            label, old = self.problem.labels[i], self.picks[i]
            self._take(i)
            best, least = old, self._price(i, old)
            new = self._cheapest(i, range(len(label.candidates)))
            if new is not None and (price := self._price(i, new)) <= least:
                best, least = new, price
            for slot in range(len(best) if len(best) > 1 else 0):
                for k in range(len(label.candidates)):
                    swapped = (*best[:slot], k, *best[slot + 1 :])
                    if k in best or not label.pattern.independent(swapped):
                        continue
                    if (price := self._price(i, swapped)) < least:
                        best, least = swapped, price
            self._put(i, best)

    def remove_values(self, group: Grouping) -> None:
        """Try to do without each group of nodes, the least used first."""
        labels = self.problem.labels
        users: defaultdict[int, set[int]] = defaultdict(set)
        for i, picks in enumerate(self.picks):
            for node in self._nodes(i, picks):
                users[group(node)].add(i)
        for key in sorted(users, key=lambda key: (len(users[key]), self.random.random())):
            own = [i for i in users[key] if any(group(node) == key for node in self._nodes(i, self.picks[i]))]
            if not own or len(own) > _MOST_USERS:
                continue
            old = [(i, self.picks[i]) for i in own]
            before = 0
            for i in own:
                picks = self.picks[i]
                self._take(i)
                before += self._price(i, picks)
            after, replaced = 0, []
            for i in own:
                allowed = [
                    k
                    for k, candidate in enumerate(labels[i].candidates)
                    if all(group(n) != key for n in candidate.nodes)
                ]
                new = self._cheapest(i, allowed)
                if new is None or (after := after + self._price(i, new)) >= before:
                    break
                self._put(i, new)
                replaced.append(i)
            if len(replaced) < len(own):
                for i in replaced:
                    self._take(i)
                for i, picks in old:
                    self._put(i, picks)
            for i in own:
                for node in self._nodes(i, self.picks[i]):
                    users[group(node)].add(i)

    def _nodes(self, i: int, picks: Picks) -> Iterable[int]:
        return (node for k in picks for node in self.problem.labels[i].candidates[k].nodes)

    def _put(self, i: int, picks: Picks) -> None:
        self.picks[i] = picks
        for k in picks:
            self._count(self.problem.labels[i].candidates[k], 1)

    def _take(self, i: int) -> None:
        for k in self.picks[i]:
            self._count(self.problem.labels[i].candidates[k], -1)
        self.picks[i] = ()

    def _count(self, candidate: _Candidate, change: int) -> None:
        problem = self.problem
        for node in candidate.nodes:
            before = self.uses[node]
            self.uses[node] = before + change
            if not before or not self.uses[node]:
                self.degrees[problem.node_factors[node]] ^= problem.node_degree[node]

    def _cost(self, factors: int, degrees: int) -> int:
        """Of coupling a pair of factors to some l."""
        return coupling_cost(*self.problem.factors[factors], degrees)

    def _added(self, candidate: _Candidate) -> int:
        """Cost of a candidate on top of what is there."""
        problem, opened = self.problem, dict[int, int]()
        for node in candidate.nodes:
            if not self.uses[node]:
                factors = problem.node_factors[node]
                opened[factors] = opened.get(factors, 0) | problem.node_degree[node]
        cost = candidate.entry
        for factors, degrees in opened.items():
            there = self.degrees[factors]
            cost += self._cost(factors, there | degrees) - self._cost(factors, there)
        return cost

    def _price(self, i: int, picks: Picks) -> int:
        """The same for several candidates of a label, which may share nodes."""
        candidates, price = self.problem.labels[i].candidates, 0
        for k in picks:
            price += self._added(candidates[k])
            self._count(candidates[k], 1)
        for k in picks:
            self._count(candidates[k], -1)
        return price

    def _cheapest(self, i: int, allowed: Iterable[int]) -> Picks | None:
        """Independent candidates, each the cheapest given those before; None if too few are allowed."""
        label = self.problem.labels[i]
        chosen: list[int] = []
        left = list(allowed)
        while len(chosen) < label.pattern.dimension:
            ordered = sorted(left, key=lambda k: (self._added(label.candidates[k]), self.random.random()))
            found = next((n for n, k in enumerate(ordered) if label.pattern.independent((*chosen, k))), None)
            if found is None:
                break
            chosen.append(ordered[found])
            self._count(label.candidates[ordered[found]], 1)
            left = ordered[found + 1 :]
        for k in chosen:
            self._count(label.candidates[k], -1)
        return tuple(chosen) if len(chosen) == label.pattern.dimension else None


def choose_invariants(choices: Sequence[Choice]) -> tuple[Picks, ...]:
    """For each choice the positions of as many independent candidates as its label has invariants."""
    if not choices:
        return ()
    problem = _Problem(choices)
    search = _Search(problem)
    search.start()
    best, least = list(search.picks), search.cost
    for _ in range(_ROUNDS):
        before = least
        search.improve_labels()
        search.improve_labels()
        search.remove_values(lambda node: node)
        search.remove_values(problem.node_factors.__getitem__)  # all nodes of two factors
        if search.cost < least:
            best, least = list(search.picks), search.cost
        if least > before * (1 - _SMALLEST_GAIN):
            break
    return tuple(best)
