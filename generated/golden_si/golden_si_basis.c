/* golden_si: canonical O3 basis of Si, order 3, level 6 (angular weight 3/2), closed radial functions (smoothstep), cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Basis kernel: the 25 basis functions of every centre and their derivatives with respect to each displacement.
 * Stages, for each block of lanes: gather, pool (both in golden_si_particles.h), coupling (products of A's → coupled
 * products b), purification (b → B, canonical). Derivatives take the same way, neighbour by neighbour.
 */
#include "golden_si_particles.h"

size_t golden_si_workspace_bytes(int64_t max_neighbours);
acegen_status golden_si_basis(const acegen_environments *environments, double *values, double *gradient,
                               void *workspace, size_t workspace_size, int64_t *failed_atom);

enum {
    N_BASIS = 25,
    N_COUPLED = 25,  /* coupled products: those of the basis */
    MAX_ORDER = 3,
    GRADIENT_TILE = 8         /* neighbours whose derivatives are computed together */
};

/* ---- coupling --------------------------------------------------------------------------------------- */

/* b_j = Σ_t TERM_WEIGHT[t] Π_k A[TERM_FACTOR[..]], over the terms t of function j: TERM_FIRST[j] <= t < TERM_FIRST[j + 1],
 * each with ORDER[j] factors, the first of them at FACTOR_FIRST[j]. */
static const uint8_t ORDER[N_COUPLED] = {
    1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3,
    3
};
static const uint32_t TERM_FIRST[N_COUPLED + 1] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 18, 21, 22, 23, 24, 25, 26, 27,
    28, 31
};
static const uint32_t FACTOR_FIRST[N_COUPLED] = {
    0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 30, 36, 39, 42, 45, 48, 51, 54,
    57
};
static const double TERM_WEIGHT[] = {
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 2.0, 2.0,
    2.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0
};
static const uint16_t TERM_FACTOR[] = {
    0, 1, 2, 3, 4, 5, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 1, 1, 1, 2, 1, 3, 2, 2,
    6, 6, 8, 8, 10, 10, 6, 7, 8, 9, 10, 11, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3,
    0, 1, 1, 0, 1, 2, 1, 1, 1, 0, 6, 6, 0, 8, 8, 0, 10, 10
};

/* The A's that function j depends on, by neighbour species z: USED[k] for
 * USED_FIRST[j N_SPECIES + z] <= k < USED_FIRST[j N_SPECIES + z + 1]. */
static const uint32_t USED_FIRST[N_COUPLED * N_SPECIES + 1] = {
    0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 16, 18, 20, 21, 24, 30, 31, 33, 35, 37, 39, 42,
    43, 47
};
static const uint16_t USED[] = {
    0, 1, 2, 3, 4, 5, 0, 0, 1, 0, 2, 0, 3, 0, 4, 1, 1, 2, 1, 3, 2, 6, 8, 10,
    6, 7, 8, 9, 10, 11, 0, 0, 1, 0, 2, 0, 3, 0, 1, 0, 1, 2, 1, 0, 6, 8, 10
};

/* b_j of the pooled A. */
static inline lanes coupled_value(int j, const lanes *restrict A)
{
    const uint16_t *v = TERM_FACTOR + FACTOR_FIRST[j];
    lanes b = splat(0.0);
    for (uint32_t t = TERM_FIRST[j]; t < TERM_FIRST[j + 1]; ++t) {
        lanes product = A[*v++] * TERM_WEIGHT[t];
        for (int k = 1; k < ORDER[j]; ++k) product *= A[*v++];
        b += product;
    }
    return b;
}

/* D[v] = db_j/dA[v] for the v that b_j depends on; other entries are left as they are. */
static inline void coupled_derivative(int j, const lanes *restrict A, lanes *restrict D)
{
    for (uint32_t k = USED_FIRST[j * N_SPECIES]; k < USED_FIRST[(j + 1) * N_SPECIES]; ++k) D[USED[k]] = splat(0.0);
    const int order = ORDER[j];
    const uint16_t *v = TERM_FACTOR + FACTOR_FIRST[j];
    for (uint32_t t = TERM_FIRST[j]; t < TERM_FIRST[j + 1]; ++t, v += order) {
        lanes before[MAX_ORDER];
        before[0] = splat(TERM_WEIGHT[t]);
        for (int k = 1; k < order; ++k) before[k] = before[k - 1] * A[v[k - 1]];
        lanes after = splat(1.0);
        for (int k = order - 1; k >= 0; --k) {
            D[v[k]] += before[k] * after;
            after *= A[v[k]];
        }
    }
}

