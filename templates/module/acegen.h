/* acegen.h: the interface between compiled ACE models and the programs that use them.
 *
 * Written by hand, the same for every model. A model exports one function,
 *
 *     const acegen_model *acegen_model_NAME(void);
 *
 * which returns a pointer to constant data: what the model is, and functions to evaluate it. One that is built as a
 * library of its own, with -DACEGEN_LIBRARY, has it also by a name that is the same for every model, acegen_library, for
 * programs that load models by file name. Either returns NULL if the processor lacks instructions that the model was
 * compiled for. Nothing here
 * allocates memory, keeps state or prints; a model may be used from any number of threads at once, as long as
 * each thread passes a workspace of its own.
 *
 * Units: lengths in Å, energies in eV. All arrays are in C order, shapes are given as [rows][columns], and are aligned for
 * their type, as arrays of C are; a workspace may have any alignment.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACEGEN_H
#define ACEGEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* acegen: begin declarations (this part is read by cffi as it stands) */
#define ACEGEN_ABI_VERSION 5

/* What a call returns. Outputs are undefined unless it is ACEGEN_OK. */
typedef enum {
    ACEGEN_OK = 0,
    ACEGEN_BAD_ARGUMENT = 1,    /* a required pointer is NULL, a count or an entry of `first` is negative, entries of `first`
                                   decrease, or n_threads is not positive */
    ACEGEN_SMALL_WORKSPACE = 2, /* the workspace is smaller than the model asks for */
    ACEGEN_UNKNOWN_SPECIES = 3, /* a species index is outside 0 .. n_species - 1 */
    ACEGEN_NOT_FINITE = 4,      /* a displacement is NaN, infinite, or so large that its square is; where particles have
                                   only a direction, longer than 1e19 */
    ACEGEN_COINCIDENT = 5,      /* a neighbour sits on its centre (closer than 1e-6 Å) */
    ACEGEN_OUTSIDE = 6          /* a particle is outside the interval [-1, 1] */
} acegen_status;

/* Atomic environments: n_atoms centres with their neighbours, as lists one after the other. The neighbours of
 * centre i are entries first[i] <= k < first[i + 1]. Entries beyond the cutoff are allowed and contribute
 * exactly zero, so a list with a skin can be passed as it is. Species are indices into the model's elements.
 *
 * In models of other particles (symmetry other than "O3") an environment is a set of particles, all of species 0, and what is
 * said of neighbours is said of these. A particle has `dimension` coordinates, which stand in place of the three components
 * of a displacement, here and in gradients; they have no unit. */
typedef struct {
    int64_t n_atoms;
    const int32_t *center;      /* [n_atoms] species of each centre */
    const int64_t *first;       /* [n_atoms + 1] where each centre's neighbours begin; first[0] may be > 0 */
    const int32_t *species;     /* [first[n_atoms]] species of each neighbour */
    const double *displacement; /* [first[n_atoms]][dimension] neighbour minus centre, Å */
} acegen_environments;

