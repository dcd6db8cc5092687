"""The table [embedding]: site energies as a function of several densities."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from acegen.spec.fields import Section

MAX_DENSITIES = 8

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Exponent = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class EmbeddingSpec(Section):
    """Site energies E0 + ZBL + pair term + Σ_p weight_p F(ρ_p; exponent_p), where every ρ_p is linear in the functions.

    F is a power, made smooth at zero as in ML-PACE; with an exponent of one it is ρ itself.
    """

    function: Literal["finnis-sinclair", "finnis-sinclair-shifted"] = Field(
        "finnis-sinclair-shifted",
        description='F: "finnis-sinclair-shifted" (default) or "finnis-sinclair", powers made smooth at zero as in '
        "ML-PACE",
    )
    exponents: Annotated[tuple[_Exponent, ...], Field(min_length=1, max_length=MAX_DENSITIES)] = Field(
        description=f"exponent m_p of each density, one to {MAX_DENSITIES} numbers above 0, at most 10"
    )
    weights: tuple[_Number, ...] | None = Field(
        None, description="weight w_p of each density, one number for each exponent (default: ones)"
    )

    @model_validator(mode="after")
    def _weights_for_all(self) -> EmbeddingSpec:
        if self.weights is not None and len(self.weights) != len(self.exponents):
            raise ValueError(
                f"embedding.weights has {len(self.weights)} numbers for {len(self.exponents)} exponents; give one for "
                "each, or none"
            )
        return self

    @property
    def terms(self) -> tuple[tuple[float, float], ...]:
        """Weight and exponent of each density."""
        weights = self.weights or (1.0,) * len(self.exponents)
        return tuple(zip(weights, self.exponents, strict=True))

    def canonical(self) -> dict[str, Any]:
        """With all defaults."""
        return {
            "function": self.function,
            "exponents": list(self.exponents),
            "weights": [weight for weight, _ in self.terms],
        }
