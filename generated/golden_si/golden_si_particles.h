/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Lanes, one-particle functions and pooling, shared by the kernels of this model.
 *
 * A block is 4 centres of one element, one per lane. The neighbours of a lane that lie inside the cutoff are
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
    LANES = 4,
    WINDOW = 8 * LANES,
    N_SPECIES = 1,
    DIMENSION = 3,      /* coordinates of a particle */
    N_RADIAL = 6,       /* radial functions R_1 .. R_6 */
    L_MAX = 1,
    N_HARMONICS = 4,    /* S_lm is number l^2 + l + m */
    TILE = 2,            /* neighbours taken together, */
    TAIL = 1,            /* and the fewest */
    N_POOLED = 12      /* pooled A_znlm; n runs fastest, then m, l, z */
};

typedef double real;
typedef real lanes __attribute__((vector_size(4 * sizeof(real))));
typedef int64_t lane_mask __attribute__((vector_size(4 * sizeof(real)))); /* of a comparison of lanes */

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline, unused)) /* its variables stay in registers */

static inline lanes splat(real value)
{
    return (lanes){ value, value, value, value };
}

/* Sum over lanes, in double precision. */
static inline double sum_lanes(lanes value)
{
    double sum = 0.0;
    for (int lane = 0; lane < LANES; ++lane) sum += value[lane];
    return sum;
}

/* 1/sqrt(squared). One step of third order takes the single-precision value to full precision; it costs less than a division. */
static inline lanes inverse_root(lanes squared)
{
    typedef float half_lanes __attribute__((vector_size(4 * sizeof(float))));
    half_lanes root = __builtin_convertvector(squared, half_lanes);
    for (int lane = 0; lane < LANES; ++lane) root[lane] = sqrtf(root[lane]);
    const lanes guess = __builtin_convertvector(1.0f / root, lanes);
    const lanes error = 1.0 - (squared * guess) * guess;
    return guess + guess * error * (0.5 + 0.375 * error);
}

/* ---- neighbours in lanes ---------------------------------------------------------------------------- */

/* One neighbour of each centre of a block. */
typedef struct {
    lanes ux, uy, uz;     /* displacement, Å; distances() turns it into the unit vector */
    lanes inverse_r;      /* 1/|r|, set by distances() like y and dy */
    lanes y, dy;          /* y(r) and dy/dr */
    int64_t entry[LANES]; /* which entry of the neighbour list; -1 for padding */
} slot;

/* Neighbours of one species of a block. */
typedef struct {
    slot *slots;
    int64_t n_slots;
} neighbourhood;

/* Constants of the distance transform by centre and neighbour species. */
typedef struct {
    double cutoff;
    real inverse_cutoff;
} pair_constants;

static const pair_constants PAIRS[N_SPECIES][N_SPECIES] = {
    {{ 5.0, 0.20000000000000001 }},
};

/* Workspace address rounded up to what `lanes` needs. */
static inline void *aligned(void *workspace)
{
    const uintptr_t alignment = sizeof(lanes);
    return (void *)(((uintptr_t)workspace + alignment - 1) / alignment * alignment);
}

/* Workspace for the slots of a block, if no centre has more than max_neighbours; these are few enough for the sum not to
 * overflow, see MOST_NEIGHBOURS. */
static inline size_t slot_bytes(int64_t max_neighbours)
{
    const size_t slots = ((size_t)(max_neighbours > 0 ? max_neighbours : 0) + TAIL) * N_SPECIES;
    return sizeof(lanes) + slots * sizeof(slot);
}

/* The centres of one species, from `next` to `end`: a window of them at a time, in the order of their numbers of neighbours,
 * so that the lanes of a block have little to pad. */
typedef struct {
    int32_t center;
    int count, taken;
    int64_t next, end, window[WINDOW];
} center_queue;

