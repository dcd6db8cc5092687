/* kim_compute.c: energies, forces and virials of an ACE potential for the KIM API.
 *
 * Neighbours of contributing particles are gathered from the simulator's lists, a batch of centres at a time, since the
 * kernel is fast only with many; what it returns is added to the simulator's arrays.
 *
 * SPDX-License-Identifier: MIT
 */
#include "kim_model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What one call works on. Outputs that are not wanted are NULL. */
typedef struct {
    KIM_ModelCompute const *compute;
    KIM_ModelComputeArguments const *arguments;
    const kim_model *model;
    kim_batch *batch;
    int n_particles;
    const int *species;      /* [n_particles] */
    const int *contributing; /* [n_particles] */
    const double *position;  /* [n_particles][3] */
    double *energy;
    double *forces;          /* [n_particles][3] */
    double *particle_energy; /* [n_particles] */
    double *virial;          /* [6] xx, yy, zz, yz, xz, xy */
    double *particle_virial; /* [n_particles][6] */
    int with_grades;
} call;

/* Log a message, as printf, after the model's name. */
static void log_message(const call *self, KIM_LogVerbosity verbosity, const char *format, va_list values)
{
    char message[512];
    int used = snprintf(message, sizeof message, "%s: ", ACEGEN_NAME);
    if (used < 0 || used >= (int)sizeof message) used = 0;
    vsnprintf(message + used, sizeof message - (size_t)used, format, values);
    KIM_ModelCompute_LogEntry(self->compute, verbosity, message, __LINE__, "kim_compute.c");
}

/* Log an error; returns what a failed routine returns. */
static int fail(const call *self, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    log_message(self, KIM_LOG_VERBOSITY_error, format, values);
    va_end(values);
    return 1;
}

static void warn(const call *self, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    log_message(self, KIM_LOG_VERBOSITY_warning, format, values);
    va_end(values);
}

/* Fetch the simulator's arrays. */
static int get_arguments(call *self)
{
    KIM_ModelComputeArguments const *arguments = self->arguments;
    int *n_particles, *species, *contributing;
    double *position;
    const struct {
        KIM_ComputeArgumentName name;
        int **array;
    } integers[] = {
        { KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles, &n_particles },
        { KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes, &species },
        { KIM_COMPUTE_ARGUMENT_NAME_particleContributing, &contributing },
    };
    const struct {
        KIM_ComputeArgumentName name;
        double **array;
    } doubles[] = {
        { KIM_COMPUTE_ARGUMENT_NAME_coordinates, &position },
        { KIM_COMPUTE_ARGUMENT_NAME_partialEnergy, &self->energy },
        { KIM_COMPUTE_ARGUMENT_NAME_partialForces, &self->forces },
        { KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, &self->particle_energy },
        { KIM_COMPUTE_ARGUMENT_NAME_partialVirial, &self->virial },
        { KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial, &self->particle_virial },
    };
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; ++i) {
        if (KIM_ModelComputeArguments_GetArgumentPointerInteger(arguments, integers[i].name, integers[i].array)) {
            return fail(self, "the simulator's arguments could not be read.");
        }
    }
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; ++i) {
        if (KIM_ModelComputeArguments_GetArgumentPointerDouble(arguments, doubles[i].name, doubles[i].array)) {
            return fail(self, "the simulator's arguments could not be read.");
        }
    }
    self->n_particles = *n_particles;
    self->species = species;
    self->contributing = contributing;
    self->position = position;
    return 0;
}

/* Positions and species are checked for all particles at once: with a position that is not a number a simulator's
 * neighbour lists miss the particle, and nobody would notice. */
