/* Energies, forces and stress of the structures of an extended XYZ file, and how far to trust them: how a program in C calls
 * a compiled model.
 *
 *     example [--check] FILE
 *
 * --check: exit with 1 if results deviate from labels in the file by more than rounding. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extxyz.h"
#include "model.h"
#include "neighbours.h"
#include "report.h"

/* Arrays for one frame. */
typedef struct {
    neighbour_list list;
    int32_t *species;           /* [n_atoms] */
    int32_t *neighbour_species; /* [n_entries] */
    double *site_energy;        /* [n_atoms] */
    double *gradient;           /* [n_entries][3] */
    double *force;              /* [n_atoms][3] */
    void *workspace;
} arrays;

static void free_arrays(arrays *of)
{
    neighbours_free(&of->list);
    free(of->species);
    free(of->neighbour_species);
    free(of->site_energy);
    free(of->gradient);
    free(of->force);
    free(of->workspace);
}

/* The model counts its elements from 0; returns -1 if it lacks one. */
static int32_t species_of(const acegen_model *model, int32_t atomic_number)
{
    for (int32_t k = 0; k < model->n_species; ++k)
        if (model->atomic_numbers[k] == atomic_number) return k;
    return -1;
}

static double largest_cutoff(const acegen_model *model)
{
    double cutoff = 0.0;
    for (int32_t k = 0; k < model->n_species * model->n_species; ++k)
        if (model->cutoffs[k] > cutoff) cutoff = model->cutoffs[k];
    return cutoff;
}

static int out_of_memory(void)
{
    fprintf(stderr, "out of memory\n");
    return 1;
}

/* Report the largest grade; returns 0, or 1 after a message. */
static int evaluate_grades(const acegen_model *model, const acegen_environments *environments, int64_t most, report *report)
{
    const size_t size = model->grade_workspace(most, 1);
    double *grade = malloc((size_t)environments->n_atoms * sizeof *grade);
    void *workspace = malloc(size + 1);
    int failed = 0;
    int64_t failed_atom, largest = 0;
    if (!grade || !workspace) {
        failed = out_of_memory();
    } else {
        const acegen_status status = model->grade(environments, grade, 1, workspace, size, &failed_atom);
        failed = status != ACEGEN_OK;
        if (failed) report_status(report, status, failed_atom);
    }
    for (int64_t i = 0; !failed && i < environments->n_atoms; ++i)
        if (grade[i] > grade[largest]) largest = i;
    if (!failed) report_grade(model, grade[largest], largest);
    free(grade);
    free(workspace);
    return failed;
}

/* Report the error to be expected of the energy, from the spread of the committee; returns 0, or 1 after a message. */
static int evaluate_committee(const acegen_model *model, const acegen_environments *environments, int64_t most,
                              report *report)
{
    const int64_t n = environments->n_atoms, entries = environments->first[n] - environments->first[0];
    const size_t members = (size_t)model->n_members, size = model->committee_workspace(most, 1);
    double *energy = malloc((size_t)n * members * sizeof *energy);
    double *gradient = malloc(((size_t)entries * 3 * members + 1) * sizeof *gradient);
    void *workspace = malloc(size + 1);
    int failed = 0;
    int64_t failed_atom;
    if (!energy || !gradient || !workspace) {
        failed = out_of_memory();
    } else {
        const acegen_status status = model->committee(environments, energy, gradient, 1, workspace, size, &failed_atom);
        failed = status != ACEGEN_OK;
        if (failed) report_status(report, status, failed_atom);
    }
    if (!failed) {
        /* A member's energy is that of all sites. So are its forces, summed as those of the potential. */
        double variance = 0.0;
        for (size_t k = 0; k < members; ++k) {
            double sum = 0.0;
            for (size_t i = 0; i < (size_t)n; ++i) sum += energy[i * members + k];
            variance += sum * sum / (double)members;
        }
        const double floor = (double)n * model->committee_calibration[0], scale = model->committee_calibration[1];
        report_deviation(model, sqrt(floor * floor + scale * scale * variance));
    }
    free(energy);
    free(gradient);
    free(workspace);
    return failed;
}