/* Ask for memory that will be needed soon: [entries][DIMENSION] numbers from entry `first` on. */
static inline void prefetch_entries(const double *start, int64_t first, int64_t entries)
{
    for (int64_t k = DIMENSION * first; k < DIMENSION * (first + entries); k += 64 / (int64_t)sizeof *start)
        __builtin_prefetch(start + k, 0, 2);
}

/* Lanes of the next block: up to LANES centres, -1 for unused lanes. Returns how many were found. Lists of the block after it
 * are on their way when this one is computed. */
static inline int next_block(const acegen_environments *env, center_queue *queue, int64_t atom[LANES])
{
    if (queue->taken == queue->count) {
        queue->taken = queue->count = 0;
        for (; queue->count < WINDOW && queue->next < queue->end; ++queue->next) {
            const int64_t i = queue->next, length = env->first[i + 1] - env->first[i];
            if (env->center[i] != queue->center) continue;
            int place = queue->count++;
            for (; place > 0; --place) {
                const int64_t before = queue->window[place - 1];
                if (env->first[before + 1] - env->first[before] <= length) break;
                queue->window[place] = before;
            }
            queue->window[place] = i;
        }
    }
    int filled = 0;
    while (filled < LANES && queue->taken < queue->count) atom[filled++] = queue->window[queue->taken++];
    for (int lane = filled; lane < LANES; ++lane) atom[lane] = -1;
    for (int k = queue->taken; k < queue->count && k < queue->taken + LANES; ++k) {
        const int64_t first = env->first[queue->window[k]];
        prefetch_entries(env->displacement, first, env->first[queue->window[k] + 1] - first);
    }
    return filled;
}

/* Check the lists before anything is computed; gather() checks their entries. */
static inline acegen_status check_environments(const acegen_environments *env, int64_t *max_neighbours, int64_t *failed_atom)
{
    if (failed_atom) *failed_atom = -1;
    if (!env || env->n_atoms < 0) return ACEGEN_BAD_ARGUMENT;
    if (env->n_atoms && (!env->center || !env->first)) return ACEGEN_BAD_ARGUMENT;
    *max_neighbours = 0;
    for (int64_t i = 0; i < env->n_atoms; ++i) {
        const int64_t begin = env->first[i], end = env->first[i + 1];
        const int64_t count = begin < 0 || end < begin ? -1 : end - begin;
        acegen_status status = ACEGEN_OK;
        if (count < 0 || (count && (!env->species || !env->displacement))) status = ACEGEN_BAD_ARGUMENT;
        else if (env->center[i] < 0 || env->center[i] >= N_SPECIES) status = ACEGEN_UNKNOWN_SPECIES;
        if (status != ACEGEN_OK) {
            if (failed_atom) *failed_atom = i;
            return status;
        }
        if (count > *max_neighbours) *max_neighbours = count;
    }
    return ACEGEN_OK;
}

/* Whether entry k of the lists can be evaluated. */
static inline acegen_status check_entry(const acegen_environments *env, int64_t k, double squared)
{
    if (!(squared <= DBL_MAX)) return ACEGEN_NOT_FINITE;
    if (squared < 1e-12) return ACEGEN_COINCIDENT;
    if (env->species[k] < 0 || env->species[k] >= N_SPECIES) return ACEGEN_UNKNOWN_SPECIES;
    return ACEGEN_OK;
}

static inline void distances(const pair_constants *pair, neighbourhood near);

/* Note entry k of a lane in a slot. */
static inline void put(slot *at, int lane, const double *displacement, int64_t k)
{
    at->ux[lane] = (real)displacement[0];
    at->uy[lane] = (real)displacement[1];
    at->uz[lane] = (real)displacement[2];
    at->entry[lane] = k;
}

/* Fill a lane of a slot that has no neighbour with one beyond the cutoff. */
static inline void pad(slot *at, int lane, const pair_constants *pair)
{
    const double beyond[DIMENSION] = { 2.0 * pair->cutoff };
    put(at, lane, beyond, -1);
}

/* Square of a displacement. */
static inline double square(const double *d)
{
    return d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
}