/* A compiled model. Functions that the model does not provide are NULL. */
typedef struct {
    int32_t abi_version;     /* ACEGEN_ABI_VERSION of the header the model was compiled with; check it first */
    const char *symmetry;    /* "O3" for atomic models; else particles of one species, see acegen_environments */
    int32_t dimension;       /* coordinates of a particle, 3 for atoms */
    int32_t n_species;       /* number of elements */
    int32_t n_basis;         /* basis functions per centre, the same number for every element; 0 if there are only energies */
    int32_t n_pair;          /* how many of them, the first ones, are a pair term with a cutoff of its own; 0 without one */
    int32_t max_order;       /* largest correlation order */
    const char *name;        /* name in the specification; of a model made from a potential file the one it was given when
                                it was compiled, else made from the file's name */
    const char *basis_hash;  /* SHA-256 of the basis description, 64 hexadecimal digits; without a basis, of the description
                                of the potential */
    const char *model_hash;  /* SHA-256 of name, basis, coefficients, atomic energies, and what grades and committee were
                                made from; without a basis, of name and basis_hash */
    const char *generator;   /* "acegen VERSION" */
    const int32_t *atomic_numbers; /* [n_species]; 0 for particles other than atoms */
    const double *cutoffs;   /* [n_species][n_species] cutoff by centre and neighbour, Å: the largest of all parts of the model;
                                infinite where particles have no distance from a centre */
    const double *atomic_energies; /* [n_species] energy of an atom without neighbours, eV; zeros if none were given */

    int32_t single_precision; /* 1 if the potential computes in single precision, else 0 */
    int32_t multithreaded;    /* 1 if potential() can use several threads (OpenMP), else 0: it then uses one */

    /* Bytes of scratch memory for basis() and design(), if no centre has more than max_neighbours entries; n_rows as
     * in design(), 0 for basis(). SIZE_MAX, here and below, if that is more than any memory. This, basis() and design() are
     * NULL if there is no basis: in a model made from a potential file, whose energies need not be linear in anything. */
    size_t (*basis_workspace)(int64_t max_neighbours, int64_t n_rows);

    /* Bytes of scratch memory for potential(). NULL if there is none. */
    size_t (*potential_workspace)(int64_t max_neighbours, int32_t n_threads);

    /* Basis functions of every centre.
     *   environments  in:  the centres and their neighbours
     *   values        out: [n_atoms][n_basis]
     *   gradient      out: derivatives with respect to each displacement, or NULL if not wanted. For centre i with
     *                 J = first[i + 1] - first[i] a block [n_basis][J][3] that starts at 3 n_basis (first[i] - first[0]);
     *                 here and in potential(), 3 is the dimension of the model.
     *   workspace     scratch of workspace_size bytes, any alignment
     *   failed_atom   out, or NULL: the centre at which evaluation stopped, if it failed */
    acegen_status (*basis)(const acegen_environments *environments, double *values, double *gradient,
                           void *workspace, size_t workspace_size, int64_t *failed_atom);

    /* NULL for particles other than atoms. Rows of the design matrix of a linear fit: energy, forces and virial of every
     * basis function, summed over the centres of each element; the columns of the matrix are the functions of the first
     * element, of the second, ...
     * A structure may be done in parts: rows for some of its atoms, from environments of those atoms and of all that have
     * one of them as a neighbour.
     * Rows are numbers below n_rows, which is not checked; workspace, energy and virial are required even for no atoms.
     *   center_row    in:  [n_atoms] the row of forces of each centre; -1: its energy and virial are left out, only the
     *                 forces it exerts on neighbours with a row are counted
     *   neighbour_row in:  [first[n_atoms]] the row of forces of each entry's atom, or -1
     *   n_rows        number of rows of forces; if 0, forces may be NULL
     *   energy        out: [n_species][n_basis]
     *   forces        out: [n_species][n_basis][n_rows][3]  minus the derivative of the energy
     *   virial        out: [n_species][n_basis][6]  minus Σ r dE/dr over all entries: xx, yy, zz, yz, xz, xy */
    acegen_status (*design)(const acegen_environments *environments, const int64_t *center_row,
                            const int64_t *neighbour_row, int64_t n_rows, double *energy, double *forces,
                            double *virial, void *workspace, size_t workspace_size, int64_t *failed_atom);

    /* Site energies and their gradient: coefficients times basis functions, the reference part (below) and the atomic
     * energy of each centre; or what a potential file defines. NULL if the model was compiled without coefficients.
     *   energy        out: [n_atoms] site energy of each centre, eV
     *   gradient      out: [first[n_atoms] - first[0]][3] derivative of each centre's energy with respect to each of its
     *                 displacements, eV/Å, in the order of the entries
     *   n_threads     threads to use, at least 1; the results are the same, bit by bit, for any number. After fork(), in
     *                 a process whose parent has used several, only 1 is safe (a limit of OpenMP runtimes) */
    acegen_status (*potential)(const acegen_environments *environments, double *energy, double *gradient,
                               int32_t n_threads, void *workspace, size_t workspace_size, int64_t *failed_atom);

    /* The part of the potential that has no coefficients, a fit is made on top of it: the ZBL core, half of each pair's
     * repulsion in either site energy. Atomic energies are not part of it. Outputs as those of potential(). NULL if the model
     * has no such part, and for models made from potential files, whose cores cannot be taken apart from the rest; there
     * with and without coefficients. */
    acegen_status (*reference)(const acegen_environments *environments, double *energy, double *gradient,
                               int64_t *failed_atom);

    /* How far an environment is from those the model was fitted to. NULL, like what belongs to it, in a model without grades.
     * With "leverage" the distance from the training environments in units of their extent, γ² = b̃ᵀ(Σ b̃b̃ᵀ + prior)⁻¹b̃ with
     * b̃ = (b, 1) of the basis functions b, and the sum over those of the same element: at most 1 for each of them. With
     * "posterior" the standard deviation of the site energy by the posterior of the fit, in units of the largest in the
     * training data. Either may be estimated, by fewer combinations of the functions than an exact one needs. With
     * "d-optimality" the largest |coefficient| of the descriptors in those of the active set, as in other ACE codes: at most
     * about 1 for the training data.
     *   grade         out: [n_atoms] grade of each centre, at least 0
     *   n_threads     as in potential() */
    const char *grade_kind;          /* "leverage", "posterior", "d-optimality", or NULL */
    const double *grade_thresholds;  /* [2] above the first a configuration is worth labelling, above the second results are not
                                        to be trusted: from the training data; NULL without grades */
    size_t (*grade_workspace)(int64_t max_neighbours, int32_t n_threads);
    acegen_status (*grade)(const acegen_environments *environments, double *grade, int32_t n_threads, void *workspace,
                           size_t workspace_size, int64_t *failed_atom);

    /* Uncertainty of energies and forces: a committee of members drawn from the posterior of the fit, each given by what its
     * site energies are minus those of potential(). Of any sum of site energies or of their derivatives, with values x_k of the
     * members, the variance is v = Σ_k x_k² / n_members, and the standard deviation of the error to be expected
     * sqrt(floor² + scale² v), with the floor of an energy proportional to the number of atoms.
     * Energies are good to double precision; gradients may be evaluated in single: then they are good to 1e-5 of their rms.
     *   energy        out: [n_atoms][n_members]
     *   gradient      out: [n_members][first[n_atoms] - first[0]][3], each member's as in potential()
     *   n_threads     as in potential() */
    int32_t n_members;                   /* 0 without a committee; the following are then NULL */
    const double *committee_calibration; /* [4] floor (eV per atom) and scale of energies, floor (eV/Å) and scale of forces */
    const double *committee_quantiles;   /* [2][3] half widths of the intervals that hold a true value with probability 0.5, 0.9
                                            and 0.95, of energies and of forces, in standard deviations of the error to be
                                            expected: tails of errors are longer than a normal distribution's */
    size_t (*committee_workspace)(int64_t max_neighbours, int32_t n_threads);
    acegen_status (*committee)(const acegen_environments *environments, double *energy, double *gradient, int32_t n_threads,
                               void *workspace, size_t workspace_size, int64_t *failed_atom);
} acegen_model;
/* acegen: end declarations */

#ifdef ACEGEN_LIBRARY
const acegen_model *acegen_library(void);
#endif

#ifdef __cplusplus
}
#endif

#endif /* ACEGEN_H */
