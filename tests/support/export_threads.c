/* Many threads evaluate the same environments with one model, each with a workspace of its own, and compare with what one
 * thread alone computed, bit by bit. Arguments: file, threads, repetitions. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extxyz.h"
#include "model.h"
#include "neighbours.h"

static const acegen_model *model;
static acegen_environments environments;
static int64_t n_entries, most;
static int repetitions;

/* Evaluate once; returns site energies and gradient in one array. */
static double *evaluate(void)
{
    const size_t size = model->potential_workspace(most, 1);
    void *workspace = malloc(size);
    double *energy = malloc((size_t)(environments.n_atoms + 3 * n_entries) * sizeof *energy);
    const acegen_status status =
        model->potential(&environments, energy, energy + environments.n_atoms, 1, workspace, size, NULL);
    free(workspace);
    if (status != ACEGEN_OK) exit(2);
    return energy;
}

/* Returns NULL if all repetitions give the expected numbers. */
static void *work(void *expected)
{
    void *failed = NULL;
    for (int k = 0; k < repetitions; ++k) {
        double *energy = evaluate();
        if (memcmp(energy, expected, (size_t)(environments.n_atoms + 3 * n_entries) * sizeof *energy)) failed = expected;
        free(energy);
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    extxyz_file *file = extxyz_open(argv[1]);
    extxyz_frame frame;
    neighbour_list list;
    model = MODEL();
    if (!file || !model || extxyz_read(file, &frame) != 1) return 2;
    if (neighbours_find(frame.n_atoms, frame.position, frame.cell, frame.periodic, model->cutoffs[0], &list)) return 2;
    int32_t *center = calloc((size_t)frame.n_atoms, sizeof *center); /* all of the first element */
    int32_t *species = calloc((size_t)list.n_entries, sizeof *species);
    environments = (acegen_environments){frame.n_atoms, center, list.first, species, list.displacement};
    n_entries = list.n_entries;
    most = list.most;
    repetitions = atoi(argv[3]);

    const int n_threads = atoi(argv[2]);
    pthread_t *threads = malloc((size_t)n_threads * sizeof *threads);
    double *expected = evaluate();
    int failed = 0;
    for (int k = 0; k < n_threads; ++k)
        if (pthread_create(&threads[k], NULL, work, expected)) return 2;
    for (int k = 0; k < n_threads; ++k) {
        void *result;
        pthread_join(threads[k], &result);
        failed += result != NULL;
    }
    printf("%d threads, %d differ\n", n_threads, failed);
    free(threads);
    free(expected);
    free(center);
    free(species);
    neighbours_free(&list);
    extxyz_free(&frame);
    extxyz_close(file);
    return failed != 0;
}