static int check_particles(const call *self)
{
    const int n_species = (int)self->model->potential->n_species;
    for (int i = 0; i < self->n_particles; ++i) {
        const double *r = self->position + 3 * (size_t)i;
        if (self->species[i] < 0 || self->species[i] >= n_species) {
            return fail(self, "particle %d (counted from 0) has species code %d, but the model has codes 0 to %d.", i,
                        self->species[i], n_species - 1);
        }
        if (!isfinite(r[0]) || !isfinite(r[1]) || !isfinite(r[2])) {
            return fail(self,
                        "the position of particle %d (counted from 0) is not finite: %g, %g, %g; the simulation has "
                        "become unstable, try a shorter timestep, or relax the structure it begins with.",
                        i, r[0], r[1], r[2]);
        }
    }
    return 0;
}

static void zero(double *array, size_t size)
{
    if (array == NULL) return;
    for (size_t i = 0; i < size; ++i) array[i] = 0.0;
}

/* Room for `wanted` entries in the batch; what is there stays. */
static int reserve(const call *self, size_t wanted)
{
    kim_batch *batch = self->batch;
    if (wanted <= batch->n_reserved) return 0;
    const size_t size = wanted + wanted / 2;
    int *neighbour = realloc(batch->neighbour, size * sizeof *neighbour);
    if (neighbour != NULL) batch->neighbour = neighbour;
    int32_t *species = realloc(batch->species, size * sizeof *species);
    if (species != NULL) batch->species = species;
    double *displacement = realloc(batch->displacement, 3 * size * sizeof *displacement);
    if (displacement != NULL) batch->displacement = displacement;
    double *gradient = realloc(batch->gradient, 3 * size * sizeof *gradient);
    if (gradient != NULL) batch->gradient = gradient;
    if (neighbour == NULL || species == NULL || displacement == NULL || gradient == NULL) {
        return fail(self, "there is not enough memory for %zu neighbours.", size);
    }
    batch->n_reserved = size;
    return 0;
}

/* Append a centre and those of its neighbours that are within the pair's cutoff. The simulator's lists have a skin. */
static int gather(const call *self, int center)
{
    const kim_model *model = self->model;
    kim_batch *batch = self->batch;
    const int32_t n_species = model->potential->n_species;
    const double *squared_cutoff = model->squared_cutoffs + (size_t)self->species[center] * (size_t)n_species;
    const double *here = self->position + 3 * (size_t)center;
    const int64_t first = batch->first[batch->n_centers];
    int n_listed;
    int const *listed;
    if (KIM_ModelComputeArguments_GetNeighborList(self->arguments, 0, center, &n_listed, &listed)) {
        return fail(self, "the simulator gave no neighbour list for particle %d (counted from 0).", center);
    }
    if (reserve(self, (size_t)first + (size_t)n_listed)) return 1;
    /* Local copies, or the compiler would read them again after each of the stores, which might change them. */
    const double *position = self->position;
    const int *all_species = self->species;
    const double angstrom = model->angstrom, x0 = here[0], y0 = here[1], z0 = here[2];
    double *displacement = batch->displacement + 3 * first;
    int32_t *species = batch->species + first;
    int *neighbour = batch->neighbour + first;
    int64_t count = 0;
    for (int n = 0; n < n_listed; ++n) {
        const int other = listed[n];
        const double *there = position + 3 * (size_t)other;
        const int32_t kind = all_species[other];
        const double x = angstrom * (there[0] - x0);
        const double y = angstrom * (there[1] - y0);
        const double z = angstrom * (there[2] - z0);
        displacement[3 * count] = x;
        displacement[3 * count + 1] = y;
        displacement[3 * count + 2] = z;
        neighbour[count] = other;
        species[count] = kind;
        /* Written first, and kept or not by the count: whether it is near cannot be predicted. What is not a number
         * is kept, for the kernel to refuse. */
        count += !(x * x + y * y + z * z > squared_cutoff[kind]);
    }
    if (count > batch->max_neighbours) batch->max_neighbours = count;
    batch->particle[batch->n_centers] = center;
    batch->center[batch->n_centers] = self->species[center];
    batch->first[++batch->n_centers] = first + count;
    return 0;
}