/* Whether entry k is a neighbour of this species inside the cutoff. */
static inline int belongs(const acegen_environments *env, int64_t k, int32_t species, const pair_constants *pair)
{
    return env->species[k] == species && square(env->displacement + DIMENSION * k) < pair->cutoff * pair->cutoff;
}

/* Pack the neighbours that lie inside their pair's cutoff into slots, by species: near[species]. An entry is put into the
 * next free slot in any case, and kept by counting it. */
static inline acegen_status gather(const acegen_environments *env, int32_t center, const int64_t atom[LANES],
                                   slot *slots, neighbourhood near[N_SPECIES], int64_t *failed_atom)
{
    const pair_constants *pair = PAIRS[center];
    int64_t count[N_SPECIES][LANES], most = 0;
    memset(count, 0, sizeof count);
    for (int lane = 0; lane < LANES; ++lane) {
        const int64_t entries = atom[lane] < 0 ? 0 : env->first[atom[lane] + 1] - env->first[atom[lane]];
        if (entries > most) most = entries;
    }
    most = (most + TAIL - 1) / TAIL * TAIL;
    for (int lane = 0; lane < LANES; ++lane) {
        if (atom[lane] < 0) continue;
        const int64_t end = env->first[atom[lane] + 1];
        const double squared_cutoff = pair->cutoff * pair->cutoff;
        int64_t kept = 0;
        for (int64_t k = env->first[atom[lane]]; k < end; ++k) {
            const double *d = env->displacement + DIMENSION * k, squared = square(d);
            const acegen_status status = check_entry(env, k, squared);
            if (status != ACEGEN_OK) {
                if (failed_atom) *failed_atom = atom[lane];
                return status;
            }
            put(&slots[kept], lane, d, k);
            kept += squared < squared_cutoff;
        }
        count[0][lane] = kept;
    }
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        int64_t n_slots = 0;
        for (int lane = 0; lane < LANES; ++lane)
            if (count[species][lane] > n_slots) n_slots = count[species][lane];
        n_slots = (n_slots + TAIL - 1) / TAIL * TAIL;
        near[species].slots = slots + species * most;
        near[species].n_slots = n_slots;
        for (int lane = 0; lane < LANES; ++lane)
            for (int64_t k = count[species][lane]; k < n_slots; ++k) pad(&near[species].slots[k], lane, &pair[species]);
        distances(&pair[species], near[species]);
    }
    return ACEGEN_OK;
}

/* y and dy/dr of a distance. From the cutoff on, both are exactly zero. */
INLINE void transform(const pair_constants *pair, lanes r, lanes *restrict y, lanes *restrict dy)
{
    lanes s = r * pair->inverse_cutoff;
    const lane_mask inside = s < 1.0;
    s = (lanes)((inside & (lane_mask)s) | (~inside & (lane_mask)splat(1.0))); /* min(s, 1) */
    const lanes t = 1.0 - s;
    *y = t * t * (1.0 + 2.0 * s);
    *dy = -6.0 * s * t * pair->inverse_cutoff; /* dy/dr */
}

/* Unit vectors, 1/r, y and dy/dr of all neighbours of one species. */
static inline void distances(const pair_constants *pair, neighbourhood near)
{
    for (int64_t k = 0; k < near.n_slots; ++k) {
        slot *at = &near.slots[k];
        const lanes squared = at->ux * at->ux + at->uy * at->uy + at->uz * at->uz;
        at->inverse_r = inverse_root(squared);
        at->ux *= at->inverse_r;
        at->uy *= at->inverse_r;
        at->uz *= at->inverse_r;
        transform(pair, squared * at->inverse_r, &at->y, &at->dy);
    }
}

/* ---- radial functions ------------------------------------------------------------------------------- */

