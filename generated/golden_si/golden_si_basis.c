/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Basis kernels: the 25 basis functions of every centre and their derivatives with respect to each displacement, and
 * the rows of the design matrix of a structure. Stages, for each block of lanes: gather, pool (both in
 * golden_si_particles.h), coupling (A's → coupled values → coupled products b), purification (b → B; canonical).
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
    N_COUPLED = 28,  /* coupled products, in tiles of LANES; the last 3 are empty */
    N_TILES = N_COUPLED / LANES,
    MOST_ROWS = 14, /* rows of derivatives of all species */
    N_SLOPES = 48,  /* non-zeros of db/dA, and as many more as make full lanes */
    N_REST = 6 + 1 + 3,  /* lanes for virial, energy, and derivatives that do not count */
    BAND = 8       /* lanes of numbers of each coupled product that are purified together */
};

/* ---- coupling --------------------------------------------------------------------------------------- */

/* Derivatives of two functions by the A's of one neighbour species, or values with rows of their own:
 * the numbers of those that both depend on, of those that only the first one, and of those that only the second one depends
 * on stand in this order from USED[used] on. The derivatives are those from number `slope` on, in the same order, with two
 * for each common one. */
typedef struct {
    uint32_t used, slope;
    uint16_t common, first, second;
} slope_lists;

typedef uint16_t row_number;

static const slope_lists LISTS[N_COUPLED / 2][N_SPECIES] = {
    {{ 5, 5, 0, 6, 1 }},
    {{ 12, 12, 1, 0, 0 }},
    {{ 13, 14, 1, 0, 0 }},
    {{ 14, 16, 0, 1, 1 }},
    {{ 16, 18, 0, 1, 1 }},
    {{ 18, 20, 0, 1, 1 }},
    {{ 20, 22, 0, 1, 1 }},
    {{ 22, 24, 2, 0, 0 }},
    {{ 24, 28, 1, 1, 1 }},
    {{ 27, 32, 1, 1, 1 }},
    {{ 30, 36, 1, 1, 1 }},
    {{ 33, 40, 1, 1, 1 }},
    {{ 36, 44, 0, 2, 0 }},
    {{ 38, 46, 0, 0, 0 }},
};
static const row_number USED[] = {
    0, 2, 6, 8, 10, 6, 8, 10, 7, 9, 11, 0, 0, 1, 1, 2, 2, 3, 4, 5, 12, 13, 0, 1,
    0, 1, 3, 0, 3, 4, 0, 12, 13, 1, 2, 3, 1, 12
}; /* counted from the first row of the species */

/* ---- coupled values -------------------------------------------------------------------------------------- */

/* Values have components -l .. l. Channels: X[k] = CHANNEL_SCALE[k] A[CHANNEL[k]]. Then values c coupled from two others,
 * c_M = Σ weight a_m1 b_m2 over the terms of their coupling, with components numbered from 0; in X from `value` on, a from
 * `left`, b from `right`. Some of the coupled products are invariants: Σ_M c_M c'_M of two values, or c_0 of one. */
enum {
    N_CHANNEL = 12,
    N_VALUES = 16,  /* components of all values; 1 stands after them in X, */
    FIRST_SLOPE = 17, /* then intermediate derivatives, then those of all coupled products */
    N_NODES = 4
};

static const uint16_t CHANNEL[N_CHANNEL] = { 0, 1, 2, 3, 4, 5, 6, 8, 10, 7, 9, 11 };
static const double CHANNEL_SCALE[N_CHANNEL] = {
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0, 1.0,
    1.0, 1.0, 1.0, 1.0
};

/* Terms by coupling: those of number c begin where those of c - 1 end. */
static const struct { uint8_t left, right, rows; uint32_t terms; } COUPLINGS[] = { { 0, 0, 0, 0 }, { 1, 1, 1, 1 }, { 3, 3, 1, 4 }
};
static const struct { uint8_t M, m1, m2; double weight; } TERMS[] = {
    { 0, 0, 0, 1.0 },
    { 0, 0, 0, -0.57735026918962573 },
    { 0, 1, 1, -0.57735026918962573 },
    { 0, 2, 2, -0.57735026918962573 },
};

/* Derivatives of a coupled value by one factor: an element of dc_M/da_m1, row by row, is u b_i + v b_j. */
static const struct { uint8_t i, j; double u, v; } ELEMENTS[] = {
    { 0, 0, -1.1547005383792515, 0.0 },
    { 1, 0, -1.1547005383792515, 0.0 },
    { 2, 0, -1.1547005383792515, 0.0 },
    { 0, 0, 2.0, 0.0 },
    { 0, 0, 1.0, 0.0 },
    { 0, 0, 1.0, 0.0 },
};

/* Coupled values; the first elements of their derivatives by a and by b; and where what is done with them ends: PULLS and
 * VALUE_ROWS, the last node's first. By one value that is both factors, derivatives are those by a. */
static const struct { uint16_t coupling; uint32_t left, right, value, elements[2], pulls, rows; } NODES[] = {
    { 1, 0, 0, 12, { 3, 0 }, 5, 2 },
    { 1, 0, 2, 13, { 4, 5 }, 2, 2 },
    { 1, 1, 1, 14, { 3, 0 }, 2, 1 },
    { 2, 6, 6, 15, { 0, 0 }, 0, 1 },
    { 0, 0, 0, 0, { 0, 0 }, 0, 0 }
};