/* Why the kernel refused a centre of the batch, in the simulator's numbers. */
static int explain(const call *self, acegen_status status, int64_t failed)
{
    const kim_batch *batch = self->batch;
    if (failed < 0 || failed >= batch->n_centers) {
        return fail(self, "the kernel failed with status %d; please report this.", (int)status);
    }
    const int particle = batch->particle[failed];
    if (status == ACEGEN_NOT_FINITE) {
        return fail(self,
                    "a neighbour of particle %d (counted from 0) is at a distance that is not finite; the simulation "
                    "has become unstable, try a shorter timestep, or relax the structure it begins with.",
                    particle);
    }
    if (status == ACEGEN_COINCIDENT) {
        int other = particle;
        double nearest = HUGE_VAL;
        for (int64_t k = batch->first[failed]; k < batch->first[failed + 1]; ++k) {
            const double *r = batch->displacement + 3 * k;
            const double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            if (square < nearest) {
                nearest = square;
                other = batch->neighbour[k];
            }
        }
        return fail(self,
                    "particles %d and %d (counted from 0, images included) overlap: they are closer than 1e-6 Å; "
                    "remove one of them, or move them apart (in LAMMPS: delete_atoms overlap).",
                    particle, other);
    }
    return fail(self, "the kernel failed at particle %d (counted from 0) with status %d; please report this.", particle,
                (int)status);
}

/* Room for `size` bytes of workspace. */
static int reserve_workspace(const call *self, size_t size)
{
    kim_batch *batch = self->batch;
    if (size <= batch->workspace_size) return 0;
    free(batch->workspace);
    batch->workspace_size = 0;
    batch->workspace = malloc(size);
    if (batch->workspace == NULL) return fail(self, "there is not enough memory (%zu bytes of workspace).", size);
    batch->workspace_size = size;
    return 0;
}

/* Energies and gradients of the batch; grades, if they are wanted. */
static int evaluate(const call *self)
{
    const acegen_model *potential = self->model->potential;
    kim_batch *batch = self->batch;
    const acegen_environments environments = {
        .n_atoms = batch->n_centers,
        .center = batch->center,
        .first = batch->first,
        .species = batch->species,
        .displacement = batch->displacement,
    };
    int64_t failed = -1;
    if (reserve_workspace(self, potential->potential_workspace(batch->max_neighbours, 1))) return 1;
    acegen_status status = potential->potential(&environments, batch->energy, batch->gradient, 1, batch->workspace,
                                                batch->workspace_size, &failed);
    if (status != ACEGEN_OK) return explain(self, status, failed);
    if (!self->with_grades) return 0;
    if (reserve_workspace(self, potential->grade_workspace(batch->max_neighbours, 1))) return 1;
    status = potential->grade(&environments, batch->grade, 1, batch->workspace, batch->workspace_size, &failed);
    if (status != ACEGEN_OK) return explain(self, status, failed);
    for (int i = 0; i < batch->n_centers; ++i) {
        if (batch->grade[i] > batch->largest_grade) {
            batch->largest_grade = batch->grade[i];
            batch->largest_particle = batch->particle[i];
        }
    }
    return 0;
}

/* Add Σ r dE/dr over the entries of a centre: KIM's sign of the virial, opposite to that of a pressure. */
static void add_virial(double *virial, const kim_batch *batch, int center, double unit)
{
    for (int64_t k = batch->first[center]; k < batch->first[center + 1]; ++k) {
        const double *r = batch->displacement + 3 * k;
        const double *g = batch->gradient + 3 * k;
        virial[0] += unit * r[0] * g[0];
        virial[1] += unit * r[1] * g[1];
        virial[2] += unit * r[2] * g[2];
        virial[3] += unit * r[1] * g[2];
        virial[4] += unit * r[0] * g[2];
        virial[5] += unit * r[0] * g[1];
    }
}

/* Add what the kernel returned for the batch to the simulator's arrays. The virial of a site is its centre's: all
 * shares are of contributing particles, and are the strain derivatives of the particle energies. */
