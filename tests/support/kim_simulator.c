/* A small simulator for the tests: one structure through a KIM model, by several threads at once.
 *
 *     kim_simulator MODEL THREADS ROUNDS < STRUCTURE
 *
 * STRUCTURE is the number of particles, then a line for each: symbol, 1 or 0 if it contributes, position in Å. Each
 * thread has compute arguments of its own; all must agree bit by bit. Prints the energy. Exits with 1 if something
 * differs or fails.
 */
#include "KIM_SimulatorHeaders.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUTS = 5, ROOM = 1 + 3 + 1 + 6 + 6 };

typedef struct {
    int n;
    int *codes, *contributing;
    double *position;
    int *n_neighbours, *neighbours; /* [n], [n][n]: all particles, far beyond the cutoff */
} structure;

typedef struct {
    KIM_Model *model;
    const structure *atoms;
    int rounds;
    double *outputs; /* [ROOM n], an array after the other */
    int failed;
} job;

static int get_neighbours(const void *data, int n_lists, const double *cutoffs, int list, int particle, int *count,
                          const int **neighbours)
{
    const structure *atoms = data;
    (void)n_lists;
    (void)cutoffs;
    if (list != 0 || particle < 0 || particle >= atoms->n || !atoms->contributing[particle]) return 1;
    *count = atoms->n_neighbours[particle];
    *neighbours = atoms->neighbours + (size_t)particle * (size_t)atoms->n;
    return 0;
}

static void *work(void *argument)
{
    job *self = argument;
    const structure *atoms = self->atoms;
    const size_t n = (size_t)atoms->n;
    const KIM_ComputeArgumentName names[OUTPUTS] = {
        KIM_COMPUTE_ARGUMENT_NAME_partialEnergy,         KIM_COMPUTE_ARGUMENT_NAME_partialForces,
        KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, KIM_COMPUTE_ARGUMENT_NAME_partialVirial,
        KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial,
    };
    const size_t sizes[OUTPUTS] = { 1, 3 * n, n, 6, 6 * n };
    KIM_ComputeArguments *arguments;
    self->failed = 1;
    for (int round = 0; round < self->rounds; ++round) {
        if (KIM_Model_ComputeArgumentsCreate(self->model, &arguments)) return NULL;
        double *output = self->outputs;
        int failed = KIM_ComputeArguments_SetArgumentPointerInteger(
                         arguments, KIM_COMPUTE_ARGUMENT_NAME_numberOfParticles, &atoms->n)
                     || KIM_ComputeArguments_SetArgumentPointerInteger(
                         arguments, KIM_COMPUTE_ARGUMENT_NAME_particleSpeciesCodes, atoms->codes)
                     || KIM_ComputeArguments_SetArgumentPointerInteger(
                         arguments, KIM_COMPUTE_ARGUMENT_NAME_particleContributing, atoms->contributing)
                     || KIM_ComputeArguments_SetArgumentPointerDouble(
                         arguments, KIM_COMPUTE_ARGUMENT_NAME_coordinates, atoms->position)
                     || KIM_ComputeArguments_SetCallbackPointer(
                         arguments, KIM_COMPUTE_CALLBACK_NAME_GetNeighborList, KIM_LANGUAGE_NAME_c,
                         (KIM_Function *)get_neighbours, (void *)atoms);
        for (int i = 0; i < OUTPUTS; output += sizes[i++]) {
            failed = failed || KIM_ComputeArguments_SetArgumentPointerDouble(arguments, names[i], output);
        }
        failed = failed || KIM_Model_Compute(self->model, arguments);
        KIM_Model_ComputeArgumentsDestroy(self->model, &arguments);
        if (failed) return NULL;
    }
    self->failed = 0;
    return NULL;
}

static int read_structure(structure *atoms, KIM_Model *model)
{
    if (scanf("%d", &atoms->n) != 1 || atoms->n < 1) return 1;
    const size_t n = (size_t)atoms->n;
    atoms->codes = malloc(n * sizeof(int));
    atoms->contributing = malloc(n * sizeof(int));
    atoms->position = malloc(3 * n * sizeof(double));
    atoms->n_neighbours = malloc(n * sizeof(int));
    atoms->neighbours = malloc(n * n * sizeof(int));
    for (size_t i = 0; i < n; ++i) {
        char symbol[8];
        double *r = atoms->position + 3 * i;
        int supported;
        if (scanf("%7s %d %lf %lf %lf", symbol, &atoms->contributing[i], &r[0], &r[1], &r[2]) != 5) return 1;
        if (KIM_Model_GetSpeciesSupportAndCode(model, KIM_SpeciesName_FromString(symbol), &supported, &atoms->codes[i])
            || !supported) {
            return 1;
        }
        atoms->n_neighbours[i] = 0;
        for (size_t j = 0; j < n; ++j) {
            if (j != i) atoms->neighbours[i * n + (size_t)atoms->n_neighbours[i]++] = (int)j;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 1;
    const int n_threads = atoi(argv[2]);
    KIM_Model *model;
    structure atoms;
    int accepted;
    if (KIM_Model_Create(KIM_NUMBERING_zeroBased, KIM_LENGTH_UNIT_A, KIM_ENERGY_UNIT_eV, KIM_CHARGE_UNIT_e,
                         KIM_TEMPERATURE_UNIT_K, KIM_TIME_UNIT_ps, argv[1], &accepted, &model)
        || !accepted || read_structure(&atoms, model)) {
        return 1;
    }
    job *jobs = calloc((size_t)n_threads, sizeof *jobs);
    pthread_t *threads = malloc((size_t)n_threads * sizeof *threads);
    const size_t size = ROOM * (size_t)atoms.n * sizeof(double);
    for (int t = 0; t < n_threads; ++t) {
        jobs[t] = (job){ .model = model, .atoms = &atoms, .rounds = atoi(argv[3]), .outputs = calloc(1, size) };
        if (pthread_create(&threads[t], NULL, work, &jobs[t])) return 1;
    }
    for (int t = 0; t < n_threads; ++t) pthread_join(threads[t], NULL);
    int failed = 0;
    for (int t = 0; t < n_threads; ++t) {
        failed = failed || jobs[t].failed || memcmp(jobs[t].outputs, jobs[0].outputs, size) != 0;
    }
    printf("%.17g\n", jobs[0].outputs[0]);
    for (int t = 0; t < n_threads; ++t) free(jobs[t].outputs);
    free(jobs);
    free(threads);
    free(atoms.codes);
    free(atoms.contributing);
    free(atoms.position);
    free(atoms.n_neighbours);
    free(atoms.neighbours);
    KIM_Model_Destroy(&model);
    return failed;
}