/* R_{n+1} = (a y + b) R_n - c R_{n-1}: rows {a, b, c} for n = 1, 2, ... */
static const real RECURRENCE[][3] = {
    { 4.0, -3.0, 0.0 },
    { 3.75, -2.1875, 0.5625 },
    { 3.7333333333333334, -2.0222222222222221, 0.71111111111111114 },
    { 3.75, -1.96875, 0.78125 },
    { 3.7714285714285714, -1.9485714285714286, 0.82285714285714284 },
};

/* R[n - 1][k] = R_n at the neighbours k of a tile. The recurrence runs through the tile at each n, so that no step waits
 * for the one before it. */
INLINE void radial_values(const slot *slots, lanes (*restrict R)[TILE], const int count)
{
    lanes value[TILE], before[TILE];
    for (int k = 0; k < count; ++k) {
        const lanes y = slots[k].y;
        (void)y;
        R[0][k] = y;
        value[k] = R[0][k];
        before[k] = splat(0);
    }
    for (int n = 0; n + 1 < N_RADIAL; ++n) {
        const real a = RECURRENCE[n][0], b = RECURRENCE[n][1], c = RECURRENCE[n][2];
        for (int k = 0; k < count; ++k) {
            const lanes next = (a * slots[k].y + b) * value[k] - c * before[k];
            before[k] = value[k];
            R[n + 1][k] = value[k] = next;
        }
    }
}