static const struct { uint32_t first, second; uint16_t width; } INVARIANTS[] = {
    { 6, 9, 3 },
    { 0, 0, 0 },
    { 0, 0, 1 },
    { 0, 12, 1 },
    { 1, 0, 0 },
    { 1, 1, 1 },
    { 1, 14, 1 },
    { 2, 0, 0 },
    { 2, 2, 1 },
    { 3, 0, 0 },
    { 4, 0, 0 },
    { 5, 0, 0 },
    { 13, 0, 0 },
    { 15, 0, 0 },
    { 0, 1, 1 },
    { 1, 12, 1 },
    { 0, 14, 1 },
    { 0, 3, 1 },
    { 3, 12, 1 },
    { 0, 4, 1 },
    { 0, 13, 1 },
    { 0, 15, 1 },
    { 1, 2, 1 },
    { 1, 3, 1 },
    { 1, 13, 1 },
};

/* Values, and the invariants b. */
static void coupled_values(const lanes *restrict A, lanes *restrict X, lanes *restrict b)
{
    for (int k = 0; k < N_CHANNEL; ++k) X[k] = CHANNEL_SCALE[k] * A[CHANNEL[k]];
    for (int n = 0; n < N_NODES; ++n) {
        const int coupling = NODES[n].coupling;
        const lanes *left = X + NODES[n].left, *right = X + NODES[n].right;
        uint32_t t = COUPLINGS[coupling - 1].terms;
        for (int M = 0; M < COUPLINGS[coupling].rows; ++M) {
            lanes sum = splat(0.0);
            for (; t < COUPLINGS[coupling].terms && TERMS[t].M == M; ++t) sum += TERMS[t].weight * left[TERMS[t].m1]
                * right[TERMS[t].m2];
            X[NODES[n].value + M] = sum;
        }
    }
    for (int j = 0; j < 25; ++j) {
        const lanes *first = X + INVARIANTS[j].first, *second = X + INVARIANTS[j].second;
        lanes sum = splat(0.0);
        for (int M = 0; M < INVARIANTS[j].width; ++M) sum += first[M] * second[M];
        b[j] = INVARIANTS[j].width ? sum : *first;
    }
}

/* The derivative of an invariant by a value is the other value: X[target + step k] = factor X[source + k], or the sum of that
 * and what is there. */
static const struct { uint32_t source, target; uint8_t step, width, factor, add; } COPIES[] = {
    { 9, 22, 1, 3, 1, 0 },
    { 6, 25, 1, 3, 1, 0 },
    { 16, 28, 1, 1, 1, 0 },
    { 0, 29, 2, 1, 2, 0 },
    { 12, 30, 2, 1, 1, 0 },
    { 16, 31, 2, 1, 1, 0 },
    { 1, 32, 2, 1, 2, 0 },
    { 14, 33, 1, 1, 1, 0 },
    { 16, 34, 1, 1, 1, 0 },
    { 2, 35, 1, 1, 2, 0 },
    { 16, 36, 1, 1, 1, 0 },
    { 16, 37, 1, 1, 1, 0 },
    { 16, 38, 1, 1, 1, 0 },
    { 16, 39, 1, 1, 1, 0 },
    { 16, 40, 1, 1, 1, 0 },
    { 1, 41, 2, 1, 1, 0 },
    { 0, 43, 2, 1, 1, 0 },
    { 12, 44, 2, 1, 1, 0 },
    { 14, 45, 2, 1, 1, 0 },
    { 3, 46, 2, 1, 1, 0 },
    { 0, 48, 1, 1, 1, 0 },
    { 12, 51, 1, 1, 1, 0 },
    { 4, 50, 2, 1, 1, 0 },
    { 0, 52, 1, 1, 1, 0 },
    { 13, 53, 2, 1, 1, 0 },
    { 0, 55, 1, 1, 1, 0 },
    { 15, 54, 2, 1, 1, 0 },
    { 0, 56, 1, 1, 1, 0 },
    { 2, 57, 2, 1, 1, 0 },
    { 1, 59, 1, 1, 1, 0 },
    { 3, 58, 2, 1, 1, 0 },
    { 1, 60, 1, 1, 1, 0 },
    { 13, 61, 1, 1, 1, 0 },
    { 1, 62, 1, 1, 1, 0 },
};

/* From the derivative by a value to that by one of its factors: X[target + step k] = Σ_M X[source + M] dc_M/da_k, or plus
 * that; likewise for the factor b. */
static const struct { uint32_t source, target; uint8_t step, right, add; } PULLS[] = {
    { 1, 33, 1, 0, 1 },
    { 0, 47, 1, 0, 0 },
    { 0, 30, 2, 0, 1 },
    { 1, 42, 2, 0, 0 },
    { 3, 49, 2, 0, 0 },
    { 0, 0, 0, 0, 0 }
};

/* Values with rows of their own: their derivatives by the components of a (1), of b (2), or of both (3) go to X, two
 * components of the value at a time. */
static const struct { uint32_t target; uint8_t factors; } VALUE_ROWS[] = { { 19, 1 }, { 17, 3 }, { 0, 0 } };
static const uint32_t ROW_LISTS_FIRST[N_SPECIES + 1] = { 0, 2 };
static const struct { uint32_t row; slope_lists lists; } ROW_LISTS[] = {
    { 12, { 0, 0, 0, 2, 0 } },
    { 13, { 2, 2, 0, 3, 0 } },
    { 0, { 0, 0, 0, 0, 0 } }
};


