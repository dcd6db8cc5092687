/* golden_si: canonical O3 basis of Si, order 3, level 6 (angular weight 3/2), closed radial functions (smoothstep), cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Lanes, one-particle functions and pooling, shared by the kernels of this model.
 *
 * A block is 8 centres of one element, one per lane. The neighbours of a lane that lie inside the cutoff are
 * packed into slots; lanes with fewer neighbours are padded with one beyond the cutoff, which contributes
 * exactly zero.
 *
 * One-particle functions: R_n(r) S_lm(r/|r|) for each neighbour species, with
 *   R_n = y p_(n-1)(2y-1), p = Jacobi(0,2), y = (1-s)^2 (1+2s), s = r/cutoff,
 *   S_lm = Q_l^|m|(z) Re or Im (x+iy)^|m|, Q_l^m = d^m P_l / dz^m (Re for m >= 0, Im for m < 0).
 */
#ifndef GOLDEN_SI_PARTICLES_H
#define GOLDEN_SI_PARTICLES_H

#include <float.h>
#include <math.h>
#include <string.h>

#include "acegen.h"

enum {
    LANES = 8,
    N_SPECIES = 1,
    N_RADIAL = 6,       /* radial functions R_1 .. R_6 */
    L_MAX = 1,
    N_HARMONICS = 4,    /* S_lm is number l^2 + l + m */
    TILE = 8,            /* neighbours taken together */
    N_POOLED = 12      /* pooled A_znlm; n runs fastest, then m, l, z */
};

typedef double lanes __attribute__((vector_size(8 * sizeof(double))));
typedef int64_t lane_mask __attribute__((vector_size(8 * sizeof(int64_t)))); /* of a comparison of lanes */

static inline lanes splat(double value)
{
    return (lanes){ value, value, value, value, value, value, value, value };
}

/* ---- neighbours in lanes ---------------------------------------------------------------------------- */

/* One neighbour of each centre of a block. */
typedef struct {
    lanes x, y, z;        /* displacement, Å; pool() turns it into the unit vector */
    lanes inverse_r;      /* 1/|r|, set by pool() like all that follows but `entry` */
    lanes dy;             /* dy/dr */
    lanes R[N_RADIAL];    /* radial functions and their derivatives by y */
    lanes dR[N_RADIAL];
    int64_t entry[LANES]; /* which entry of the neighbour list; -1 for padding */
} slot;

/* Neighbours of one species of a block. */
typedef struct {
    slot *slots;
    int64_t n_slots;
} neighbourhood;

/* Workspace address rounded up to what `lanes` needs. */
static inline slot *aligned_slots(void *workspace)
{
    const uintptr_t alignment = sizeof(lanes);
    return (slot *)(((uintptr_t)workspace + alignment - 1) / alignment * alignment);
}

/* Lanes of the next block: up to LANES centres of species `center` from *next on; -1 for unused lanes.
 * Returns how many were found. */
static inline int next_block(const acegen_environments *env, int32_t center, int64_t *next, int64_t atom[LANES])
{
    int filled = 0;
    while (filled < LANES && *next < env->n_atoms) {
        if (env->center[*next] == center) atom[filled++] = *next;
        ++*next;
    }
    for (int lane = filled; lane < LANES; ++lane) atom[lane] = -1;
    return filled;
}

/* Check the lists before anything is computed; gather() checks their entries. */
static inline acegen_status check_environments(const acegen_environments *env, size_t workspace_size,
                                               size_t (*workspace_bytes)(int64_t), int64_t *failed_atom)
{
    if (!env || env->n_atoms < 0) return ACEGEN_BAD_ARGUMENT;
    if (env->n_atoms && (!env->center || !env->first)) return ACEGEN_BAD_ARGUMENT;
    int64_t most = 0;
    for (int64_t i = 0; i < env->n_atoms; ++i) {
        if (failed_atom) *failed_atom = i;
        const int64_t count = env->first[i + 1] - env->first[i];
        if (count < 0 || (count && (!env->species || !env->displacement))) return ACEGEN_BAD_ARGUMENT;
        if (count > most) most = count;
        if (env->center[i] < 0 || env->center[i] >= N_SPECIES) return ACEGEN_UNKNOWN_SPECIES;
    }
    if (failed_atom) *failed_atom = -1;
    if (workspace_size < workspace_bytes(most)) return ACEGEN_SMALL_WORKSPACE;
    return ACEGEN_OK;
}

