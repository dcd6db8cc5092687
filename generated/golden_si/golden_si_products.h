/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * The product stage of the potential kernel, in golden_si_products*.c. Its variables:
 *
 *   A(0) .. A(5) = A_znlm, z = Si, n = 1 to 6, l = 0, m = 0
 *   A(6) .. A(7) = A_znlm, z = Si, n = 1 to 2, l = 1, m = -1
 *   A(8) .. A(9) = A_znlm, z = Si, n = 1 to 2, l = 1, m = 0
 *   A(10) .. A(11) = A_znlm, z = Si, n = 1 to 2, l = 1, m = 1
 */
#ifndef GOLDEN_SI_PRODUCTS_H
#define GOLDEN_SI_PRODUCTS_H

#include "golden_si_particles.h"

enum {
    N_VALUES = N_POOLED, /* A's */
    GROUP = 1 /* blocks that take the product stage together */
};

/* A block of centres on its way through the stages. */
typedef struct {
    lanes A[N_VALUES], D[N_VALUES]; /* pooled A's, and the derivatives of the energies by them */
    double energy[LANES];
    int64_t atom[2 * LANES]; /* -1 for unused lanes; then those of the next block */
    neighbourhood near[N_SPECIES];
} block;

/* Site energies and D of some blocks of centres of species `center`; both are zero before. */
void golden_si_products(int32_t center, block *blocks, int count);

/* Parts of it, each some of the products. Pointers are to the middle of the arrays, see golden_si_products_1.c. */
void golden_si_products_1(const lanes *restrict a, lanes *restrict d, const real *restrict c, double *restrict energy);

/* Energies are added up in double precision. */
static inline void add_energy(lanes e, double *restrict energy)
{
    for (int lane = 0; lane < LANES; ++lane) energy[lane] += e[lane];
}

#endif