/* Derivatives of all invariants, from the values in X. */
static void invariant_derivatives(lanes *X)
{
    X[N_VALUES] = splat(1.0);
    for (size_t c = 0; c < sizeof COPIES / sizeof *COPIES; ++c) {
        const lanes *source = X + COPIES[c].source;
        lanes *target = X + COPIES[c].target;
        const double factor = COPIES[c].factor;
        if (COPIES[c].add)
            for (int k = 0; k < COPIES[c].width; ++k) target[COPIES[c].step * k] += factor * source[k];
        else
            for (int k = 0; k < COPIES[c].width; ++k) target[COPIES[c].step * k] = factor * source[k];
    }
    uint32_t pull = 0, row = 0;
    for (int n = N_NODES - 1; n >= 0; --n) {
        const int coupling = NODES[n].coupling, size = COUPLINGS[coupling].rows;
        const int width[2] = { COUPLINGS[coupling].left, COUPLINGS[coupling].right };
        const lanes *left = X + NODES[n].left, *right = X + NODES[n].right;
        lanes by[2][8]; /* no smaller, or GCC warns of what is never reached */
        for (int side = 0; side < (left == right ? 1 : 2); ++side) {
            const lanes *other = side ? left : right;
            const uint32_t first = NODES[n].elements[side];
            for (int k = 0; k < size * width[side]; ++k)
                by[side][k] = ELEMENTS[first + k].u * other[ELEMENTS[first + k].i] + ELEMENTS[first + k].v * other[ELEMENTS[first
                    + k].j];
        }
        for (; pull < NODES[n].pulls; ++pull) {
            const lanes *source = X + PULLS[pull].source, *matrix = by[PULLS[pull].right];
            lanes *target = X + PULLS[pull].target;
            const int columns = width[PULLS[pull].right], step = PULLS[pull].step;
            int k = 0;
            for (; k < columns; ++k) {
                lanes sum = PULLS[pull].add ? target[step * k] : splat(0.0);
                for (int M = 0; M < size; ++M) sum += source[M] * matrix[M * columns + k];
                target[step * k] = sum;
            }
        }
        for (; row < NODES[n].rows; ++row) {
            lanes *target = X + VALUE_ROWS[row].target;
            for (int M = 0; M < size; M += 2)
                for (int side = 0; side < 2; ++side)
                    for (int k = 0; VALUE_ROWS[row].factors >> side & 1 && k < width[side]; ++k) {
                        *target++ = by[side][M * width[side] + k];
                        if (M + 1 < size) *target++ = by[side][(M + 1) * width[side] + k];
                    }
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
    1, /* 0: B(Si,1,0) */
    4, /* 1: B(Si,2,0) */
    7, /* 2: B(Si,3,0) */
    9, /* 3: B(Si,4,0) */
    10, /* 4: B(Si,5,0) */
    11, /* 5: B(Si,6,0) */
    1, 4, 2, /* 6: B(Si,1,0 Si,1,0) */
    1, 4, 7, 14, /* 7: B(Si,1,0 Si,2,0) */
    4, 7, 9, 12, /* 8: B(Si,1,0 Si,3,0) */
    7, 9, 10, 17, /* 9: B(Si,1,0 Si,4,0) */
    9, 10, 11, 19, /* 10: B(Si,1,0 Si,5,0) */
    1, 4, 7, 9, 5, /* 11: B(Si,2,0 Si,2,0) */
    1, 4, 7, 9, 10, 22, /* 12: B(Si,2,0 Si,3,0) */
    4, 7, 9, 10, 11, 23, /* 13: B(Si,2,0 Si,4,0) */
    1, 4, 7, 9, 10, 11, 8, /* 14: B(Si,3,0 Si,3,0) */
    1, 4, 13, /* 15: B(Si,1,1 Si,1,1) */
    1, 4, 7, 0, /* 16: B(Si,1,1 Si,2,1) */
    1, 4, 7, 2, 14, 3, /* 17: B(Si,1,0 Si,1,0 Si,1,0) */
    1, 4, 7, 9, 2, 14, 12, 5, 15, /* 18: B(Si,1,0 Si,1,0 Si,2,0) */
    1, 4, 7, 9, 10, 14, 12, 17, 22, 20, /* 19: B(Si,1,0 Si,1,0 Si,3,0) */
    4, 7, 9, 10, 11, 12, 17, 19, 23, 18, /* 20: B(Si,1,0 Si,1,0 Si,4,0) */
    1, 4, 7, 9, 10, 2, 14, 12, 17, 5, 22, 16, /* 21: B(Si,1,0 Si,2,0 Si,2,0) */
    1, 4, 7, 9, 10, 11, 2, 14, 12, 17, 19, 5, 22, 23, 8, 24, /* 22: B(Si,1,0 Si,2,0 Si,3,0) */
    1, 4, 7, 9, 10, 11, 14, 5, 22, 23, 6, /* 23: B(Si,2,0 Si,2,0 Si,2,0) */
    1, 4, 7, 2, 14, 13, 0, 21, /* 24: B(Si,1,0 Si,1,1 Si,1,1) */
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
    -2.7556759606310752, -0.91855865354369182, -6.3639610306789276,
    /* 16: B(Si,1,1 Si,2,1) */
    -1.0062305898749053, -3.9131189606246322, -1.7888543819998317, 6.7082039324993694,
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
    7.6367532368147133, 4.2426406871192848, 0.84852813742385702, -4.7729707730091961, -1.5909902576697319, 16.534055763786451,
        -3.1819805153394638, -11.022703842524301,
};

/* Basis function i of all b. */
static inline lanes purified(int i, const lanes *restrict b)
{
    lanes sum = splat(0.0);
    for (uint32_t k = PURIFY_FIRST[i]; k < PURIFY_FIRST[i + 1]; ++k) sum += PURIFY[k] * b[PURIFY_COLUMN[k]];
    return sum;
}

/* The same for a band of numbers of each coupled product. */
NOINLINE void purify_band(int i, const lanes (*restrict band)[BAND], lanes sum[BAND])
{
    lanes s0 = splat(0.0), s1 = splat(0.0), s2 = splat(0.0), s3 = splat(0.0), s4 = splat(0.0), s5 = splat(0.0), s6 = splat(0.0),
        s7 = splat(0.0);
    for (uint32_t k = PURIFY_FIRST[i]; k < PURIFY_FIRST[i + 1]; ++k) {
        const lanes *b = band[PURIFY_COLUMN[k]];
        const double weight = PURIFY[k];
        s0 += weight * b[0]; s1 += weight * b[1]; s2 += weight * b[2]; s3 += weight * b[3]; s4 += weight * b[4];
        s5 += weight * b[5]; s6 += weight * b[6]; s7 += weight * b[7];
    }
    sum[0] = s0; sum[1] = s1; sum[2] = s2; sum[3] = s3; sum[4] = s4; sum[5] = s5; sum[6] = s6; sum[7] = s7;
}

/* ---- from functions in rows to functions in lanes, and back -------------------------------------------- */

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (lane_mask){ __VA_ARGS__ })
#endif

/* Transpose LANES lanes. */
INLINE void transpose(lanes t[LANES])
{
    lanes a;
    a = SHUFFLE(t[0], t[1], 0, 4, 2, 6); t[1] = SHUFFLE(t[0], t[1], 1, 5, 3, 7); t[0] = a;
    a = SHUFFLE(t[2], t[3], 0, 4, 2, 6); t[3] = SHUFFLE(t[2], t[3], 1, 5, 3, 7); t[2] = a;
    a = SHUFFLE(t[0], t[2], 0, 1, 4, 5); t[2] = SHUFFLE(t[0], t[2], 2, 3, 6, 7); t[0] = a;
    a = SHUFFLE(t[1], t[3], 0, 1, 4, 5); t[3] = SHUFFLE(t[1], t[3], 2, 3, 6, 7); t[1] = a;
}

/* ---- db/dr = db/dA dA/dr ----------------------------------------------------------------------------- */

/* Σ_k d[k] rows[used[k]][w] of two functions, for the columns w of a chunk. */

NOINLINE void contract_1(const slope_lists *lists, const double *restrict d, const lanes (*restrict rows)[1],
    lanes *restrict first, lanes *restrict second)
{
    const row_number *used = USED + lists->used;
    lanes a0 = splat(0.0), b0 = splat(0.0);
    for (int k = lists->common; k > 0; --k, d += 2) {
        const lanes *row = rows[*used++];
        const double x = d[0], y = d[1];
        a0 += x * row[0]; b0 += y * row[0];
    }
    for (int k = lists->first; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double x = *d++;
        a0 += x * row[0];
    }
    for (int k = lists->second; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double y = *d++;
        b0 += y * row[0];
    }
    first[0] = a0; second[0] = b0;
}

NOINLINE void contract_2(const slope_lists *lists, const double *restrict d, const lanes (*restrict rows)[2],
    lanes *restrict first, lanes *restrict second)
{
    const row_number *used = USED + lists->used;
    lanes a0 = splat(0.0), b0 = splat(0.0), a1 = splat(0.0), b1 = splat(0.0);
    for (int k = lists->common; k > 0; --k, d += 2) {
        const lanes *row = rows[*used++];
        const double x = d[0], y = d[1];
        a0 += x * row[0]; b0 += y * row[0]; a1 += x * row[1]; b1 += y * row[1];
    }
    for (int k = lists->first; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double x = *d++;
        a0 += x * row[0]; a1 += x * row[1];
    }
    for (int k = lists->second; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double y = *d++;
        b0 += y * row[0]; b1 += y * row[1];
    }
    first[0] = a0; second[0] = b0; first[1] = a1; second[1] = b1;
}

NOINLINE void contract_3(const slope_lists *lists, const double *restrict d, const lanes (*restrict rows)[3],
    lanes *restrict first, lanes *restrict second)
{
    const row_number *used = USED + lists->used;
    lanes a0 = splat(0.0), b0 = splat(0.0), a1 = splat(0.0), b1 = splat(0.0), a2 = splat(0.0), b2 = splat(0.0);
    for (int k = lists->common; k > 0; --k, d += 2) {
        const lanes *row = rows[*used++];
        const double x = d[0], y = d[1];
        a0 += x * row[0]; b0 += y * row[0]; a1 += x * row[1]; b1 += y * row[1]; a2 += x * row[2]; b2 += y * row[2];
    }
    for (int k = lists->first; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double x = *d++;
        a0 += x * row[0]; a1 += x * row[1]; a2 += x * row[2];
    }
    for (int k = lists->second; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double y = *d++;
        b0 += y * row[0]; b1 += y * row[1]; b2 += y * row[2];
    }
    first[0] = a0; second[0] = b0; first[1] = a1; second[1] = b1; first[2] = a2; second[2] = b2;
}

NOINLINE void contract_4(const slope_lists *lists, const double *restrict d, const lanes (*restrict rows)[4],
    lanes *restrict first, lanes *restrict second)
{
    const row_number *used = USED + lists->used;
    lanes a0 = splat(0.0), b0 = splat(0.0), a1 = splat(0.0), b1 = splat(0.0), a2 = splat(0.0), b2 = splat(0.0), a3 = splat(0.0),
        b3 = splat(0.0);
    for (int k = lists->common; k > 0; --k, d += 2) {
        const lanes *row = rows[*used++];
        const double x = d[0], y = d[1];
        a0 += x * row[0]; b0 += y * row[0]; a1 += x * row[1]; b1 += y * row[1]; a2 += x * row[2]; b2 += y * row[2];
        a3 += x * row[3]; b3 += y * row[3];
    }
    for (int k = lists->first; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double x = *d++;
        a0 += x * row[0]; a1 += x * row[1]; a2 += x * row[2]; a3 += x * row[3];
    }
    for (int k = lists->second; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double y = *d++;
        b0 += y * row[0]; b1 += y * row[1]; b2 += y * row[2]; b3 += y * row[3];
    }
    first[0] = a0; second[0] = b0; first[1] = a1; second[1] = b1; first[2] = a2; second[2] = b2; first[3] = a3; second[3] = b3;
}

NOINLINE void contract_5(const slope_lists *lists, const double *restrict d, const lanes (*restrict rows)[5],
    lanes *restrict first, lanes *restrict second)
{
    const row_number *used = USED + lists->used;
    lanes a0 = splat(0.0), b0 = splat(0.0), a1 = splat(0.0), b1 = splat(0.0), a2 = splat(0.0), b2 = splat(0.0), a3 = splat(0.0),
        b3 = splat(0.0), a4 = splat(0.0), b4 = splat(0.0);
    for (int k = lists->common; k > 0; --k, d += 2) {
        const lanes *row = rows[*used++];
        const double x = d[0], y = d[1];
        a0 += x * row[0]; b0 += y * row[0]; a1 += x * row[1]; b1 += y * row[1]; a2 += x * row[2]; b2 += y * row[2];
        a3 += x * row[3]; b3 += y * row[3]; a4 += x * row[4]; b4 += y * row[4];
    }
    for (int k = lists->first; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double x = *d++;
        a0 += x * row[0]; a1 += x * row[1]; a2 += x * row[2]; a3 += x * row[3]; a4 += x * row[4];
    }
    for (int k = lists->second; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double y = *d++;
        b0 += y * row[0]; b1 += y * row[1]; b2 += y * row[2]; b3 += y * row[3]; b4 += y * row[4];
    }
    first[0] = a0; second[0] = b0; first[1] = a1; second[1] = b1; first[2] = a2; second[2] = b2; first[3] = a3; second[3] = b3;
    first[4] = a4; second[4] = b4;
}

NOINLINE void contract_6(const slope_lists *lists, const double *restrict d, const lanes (*restrict rows)[6],
    lanes *restrict first, lanes *restrict second)
{
    const row_number *used = USED + lists->used;
    lanes a0 = splat(0.0), b0 = splat(0.0), a1 = splat(0.0), b1 = splat(0.0), a2 = splat(0.0), b2 = splat(0.0), a3 = splat(0.0),
        b3 = splat(0.0), a4 = splat(0.0), b4 = splat(0.0), a5 = splat(0.0), b5 = splat(0.0);
    for (int k = lists->common; k > 0; --k, d += 2) {
        const lanes *row = rows[*used++];
        const double x = d[0], y = d[1];
        a0 += x * row[0]; b0 += y * row[0]; a1 += x * row[1]; b1 += y * row[1]; a2 += x * row[2]; b2 += y * row[2];
        a3 += x * row[3]; b3 += y * row[3]; a4 += x * row[4]; b4 += y * row[4]; a5 += x * row[5]; b5 += y * row[5];
    }
    for (int k = lists->first; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double x = *d++;
        a0 += x * row[0]; a1 += x * row[1]; a2 += x * row[2]; a3 += x * row[3]; a4 += x * row[4]; a5 += x * row[5];
    }
    for (int k = lists->second; k > 0; --k) {
        const lanes *row = rows[*used++];
        const double y = *d++;
        b0 += y * row[0]; b1 += y * row[1]; b2 += y * row[2]; b3 += y * row[3]; b4 += y * row[4]; b5 += y * row[5];
    }
    first[0] = a0; second[0] = b0; first[1] = a1; second[1] = b1; first[2] = a2; second[2] = b2; first[3] = a3; second[3] = b3;
    first[4] = a4; second[4] = b4; first[5] = a5; second[5] = b5;
}

/* Where the derivatives by one neighbour go: how many bytes after the first row of a tile; and its displacement. */
typedef struct {
    int64_t place;
    double d[3];
} row_target;

/* Whether any function of a tile depends on the neighbours of a species. */
static inline int depends(int tile, int32_t species)
{
    for (int pair = tile * (LANES / 2); pair < (tile + 1) * (LANES / 2); ++pair) {
        const slope_lists *lists = &LISTS[pair][species];
        if (lists->common || lists->first || lists->second) return 1;
    }
    return 0;
}

static inline void contract_pair(const slope_lists *lists, int width, const double *d, const lanes *rows, lanes *first,
    lanes *second)
{
    switch (width) {
    case 1: contract_1(lists, d + lists->slope, (const lanes(*)[1])rows, first, second); break;
    case 2: contract_2(lists, d + lists->slope, (const lanes(*)[2])rows, first, second); break;
    case 3: contract_3(lists, d + lists->slope, (const lanes(*)[3])rows, first, second); break;
    case 4: contract_4(lists, d + lists->slope, (const lanes(*)[4])rows, first, second); break;
    case 5: contract_5(lists, d + lists->slope, (const lanes(*)[5])rows, first, second); break;
    case 6: contract_6(lists, d + lists->slope, (const lanes(*)[6])rows, first, second); break;
    }
}

/* Derivatives of the functions of a tile by the neighbours of a species, in columns as the rows. */
static inline void contract(int tile, int32_t species, const species_derivatives *near, const double *d, lanes *out)
{
    for (int chunk = 0; chunk < near->n_chunks; ++chunk) {
        const int begin = chunk_begin(near, chunk), width = chunk_begin(near, chunk + 1) - begin;
        const lanes *rows = near->rows + (int64_t)begin * N_ROWS[species];
        for (int i = 0; i < LANES; i += 2)
            contract_pair(&LISTS[tile * (LANES / 2) + i / 2][species], width, d, rows, out + i * near->n_columns + begin,
                out + (i + 1) * near->n_columns + begin);
    }
}

/* Rows of the values that have rows of their own: after those of the A's. */
static void value_rows(int32_t species, const species_derivatives *near, const double *d)
{
    for (int chunk = 0; chunk < near->n_chunks; ++chunk) {
        const int begin = chunk_begin(near, chunk), width = chunk_begin(near, chunk + 1) - begin;
        lanes *rows = near->rows + (int64_t)begin * N_ROWS[species];
        for (uint32_t k = ROW_LISTS_FIRST[species]; k < ROW_LISTS_FIRST[species + 1]; ++k) {
            lanes none[MOST_COLUMNS], *first = rows + (int64_t)ROW_LISTS[k].row * width;
            const slope_lists *lists = &ROW_LISTS[k].lists;
            contract_pair(lists, width, d, rows, first, lists->first ? none : first + width);
        }
    }
}

/* Add the derivatives of a tile to its rows, and to those of the centre itself and of the virial unless own_row is negative. */
static void add_tile(const species_derivatives *near, const lanes *restrict out, const row_target *restrict to,
                     int64_t own_row, lanes *restrict virial, lanes *coupled)
{
    char *rows = (char *)coupled;
    const int n_columns = near->n_columns;
    lanes g0 = splat(0.0), g1 = g0, g2 = g0, v0 = g0, v1 = g0, v2 = g0, v3 = g0, v4 = g0, v5 = g0;
    int column = 0;
    for (int k = 0; k < near->full; ++k, column += DIMENSION, to += LANES) {
        lanes t[DIMENSION][LANES];
        for (int axis = 0; axis < DIMENSION; ++axis) {
            for (int i = 0; i < LANES; ++i) t[axis][i] = out[i * n_columns + column + axis];
            transpose(t[axis]);
        }
        { /* neighbour 0 of the slot */
            ((lanes *)(rows + to[0].place))[0] += t[0][0];
            ((lanes *)(rows + to[0].place))[1] += t[1][0];
            ((lanes *)(rows + to[0].place))[2] += t[2][0];
            g0 += t[0][0]; g1 += t[1][0]; g2 += t[2][0];
            v0 += to[0].d[0] * t[0][0]; v1 += to[0].d[1] * t[1][0]; v2 += to[0].d[2] * t[2][0];
            v3 += to[0].d[1] * t[2][0]; v4 += to[0].d[0] * t[2][0]; v5 += to[0].d[0] * t[1][0];

        }
        { /* neighbour 1 of the slot */
            ((lanes *)(rows + to[1].place))[0] += t[0][1];
            ((lanes *)(rows + to[1].place))[1] += t[1][1];
            ((lanes *)(rows + to[1].place))[2] += t[2][1];
            g0 += t[0][1]; g1 += t[1][1]; g2 += t[2][1];
            v0 += to[1].d[0] * t[0][1]; v1 += to[1].d[1] * t[1][1]; v2 += to[1].d[2] * t[2][1];
            v3 += to[1].d[1] * t[2][1]; v4 += to[1].d[0] * t[2][1]; v5 += to[1].d[0] * t[1][1];

        }
        { /* neighbour 2 of the slot */
            ((lanes *)(rows + to[2].place))[0] += t[0][2];
            ((lanes *)(rows + to[2].place))[1] += t[1][2];
            ((lanes *)(rows + to[2].place))[2] += t[2][2];
            g0 += t[0][2]; g1 += t[1][2]; g2 += t[2][2];
            v0 += to[2].d[0] * t[0][2]; v1 += to[2].d[1] * t[1][2]; v2 += to[2].d[2] * t[2][2];
            v3 += to[2].d[1] * t[2][2]; v4 += to[2].d[0] * t[2][2]; v5 += to[2].d[0] * t[1][2];

        }
        { /* neighbour 3 of the slot */
            ((lanes *)(rows + to[3].place))[0] += t[0][3];
            ((lanes *)(rows + to[3].place))[1] += t[1][3];
            ((lanes *)(rows + to[3].place))[2] += t[2][3];
            g0 += t[0][3]; g1 += t[1][3]; g2 += t[2][3];
            v0 += to[3].d[0] * t[0][3]; v1 += to[3].d[1] * t[1][3]; v2 += to[3].d[2] * t[2][3];
            v3 += to[3].d[1] * t[2][3]; v4 += to[3].d[0] * t[2][3]; v5 += to[3].d[0] * t[1][3];

        }
    }
    lanes last[DIMENSION][LANES];
    for (int k = 0; column + k < n_columns; ++k) {
        for (int i = 0; i < LANES; ++i) last[k][i] = out[i * n_columns + column + k];
        transpose(last[k]);
    }
    const lanes *t = last[0];
    for (int i = 0; i < near->rest; ++i, ++t) {
            ((lanes *)(rows + to[i].place))[0] += t[0];
            ((lanes *)(rows + to[i].place))[1] += t[near->rest];
            ((lanes *)(rows + to[i].place))[2] += t[2 * near->rest];
            g0 += t[0]; g1 += t[near->rest]; g2 += t[2 * near->rest];
            v0 += to[i].d[0] * t[0]; v1 += to[i].d[1] * t[near->rest]; v2 += to[i].d[2] * t[2 * near->rest];
            v3 += to[i].d[1] * t[2 * near->rest]; v4 += to[i].d[0] * t[2 * near->rest]; v5 += to[i].d[0] * t[near->rest];

    }
    if (own_row < 0) return;
    coupled[3 * own_row] -= g0; coupled[3 * own_row + 1] -= g1; coupled[3 * own_row + 2] -= g2;
    virial[0] += v0; virial[1] += v1; virial[2] += v2; virial[3] += v3; virial[4] += v4; virial[5] += v5;
}

/* ---- kernels ---------------------------------------------------------------------------------------- */

/* Parts of the workspace. */
typedef struct {
    slot *slots;     /* slots of a block, then those of one centre */
    slot *center_slots;
    lanes *b;        /* [N_COUPLED] */
    lanes *b_of;     /* [LANES][N_TILES] the same by centre */
    lanes *x;        /* [FIRST_SLOPE + N_SLOPES] values, and non-zeros of db/dA of a block */
    double *d;       /* [LANES][N_SLOPES] non-zeros of db/dA of each centre of a block */
    lanes *rows;     /* derivatives of the A's of one centre */
    lanes *out;      /* [LANES][columns] derivatives of a tile */
    row_target *targets; /* one for each neighbour of a centre */
    lanes (*band)[BAND]; /* [N_COUPLED] */
    /* [N_TILES][3 n_rows + N_REST]: derivatives by the atoms with a row, then virial, energy, and a place for others of each
     * coupled product */
    lanes *coupled;
} basis_workspace;

/* Neighbours, or rows, for which the workspace is a small part of what can be addressed. */
static const int64_t MOST_NEIGHBOURS = PTRDIFF_MAX / 8 / (int64_t)(2 * N_SPECIES * sizeof(slot) +
                                                             MOST_ROWS * DIMENSION * sizeof(lanes) +
                                                             sizeof(row_target) + N_COUPLED * DIMENSION * sizeof(double));

static size_t lay_out(void *start, int64_t max_neighbours, int64_t n_rows, basis_workspace *parts)
{
    const size_t count = (size_t)(max_neighbours > 0 ? max_neighbours : 0), rows = (size_t)(n_rows > 0 ? n_rows : 0);
    const size_t slots = (count + TAIL) * N_SPECIES, center_slots = count / LANES + N_SPECIES;
    uintptr_t next = (uintptr_t)aligned(start);
    parts->slots = (slot *)next;           next += slots * sizeof(slot);
    parts->center_slots = (slot *)next;    next += center_slots * sizeof(slot);
    parts->b = (lanes *)next;              next += N_COUPLED * sizeof(lanes);
    parts->b_of = (lanes *)next;           next += N_COUPLED * sizeof(lanes);
    parts->x = (lanes *)next;              next += (FIRST_SLOPE + N_SLOPES) * sizeof(lanes);
    parts->d = (double *)next;             next += N_SLOPES * sizeof(lanes);
    parts->rows = (lanes *)next;           next += MOST_ROWS * DIMENSION * center_slots * sizeof(lanes);
    parts->out = (lanes *)next;            next += LANES * DIMENSION * center_slots * sizeof(lanes);
    parts->band = (lanes(*)[BAND])next;    next += N_COUPLED * sizeof *parts->band;
    parts->coupled = (lanes *)next;        next += N_TILES * (3 * rows + N_REST) * sizeof(lanes);
    parts->targets = (row_target *)next;   next += count * sizeof(row_target);
    return (size_t)(next - (uintptr_t)start);
}

/* n_rows: 3 n_rows + N_REST numbers are kept for each coupled product: rows of forces, or the neighbours of one centre. */
size_t golden_si_basis_workspace(int64_t max_neighbours, int64_t n_rows)
{
    basis_workspace parts;
    const int64_t most = n_rows > max_neighbours ? n_rows : max_neighbours;
    return most > MOST_NEIGHBOURS ? SIZE_MAX : lay_out(NULL, max_neighbours, most, &parts) + sizeof(lanes);
}

/* Gather and pool a block; b and, if asked for, the non-zeros of db/dA of each of its centres. */
static acegen_status coupled_block(const acegen_environments *env, int32_t center, const int64_t atom[2 * LANES],
                                   const basis_workspace *work, int derivatives, int64_t *failed_atom)
{
    lanes A[N_POOLED], *b = work->b, *slopes = work->x + FIRST_SLOPE, t[LANES];
    neighbourhood near[N_SPECIES];
    const acegen_status status = pool_block(env, center, atom, work->slots, near, A, failed_atom);
    if (status != ACEGEN_OK) return status;
    coupled_values(A, work->x, b);
    for (int j = 25; j < N_COUPLED; ++j) b[j] = splat(0.0);
    if (!derivatives) return ACEGEN_OK;
    invariant_derivatives(work->x);
    for (int tile = 0; tile < N_TILES; ++tile) {
        memcpy(t, b + tile * LANES, sizeof t);
        transpose(t);
        for (int lane = 0; lane < LANES; ++lane) work->b_of[lane * N_TILES + tile] = t[lane];
    }
    for (int n = 46; n < N_SLOPES; ++n) slopes[n] = splat(0.0);
    for (int n = 0; n < N_SLOPES; n += LANES) {
        memcpy(t, slopes + n, sizeof t);
        transpose(t);
        for (int lane = 0; lane < LANES; ++lane) memcpy(work->d + lane * N_SLOPES + n, &t[lane], sizeof *t);
    }
    return ACEGEN_OK;
}

/* Derivatives of the coupled products of one centre by its neighbours, added to `coupled`: `stride` lanes for each tile, of
 * which those from its `place` on are for a neighbour, and the last N_REST for virial, energy and others. */
static void add_derivatives(const center_derivatives *center, const double *d, const lanes *b, int64_t own_row,
    const basis_workspace *work, int64_t stride)
{
    for (int32_t species = 0; species < N_SPECIES; ++species) value_rows(species, &center->of[species], d);
    for (int tile = 0; tile < N_TILES; ++tile) {
        lanes *to = work->coupled + tile * stride;
        lanes *rest = to + stride - N_REST;
        if (own_row >= 0) rest[6] += b[tile];
        const row_target *targets = work->targets;
        for (int32_t species = 0; species < N_SPECIES; ++species) {
            const species_derivatives *near = &center->of[species];
            if (near->count && depends(tile, species)) {
                contract(tile, species, near, d, work->out);
                add_tile(near, work->out, targets, own_row, rest, to);
            }
            targets += near->count;
        }
    }
}

/* Numbers first .. first + BAND LANES of the rows of all coupled products, as far as there are so many: from functions in
 * lanes to numbers in lanes. */
static void read_band(const basis_workspace *work, int64_t stride, int64_t first)
{
    for (int tile = 0; tile < N_TILES; ++tile)
        for (int g = 0; g < BAND; ++g) {
            lanes t[LANES];
            for (int i = 0; i < LANES; ++i) {
                const int64_t number = first + g * LANES + i;
                t[i] = number < stride ? work->coupled[tile * stride + number] : splat(0.0);
            }
            transpose(t);
            for (int i = 0; i < LANES; ++i) work->band[tile * LANES + i][g] = t[i];
        }
}

/* Gradient of one centre for basis(): out is its block [N_BASIS][J][DIMENSION]. */
static void center_gradient(const acegen_environments *env, int64_t atom, const double *d, const basis_workspace *work,
                            double *restrict out)
{
    const int64_t begin = env->first[atom], width = DIMENSION * (env->first[atom + 1] - begin);
    const int64_t stride = width + N_REST;
    center_derivatives center;
    pooled_derivatives(env, atom, work->center_slots, work->rows, &center);
    row_target *to = work->targets;
    for (int32_t species = 0; species < N_SPECIES; ++species)
        for (int64_t k = 0; k < center.of[species].count; ++k, ++to)
            to->place = DIMENSION * (int64_t)sizeof(lanes) * (center.of[species].near.slots[k / LANES].entry[k % LANES] - begin);
    memset(work->coupled, 0, N_TILES * (size_t)stride * sizeof(lanes));
    add_derivatives(&center, d, NULL, -1, work, stride);
    for (int64_t first = 0; first < width; first += BAND * LANES) {
        const int64_t count = width - first < BAND * LANES ? width - first : BAND * LANES;
        read_band(work, stride, first);
        for (int i = 0; i < N_PURIFIED; ++i) {
            lanes sum[BAND];
            purify_band(i, (const lanes(*)[BAND])work->band, sum);
            memcpy(out + (N_PAIR + i) * width + first, sum, (size_t)count * sizeof(double));
        }
    }
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
        int64_t atom[2 * LANES];
        while (next_block(env, &queue, atom)) {
            status = coupled_block(env, center, atom, &work, gradient != NULL, failed_atom);
            if (status != ACEGEN_OK) return status;
            for (int i = 0; i < N_PURIFIED; ++i) {
                const lanes B = purified(i, work.b);
                for (int lane = 0; lane < LANES; ++lane)
                    if (atom[lane] >= 0) values[atom[lane] * N_BASIS + N_PAIR + i] = B[lane];
            }
            for (int lane = 0; gradient && lane < LANES; ++lane)
                if (atom[lane] >= 0)
                    center_gradient(env, atom[lane], work.d + lane * N_SLOPES, &work,
                                    gradient + DIMENSION * N_BASIS * (env->first[atom[lane]] - env->first[0]));
        }
    }
    return ACEGEN_OK;
}


