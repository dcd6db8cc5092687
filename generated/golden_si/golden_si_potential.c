/* golden_si: canonical O3 basis of Si, order 3, level 6 (angular weight 3/2), closed radial functions (smoothstep), cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Potential kernel: site energies and their gradient, with the coefficients folded into one polynomial in the
 * pooled A_znlm. Stages, for each block of lanes: gather, pool (both in golden_si_particles.h), products, forces.
 *
 * The product stage evaluates 31 products along a trie that shares their common factors. A node that stands for
 * the partial product p, and whose subtree has the value g, costs: leaf with coefficient c and factor A[v]:
 * g += c A[v], D[v] += c p; inner node with child value h: g += A[v] h, D[v] += p h.  94 multiply-adds a centre.
 */
#include "golden_si_particles.h"

size_t golden_si_workspace_bytes(int64_t max_neighbours);
acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient,
                                   void *workspace, size_t workspace_size, int64_t *failed_atom);

/* ---- coefficients ----------------------------------------------------------------------------------- */

/* Coefficients of the products by centre element, in the order in which the product stage uses them. */
static const double COEFFICIENTS[N_SPECIES][31] = {
    { /* Si */
        0.37428418214891301, 0.26732101070991376, 0.26732101070991376, 0.26732101070991376,
        0.42775286803467244, 0.23331724687588767, -0.15219799845481272, 0.2545584412271571,
        -0.15219799845481272, 0.2545584412271571, -0.15219799845481272, 0.2545584412271571,
        0.83113038282143092, 0.12104771023795864, -0.40688890332810679, 0.30304576336566319,
        0.82895403753798069, 0.21117793828172685, -0.49295422019742002, 0.44551959851998252,
        -0.43175080726162762, 0.28062430400804561, 1.1803167648555288, -0.15701280036892548,
        0.19018144357818267, 0.27835110713445205, -0.65385812791871556, 0.24965349948697729,
        1.8221010725507096, -0.3762735733879522, 0.11785113019775792,
    },
};

/* ---- products --------------------------------------------------------------------------------------- */

/* Products with leading factors A[5] to A[0]. */
static void products_1(const lanes *restrict A, lanes *restrict D, lanes *restrict energy, const double *restrict c)
{
    lanes e = *energy;
    e += c[0] * A[5]; D[5] += c[0];
    {
        const lanes p1 = A[7];
        lanes g1 = splat(0.0);
        g1 += c[1] * A[6]; D[6] += c[1] * p1;
        e += A[7] * g1; D[7] += g1;
    }
    {
        const lanes p1 = A[9];
        lanes g1 = splat(0.0);
        g1 += c[2] * A[8]; D[8] += c[2] * p1;
        e += A[9] * g1; D[9] += g1;
    }
    {
        const lanes p1 = A[11];
        lanes g1 = splat(0.0);
        g1 += c[3] * A[10]; D[10] += c[3] * p1;
        e += A[11] * g1; D[11] += g1;
    }
    {
        const lanes p1 = A[4];
        lanes g1 = splat(c[4]);
        g1 += c[5] * A[0]; D[0] += c[5] * p1;
        e += A[4] * g1; D[4] += g1;
    }
    {
        const lanes p1 = A[6];
        lanes g1 = splat(0.0);
        {
            const lanes p2 = p1 * A[6];
            lanes g2 = splat(c[6]);
            g2 += c[7] * A[0]; D[0] += c[7] * p2;
            g1 += A[6] * g2; D[6] += p1 * g2;
        }
        e += A[6] * g1; D[6] += g1;
    }
    {
        const lanes p1 = A[8];
        lanes g1 = splat(0.0);
        {
            const lanes p2 = p1 * A[8];
            lanes g2 = splat(c[8]);
            g2 += c[9] * A[0]; D[0] += c[9] * p2;
            g1 += A[8] * g2; D[8] += p1 * g2;
        }
        e += A[8] * g1; D[8] += g1;
    }
    {
        const lanes p1 = A[10];
        lanes g1 = splat(0.0);
        {
            const lanes p2 = p1 * A[10];
            lanes g2 = splat(c[10]);
            g2 += c[11] * A[0]; D[0] += c[11] * p2;
            g1 += A[10] * g2; D[10] += p1 * g2;
        }
        e += A[10] * g1; D[10] += g1;
    }
    {
        const lanes p1 = A[3];
        lanes g1 = splat(c[12]);
        g1 += c[13] * A[1]; D[1] += c[13] * p1;
        {
            const lanes p2 = p1 * A[0];
            lanes g2 = splat(c[14]);
            g2 += c[15] * A[0]; D[0] += c[15] * p2;
            g1 += A[0] * g2; D[0] += p1 * g2;
        }
        e += A[3] * g1; D[3] += g1;
    }
    {
        const lanes p1 = A[2];
        lanes g1 = splat(c[16]);
        g1 += c[17] * A[2]; D[2] += c[17] * p1;
        {
            const lanes p2 = p1 * A[1];
            lanes g2 = splat(c[18]);
            g2 += c[19] * A[0]; D[0] += c[19] * p2;
            g1 += A[1] * g2; D[1] += p1 * g2;
        }
        {
            const lanes p2 = p1 * A[0];
            lanes g2 = splat(c[20]);
            g2 += c[21] * A[0]; D[0] += c[21] * p2;
            g1 += A[0] * g2; D[0] += p1 * g2;
        }
        e += A[2] * g1; D[2] += g1;
    }
    {
        const lanes p1 = A[1];
        lanes g1 = splat(c[22]);
        {
            const lanes p2 = p1 * A[1];
            lanes g2 = splat(c[23]);
            g2 += c[24] * A[1]; D[1] += c[24] * p2;
            g2 += c[25] * A[0]; D[0] += c[25] * p2;
            g1 += A[1] * g2; D[1] += p1 * g2;
        }
        {
            const lanes p2 = p1 * A[0];
            lanes g2 = splat(c[26]);
            g2 += c[27] * A[0]; D[0] += c[27] * p2;
            g1 += A[0] * g2; D[0] += p1 * g2;
        }
        e += A[1] * g1; D[1] += g1;
    }
    {
        const lanes p1 = A[0];
        lanes g1 = splat(c[28]);
        {
            const lanes p2 = p1 * A[0];
            lanes g2 = splat(c[29]);
            g2 += c[30] * A[0]; D[0] += c[30] * p2;
            g1 += A[0] * g2; D[0] += p1 * g2;
        }
        e += A[0] * g1; D[0] += g1;
    }
    *energy = e;
}