static void scatter(const call *self)
{
    const kim_model *model = self->model;
    const kim_batch *batch = self->batch;
    for (int i = 0; i < batch->n_centers; ++i) {
        const size_t center = (size_t)batch->particle[i];
        const double energy = model->energy_unit * batch->energy[i];
        if (self->energy != NULL) *self->energy += energy;
        if (self->particle_energy != NULL) self->particle_energy[center] = energy;
        if (self->virial != NULL) add_virial(self->virial, batch, i, model->energy_unit);
        if (self->particle_virial != NULL) {
            add_virial(self->particle_virial + 6 * center, batch, i, model->energy_unit);
        }
        if (self->forces == NULL) continue;
        double on_center[3] = { 0.0, 0.0, 0.0 };
        for (int64_t k = batch->first[i]; k < batch->first[i + 1]; ++k) {
            double *on_neighbour = self->forces + 3 * (size_t)batch->neighbour[k];
            for (int axis = 0; axis < 3; ++axis) {
                const double pull = model->force_unit * batch->gradient[3 * k + axis];
                on_center[axis] += pull;
                on_neighbour[axis] -= pull;
            }
        }
        for (int axis = 0; axis < 3; ++axis) self->forces[3 * center + (size_t)axis] += on_center[axis];
    }
}

/* Evaluate the batch and begin the next. */
static int flush(const call *self)
{
    kim_batch *batch = self->batch;
    if (batch->n_centers == 0) return 0;
    if (evaluate(self)) return 1;
    scatter(self);
    batch->n_centers = 0;
    return 0;
}

/* Whether this call is one of those with grades. */
static int count_call(const kim_model *model, kim_batch *batch)
{
    if (model->grade_every == 0) return 0;
    const int wanted = batch->n_calls == 0; /* the first call is one */
    batch->n_calls = (batch->n_calls + 1) % model->grade_every;
    if (!wanted) return 0;
    batch->largest_grade = 0.0;
    batch->largest_particle = 0;
    return 1;
}

/* Say what the largest grade means. */
static int judge(const call *self)
{
    const kim_batch *batch = self->batch;
    const double *thresholds = self->model->potential->grade_thresholds, stop = self->model->grade_stop;
    if (stop > 0.0 && batch->largest_grade > stop) {
        return fail(self,
                    "particle %d (counted from 0) has grade %g, above grade_stop, %g: its environment is far from those the "
                    "model was fitted to, and results are not to be trusted.",
                    batch->largest_particle, batch->largest_grade, stop);
    }
    if (batch->largest_grade > thresholds[0]) {
        warn(self, "particle %d (counted from 0) has grade %g, above %g: a configuration worth labelling and fitting to.",
             batch->largest_particle, batch->largest_grade, thresholds[0]);
    }
    return 0;
}

int acegen_kim_compute(KIM_ModelCompute const *const compute, KIM_ModelComputeArguments const *const arguments)
{
    void *model, *batch;
    KIM_ModelCompute_GetModelBufferPointer(compute, &model);
    KIM_ModelComputeArguments_GetModelBufferPointer(arguments, &batch);
    call self = { .compute = compute, .arguments = arguments, .model = model, .batch = batch };
    if (get_arguments(&self) || check_particles(&self)) return 1;
    const size_t n = (size_t)self.n_particles;
    self.with_grades = count_call(self.model, self.batch);
    zero(self.energy, 1);
    zero(self.forces, 3 * n);
    zero(self.particle_energy, n);
    zero(self.virial, 6);
    zero(self.particle_virial, 6 * n);
    self.batch->n_centers = 0; /* an earlier call may have failed half way */
    self.batch->first[0] = 0;
    for (int i = 0; i < self.n_particles; ++i) {
        if (!self.contributing[i]) continue;
        if (gather(&self, i)) return 1;
        if (self.batch->n_centers == BATCH && flush(&self)) return 1;
    }
    if (flush(&self)) return 1;
    return self.with_grades ? judge(&self) : 0;
}
