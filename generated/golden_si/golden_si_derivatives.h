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
    const pair_constants *pair = PAIRS[env->center[atom]];
    const int64_t begin = env->first[atom], end = env->first[atom + 1];
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        int64_t count = 0;
        for (int64_t k = begin; k < end; ++k) {
            const double *d = env->displacement + 3 * k, cutoff = pair[species].cutoff;
            if (env->species[k] != species || d[0] * d[0] + d[1] * d[1] + d[2] * d[2] >= cutoff * cutoff) continue;
            slot *s = &slots[count / LANES];
            const int lane = (int)(count++ % LANES);
            s->ux[lane] = d[0];
            s->uy[lane] = d[1];
            s->uz[lane] = d[2];
            s->entry[lane] = k;
        }
        near[species].slots = slots;
        near[species].n_slots = (count + LANES - 1) / LANES;
        for (; count % LANES; ++count) {
            slot *s = &slots[count / LANES];
            const int lane = (int)(count % LANES);
            s->ux[lane] = 2.0 * pair[species].cutoff;
            s->uy[lane] = s->uz[lane] = 0.0;
            s->entry[lane] = -1;
        }
        distances(&pair[species], near[species]);
        slots += near[species].n_slots;
    }
}

/* Derivatives G[h] of the S_lm with respect to the displacement, at one slot. */
static void harmonic_gradient(const slot *at, lanes *restrict S, lanes (*restrict G)[3])
{
    const lanes x = at->ux, y = at->uy, z = at->uz;
    lanes Q[N_HARMONICS], c[L_MAX + 1], s[L_MAX + 1];
    angular_polynomials(x, y, z, Q, c, s);
    harmonics(x, y, z, S);
    /* derivatives with respect to the components of the unit vector */
    G[0][0] = splat(0.0); G[0][1] = splat(0.0); G[0][2] = splat(0.0);
    G[1][0] = 1.0 * Q[3] * s[0]; G[1][1] = 1.0 * Q[3] * c[0]; G[1][2] = splat(0.0);
    G[2][0] = splat(0.0); G[2][1] = splat(0.0); G[2][2] = Q[3] * c[0];
    G[3][0] = 1.0 * Q[3] * c[0]; G[3][1] = -1.0 * Q[3] * s[0]; G[3][2] = splat(0.0);
    for (int h = 0; h < N_HARMONICS; ++h) {
        const lanes along = G[h][0] * x + G[h][1] * y + G[h][2] * z;
        G[h][0] = (G[h][0] - along * x) * at->inverse_r;
        G[h][1] = (G[h][1] - along * y) * at->inverse_r;
        G[h][2] = (G[h][2] - along * z) * at->inverse_r;
    }
}

static double sum_lanes(lanes value)
{
    double sum = 0.0;
    for (int lane = 0; lane < LANES; ++lane) sum += value[lane];
    return sum;
}

/* Derivatives of all A's of one centre. */
static void pooled_derivatives(const acegen_environments *env, int64_t atom, slot *slots, lanes *space, center_derivatives *out)
{
    gather_center(env, atom, slots, out->near);
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        const neighbourhood near = out->near[species];
        const int size = (int)(3 * near.n_slots) + N_VIRIAL;
        out->rows[species] = space;
        out->row_size[species] = size;
        space += (POOLED_FIRST[species + 1] - POOLED_FIRST[species]) * size;
        for (int64_t k = 0; k < near.n_slots; ++k) {
            const slot *at = &near.slots[k];
            lanes R[N_RADIAL][TILE], dR[N_RADIAL][TILE], S[N_HARMONICS], G[N_HARMONICS][3];
            radial_derivatives(at, R, dR, 1);
            harmonic_gradient(at, S, G);
            for (int shell = SHELL_FIRST[species]; shell < SHELL_FIRST[species + 1]; ++shell) {
                const int h = SHELLS[shell].harmonic;
                for (int n = 0; n < SHELLS[shell].count; ++n) {
                    lanes *row = out->rows[species] + (SHELLS[shell].offset - POOLED_FIRST[species] + n) * size + 3 * k;
                    const lanes radial = dR[n][0] * at->dy * S[h];
                    row[0] = R[n][0] * G[h][0] + radial * at->ux;
                    row[1] = R[n][0] * G[h][1] + radial * at->uy;
                    row[2] = R[n][0] * G[h][2] + radial * at->uz;
                }
            }
        }
        for (int v = POOLED_FIRST[species]; v < POOLED_FIRST[species + 1]; ++v) {
            lanes *row = out->rows[species] + (v - POOLED_FIRST[species]) * size, xx = splat(0.0), yy = xx, zz = xx, yz = xx, xz = xx, xy = xx;
            for (int64_t k = 0; k < near.n_slots; ++k) {
                const slot *at = &near.slots[k];
                const lanes gx = row[3 * k] / at->inverse_r, gy = row[3 * k + 1] / at->inverse_r, gz = row[3 * k + 2] / at->inverse_r;
                xx += at->ux * gx; yy += at->uy * gy; zz += at->uz * gz;
                yz += at->uy * gz; xz += at->ux * gz; xy += at->ux * gy;
            }
            const double components[6] = { sum_lanes(xx), sum_lanes(yy), sum_lanes(zz), sum_lanes(yz), sum_lanes(xz), sum_lanes(xy) };
            double *virial = (double *)(row + 3 * near.n_slots);
            memset(virial, 0, N_VIRIAL * sizeof(lanes));
            memcpy(virial, components, sizeof components);
        }
    }
}

#endif
