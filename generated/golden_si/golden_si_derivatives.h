/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * Derivatives dA/dr of the pooled A's of one centre with respect to the displacements of its neighbours, for the basis
 * kernels. Here the lanes are the neighbours of one centre, LANES of them in each slot.
 */
#ifndef GOLDEN_SI_DERIVATIVES_H
#define GOLDEN_SI_DERIVATIVES_H

#include "golden_si_particles.h"

enum { MOST_COLUMNS = 6 }; /* of a chunk: sums of two functions over so many columns stay in registers */

static const int32_t N_ROWS[N_SPECIES] = { 14 }; /* rows of derivatives: A's by neighbour species, then values */

static const uint16_t POOLED_FIRST[N_SPECIES + 1] = { 0, N_POOLED }; /* A's by neighbour species */

/* The A's of one (l, m). */
static const struct { uint16_t offset, harmonic, count; } SHELLS[] = {
    { 0, 0, 6 }, /* Si, l = 0, m = 0 */
    { 6, 1, 2 }, /* Si, l = 1, m = -1 */
    { 8, 2, 2 }, /* Si, l = 1, m = 0 */
    { 10, 3, 2 }, /* Si, l = 1, m = 1 */
};
static const uint16_t SHELL_FIRST[N_SPECIES + 1] = { 0, 4 };

/* Derivatives of the A's by the neighbours of one species, LANES of which are in each slot. The row of each A has a column
 * of lanes for each axis of each full slot; the `rest` neighbours of the last slot, if it is not full, take as few columns
 * as hold them, axis after axis. Columns are cut into chunks: rows of a chunk stand together, [chunk][row][column]. */
typedef struct {
    neighbourhood near;
    int64_t count;    /* of neighbours */
    int full, rest;   /* slots; neighbours */
    int n_columns, n_chunks;
    lanes *rows;
} species_derivatives;

typedef struct {
    species_derivatives of[N_SPECIES];
} center_derivatives;

/* First column of a chunk. */
static inline int chunk_begin(const species_derivatives *own, int chunk)
{
    return (int)((int64_t)own->n_columns * chunk / own->n_chunks);
}

/* Pack the neighbours of one centre. Its entries have been checked by gather(). */
static void gather_center(const acegen_environments *env, int64_t atom, slot *slots, center_derivatives *out)
{
    const int64_t begin = env->first[atom], end = env->first[atom + 1];
    const pair_constants *pair = PAIRS[env->center[atom]];
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        int64_t count = 0;
        for (int64_t k = begin; k < end; ++k) {
            if (!belongs(env, k, species, &pair[species])) continue;
            put(&slots[count / LANES], (int)(count % LANES), env->displacement + DIMENSION * k, k);
            ++count;
        }
        species_derivatives *own = &out->of[species];
        own->near.slots = slots;
        own->near.n_slots = (count + LANES - 1) / LANES;
        own->count = count;
        own->full = (int)(count / LANES);
        own->rest = (int)(count % LANES);
        own->n_columns = DIMENSION * own->full + (DIMENSION * own->rest + LANES - 1) / LANES;
        own->n_chunks = (own->n_columns + MOST_COLUMNS - 1) / MOST_COLUMNS;
        for (; count % LANES; ++count) pad(&slots[count / LANES], (int)(count % LANES), &pair[species]);
        distances(&pair[species], own->near);
        slots += own->near.n_slots;
    }
}

/* S_lm times these are equally large for all m of an l: derivatives are those of normalized A's. */
static const double HARMONIC_SCALE[N_HARMONICS] = { 1.0, 1.0, 1.0, 1.0 };