/* The same, and dR[n - 1][k] = dR_n/dy. */
INLINE void radial_derivatives(const slot *slots, lanes (*restrict R)[TILE], lanes (*restrict dR)[TILE], const int count)
{
    lanes value[TILE], before[TILE], slope[TILE], slope_before[TILE];
    for (int k = 0; k < count; ++k) {
        const lanes y = slots[k].y;
        (void)y;
        R[0][k] = y;
        dR[0][k] = splat(1.0);
        value[k] = R[0][k];
        slope[k] = dR[0][k];
        before[k] = slope_before[k] = splat(0);
    }
    for (int n = 0; n + 1 < N_RADIAL; ++n) {
        const real a = RECURRENCE[n][0], b = RECURRENCE[n][1], c = RECURRENCE[n][2];
        for (int k = 0; k < count; ++k) {
            const lanes linear = a * slots[k].y + b;
            const lanes next = linear * value[k] - c * before[k];
            const lanes next_slope = a * value[k] + (linear * slope[k] - c * slope_before[k]);
            before[k] = value[k];
            slope_before[k] = slope[k];
            R[n + 1][k] = value[k] = next;
            dR[n + 1][k] = slope[k] = next_slope;
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

/* The same, and G[h][axis] = dS_h/du_axis. */
static inline void harmonic_components(lanes x, lanes y, lanes z, lanes *restrict S, lanes (*restrict G)[3])
{
    lanes Q[N_HARMONICS], c[L_MAX + 1], s[L_MAX + 1];
    angular_polynomials(x, y, z, Q, c, s);
    harmonics(x, y, z, S);
    G[0][0] = splat(0.0); G[0][1] = splat(0.0); G[0][2] = splat(0.0);
    G[1][0] = 1.0 * Q[3] * s[0]; G[1][1] = 1.0 * Q[3] * c[0]; G[1][2] = splat(0.0);
    G[2][0] = splat(0.0); G[2][1] = splat(0.0); G[2][2] = Q[3] * c[0];
    G[3][0] = 1.0 * Q[3] * c[0]; G[3][1] = -1.0 * Q[3] * s[0]; G[3][2] = splat(0.0);
}

/* ---- pooling ---------------------------------------------------------------------------------------- */

/* The A's of consecutive m and n are summed over the neighbours of a tile in registers. */

/* a[i stride + j] += Σ_k S[k][i] R[j][k] for i < 1, j < 6, k < 2. */
NOINLINE void pool_1x6_2(lanes *restrict a, int stride, lanes (*S)[N_HARMONICS], lanes (*R)[TILE])
{
    lanes a0_0 = a[0 * stride + 0], a0_1 = a[0 * stride + 1], a0_2 = a[0 * stride + 2], a0_3 = a[0 * stride + 3],
        a0_4 = a[0 * stride + 4], a0_5 = a[0 * stride + 5];
    lanes r0, r1, r2, r3, r4, r5, s;
    r0 = R[0][0]; r1 = R[1][0]; r2 = R[2][0]; r3 = R[3][0]; r4 = R[4][0]; r5 = R[5][0];
    s = S[0][0]; a0_0 += s * r0; a0_1 += s * r1; a0_2 += s * r2; a0_3 += s * r3; a0_4 += s * r4; a0_5 += s * r5;
    r0 = R[0][1]; r1 = R[1][1]; r2 = R[2][1]; r3 = R[3][1]; r4 = R[4][1]; r5 = R[5][1];
    s = S[1][0]; a0_0 += s * r0; a0_1 += s * r1; a0_2 += s * r2; a0_3 += s * r3; a0_4 += s * r4; a0_5 += s * r5;
    a[0 * stride + 0] = a0_0; a[0 * stride + 1] = a0_1; a[0 * stride + 2] = a0_2; a[0 * stride + 3] = a0_3;
    a[0 * stride + 4] = a0_4; a[0 * stride + 5] = a0_5;
}

/* a[i stride + j] += Σ_k S[k][i] R[j][k] for i < 1, j < 6, k < 1. */
NOINLINE void pool_1x6_1(lanes *restrict a, int stride, lanes (*S)[N_HARMONICS], lanes (*R)[TILE])
{
    lanes a0_0 = a[0 * stride + 0], a0_1 = a[0 * stride + 1], a0_2 = a[0 * stride + 2], a0_3 = a[0 * stride + 3],
        a0_4 = a[0 * stride + 4], a0_5 = a[0 * stride + 5];
    lanes r0, r1, r2, r3, r4, r5, s;
    r0 = R[0][0]; r1 = R[1][0]; r2 = R[2][0]; r3 = R[3][0]; r4 = R[4][0]; r5 = R[5][0];
    s = S[0][0]; a0_0 += s * r0; a0_1 += s * r1; a0_2 += s * r2; a0_3 += s * r3; a0_4 += s * r4; a0_5 += s * r5;
    a[0 * stride + 0] = a0_0; a[0 * stride + 1] = a0_1; a[0 * stride + 2] = a0_2; a[0 * stride + 3] = a0_3;
    a[0 * stride + 4] = a0_4; a[0 * stride + 5] = a0_5;
}

/* a[i stride + j] += Σ_k S[k][i] R[j][k] for i < 3, j < 2, k < 2. */
NOINLINE void pool_3x2_2(lanes *restrict a, int stride, lanes (*S)[N_HARMONICS], lanes (*R)[TILE])
{
    lanes a0_0 = a[0 * stride + 0], a0_1 = a[0 * stride + 1];
    lanes a1_0 = a[1 * stride + 0], a1_1 = a[1 * stride + 1];
    lanes a2_0 = a[2 * stride + 0], a2_1 = a[2 * stride + 1];
    lanes r0, r1, s;
    r0 = R[0][0]; r1 = R[1][0];
    s = S[0][0]; a0_0 += s * r0; a0_1 += s * r1;
    s = S[0][1]; a1_0 += s * r0; a1_1 += s * r1;
    s = S[0][2]; a2_0 += s * r0; a2_1 += s * r1;
    r0 = R[0][1]; r1 = R[1][1];
    s = S[1][0]; a0_0 += s * r0; a0_1 += s * r1;
    s = S[1][1]; a1_0 += s * r0; a1_1 += s * r1;
    s = S[1][2]; a2_0 += s * r0; a2_1 += s * r1;
    a[0 * stride + 0] = a0_0; a[0 * stride + 1] = a0_1;
    a[1 * stride + 0] = a1_0; a[1 * stride + 1] = a1_1;
    a[2 * stride + 0] = a2_0; a[2 * stride + 1] = a2_1;
}

/* a[i stride + j] += Σ_k S[k][i] R[j][k] for i < 3, j < 2, k < 1. */
NOINLINE void pool_3x2_1(lanes *restrict a, int stride, lanes (*S)[N_HARMONICS], lanes (*R)[TILE])
{
    lanes a0_0 = a[0 * stride + 0], a0_1 = a[0 * stride + 1];
    lanes a1_0 = a[1 * stride + 0], a1_1 = a[1 * stride + 1];
    lanes a2_0 = a[2 * stride + 0], a2_1 = a[2 * stride + 1];
    lanes r0, r1, s;
    r0 = R[0][0]; r1 = R[1][0];
    s = S[0][0]; a0_0 += s * r0; a0_1 += s * r1;
    s = S[0][1]; a1_0 += s * r0; a1_1 += s * r1;
    s = S[0][2]; a2_0 += s * r0; a2_1 += s * r1;
    a[0 * stride + 0] = a0_0; a[0 * stride + 1] = a0_1;
    a[1 * stride + 0] = a1_0; a[1 * stride + 1] = a1_1;
    a[2 * stride + 0] = a2_0; a[2 * stride + 1] = a2_1;
}

/* Add a tile of 2 neighbours of one species. */
static inline void pool_tile_2(int32_t species, const slot *slots, lanes *restrict A)
{
    lanes R[N_RADIAL][TILE], S[2][N_HARMONICS];
    for (int k = 0; k < 2; ++k) harmonics(slots[k].ux, slots[k].uy, slots[k].uz, S[k]);
    radial_values(slots, R, 2);
    switch (species) {
    case 0: /* Si */
        pool_1x6_2(A + 0, 6, (lanes(*)[N_HARMONICS])&S[0][0], R + 0); /* l = 0, m = 0, n = 1 to 6 */
        pool_3x2_2(A + 6, 2, (lanes(*)[N_HARMONICS])&S[0][1], R + 0); /* l = 1, m = -1 to 1, n = 1 to 2 */
        break;
    }
}

/* Add a neighbour of one species. */
static inline void pool_tile_1(int32_t species, const slot *slots, lanes *restrict A)
{
    lanes R[N_RADIAL][TILE], S[1][N_HARMONICS];
    for (int k = 0; k < 1; ++k) harmonics(slots[k].ux, slots[k].uy, slots[k].uz, S[k]);
    radial_values(slots, R, 1);
    switch (species) {
    case 0: /* Si */
        pool_1x6_1(A + 0, 6, (lanes(*)[N_HARMONICS])&S[0][0], R + 0); /* l = 0, m = 0, n = 1 to 6 */
        pool_3x2_1(A + 6, 2, (lanes(*)[N_HARMONICS])&S[0][1], R + 0); /* l = 1, m = -1 to 1, n = 1 to 2 */
        break;
    }
}

/* Add the neighbours of one species to the pooled A_znlm = Σ_j R_n(r_j) S_lm(r_j), tile by tile. */
static inline void pool(int32_t species, neighbourhood near, lanes *restrict A)
{
    int64_t k = 0;
    for (; k + TILE <= near.n_slots; k += TILE) pool_tile_2(species, near.slots + k, A);
    for (; k < near.n_slots; k += TAIL) pool_tile_1(species, near.slots + k, A);
}

/* Gather and pool all neighbours of a block: near[species] and A. */
static inline acegen_status pool_block(const acegen_environments *env, int32_t center, const int64_t atom[LANES],
                                       slot *slots, neighbourhood near[N_SPECIES], lanes A[N_POOLED], int64_t *failed_atom)
{
    const acegen_status status = gather(env, center, atom, slots, near, failed_atom);
    if (status != ACEGEN_OK) return status;
    memset(A, 0, N_POOLED * sizeof *A);
    for (int32_t species = 0; species < N_SPECIES; ++species) pool(species, near[species], A);
    return ACEGEN_OK;
}

#endif
