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
    TAIL = 1,            /* slots are a multiple of these */
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
    int64_t count[LANES]; /* neighbours of each centre */
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

/* A centre and its numbers of neighbours, by species. */
typedef struct {
    int64_t atom;
    int32_t number[N_SPECIES];
} candidate;

/* The centres of one species, from `next` to `end`: a window of them at a time, arranged so that the lanes of a block have
 * little to pad. */
typedef struct {
    int32_t center;
    int count, taken;
    int64_t next, end;
    candidate window[WINDOW];
} center_queue;

/* Arrange centres in blocks with similar numbers of neighbours: sort them by the species whose numbers differ most, and do the
 * same with both halves. */
static void arrange(candidate *centres, int count)
{
    enum { BINS = 32 };
    candidate sorted[WINDOW];
    int32_t widest = 0, low = 0, range = -1;
    int end[BINS] = { 0 };
    if (count <= LANES) return;
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        int32_t least = INT32_MAX, most = 0;
        for (int k = 0; k < count; ++k) {
            const int32_t number = centres[k].number[species];
            least = number < least ? number : least;
            most = number > most ? number : most;
        }
        if (most - least <= range) continue;
        widest = species;
        low = least;
        range = most - least;
    }
    if (range == 0) return;
    const int32_t width = range / BINS + 1;
    for (int k = 0; k < count; ++k) ++end[(centres[k].number[widest] - low) / width];
    for (int bin = 1; bin < BINS; ++bin) end[bin] += end[bin - 1];
    for (int k = count - 1; k >= 0; --k) sorted[--end[(centres[k].number[widest] - low) / width]] = centres[k];
    memcpy(centres, sorted, (size_t)count * sizeof *centres);
    const int half = (count / LANES + 1) / 2 * LANES;
    arrange(centres, half);
    arrange(centres + half, count - half);
}

/* Ask for memory that will be needed soon: [entries][DIMENSION] numbers from entry `first` on. */
static inline void prefetch_entries(const double *start, int64_t first, int64_t entries)
{
    for (int64_t k = DIMENSION * first; k < DIMENSION * (first + entries); k += 64 / (int64_t)sizeof *start)
        __builtin_prefetch(start + k, 0, 2);
}

/* Ask for `count` entries from number `from` on of the lists of the block after this one. */
static inline void prefetch_following(const acegen_environments *env, const int64_t atom[2 * LANES], int64_t from, int64_t count)
{
    for (int lane = LANES; lane < 2 * LANES; ++lane) {
        if (atom[lane] < 0) continue;
        const int64_t first = env->first[atom[lane]] + from, rest = env->first[atom[lane] + 1] - first;
        prefetch_entries(env->displacement, first, count < rest ? count : rest);
    }
}

/* Lanes of the next block: up to LANES centres, -1 for unused lanes; then, as far as they are known, those of the block after
 * it, whose lists are asked for while this one is computed. Returns how many were found. */
