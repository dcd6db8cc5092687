/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Potential kernel: site energies and their gradient, with the coefficients folded into one polynomial in the
 * pooled A_znlm. Stages, for each block of lanes: gather, pool (both in golden_si_particles.h),
 * products (in golden_si_products.c), forces.
 */
#include "golden_si_products.h"

size_t golden_si_potential_workspace(int64_t max_neighbours, int32_t n_threads);
acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient, int32_t n_threads,
                                   void *workspace, size_t workspace_size, int64_t *failed_atom);

/* ---- forces ----------------------------------------------------------------------------------------- */

/* Neighbours are taken in tiles: first T_lm = Σ_n D_nlm R_n and U_lm = Σ_n D_nlm dR_n/dy for a few m and all neighbours of
 * a tile at once, then the forces. */

/* T[i][k] = Σ_n D[i n_max + n] R[n][k], U[i][k] = Σ_n D[i n_max + n] dR[n][k] for i < 1, k < 2. */
NOINLINE void contract_1x2(const lanes *restrict D, int n_max, lanes (*R)[TILE], lanes (*dR)[TILE],
                                lanes (*restrict T)[TILE], lanes (*restrict U)[TILE])
{
    lanes t0_0 = splat(0), u0_0 = splat(0), t0_1 = splat(0), u0_1 = splat(0);
    for (int n = 0; n < n_max; ++n) {
        const lanes d0 = D[0 * n_max + n];
        lanes r;
        r = R[n][0]; t0_0 += d0 * r; r = dR[n][0]; u0_0 += d0 * r;
        r = R[n][1]; t0_1 += d0 * r; r = dR[n][1]; u0_1 += d0 * r;
    }
    T[0][0] = t0_0; U[0][0] = u0_0; T[0][1] = t0_1; U[0][1] = u0_1;
}

/* T[i][k] = Σ_n D[i n_max + n] R[n][k], U[i][k] = Σ_n D[i n_max + n] dR[n][k] for i < 1, k < 1. */
NOINLINE void contract_1x1(const lanes *restrict D, int n_max, lanes (*R)[TILE], lanes (*dR)[TILE],
                                lanes (*restrict T)[TILE], lanes (*restrict U)[TILE])
{
    lanes t0_0 = splat(0), u0_0 = splat(0);
    for (int n = 0; n < n_max; ++n) {
        const lanes d0 = D[0 * n_max + n];
        lanes r;
        r = R[n][0]; t0_0 += d0 * r; r = dR[n][0]; u0_0 += d0 * r;
    }
    T[0][0] = t0_0; U[0][0] = u0_0;
}

/* T[i][k] = Σ_n D[i n_max + n] R[n][k], U[i][k] = Σ_n D[i n_max + n] dR[n][k] for i < 2, k < 2. */
NOINLINE void contract_2x2(const lanes *restrict D, int n_max, lanes (*R)[TILE], lanes (*dR)[TILE],
                                lanes (*restrict T)[TILE], lanes (*restrict U)[TILE])
{
    lanes t0_0 = splat(0), u0_0 = splat(0), t0_1 = splat(0), u0_1 = splat(0);
    lanes t1_0 = splat(0), u1_0 = splat(0), t1_1 = splat(0), u1_1 = splat(0);
    for (int n = 0; n < n_max; ++n) {
        const lanes d0 = D[0 * n_max + n], d1 = D[1 * n_max + n];
        lanes r;
        r = R[n][0]; t0_0 += d0 * r; t1_0 += d1 * r; r = dR[n][0]; u0_0 += d0 * r; u1_0 += d1 * r;
        r = R[n][1]; t0_1 += d0 * r; t1_1 += d1 * r; r = dR[n][1]; u0_1 += d0 * r; u1_1 += d1 * r;
    }
    T[0][0] = t0_0; U[0][0] = u0_0; T[0][1] = t0_1; U[0][1] = u0_1;
    T[1][0] = t1_0; U[1][0] = u1_0; T[1][1] = t1_1; U[1][1] = u1_1;
}

/* T[i][k] = Σ_n D[i n_max + n] R[n][k], U[i][k] = Σ_n D[i n_max + n] dR[n][k] for i < 2, k < 1. */
NOINLINE void contract_2x1(const lanes *restrict D, int n_max, lanes (*R)[TILE], lanes (*dR)[TILE],
                                lanes (*restrict T)[TILE], lanes (*restrict U)[TILE])
{
    lanes t0_0 = splat(0), u0_0 = splat(0);
    lanes t1_0 = splat(0), u1_0 = splat(0);
    for (int n = 0; n < n_max; ++n) {
        const lanes d0 = D[0 * n_max + n], d1 = D[1 * n_max + n];
        lanes r;
        r = R[n][0]; t0_0 += d0 * r; t1_0 += d1 * r; r = dR[n][0]; u0_0 += d0 * r; u1_0 += d1 * r;
    }
    T[0][0] = t0_0; U[0][0] = u0_0;
    T[1][0] = t1_0; U[1][0] = u1_0;
}

