/* A neighbour list for the examples: every pair of atoms is looked at, which is simple and takes time that grows with the
 * square of their number. A real code brings its own list. */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Neighbours of all atoms, one atom after the other: those of atom i are entries first[i] <= k < first[i + 1]. A pair is in
 * the list from both sides, and once for every periodic image within the cutoff. */
typedef struct {
    int64_t n_entries;
    int64_t most;         /* neighbours of the atom that has most */
    int64_t *first;       /* [n_atoms + 1] */
    int64_t *neighbour;   /* [n_entries] the atom whose image the entry is */
    double *displacement; /* [n_entries][3] neighbour minus centre, Å */
} neighbour_list;

/* Find all neighbours within a cutoff.
 *   position  [n_atoms][3], Å; atoms may lie outside the cell
 *   cell      [3][3], rows are the cell vectors, Å; those of directions that are not periodic are not used
 *   periodic  [3], which directions are periodic
 * Returns 0, or 1 after printing a message on standard error. */
int neighbours_find(int64_t n_atoms, const double *position, const double *cell, const int32_t *periodic, double cutoff,
                    neighbour_list *list);

void neighbours_free(neighbour_list *list);

/* Volume spanned by three cell vectors, Å^3. */
double cell_volume(const double *cell);

#ifdef __cplusplus
}
#endif

#endif