static inline int next_block(const acegen_environments *env, center_queue *queue, int64_t atom[2 * LANES])
{
    if (queue->taken == queue->count) {
        queue->taken = queue->count = 0;
        for (; queue->count < WINDOW && queue->next < queue->end; ++queue->next) {
            const int64_t i = queue->next;
            if (env->center[i] != queue->center) continue;
            candidate *added = &queue->window[queue->count++];
            added->atom = i;
            int32_t others = (int32_t)(env->first[i + 1] - env->first[i]);
            for (int32_t species = 0; species < N_SPECIES - 1; ++species) {
                int32_t number = 0;
                for (int64_t k = env->first[i]; k < env->first[i + 1]; ++k) number += env->species[k] == species;
                added->number[species] = number;
                others -= number;
            }
            added->number[N_SPECIES - 1] = others;
        }
        arrange(queue->window, queue->count);
    }
    int filled = 0;
    while (filled < LANES && queue->taken < queue->count) atom[filled++] = queue->window[queue->taken++].atom;
    for (int lane = filled; lane < LANES; ++lane) atom[lane] = -1;
    for (int lane = 0; lane < LANES; ++lane) {
        const int next = queue->taken + lane;
        atom[LANES + lane] = next < queue->count ? queue->window[next].atom : -1;
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

/* The first entry of a block that cannot be evaluated. */
static __attribute__((noinline, cold)) acegen_status failed_entry(const acegen_environments *env, const int64_t atom[LANES],
    int64_t *failed_atom)
{
    for (int lane = 0; lane < LANES; ++lane) {
        if (atom[lane] < 0) continue;
        for (int64_t k = env->first[atom[lane]]; k < env->first[atom[lane] + 1]; ++k) {
            const double *d = env->displacement + DIMENSION * k;
            const acegen_status status = check_entry(env, k, d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
            if (status == ACEGEN_OK) continue;
            if (failed_atom) *failed_atom = atom[lane];
            return status;
        }
    }
    return ACEGEN_OK;
}

static inline int distances(const pair_constants *pair, neighbourhood near);

/* Note entry k of a lane in a slot. */
static inline void put(slot *at, int lane, const double *displacement, int64_t k)
{
    const double x = displacement[0], y = displacement[1], z = displacement[2];
    at->ux[lane] = (real)x;
    at->uy[lane] = (real)y;
    at->uz[lane] = (real)z;
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

enum {
    /* entries of a lane looked at before those of the next, so that their slots stay in the first level of the cache */
    PART = 24,
    PIECE = 8  /* slots whose distances are computed before more of the following lists is asked for */
};

/* Pack the neighbours that lie inside their pair's cutoff into slots, by species: near[species]. An entry is put into the
 * next free slot in any case, and kept by counting it. What cannot be evaluated shows in a sum: entries are looked at one by
 * one only then. */
static inline acegen_status gather(const acegen_environments *env, int32_t center, const int64_t atom[2 * LANES],
                                   slot *slots, neighbourhood near[N_SPECIES], int64_t *failed_atom)
{
    const pair_constants *pair = PAIRS[center];
    const int32_t *entry_species = env->species;
    int64_t most = 0;
    double total = 0.0; /* of all squares; not finite if one of them is not */
    int32_t other = 0; /* not zero if a species is not */
    for (int32_t species = 0; species < N_SPECIES; ++species) memset(near[species].count, 0, sizeof near[species].count);
    for (int lane = 0; lane < LANES; ++lane) {
        const int64_t entries = atom[lane] < 0 ? 0 : env->first[atom[lane] + 1] - env->first[atom[lane]];
        if (entries > most) most = entries;
    }
    most = (most + TAIL - 1) / TAIL * TAIL;
    for (int64_t step = 0; step < LANES * ((most + PART - 1) / PART); ++step) {
        const int lane = (int)(step % LANES);
        if (atom[lane] < 0) continue;
        const int64_t begin = env->first[atom[lane]] + step / LANES * PART, last = env->first[atom[lane] + 1];
        const int64_t end = begin + PART < last ? begin + PART : last;
        const double squared_cutoff = pair->cutoff * pair->cutoff;
        slot *next = slots + near[0].count[lane];
        for (int64_t k = begin; k < end; ++k) {
            const double *d = env->displacement + DIMENSION * k, squared = square(d);
            total += squared;
            other |= entry_species[k];
            put(next, lane, d, k);
            next += squared < squared_cutoff;
        }
        near[0].count[lane] = next - slots;
    }
    int64_t asked = 0; /* entries of each following list */
    int doubtful = other != 0 || !(total <= DBL_MAX);
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        int64_t n_slots = 0;
        for (int lane = 0; lane < LANES; ++lane)
            if (near[species].count[lane] > n_slots) n_slots = near[species].count[lane];
        n_slots = (n_slots + TAIL - 1) / TAIL * TAIL;
        near[species].slots = slots + species * most;
        near[species].n_slots = n_slots;
        for (int lane = 0; lane < LANES; ++lane)
            for (int64_t k = near[species].count[lane]; k < n_slots; ++k) pad(&near[species].slots[k], lane, &pair[species]);
        for (int64_t k = 0; k < n_slots; k += PIECE) {
            const neighbourhood piece = { .slots = near[species].slots + k,
                .n_slots = n_slots - k < PIECE ? n_slots - k : PIECE };
            prefetch_following(env, atom, asked, piece.n_slots);
            asked += piece.n_slots;
            doubtful |= distances(&pair[species], piece);
        }
    }
    prefetch_following(env, atom, asked, INT64_MAX);
    return doubtful ? failed_entry(env, atom, failed_atom) : ACEGEN_OK;
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

/* Unit vectors, 1/r, y and dy/dr of all neighbours of one species. Returns whether one may coincide with its centre. */
static inline int distances(const pair_constants *pair, neighbourhood near)
{
    lane_mask close = { 0 };
    for (int64_t k = 0; k < near.n_slots; ++k) {
        slot *at = &near.slots[k];
        const lanes squared = at->ux * at->ux + at->uy * at->uy + at->uz * at->uz;
        close |= squared < 2e-12;
        at->inverse_r = inverse_root(squared);
        at->ux *= at->inverse_r;
        at->uy *= at->inverse_r;
        at->uz *= at->inverse_r;
        transform(pair, squared * at->inverse_r, &at->y, &at->dy);
    }
    int64_t any = 0;
    for (int lane = 0; lane < LANES; ++lane) any |= close[lane];
    return any != 0;
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

/* R[n - 1] = R_n at a neighbour. */
INLINE void radial_values(const slot *at, lanes *restrict R)
{
    const lanes y = at->y;
    lanes value = y, before = splat(0);
    (void)y;
    R[0] = value;
    for (int n = 0; n + 1 < N_RADIAL; ++n) {
        const real a = RECURRENCE[n][0], b = RECURRENCE[n][1], c = RECURRENCE[n][2];
        const lanes next = (a * y + b) * value - c * before;
        before = value;
        R[n + 1] = value = next;
    }
}

/* The same, and dR[n - 1] = dR_n/dy. */
INLINE void radial_derivatives(const slot *at, lanes *restrict R, lanes *restrict dR)
{
    const lanes y = at->y;
    lanes value = y, slope = splat(1.0), before = splat(0), slope_before = splat(0);
    (void)y;
    R[0] = value;
    dR[0] = slope;
    for (int n = 0; n + 1 < N_RADIAL; ++n) {
        const real a = RECURRENCE[n][0], b = RECURRENCE[n][1], c = RECURRENCE[n][2];
        const lanes linear = a * y + b;
        const lanes next = linear * value - c * before;
        const lanes next_slope = linear * slope + (a * value - c * slope_before);
        before = value;
        slope_before = slope;
        R[n + 1] = value = next;
        dR[n + 1] = slope = next_slope;
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

/* Functions of one neighbour. */
typedef struct {
    lanes R[N_RADIAL];
    lanes T[L_MAX + 1];                /* Chebyshev polynomials T_k(z) */
    lanes c[L_MAX + 1], s[L_MAX + 1];  /* c[m] + i s[m] = (x+iy)^m */
} one_particle;

enum {
    POOL_TILE = 24,     /* most neighbours pooled together */
    STEP = sizeof(one_particle) / sizeof(lanes)
};

static inline void one_particle_functions(const slot *at, one_particle *restrict of)
{
    radial_values(at, of->R);
    const lanes x = at->ux, y = at->uy, z = at->uz;
    lanes value = z, before = splat(1.0), c = x, s = y;
    of->T[0] = of->c[0] = before;
    of->s[0] = splat(0.0);
    for (int m = 1; m <= L_MAX; ++m) {
        of->T[m] = value;
        of->c[m] = c;
        of->s[m] = s;
        const lanes next = (2.0 * z) * value - before, next_c = x * c - y * s;
        before = value;
        value = next;
        s = x * s + y * c;
        c = next_c;
    }
}

/* A value from memory, to be used several times: GCC would load it each time. */
INLINE lanes load(const lanes *at)
{
    lanes value = *at;
#if defined __AVX512F__
    __asm__("" : "+v"(value));
#elif defined __AVX__
    __asm__("" : "+x"(value));
#endif
    return value;
}

/* Blocks of sums over the neighbours of a tile, of products of functions of the direction (rows), radial functions (columns)
 * and, with _m, c_m or s_m. A block begins with zero, or with what stands in `a`. */

/* a[i stride + j] += Σ rows[i] columns[j] m, with 2 columns in row i = 0 .. 0. */
NOINLINE void pool_1x2_m(lanes *restrict a, int stride, int begin, const lanes *restrict rows, const lanes *restrict columns,
    const lanes *restrict m, int count)
{
    lanes a0_0 = splat(0), a0_1 = splat(0);
    if (!begin) {
        a0_0 = a[0 * stride + 0]; a0_1 = a[0 * stride + 1];
    }
    for (; count > 0; --count, rows += STEP, columns += STEP, m += STEP) {
        const lanes factor = *m, t0 = factor * rows[0];
        lanes r;
        r = load(&columns[0]); a0_0 += t0 * r;
        r = load(&columns[1]); a0_1 += t0 * r;
    }
    a[0 * stride + 0] = a0_0; a[0 * stride + 1] = a0_1;
}

/* a[i stride + j] += Σ rows[i] columns[j], with 6, 2 columns in row i = 0 .. 1. */
NOINLINE void pool_1x6_1x2(lanes *restrict a, int stride, int begin, const lanes *restrict rows, const lanes *restrict columns,
    int count)
{
    lanes a0_0 = splat(0), a0_1 = splat(0), a0_2 = splat(0), a0_3 = splat(0), a0_4 = splat(0), a0_5 = splat(0);
    lanes a1_0 = splat(0), a1_1 = splat(0);
    if (!begin) {
        a0_0 = a[0 * stride + 0]; a0_1 = a[0 * stride + 1]; a0_2 = a[0 * stride + 2]; a0_3 = a[0 * stride + 3];
        a0_4 = a[0 * stride + 4]; a0_5 = a[0 * stride + 5];
        a1_0 = a[1 * stride + 0]; a1_1 = a[1 * stride + 1];
    }
    for (; count > 0; --count, rows += STEP, columns += STEP) {
        const lanes t0 = load(&rows[0]), t1 = load(&rows[1]);
        lanes r;
        r = load(&columns[0]); a0_0 += t0 * r; a1_0 += t1 * r;
        r = load(&columns[1]); a0_1 += t0 * r; a1_1 += t1 * r;
        r = load(&columns[2]); a0_2 += t0 * r;
        r = load(&columns[3]); a0_3 += t0 * r;
        r = load(&columns[4]); a0_4 += t0 * r;
        r = load(&columns[5]); a0_5 += t0 * r;
    }
    a[0 * stride + 0] = a0_0; a[0 * stride + 1] = a0_1; a[0 * stride + 2] = a0_2; a[0 * stride + 3] = a0_3;
    a[0 * stride + 4] = a0_4; a[0 * stride + 5] = a0_5;
    a[1 * stride + 0] = a1_0; a[1 * stride + 1] = a1_1;
}

/* A[n] = q0 B[n] for n < count. */
NOINLINE void combine_1(lanes *restrict A, const lanes *restrict B, int count, real q0)
{
    for (int n = 0; n < count; ++n) A[n] = q0 * B[n];
}

/* Add a tile of neighbours Si to the sums B of Σ R_n T_k (c_m or s_m). */
static inline void pool_tile(const one_particle *at, int count, int begin, lanes *restrict B)
{
    pool_1x6_1x2(B + 0, 6, begin, &at->T[0], &at->R[0], count); /* m = 0, k = 0 to 1, n = 1 to 6 */
    pool_1x2_m(B + 12, 2, begin, &at->T[0], &at->R[0], &at->c[1], count); /* m = 1, k = 0, n = 1 to 2 */
    pool_1x2_m(B + 14, 2, begin, &at->T[0], &at->R[0], &at->s[1], count); /* m = -1, k = 0, n = 1 to 2 */
}

/* A_nlm = Σ_k q_k B_nkm, where Q_l^|m| = Σ_k q_k T_k. */
NOINLINE void collect(const lanes *restrict B, lanes *restrict A)
{
    combine_1(A + 0, B + 0, 6, 1.0); /* l = 0, m = 0 */
    combine_1(A + 8, B + 6, 2, 1.0); /* l = 1, m = 0 */
    combine_1(A + 10, B + 12, 2, 1.0); /* l = 1, m = 1 */
    combine_1(A + 6, B + 14, 2, 1.0); /* l = 1, m = -1 */
}

/* The pooled A_znlm = Σ_j R_n(r_j) S_lm(r_j) of neighbours Si, tile by tile. */
static inline void pool_species(neighbourhood near, lanes *restrict A)
{
    one_particle at[POOL_TILE];
    lanes B[16];
    if (near.n_slots == 0) {
        memset(A, 0, 12 * sizeof *A);
        return;
    }
    const int64_t n_tiles = (near.n_slots + POOL_TILE - 1) / POOL_TILE;
    int64_t done = 0;
    for (int64_t tile = 1; tile <= n_tiles; ++tile) { /* of nearly equal size */
        const int64_t end = near.n_slots * tile / n_tiles;
        for (int64_t k = done; k < end; ++k) one_particle_functions(&near.slots[k], &at[k - done]);
        pool_tile(at, (int)(end - done), tile == 1, B);
        done = end;
    }
    collect(B, A);
}

/* Pool the neighbours of one species. */
static inline void pool(int32_t species, neighbourhood near, lanes *restrict A)
{
    switch (species) {
    case 0: pool_species(near, A + 0); break; /* Si */
    }
}

/* Gather and pool all neighbours of a block: near[species] and A. */
static inline acegen_status pool_block(const acegen_environments *env, int32_t center, const int64_t atom[2 * LANES],
                                       slot *slots, neighbourhood near[N_SPECIES], lanes A[N_POOLED], int64_t *failed_atom)
{
    const acegen_status status = gather(env, center, atom, slots, near, failed_atom);
    if (status != ACEGEN_OK) return status;
    for (int32_t species = 0; species < N_SPECIES; ++species) pool(species, near[species], A);
    return ACEGEN_OK;
}

#endif
