/* Reading extended XYZ files: species and positions, and the labels energy, forces and stress if they are there.
 *
 * A frame is a line with the number of atoms, a line of key=value pairs, and a line for each atom, whose columns are named
 * by the key Properties. Units are Å, eV, eV/Å and eV/Å^3. */
#ifndef EXTXYZ_H
#define EXTXYZ_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t n_atoms;
    int32_t *atomic_number; /* [n_atoms] */
    double *position;       /* [n_atoms][3] */
    double *force;          /* [n_atoms][3], NULL without this label */
    double cell[9];         /* rows are the cell vectors; zeros without Lattice */
    int32_t periodic[3];    /* pbc; without it all directions are periodic if there is a Lattice */
    int32_t has_energy;
    int32_t has_stress;
    double energy;
    double stress[9]; /* of a positive sign if the crystal is stretched */
} extxyz_frame;

typedef struct extxyz_file extxyz_file;

/* Open a file. Returns NULL after printing a message on standard error. */
extxyz_file *extxyz_open(const char *path);

/* Read the next frame, which is to be given to extxyz_free. Returns 1; 0 at the end of the file; -1 after printing a message
 * on standard error. */
int extxyz_read(extxyz_file *file, extxyz_frame *frame);

void extxyz_free(extxyz_frame *frame);
void extxyz_close(extxyz_file *file);

#ifdef __cplusplus
}
#endif

#endif
