/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Potential kernel: site energies and their gradient, with the coefficients folded into products of the pooled
 * A_znlm. Stages, for each block of lanes: gather, pool (both in golden_si_particles.h),
 * products (in golden_si_products.c), forces.
 */
#include "golden_si_products.h"

size_t golden_si_potential_workspace(int64_t max_neighbours, int32_t n_threads);
acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient,
                                  int32_t n_threads, void *workspace, size_t workspace_size, int64_t *failed_atom);

/* ---- forces ----------------------------------------------------------------------------------------- */

/* At a neighbour, Σ_lm D_nlm S_lm = Σ_m P_nm(z) (c_m or s_m), where P_nm = Σ_l D_nlm Q_l^|m| is a polynomial in z, the same for
 * all neighbours of a species. Its coefficients C, of 1, z, v, z v, v², ... with v = 2z² - 1, are computed once for a block;
 * then its value and its derivative take two multiply-adds a coefficient. */
enum {
    FORCE_TILE = 1, /* neighbours whose sums are in registers together */
    FORCE_TILES = 4, /* tiles that take the terms of one m after each other, so that sums of one do not wait */
    TOGETHER = FORCE_TILE * FORCE_TILES,
    N_POLAR = 16 /* coefficients C of one neighbour species */
};

/* C of P_nm for 0: [n][power]. */
NOINLINE void expand_0(const lanes *restrict D, lanes *restrict C)
{
    C[0] = 1.0 * D[0];
    C[1] = 1.0 * D[8];
    C[2] = 1.0 * D[1];
    C[3] = 1.0 * D[9];
    C[4] = 1.0 * D[2];
    C[6] = 1.0 * D[3];
    C[8] = 1.0 * D[4];
    C[10] = 1.0 * D[5];
}

/* C of P_nm for ±1: [n][power][sign of m]. */
NOINLINE void expand_1(const lanes *restrict D, lanes *restrict C)
{
    C[0] = 1.0 * D[10];
    C[1] = 1.0 * D[6];
    C[2] = 1.0 * D[11];
    C[3] = 1.0 * D[7];
}

/* A tile of neighbours, and what is summed over m: as in finish(), with c_m + i s_m = (x+iy)^m of the last m. */
typedef struct {
    lanes R[FORCE_TILE][N_RADIAL], dR[FORCE_TILE][N_RADIAL]; /* R_n, dR_n/dy */
    lanes v[FORCE_TILE], c[FORCE_TILE], s[FORCE_TILE];
    lanes along[FORCE_TILE], gx[FORCE_TILE], gy[FORCE_TILE], gz[FORCE_TILE];
} force_tile;

/* Before the sums over m: c and s for m = 0. */
static inline void restart(force_tile *at)
{
    for (int k = 0; k < FORCE_TILE; ++k) {
        at->c[k] = splat(1.0);
        at->s[k] = splat(0.0);
    }
}

static inline void begin(const slot *slots, force_tile *at)
{
    for (int k = 0; k < FORCE_TILE; ++k) {
        radial_derivatives(&slots[k], at->R[k], at->dR[k]);
        at->v[k] = 2.0 * slots[k].uz * slots[k].uz - 1.0;
    }
    restart(at);
}

/* Terms with m = 0: P = E(v) + z O(v) and the derivatives dE/dv, dO/dv; Σ_n R_n P, Σ_n dR_n/dy P and Σ_n R_n dP/dz. */
NOINLINE void add_0(const lanes *restrict C, const slot *restrict slots, force_tile *restrict at)
{
    const lanes z0 = slots[0].uz;
    lanes value0a = splat(0.0), slope0a = value0a, polar0a = value0a;
    for (int n = 0; n < 2; ++n, C += 2) {
        const lanes r0 = load(&at->R[0][n]), dr0 = load(&at->dR[0][n]);
        {
            const lanes c0 = C[0], c1 = C[1];
            {
                const lanes E = c0;
                const lanes O = c1;
                const lanes P = E + z0 * O;
                value0a += r0 * P; slope0a += dr0 * P;
                polar0a += r0 * O;
            }
        }
    }
    for (int n = 2; n < 6; ++n, C += 2) {
        const lanes r0 = load(&at->R[0][n]), dr0 = load(&at->dR[0][n]);
        {
            const lanes c0 = C[0];
            {
                const lanes E = c0;
                const lanes P = E;
                value0a += r0 * P; slope0a += dr0 * P;
            }
        }
    }
    at->along[0] = slope0a;
    at->gx[0] = at->gy[0] = splat(0.0);
    at->gz[0] = polar0a;
}

