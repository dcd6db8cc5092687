/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Derivatives dA/dr of the pooled A's of one centre with respect to the displacements of its neighbours, for the basis
 * kernels. Here the lanes are the neighbours of one centre, LANES of them in each slot.
 */
#ifndef GOLDEN_SI_DERIVATIVES_H
#define GOLDEN_SI_DERIVATIVES_H

#include "golden_si_particles.h"

enum { N_VIRIAL = (6 + LANES - 1) / LANES }; /* variables of type lanes for the six components xx, yy, zz, yz, xz, xy */

static const uint16_t POOLED_FIRST[N_SPECIES + 1] = { 0, N_POOLED }; /* A's by neighbour species */

/* The A's of one (l, m). */
static const struct { uint16_t offset, harmonic, count; } SHELLS[] = {
    { 0, 0, 6 }, /* Si, l = 0, m = 0 */
    { 6, 1, 2 }, /* Si, l = 1, m = -1 */
    { 8, 2, 2 }, /* Si, l = 1, m = 0 */
    { 10, 3, 2 }, /* Si, l = 1, m = 1 */
};
static const uint16_t SHELL_FIRST[N_SPECIES + 1] = { 0, 4 };

/* Neighbours of one centre, LANES of them in each slot, and the derivatives of the A's: row v of species z has row_size[z]
 * lanes, first d(phi_v)/d(displacement) as [slot][axis], then N_VIRIAL lanes with Σ_j r_j d(phi_v)/d(r_j). */
typedef struct {
    neighbourhood near[N_SPECIES];
    lanes *rows[N_SPECIES];
    int row_size[N_SPECIES];
} center_derivatives;

/* Pack the neighbours of one centre. Its entries have been checked by gather(). */
static void gather_center(const acegen_environments *env, int64_t atom, slot *slots, neighbourhood near[N_SPECIES])
{
    const int64_t begin = env->first[atom], end = env->first[atom + 1];
    const pair_constants *pair = PAIRS[env->center[atom]];
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        int64_t count = 0;
        for (int64_t k = begin; k < end; ++k) {
            if (!belongs(env, k, species, &pair[species])) continue;
            put(&slots[count / LANES], (int)(count % LANES), env->displacement + DIMENSION * k, k);
            ++count;
        }
        near[species].slots = slots;
        near[species].n_slots = (count + LANES - 1) / LANES;
        for (; count % LANES; ++count) pad(&slots[count / LANES], (int)(count % LANES), &pair[species]);
        distances(&pair[species], near[species]);
        slots += near[species].n_slots;
    }
}

/* The S_lm and their derivatives G[h] with respect to the displacement, at one slot. */
static void harmonic_gradient(const slot *at, lanes *restrict S, lanes (*restrict G)[DIMENSION])
{
    harmonic_components(at->ux, at->uy, at->uz, S, G); /* with respect to the components of the unit vector */
    for (int h = 0; h < N_HARMONICS; ++h) {
        const lanes along = G[h][0] * at->ux + G[h][1] * at->uy + G[h][2] * at->uz;
        G[h][0] = (G[h][0] - along * at->ux) * at->inverse_r;
        G[h][1] = (G[h][1] - along * at->uy) * at->inverse_r;
        G[h][2] = (G[h][2] - along * at->uz) * at->inverse_r;
    }
}


/* Derivatives of all A's of one centre. */
static void pooled_derivatives(const acegen_environments *env, int64_t atom, slot *slots, lanes *space, center_derivatives *out)
{
    gather_center(env, atom, slots, out->near);
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        const neighbourhood near = out->near[species];
        const int size = (int)(DIMENSION * near.n_slots) + N_VIRIAL;
        out->rows[species] = space;
        out->row_size[species] = size;
        space += (POOLED_FIRST[species + 1] - POOLED_FIRST[species]) * size;
        for (int64_t k = 0; k < near.n_slots; ++k) {
            const slot *at = &near.slots[k];
            lanes R[N_RADIAL], dR[N_RADIAL], S[N_HARMONICS], G[N_HARMONICS][DIMENSION];
            radial_derivatives(at, R, dR);
            harmonic_gradient(at, S, G);
            for (int shell = SHELL_FIRST[species]; shell < SHELL_FIRST[species + 1]; ++shell) {
                const int h = SHELLS[shell].harmonic;
                for (int n = 0; n < SHELLS[shell].count; ++n) {
                    lanes *row = out->rows[species] + (SHELLS[shell].offset - POOLED_FIRST[species] + n) * size + DIMENSION * k;
                    const lanes radial = dR[n] * at->dy * S[h];
                    row[0] = R[n] * G[h][0] + radial * at->ux;
                    row[1] = R[n] * G[h][1] + radial * at->uy;
                    row[2] = R[n] * G[h][2] + radial * at->uz;
                }
            }
        }
        for (int v = POOLED_FIRST[species]; v < POOLED_FIRST[species + 1]; ++v) {
            lanes *row = out->rows[species] + (v - POOLED_FIRST[species]) * size;
            lanes xx = splat(0.0), yy = xx, zz = xx, yz = xx, xz = xx, xy = xx;
            for (int64_t k = 0; k < near.n_slots; ++k) {
                const slot *at = &near.slots[k];
                const lanes gx = row[3 * k] / at->inverse_r, gy = row[3 * k + 1] / at->inverse_r;
                const lanes gz = row[3 * k + 2] / at->inverse_r;
                xx += at->ux * gx; yy += at->uy * gy; zz += at->uz * gz;
                yz += at->uy * gz; xz += at->ux * gz; xy += at->ux * gy;
            }
            const double components[6] = { sum_lanes(xx), sum_lanes(yy), sum_lanes(zz),
                                           sum_lanes(yz), sum_lanes(xz), sum_lanes(xy) };
            double *virial = (double *)(row + 3 * near.n_slots);
            memset(virial, 0, N_VIRIAL * sizeof(lanes));
            memcpy(virial, components, sizeof components);
        }
    }
}

#endif