/* ---- purification ----------------------------------------------------------------------------------- */

/* B_i = Σ_k PURIFY[k] b[PURIFY_COLUMN[k]] for PURIFY_FIRST[i] <= k < PURIFY_FIRST[i + 1]: rows of the purification
 * operator, times the scale of the function. */
static const uint32_t PURIFY_FIRST[N_BASIS + 1] = {
    0, 1, 2, 3, 4, 5, 6, 9, 13, 17, 21, 25, 30, 36, 42, 49, 52, 56, 62, 71, 81, 91, 103, 119,
    130, 138
};
static const uint16_t PURIFY_COLUMN[] = {
    0, 1, 2, 3, 4, 5, 0, 1, 6, 0, 1, 2, 7, 1, 2, 3, 8, 2, 3, 4, 9, 3, 4, 5,
    10, 0, 1, 2, 3, 11, 0, 1, 2, 3, 4, 12, 1, 2, 3, 4, 5, 13, 0, 1, 2, 3, 4, 5,
    14, 0, 1, 15, 0, 1, 2, 16, 0, 1, 2, 6, 7, 17, 0, 1, 2, 3, 6, 7, 8, 11, 18, 0,
    1, 2, 3, 4, 7, 8, 9, 12, 19, 1, 2, 3, 4, 5, 8, 9, 10, 13, 20, 0, 1, 2, 3, 4,
    6, 7, 8, 9, 11, 12, 21, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 22, 0,
    1, 2, 3, 4, 5, 7, 11, 12, 13, 23, 0, 1, 2, 6, 7, 15, 16, 24
};
static const double PURIFY[] = {
    1.7320508075688772, 2.2360679774997898, 2.6457513110645907, 3.0,
    3.3166247903553998, 3.6055512754639891, -1.5909902576697319, -0.5303300858899106,
    2.1213203435596424, -0.58094750193111255, -2.2592402852876599, -1.0327955589886446,
    3.872983346207417, -0.87287156094396956, -2.4822285014344132, -1.2274756325774572,
    4.5825756949558398, -1.0825317547305484, -2.7279800219209815, -1.3856406460551018,
    5.196152422706632, -1.2533591228810244, -2.9680240340446482, -1.5231794896123561,
    5.7445626465380286, -1.2374368670764582, 0.12626906806902635, -1.4142135623730951,
    -1.0101525445522108, 3.5355339059327378, -0.67612340378281321, -1.6903085094570331,
    0.1479019945774904, -2.007241354980227, -1.6903085094570331, 5.9160797830996161,
    -1.0647942749998998, -1.7702204821873335, 0.11107740277839864, -2.0869967789998038,
    -1.8972697990907306, 6.7082039324993694, -1.1490485194281397, 0.088388347648318447,
    -1.2374368670764582, 0.080353043316653133, -1.3258252147247767, -1.4061782580414297,
    4.9497474683058327, -2.7556759606310752, -0.91855865354369182, 3.6742346141747673,
    -1.0062305898749053, -3.9131189606246322, -1.7888543819998317, 3.3541019662496847,
    2.545584412271571, 1.4142135623730951, 0.28284271247461901, -4.7729707730091961,
    -1.5909902576697319, 2.1213203435596424, 1.8973665961010275, 4.0657855630736304,
    2.8460498941515415, 0.67763092717893847, -1.4230249470757708, -9.09154827298409,
    -2.5298221281347035, -1.1858541225631423, 4.7434164902525691, 0.32071349029490925,
    2.4053511772118195, 4.4899888641287298, 3.2071349029490928, 0.80178372573727319,
    -2.1380899352993952, -10.289557813628338, -3.0066889715147744, -1.4031215200402281,
    5.6124860801609122, 0.50507627227610541, 2.8284271247461903, 4.9589306732563072,
    3.5355339059327378, 0.89995408514651498, -2.6516504294495533, -11.45512985522207,
    -3.3941125496954281, -1.5909902576697319, 6.3639610306789276, 3.1493439550069433,
    1.7496355305594129, 3.2659863237109041, 3.1493439550069433, 0.93313894963168686,
    -2.143303524935281, -1.618412865767457, -2.4494897427831779, -1.7496355305594129,
    -7.144345083117603, -3.2659863237109041, 6.1237243569579451, 2.6349301969610397,
    3.9036002917941328, 2.7325202042558927, 4.7907821762927991, 4.8795003647426656,
    1.5525682978726665, -1.1710800875382399, -2.9277002188455996, -1.2808688457449497,
    -3.4766440098791493, -2.9277002188455996, -1.9518001458970664, -11.527819611704547,
    -2.7447189551677496, -2.7325202042558927, 10.246950765959598, 0.78246079643595157,
    3.3327033922272014, 1.3185913421420665, 1.1025583949779318, 1.8547218878481815,
    0.7376734781214358, -4.7925723781702034, 0.48903799777246976, -5.4772255750516612,
    -3.9123039821797581, 4.5643546458763842, 7.6367532368147133, 4.2426406871192848,
    0.84852813742385702, -4.7729707730091961, -1.5909902576697319, -9.5459415460183923,
    -1.5909902576697319, 6.3639610306789276
};