/* Terms with m = ±1: P = E(v) + z O(v) and the derivatives dE/dv, dO/dv; Σ_n R_n P, Σ_n dR_n/dy P and Σ_n R_n dP/dz. */
NOINLINE void add_1(const lanes *restrict C, const slot *restrict slots, force_tile *restrict at)
{
    lanes value0a = splat(0.0), slope0a = value0a, polar0a = value0a;
    lanes value0b = splat(0.0), slope0b = value0b, polar0b = value0b;
    for (int n = 0; n < 2; ++n, C += 2) {
        const lanes r0 = load(&at->R[0][n]), dr0 = load(&at->dR[0][n]);
        {
            const lanes c0 = C[0];
            {
                const lanes E = c0;
                const lanes P = E;
                value0a += r0 * P; slope0a += dr0 * P;
            }
        }
        {
            const lanes c0 = C[1];
            {
                const lanes E = c0;
                const lanes P = E;
                value0b += r0 * P; slope0b += dr0 * P;
            }
        }
    }
    {
        const lanes x = slots[0].ux, y = slots[0].uy, last_c = at->c[0], last_s = at->s[0];
        const lanes c = x * last_c - y * last_s, s = x * last_s + y * last_c;
        at->gx[0] += 1.0 * (value0a * last_c + value0b * last_s);
        at->gy[0] += 1.0 * (value0b * last_c - value0a * last_s);
        at->gz[0] += polar0a * c + polar0b * s;
        at->along[0] += slope0a * c + slope0b * s;
        at->c[0] = c;
        at->s[0] = s;
    }
}

/* Gradient with respect to a tile of neighbours, for all lanes. With the unit vector u = (x, y, z):
 * dE/dr = u dy/dr along + (g - u (u·g)) / r,  along = Σ_nlm D_nlm dR_n/dy S_lm,  g = Σ_nlm D_nlm R_n dS_lm/du. */
static inline void finish(const slot *slots, int64_t first_entry, const force_tile *tile, double *restrict gradient)
{
    for (int k = 0; k < FORCE_TILE; ++k) {
        const slot *at = &slots[k];
        const lanes x = at->ux, y = at->uy, z = at->uz;
        lanes gx = tile->gx[k], gy = tile->gy[k], gz = tile->gz[k];
        const lanes along = tile->along[k] * at->dy - (gx * x + gy * y + gz * z) * at->inverse_r;
        gx = gx * at->inverse_r + along * x;
        gy = gy * at->inverse_r + along * y;
        gz = gz * at->inverse_r + along * z;
        for (int lane = 0; lane < LANES; ++lane) {
            if (at->entry[lane] < 0) continue;
            double *g = gradient + 3 * (at->entry[lane] - first_entry);
            g[0] = gx[lane];
            g[1] = gy[lane];
            g[2] = gz[lane];
        }
    }
}

/* Ask for the gradient of entries in as many slots as are taken together. */
static inline void prefetch_gradient(const slot *at, int64_t first_entry, const double *gradient)
{
    for (int lane = 0; lane < LANES; ++lane) {
        if (at->entry[lane] < 0) continue;
        const double *own = gradient + 3 * (at->entry[lane] - first_entry);
        for (int k = 0; k < 3 * TOGETHER; k += 8) __builtin_prefetch(own + k, 1);
    }
}

/* The neighbours Si. */
static void shape_forces(neighbourhood near, int64_t first_entry, const lanes *restrict D, double *restrict gradient)
{
    lanes C[N_POLAR];
    const int64_t n_tiles = near.n_slots / FORCE_TILE;
    if (n_tiles == 0) return;
    expand_0(D, C + 0);
    expand_1(D, C + 12);
    for (int64_t first = 0; first < n_tiles; first += FORCE_TILES) {
        const slot *slots = near.slots + first * FORCE_TILE;
        const int64_t count = n_tiles - first < FORCE_TILES ? n_tiles - first : FORCE_TILES;
        if (first + 4 * FORCE_TILES < n_tiles) prefetch_gradient(slots + 4 * TOGETHER, first_entry, gradient);
        force_tile at[FORCE_TILES];
        for (int64_t i = 0; i < count; ++i) begin(slots + i * FORCE_TILE, &at[i]);
        for (int64_t i = 0; i < count; ++i) add_0(C + 0, slots + i * FORCE_TILE, &at[i]);
        for (int64_t i = 0; i < count; ++i) add_1(C + 12, slots + i * FORCE_TILE, &at[i]);
        for (int64_t i = 0; i < count; ++i) finish(slots + i * FORCE_TILE, first_entry, &at[i], gradient);
    }
}