/* Site energy and D[v] = dE/dA[v]. */
static void products(const lanes *restrict A, lanes *restrict D, lanes *restrict energy, const double *restrict c)
{
    products_1(A, D, energy, c);
}

/* ---- forces ----------------------------------------------------------------------------------------- */

/* Neighbours are taken in the tiles of pool(): for each tile, first T_lm = Σ_n D_nlm R_n and U_lm = Σ_n D_nlm dR_n/dy in
 * runs of a few n, then the forces. */

/* T_k = Σ_i D[i] R_k[first + i], U_k = Σ_i D[i] dR_k[first + i] for i < 2; added to the earlier runs if first > 0. */
static inline void contract_run_2(const lanes *restrict D, const slot *slots, lanes (*restrict T)[N_HARMONICS],
                                  lanes (*restrict U)[N_HARMONICS], int harmonic, int first, int count)
{
    const lanes d0 = D[0], d1 = D[1];
    for (int k = 0; k < count; ++k) {
        const lanes *R = slots[k].R + first, *dR = slots[k].dR + first;
        lanes t = d0 * R[0], u = d0 * dR[0];
        t += d1 * R[1]; u += d1 * dR[1];
        T[k][harmonic] = first ? T[k][harmonic] + t : t;
        U[k][harmonic] = first ? U[k][harmonic] + u : u;
    }
}

/* T_k = Σ_i D[i] R_k[first + i], U_k = Σ_i D[i] dR_k[first + i] for i < 6; added to the earlier runs if first > 0. */
static inline void contract_run_6(const lanes *restrict D, const slot *slots, lanes (*restrict T)[N_HARMONICS],
                                  lanes (*restrict U)[N_HARMONICS], int harmonic, int first, int count)
{
    const lanes d0 = D[0], d1 = D[1], d2 = D[2], d3 = D[3], d4 = D[4], d5 = D[5];
    for (int k = 0; k < count; ++k) {
        const lanes *R = slots[k].R + first, *dR = slots[k].dR + first;
        lanes t = d0 * R[0], u = d0 * dR[0];
        t += d1 * R[1]; u += d1 * dR[1];
        t += d2 * R[2]; u += d2 * dR[2];
        t += d3 * R[3]; u += d3 * dR[3];
        t += d4 * R[4]; u += d4 * dR[4];
        t += d5 * R[5]; u += d5 * dR[5];
        T[k][harmonic] = first ? T[k][harmonic] + t : t;
        U[k][harmonic] = first ? U[k][harmonic] + u : u;
    }
}