/* out = Σ_k PURIFY[k] rows[PURIFY_COLUMN[k]] for basis function i, rows of `width` lanes. */
static inline void purify(int i, const lanes *restrict rows, int width, lanes *restrict out)
{
    for (int w = 0; w < width; ++w) out[w] = splat(0.0);
    for (uint32_t k = PURIFY_FIRST[i]; k < PURIFY_FIRST[i + 1]; ++k) {
        const lanes *row = rows + (size_t)PURIFY_COLUMN[k] * (size_t)width;
        const double weight = PURIFY[k];
        for (int w = 0; w < width; ++w) out[w] += weight * row[w];
    }
}

/* ---- derivatives of the one-particle functions ------------------------------------------------------ */

/* dphi[v - first][3 tile + axis] = d(R_n S_lm)/d(axis) for the A's of one species, at one neighbour of a tile. */
static void one_particle_gradient(int32_t species, const slot *near_slot, int tile, lanes (*restrict dphi)[3 * GRADIENT_TILE])
{
    const lanes x = near_slot->x, y = near_slot->y, z = near_slot->z, inverse_r = near_slot->inverse_r;
    lanes Q[N_HARMONICS], c[L_MAX + 1], s[L_MAX + 1], S[N_HARMONICS], G[N_HARMONICS][3];
    angular_polynomials(x, y, z, Q, c, s);
    harmonics(x, y, z, S);
    /* derivatives of S_lm with respect to the components of the unit vector */
    G[0][0] = splat(0.0); G[0][1] = splat(0.0); G[0][2] = splat(0.0);
    G[1][0] = 1.0 * Q[3] * s[0]; G[1][1] = 1.0 * Q[3] * c[0]; G[1][2] = splat(0.0);
    G[2][0] = splat(0.0); G[2][1] = splat(0.0); G[2][2] = Q[3] * c[0];
    G[3][0] = 1.0 * Q[3] * c[0]; G[3][1] = -1.0 * Q[3] * s[0]; G[3][2] = splat(0.0);
    for (int h = 0; h < N_HARMONICS; ++h) { /* ... and with respect to the displacement */
        const lanes along = G[h][0] * x + G[h][1] * y + G[h][2] * z;
        G[h][0] = (G[h][0] - along * x) * inverse_r;
        G[h][1] = (G[h][1] - along * y) * inverse_r;
        G[h][2] = (G[h][2] - along * z) * inverse_r;
    }
    static const struct { uint16_t offset, harmonic, count; } SHELLS[] = {
        { 0, 0, 6 }, /* Si, l = 0, m = 0 */
        { 6, 1, 2 }, /* Si, l = 1, m = -1 */
        { 8, 2, 2 }, /* Si, l = 1, m = 0 */
        { 10, 3, 2 }, /* Si, l = 1, m = 1 */
    };
    static const uint16_t SHELL_FIRST[N_SPECIES + 1] = { 0, 4 }, POOLED_FIRST[N_SPECIES] = { 0 };
    for (int k = SHELL_FIRST[species]; k < SHELL_FIRST[species + 1]; ++k) {
        const int h = SHELLS[k].harmonic;
        for (int n = 0; n < SHELLS[k].count; ++n) {
            lanes *out = dphi[SHELLS[k].offset - POOLED_FIRST[species] + n] + 3 * tile;
            const lanes R = near_slot->R[n], radial = near_slot->dR[n] * near_slot->dy * S[h];
            out[0] = R * G[h][0] + radial * x;
            out[1] = R * G[h][1] + radial * y;
            out[2] = R * G[h][2] + radial * z;
        }
    }
}

