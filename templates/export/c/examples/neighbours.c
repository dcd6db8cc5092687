#include "neighbours.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_IMAGES 1000 /* in one direction; a list with more would be of no use */

static void cross(const double *a, const double *b, double *c)
{
    c[0] = a[1] * b[2] - a[2] * b[1];
    c[1] = a[2] * b[0] - a[0] * b[2];
    c[2] = a[0] * b[1] - a[1] * b[0];
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

double cell_volume(const double *cell)
{
    double normal[3];
    cross(cell + 3, cell + 6, normal);
    return fabs(dot(cell, normal));
}

/* A vector of length 1 at right angles to the periodic cell vectors and to those already completed. */
static void complete(double (*vector)[3], const int *known, int axis)
{
    const int b = (axis + 1) % 3, c = (axis + 2) % 3;
    double result[3] = {0.0, 0.0, 0.0};
    if (known[b] && known[c]) {
        cross(vector[b], vector[c], result);
    } else if (known[b] || known[c]) {
        const double *one = vector[known[b] ? b : c];
        int smallest = 0; /* the Cartesian direction that is furthest from parallel */
        for (int k = 1; k < 3; ++k)
            if (fabs(one[k]) < fabs(one[smallest])) smallest = k;
        double direction[3] = {0.0, 0.0, 0.0};
        direction[smallest] = 1.0;
        cross(one, direction, result);
    } else {
        result[axis] = 1.0;
    }
    const double length = sqrt(dot(result, result));
    for (int k = 0; k < 3; ++k) vector[axis][k] = length > 0.0 ? result[k] / length : 0.0;
}

/* Three independent vectors, the periodic ones of the cell, and rows so that dot(inverse[k], r) is the coordinate of r along
 * vector k. Returns 1 if the periodic vectors are dependent. */
static int basis_of(const double *cell, const int32_t *periodic, double (*vector)[3], double (*inverse)[3])
{
    int known[3];
    memcpy(vector, cell, 9 * sizeof *cell);
    for (int axis = 0; axis < 3; ++axis) known[axis] = periodic[axis] != 0;
    for (int axis = 0; axis < 3; ++axis)
        if (!known[axis]) {
            complete(vector, known, axis);
            known[axis] = 1;
        }
    double size = 1.0;
    for (int k = 0; k < 3; ++k) size *= sqrt(dot(vector[k], vector[k]));
    for (int k = 0; k < 3; ++k) cross(vector[(k + 1) % 3], vector[(k + 2) % 3], inverse[k]);
    const double volume = dot(vector[0], inverse[0]);
    if (!(fabs(volume) > 1e-9 * size)) return 1;
    for (int k = 0; k < 9; ++k) inverse[k / 3][k % 3] /= volume;
    return 0;
}

/* Make room for as many entries again; returns 1 if memory is short. */
static int grow(neighbour_list *list, int64_t *capacity)
{
    *capacity = 2 * *capacity + 1024;
    int64_t *neighbours = realloc(list->neighbour, (size_t)*capacity * sizeof *neighbours);
    if (neighbours) list->neighbour = neighbours;
    double *displacements = realloc(list->displacement, (size_t)*capacity * 3 * sizeof *displacements);
    if (displacements) list->displacement = displacements;
    return !neighbours || !displacements;
}

/* Append an entry; returns 1 if memory is short. */
static int append(neighbour_list *list, int64_t *capacity, int64_t neighbour, const double *displacement)
{
    if (list->n_entries == *capacity && grow(list, capacity)) return 1;
    list->neighbour[list->n_entries] = neighbour;
    memcpy(list->displacement + 3 * list->n_entries, displacement, 3 * sizeof *displacement);
    ++list->n_entries;
    return 0;
}

int neighbours_find(int64_t n_atoms, const double *position, const double *cell, const int32_t *periodic, double cutoff,
                    neighbour_list *list)
{
    double vector[3][3], inverse[3][3], reach[3];
    int64_t capacity = 0;
    memset(list, 0, sizeof *list);
    if (basis_of(cell, periodic, vector, inverse)) {
        fprintf(stderr, "the cell vectors of the periodic directions are zero or linearly dependent\n");
        return 1;
    }
    /* The cutoff in units of the distance between lattice planes, with room for rounding. */
    for (int k = 0; k < 3; ++k) {
        reach[k] = cutoff * sqrt(dot(inverse[k], inverse[k])) + 1e-9;
        if (periodic[k] && !(reach[k] < MOST_IMAGES)) {
            fprintf(stderr, "the cell is so small that the cutoff of %g Angstrom reaches %.3g cells\n", cutoff, reach[k]);
            return 1;
        }
    }
    list->first = malloc((size_t)(n_atoms + 1) * sizeof *list->first);
    if (!list->first || grow(list, &capacity)) goto no_memory; /* arrays are there even if there are no neighbours */
    for (int64_t i = 0; i < n_atoms; ++i) {
        list->first[i] = list->n_entries;
        for (int64_t j = 0; j < n_atoms; ++j) {
            double between[3];
            int64_t low[3], high[3];
            for (int k = 0; k < 3; ++k) between[k] = position[3 * j + k] - position[3 * i + k];
            for (int k = 0; k < 3; ++k) { /* the images of j that may be near i */
                const double coordinate = dot(inverse[k], between);
                low[k] = periodic[k] ? (int64_t)ceil(-reach[k] - coordinate) : 0;
                high[k] = periodic[k] ? (int64_t)floor(reach[k] - coordinate) : 0;
            }
            for (int64_t a = low[0]; a <= high[0]; ++a)
                for (int64_t b = low[1]; b <= high[1]; ++b)
                    for (int64_t c = low[2]; c <= high[2]; ++c) {
                        double r[3];
                        for (int k = 0; k < 3; ++k)
                            r[k] = between[k] + (double)a * vector[0][k] + (double)b * vector[1][k] + (double)c * vector[2][k];
                        const int itself = i == j && a == 0 && b == 0 && c == 0;
                        if (itself || dot(r, r) > cutoff * cutoff) continue;
                        if (append(list, &capacity, j, r)) goto no_memory;
                    }
        }
        if (list->n_entries - list->first[i] > list->most) list->most = list->n_entries - list->first[i];
    }
    list->first[n_atoms] = list->n_entries;
    return 0;
no_memory:
    neighbours_free(list);
    fprintf(stderr, "out of memory\n");
    return 1;
}

void neighbours_free(neighbour_list *list)
{
    free(list->first);
    free(list->neighbour);
    free(list->displacement);
    memset(list, 0, sizeof *list);
}
