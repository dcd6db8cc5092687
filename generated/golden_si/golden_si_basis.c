/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Basis kernels: the 25 basis functions of every centre and their derivatives with respect to each displacement, and
 * the rows of the design matrix of a structure. Stages, for each block of lanes: gather, pool (both in
 * golden_si_particles.h), coupling (products of A's → coupled products b), purification (b → B; canonical).
 * Derivatives are the product of db/dA, which is sparse, and dA/dr; see golden_si_derivatives.h.
 */
#include "golden_si_derivatives.h"

size_t golden_si_basis_workspace(int64_t max_neighbours, int64_t n_rows);
acegen_status golden_si_basis(const acegen_environments *environments, double *values, double *gradient,
                               void *workspace, size_t workspace_size, int64_t *failed_atom);
acegen_status golden_si_design(const acegen_environments *environments, const int64_t *center_row,
                                const int64_t *neighbour_row, int64_t n_rows, double *energy, double *forces,
                                double *virial, void *workspace, size_t workspace_size, int64_t *failed_atom);

enum {
    N_BASIS = 25,
    N_PAIR = 0,
    N_PURIFIED = N_BASIS,
    N_COUPLED = 25,  /* coupled products: those of the basis */
    MAX_ORDER = 3,
    N_USED = 47      /* non-zeros of db/dA */
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
static const uint32_t PURIFY_FIRST[N_PURIFIED + 1] = {
    0, 1, 2, 3, 4, 5, 6, 9, 13, 17, 21, 25, 30, 36, 42, 49, 52, 56, 62, 71, 81, 91, 103, 119,
    130, 138
};
static const uint16_t PURIFY_COLUMN[] = {
    0, /* 0: B(Si,1,0) */
    1, /* 1: B(Si,2,0) */
    2, /* 2: B(Si,3,0) */
    3, /* 3: B(Si,4,0) */
    4, /* 4: B(Si,5,0) */
    5, /* 5: B(Si,6,0) */
    0, 1, 6, /* 6: B(Si,1,0 Si,1,0) */
    0, 1, 2, 7, /* 7: B(Si,1,0 Si,2,0) */
    1, 2, 3, 8, /* 8: B(Si,1,0 Si,3,0) */
    2, 3, 4, 9, /* 9: B(Si,1,0 Si,4,0) */
    3, 4, 5, 10, /* 10: B(Si,1,0 Si,5,0) */
    0, 1, 2, 3, 11, /* 11: B(Si,2,0 Si,2,0) */
    0, 1, 2, 3, 4, 12, /* 12: B(Si,2,0 Si,3,0) */
    1, 2, 3, 4, 5, 13, /* 13: B(Si,2,0 Si,4,0) */
    0, 1, 2, 3, 4, 5, 14, /* 14: B(Si,3,0 Si,3,0) */
    0, 1, 15, /* 15: B(Si,1,1 Si,1,1) */
    0, 1, 2, 16, /* 16: B(Si,1,1 Si,2,1) */
    0, 1, 2, 6, 7, 17, /* 17: B(Si,1,0 Si,1,0 Si,1,0) */
    0, 1, 2, 3, 6, 7, 8, 11, 18, /* 18: B(Si,1,0 Si,1,0 Si,2,0) */
    0, 1, 2, 3, 4, 7, 8, 9, 12, 19, /* 19: B(Si,1,0 Si,1,0 Si,3,0) */
    1, 2, 3, 4, 5, 8, 9, 10, 13, 20, /* 20: B(Si,1,0 Si,1,0 Si,4,0) */
    0, 1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 21, /* 21: B(Si,1,0 Si,2,0 Si,2,0) */
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 22, /* 22: B(Si,1,0 Si,2,0 Si,3,0) */
    0, 1, 2, 3, 4, 5, 7, 11, 12, 13, 23, /* 23: B(Si,2,0 Si,2,0 Si,2,0) */
    0, 1, 2, 6, 7, 15, 16, 24, /* 24: B(Si,1,0 Si,1,1 Si,1,1) */
};
static const double PURIFY[] = {
    /* 0: B(Si,1,0) */
    1.7320508075688772,
    /* 1: B(Si,2,0) */
    2.2360679774997898,
    /* 2: B(Si,3,0) */
    2.6457513110645907,
    /* 3: B(Si,4,0) */
    3.0,
    /* 4: B(Si,5,0) */
    3.3166247903553998,
    /* 5: B(Si,6,0) */
    3.6055512754639891,
    /* 6: B(Si,1,0 Si,1,0) */
    -1.5909902576697319, -0.5303300858899106, 2.1213203435596424,
    /* 7: B(Si,1,0 Si,2,0) */
    -0.58094750193111255, -2.2592402852876599, -1.0327955589886446, 3.872983346207417,
    /* 8: B(Si,1,0 Si,3,0) */
    -0.87287156094396956, -2.4822285014344132, -1.2274756325774572, 4.5825756949558398,
    /* 9: B(Si,1,0 Si,4,0) */
    -1.0825317547305484, -2.7279800219209815, -1.3856406460551018, 5.196152422706632,
    /* 10: B(Si,1,0 Si,5,0) */
    -1.2533591228810244, -2.9680240340446482, -1.5231794896123561, 5.7445626465380286,
    /* 11: B(Si,2,0 Si,2,0) */
    -1.2374368670764582, 0.12626906806902635, -1.4142135623730951, -1.0101525445522108, 3.5355339059327378,
    /* 12: B(Si,2,0 Si,3,0) */
    -0.67612340378281321, -1.6903085094570331, 0.1479019945774904, -2.007241354980227, -1.6903085094570331, 5.9160797830996161,
    /* 13: B(Si,2,0 Si,4,0) */
    -1.0647942749998998, -1.7702204821873335, 0.11107740277839864, -2.0869967789998038, -1.8972697990907306, 6.7082039324993694,
    /* 14: B(Si,3,0 Si,3,0) */
    -1.1490485194281397, 0.088388347648318447, -1.2374368670764582, 0.080353043316653133, -1.3258252147247767,
        -1.4061782580414297, 4.9497474683058327,
    /* 15: B(Si,1,1 Si,1,1) */
    -2.7556759606310752, -0.91855865354369182, 3.6742346141747673,
    /* 16: B(Si,1,1 Si,2,1) */
    -1.0062305898749053, -3.9131189606246322, -1.7888543819998317, 3.3541019662496847,
    /* 17: B(Si,1,0 Si,1,0 Si,1,0) */
    2.545584412271571, 1.4142135623730951, 0.28284271247461901, -4.7729707730091961, -1.5909902576697319, 2.1213203435596424,
    /* 18: B(Si,1,0 Si,1,0 Si,2,0) */
    1.8973665961010275, 4.0657855630736304, 2.8460498941515415, 0.67763092717893847, -1.4230249470757708, -9.09154827298409,
        -2.5298221281347035, -1.1858541225631423, 4.7434164902525691,
    /* 19: B(Si,1,0 Si,1,0 Si,3,0) */
    0.32071349029490925, 2.4053511772118195, 4.4899888641287298, 3.2071349029490928, 0.80178372573727319, -2.1380899352993952,
        -10.289557813628338, -3.0066889715147744, -1.4031215200402281, 5.6124860801609122,
    /* 20: B(Si,1,0 Si,1,0 Si,4,0) */
    0.50507627227610541, 2.8284271247461903, 4.9589306732563072, 3.5355339059327378, 0.89995408514651498, -2.6516504294495533,
        -11.45512985522207, -3.3941125496954281, -1.5909902576697319, 6.3639610306789276,
    /* 21: B(Si,1,0 Si,2,0 Si,2,0) */
    3.1493439550069433, 1.7496355305594129, 3.2659863237109041, 3.1493439550069433, 0.93313894963168686, -2.143303524935281,
        -1.618412865767457, -2.4494897427831779, -1.7496355305594129, -7.144345083117603, -3.2659863237109041, 6.1237243569579451,
    /* 22: B(Si,1,0 Si,2,0 Si,3,0) */
    2.6349301969610397, 3.9036002917941328, 2.7325202042558927, 4.7907821762927991, 4.8795003647426656, 1.5525682978726665,
        -1.1710800875382399, -2.9277002188455996, -1.2808688457449497, -3.4766440098791493, -2.9277002188455996,
        -1.9518001458970664, -11.527819611704547, -2.7447189551677496, -2.7325202042558927, 10.246950765959598,
    /* 23: B(Si,2,0 Si,2,0 Si,2,0) */
    0.78246079643595157, 3.3327033922272014, 1.3185913421420665, 1.1025583949779318, 1.8547218878481815, 0.7376734781214358,
        -4.7925723781702034, 0.48903799777246976, -5.4772255750516612, -3.9123039821797581, 4.5643546458763842,
    /* 24: B(Si,1,0 Si,1,1 Si,1,1) */
    7.6367532368147133, 4.2426406871192848, 0.84852813742385702, -4.7729707730091961, -1.5909902576697319, -9.5459415460183923,
        -1.5909902576697319, 6.3639610306789276,
};

/* out = Σ_k PURIFY[k] rows[PURIFY_COLUMN[k]] for basis function i; rows of `width` numbers, `stride` apart. */
static inline void purify(int i, const double *restrict rows, int64_t stride, int64_t width, double *restrict out)
{
    for (int64_t w = 0; w < width; ++w) out[w] = 0.0;
    for (uint32_t k = PURIFY_FIRST[i]; k < PURIFY_FIRST[i + 1]; ++k) {
        const double *row = rows + PURIFY_COLUMN[k] * stride;
        const double weight = PURIFY[k];
        for (int64_t w = 0; w < width; ++w) out[w] += weight * row[w];
    }
}

/* ---- db/dr = db/dA dA/dr ----------------------------------------------------------------------------- */

/* out[w] = Σ_k d[k] rows[USED[k]][w] for w < 8. */
static inline void contract_8(const uint16_t *used, int count, const double *restrict d, const lanes *restrict rows, int row_size,
    lanes *restrict out)
{
    lanes o0 = splat(0.0), o1 = splat(0.0), o2 = splat(0.0), o3 = splat(0.0), o4 = splat(0.0), o5 = splat(0.0), o6 = splat(0.0),
        o7 = splat(0.0);
    for (int k = 0; k < count; ++k) {
        const lanes *row = rows + used[k] * row_size;
        const double weight = d[k];
        o0 += weight * row[0]; o1 += weight * row[1]; o2 += weight * row[2]; o3 += weight * row[3]; o4 += weight * row[4];
        o5 += weight * row[5]; o6 += weight * row[6]; o7 += weight * row[7];
    }
    out[0] = o0; out[1] = o1; out[2] = o2; out[3] = o3; out[4] = o4; out[5] = o5; out[6] = o6; out[7] = o7;
}

/* out[w] = Σ_k d[k] rows[USED[k]][w] for w < 4. */
static inline void contract_4(const uint16_t *used, int count, const double *restrict d, const lanes *restrict rows, int row_size,
    lanes *restrict out)
{
    lanes o0 = splat(0.0), o1 = splat(0.0), o2 = splat(0.0), o3 = splat(0.0);
    for (int k = 0; k < count; ++k) {
        const lanes *row = rows + used[k] * row_size;
        const double weight = d[k];
        o0 += weight * row[0]; o1 += weight * row[1]; o2 += weight * row[2]; o3 += weight * row[3];
    }
    out[0] = o0; out[1] = o1; out[2] = o2; out[3] = o3;
}

/* out[w] = Σ_k d[k] rows[USED[k]][w] for w < 1. */
static inline void contract_1(const uint16_t *used, int count, const double *restrict d, const lanes *restrict rows, int row_size,
    lanes *restrict out)
{
    lanes o0 = splat(0.0);
    for (int k = 0; k < count; ++k) {
        const lanes *row = rows + used[k] * row_size;
        const double weight = d[k];
        o0 += weight * row[0];
    }
    out[0] = o0;
}

/* Derivatives of b_j by the neighbours of one species, and their virial: out has row_size[species] lanes. d: the non-zeros of
 * db/dA of this centre. */
static void coupled_gradient(int j, int32_t species, const center_derivatives *center, const double *restrict d,
                             lanes *restrict out)
{
    const uint32_t begin = USED_FIRST[j * N_SPECIES + species], end = USED_FIRST[j * N_SPECIES + species + 1];
    const int size = center->row_size[species], count = (int)(end - begin);
    const lanes *rows = center->rows[species] - POOLED_FIRST[species] * size;
    int w = 0;
    for (; w + 8 <= size; w += 8) contract_8(USED + begin, count, d + begin, rows + w, size, out + w);
    for (; w + 4 <= size; w += 4) contract_4(USED + begin, count, d + begin, rows + w, size, out + w);
    for (; w < size; ++w) contract_1(USED + begin, count, d + begin, rows + w, size, out + w);
}

/* ---- kernels ---------------------------------------------------------------------------------------- */

/* Where the derivatives by one neighbour go: to 3 numbers from `row` on; they stand at `source`, LANES apart. */
typedef struct {
    int64_t row, source;
} force_target;

/* Parts of the workspace. */
typedef struct {
    slot *slots;     /* slots of a block, then those of one centre */
    slot *center_slots;
    double *b;       /* [N_COUPLED][LANES] */
    double *d;       /* [LANES][N_USED] non-zeros of db/dA of each centre of a block */
    lanes *rows;     /* derivatives of the A's of one centre */
    lanes *out;      /* derivatives of one coupled product */
    force_target *targets; /* one for each neighbour of a centre */
    double *coupled; /* [N_COUPLED][3 n_rows + 7]: a row of forces, virial and energy for each coupled product */
} basis_workspace;

/* Neighbours, or rows, for which the workspace is a small part of what can be addressed. */
static const int64_t MOST_ROWS = PTRDIFF_MAX / 8 / (int64_t)(2 * N_SPECIES * sizeof(slot) +
                                                             (N_POOLED + 1) * DIMENSION * sizeof(lanes) +
                                                             sizeof(force_target) + N_COUPLED * DIMENSION * sizeof(double));

static size_t lay_out(void *start, int64_t max_neighbours, int64_t n_rows, basis_workspace *parts)
{
    const size_t count = (size_t)(max_neighbours > 0 ? max_neighbours : 0), rows = (size_t)(n_rows > 0 ? n_rows : 0);
    const size_t slots = (count + TAIL) * N_SPECIES, center_slots = count / LANES + N_SPECIES;
    const size_t row_size = DIMENSION * center_slots + N_VIRIAL;
    uintptr_t next = (uintptr_t)aligned(start);
    parts->slots = (slot *)next;           next += slots * sizeof(slot);
    parts->center_slots = (slot *)next;    next += center_slots * sizeof(slot);
    parts->b = (double *)next;             next += N_COUPLED * sizeof(lanes);
    parts->d = (double *)next;             next += (N_USED + 1) * sizeof(lanes);
    parts->rows = (lanes *)next;           next += N_POOLED * row_size * sizeof(lanes);
    parts->out = (lanes *)next;            next += row_size * sizeof(lanes);
    parts->targets = (force_target *)next; next += count * sizeof(force_target);
    parts->coupled = (double *)next;       next += N_COUPLED * (3 * rows + 7) * sizeof(double);
    return (size_t)(next - (uintptr_t)start);
}

/* n_rows: 3 n_rows + 7 numbers are kept for each coupled product: rows of forces, or the neighbours of one centre. */
size_t golden_si_basis_workspace(int64_t max_neighbours, int64_t n_rows)
{
    basis_workspace parts;
    const int64_t most = n_rows > max_neighbours ? n_rows : max_neighbours;
    return most > MOST_ROWS ? SIZE_MAX : lay_out(NULL, max_neighbours, most, &parts) + sizeof(lanes);
}

/* Gather and pool a block; b and, if asked for, the non-zeros of db/dA of each of its centres. */
static acegen_status coupled_block(const acegen_environments *env, int32_t center, const int64_t atom[LANES],
                                   const basis_workspace *work, int derivatives, int64_t *failed_atom)
{
    lanes A[N_POOLED], D[N_POOLED], *b = (lanes *)work->b;
    neighbourhood near[N_SPECIES];
    const acegen_status status = pool_block(env, center, atom, work->slots, near, A, failed_atom);
    if (status != ACEGEN_OK) return status;
    for (int j = 0; j < N_COUPLED; ++j) {
        b[j] = coupled_value(j, A);
        if (!derivatives) continue;
        coupled_derivative(j, A, D);
        for (uint32_t k = USED_FIRST[j * N_SPECIES]; k < USED_FIRST[(j + 1) * N_SPECIES]; ++k)
            for (int lane = 0; lane < LANES; ++lane) work->d[lane * N_USED + k] = D[USED[k]][lane];
    }
    return ACEGEN_OK;
}

/* Gradient of one centre for basis(): out is its block [N_BASIS][J][DIMENSION]. */
static void center_gradient(const acegen_environments *env, int64_t atom, const double *d, const basis_workspace *work,
                            double *restrict out)
{
    const int64_t begin = env->first[atom], width = DIMENSION * (env->first[atom + 1] - begin);
    center_derivatives center;
    pooled_derivatives(env, atom, work->center_slots, work->rows, &center);
    memset(work->coupled, 0, N_COUPLED * (size_t)width * sizeof(double));
    for (int j = 0; j < N_COUPLED; ++j) {
        double *row = work->coupled + j * width;
        for (int32_t species = 0; species < N_SPECIES; ++species) {
            const neighbourhood near = center.near[species];
            coupled_gradient(j, species, &center, d, work->out);
            for (int64_t k = 0; k < near.n_slots; ++k)
                for (int lane = 0; lane < LANES; ++lane) {
                    const int64_t entry = near.slots[k].entry[lane];
                    if (entry < 0) continue;
                    for (int axis = 0; axis < DIMENSION; ++axis)
                        row[DIMENSION * (entry - begin) + axis] = work->out[DIMENSION * k + axis][lane];
                }
        }
    }
    for (int i = 0; i < N_PURIFIED; ++i) purify(i, work->coupled, width, width, out + (N_PAIR + i) * width);
}

acegen_status golden_si_basis(const acegen_environments *environments, double *values, double *gradient,
                               void *workspace, size_t workspace_size, int64_t *failed_atom)
{
    const acegen_environments *env = environments;
    int64_t most;
    acegen_status status = check_environments(env, &most, failed_atom);
    if (status != ACEGEN_OK || env->n_atoms == 0) return status;
    if (!values || !workspace) return ACEGEN_BAD_ARGUMENT;
    const size_t needed = golden_si_basis_workspace(most, 0);
    if (needed == SIZE_MAX || workspace_size < needed) return ACEGEN_SMALL_WORKSPACE;
    basis_workspace work;
    lay_out(workspace, most, most, &work);
    for (int32_t center = 0; center < N_SPECIES; ++center) {
        center_queue queue = { .center = center, .end = env->n_atoms };
        int64_t atom[LANES];
        while (next_block(env, &queue, atom)) {
            status = coupled_block(env, center, atom, &work, gradient != NULL, failed_atom);
            if (status != ACEGEN_OK) return status;
            for (int i = 0; i < N_PURIFIED; ++i) {
                double B[LANES];
                purify(i, work.b, LANES, LANES, B);
                for (int lane = 0; lane < LANES; ++lane)
                    if (atom[lane] >= 0) values[atom[lane] * N_BASIS + N_PAIR + i] = B[lane];
            }
            for (int lane = 0; gradient && lane < LANES; ++lane)
                if (atom[lane] >= 0)
                    center_gradient(env, atom[lane], work.d + lane * N_USED, &work,
                                    gradient + DIMENSION * N_BASIS * (env->first[atom[lane]] - env->first[0]));
        }
    }
    return ACEGEN_OK;
}


/* Add one centre to the rows of a structure, before purification: row j is [n_rows][3] forces, 6 virial, 1 energy. */
static void add_center(const acegen_environments *env, int64_t atom, int lane, const int64_t *center_row,
                       const int64_t *neighbour_row, int64_t n_rows, const basis_workspace *work)
{
    const int64_t stride = 3 * n_rows + 7, own = center_row[atom];
    center_derivatives center;
    pooled_derivatives(env, atom, work->center_slots, work->rows, &center);
    int n_targets[N_SPECIES];
    force_target *targets = work->targets;
    for (int32_t species = 0; species < N_SPECIES; ++species) { /* where the derivatives of each slot go */
        const neighbourhood near = center.near[species];
        n_targets[species] = 0;
        for (int64_t k = 0; k < near.n_slots; ++k)
            for (int n = 0; n < LANES; ++n) {
                const int64_t entry = near.slots[k].entry[n];
                if (entry < 0 || neighbour_row[entry] < 0) continue;
                *targets++ = (force_target){ 3 * neighbour_row[entry], 3 * k * LANES + n };
                ++n_targets[species];
            }
    }
    for (int j = 0; j < N_COUPLED; ++j) {
        double *row = work->coupled + j * stride, *virial = row + 3 * n_rows;
        lanes sum[3] = { splat(0.0), splat(0.0), splat(0.0) };
        if (own >= 0) row[stride - 1] += work->b[j * LANES + lane];
        targets = work->targets;
        for (int32_t species = 0; species < N_SPECIES; ++species) {
            const int64_t n_slots = center.near[species].n_slots;
            coupled_gradient(j, species, &center, work->d + lane * N_USED, work->out);
            for (int64_t k = 0; k < n_slots; ++k)
                for (int axis = 0; axis < 3; ++axis) sum[axis] += work->out[3 * k + axis];
            const double *g = (const double *)work->out;
            for (int k = 0; k < n_targets[species]; ++k, ++targets) {
                double *force = row + targets->row;
                force[0] -= g[targets->source];
                force[1] -= g[targets->source + LANES];
                force[2] -= g[targets->source + 2 * LANES];
            }
            if (own < 0) continue;
            const double *w = (const double *)(work->out + 3 * n_slots);
            for (int component = 0; component < 6; ++component) virial[component] -= w[component];
        }
        for (int axis = 0; own >= 0 && axis < 3; ++axis) row[3 * own + axis] += sum_lanes(sum[axis]);
    }
}

acegen_status golden_si_design(const acegen_environments *environments, const int64_t *center_row,
                                const int64_t *neighbour_row, int64_t n_rows, double *energy, double *forces,
                                double *virial, void *workspace, size_t workspace_size, int64_t *failed_atom)
{
    const acegen_environments *env = environments;
    int64_t most;
    acegen_status status = check_environments(env, &most, failed_atom);
    if (status != ACEGEN_OK) return status;
    if (n_rows < 0 || !energy || !virial || !workspace || (n_rows && !forces)) return ACEGEN_BAD_ARGUMENT;
    if (env->n_atoms && (!center_row || (most && !neighbour_row))) return ACEGEN_BAD_ARGUMENT;
    const size_t needed = golden_si_basis_workspace(most, n_rows);
    if (needed == SIZE_MAX || workspace_size < needed) return ACEGEN_SMALL_WORKSPACE;
    const int64_t stride = 3 * n_rows + 7;
    basis_workspace work;
    lay_out(workspace, most, n_rows, &work);
    for (int32_t center = 0; center < N_SPECIES; ++center) { /* each element has functions of its own */
        memset(work.coupled, 0, N_COUPLED * (size_t)stride * sizeof(double));
        center_queue queue = { .center = center, .end = env->n_atoms };
        int64_t atom[LANES];
        while (next_block(env, &queue, atom)) {
            status = coupled_block(env, center, atom, &work, 1, failed_atom);
            if (status != ACEGEN_OK) return status;
            for (int lane = 0; lane < LANES; ++lane) {
                if (atom[lane] < 0) continue;
                add_center(env, atom[lane], lane, center_row, neighbour_row, n_rows, &work);
            }
        }
        for (int i = 0; i < N_PURIFIED; ++i) {
            const int64_t column = (int64_t)center * N_BASIS + N_PAIR + i;
            double rest[7];
            if (n_rows) purify(i, work.coupled, stride, 3 * n_rows, forces + 3 * n_rows * column);
            purify(i, work.coupled + 3 * n_rows, stride, 7, rest);
            memcpy(virial + 6 * column, rest, 6 * sizeof *rest);
            energy[column] = rest[6];
        }
    }
    return ACEGEN_OK;
}