/* Gradient with respect to all neighbours of one species. */
static void forces(int32_t species, neighbourhood near, int64_t first_entry, const lanes *restrict D, double *restrict gradient)
{
    switch (species) {
    case 0: shape_forces(near, first_entry, D + 0, gradient); break; /* Si */
    }
}

/* ---- kernel ----------------------------------------------------------------------------------------- */

/* Neighbours for which the workspace of a thread is a small part of what can be addressed. */
static const int64_t MOST_NEIGHBOURS = PTRDIFF_MAX / 8 / (int64_t)(GROUP * N_SPECIES * sizeof(slot));

/* Workspace of a thread: a group of blocks, and the slots of each. */
static size_t thread_bytes(int64_t max_neighbours)
{
    return GROUP * (sizeof(block) + slot_bytes(max_neighbours));
}

size_t golden_si_potential_workspace(int64_t max_neighbours, int32_t n_threads)
{
    if (max_neighbours > MOST_NEIGHBOURS) return SIZE_MAX;
    const size_t bytes = thread_bytes(max_neighbours), threads = (size_t)(n_threads > 1 ? n_threads : 1);
    return bytes > SIZE_MAX / threads ? SIZE_MAX : bytes * threads;
}

/* Gradient of the centres of a block; it is zero for entries beyond the cutoff. */
static void block_forces(const acegen_environments *env, const block *at, double *restrict gradient)
{
    for (int lane = 0; lane < LANES; ++lane) {
        if (at->atom[lane] < 0) continue;
        const int64_t begin = env->first[at->atom[lane]], count = env->first[at->atom[lane] + 1] - begin;
        int64_t inside = 0;
        for (int32_t species = 0; species < N_SPECIES; ++species) inside += at->near[species].count[lane];
        if (inside < count) memset(gradient + DIMENSION * (begin - env->first[0]), 0, DIMENSION * (size_t)count * sizeof(double));
    }
    for (int32_t species = 0; species < N_SPECIES; ++species)
        forces(species, at->near[species], env->first[0], at->D, gradient);
}

/* The centres from number `begin` to `end`. */
static acegen_status potential_range(const acegen_environments *env, int64_t begin, int64_t end, int64_t max_neighbours,
                                     double *restrict energy, double *restrict gradient, void *workspace, int64_t *failed_atom)
{
    block *blocks = aligned(workspace);
    for (int32_t center = 0; center < N_SPECIES; ++center) {
        center_queue queue = { .center = center, .next = begin, .end = end };
        for (int count = GROUP; count == GROUP;) { /* group by group, until one is not full */
            char *slots = (char *)(blocks + GROUP);
            for (count = 0; count < GROUP && next_block(env, &queue, blocks[count].atom); ++count) {
                block *at = &blocks[count];
                memset(at->D, 0, sizeof at->D);
                memset(at->energy, 0, sizeof at->energy);
                const acegen_status status = pool_block(env, center, at->atom, aligned(slots), at->near, at->A, failed_atom);
                if (status != ACEGEN_OK) return status;
                slots += slot_bytes(max_neighbours) - sizeof(lanes);
            }
            golden_si_products(center, blocks, count);
            for (int k = 0; k < count; ++k) {
                block_forces(env, &blocks[k], gradient);
                for (int lane = 0; lane < LANES; ++lane)
                    if (blocks[k].atom[lane] >= 0) energy[blocks[k].atom[lane]] = blocks[k].energy[lane];
            }
        }
    }
    return ACEGEN_OK;
}

acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient,
                                  int32_t n_threads, void *workspace, size_t workspace_size, int64_t *failed_atom)
{
    const acegen_environments *env = environments;
    int64_t most;
    acegen_status status = check_environments(env, &most, failed_atom);
    if (status != ACEGEN_OK || env->n_atoms == 0) return status;
    const int64_t n_entries = env->first[env->n_atoms] - env->first[0];
    if (!energy || !workspace || (!gradient && n_entries) || n_threads < 1) return ACEGEN_BAD_ARGUMENT;
    const size_t needed = golden_si_potential_workspace(most, n_threads);
    if (needed == SIZE_MAX || workspace_size < needed) return ACEGEN_SMALL_WORKSPACE;
    return potential_range(env, 0, env->n_atoms, most, energy, gradient, workspace, failed_atom);
}