/* Pack the neighbours of one species that lie inside the cutoff into slots. */
static inline acegen_status gather(const acegen_environments *env, const int64_t atom[LANES], int32_t species,
                                   double cutoff, slot *slots, neighbourhood *near, int64_t *failed_atom)
{
    int64_t count[LANES] = {0}, n_slots = 0;
    for (int lane = 0; lane < LANES; ++lane) {
        if (atom[lane] < 0) continue;
        if (failed_atom) *failed_atom = atom[lane];
        for (int64_t k = env->first[atom[lane]]; k < env->first[atom[lane] + 1]; ++k) {
            const double *d = env->displacement + 3 * k;
            const double squared = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
            if (!(squared <= DBL_MAX)) return ACEGEN_NOT_FINITE;
            if (squared < 1e-12) return ACEGEN_COINCIDENT;
            if (env->species[k] < 0 || env->species[k] >= N_SPECIES) return ACEGEN_UNKNOWN_SPECIES;
            if (env->species[k] != species || squared >= cutoff * cutoff) continue;
            slot *s = &slots[count[lane]++];
            s->x[lane] = d[0];
            s->y[lane] = d[1];
            s->z[lane] = d[2];
            s->entry[lane] = k;
        }
        if (count[lane] > n_slots) n_slots = count[lane];
    }
    for (int lane = 0; lane < LANES; ++lane) {
        for (int64_t k = count[lane]; k < n_slots; ++k) {
            slots[k].x[lane] = 2.0 * cutoff;
            slots[k].y[lane] = 0.0;
            slots[k].z[lane] = 0.0;
            slots[k].entry[lane] = -1;
        }
    }
    near->slots = slots;
    near->n_slots = n_slots;
    if (failed_atom) *failed_atom = -1;
    return ACEGEN_OK;
}

/* ---- radial functions ------------------------------------------------------------------------------- */

/* Constants of the distance transform by centre and neighbour species. */
typedef struct {
    double cutoff, inverse_cutoff;
} pair_constants;

static const pair_constants PAIRS[N_SPECIES][N_SPECIES] = {
    {{ 5.0, 0.20000000000000001 }},
};

/* R_{n+1} = (a y + b) R_n - c R_{n-1}: rows {a, b, c} for n = 1, 2, ... */
static const double RECURRENCE[][3] = {
    { 4.0, -3.0, 0.0 },
    { 3.75, -2.1875, 0.5625 },
    { 3.7333333333333334, -2.0222222222222221, 0.71111111111111114 },
    { 3.75, -1.96875, 0.78125 },
    { 3.7714285714285714, -1.9485714285714286, 0.82285714285714284 },
};

/* R_n and dR_n/dy at y = y(r), and dy/dr, of the slots of a tile. From the cutoff on, R_n and dy/dr are exactly zero.
 * The recurrence runs through all slots at each n, so that no step waits for the one before it. */
static inline void radial_functions(const pair_constants *pair, slot *slots, const lanes *r, int count)
{
    lanes y[TILE];
    for (int k = 0; k < count; ++k) {
        slot *at = &slots[k];
        lanes s = r[k] * pair->inverse_cutoff;
        const lane_mask inside = s < 1.0;
        s = (lanes)((inside & (lane_mask)s) | (~inside & (lane_mask)splat(1.0))); /* min(s, 1) */
        const lanes t = 1.0 - s;
        y[k] = t * t * (1.0 + 2.0 * s);
        at->dy = -6.0 * s * t * pair->inverse_cutoff; /* dy/dr */
        at->R[0] = y[k];
        at->dR[0] = splat(1.0);
    }
    for (int n = 0; n + 1 < N_RADIAL; ++n) {
        const double a = RECURRENCE[n][0], b = RECURRENCE[n][1], c = RECURRENCE[n][2];
        const int before = n ? n - 1 : 0; /* c = 0 in the first row */
        for (int k = 0; k < count; ++k) {
            slot *at = &slots[k];
            const lanes linear = a * y[k] + b;
            at->R[n + 1] = linear * at->R[n] - c * at->R[before];
            at->dR[n + 1] = a * at->R[n] + linear * at->dR[n] - c * at->dR[before];
        }
    }
}

/* ---- spherical harmonics ---------------------------------------------------------------------------- */

/* Polynomials of a unit vector: Q[l^2 + l + m] = Q_l^m(z) for 0 <= m <= l, c[m] + i s[m] = (x+iy)^m. */
static inline void angular_polynomials(lanes x, lanes y, lanes z, lanes *restrict Q, lanes *restrict c, lanes *restrict s)
{
    c[0] = splat(1.0); s[0] = splat(0.0);
    c[1] = x; s[1] = y;
    Q[0] = splat(1.0);
    Q[2] = 1.0 * z * Q[0];
    Q[3] = splat(1.0);
}