/* Gradient with respect to neighbour k of a tile, for all lanes. With the unit vector u:
 * dE/dr = u dy/dr Σ_lm U_lm S_lm + (g - u (u·g)) / r,  g = Σ_lm T_lm dS_lm/du. */
static inline void force(const slot *at, int k, int64_t first_entry, lanes (*T)[TILE], lanes (*U)[TILE],
                         double *restrict gradient)
{
    const lanes x = at->ux, y = at->uy, z = at->uz;
    lanes Q[N_HARMONICS], c[L_MAX + 1], s[L_MAX + 1];
    angular_polynomials(x, y, z, Q, c, s);
    lanes along = splat(0), gx = splat(0), gy = splat(0), gz = splat(0);
    along += U[0][k] * Q[0] + U[2][k] * Q[2];
    gz += T[2][k] * Q[3];
    { /* m = ±1 */
        const lanes a = T[3][k] * Q[3], b = T[1][k] * Q[3];
        gx += 1.0 * (a * c[0] + b * s[0]);
        gy += 1.0 * (b * c[0] - a * s[0]);
        along += (U[3][k] * Q[3]) * c[1] + (U[1][k] * Q[3]) * s[1];
    }
    along = along * at->dy - (gx * x + gy * y + gz * z) * at->inverse_r;
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

/* Gradient of the site energies with respect to a tile of 2 neighbours of one species. */
static void forces_tile_2(int32_t species, const slot *slots, int64_t first_entry, const lanes *restrict D,
                          double *restrict gradient)
{
    lanes R[N_RADIAL][TILE], dR[N_RADIAL][TILE], T[N_HARMONICS][TILE], U[N_HARMONICS][TILE];
    radial_derivatives(slots, R, dR, 2);
    switch (species) {
    case 0: /* Si */
        contract_1x2(D + 0, 6, R, dR, T + 0, U + 0); /* l = 0, m = 0 */
        contract_1x2(D + 6, 2, R, dR, T + 1, U + 1); /* l = 1, m = -1 */
        contract_2x2(D + 8, 2, R, dR, T + 2, U + 2); /* l = 1, m = 0 to 1 */
        break;
    }
    for (int k = 0; k < 2; ++k) force(&slots[k], k, first_entry, T, U, gradient);
}

/* Gradient of the site energies with respect to a neighbour of one species. */
static void forces_tile_1(int32_t species, const slot *slots, int64_t first_entry, const lanes *restrict D,
                          double *restrict gradient)
{
    lanes R[N_RADIAL][TILE], dR[N_RADIAL][TILE], T[N_HARMONICS][TILE], U[N_HARMONICS][TILE];
    radial_derivatives(slots, R, dR, 1);
    switch (species) {
    case 0: /* Si */
        contract_1x1(D + 0, 6, R, dR, T + 0, U + 0); /* l = 0, m = 0 */
        contract_1x1(D + 6, 2, R, dR, T + 1, U + 1); /* l = 1, m = -1 */
        contract_2x1(D + 8, 2, R, dR, T + 2, U + 2); /* l = 1, m = 0 to 1 */
        break;
    }
    for (int k = 0; k < 1; ++k) force(&slots[k], k, first_entry, T, U, gradient);
}

/* Gradient with respect to all neighbours of one species. */
static void forces(int32_t species, neighbourhood near, int64_t first_entry, const lanes *restrict D, double *restrict gradient)
{
    int64_t k = 0;
    for (; k + TILE <= near.n_slots; k += TILE) forces_tile_2(species, near.slots + k, first_entry, D, gradient);
    for (; k < near.n_slots; k += TAIL) forces_tile_1(species, near.slots + k, first_entry, D, gradient);
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

/* Gradient of the centres of a block; entries beyond the cutoff have none. */
static void block_forces(const acegen_environments *env, const block *at, double *restrict gradient)
{
    for (int lane = 0; lane < LANES; ++lane) {
        if (at->atom[lane] < 0) continue;
        const int64_t begin = env->first[at->atom[lane]], count = env->first[at->atom[lane] + 1] - begin;
        if (count) memset(gradient + DIMENSION * (begin - env->first[0]), 0, DIMENSION * (size_t)count * sizeof(double));
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
                for (int lane = 0; lane < LANES; ++lane)
                    if (at->atom[lane] >= 0) {
                        const int64_t first = env->first[at->atom[lane]];
                        prefetch_entries(gradient, first - env->first[0], env->first[at->atom[lane] + 1] - first);
                    }
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

acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient, int32_t n_threads,
                                   void *workspace, size_t workspace_size, int64_t *failed_atom)
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