/* The S_lm and their derivatives G[h] with respect to the displacement, at one slot. */
static void harmonic_gradient(const slot *at, lanes *restrict S, lanes (*restrict G)[DIMENSION])
{
    harmonic_components(at->ux, at->uy, at->uz, S, G); /* with respect to the components of the unit vector */
    for (int h = 0; h < N_HARMONICS; ++h) {
        const lanes along = G[h][0] * at->ux + G[h][1] * at->uy + G[h][2] * at->uz;
        const lanes inverse_r = HARMONIC_SCALE[h] * at->inverse_r;
        S[h] *= HARMONIC_SCALE[h];
        G[h][0] = (G[h][0] - along * at->ux) * inverse_r;
        G[h][1] = (G[h][1] - along * at->uy) * inverse_r;
        G[h][2] = (G[h][2] - along * at->uz) * inverse_r;
    }
}


/* Derivatives of one A by the neighbours of a slot. */
INLINE void pooled_gradient(const slot *at, lanes R, lanes dR, lanes S, const lanes *restrict G, lanes row[DIMENSION])
{
    const lanes radial = dR * S; /* dR is by the distance */
    row[0] = R * G[0] + radial * at->ux;
    row[1] = R * G[1] + radial * at->uy;
    row[2] = R * G[2] + radial * at->uz;
}

/* Derivatives of all A's of one centre. */
static void pooled_derivatives(const acegen_environments *env, int64_t atom, slot *slots, lanes *space, center_derivatives *out)
{
    gather_center(env, atom, slots, out);
    for (int32_t species = 0; species < N_SPECIES; ++species) {
        species_derivatives *own = &out->of[species];
        own->rows = space;
        for (int k = 0; k < own->near.n_slots; ++k) {
            const slot *at = &own->near.slots[k];
            lanes R[N_RADIAL], dR[N_RADIAL], S[N_HARMONICS], G[N_HARMONICS][DIMENSION];
            radial_derivatives(at, R, dR);
            for (int n = 0; n < N_RADIAL; ++n) dR[n] *= at->dy;
            harmonic_gradient(at, S, G);
            lanes *column[DIMENSION] = { 0 }; /* of the first A, and how far apart rows are */
            int64_t step[DIMENSION] = { 0 };
            const int n_columns = k < own->full ? DIMENSION : own->n_columns - DIMENSION * own->full;
            for (int i = 0; i < n_columns; ++i) {
                const int number = DIMENSION * k + i;
                int chunk = (int)((int64_t)number * own->n_chunks / own->n_columns);
                while (chunk_begin(own, chunk + 1) <= number) ++chunk;
                step[i] = chunk_begin(own, chunk + 1) - chunk_begin(own, chunk);
                column[i] = own->rows + (int64_t)chunk_begin(own, chunk) * N_ROWS[species] + number - chunk_begin(own, chunk);
            }
            for (int shell = SHELL_FIRST[species]; shell < SHELL_FIRST[species + 1]; ++shell) {
                const int count = SHELLS[shell].count, first = SHELLS[shell].offset - POOLED_FIRST[species];
                const lanes S_lm = S[SHELLS[shell].harmonic], *G_lm = G[SHELLS[shell].harmonic];
                if (k < own->full) {
                    for (int n = 0; n < count; ++n) {
                        lanes row[DIMENSION];
                        pooled_gradient(at, R[n], dR[n], S_lm, G_lm, row);
                        for (int axis = 0; axis < DIMENSION; ++axis) column[axis][(first + n) * step[axis]] = row[axis];
                    }
                    continue;
                }
                double packed[N_RADIAL][(DIMENSION + 1) * LANES];
                for (int n = 0; n < count; ++n) {
                    lanes row[DIMENSION];
                    pooled_gradient(at, R[n], dR[n], S_lm, G_lm, row);
                    for (int axis = 0; axis < DIMENSION; ++axis)
                        memcpy(packed[n] + axis * own->rest, &row[axis], sizeof *row); /* its padding is overwritten, or zero */
                    memset(packed[n] + (DIMENSION - 1) * own->rest + LANES, 0, sizeof *row);
                }
                for (int n = 0; n < count; ++n)
                    for (int i = 0; i < n_columns; ++i)
                        memcpy(&column[i][(first + n) * step[i]], packed[n] + i * LANES, sizeof(lanes));
            }
        }
        space += (int64_t)N_ROWS[species] * own->n_columns;
    }
}

#endif