/* Derivatives of all basis functions with respect to the neighbours of one species. */
static void basis_gradient(const acegen_environments *env, const int64_t atom[LANES], int32_t species,
                           neighbourhood near, const lanes *restrict A, lanes *restrict scratch,
                           double *restrict gradient)
{
    static const uint16_t FIRST[N_SPECIES + 1] = { 0, N_POOLED };
    lanes (*dphi)[3 * GRADIENT_TILE] = (lanes(*)[3 * GRADIENT_TILE])scratch;          /* [N_POOLED] */
    lanes (*db)[3 * GRADIENT_TILE] = dphi + N_POOLED;                        /* [N_COUPLED] */
    const int first = FIRST[species];
    lanes D[N_POOLED];
    for (int64_t start = 0; start < near.n_slots; start += GRADIENT_TILE) {
        const int in_tile = near.n_slots - start < GRADIENT_TILE ? (int)(near.n_slots - start) : GRADIENT_TILE;
        memset(dphi, 0, (size_t)(FIRST[species + 1] - first) * sizeof *dphi);
        for (int tile = 0; tile < in_tile; ++tile)
            one_particle_gradient(species, &near.slots[start + tile], tile, dphi);
        for (int j = 0; j < N_COUPLED; ++j) {
            coupled_derivative(j, A, D);
            for (int w = 0; w < 3 * GRADIENT_TILE; ++w) db[j][w] = splat(0.0);
            for (uint32_t k = USED_FIRST[j * N_SPECIES + species]; k < USED_FIRST[j * N_SPECIES + species + 1]; ++k) {
                const lanes d = D[USED[k]], *row = dphi[USED[k] - first];
                for (int w = 0; w < 3 * GRADIENT_TILE; ++w) db[j][w] += d * row[w];
            }
        }
        for (int i = 0; i < N_BASIS; ++i) {
            lanes dB[3 * GRADIENT_TILE];
            purify(i, db[0], 3 * GRADIENT_TILE, dB);
            for (int tile = 0; tile < in_tile; ++tile) {
                for (int lane = 0; lane < LANES; ++lane) {
                    const int64_t entry = near.slots[start + tile].entry[lane];
                    if (entry < 0) continue;
                    const int64_t begin = env->first[atom[lane]], count = env->first[atom[lane] + 1] - begin;
                    double *out = gradient + 3 * ((begin - env->first[0]) * N_BASIS + i * count + entry - begin);
                    for (int axis = 0; axis < 3; ++axis) out[axis] = dB[3 * tile + axis][lane];
                }
            }
        }
    }
}

/* ---- kernel ----------------------------------------------------------------------------------------- */

/* Slots for the neighbours, then what basis_gradient() needs. */
size_t golden_si_workspace_bytes(int64_t max_neighbours)
{
    const size_t slots = (size_t)(max_neighbours > 0 ? max_neighbours : 0) * N_SPECIES;
    return sizeof(lanes) + slots * sizeof(slot) + (size_t)(N_POOLED + N_COUPLED) * 3 * GRADIENT_TILE * sizeof(lanes);
}

acegen_status golden_si_basis(const acegen_environments *environments, double *values, double *gradient,
                               void *workspace, size_t workspace_size, int64_t *failed_atom)
{
    const acegen_environments *env = environments;
    acegen_status status = check_environments(env, workspace_size, golden_si_workspace_bytes, failed_atom);
    if (status != ACEGEN_OK) return status;
    if (env->n_atoms == 0) return ACEGEN_OK;
    if (!values || !workspace) return ACEGEN_BAD_ARGUMENT;
    if (gradient)
        memset(gradient, 0, 3 * N_BASIS * (size_t)(env->first[env->n_atoms] - env->first[0]) * sizeof(double));

    for (int32_t center = 0; center < N_SPECIES; ++center) {
        int64_t next = 0, atom[LANES];
        while (next_block(env, center, &next, atom)) {
            lanes A[N_POOLED];
            neighbourhood near[N_SPECIES];
            slot *end;
            status = pool_block(env, center, atom, aligned_slots(workspace), near, A, &end, failed_atom);
            if (status != ACEGEN_OK) return status;
            lanes *scratch = (lanes *)end, *b = scratch;
            for (int j = 0; j < N_COUPLED; ++j) b[j] = coupled_value(j, A);
            for (int i = 0; i < N_BASIS; ++i) {
                lanes B;
                purify(i, b, 1, &B);
                for (int lane = 0; lane < LANES; ++lane)
                    if (atom[lane] >= 0) values[atom[lane] * N_BASIS + i] = B[lane];
            }
            if (!gradient) continue;
            for (int32_t species = 0; species < N_SPECIES; ++species)
                basis_gradient(env, atom, species, near[species], A, scratch, gradient);
        }
    }
    return ACEGEN_OK;
}