/* Evaluate a frame and report; returns 0, or 1 after a message. */
static int evaluate(const acegen_model *model, const extxyz_frame *frame, arrays *of, report *report)
{
    const int64_t n = frame->n_atoms;

    /* Neighbours within the largest cutoff: what is beyond a smaller one of its pair contributes exactly zero. */
    if (neighbours_find(n, frame->position, frame->cell, frame->periodic, largest_cutoff(model), &of->list)) return 1;
    const neighbour_list *list = &of->list;

    /* One thread here. A program with threads of its own gives each a workspace; calls share nothing. */
    const int32_t n_threads = 1;
    const size_t workspace_size = model->potential_workspace(list->most, n_threads);
    const size_t entries = (size_t)list->n_entries + 1; /* malloc(0) may return NULL */
    of->species = malloc((size_t)n * sizeof *of->species);
    of->neighbour_species = malloc(entries * sizeof *of->neighbour_species);
    of->site_energy = malloc((size_t)n * sizeof *of->site_energy);
    of->gradient = malloc(entries * 3 * sizeof *of->gradient);
    of->force = calloc((size_t)n * 3, sizeof *of->force);
    of->workspace = malloc(workspace_size);
    if (!of->species || !of->neighbour_species || !of->site_energy || !of->gradient || !of->force || !of->workspace)
        return out_of_memory();

    for (int64_t i = 0; i < n; ++i) {
        of->species[i] = species_of(model, frame->atomic_number[i]);
        if (of->species[i] < 0) {
            report_element(report, model, frame->atomic_number[i]);
            return 1;
        }
    }
    for (int64_t k = 0; k < list->n_entries; ++k) of->neighbour_species[k] = of->species[list->neighbour[k]];

    const acegen_environments environments = {
        .n_atoms = n,
        .center = of->species,
        .first = list->first,
        .species = of->neighbour_species,
        .displacement = list->displacement,
    };
    int64_t failed_atom;
    const acegen_status status = model->potential(&environments, of->site_energy, of->gradient, n_threads, of->workspace,
                                                  workspace_size, &failed_atom);
    if (status != ACEGEN_OK) {
        report_status(report, status, failed_atom);
        return 1;
    }

    /* The gradient is that of the energy of centre i with respect to the displacement r = r_j - r_i: moving the neighbour
     * one way changes the energy as moving the centre the other way. */
    double energy = 0.0, virial[9] = {0.0};
    for (int64_t i = 0; i < n; ++i) {
        energy += of->site_energy[i];
        for (int64_t k = list->first[i]; k < list->first[i + 1]; ++k) {
            const double *gradient = of->gradient + 3 * k, *r = list->displacement + 3 * k;
            double *on_neighbour = of->force + 3 * list->neighbour[k], *on_center = of->force + 3 * i;
            for (int a = 0; a < 3; ++a) {
                on_neighbour[a] -= gradient[a];
                on_center[a] += gradient[a];
                for (int b = 0; b < 3; ++b) virial[3 * a + b] -= r[a] * gradient[b];
            }
        }
    }

    const int periodic = frame->periodic[0] && frame->periodic[1] && frame->periodic[2];
    double stress[9];
    for (int k = 0; periodic && k < 9; ++k) stress[k] = -virial[k] / cell_volume(frame->cell);
    report_frame(report, model, frame, energy, of->force, periodic ? stress : NULL);

    /* Not every model has these. A simulation evaluates grades every some steps. */
    if (model->grade && evaluate_grades(model, &environments, list->most, report)) return 1;
    if (model->committee && evaluate_committee(model, &environments, list->most, report)) return 1;
    return 0;
}

int main(int argc, char **argv)
{
    const int check = argc > 1 && strcmp(argv[1], "--check") == 0;
    if (argc != 2 + check) {
        fprintf(stderr, "usage: %s [--check] FILE\n", argv[0]);
        return 1;
    }
    const acegen_model *model = MODEL();
    if (report_model(model)) return 1;
    extxyz_file *file = extxyz_open(argv[1 + check]);
    if (!file) return 1;
    report report = {0};
    extxyz_frame frame;
    int more;
    while ((more = extxyz_read(file, &frame)) > 0) {
        arrays of = {0};
        const int failed = evaluate(model, &frame, &of, &report);
        free_arrays(&of);
        extxyz_free(&frame);
        if (failed) break;
    }
    extxyz_close(file);
    return more ? 1 : report_end(&report, check);
}
