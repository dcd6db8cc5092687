/* kim_model.h: what the two sources of the KIM portable model share.
 *
 * Neither knows a particular potential: they stand on acegen.h, and are told the name of its entry function by the
 * definition ACEGEN_ENTRY of the compiler.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef KIM_MODEL_H
#define KIM_MODEL_H

#include "KIM_ModelHeaders.h"

#include "acegen.h"

/* The model in the units the simulator asked for. Constant but for its parameters, which a simulator sets before it computes,
 * so that any number of threads may use it. */
typedef struct {
    const acegen_model *potential;
    double angstrom;           /* Å in the simulator's unit of length */
    double energy_unit;        /* simulator's units of energy in one eV */
    double force_unit;         /* simulator's units of force in one eV/Å */
    double influence_distance; /* largest cutoff, in the simulator's unit of length */
    int grade_every;           /* parameter: every how many calls grades are evaluated; 0 never, as without grades */
    double grade_stop;         /* parameter: grade above which a call fails; 0 for none */
    int contributing_only;     /* 1: the neighbours of particles that do not contribute are never asked for */
    double squared_cutoffs[];  /* [n_species][n_species] Å² */
} kim_model;

/* Centres that are handed to the kernel at once: it evaluates one in each SIMD lane, and blocks of one element. */
enum { BATCH = 256 };

/* Memory for one batch; every set of compute arguments has its own. */
typedef struct {
    int n_centers;
    int particle[BATCH]; /* number of each centre in the simulator */
    int32_t center[BATCH];
    int64_t first[BATCH + 1];
    double energy[BATCH];
    double grade[BATCH];
    int n_calls;            /* since one with grades, modulo grade_every */
    double largest_grade;   /* in this call, and whose it is */
    int largest_particle;
    int64_t max_neighbours; /* of any centre so far */
    size_t n_reserved;      /* entries there is room for */
    int *neighbour;         /* number of each entry's particle in the simulator */
    int32_t *species;
    double *displacement;
    double *gradient;
    void *workspace;
    size_t workspace_size;
} kim_batch;

/* The routine KIM calls for energy and forces; in kim_compute.c. */
KIM_ModelComputeFunction acegen_kim_compute;

#endif