/* Gradient of the site energies with respect to each neighbour of one species, for all lanes of a block. With the unit
 * vector u: dE/dr = u dy/dr Σ_lm U_lm S_lm + (g - u (u·g)) / r,  g = Σ_lm T_lm dS_lm/du. */
static void forces(int32_t species, neighbourhood near, int64_t first_entry, const lanes *restrict D,
                   double *restrict gradient)
{
    lanes tile_T[TILE][N_HARMONICS], tile_U[TILE][N_HARMONICS];
    memset(tile_T, 0, sizeof tile_T); /* a species need not have every l */
    memset(tile_U, 0, sizeof tile_U);
    for (int64_t start = 0; start < near.n_slots; start += TILE) {
        const slot *slots = near.slots + start;
        const int count = near.n_slots - start < TILE ? (int)(near.n_slots - start) : TILE;
        switch (species) {
        case 0: /* Si */
            contract_run_6(D + 0, slots, tile_T, tile_U, 0, 0, count); /* l = 0, m = 0, n = 1 to 6 */
            contract_run_2(D + 6, slots, tile_T, tile_U, 1, 0, count); /* l = 1, m = -1, n = 1 to 2 */
            contract_run_2(D + 8, slots, tile_T, tile_U, 2, 0, count); /* l = 1, m = 0, n = 1 to 2 */
            contract_run_2(D + 10, slots, tile_T, tile_U, 3, 0, count); /* l = 1, m = 1, n = 1 to 2 */
            break;
        }
        for (int k = 0; k < count; ++k) {
            const lanes x = slots[k].x, y = slots[k].y, z = slots[k].z, *T = tile_T[k], *U = tile_U[k];
            lanes Q[N_HARMONICS], c[L_MAX + 1], s[L_MAX + 1];
            angular_polynomials(x, y, z, Q, c, s);
            lanes along = splat(0.0), gx = splat(0.0), gy = splat(0.0), gz = splat(0.0);
            along += U[0] * Q[0] + U[2] * Q[2];
            gz += T[2] * Q[3];
            { /* m = ±1 */
                const lanes a = T[3] * Q[3], b = T[1] * Q[3];
                gx += 1.0 * (a * c[0] + b * s[0]);
                gy += 1.0 * (b * c[0] - a * s[0]);
                along += (U[3] * Q[3]) * c[1] + (U[1] * Q[3]) * s[1];
            }
            along = along * slots[k].dy - (gx * x + gy * y + gz * z) * slots[k].inverse_r;
            gx = gx * slots[k].inverse_r + along * x;
            gy = gy * slots[k].inverse_r + along * y;
            gz = gz * slots[k].inverse_r + along * z;
            for (int lane = 0; lane < LANES; ++lane) {
                if (slots[k].entry[lane] < 0) continue;
                double *g = gradient + 3 * (slots[k].entry[lane] - first_entry);
                g[0] = gx[lane];
                g[1] = gy[lane];
                g[2] = gz[lane];
            }
        }
    }
}

/* ---- kernel ----------------------------------------------------------------------------------------- */

acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient,
                                   void *workspace, size_t workspace_size, int64_t *failed_atom)
{
    const acegen_environments *env = environments;
    acegen_status status = check_environments(env, workspace_size, golden_si_workspace_bytes, failed_atom);
    if (status != ACEGEN_OK) return status;
    if (env->n_atoms == 0) return ACEGEN_OK;
    const int64_t first_entry = env->first[0], n_entries = env->first[env->n_atoms] - first_entry;
    if (!energy || !workspace || (!gradient && n_entries)) return ACEGEN_BAD_ARGUMENT;
    if (n_entries) memset(gradient, 0, 3 * (size_t)n_entries * sizeof(double));

    for (int32_t center = 0; center < N_SPECIES; ++center) {
        int64_t next = 0, atom[LANES];
        while (next_block(env, center, &next, atom)) {
            lanes A[N_POOLED], D[N_POOLED], E = splat(0.0);
            neighbourhood near[N_SPECIES];
            memset(D, 0, sizeof D);
            slot *end;
            status = pool_block(env, center, atom, aligned_slots(workspace), near, A, &end, failed_atom);
            if (status != ACEGEN_OK) return status;
            products(A, D, &E, COEFFICIENTS[center]);
            for (int32_t species = 0; species < N_SPECIES; ++species)
                forces(species, near[species], first_entry, D, gradient);
            for (int lane = 0; lane < LANES; ++lane)
                if (atom[lane] >= 0) energy[atom[lane]] = E[lane];
        }
    }
    return ACEGEN_OK;
}
