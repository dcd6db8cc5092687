/* What the examples print: results, how far they are from labels, and why something failed. */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

#include "acegen.h"
#include "extxyz.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest deviations from labels in all frames so far; begin with zeros. */
typedef struct {
    int64_t n_frames;
    int32_t n_labels; /* labels that were compared with */
    int32_t failed;   /* a deviation is larger than what rounding explains */
    double energy;    /* eV/atom */
    double forces;    /* eV/Å */
    double stress;    /* eV/Å^3 */
} report;

/* Whether a model can be used: returns 0, or 1 after printing a message on standard error. */
int report_model(const acegen_model *model);

/* Print the results of a frame on standard output and compare them with its labels.
 *   force   [n_atoms][3]
 *   stress  [3][3], or NULL if the frame is not periodic in all directions */
void report_frame(report *report, const acegen_model *model, const extxyz_frame *frame, double energy, const double *force,
                  const double *stress);

/* Print, after the results of a frame, its largest grade and the atom that has it (counted from 0), and the standard deviation
 * of the error to be expected in its energy, with half the width of the interval around the energy that holds the true one with
 * probability 0.9, eV. */
void report_grade(const acegen_model *model, double grade, int64_t atom);
void report_deviation(const acegen_model *model, double deviation);

/* Print why a frame failed on standard error: an element the model lacks (its number), or what potential() returned and for
 * which atom. */
void report_element(const report *report, const acegen_model *model, int32_t atomic_number);
void report_status(const report *report, acegen_status status, int64_t failed_atom);

/* Print the deviations. Returns the exit status: 0, or, if they are to be checked, 1 where they are too large or there was
 * nothing to compare with. */
int report_end(const report *report, int check);

#ifdef __cplusplus
}
#endif

#endif