/* S[l^2 + l + m] = S_lm of a unit vector. */
static inline void harmonics(lanes x, lanes y, lanes z, lanes *restrict S)
{
    lanes Q[N_HARMONICS], c[L_MAX + 1], s[L_MAX + 1];
    angular_polynomials(x, y, z, Q, c, s);
    S[0] = Q[0];
    S[2] = Q[2];
    S[3] = Q[3] * c[1]; S[1] = Q[3] * s[1];
}

/* ---- pooling ---------------------------------------------------------------------------------------- */

/* The neighbours of one species are taken in tiles. Within a tile, the A's of each (l, m) are summed in runs of a
 * few consecutive n that stay in registers. */

/* a[i] += Σ_k S_k R_k[first + i] for i < 2. */
static inline void add_run_2(lanes *restrict a, const slot *slots, lanes (*S)[N_HARMONICS], int harmonic, int first, int count)
{
    lanes a0 = a[0], a1 = a[1];
    for (int k = 0; k < count; ++k) {
        const lanes s = S[k][harmonic], *R = slots[k].R + first;
        a0 += s * R[0];
        a1 += s * R[1];
    }
    a[0] = a0;
    a[1] = a1;
}

/* a[i] += Σ_k S_k R_k[first + i] for i < 6. */
static inline void add_run_6(lanes *restrict a, const slot *slots, lanes (*S)[N_HARMONICS], int harmonic, int first, int count)
{
    lanes a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4], a5 = a[5];
    for (int k = 0; k < count; ++k) {
        const lanes s = S[k][harmonic], *R = slots[k].R + first;
        a0 += s * R[0];
        a1 += s * R[1];
        a2 += s * R[2];
        a3 += s * R[3];
        a4 += s * R[4];
        a5 += s * R[5];
    }
    a[0] = a0;
    a[1] = a1;
    a[2] = a2;
    a[3] = a3;
    a[4] = a4;
    a[5] = a5;
}

/* Add the neighbours of one species to the pooled A_znlm = Σ_j R_n(r_j) S_lm(r_j). Leaves unit vectors and radial
 * functions in the slots. */
static inline void pool(const pair_constants *pair, int32_t species, neighbourhood near, lanes *restrict A)
{
    lanes r[TILE], S[TILE][N_HARMONICS];
    for (int64_t start = 0; start < near.n_slots; start += TILE) {
        slot *slots = near.slots + start;
        const int count = near.n_slots - start < TILE ? (int)(near.n_slots - start) : TILE;
        for (int k = 0; k < count; ++k) {
            slot *at = &slots[k];
            const lanes squared = at->x * at->x + at->y * at->y + at->z * at->z;
            for (int lane = 0; lane < LANES; ++lane) r[k][lane] = sqrt(squared[lane]);
            at->inverse_r = 1.0 / r[k];
            at->x *= at->inverse_r;
            at->y *= at->inverse_r;
            at->z *= at->inverse_r;
            harmonics(at->x, at->y, at->z, S[k]);
        }
        radial_functions(pair, slots, r, count);
        switch (species) {
        case 0: /* Si */
            add_run_6(A + 0, slots, S, 0, 0, count); /* l = 0, m = 0, n = 1 to 6 */
            add_run_2(A + 6, slots, S, 1, 0, count); /* l = 1, m = -1, n = 1 to 2 */
            add_run_2(A + 8, slots, S, 2, 0, count); /* l = 1, m = 0, n = 1 to 2 */
            add_run_2(A + 10, slots, S, 3, 0, count); /* l = 1, m = 1, n = 1 to 2 */
            break;
        }
    }
}

/* Gather and pool all neighbours of a block: near[species] and A. *end is the first slot left free. */
static inline acegen_status pool_block(const acegen_environments *env, int32_t center, const int64_t atom[LANES],
                                       slot *slots, neighbourhood near[N_SPECIES], lanes A[N_POOLED], slot **end,
                                       int64_t *failed_atom)
{
    memset(A, 0, N_POOLED * sizeof *A);
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        const pair_constants *pair = &PAIRS[center][species];
        const acegen_status status = gather(env, atom, species, pair->cutoff, slots, &near[species], failed_atom);
        if (status != ACEGEN_OK) return status;
        pool(pair, species, near[species], A);
        slots += near[species].n_slots;
    }
    *end = slots;
    return ACEGEN_OK;
}

#endif