/* Add one centre to the rows of a structure, before purification. */
static void add_center(const acegen_environments *env, int64_t atom, int lane, const int64_t *center_row,
                       const int64_t *neighbour_row, int64_t n_rows, const basis_workspace *work)
{
    const int64_t stride = 3 * n_rows + N_REST, own_row = center_row[atom];
    lanes *b = work->b_of + lane * N_TILES;
    center_derivatives center;
    pooled_derivatives(env, atom, work->center_slots, work->rows, &center);
    row_target *to = work->targets;
    for (int32_t species = 0; species < N_SPECIES; ++species)
        for (int64_t k = 0; k < center.of[species].count; ++k, ++to) {
            const int64_t entry = center.of[species].near.slots[k / LANES].entry[k % LANES];
            to->place = (neighbour_row[entry] >= 0 ? 3 * neighbour_row[entry] : stride - 3) * (int64_t)sizeof(lanes);
            memcpy(to->d, env->displacement + 3 * entry, sizeof to->d);
        }
    add_derivatives(&center, work->d + lane * N_SLOPES, b, own_row, work, stride);
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
    const int64_t stride = 3 * n_rows + N_REST, n_numbers = 3 * n_rows + 7;
    basis_workspace work;
    lay_out(workspace, most, n_rows, &work);
    for (int32_t center = 0; center < N_SPECIES; ++center) { /* each element has functions of its own */
        memset(work.coupled, 0, N_TILES * (size_t)stride * sizeof(lanes));
        center_queue queue = { .center = center, .end = env->n_atoms };
        int64_t atom[2 * LANES];
        while (next_block(env, &queue, atom)) {
            status = coupled_block(env, center, atom, &work, 1, failed_atom);
            if (status != ACEGEN_OK) return status;
            for (int lane = 0; lane < LANES; ++lane) {
                if (atom[lane] < 0) continue;
                add_center(env, atom[lane], lane, center_row, neighbour_row, n_rows, &work);
            }
        }
        const int64_t first_column = (int64_t)center * N_BASIS + N_PAIR;
        for (int64_t first = 0; first < n_numbers; first += BAND * LANES) { /* forces, then virial and energy */
            int64_t n_forces = 3 * n_rows - first;
            n_forces = n_forces < 0 ? 0 : n_forces < BAND * LANES ? n_forces : BAND * LANES;
            const int64_t end = n_numbers - first < BAND * LANES ? n_numbers - first : BAND * LANES;
            read_band(&work, stride, first);
            for (int64_t i = 0; i < N_PURIFIED; ++i) {
                const int64_t column = first_column + i;
                lanes sum[BAND];
                double number[BAND * LANES];
                purify_band((int)i, (const lanes(*)[BAND])work.band, sum);
                for (int g = 0; g < BAND; ++g) sum[g] = -sum[g];
                double *out = n_forces ? forces + 3 * n_rows * column + first : NULL;
                if (n_forces == BAND * LANES) {
                    memcpy(out, sum, sizeof number);
                    continue;
                }
                memcpy(number, sum, sizeof number);
                for (int64_t k = 0; k < n_forces; ++k) out[k] = number[k];
                for (int64_t k = n_forces; k < end; ++k) {
                    const int64_t component = first + k - 3 * n_rows;
                    if (component < 6)
                        virial[6 * column + component] = number[k];
                    else
                        energy[column] = -number[k];
                }
            }
        }
    }
    return ACEGEN_OK;
}
